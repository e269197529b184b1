//! The contents of a table after statements, tombstones included.

mod batches;
mod conditions;
mod lists;
mod ops;
mod plans;
mod reads_first;
mod refused;
mod together;

use std::fmt::Write;
use std::sync::Arc;

use helenus_rows::{
    Cell, CellEvent, DeletionTime, Direction, RowRef, Slices, Unfiltered, UnfilteredStream, Validator,
};
use helenus_sim::{SimClock, SimDisk};
use helenus_sstable::{SearchKey, StaticRow};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use crate::{Background, Database, Durability, IntoKey, Options, Table};

/// The second at which tests happen, and its microsecond.
const NOW: u32 = 1_700_000_000;
const MICROS: i64 = NOW as i64 * 1_000_000;

const SCHEMA: &str = "
    CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TYPE ks.address (street text, zip int, tags frozen<set<text>>);
    CREATE TABLE ks.t (p int, c int, d text, a int, b text, s1 int STATIC, s2 set<int> STATIC, l list<text>,
        m map<text, int>, s set<int>, u address, f frozen<map<int, text>>, PRIMARY KEY (p, c, d));
    CREATE TABLE ks.flat (p int, q text, v int, PRIMARY KEY ((p, q)));
    CREATE TABLE ks.brief (p int PRIMARY KEY, v int) WITH default_time_to_live = 60;
    CREATE TABLE ks.hits (p int, c int, n counter, o counter, PRIMARY KEY (p, c));";

struct World {
    db: Database,
    clock: Arc<SimClock>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(SimClock::new(MICROS));
        let options = Options::new()
            .disk(Arc::new(SimDisk::new()))
            .clock(clock.clone())
            .durability(Durability::Buffered)
            .log_segment_bytes(64 << 10)
            .background(Background::Manual);
        let db = options.open("/db").unwrap();
        db.execute_schema(SCHEMA).unwrap();
        Self { db, clock }
    }

    fn table(&self, name: &str) -> Table {
        self.db.table("ks", name).unwrap()
    }

    fn t(&self) -> Table {
        self.table("t")
    }
}

/// Everything in a partition, a line each; times near the tests' own are printed by their distance.
fn raw(table: &Table, key: impl IntoKey) -> String {
    let view = table.core.view.load_full();
    let mut bytes = Vec::new();
    key.with_values(|values| crate::key::encode_partition_key(&view.state.schema, values.iter(), &mut bytes))
        .unwrap();
    let key = SearchKey::of(Partitioner::Murmur3, &bytes);
    let stream = view.partition(&key, &Slices::ALL, Direction::Forward, StaticRow::Wanted).unwrap();
    let mut stream = Validator::new(stream);
    let mut out = String::new();
    if !stream.next_partition().unwrap() {
        return out;
    }
    let deletion = stream.partition().deletion;
    if !deletion.is_live() {
        writeln!(out, "partition {}", deleted(deletion)).unwrap();
    }
    if let Some(row) = stream.static_row() {
        writeln!(out, "static{}", cells(row)).unwrap();
    }
    while stream.advance().unwrap() {
        match stream.current().unwrap() {
            Unfiltered::Row(row) => {
                let size = row.header.clustering.len();
                writeln!(
                    out,
                    "{}{}",
                    values(row.header.clustering.types(), row.clustering, size, row),
                    cells(row)
                )
                .unwrap();
            }
            Unfiltered::Marker(marker) => {
                let types = view.state.header.clustering.types();
                let components =
                    view.state.header.clustering.components(marker.bound.values, marker.bound.size);
                let shown: Vec<_> =
                    types.iter().zip(components).map(|(ty, v)| json(ty, v.unwrap())).collect();
                write!(out, "{:?} ({})", marker.bound.kind, shown.join(", ")).unwrap();
                if !marker.close.is_live() {
                    write!(out, " ends {}", deleted(marker.close)).unwrap();
                }
                if !marker.open.is_live() {
                    write!(out, " begins {}", deleted(marker.open)).unwrap();
                }
                out.push('\n');
            }
        }
    }
    out
}

