//! Random histories: writes, batches, changes of the schema, queries, and the time that passes.

use std::fmt;
use std::time::Duration;

use helenus::{Action, Conditions, Op, Operand, Part, StatementKind, Value};
use helenus_sim::Rng;
use helenus_testkit::{Case, without};

use crate::query::Query;
use crate::statement::{Bound, End, Write, whole};

/// The operations and queries, in order.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) steps: Vec<Step>,
}

/// Before each step the time goes on, by a whole number of milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) pause: Duration,
    pub(crate) deed: Deed,
}

#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Write(Write),
    Batch(Vec<Write>),
    /// A statement that changes the schema; `WITH_OPTIONS` stands for the options that a database
    /// gives its tables.
    Schema(String),
    Truncate(&'static str),
    Ask(Query),
}

/// In a CREATE TABLE: what a database adds to it.
pub(crate) const WITH_OPTIONS: &str = "WITH_OPTIONS";

/// The kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
    FrozenList,
    Map,
    Set,
    List,
    Pair,
    Counter,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_static: bool,
}

/// A table as histories know it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) key_columns: &'static [&'static str],
    pub(crate) partition: usize,
    pub(crate) columns: Vec<Column>,
    pub(crate) is_there: bool,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_static: false }
}

const fn of_partition(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_static: true }
}

/// Columns that come and go.
const EXTRA: [(Column, &str); 4] = [
    (column("x0", Kind::Int), "int"),
    (column("x1", Kind::Set), "set<text>"),
    (of_partition("x2", Kind::Text), "text static"),
    (column("x3", Kind::Text), "text"),
];

const EXTRA_TABLE: &str =
    "CREATE TABLE ks.extra (p int, c int, v text, n int, PRIMARY KEY (p, c)) WITH_OPTIONS";

fn shapes() -> Vec<Shape> {
    let wide = vec![
        of_partition("s", Kind::Text),
        of_partition("sm", Kind::Map),
        column("v", Kind::Text),
        column("n", Kind::Int),
        column("b", Kind::Blob),
        column("m", Kind::Map),
        column("e", Kind::Set),
        column("l", Kind::List),
        column("u", Kind::Pair),
        column("f", Kind::FrozenList),
    ];
    let shape = |name, key_columns, partition, columns, is_there| Shape {
        name,
        key_columns,
        partition,
        columns,
        is_there,
    };
    vec![
        shape("wide", &["p", "q", "c", "d"], 2, wide, true),
        shape(
            "plain",
            &["p"],
            1,
            vec![column("v", Kind::Text), column("n", Kind::Int), column("m", Kind::Map)],
            true,
        ),
        shape("hits", &["p", "c"], 1, vec![column("n", Kind::Counter), column("k", Kind::Counter)], true),
        shape("extra", &["p", "c"], 1, vec![column("v", Kind::Text), column("n", Kind::Int)], false),
    ]
}

/// The generator of histories.
pub(crate) struct Generator {
    pub(crate) rng: Rng,
    shapes: Vec<Shape>,
    /// Tombstones go at once; then no statement has its own timestamp.
    purges_at_once: bool,
    /// Whether a counter was deleted. It isn't counted again: what that gives depends on whether
    /// the deletion has met a later one in a compaction, here as in Cassandra.
    counters_deleted: bool,
    /// Whether the user type has its third field.
    third_field: bool,
    step: u64,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x6d65_7461);
        let purges_at_once = rng.chance(1, 3);
        let mut generator = Generator {
            rng,
            shapes: shapes(),
            purges_at_once,
            counters_deleted: false,
            third_field: false,
            step: 0,
        };
        let grace = if purges_at_once { 0 } else { 864_000 };
        let with = format!("{WITH_OPTIONS} AND gc_grace_seconds = {grace}");
        let schema = [
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
                .to_owned(),
            "CREATE TYPE ks.pair (a int, b text)".to_owned(),
            format!(
                "CREATE TABLE ks.wide (p int, q text, c int, d text, s text static, sm map<int, text> static, v text, \
                 n int, b blob, m map<int, text>, e set<text>, l list<int>, u pair, f frozen<list<int>>, \
                 PRIMARY KEY ((p, q), c, d)) {with} AND CLUSTERING ORDER BY (c DESC, d ASC)"
            ),
            format!("CREATE TABLE ks.plain (p bigint PRIMARY KEY, v text, n int, m map<int, text>) {with}"),
            format!("CREATE TABLE ks.hits (p int, c int, n counter, k counter, PRIMARY KEY (p, c)) {with}"),
        ];
        let mut steps: Vec<Step> = schema.into_iter().map(|cql| generator.step(Deed::Schema(cql))).collect();
        let count = 40 + generator.rng.index(120);
        for _ in 0..count {
            let deed = generator.deed();
            steps.push(generator.step(deed));
        }
        Self { steps }
    }
}

