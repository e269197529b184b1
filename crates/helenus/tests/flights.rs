//! Real data: the sample of New York's weather in `testdata/flights`, loaded, queried, deleted from
//! and opened again, each time compared with its CSV. The example `flights` does this with the
//! whole, and kills it meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data fails")]

#[path = "../examples/flights/records.rs"]
mod records;

use std::ops::Bound::{Excluded, Included};
use std::path::{Path, PathBuf};

use helenus::{Database, Options, Select, Table, Value};

use records::{BATCH_ROWS, FLIGHTS, Lines, Outcome, Record, WEATHER};

/// Data lines of the sample.
const ROWS: usize = 2_895;
const HOUR_MILLIS: i64 = 3_600_000;
/// 4 July in New York begins at 04:00 UTC.
const INDEPENDENCE_DAY: i64 = 1_372_910_400_000;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/flights")
}

fn load(db: &Database) -> Outcome<Table> {
    let mut told = Vec::new();
    let loaded = WEATHER.load(db, &sample(), |rows| {
        told.push(rows);
        Ok(())
    })?;
    assert_eq!(loaded.rows, ROWS as u64);
    assert!(loaded.seconds > 0.0);
    let batches = (1..=loaded.rows.div_ceil(BATCH_ROWS)).map(|batch| (batch * BATCH_ROWS).min(loaded.rows));
    assert!(told.iter().copied().eq(batches), "progress after each batch: {told:?}");
    Ok(WEATHER.open(db)?.unwrap())
}

/// All lines of the CSV.
fn lines(table: &Table) -> Outcome<Vec<Record>> {
    let mut lines = Lines::open(&sample().join(WEATHER.file), table)?;
    let mut all = Vec::new();
    let mut record = Record::new();
    while lines.next(&mut record)? {
        all.push(std::mem::take(&mut record));
    }
    Ok(all)
}

/// A row in the CSV's form: origin, year, month, day, hour, …, time_hour.
const COLUMNS: [&str; 15] = [
    "origin",
    "year",
    "month",
    "day",
    "hour",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "time_hour",
];
const MONTH: usize = 2;
const DAY: usize = 3;
const TIME_HOUR: usize = 14;

fn found(select: &Select) -> Outcome<Vec<Record>> {
    let mut rows = select.rows()?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let value = |name: &&str| row.value(name).map(|value| Some(value).filter(|v| *v != Value::Null));
        all.push(COLUMNS.iter().map(value).collect::<Result<Record, _>>()?);
    }
    Ok(all)
}

/// Lines of one partition that `keep` keeps, in the table's order, which is the CSV's.
fn expected(lines: &[Record], origin: &str, month: i8, keep: impl Fn(&Record) -> bool) -> Vec<Record> {
    let is_of = |line: &&Record| {
        line[0] == Some(Value::Text(origin.to_owned())) && line[MONTH] == Some(Value::TinyInt(month))
    };
    lines.iter().filter(is_of).filter(|line| keep(line)).cloned().collect()
}

fn is_4_july(line: &Record) -> bool {
    line[MONTH] == Some(Value::TinyInt(7)) && line[DAY] == Some(Value::TinyInt(4))
}

fn day(table: &Table) -> Select {
    let end = INDEPENDENCE_DAY + 24 * HOUR_MILLIS;
    table.select().key(("JFK", 7)).from(Included(INDEPENDENCE_DAY)).to(Excluded(end))
}

/// Everything that the table answers, compared with the lines.
#[track_caller]
fn check(table: &Table, lines: &[Record]) {
    let july = expected(lines, "JFK", 7, is_4_july);
    assert_eq!(found(&day(table)).unwrap(), july);

    let mut reversed = expected(lines, "EWR", 2, |_| true);
    reversed.reverse();
    assert_eq!(found(&table.select().key(("EWR", 2)).reverse()).unwrap(), reversed);
    assert_eq!(found(&table.select().key(("EWR", 2)).reverse().limit(7)).unwrap(), reversed[..7]);

    // Partitions come by their tokens; each in the order of the CSV.
    let mut all = found(&table.select()).unwrap();
    let key = |line: &Record| match (&line[0], &line[MONTH], &line[TIME_HOUR]) {
        (Some(Value::Text(origin)), Some(Value::TinyInt(month)), Some(Value::Timestamp(hour))) => {
            (origin.clone(), *month, *hour)
        }
        other => panic!("a key was expected, {other:?} found"),
    };
    all.sort_by_key(key);
    let mut lines = lines.to_vec();
    lines.sort_by_key(key);
    assert_eq!(all.len(), lines.len());
    assert_eq!(all, lines);
}

#[test]
fn weather_is_there_as_the_csv_has_it_before_and_after_deleting_and_opening_again() -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let table = load(&db)?;
    let mut lines = lines(&table)?;
    assert_eq!(lines.len(), ROWS);
    check(&table, &lines);
    assert_eq!(WEATHER.count_verified(&db, &sample())?, ROWS as u64);
    // From the memtable, then from an SSTable, then from both.
    table.flush()?;
    check(&table, &lines);

    let end = INDEPENDENCE_DAY + 24 * HOUR_MILLIS;
    table.delete(("JFK", 7), ()).from(Included(INDEPENDENCE_DAY)).to(Excluded(end)).execute()?;
    lines.retain(|line| !is_4_july(line));
    assert_eq!(lines.len(), ROWS - 24);
    check(&table, &lines);
    assert!(WEATHER.count_verified(&db, &sample()).is_err(), "the CSV has rows that were deleted");

    // Dropped, not closed: opening replays the log, where the deletion is.
    drop((table, db));
    let db = Database::open(dir.path())?;
    let table = WEATHER.open(&db)?.unwrap();
    check(&table, &lines);
    table.compact()?;
    check(&table, &lines);
    db.close()?;

    let db = Options::new().read_only(true).open(dir.path())?;
    check(&WEATHER.open(&db)?.unwrap(), &lines);
    Ok(())
}

#[test]
fn loading_again_brings_back_what_was_deleted() -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    let table = load(&db)?;
    table.delete_partition(("LGA", 1)).execute()?;
    table.flush()?;
    assert_eq!(found(&table.select().key(("LGA", 1)))?, Vec::<Record>::new());
    load(&db)?;
    check(&table, &lines(&table)?);
    assert_eq!(WEATHER.count_verified(&db, &sample())?, ROWS as u64);
    db.close()?;
    Ok(())
}

#[test]
fn a_csv_of_another_table_is_refused() -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path())?;
    assert!(FLIGHTS.open(&db)?.is_none());
    let flights = FLIGHTS.create(&db)?;
    let error = Lines::open(&sample().join(WEATHER.file), &flights).err().map(|error| error.to_string());
    assert!(error.as_ref().is_some_and(|text| text.contains("no column temp")), "{error:?}");
    Ok(())
}
