//! Bringing SSTables into a table, as `nodetool import` does (`db.SSTableImporter`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_engine::parts::{IngestTarget, IngestedTable, Ingestion};
use helenus_engine::{Error, ErrorKind, LeftOut, Result, Table};
use helenus_io::{Disk, EntryKind, parent_of};
use helenus_sstable::{Component, Descriptor, FoundTable, SsTable, SsTableError, SsTableErrorKind};

use crate::foreign::{
    Directory, Kept, Present, Progress, Transfer, Verification, bring, check_fits, check_nothing_in_log,
    database_around, look_at, take_back,
};

/// Options of an ingestion.
#[derive(Clone, Copy, Debug, Default)]
pub struct IngestOptions {
    /// The way in which their files come in.
    pub transfer: Transfer,
    /// How closely they are verified first.
    pub verification: Verification,
    /// Whether they stay in their level of a leveled compaction, instead of beginning in level 0.
    pub keep_level: bool,
    /// Whether they stay marked as repaired. It means nothing here, but to a node that gets them
    /// back.
    pub keep_repaired: bool,
}

/// The result of an ingestion.
#[derive(Clone, Debug, Default)]
pub struct Ingested {
    /// Number of SSTables.
    pub sstables: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Files that have a second name now.
    pub files_linked: u64,
    /// Files that were copied.
    pub files_copied: u64,
    /// Files that were found and not taken.
    pub left_out: Vec<LeftOut>,
}

/// Brings SSTables into a table: all of those in the directories that are named, and those of the
/// files that are.
///
/// They are verified first, get generations of the table's database, and become visible together;
/// after a crash all of them are there or none. Rows count by their timestamps as always: newer
/// data and later deletions of the table win. Writes without a timestamp get newer ones than what
/// was brought in, unless that lies more than a day ahead of the clock.
///
/// ```no_run
/// # fn main() -> helenus::Result<()> {
/// # let db = helenus::Database::in_memory()?;
/// let ingested = helenus::ingest(&db.table("chat", "messages")?, &["upload".into()], Default::default())?;
/// println!("{} SSTables", ingested.sstables);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there are no SSTables, one is damaged, is not of this table, or of a version or partitioner
/// that is not read here; when the table has views, which would not be kept up; when they are to be
/// moved out of a database of Helenus; when files can't be written. Then nothing was brought in.
pub fn ingest(table: &Table, paths: &[PathBuf], options: IngestOptions) -> Result<Ingested> {
    ingest_watched(table, paths, options, &mut |_| {})
}

