//! Positions of drivers: a partition for each driver, the newest first, each for a while.
//!
//!     cargo run --release --example locations
//!
//! Shows the last position, a stretch of time, and how positions expire by themselves.

#![expect(clippy::print_stdout, reason = "an example says what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use helenus::{Clock, Durability, MemoryDisk, Options, Result, Row, Table};

const SCHEMA: &str = "
    CREATE KEYSPACE fleet WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE fleet.positions (driver text, at timestamp, latitude double, longitude double, speed float,
        plate text static, PRIMARY KEY (driver, at))
        WITH CLUSTERING ORDER BY (at DESC) AND default_time_to_live = 604800;";

#[derive(Row, Debug, Clone, PartialEq)]
struct Position {
    driver: String,
    at: SystemTime,
    latitude: f64,
    longitude: f64,
    speed: Option<f32>,
}

fn main() -> Result<()> {
    let clock = Arc::new(ExampleClock::default());
    let options = Options::new().durability(Durability::Buffered).disk(Arc::new(MemoryDisk::new()));
    let db = options.clock(clock.clone()).open("/fleet")?;
    db.execute_schema(SCHEMA)?;
    let positions = db.table("fleet", "positions")?;

    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    clock.set(start);
    for driver in ["ada", "bob"] {
        // Data of the driver and not of a position is a static column: once for each partition.
        positions.insert(driver, ()).set("plate", format!("{driver}-1")).ttl(0).execute()?;
    }
    for second in 0..600 {
        let at = start + Duration::from_secs(second);
        clock.set(at);
        let position = Position {
            driver: "ada".into(),
            at,
            latitude: 52.5 + second as f64 * 1e-5,
            longitude: 13.4,
            speed: (second % 10 == 0).then_some(8.3),
        };
        positions.insert_row(&position)?.execute()?;
    }

    let last = last_position(&positions, "ada")?;
    println!("ada was last seen at {:.5}, {:.5}", last.as_ref().map_or(0.0, |p| p.latitude), 13.4);
    assert_eq!(last.map(|position| position.at), Some(start + Duration::from_secs(599)));
    assert_eq!(last_position(&positions, "bob")?, None);

    // The last minute: the rows of a partition are in order, so this reads those and no others.
    let recent = positions.select().key("ada").range(start + Duration::from_secs(540)..);
    assert_eq!(recent.rows()?.into_typed::<Position>().count(), 60);

    // A week after the first of them half of the positions have expired; they need not be deleted.
    clock.set(start + Duration::from_secs(604_800 + 300));
    let left = positions.select().key("ada");
    let left = left.rows()?.into_typed::<Position>().collect::<Result<Vec<_>>>()?;
    println!("{} of 600 positions are left after a week and five minutes", left.len());
    assert_eq!(left.len(), 299);
    db.close()
}

/// The newest row of the partition: the first.
fn last_position(positions: &Table, driver: &str) -> Result<Option<Position>> {
    let newest = positions.select().key(driver).limit(1);
    let mut rows = newest.rows()?;
    match rows.next()? {
        // A driver that has static columns and no position yet is shown for these.
        Some(row) if !row.is_static_only() => helenus::FromRow::from_row(&row).map(Some),
        _ => Ok(None),
    }
}

/// A clock that stands until it is set, so that a week passes at once. An application needs none of
/// its own.
#[derive(Debug, Default)]
struct ExampleClock {
    micros: AtomicI64,
}

impl ExampleClock {
    fn set(&self, time: SystemTime) {
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.micros.store(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

impl Clock for ExampleClock {
    fn now_micros(&self) -> i64 {
        self.micros.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now_micros().unsigned_abs())
    }
}
