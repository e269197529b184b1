//! Reads compared with the writes, through the public calls.

mod pages;
mod queries;
mod values;

use std::sync::Arc;

use helenus_sim::{SimClock, SimDisk};

use crate::{Background, Database, Durability, Options, Select, Table};

const KEYSPACE: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";

/// The second at which the tests' clock stands.
const NOW: i64 = 1_700_000_000;

fn open(disk: &SimDisk) -> Database {
    Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::new(NOW * 1_000_000)))
        .durability(Durability::Buffered)
        .log_segment_bytes(256 << 10)
        .background(Background::Manual)
        .open("/db")
        .unwrap()
}

/// A new database with the table `ks.t`.
fn create(table: &str) -> (Database, Table) {
    let db = open(&SimDisk::new());
    db.execute_schema(&format!("{KEYSPACE} {table};")).unwrap();
    let table = db.table("ks", "t").unwrap();
    (db, table)
}

/// The rows of a query: of each the partition, the clustering (`None` for a static row alone) and
/// the value `v`.
fn shown(select: &Select) -> Vec<Shown> {
    let mut rows = select.rows().unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let clustering: Vec<i32> = row
            .clustering_values()
            .map(|value| i32::from_be_bytes(value.unwrap().try_into().unwrap()))
            .collect();
        found.push((
            row.get("p").unwrap(),
            (!row.is_static_only()).then_some(clustering),
            row.get("s").unwrap(),
            row.get("v").unwrap(),
        ));
    }
    found
}

/// Partition, clustering, `s`, `v`.
type Shown = (i32, Option<Vec<i32>>, Option<i32>, Option<i32>);
