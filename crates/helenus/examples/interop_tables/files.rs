//! A table's folder for `check.py`: its schema, its SSTables, and what we say they hold.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus::{Clock, Database, Disk, RealDisk, RowPrinter, SystemClock, Table};
use helenus_sstable::{
    CachedFile, ChunkCache, Descriptor, DumpOptions, DumpTimes, OpenOptions, PageVerification, SsTable, dump,
};

use crate::Result;

/// A summary of the written files.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) rows: usize,
    pub(crate) sstables: usize,
    pub(crate) bytes: u64,
}

/// Fills the folder from a database of one table and closes the database.
pub(crate) fn write_out(db: &Database, dir: &Path, history: &str, out: &Path) -> Result<Summary> {
    let table = db.tables().into_iter().next().ok_or("the database has no table")?;
    let schema = db.schema().to_cql();
    let select = export(&table)?;
    let live = table.metrics().sstables;
    db.close()?;
    std::fs::create_dir_all(out.join("dump"))?;
    std::fs::write(out.join("schema.cql"), &schema)?;
    std::fs::write(out.join("history.cql"), history)?;
    std::fs::write(out.join("select.jsonl"), &select)?;
    let mut summary = Summary { rows: select.lines().count(), sstables: 0, bytes: 0 };
    let source = data_folder(dir)?.ok_or("the database has no SSTables")?;
    for entry in std::fs::read_dir(&source)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_file() {
            summary.bytes += std::fs::copy(&path, out.join(name))?;
        }
        if let Some(stem) = name.strip_suffix("-Data.db") {
            summary.sstables += 1;
            dump_to(&source, name, &out.join("dump").join(format!("{stem}.json")))?;
        }
    }
    if summary.sstables as u64 != live {
        return Err(format!("{live} live SSTables, {} on disk", summary.sstables).into());
    }
    // The folder alone must give the same rows.
    let table_schema = table.schema();
    let copied = helenus::open_sstables(out, &schema, table_schema.keyspace(), table_schema.name())?;
    if export(&copied)? != select {
        return Err("the folder's rows are not the database's".into());
    }
    Ok(summary)
}

/// The output of `helenus export`.
fn export(table: &Table) -> Result<String> {
    let mut printer = RowPrinter::json(&table.schema());
    let mut out = String::new();
    let select = table.select();
    let mut rows = select.rows()?;
    while let Some(row) = rows.next()? {
        printer.row(&row, &mut out)?;
    }
    Ok(out)
}

/// Writes what `helenus sstable dump -t` prints.
fn dump_to(dir: &Path, name: &str, to: &Path) -> Result<()> {
    let (descriptor, _) = Descriptor::parse(dir, name)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = OpenOptions::new(Arc::new(ChunkCache::new(0)), CachedFile(0), PageVerification::Check);
    let table = SsTable::open(&disk, &descriptor, options)?;
    let now = u32::try_from(SystemClock::new().now_seconds())?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(to)?);
    let damage =
        dump(&table, DumpOptions { times: DumpTimes::Raw, now, ..DumpOptions::default() }, &mut out)?;
    out.flush()?;
    damage.into_iter().next().map_or(Ok(()), |first| Err(first.into()))
}

/// The folder below `dir` that holds SSTables.
fn data_folder(dir: &Path) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = data_folder(&path)? {
                return Ok(Some(found));
            }
        } else if path.to_string_lossy().ends_with("-Data.db") {
            return Ok(Some(dir.to_owned()));
        }
    }
    Ok(None)
}

/// Copies a directory with all that is in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
