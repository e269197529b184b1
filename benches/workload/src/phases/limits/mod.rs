//! What has a limit: memory against budgets, an opening by the number of SSTables, a first write,
//! and what one change costs as what it changes grows.

pub(super) mod budget;
pub(super) mod curves;
pub(super) mod opening;

use std::fs;
use std::path::PathBuf;

use helenus::{Database, Options, Table};

use super::{MARK, wipe};
use crate::{Args, Result};

/// A table of one partition's rows by number.
const SCHEMA: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
     CREATE TABLE ks.t (p int, c int, v blob, m map<int, int>, PRIMARY KEY (p, c))
     WITH compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'};";

/// An empty directory for databases.
fn empty(args: &Args) -> Result<PathBuf> {
    wipe(&args.dir)?;
    fs::create_dir_all(&args.dir)?;
    fs::write(args.dir.join(MARK), "")?;
    Ok(args.dir.join("db"))
}

fn create(options: Options, args: &Args) -> Result<(Database, Table)> {
    let db = options.open(empty(args)?)?;
    db.execute_schema(SCHEMA)?;
    let table = db.table("ks", "t")?;
    Ok((db, table))
}