fn values(types: &[Type], clustering: &[u8], size: usize, row: RowRef<'_>) -> String {
    let components = row.header.clustering.components(clustering, size);
    let shown: Vec<_> = types.iter().zip(components).map(|(ty, value)| json(ty, value.unwrap())).collect();
    format!("({})", shown.join(", "))
}

fn cells(row: RowRef<'_>) -> String {
    let mut out = String::new();
    let mut reader = row.cells().unwrap();
    let liveness = reader.liveness();
    if !liveness.is_empty() {
        let ttl = lifetime(liveness.ttl, liveness.local_expiration_time);
        write!(out, " live@{}{ttl}", at(liveness.timestamp)).unwrap();
    }
    if !reader.deletion().is_live() {
        write!(out, " {}", deleted(reader.deletion())).unwrap();
    }
    let mut index = 0;
    while let Some(event) = reader.next().unwrap() {
        match event {
            CellEvent::Simple { column, cell } => {
                let column = row.columns().get(column).unwrap();
                write!(out, " {}={}", column.name, shown(&column.ty, &cell)).unwrap();
            }
            CellEvent::Complex { column, deletion, cells } => {
                index = 0;
                let name = &row.columns().get(column).unwrap().name;
                write!(out, " {name}").unwrap();
                if !deletion.is_live() {
                    write!(out, " {}", deleted(deletion)).unwrap();
                }
                if cells > 0 {
                    out.push(':');
                }
            }
            CellEvent::Element { column, cell } => {
                let column = row.columns().get(column).unwrap();
                let path = match &column.ty {
                    Type::List { .. } => index.to_string(),
                    _ => json(column.path_type.as_ref().unwrap(), cell.path),
                };
                let ty = column.ty.cell_value_type(cell.path).unwrap();
                write!(out, " [{path}]={}", shown(&ty, &cell)).unwrap();
                index += 1;
            }
        }
    }
    out
}

fn shown(ty: &Type, cell: &Cell<'_>) -> String {
    if cell.is_tombstone() {
        return format!("x@{}/{}", at(cell.timestamp), second(cell.local_deletion_time));
    }
    let value = match ty {
        Type::Empty => String::new(),
        Type::Counter => cell.counter_total().unwrap().to_string(),
        ty => json(ty, cell.value),
    };
    format!("{value}@{}{}", at(cell.timestamp), lifetime(cell.ttl, cell.local_deletion_time))
}

fn lifetime(ttl: u32, expires: LocalDeletionTime) -> String {
    if ttl == 0 { String::new() } else { format!(" ttl {ttl} to {}", second(expires)) }
}

fn deleted(deletion: DeletionTime) -> String {
    format!("x@{}/{}", at(deletion.marked_for_delete_at), second(deletion.local_deletion_time))
}

/// The database's own timestamps depend on how many it gave before.
fn at(timestamp: Timestamp) -> String {
    if (timestamp.0 - MICROS).abs() < 1_000_000 { "own".to_owned() } else { timestamp.0.to_string() }
}

fn second(second: LocalDeletionTime) -> String {
    match i64::from(second.0) - i64::from(NOW) {
        0 => "now".to_owned(),
        distance if distance.abs() < 1000 => format!("now{distance:+}"),
        _ => second.0.to_string(),
    }
}

fn json(ty: &Type, value: &[u8]) -> String {
    let mut out = String::new();
    ty.json(value, &mut out).unwrap();
    out
}

/// Checks the contents, line by line.
#[track_caller]
fn check(table: &Table, key: impl IntoKey, expected: &[&str]) {
    let found = raw(table, key);
    let found: Vec<_> = found.lines().collect();
    assert_eq!(found, expected);
}

/// A column of all visible rows.
fn column(table: &Table, name: &str) -> Vec<crate::Value> {
    let select = table.select();
    let mut rows = select.rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        found.push(row.value(name).unwrap());
    }
    found
}
