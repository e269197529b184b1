//! An index as a crate above would make one, over the seams alone: values to keys of rows, in
//! memory beside each memtable and in a component of each SSTable. Its answers, read by `rows_at`,
//! are those of filtering, through flush, compaction, restart and crash.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, FileWriter};
use helenus_rows::{Bound, DeletionTime, Header, LiveRow, PartitionRef, RowRef, Unfiltered};
use helenus_schema::TableDef;
use helenus_sim::{SimClock, SimDisk};
use helenus_sstable::Component;
use parking_lot::Mutex;

use crate::parts::{
    AttachedView, Attachment, MemtableObserver, ObservedPartition, WriteObserver, build_attached,
    drop_attached, with_attachments,
};
use crate::{Background, Database, Durability, Options, RowKey, RowPrinter, Select, Table};

const SCHEMA: &str = "
    CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE ks.t (p int, c int, v int, w text, PRIMARY KEY (p, c)) WITH gc_grace_seconds = 0;";
const INDEX: &str = "CREATE INDEX by_v ON ks.t (v);";
const VALUES: i32 = 4;

/// Keys of the rows with a value, as far as one memtable or SSTable shows.
type Keys = BTreeMap<Vec<u8>, BTreeSet<RowKey>>;

/// The index of the column `v`.
#[derive(Debug)]
struct ByValue;

#[derive(Debug)]
struct InMemory(Mutex<Keys>);

#[derive(Debug, Default)]
struct ValueFile {
    column: Option<usize>,
    key: Vec<u8>,
    /// Where its last row began, which must grow.
    position: u64,
    keys: Keys,
}

fn component() -> Component {
    Component::from_name("Test.db")
}

fn column(header: &Header) -> Option<usize> {
    header.regulars.as_slice().iter().position(|column| &*column.name == "v")
}

/// The value of a row, deletions aside.
fn value_of(column: usize, row: RowRef<'_>) -> Option<Vec<u8>> {
    let mut live = LiveRow::of_any(row, 0).unwrap();
    while let Some((at, cell)) = live.next().unwrap() {
        if at == column && !cell.is_tombstone() {
            return Some(cell.value.to_vec());
        }
    }
    None
}

impl Attachment for ByValue {
    fn memtable(&self, _: &Arc<Header>) -> Option<Arc<dyn MemtableObserver>> {
        Some(Arc::new(InMemory(Mutex::default())))
    }

    fn sstable(&self, header: &Arc<Header>) -> Option<Box<dyn WriteObserver>> {
        Some(Box::new(ValueFile { column: column(header), ..ValueFile::default() }))
    }
}

impl MemtableObserver for InMemory {
    fn row(&self, partition: ObservedPartition<'_>, before: Option<RowRef<'_>>, after: RowRef<'_>) {
        let Some(column) = column(partition.header) else { return };
        let key = RowKey::new(partition.key, Some(after.clustering));
        let mut keys = self.0.lock();
        if let Some(value) = before.and_then(|before| value_of(column, before)) {
            assert!(keys.get_mut(&value).unwrap().remove(&key), "what is replaced was written");
        }
        if let Some(value) = value_of(column, after) {
            keys.entry(value).or_default().insert(key);
        }
    }

    fn range_deleted(&self, _: ObservedPartition<'_>, _: Bound<'_>, _: Bound<'_>, _: DeletionTime) {}

    fn partition_deleted(&self, _: ObservedPartition<'_>, _: DeletionTime) {}
}

impl WriteObserver for ValueFile {
    fn component(&self) -> Component {
        component()
    }

    fn start_partition(&mut self, partition: PartitionRef<'_>, _: Option<RowRef<'_>>, position: u64) {
        assert!(position >= self.position);
        self.position = position;
        self.key = partition.key.to_vec();
    }

    fn unfiltered(&mut self, unfiltered: Unfiltered<'_>, position: u64) {
        assert!(position > self.position);
        self.position = position;
        if let (Unfiltered::Row(row), Some(column)) = (unfiltered, self.column)
            && let Some(value) = value_of(column, row)
        {
            let key = RowKey::new(&*self.key, Some(row.clustering));
            self.keys.entry(value).or_default().insert(key);
        }
    }

    fn finish(self: Box<Self>, out: &mut FileWriter) -> helenus_io::Result<()> {
        for (value, keys) in &self.keys {
            for key in keys {
                for part in [value, key.partition_key(), key.clustering().unwrap()] {
                    out.append(&u32::try_from(part.len()).unwrap().to_be_bytes())?;
                    out.append(part)?;
                }
            }
        }
        Ok(())
    }
}

/// The keys in a component's bytes.
fn parse(bytes: &[u8]) -> Keys {
    let (mut keys, mut rest) = (Keys::new(), bytes);
    let mut part = || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at(u32::from_be_bytes(*len) as usize);
        rest = after;
        Some(part)
    };
    while let Some(value) = part() {
        let key = RowKey::new(part().unwrap(), Some(part().unwrap()));
        keys.entry(value.to_vec()).or_default().insert(key);
    }
    keys
}

fn open(disk: &SimDisk) -> Database {
    let options = Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(1_700_000_000_000_000)))
        .durability(Durability::Sync)
        .log_segment_bytes(64 << 10)
        .background(Background::Manual);
    let attach = |def: &TableDef| -> Vec<Arc<dyn Attachment>> {
        if def.indexes().is_empty() { Vec::new() } else { vec![Arc::new(ByValue)] }
    };
    with_attachments(options, attach).open("/db").unwrap()
}

