//! Questions, deletions, and the questions again.

use std::ops::Bound::{Excluded, Included};
use std::path::Path;

use helenus::{Clock, Database, RowView, Select, SystemClock, Table};

use crate::records::{Dataset, FLIGHTS, Outcome, WEATHER};

const HOUR_MILLIS: i64 = 3_600_000;
/// 4 July in New York begins at 04:00 UTC; in milliseconds since 1970, as in a `timestamp`.
const INDEPENDENCE_DAY: i64 = 1_372_910_400_000;
/// 24 January, six in the morning in New York.
const JANUARY_MORNING: i64 = 1_359_025_200_000;
/// 15 August, seven in the morning in New York.
const AUGUST_HOUR: i64 = 1_376_564_400_000;

/// Asks the database in `db` what it holds, and deletes some of it.
pub(crate) fn run(db: &Path) -> Outcome<()> {
    let clock = SystemClock::new();
    let db = Database::open(db)?;
    println!("opened in {:.3} s", clock.elapsed().as_secs_f64());
    let mut found = false;
    for set in [&FLIGHTS, &WEATHER] {
        if let Some(table) = set.open(&db)? {
            found = true;
            ask(set, &table, &clock)?;
        }
    }
    if !found {
        return Err("neither flights nor weather are there: `load` writes them".into());
    }
    Ok(db.close()?)
}

/// The questions, which fit both tables: the clustering of both begins with the hour.
pub(crate) fn ask(set: &Dataset, table: &Table, clock: &dyn Clock) -> Outcome<()> {
    let shown: &[&str] = if set.name == FLIGHTS.name {
        &["time_hour", "carrier", "flight", "tailnum", "dest", "dep_delay"]
    } else {
        &["time_hour", "temp", "humid", "wind_dir", "wind_speed", "wind_gust"]
    };
    let day_end = INDEPENDENCE_DAY + 24 * HOUR_MILLIS;
    let day = table.select().key(("JFK", 7)).from(Included(INDEPENDENCE_DAY)).to(Excluded(day_end));
    let morning = table
        .select()
        .key(("LGA", 1))
        .from(Included(JANUARY_MORNING))
        .to(Included(JANUARY_MORNING + 6 * HOUR_MILLIS))
        .reverse();
    let all = table.select();

    println!("\n{}: JFK on 4 July, the first of the day", set.name);
    show(&day.clone().limit(5), shown)?;
    timed("the whole day", &day, clock)?;
    println!("{}: LGA on 24 January from noon back to six, the last first", set.name);
    show(&morning.clone().limit(5), shown)?;
    timed("the whole morning", &morning, clock)?;
    timed("everything", &all, clock)?;

    table.delete(("JFK", 7), ()).from(Included(INDEPENDENCE_DAY)).to(Excluded(day_end)).execute()?;
    println!("{}: JFK's 4 July deleted, a range", set.name);
    timed("the whole day", &day, clock)?;
    timed("everything", &all, clock)?;

    let hour = table.select().key(("EWR", 8)).prefix(AUGUST_HOUR);
    timed("EWR on 15 August from seven to eight", &hour, clock)?;
    if set.name == FLIGHTS.name {
        table.delete(("EWR", 8), (AUGUST_HOUR, "UA")).execute()?;
        println!("{}: United's of that hour deleted, a prefix", set.name);
    } else {
        table.delete(("EWR", 8), AUGUST_HOUR).execute()?;
        println!("{}: that hour deleted, a row", set.name);
    }
    timed("EWR on 15 August from seven to eight", &hour, clock)?;
    timed("everything", &all, clock)?;
    Ok(())
}

/// Prints some columns of the rows.
fn show(select: &Select, columns: &[&str]) -> Outcome<()> {
    let mut rows = select.rows()?;
    while let Some(row) = rows.next()? {
        let mut line = String::new();
        for name in columns {
            line.push_str("   ");
            push_column(&row, name, &mut line)?;
        }
        println!("{line}");
    }
    Ok(())
}

/// Appends a column's value as a literal of CQL.
fn push_column(row: &RowView<'_>, name: &str, out: &mut String) -> Outcome<()> {
    let (kind, index) = row.schema().column(name).ok_or_else(|| format!("no column {name}"))?;
    let mut bytes = Vec::new();
    match row.schema().column_type(kind, index) {
        Some(ty) if row.serialized(kind, index, &mut bytes)? => ty.literal(&bytes, out)?,
        _ => out.push_str("null"),
    }
    Ok(())
}

/// Counts the rows and says how long it took.
fn timed(what: &str, select: &Select, clock: &dyn Clock) -> Outcome<()> {
    let began = clock.elapsed();
    let mut rows = select.rows()?;
    let mut count = 0u64;
    while rows.next()?.is_some() {
        count += 1;
    }
    println!("   {what}: {count} rows in {:.2} ms", (clock.elapsed() - began).as_secs_f64() * 1e3);
    Ok(())
}
