//! The library in an asynchronous program: its calls block, so they run where blocking is allowed.
//!
//!     cargo run --release --example with_tokio
//!
//! A `Database` and a `Table` are handles that are cheap to clone and may be used by any number of
//! threads at once.

#![expect(clippy::print_stdout, reason = "an example says what it does")]

use helenus::{Database, Result, Table};
use tokio::task::{JoinSet, spawn_blocking};

const SCHEMA: &str = "
    CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE app.visits (page text, id int, visitor text, PRIMARY KEY (page, id));";
const PAGES: [&str; 4] = ["/", "/about", "/blog", "/login"];
const VISITS: i32 = 250;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Opening may read a log, so it blocks too.
    let db = spawn_blocking(|| -> Result<Database> {
        let db = Database::in_memory()?;
        db.execute_schema(SCHEMA)?;
        Ok(db)
    })
    .await??;
    let visits = db.table("app", "visits")?;

    // Several tasks at once, each with its own handle.
    let mut tasks = JoinSet::new();
    for page in PAGES {
        let visits = visits.clone();
        tasks.spawn(async move { record(visits, page).await });
    }
    while let Some(recorded) = tasks.join_next().await {
        recorded??;
    }

    let counted = spawn_blocking(move || count(&visits)).await??;
    println!("{counted} visits");
    assert_eq!(counted, PAGES.len() * VISITS as usize);
    spawn_blocking(move || db.close()).await??;
    Ok(())
}

/// One hop to a blocking thread for all the writes of a request, not one for each.
async fn record(
    visits: Table,
    page: &'static str,
) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let write = move || -> Result<()> {
        (0..VISITS)
            .try_for_each(|id| visits.insert(page, id).set("visitor", format!("visitor {id}")).execute())
    };
    spawn_blocking(write).await??;
    Ok(())
}

fn count(visits: &Table) -> Result<usize> {
    let all = visits.select();
    let (mut rows, mut count) = (all.rows()?, 0);
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}