impl Case for History {
    fn steps(&self) -> usize {
        self.steps.len()
    }

    fn without(&self, start: usize, count: usize) -> Self {
        Self { steps: without(&self.steps, start, count) }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|Step { pause, deed }| writeln!(f, "after {pause:?}: {deed:?}"))
    }
}

impl Generator {
    fn step(&mut self, deed: Deed) -> Step {
        self.step += 1;
        let millis = match self.rng.below(10) {
            0 => self.rng.below(3_600_000),
            1..4 => self.rng.below(5_000),
            _ => self.rng.below(20),
        };
        // A database that is opened again gives no timestamp within a second of those that it had
        // given.
        Step { pause: Duration::from_millis(2000 + millis), deed }
    }

    fn deed(&mut self) -> Deed {
        match self.rng.below(40) {
            0..22 => Deed::Write(self.write(true)),
            22..25 => self.batch(),
            25 => self.schema_change(),
            26 if self.rng.chance(1, 3) => Deed::Truncate(self.shape().name),
            _ => {
                let shape = self.shape();
                Deed::Ask(Query::new(self, &shape))
            }
        }
    }

    /// A table that is there; now and then one that isn't.
    fn shape(&mut self) -> Shape {
        loop {
            let shape = match self.rng.below(10) {
                0..6 => &self.shapes[0],
                at => &self.shapes[(usize::try_from(at).unwrap() - 5).min(3)],
            };
            let shape = shape.clone();
            if shape.is_there || self.rng.chance(1, 20) {
                return shape;
            }
        }
    }

    fn batch(&mut self) -> Deed {
        let count = 1 + self.rng.index(5);
        let counters = self.rng.chance(1, 8);
        let mut writes = Vec::new();
        while writes.len() < count {
            let write = self.write(false);
            if (write.table == "hits") == counters {
                writes.push(write);
            }
        }
        // One of one partition may wait upon a condition.
        if !counters && self.rng.chance(1, 4) {
            let first = writes[0].clone();
            writes.retain(|write| write.table == first.table && write.key == first.key);
            writes.iter_mut().for_each(|write| write.ago = None);
            if let Some(write) = writes.iter_mut().find(|write| write.kind == StatementKind::Insert) {
                write.conditions = Conditions::NotExists;
            }
        }
        Deed::Batch(writes)
    }

    fn schema_change(&mut self) -> Deed {
        let at = self.rng.index(EXTRA.len());
        let (extra, ty) = EXTRA[at];
        let cql = match self.rng.below(12) {
            0 => {
                self.shapes[3].is_there = !self.shapes[3].is_there;
                match self.shapes[3].is_there {
                    true => EXTRA_TABLE.to_owned(),
                    false => "DROP TABLE ks.extra".to_owned(),
                }
            }
            1 if !self.third_field => {
                self.third_field = true;
                "ALTER TYPE ks.pair ADD z int".to_owned()
            }
            2 => format!(
                "ALTER TABLE ks.wide WITH default_time_to_live = {}",
                [0, 0, 100, 5000][self.rng.index(4)]
            ),
            3 => format!("ALTER TABLE ks.plain WITH comment = 'word {}'", self.step),
            4 => {
                let gone = ["n", "m", "l", "v"][self.rng.index(4)];
                let columns = &mut self.shapes[0].columns;
                match columns.iter().position(|column| column.name == gone) {
                    Some(at) => {
                        columns.remove(at);
                        format!("ALTER TABLE ks.wide DROP {gone}")
                    }
                    None => {
                        let (kind, ty) = match gone {
                            "n" => (Kind::Int, "int"),
                            "m" => (Kind::Map, "map<int, text>"),
                            "l" => (Kind::List, "list<int>"),
                            _ => (Kind::Text, "text"),
                        };
                        columns.push(column(gone, kind));
                        format!("ALTER TABLE ks.wide ADD {gone} {ty}")
                    }
                }
            }
            _ => {
                let columns = &mut self.shapes[0].columns;
                match columns.iter().position(|column| column.name == extra.name) {
                    Some(at) => {
                        columns.remove(at);
                        format!("ALTER TABLE ks.wide DROP {}", extra.name)
                    }
                    None => {
                        columns.push(extra);
                        format!("ALTER TABLE ks.wide ADD {} {ty}", extra.name)
                    }
                }
            }
        };
        Deed::Schema(cql)
    }

