//! What one change costs as what it changes grows: microseconds of processor time, on the way to a
//! size.

use std::ops::Bound::{Excluded, Included};

use helenus::{Background, Durability, Options};

use super::create;
use crate::meter::Meter;
use crate::report::Report;
use crate::{Args, Result};

/// All of the curves.
pub(in crate::phases) fn run(args: &Args) -> Result<()> {
    range_deletions(args)?;
    beside_a_reader(args)?;
    map_puts(args)?;
    schema_changes(args)
}

/// Nothing is flushed, and nothing runs beside.
fn options() -> Options {
    Options::new()
        .background(Background::Manual)
        .durability(Durability::Buffered)
        .memtable_bytes(1 << 30)
        .memtable_total_bytes(2 << 30)
        .log_total_bytes(4 << 30)
}

/// Calls `change` with each number below the last size, and prints what one call took on the last
/// tenth of the way to each of the sizes.
fn curve(args: &Args, name: &str, sizes: &[i32], mut change: impl FnMut(i32) -> Result<()>) -> Result<()> {
    let mut from = 0;
    for &size in sizes {
        let begin = from.max(size - (size / 10).max(1));
        (from..begin).try_for_each(&mut change)?;
        let meter = Meter::start();
        (begin..size).try_for_each(&mut change)?;
        let reading = meter.read();
        Report::new(args, "curves", name, &reading)
            .count("size", u64::try_from(size)?)
            .figure("cpu_us", reading.cpu_secs * 1e6 / f64::from(size - begin))
            .emit(args)?;
        from = size;
    }
    Ok(())
}

fn range_deletions(args: &Args) -> Result<()> {
    let (db, table) = create(options(), args)?;
    curve(args, "range deletion", &[1_000, 5_000, 20_000, 80_000], |n| {
        // In no order, each by itself.
        let at = (n * 7919 % 80_000) * 10;
        Ok(table.delete(1, ()).from(Included(at)).to(Excluded(at + 5)).execute()?)
    })?;
    Ok(db.close()?)
}

fn beside_a_reader(args: &Args) -> Result<()> {
    let (db, table) = create(options(), args)?;
    let mut reader = None;
    curve(args, "write beside a reader", &[1_000, 10_000, 100_000, 300_000], |n| {
        // Each write finds all of the partition shared.
        let mut rows = table.select().key(1).into_rows()?;
        rows.next()?;
        reader = Some(rows);
        let at = i32::try_from(i64::from(n) * 7919 % 300_000)?;
        table.insert(1, at).set("v", [1_u8; 16].as_slice()).execute()?;
        Ok(())
    })?;
    drop(reader);
    Ok(db.close()?)
}

fn map_puts(args: &Args) -> Result<()> {
    let (db, table) = create(options(), args)?;
    curve(args, "put into a map", &[50, 200, 1_000, 2_000, 20_000], |n| {
        table.update(1, 1).put("m", n, n).execute()?;
        Ok(())
    })?;
    Ok(db.close()?)
}

fn schema_changes(args: &Args) -> Result<()> {
    // With threads, which make schema.cql anew.
    let (db, _) = create(Options::new().durability(Durability::Buffered), args)?;
    curve(args, "CREATE TABLE", &[10, 100, 400, 1_200], |n| {
        db.execute_schema(&format!("CREATE TABLE ks.t{n} (p int PRIMARY KEY, v int)"))?;
        Ok(())
    })?;
    let of_1200 = [
        ("ALTER TABLE WITH, of 1,200", "ALTER TABLE ks.t{} WITH comment = 'a'"),
        ("ALTER TABLE ADD, of 1,200", "ALTER TABLE ks.t{} ADD w int"),
        ("DROP TABLE, of 1,200", "DROP TABLE ks.t{}"),
    ];
    for (name, statement) in of_1200 {
        curve(args, name, &[100], |n| {
            db.execute_schema(&statement.replace("{}", &n.to_string()))?;
            Ok(())
        })?;
    }
    Ok(db.close()?)
}
