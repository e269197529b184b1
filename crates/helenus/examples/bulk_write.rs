//! SSTables without a database: rows in, files for `nodetool import` out.
//!
//!     cargo run --release --example bulk_write -- [DIR] [ROWS]
//!
//! Writes measurements of a few thousand sensors, in the order in which they were made, then reads
//! the files back.

#![expect(clippy::print_stdout, reason = "an example tells what it does")]

use std::path::Path;

use helenus::{BulkOptions, Clock, SystemClock};

const SCHEMA: &str = "CREATE TABLE plant.measurements (sensor int, at timestamp, celsius double, note text, \
                      PRIMARY KEY (sensor, at)) WITH CLUSTERING ORDER BY (at DESC);";
const SENSORS: i32 = 2_000;
/// 2024-01-01, in milliseconds.
const BEGIN_MILLIS: i64 = 1_704_067_200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let temp = tempfile::tempdir()?;
    let dir = args.next().map_or_else(|| temp.path().join("measurements"), Into::into);
    let rows = args.next().map_or(Ok(200_000), |rows| rows.parse())?;
    write(&dir, rows)?;
    read(&dir)?;
    Ok(())
}

fn write(dir: &Path, rows: i64) -> helenus::Result<()> {
    let clock = SystemClock::new();
    let writer = BulkOptions::new().open(dir, SCHEMA, "plant", "measurements")?;
    let mut sensor = 0;
    let mut at = BEGIN_MILLIS;
    for row in 0..rows {
        // Values come in the order of the columns; a missing note would be `Unset`, null would
        // delete it.
        writer.add_row((sensor, at, 20.0 + (row % 100) as f64 / 10.0, "as expected"))?;
        sensor += 1;
        if sensor == SENSORS {
            (sensor, at) = (0, at + 60_000);
        }
    }
    // Anything else that CQL could say of the table, but for what has to be read first.
    writer.update(7, BEGIN_MILLIS).set("note", "calibrated").execute()?;
    writer.delete_partition(8).execute()?;
    let tables = writer.finish()?;
    println!("{rows} rows written in {:.2} s", clock.elapsed().as_secs_f64());
    for table in tables {
        println!(
            "{}: {} partitions, {} bytes",
            table.data_file.display(),
            table.partitions,
            table.bytes_on_disk
        );
    }
    Ok(())
}

fn read(dir: &Path) -> helenus::Result<()> {
    let table = helenus::open_sstables(dir, SCHEMA, "plant", "measurements")?;
    let select = table.select();
    let mut rows = select.rows()?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    println!("{count} rows read, without those of the sensor that was deleted");
    Ok(())
}
