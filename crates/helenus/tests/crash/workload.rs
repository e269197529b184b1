//! Operations on a database, a workload of them, and the model: what the tables hold after each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use helenus_sim::Rng;

/// One step of a workload; each is acknowledged as a whole.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Opens the database, for the first time.
    Open,
    /// A write: one change, or a batch of several, of any tables.
    Write(Vec<Change>),
    /// Counts in `app.hits`.
    Count {
        page: i32,
        by: i64,
    },
    /// A statement that changes the schema.
    Schema(String, Effect),
    Truncate(&'static str),
    FlushTable(&'static str),
    Flush,
    /// A major compaction of a table, after its flush.
    Compact(&'static str),
    /// Steps of background work.
    Steps(usize),
    Sync,
    /// Time passes.
    Advance(Duration),
    /// The database is closed and opened again.
    Close,
    /// It is dropped, as when a process ends without closing it, and opened again.
    Drop,
}

/// The change that a write makes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put { table: &'static str, p: i32, c: Option<i32>, cells: Vec<(&'static str, Cell)> },
    DeleteRow { table: &'static str, p: i32, c: Option<i32> },
    DeleteRange { table: &'static str, p: i32, from: i32, to: i32 },
    DeletePartition { table: &'static str, p: i32 },
    DeleteColumn { table: &'static str, p: i32, c: Option<i32>, column: &'static str },
}

/// A value of a column.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Text(String),
    Int(i32),
}

/// The effect of a statement on the schema.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Nothing,
    CreateTable(&'static str, Vec<&'static str>),
    AddColumn(&'static str, &'static str),
    DropColumn(&'static str, &'static str),
    DropTable(&'static str),
    /// A type has these fields now.
    Type(&'static str, Vec<&'static str>),
    DropType(&'static str),
}

/// The visible contents of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) tables: BTreeMap<String, Table>,
    /// Types and their fields.
    pub(crate) types: BTreeMap<String, Vec<String>>,
}

/// One table: its columns that are no keys, and its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) columns: BTreeSet<String>,
    pub(crate) rows: BTreeMap<(i32, Option<i32>), BTreeMap<String, String>>,
}

/// A static column of `app.events`.
pub(crate) const STATIC: &str = "s";

/// The model: contents, and static values by partition, which rows show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    contents: Contents,
    statics: BTreeMap<i32, String>,
}

/// The visible contents after each operation; before the first there is nothing.
pub(crate) fn states(ops: &[Op]) -> Vec<Contents> {
    let mut model = Model::default();
    let mut states = vec![Contents::default()];
    for op in ops {
        model.apply(op);
        states.push(model.visible());
    }
    states
}

impl Model {
    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Write(changes) => changes.iter().for_each(|change| self.change(change)),
            Op::Count { page, by } => {
                let row = self.table("app.hits").rows.entry((*page, None)).or_default();
                let before: i64 = row.get("n").map_or(0, |n| n.parse().unwrap());
                row.insert("n".to_owned(), (before + by).to_string());
            }
            Op::Schema(_, effect) => self.schema(effect),
            Op::Truncate(table) => {
                self.table(table).rows.clear();
                if *table == "app.events" {
                    self.statics.clear();
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, name: &str) -> &mut Table {
        self.contents.tables.get_mut(name).unwrap()
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Put { table, p, c, cells } => {
                for (column, value) in cells.iter().filter(|(column, _)| *column == STATIC) {
                    assert!(c.is_none(), "{column} is static");
                    self.statics.insert(*p, value.shown());
                }
                if *table == "app.events" && c.is_none() {
                    return;
                }
                let row = self.table(table).rows.entry((*p, *c)).or_default();
                row.extend(cells.iter().map(|(column, value)| ((*column).to_owned(), value.shown())));
            }
            Change::DeleteRow { table, p, c } => drop(self.table(table).rows.remove(&(*p, *c))),
            Change::DeleteRange { table, p, from, to } => {
                let inside = |c: Option<i32>| c.is_some_and(|c| (*from..*to).contains(&c));
                self.table(table).rows.retain(|(own, c), _| own != p || !inside(*c));
            }
            Change::DeletePartition { table, p } => {
                self.table(table).rows.retain(|(own, _), _| own != p);
                if *table == "app.events" {
                    self.statics.remove(p);
                }
            }
            Change::DeleteColumn { table, p, c, column } => {
                if let Some(row) = self.table(table).rows.get_mut(&(*p, *c)) {
                    row.remove(*column);
                }
            }
        }
    }

    fn schema(&mut self, effect: &Effect) {
        match effect {
            Effect::Nothing => {}
            Effect::CreateTable(name, columns) => {
                let columns = columns.iter().map(|c| (*c).to_owned()).collect();
                let table = Table { columns, rows: BTreeMap::new() };
                assert!(self.contents.tables.insert((*name).to_owned(), table).is_none());
            }
            Effect::AddColumn(table, column) => {
                assert!(self.table(table).columns.insert((*column).to_owned()));
            }
            Effect::DropColumn(table, column) => {
                let table = self.table(table);
                assert!(table.columns.remove(*column));
                table.rows.values_mut().for_each(|row| drop(row.remove(*column)));
            }
            Effect::DropTable(table) => assert!(self.contents.tables.remove(*table).is_some()),
            Effect::Type(name, fields) => {
                let fields = fields.iter().map(|f| (*f).to_owned()).collect();
                self.contents.types.insert((*name).to_owned(), fields);
            }
            Effect::DropType(name) => assert!(self.contents.types.remove(*name).is_some()),
        }
    }

    /// Rows show the static value of their partition, and a partition without rows shows it alone.
    pub(crate) fn visible(&self) -> Contents {
        let mut contents = self.contents.clone();
        let Some(events) = contents.tables.get_mut("app.events") else { return contents };
        for (p, value) in &self.statics {
            if !events.rows.keys().any(|(own, _)| own == p) {
                events.rows.insert((*p, None), BTreeMap::new());
            }
            for (_, row) in events.rows.iter_mut().filter(|((own, _), _)| own == p) {
                row.insert(STATIC.to_owned(), value.clone());
            }
        }
        contents
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(int) => int.to_string(),
        }
    }
}