/// The keys that the index has for a value; `None` if an SSTable lacks its component.
fn indexed(table: &Table, value: i32) -> Option<BTreeSet<RowKey>> {
    let (view, value) = (AttachedView::of(table), value.to_be_bytes());
    let mut found = BTreeSet::new();
    for observers in view.memtables() {
        let [observer] = observers else { return None };
        let observer: &dyn Any = &**observer;
        let keys = observer.downcast_ref::<InMemory>().unwrap().0.lock();
        found.extend(keys.get(&value[..]).into_iter().flatten().cloned());
    }
    for file in view.components(&component()) {
        let file = file.unwrap()?;
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_exact_at(0, &mut bytes).unwrap();
        found.extend(parse(&bytes).remove(&value[..]).into_iter().flatten());
    }
    Some(found)
}

fn lines(select: &Select) -> Vec<String> {
    let mut rows = select.rows().unwrap();
    let mut found = Vec::new();
    let mut printer: Option<RowPrinter> = None;
    while let Some(row) = rows.next().unwrap() {
        let mut line = String::new();
        printer.get_or_insert_with(|| RowPrinter::json(row.schema())).row(&row, &mut line).unwrap();
        found.push(line);
    }
    found.sort();
    found
}

/// The index answers as filtering does.
#[track_caller]
fn check(table: &Table) {
    for value in 0..VALUES {
        let is_it = move |row: &crate::RowView<'_>| Ok(row.get::<Option<i32>>("v")? == Some(value));
        let keys = indexed(table, value).expect("each memtable and SSTable has its part");
        let by_index = lines(&table.select().rows_at(keys).filter(&["v"], is_it));
        assert_eq!(by_index, lines(&table.select().filter(&["v"], is_it)), "{value}");
    }
}

fn fill(table: &Table, from: i32, to: i32) -> crate::Result<()> {
    let insert =
        |number: i32| table.insert(number % 5, number).set("v", number % VALUES).set("w", "x").execute();
    (from..to).try_for_each(insert)
}

/// The names of the table's files: SSTables, and how many of them have the component.
fn files(disk: &SimDisk, table: &Table) -> (usize, usize) {
    let schema = table.schema();
    let dir = format!("/db/data/ks/t-{}", schema.id());
    let names = disk.list(Path::new(&dir)).unwrap();
    let count = |end: &str| names.iter().filter(|entry| entry.utf8().unwrap().ends_with(end)).count();
    (count("-Data.db"), count("-Test.db"))
}

#[test]
fn an_index_answers_as_filtering_does_through_flush_compaction_restart_and_crash() {
    let mut disk = SimDisk::new();
    let mut db = open(&disk);
    db.execute_schema(&format!("{SCHEMA}{INDEX}")).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for step in 0..600_u64 {
        let table = db.table("ks", "t").unwrap();
        let (p, c) = (i32::try_from(next(4)).unwrap(), i32::try_from(next(6)).unwrap());
        let value = i32::try_from(next(VALUES.cast_unsigned().into())).unwrap();
        match next(20) {
            0..9 => table.insert(p, c).set("v", value).execute().unwrap(),
            9 => table.update(p, c).set("w", "text").execute().unwrap(),
            10 => table.delete(p, c).column("v").execute().unwrap(),
            11 => table.delete(p, c).execute().unwrap(),
            12 => table.delete_partition(p).execute().unwrap(),
            13 => db.flush().unwrap(),
            14 => db.compact().unwrap(),
            15 => {
                db.close().unwrap();
                db = open(&disk);
            }
            16 => {
                disk = disk.crash(step);
                db = open(&disk);
            }
            17 => while db.step().unwrap() {},
            _ => check(&table),
        }
        if step % 16 == 0 {
            check(&db.table("ks", "t").unwrap());
        }
    }
    db.flush().unwrap();
    let (tables, components) = files(&disk, &db.table("ks", "t").unwrap());
    assert!(tables > 0);
    assert_eq!(tables, components, "a component goes with its SSTable");
}