    /// Values of the partition key, few of them so that rows meet.
    pub(crate) fn key(&mut self, shape: &Shape) -> Vec<Value> {
        let p = self.int(4);
        match shape.name {
            "wide" => vec![Value::Int(p % 2), Value::Text(["a", "b"][self.rng.index(2)].to_owned())],
            "plain" => vec![Value::BigInt(i64::from(p) * 3)],
            _ => vec![Value::Int(p)],
        }
    }

    /// The first `count` values of a clustering.
    pub(crate) fn clustering(&mut self, shape: &Shape, count: usize) -> Vec<Value> {
        let mut values = Vec::new();
        for name in shape.key_columns.iter().skip(shape.partition).take(count) {
            values.push(match *name {
                "d" => Value::Text(["", "x", "yy"][self.rng.index(3)].to_owned()),
                _ => Value::Int(self.int(4)),
            });
        }
        values
    }

    pub(crate) fn int(&mut self, below: u64) -> i32 {
        i32::try_from(self.rng.below(below)).unwrap()
    }

    fn write(&mut self, alone: bool) -> Write {
        let shape = self.shape();
        let depth = shape.key_columns.len() - shape.partition;
        let kind = match self.rng.below(10) {
            _ if shape.name == "hits" => self.counting(),
            0..2 => StatementKind::Delete,
            6..10 => StatementKind::Update,
            _ => StatementKind::Insert,
        };
        let mut write = Write {
            table: shape.name,
            kind,
            key_columns: shape.key_columns,
            key: self.key(&shape),
            clustering: self.clustering(&shape, depth),
            range: None,
            actions: Vec::new(),
            conditions: Conditions::None,
            ttl: None,
            ago: None,
        };
        let is_static = self.rng.chance(1, 6) && shape.columns.iter().any(|column| column.is_static);
        if kind == StatementKind::Delete {
            self.deletion(&shape, &mut write, is_static);
        } else {
            self.actions(&shape, &mut write, is_static);
        }
        let counts = shape.name == "hits";
        if kind != StatementKind::Delete && !counts && self.rng.chance(1, 6) {
            write.ttl = Some([0, 1, 5, 30, 4000][self.rng.index(5)]);
        }
        if alone && !counts && write.range.is_none() && self.rng.chance(1, 8) {
            self.condition(&shape, &mut write);
        } else if !self.purges_at_once && !counts && self.rng.chance(1, 8) {
            // No two are the same: the winner of a tie may depend on earlier compactions.
            let micros = i64::try_from(self.rng.below(100_000) * 1000 + 500 - self.step).unwrap();
            write.ago = Some(micros);
        }
        write
    }

    /// Counters count until the first of them is deleted.
    fn counting(&mut self) -> StatementKind {
        self.counters_deleted |= self.rng.chance(1, 20);
        if self.counters_deleted { StatementKind::Delete } else { StatementKind::Update }
    }