/// The tables that are always there.
pub(crate) fn tables() -> Vec<Op> {
    let schema = |cql: &str, effect| Op::Schema(cql.to_owned(), effect);
    vec![
        Op::Open,
        schema(
            "CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
            Effect::Nothing,
        ),
        schema(
            "CREATE TABLE app.events (p int, c int, v text, w int, s text static, PRIMARY KEY (p, c))",
            Effect::CreateTable("app.events", vec!["v", "w", "s"]),
        ),
        schema(
            "CREATE TABLE app.notes (p int PRIMARY KEY, body text) WITH gc_grace_seconds = 0",
            Effect::CreateTable("app.notes", vec!["body"]),
        ),
        schema(
            "CREATE TABLE app.hits (p int PRIMARY KEY, n counter)",
            Effect::CreateTable("app.hits", vec!["n"]),
        ),
    ]
}

/// A workload that does everything that changes the disk. Values are long enough for segments and
/// memtables of a few KiB to fill.
pub(crate) fn everything(seed: u64) -> Vec<Op> {
    let mut rng = Rng::new(seed);
    let schema = |cql: &str, effect| Op::Schema(cql.to_owned(), effect);
    let mut ops = tables();
    writes(&mut ops, &mut rng, 12, true);
    ops.push(schema("CREATE TYPE app.mood (level int)", Effect::Type("app.mood", vec!["level"])));
    ops.extend([Op::FlushTable("app.events"), Op::Steps(1)]);
    writes(&mut ops, &mut rng, 6, true);
    ops.push(schema("ALTER TABLE app.events DROP w", Effect::DropColumn("app.events", "w")));
    ops.extend([Op::Drop, Op::Flush]);
    writes(&mut ops, &mut rng, 6, false);
    ops.push(schema("ALTER TABLE app.events ADD w int", Effect::AddColumn("app.events", "w")));
    ops.extend([Op::Advance(Duration::from_secs(3)), Op::Compact("app.events"), Op::Flush]);
    writes(&mut ops, &mut rng, 8, true);
    ops.push(schema(
        "CREATE TABLE app.extra (p int, c int, v text, PRIMARY KEY (p, c))",
        Effect::CreateTable("app.extra", vec!["v"]),
    ));
    for n in 0..3 {
        ops.push(Op::Write(vec![put(&mut rng, "app.extra", n), put(&mut rng, "app.events", n)]));
    }
    ops.extend([Op::FlushTable("app.extra"), Op::Close]);
    writes(&mut ops, &mut rng, 4, true);
    ops.push(Op::Write(vec![put(&mut rng, "app.extra", 1), put(&mut rng, "app.notes", 1)]));
    ops.push(schema("DROP TABLE app.extra", Effect::DropTable("app.extra")));
    writes(&mut ops, &mut rng, 3, true);
    ops.push(Op::Truncate("app.notes"));
    writes(&mut ops, &mut rng, 6, true);
    ops.push(schema("ALTER TYPE app.mood ADD why text", Effect::Type("app.mood", vec!["level", "why"])));
    ops.extend([Op::Steps(3), Op::Sync]);
    writes(&mut ops, &mut rng, 14, true);
    ops.extend([Op::Flush, Op::Truncate("app.events")]);
    writes(&mut ops, &mut rng, 5, true);
    for _ in 0..4 {
        ops.push(Op::Flush);
        writes(&mut ops, &mut rng, 3, true);
    }
    ops.extend([Op::Flush, Op::Steps(8), Op::Advance(Duration::from_secs(3)), Op::Compact("app.notes")]);
    ops.push(Op::Compact("app.hits"));
    ops.push(schema("DROP TYPE app.mood", Effect::DropType("app.mood")));
    writes(&mut ops, &mut rng, 5, true);
    ops.push(Op::Close);
    writes(&mut ops, &mut rng, 2, true);
    ops
}