/// An index of a table with data: what is written from now on is in it, and the rest once it is
/// built beside the live SSTables. Dropped, it leaves nothing.
#[test]
fn components_are_built_late_and_dropped() {
    let disk = SimDisk::new();
    let db = open(&disk);
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    fill(&table, 0, 20).unwrap();
    db.flush().unwrap();
    fill(&table, 20, 40).unwrap();
    // The rows that no observer saw are flushed.
    db.execute_schema(INDEX).unwrap();
    assert_eq!(files(&disk, &table), (2, 0));
    assert!(indexed(&table, 0).is_none());
    fill(&table, 40, 60).unwrap();
    build_attached(&table).unwrap();
    check(&table);
    db.flush().unwrap();
    assert_eq!(files(&disk, &table), (3, 3));
    let view = AttachedView::of(&table);
    drop_attached(&table, &component()).unwrap();
    assert_eq!(files(&disk, &table), (3, 0));
    assert!(indexed(&table, 0).is_none());
    assert!(view.components(&component()).all(|file| file.is_err()));
    drop(view);
    // Rebuilt, and kept when the table is opened again.
    build_attached(&table).unwrap();
    check(&table);
    db.close().unwrap();
    let db = open(&disk);
    let table = db.table("ks", "t").unwrap();
    check(&table);
    db.execute_schema("DROP INDEX ks.by_v").unwrap();
    assert!(AttachedView::of(&table).memtables().all(<[_]>::is_empty));
    fill(&table, 60, 80).unwrap();
    db.flush().unwrap();
    assert_eq!(files(&disk, &table), (4, 3));
    db.compact().unwrap();
    assert_eq!(files(&disk, &table), (1, 0));
    db.execute_schema(INDEX).unwrap();
    build_attached(&table).unwrap();
    assert_eq!(files(&disk, &table), (1, 1));
    let dir = format!("/db/data/ks/t-{}", table.schema().id());
    db.execute_schema("DROP TABLE ks.t").unwrap();
    drop(table);
    assert!(!disk.exists(Path::new(&dir)).unwrap(), "nothing of it is left");
}

/// The machine stops at each step of building and dropping: every SSTable then has its component or
/// has none, in the manifest and in the directory alike.
#[test]
fn a_crash_leaves_a_component_or_nothing() {
    let prepared = SimDisk::new();
    let db = open(&prepared);
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    fill(&table, 0, 20).unwrap();
    db.flush().unwrap();
    fill(&table, 20, 40).unwrap();
    db.execute_schema(INDEX).unwrap();
    db.close().unwrap();
    let steps: [fn(&Table) -> crate::Result<()>; 3] = [
        build_attached,
        |table| drop_attached(table, &component()),
        |table| {
            fill(table, 40, 44)?;
            table.flush()
        },
    ];
    let mut before = prepared.kill();
    for step in steps {
        let mut was_crashed = 0;
        for n in 1.. {
            let disk = before.kill();
            let db = open(&disk);
            let table = db.table("ks", "t").unwrap();
            disk.crash_at(n);
            let outcome = step(&table);
            let is_over = disk.fault_is_pending();
            disk.heal();
            if is_over {
                outcome.unwrap();
                drop((table, db));
                before = disk.kill();
                break;
            }
            was_crashed += 1;
            let disk = disk.crash(n);
            let db = open(&disk);
            let table = db.table("ks", "t").unwrap();
            let view = AttachedView::of(&table);
            let have = view.components(&component()).filter(|file| matches!(file, Ok(Some(_)))).count();
            drop(view);
            assert_eq!(files(&disk, &table).1, have, "crash at {n}");
            build_attached(&table).unwrap();
            check(&table);
        }
        assert!(was_crashed > 3, "{was_crashed}");
    }
}