    fn deletion(&mut self, shape: &Shape, write: &mut Write, is_static: bool) {
        let depth = write.clustering.len();
        match self.rng.below(8) {
            0 => write.clustering.clear(),
            1 if depth > 1 => write.clustering.truncate(1),
            2 | 3 if depth > 0 => {
                write.clustering.clear();
                write.range = Some((self.end(shape, depth), self.end(shape, depth)));
            }
            4..6 => {
                let columns = columns_of(shape, is_static);
                let column = columns[self.rng.index(columns.len())];
                let action = match (column.kind, self.rng.below(3)) {
                    (Kind::Map | Kind::Set, 0) => Action::RemoveKey(self.element(column.kind)),
                    (Kind::List, 0) => Action::RemoveAt(Bound::Value(Value::Int(self.int(3)))),
                    (Kind::Pair, 0) => Action::RemoveField("a".into()),
                    _ => Action::Delete,
                };
                write.actions.push((column.name.to_owned(), action));
                if column.is_static {
                    write.clustering.clear();
                }
            }
            _ => {}
        }
    }

    pub(crate) fn end(&mut self, shape: &Shape, depth: usize) -> End {
        if self.rng.chance(1, 4) {
            return None;
        }
        let count = 1 + self.rng.index(depth);
        let values = self.clustering(shape, count);
        Some((values, self.rng.chance(1, 2)))
    }

    fn actions(&mut self, shape: &Shape, write: &mut Write, is_static: bool) {
        let columns = columns_of(shape, is_static);
        let most = 1 + self.rng.index(columns.len().min(4));
        for _ in 0..most {
            let column = columns[self.rng.index(columns.len())];
            if write.actions.iter().any(|(name, _)| name == column.name) {
                continue;
            }
            let action = match (write.kind, column.kind) {
                (_, Kind::Counter) => Action::Add(Bound::Value(Value::BigInt(i64::from(self.int(9)) - 3))),
                (StatementKind::Update, Kind::Map | Kind::Set | Kind::List | Kind::Pair)
                    if self.rng.chance(3, 4) =>
                {
                    self.part(column.kind)
                }
                (_, kind) => Action::Set(self.bound(kind)),
            };
            write.actions.push((column.name.to_owned(), action));
        }
        // A statement about static columns alone names no row.
        if is_static {
            write.clustering.clear();
        }
    }

    /// An operation on a part of a column.
    fn part(&mut self, kind: Kind) -> Action<Bound> {
        match (kind, self.rng.below(8)) {
            (Kind::Map, 0) => Action::Add(self.bound(kind)),
            (Kind::Map, 1) => {
                let keys = (0..2).map(|_| Value::Int(self.int(4))).collect();
                Action::Subtract(Bound::Value(set(keys)))
            }
            (Kind::Map | Kind::Set, 2) => Action::RemoveKey(self.element(kind)),
            (Kind::Map, _) => Action::PutKey { key: self.element(kind), value: self.bound(Kind::Text) },
            (Kind::Set, 0) => Action::Add(self.bound(kind)),
            (Kind::Set, 1) => Action::Subtract(self.bound(kind)),
            (Kind::Set, _) => Action::AddKey(self.element(kind)),
            (Kind::List, 0) => Action::Add(self.bound(kind)),
            (Kind::List, 1) => Action::Subtract(self.bound(kind)),
            (Kind::List, 2) => Action::Prepend(self.bound(kind)),
            (Kind::List, 3) => Action::PrependElement(self.element(kind)),
            (Kind::List, 4) => Action::RemoveValue(self.element(kind)),
            (Kind::List, 5) => {
                Action::SetAt { index: Bound::Value(Value::Int(self.int(3))), value: self.bound(Kind::Int) }
            }
            (Kind::List, _) => Action::AppendElement(self.element(kind)),
            (_, 0..4) => Action::SetField { field: "a".into(), value: self.bound(Kind::Int) },
            _ => Action::SetField { field: "b".into(), value: self.bound(Kind::Text) },
        }
    }

    /// A key of a map, an element of a set or list.
    fn element(&mut self, kind: Kind) -> Bound {
        Bound::Value(match kind {
            Kind::Set => self.value(Kind::Text),
            _ => Value::Int(self.int(4)),
        })
    }

    fn bound(&mut self, kind: Kind) -> Bound {
        match self.rng.below(20) {
            0 | 1 => Bound::Value(Value::Null),
            2 => Bound::Unset,
            _ => Bound::Value(self.value(kind)),
        }
    }

