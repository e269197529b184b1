//! Carries operations out, reads a database back, accounts for the files of its directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use helenus::{Background, Database, Disk, Durability, Options, Result, Value};
use helenus_sim::{SimClock, SimDisk};

use crate::workload::{Cell, Change, Contents, Op, Table};

pub(crate) const DIR: &str = "/db";

/// The options of databases here: everything small, so that everything happens often.
pub(crate) fn options(disk: &SimDisk, clock: &Arc<SimClock>, durability: Durability) -> Options {
    Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(clock.clone())
        .durability(durability)
        .log_segment_bytes(8 << 10)
        .log_total_bytes(32 << 10)
        .memtable_bytes(12 << 10)
        .memtable_total_bytes(24 << 10)
        .cache_bytes(64 << 10)
        .background(Background::Manual)
}

pub(crate) fn clock() -> Arc<SimClock> {
    Arc::new(SimClock::new(1_700_000_000_000_000))
}

/// A database that operations are carried out on.
pub(crate) struct Runner {
    disk: SimDisk,
    clock: Arc<SimClock>,
    durability: Durability,
    background: Background,
    db: Option<Database>,
}

impl Runner {
    pub(crate) fn new(disk: &SimDisk, durability: Durability) -> Self {
        Self { disk: disk.clone(), clock: clock(), durability, background: Background::Manual, db: None }
    }

    /// The same with the engine's own threads.
    pub(crate) fn with_threads(disk: &SimDisk, durability: Durability) -> Self {
        Self { background: Background::Threads(1), ..Self::new(disk, durability) }
    }

    /// A database on that disk, open.
    pub(crate) fn opened(disk: &SimDisk, durability: Durability) -> Result<Self> {
        let mut runner = Self::new(disk, durability);
        runner.step(&Op::Open)?;
        Ok(runner)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.db.is_some()
    }

    pub(crate) fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    /// Carries out operations until one fails; how many were acknowledged, and why the next one was
    /// not.
    pub(crate) fn run(&mut self, ops: &[Op]) -> (usize, Option<helenus::Error>) {
        for (done, op) in ops.iter().enumerate() {
            if let Err(error) = self.step(op) {
                return (done, Some(error));
            }
        }
        (ops.len(), None)
    }

    pub(crate) fn step(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Open | Op::Drop => self.open(),
            Op::Advance(by) => {
                self.clock.advance(*by);
                Ok(())
            }
            Op::Close => {
                self.db().close()?;
                self.open()
            }
            op => carry_out(self.db(), op),
        }
    }

    fn open(&mut self) -> Result<()> {
        // The lock goes with the last handle.
        self.db = None;
        // Longer than a write waits for a flush that succeeds, and no more than a sweep has time
        // for.
        let options = options(&self.disk, &self.clock, self.durability)
            .background(self.background)
            .write_timeout(Duration::from_millis(20));
        self.db = Some(options.open(DIR)?);
        Ok(())
    }
}

/// Carries out an operation of an open database.
pub(crate) fn carry_out(db: &Database, op: &Op) -> Result<()> {
    match op {
        Op::Write(changes) => write(db, changes),
        Op::Count { page, by } => table(db, "app.hits")?.update(*page, ()).increment("n", *by).execute(),
        Op::Schema(cql, _) => db.execute_schema(cql).map(drop),
        Op::Truncate(name) => table(db, name)?.truncate(),
        Op::FlushTable(name) => table(db, name)?.flush(),
        Op::Flush => db.flush(),
        Op::Compact(name) => table(db, name)?.compact(),
        Op::Steps(count) => {
            for _ in 0..*count {
                db.step()?;
            }
            Ok(())
        }
        Op::Sync => db.sync(),
        Op::Open | Op::Advance(_) | Op::Close | Op::Drop => panic!("{op:?} is not the database's"),
    }
}

pub(crate) fn table(db: &Database, name: &str) -> Result<helenus::Table> {
    let (keyspace, name) = name.split_once('.').unwrap();
    db.table(keyspace, name)
}

/// A write of one change, or a batch.
pub(crate) fn write(db: &Database, changes: &[Change]) -> Result<()> {
    let mut batch = db.batch();
    for change in changes {
        let alone = changes.len() == 1;
        match change {
            Change::Put { table: name, p, c, cells } => {
                let table = table(db, name)?;
                let mut insert = match c {
                    Some(c) => table.insert(*p, *c),
                    None => table.insert(*p, ()),
                };
                for (column, value) in cells {
                    insert = match value {
                        Cell::Text(text) => insert.set(column, text.as_str()),
                        Cell::Int(int) => insert.set(column, *int),
                    };
                }
                if alone { insert.execute()? } else { insert.add_to(&mut batch)? }
            }
            _ => {
                let (name, p) = match change {
                    Change::DeleteRow { table, p, .. }
                    | Change::DeleteRange { table, p, .. }
                    | Change::DeletePartition { table, p }
                    | Change::DeleteColumn { table, p, .. }
                    | Change::Put { table, p, .. } => (table, *p),
                };
                let table = table(db, name)?;
                let delete = match change {
                    Change::DeleteRow { c: Some(c), .. } => table.delete(p, *c),
                    Change::DeleteRange { from, to, .. } => table
                        .delete(p, ())
                        .from(std::ops::Bound::Included(*from))
                        .to(std::ops::Bound::Excluded(*to)),
                    Change::DeleteColumn { c: Some(c), column, .. } => table.delete(p, *c).column(column),
                    _ => table.delete_partition(p),
                };
                if alone { delete.execute()? } else { delete.add_to(&mut batch)? }
            }
        }
    }
    if batch.is_empty() { Ok(()) } else { batch.execute() }
}

