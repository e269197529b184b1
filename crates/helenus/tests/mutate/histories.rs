//! Random histories, applied to the model and through the API to a database that flushes and
//! compacts in between.

use std::ops::Bound as RangeEnd;
use std::sync::Arc;

use helenus::{
    Background, Cells, ColumnKind as Kind, Database, Durability, EncodeValue, Options, RowView, Serialized,
    Table, Update, Version,
};
use helenus_sim::{SimClock, SimDisk};
use helenus_testkit::histories::{Action, ColumnOp, History, Op, Profile};
use helenus_testkit::model::{
    self, ColumnKind, LiveColumn, LiveColumns, LivePartition, LiveRow, RowId, Side,
};
use helenus_testkit::{count_from_env, for_each_history_of};

#[test]
fn histories_are_read_as_the_model_says() {
    let profile = Profile { counters: false, views: false, ..Profile::default() };
    for_each_history_of(&profile, count_from_env("HELENUS_HISTORIES", 400), check);
}

/// Elements are put, put again and deleted in one statement.
#[test]
fn histories_with_several_operations_on_a_column_are_read_as_the_model_says() {
    let profile = Profile { counters: false, views: false, several_on_a_column: true, ..Profile::default() };
    for_each_history_of(&profile, count_from_env("HELENUS_HISTORIES", 200), check);
}

fn check(seed: u64, history: &History) -> Result<(), String> {
    let history = history.with_ops(history.ops.iter().filter_map(|op| expressible(history, op)).collect());
    let clock = Arc::new(SimClock::new(history.now * 1_000_000));
    let disk = SimDisk::new();
    let db = open(&disk, &clock);
    db.execute_schema(
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    )
    .and_then(|_| db.execute_schema(&history.table.cql("ks.t")))
    .map_err(|e| e.to_string())?;
    let table = db.table("ks", "t").map_err(|e| e.to_string())?;
    let mut ops = history.ops.clone();
    ops.sort_by_key(|op| op.source);
    let mut batch = db.batch();
    for (at, op) in ops.iter().enumerate() {
        clock.set_micros(op.written_at * 1_000_000);
        let next = ops.get(at + 1);
        let with_next = next.is_some_and(|next| (next.source, next.written_at) == (op.source, op.written_at));
        apply(&history, &table, op, &mut batch).map_err(|e| format!("{op:?}: {e}"))?;
        // Operations of one second may go into one batch.
        if !with_next || seed.is_multiple_of(2) {
            batch.execute().map_err(|e| e.to_string())?;
        }
        if next.is_some_and(|next| next.source != op.source) {
            // A compaction makes tombstones of expired cells, which win ties that the cells would
            // have lost. Here it happens before anything expires.
            clock.set_micros((history.now - 100) * 1_000_000);
            // Every third history stays with one version; in the others each SSTable has its own.
            // It is set for the SSTable alone: expirations past 2038 would be refused under some,
            // and must get through a flush.
            if !seed.is_multiple_of(3) {
                set_version(&db, seed + op.source as u64).map_err(|e| e.to_string())?;
            }
            let done = if seed.is_multiple_of(5) { table.compact() } else { table.flush() };
            done.and_then(|()| set_version(&db, DEFAULT_VERSION)).map_err(|e| e.to_string())?;
        }
    }
    clock.set_micros(history.now * 1_000_000);
    compare(&history, &table)?;
    let alter = format!("ALTER TABLE ks.t WITH gc_grace_seconds = {}", history.gc_grace);
    db.execute_schema(&alter).and_then(|_| table.compact()).map_err(|e| e.to_string())?;
    compare(&history, &table).map_err(|e| format!("compacted: {e}"))
}

/// The number of the database's own version.
const DEFAULT_VERSION: u64 = 4;

/// Has the table's next SSTables written in another version: one that is written, or the database's
/// own.
fn set_version(db: &Database, number: u64) -> helenus::Result<()> {
    let index = usize::try_from(number % 5).unwrap();
    let extensions = Version::WRITABLE.get(index).map_or(String::new(), |version| {
        let letters = version.to_string().into_bytes();
        format!("'helenus_sstable_version': 0x{:02x}{:02x}", letters[0], letters[1])
    });
    db.execute_schema(&format!("ALTER TABLE ks.t WITH extensions = {{{extensions}}}")).map(drop)
}