/// The same workload, in which tables are given another version of their SSTables again and again.
pub(crate) fn in_all_versions(seed: u64) -> Vec<Op> {
    const VERSIONS: [&str; 5] = ["0x6e62", "0x6d65", "0x6461", "0x6f61", "0x6d65"];
    let mut rng = Rng::new(seed);
    let mut ops = Vec::new();
    let mut there = 0;
    for op in everything(seed) {
        there += usize::from(matches!(op, Op::Schema(_, Effect::CreateTable(..))));
        ops.push(op);
        if there >= 3 && rng.below(5) == 0 {
            let table = ["app.events", "app.notes", "app.hits"][rng.index(3)];
            let version = VERSIONS[rng.index(VERSIONS.len())];
            let cql =
                format!("ALTER TABLE {table} WITH extensions = {{'helenus_sstable_version': {version}}}");
            ops.push(Op::Schema(cql, Effect::Nothing));
        }
    }
    ops
}

/// Writes, flushes and compactions, without schema changes: any of them may fail and the others
/// still make sense.
pub(crate) fn data(seed: u64, count: usize) -> Vec<Op> {
    let mut rng = Rng::new(seed);
    let mut ops = Vec::new();
    while ops.len() < count {
        writes(&mut ops, &mut rng, 4, true);
        ops.push(match rng.below(5) {
            0 => Op::Flush,
            1 => Op::FlushTable("app.events"),
            2 => Op::Compact(["app.events", "app.notes", "app.hits"][rng.index(3)]),
            _ => Op::Steps(2),
        });
    }
    ops
}

/// Some writes of the tables that are always there.
fn writes(ops: &mut Vec<Op>, rng: &mut Rng, count: usize, with_w: bool) {
    for _ in 0..count {
        let p = number(rng, 4);
        let change = match rng.below(14) {
            0 => Change::DeleteRow { table: "app.events", p, c: Some(number(rng, 6)) },
            1 => Change::DeletePartition { table: ["app.events", "app.notes"][rng.index(2)], p },
            2 => Change::DeleteRange { table: "app.events", p, from: 1, to: 4 },
            3 => Change::DeleteColumn { table: "app.events", p, c: Some(number(rng, 6)), column: "v" },
            4 => Change::Put { table: "app.events", p, c: None, cells: vec![(STATIC, text(rng, 40))] },
            5 | 6 => {
                ops.push(Op::Count { page: p, by: i64::from(number(rng, 9)) - 3 });
                continue;
            }
            7 | 8 => put(rng, "app.notes", p),
            9 | 10 => {
                let mut any = |n| {
                    let table = ["app.events", "app.notes"][rng.index(2)];
                    put(rng, table, n)
                };
                let changes = (0..3).map(&mut any).collect();
                ops.push(Op::Write(changes));
                continue;
            }
            11 if with_w => {
                let cells = vec![("w", Cell::Int(number(rng, 1000)))];
                Change::Put { table: "app.events", p, c: Some(number(rng, 6)), cells }
            }
            _ => put(rng, "app.events", p),
        };
        ops.push(Op::Write(vec![change]));
    }
}

fn put(rng: &mut Rng, table: &'static str, p: i32) -> Change {
    let len = 20 + rng.index(900);
    let value = text(rng, len);
    match table {
        "app.notes" => Change::Put { table, p, c: None, cells: vec![("body", value)] },
        _ => Change::Put { table, p, c: Some(number(rng, 6)), cells: vec![("v", value)] },
    }
}

fn text(rng: &mut Rng, len: usize) -> Cell {
    let letter = char::from(b'a' + u8::try_from(rng.below(26)).unwrap());
    Cell::Text(format!("{:08x}{}", rng.next(), letter.to_string().repeat(len)))
}

fn number(rng: &mut Rng, below: u64) -> i32 {
    i32::try_from(rng.below(below)).unwrap()
}
