//! A tour with the sample in the repository: it needs nothing else and takes seconds.

use std::path::Path;

use helenus::{Clock, SystemClock};

use crate::records::{Outcome, WEATHER};
use crate::{crash, load, query};

/// Loads the sample, compares it with the CSV, asks, deletes; then kills a few loads of it.
pub(crate) fn run() -> Outcome<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/flights");
    let scratch = tempfile::tempdir()?;
    let db = scratch.path().join("db");
    let settings = load::Settings::parse(&[])?;
    let clock = SystemClock::new();

    println!("weather of four months, of a whole year's flights and weather (see --help)");
    let open = settings.open(&db)?;
    let loaded = WEATHER.load(&open, &dir, |_| Ok(()))?;
    println!("{} rows loaded in {:.2} ms", loaded.rows, loaded.seconds * 1e3);
    open.close()?;

    let found = WEATHER.count_verified(&settings.open(&db)?, &dir)?;
    println!("closed and opened again: {found} rows, each as the CSV has it");
    if found != loaded.rows {
        return Err(format!("{} rows were loaded", loaded.rows).into());
    }
    query::run(&db)?;

    println!("\nloads that are killed");
    crash::run(&scratch.path().join("crash"), &dir, 3)?;
    println!("all in {:.1} s", clock.elapsed().as_secs_f64());
    Ok(())
}