    pub(crate) fn value(&mut self, kind: Kind) -> Value {
        let count = self.rng.index(4);
        match kind {
            Kind::Int | Kind::Counter => Value::Int(self.int(10)),
            Kind::Text => Value::Text(self.text()),
            Kind::Blob => {
                let len = if self.rng.chance(1, 4) { 3000 } else { 40 };
                Value::Blob((0..self.rng.index(len)).map(|_| self.rng.next().to_be_bytes()[7]).collect())
            }
            Kind::FrozenList | Kind::List => {
                Value::List((0..count).map(|_| Value::Int(self.int(4))).collect())
            }
            Kind::Set => set((0..count).map(|_| Value::Text(self.text())).collect()),
            Kind::Map => {
                let mut keys: Vec<i32> = (0..count).map(|_| self.int(4)).collect();
                keys.sort_unstable();
                keys.dedup();
                Value::Map(keys.into_iter().map(|key| (Value::Int(key), Value::Text(self.text()))).collect())
            }
            Kind::Pair => Value::udt([("a", Value::Int(self.int(9))), ("b", Value::Text(self.text()))]),
        }
    }

    fn text(&mut self) -> String {
        match self.rng.below(12) {
            0 => "long ".repeat(self.rng.index(120)),
            1 => String::new(),
            at => ["a", "b", "c", "dd", "e\u{301}"][usize::try_from(at).unwrap() % 5].to_owned(),
        }
    }

    fn condition(&mut self, shape: &Shape, write: &mut Write) {
        let is_of_row = !write.clustering.is_empty() || shape.partition == shape.key_columns.len();
        if write.kind == StatementKind::Insert {
            write.conditions = Conditions::NotExists;
            return;
        }
        let deletes_rows = write.kind == StatementKind::Delete && write.actions.is_empty();
        if self.rng.chance(1, 3) || (deletes_rows && !is_of_row) {
            write.conditions = Conditions::Exists;
            return;
        }
        let mut conditions = Vec::new();
        for _ in 0..=self.rng.index(2) {
            let columns = columns_of(shape, !is_of_row);
            let column = columns[self.rng.index(columns.len())];
            let op = [Op::Eq, Op::Ne, Op::Lt, Op::Ge, Op::Le, Op::Gt][self.rng.index(6)];
            let (name, kind) = (column.name, column.kind);
            let mut condition = whole(name, op, Operand::One(Bound::Value(self.value(kind))));
            match kind {
                Kind::Map if self.rng.chance(1, 2) => {
                    condition.part = Part::Element(self.element(kind));
                    condition.operand = Operand::One(Bound::Value(self.value(Kind::Text)));
                }
                Kind::Pair => {
                    condition.part = Part::Field("a".into());
                    condition.operand = Operand::One(Bound::Value(self.value(Kind::Int)));
                }
                Kind::Int | Kind::Text if self.rng.chance(1, 3) => {
                    let values = (0..3).map(|_| Bound::Value(self.value(kind))).collect();
                    condition.op = Op::In;
                    condition.operand = Operand::Several(values);
                }
                Kind::Int | Kind::Text if self.rng.chance(1, 6) => {
                    condition.op = Op::Eq;
                    condition.operand = Operand::One(Bound::Value(Value::Null));
                }
                Kind::Set if self.rng.chance(1, 2) => {
                    condition.op = Op::Contains;
                    condition.operand = Operand::One(self.element(kind));
                }
                _ => {}
            }
            conditions.push(condition);
        }
        write.conditions = Conditions::Columns(conditions);
    }
}

/// The columns of a row, or those of its partition; now and then a table has none of the latter.
fn columns_of(shape: &Shape, is_static: bool) -> Vec<Column> {
    let own = shape.columns.iter().filter(|column| column.is_static == is_static);
    let own: Vec<Column> = own.copied().collect();
    if own.is_empty() { shape.columns.clone() } else { own }
}

/// A set's elements are in order, each once. These are texts or numbers of one kind.
fn set(mut elements: Vec<Value>) -> Value {
    elements.sort_by_key(|value| match value {
        Value::Int(int) => (*int, String::new()),
        other => (0, other.as_str().unwrap_or_default().to_owned()),
    });
    elements.dedup();
    Value::Set(elements)
}