/// All that can be seen of a database, and the newest timestamp of a cell.
pub(crate) fn contents(db: &Database) -> Result<(Contents, i64)> {
    let mut contents = Contents { types: types(&db.schema().to_cql()), ..Contents::default() };
    let mut newest = i64::MIN;
    for table in db.tables() {
        let name = format!("{}.{}", table.schema().keyspace(), table.schema().name());
        contents.tables.insert(name, rows_of(&table, &mut newest)?);
    }
    Ok((contents, newest))
}

/// All that can be seen of one table; raises `newest` to the newest timestamp of a cell.
pub(crate) fn rows_of(table: &helenus::Table, newest: &mut i64) -> Result<Table> {
    let schema = table.schema();
    let columns = schema.statics().as_slice().iter().chain(schema.regulars().as_slice());
    let columns: BTreeSet<String> = columns.map(|column| column.name.to_string()).collect();
    let mut found = Table { columns, ..Table::default() };
    let select = table.select();
    let mut rows = select.rows()?;
    while let Some(row) = rows.next()? {
        let clustered = !schema.clustering().is_empty() && !row.is_static_only();
        let c = if clustered { Some(int(&row.value("c")?)) } else { None };
        let mut values = BTreeMap::new();
        for column in &found.columns {
            match row.value(column)? {
                Value::Null => {}
                value => drop(values.insert(column.clone(), shown(&value))),
            }
        }
        for mut cells in [row.cells()?, row.static_cells()?] {
            while let Some((_, cell)) = cells.next()? {
                *newest = cell.timestamp.0.max(*newest);
            }
        }
        let key = (int(&row.value("p")?), c);
        assert!(found.rows.insert(key, values).is_none(), "row {key:?} comes once");
    }
    Ok(found)
}

fn int(value: &Value) -> i32 {
    match value {
        Value::Int(int) => *int,
        other => panic!("{other:?} is no int"),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Int(int) => int.to_string(),
        Value::BigInt(int) | Value::Counter(int) => int.to_string(),
        other => format!("{other:?}"),
    }
}

/// Names and fields of the types that a schema creates.
fn types(cql: &str) -> BTreeMap<String, Vec<String>> {
    let statements = cql.split("CREATE TYPE ").skip(1);
    let parse = |statement: &str| {
        let (name, rest) = statement.split_once('(').unwrap();
        let (fields, _) = rest.split_once(");").unwrap();
        let field = |field: &str| field.split_whitespace().next().unwrap().to_owned();
        (name.trim().trim_start_matches("IF NOT EXISTS ").to_owned(), fields.split(',').map(field).collect())
    };
    statements.map(parse).collect()
}

/// Every file of the directory is one that an open database of these tables has; returns how many
/// there are.
pub(crate) fn account(disk: &SimDisk, db: &Database) -> usize {
    let mut expected_dirs = BTreeMap::new();
    for table in db.tables() {
        let schema = table.schema();
        let dir = format!("data/{}/{}-{}", schema.keyspace(), schema.name(), schema.id());
        expected_dirs.insert(dir, table.metrics().sstables);
    }
    let mut generations: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let files = files(disk, Path::new(DIR));
    for file in &files {
        let name = file.to_str().unwrap();
        let known = match name.rsplit_once('/') {
            None => ["IDENTITY", "LOCK", "MANIFEST", "schema.cql"].contains(&name),
            Some(("commitlog", name)) => {
                name.starts_with("commitlog-") && (name.ends_with(".log") || name.ends_with(".tmp"))
            }
            Some((dir, name)) => match name.rsplit_once('-') {
                Some((stem, component)) if expected_dirs.contains_key(dir) => {
                    let components =
                        generations.entry(dir.to_owned()).or_default().entry(stem.to_owned()).or_default();
                    components.insert(component.to_owned())
                }
                _ => false,
            },
        };
        assert!(known, "{name} is nobody's; all files: {files:#?}");
    }
    for (dir, sstables) in expected_dirs {
        let found = generations.remove(&dir).unwrap_or_default();
        assert_eq!(found.len() as u64, sstables, "live SSTables in {dir}: {found:?}");
        for (stem, components) in found {
            let index = match stem.ends_with("-big") {
                true => ["Index.db", "Summary.db"],
                false => ["Partitions.db", "Rows.db"],
            };
            for component in ["Data.db", "Statistics.db", "TOC.txt", "Helenus.crc32"].iter().chain(&index) {
                assert!(components.contains(*component), "{dir}/{stem} has no {component}: {components:?}");
            }
        }
    }
    files.len()
}

/// All files below a directory, by their paths in it.
pub(crate) fn files(disk: &SimDisk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in disk.list(dir).unwrap() {
        let name = PathBuf::from(&entry.name);
        if entry.is_dir() {
            found.extend(files(disk, &dir.join(&name)).into_iter().map(|below| name.join(below)));
        } else {
            found.push(name);
        }
    }
    found
}

/// The durabilities, each with its name.
pub(crate) const DURABILITIES: [(&str, Durability); 3] = [
    ("sync", Durability::Sync),
    ("periodic", Durability::Periodic(Duration::from_secs(1))),
    ("buffered", Durability::Buffered),
];