/// As [`ingest`]; `progress` receives the progress.
///
/// # Errors
/// As there.
pub fn ingest_watched(
    table: &Table,
    paths: &[PathBuf],
    options: IngestOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Ingested> {
    let target = IngestTarget::new(table)?;
    let disk = target.disk();
    let mut found: Vec<Present> = Vec::new();
    let mut left_out = Vec::new();
    for (dir, only) in by_directory(&**disk, paths)? {
        // SSTables of this database itself are named on purpose.
        let around = database_around(&**disk, &dir)?;
        if let Some(database) = &around
            && options.transfer == Transfer::Move
        {
            return Err(not_moved(&dir, database));
        }
        if around.is_some_and(|database| database != target.dir()) {
            check_nothing_in_log(disk, target.clock(), &dir)?;
        }
        let directory = Directory::list(&**disk, &dir)?;
        if let Some(problem) = directory.problem {
            return Err(problem);
        }
        let wanted = |table: &FoundTable| only.as_ref().is_none_or(|only| only.contains(&table.descriptor));
        found.extend(directory.sstables.into_iter().filter(|present| wanted(&present.found)));
        left_out.extend(directory.left_out);
    }
    if found.is_empty() {
        let first = paths.first().cloned().unwrap_or_default();
        return Err(SsTableError::new(first, SsTableErrorKind::NoTables).into());
    }
    let looked_at = look_at_all(target, found, options, progress)?;
    // Not before: the progress callback may close the database meanwhile.
    let versions: Vec<_> = looked_at.iter().map(|(found, _)| found.descriptor.version).collect();
    let ingestion = target.begin(&versions)?;
    let mut ingested = Ingested { left_out, ..Ingested::default() };
    let opened = match bring_in(target, &ingestion, &looked_at, options, &mut ingested) {
        Ok(opened) => opened,
        Err(error) => {
            for ((found, _), to) in looked_at.iter().zip(ingestion.names()) {
                take_back(&**disk, &found.components, to);
            }
            return Err(error);
        }
    };
    ingestion.publish(opened)?;
    if options.transfer == Transfer::Move {
        remove_sources(&**disk, &looked_at);
    }
    Ok(ingested)
}

/// A database that loses files which its manifest names doesn't open any more.
fn not_moved(dir: &Path, database: &Path) -> Error {
    let text = format!(
        "{} is in a database of Helenus ({}), which needs its files: link or copy them instead of moving them",
        dir.display(),
        database.display()
    );
    Error::new(ErrorKind::Unsupported, text)
}

/// Looks at SSTables where they are.
fn look_at_all(
    target: IngestTarget<'_>,
    found: Vec<Present>,
    options: IngestOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<(FoundTable, Arc<SsTable>)>> {
    let mut looked_at = Vec::with_capacity(found.len());
    let bytes_total = found.iter().map(|present| present.bytes).sum();
    let mut bytes_done: u64 = 0;
    for Present { found, bytes } in found {
        let (schema, header) = target.columns();
        let source =
            look_at(target.disk(), &found, (&schema, &header), options.verification, &mut |passed| {
                progress(Progress { bytes_done: bytes_done + bytes.min(passed), bytes_total });
            })?;
        bytes_done += bytes;
        progress(Progress { bytes_done, bytes_total });
        looked_at.push((found, source));
    }
    Ok(looked_at)
}

/// Brings the files in and opens them under their new names.
fn bring_in(
    target: IngestTarget<'_>,
    ingestion: &Ingestion<'_>,
    looked_at: &[(FoundTable, Arc<SsTable>)],
    options: IngestOptions,
    ingested: &mut Ingested,
) -> Result<Vec<IngestedTable>> {
    let (schema, header) = target.columns();
    let kept = Kept { level: options.keep_level, repaired: options.keep_repaired };
    let mut opened = Vec::with_capacity(looked_at.len());
    for ((found, source), to) in looked_at.iter().zip(ingestion.names()) {
        // Verified before, but the table's columns may have changed since.
        check_fits(&schema, &header, source.header(), &found.descriptor)?;
        let brought = bring(&**target.disk(), source, &found.components, to, options.transfer, kept)?;
        ingested.files_linked += brought.linked;
        ingested.files_copied += brought.copied;
        let level = if options.keep_level { source.stats().level } else { 0 };
        let table = ingestion.open(to, level)?;
        ingested.sstables += 1;
        ingested.bytes += table.bytes();
        opened.push(table);
    }
    ingestion.sync()?;
    Ok(opened)
}

/// They are in the database: what stays of them elsewhere does no harm.
fn remove_sources(disk: &dyn Disk, sources: &[(FoundTable, Arc<SsTable>)]) {
    for (found, _) in sources {
        // Data.db first: what is left without it is no SSTable.
        let rest = found.components.iter().filter(|component| **component != Component::Data);
        for component in std::iter::once(&Component::Data).chain(rest) {
            if let Err(error) = disk.remove_file(&found.descriptor.path(component)) {
                tracing::warn!(%error, "a file that was brought in stays where it was");
            }
        }
    }
}

/// The directories that are meant, and which of their SSTables; `None`: all.
fn by_directory(
    disk: &dyn Disk,
    paths: &[PathBuf],
) -> Result<BTreeMap<PathBuf, Option<BTreeSet<Descriptor>>>> {
    let mut chosen: BTreeMap<PathBuf, Option<BTreeSet<Descriptor>>> = BTreeMap::new();
    for path in paths {
        if disk.metadata(path)?.kind == EntryKind::Directory {
            chosen.insert(path.clone(), None);
            continue;
        }
        let (descriptor, _) = Descriptor::of_file(path)?;
        if let Some(only) = chosen.entry(parent_of(path).to_owned()).or_insert_with(|| Some(BTreeSet::new()))
        {
            only.insert(descriptor);
        }
    }
    Ok(chosen)
}
