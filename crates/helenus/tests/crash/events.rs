//! The `tracing` events of a database's life.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use helenus::{Background, Durability, Options};
use helenus_sim::{SimClock, SimDisk};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps each event as its message and the names of its fields.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<String>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.message, "{value:?}").unwrap(),
            name => self.fields.push(name.to_owned()),
        }
    }
}

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(format!("{} ({})", line.message, line.fields.join(", ")));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_life_in_events() {
    let events = Events::default();
    let told = events.0.clone();
    // With one subscriber alone, an event that another test's thread comes to first is off for all
    // threads.
    let _second = tracing::Dispatch::new(Events::default());
    tracing::subscriber::with_default(events, || {
        let disk = SimDisk::new();
        let options = Options::new()
            .disk(Arc::new(disk.clone()))
            .clock(Arc::new(SimClock::new(1_700_000_000_000_000)))
            .durability(Durability::Sync)
            .log_segment_bytes(64 << 10)
            .background(Background::Manual);
        let db = options.clone().open("/db").unwrap();
        db.execute_schema(
            "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
             CREATE TABLE ks.t (p int PRIMARY KEY, v text);",
        )
        .unwrap();
        let table = db.table("ks", "t").unwrap();
        for p in 0..2 {
            table.insert(p, ()).set("v", "value").execute().unwrap();
            table.flush().unwrap();
        }
        table.compact().unwrap();
        table.insert(2, ()).set("v", "value").execute().unwrap();
        drop((db, table));
        options.open("/db").unwrap().close().unwrap();
    });
    let expected = "\
opened (dir, is_new, read_only, tables, sstables, elapsed_ms)
flushed (table, sstable, bytes, memtable_bytes, partitions)
flushed (table, sstable, bytes, memtable_bytes, partitions)
compacted (table, reason, inputs, expired, sstable, bytes_read, bytes_written)
recovered the log (dir, records, bytes, elapsed_ms)
opened (dir, is_new, read_only, tables, sstables, elapsed_ms)
flushed (table, sstable, bytes, memtable_bytes, partitions)
closed (dir)";
    assert_eq!(told.lock().unwrap().join("\n"), expected);
}