fn open(disk: &SimDisk, clock: &Arc<SimClock>) -> Database {
    let options = Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(clock.clone())
        .durability(Durability::Buffered)
        .log_segment_bytes(64 << 10)
        .background(Background::Manual);
    options.open("/db").unwrap()
}

/// The part of an operation that the API can express: an element of a list can't be named by its
/// path.
fn expressible(history: &History, op: &Op) -> Option<Op> {
    let mut op = op.clone();
    match &mut op.action {
        Action::Upsert { row, marker, columns, .. } => {
            let all = columns_of(history, row);
            columns.retain(|(index, change)| {
                !matches!(all[*index].kind, ColumnKind::List(_)) || matches!(change, ColumnOp::Clear)
            });
            (*marker || !columns.is_empty()).then_some(op)
        }
        // Of a table without clustering columns it is the partition that is deleted.
        Action::DeleteRow { clustering, .. } => (!clustering.is_empty() || op.timestamp >= 0).then_some(op),
        _ => Some(op),
    }
}

fn columns_of<'h>(history: &'h History, row: &RowId) -> &'h [model::Column] {
    if *row == RowId::Static { &history.table.statics } else { &history.table.regulars }
}

fn apply(history: &History, table: &Table, op: &Op, batch: &mut helenus::Batch) -> helenus::Result<()> {
    let key = history.keys[op.key];
    let at = op.timestamp;
    match &op.action {
        Action::Upsert { row, marker, ttl, columns } => {
            let clustering = match row {
                RowId::Static => &[],
                RowId::Clustering(clustering) => clustering.as_slice(),
            };
            let all = columns_of(history, row);
            let deletes =
                |op: &ColumnOp| matches!(op, ColumnOp::Delete | ColumnOp::Clear | ColumnOp::Remove(_));
            with_key(clustering, |clustering| {
                if !columns.is_empty() && columns.iter().all(|(_, op)| deletes(op)) {
                    let mut delete = table.delete(key, clustering).timestamp(at);
                    for (index, change) in columns {
                        let name = &all[*index].name;
                        delete = match change {
                            ColumnOp::Remove(path) => delete.element(name, Serialized(path)),
                            _ => delete.column(name),
                        };
                    }
                    return delete.add_to(batch);
                }
                if *marker {
                    // An INSERT sets whole columns; elements go into an UPDATE of the same time.
                    let mut insert = table.insert(key, clustering).timestamp(at).ttl(ttl.unsigned_abs());
                    for (index, change) in columns {
                        if let Some(value) = whole(all[*index].kind, change) {
                            insert = insert.set(&all[*index].name, Serialized(&value));
                        }
                    }
                    insert.add_to(batch)?;
                    let is_element =
                        |change: &ColumnOp| matches!(change, ColumnOp::Put(..) | ColumnOp::Remove(_));
                    if !columns.iter().any(|(_, change)| is_element(change)) {
                        return Ok(());
                    }
                }
                let update = table.update(key, clustering).timestamp(at).ttl(ttl.unsigned_abs());
                updated(update, all, columns, *marker).add_to(batch)
            })
        }
        Action::DeleteRow { clustering, .. } => {
            with_key(clustering, |clustering| table.delete(key, clustering).timestamp(at).add_to(batch))
        }
        Action::DeleteRange { start, end } => with_key(&start.prefix, |from| {
            with_key(&end.prefix, |to| {
                let from = if start.side == Side::Before {
                    RangeEnd::Included(from)
                } else {
                    RangeEnd::Excluded(from)
                };
                let to =
                    if end.side == Side::After { RangeEnd::Included(to) } else { RangeEnd::Excluded(to) };
                table.delete(key, ()).from(from).to(to).timestamp(at).add_to(batch)
            })
        }),
        Action::DeletePartition => table.delete_partition(key).timestamp(at).add_to(batch),
        Action::ExpireLiveness(_) => unreachable!("a table's rows expire by themselves"),
    }
}

/// An update of those columns, without what an INSERT of the same time sets.
fn updated<'t>(
    mut update: Update<'t>,
    all: &[model::Column],
    columns: &[(usize, ColumnOp)],
    marker: bool,
) -> Update<'t> {
    for (index, change) in columns {
        let column = &all[*index];
        update = match (change, column.kind) {
            (ColumnOp::Put(path, _), ColumnKind::Set(_)) => update.add_to_set(&column.name, Serialized(path)),
            (ColumnOp::Put(path, value), _) => update.put(&column.name, Serialized(path), Serialized(value)),
            (ColumnOp::Remove(path), ColumnKind::Set(_)) => {
                update.remove_from_set(&column.name, Serialized(path))
            }
            (ColumnOp::Remove(path), _) => update.remove_key(&column.name, Serialized(path)),
            (change, kind) => match whole(kind, change) {
                Some(value) if !marker => update.set(&column.name, Serialized(&value)),
                _ => update,
            },
        };
    }
    update
}

fn with_key<R>(values: &[Vec<u8>], f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
    let values: Vec<Serialized<'_>> = values.iter().map(|value| Serialized(value)).collect();
    let values: Vec<&dyn EncodeValue> = values.iter().map(|value| value as &dyn EncodeValue).collect();
    f(&values)
}

/// The value of a column that is set as a whole, serialized: elements in the order of their bytes,
/// which needn't be theirs.
fn whole(kind: ColumnKind, change: &ColumnOp) -> Option<Vec<u8>> {
    match change {
        ColumnOp::Set(value) => Some(value.clone()),
        ColumnOp::Replace(elements) => {
            let framed = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
            let mut out = u32::try_from(elements.len()).unwrap().to_be_bytes().to_vec();
            for (path, value) in elements {
                out.extend(framed(path));
                if matches!(kind, ColumnKind::Map(..)) {
                    out.extend(framed(value));
                }
            }
            Some(out)
        }
        _ => None,
    }
}

fn compare(history: &History, table: &Table) -> Result<(), String> {
    for (index, key) in history.keys.iter().enumerate() {
        // A key may stand there twice; it is one partition.
        let mut partition = model::ModelPartition::default();
        for (other, _) in history.keys.iter().enumerate().filter(|(_, other)| *other == key) {
            history.partition(other).writes.into_iter().for_each(|write| partition.apply(write));
        }
        let expected = partition.read(&history.table, history.now, history.strict_liveness);
        let found = read(table, *key, history.now).map_err(|e| e.to_string())?;
        if found != expected {
            return Err(format!("key {index}\nexpected {expected:?}\nfound    {found:?}"));
        }
    }
    Ok(())
}

fn read(table: &Table, key: i32, now: i64) -> helenus::Result<LivePartition> {
    let select = table.select().key(key);
    let mut rows = select.rows()?;
    let mut partition = LivePartition::default();
    while let Some(row) = rows.next()? {
        partition.statics = live_columns(&row, Kind::Static, row.static_cells()?, now)?;
        if !row.is_static_only() {
            partition.rows.push(LiveRow {
                clustering: row.clustering_values().map(|value| value.unwrap().to_vec()).collect(),
                columns: live_columns(&row, Kind::Regular, row.cells()?, now)?,
            });
        }
    }
    Ok(partition)
}

fn live_columns(
    row: &RowView<'_>,
    kind: Kind,
    mut cells: Cells<'_>,
    now: i64,
) -> helenus::Result<LiveColumns> {
    let columns = if kind == Kind::Static { row.schema().statics() } else { row.schema().regulars() };
    let mut found = LiveColumns::new();
    while let Some((index, cell)) = cells.next()? {
        let seen = model::LiveCell {
            value: cell.value.to_vec(),
            timestamp: cell.timestamp.0,
            ttl: cell.remaining_ttl(u32::try_from(now).unwrap()).map(i64::from),
        };
        if !columns.get(index).unwrap().complex {
            found.push((index, LiveColumn::Value(seen)));
            continue;
        }
        match found.last_mut() {
            Some((last, LiveColumn::Collection(cells))) if *last == index => {
                cells.push((cell.path.to_vec(), seen))
            }
            _ => found.push((index, LiveColumn::Collection(vec![(cell.path.to_vec(), seen)]))),
        }
    }
    Ok(found)
}
