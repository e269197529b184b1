//! Bringing SSTables into a table, as `nodetool import` does (`db.SSTableImporter`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use helenus_io::parent_of;
use helenus_sstable::{Component, Descriptor, FoundTable};

use crate::adopt::Progress;
use crate::error::{Error, ErrorKind, Result};
use crate::foreign::{Directory, LeftOut, Present, Transfer, Verification};
use crate::foreign::{check_nothing_in_log, database_around};
use crate::table::Table;

/// How SSTables are brought into a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct IngestOptions {
    /// How their files come in.
    pub transfer: Transfer,
    /// How closely they are looked at before.
    pub verification: Verification,
    /// Whether they stay in their level of a leveled compaction, instead of beginning in level 0.
    pub keep_level: bool,
    /// Whether they stay marked as repaired. It means nothing here, but to a node that gets them back.
    pub keep_repaired: bool,
}

/// What was brought in.
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
    /// What lay there and was not taken.
    pub left_out: Vec<LeftOut>,
}

impl Table {
    /// Brings SSTables into the table: all of those in the directories that are named, and those of the files that are.
    ///
    /// They are looked at first, get generations of this database, and become visible together; after a crash all of
    /// them are there or none. Rows count by their timestamps as always: what the table has newer, or has deleted since,
    /// stays. Writes without a timestamp get newer ones than what was brought in, unless that lies more than a day ahead
    /// of the clock.
    ///
    /// # Errors
    /// When there are no SSTables, one is damaged, is not of this table, or of a version or partitioner that is not read
    /// here; when the table has views, which would not be kept up; when files can't be written. Nothing was
    /// brought in then.
    pub fn ingest(&self, paths: &[PathBuf], options: IngestOptions) -> Result<Ingested> {
        self.ingest_watched(paths, options, &mut |_| {})
    }

    /// The same; `progress` is told how far it is.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest).
    pub fn ingest_watched(
        &self,
        paths: &[PathBuf],
        options: IngestOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Ingested> {
        let disk = self.db.inner.disk();
        let mut found: Vec<Present> = Vec::new();
        let mut left_out = Vec::new();
        for (dir, only) in by_directory(&**disk, paths)? {
            // Of this database itself whoever names them knows.
            let around = database_around(&**disk, &dir)?;
            if around.is_some_and(|database| database != self.db.inner.dir) {
                check_nothing_in_log(&self.db.inner.options, &dir)?;
            }
            let directory = Directory::list(&**disk, &dir)?;
            if let Some(problem) = directory.problem {
                return Err(problem);
            }
            let wanted =
                |table: &FoundTable| only.as_ref().is_none_or(|only| only.contains(&table.descriptor));
            found.extend(directory.sstables.into_iter().filter(|present| wanted(&present.found)));
            left_out.extend(directory.left_out);
        }
        if found.is_empty() {
            let places: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let text = format!("no SSTables (files named like da-1-bti-Data.db) in {}", places.join(", "));
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let ingested = self.db.inner.ingest(&self.core, found, options, progress)?;
        Ok(Ingested { left_out, ..ingested })
    }
}

/// The directories that are meant, and which of their SSTables; `None`: all.
fn by_directory(
    disk: &dyn helenus_io::Disk,
    paths: &[PathBuf],
) -> Result<BTreeMap<PathBuf, Option<BTreeSet<Descriptor>>>> {
    let mut chosen: BTreeMap<PathBuf, Option<BTreeSet<Descriptor>>> = BTreeMap::new();
    for path in paths {
        if disk.metadata(path)?.kind == helenus_io::EntryKind::Directory {
            chosen.insert(path.clone(), None);
            continue;
        }
        let descriptor = descriptor(path)?;
        if let Some(only) = chosen.entry(parent_of(path).to_owned()).or_insert_with(|| Some(BTreeSet::new()))
        {
            only.insert(descriptor);
        }
    }
    Ok(chosen)
}

fn descriptor(path: &Path) -> Result<Descriptor> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parsed: std::result::Result<(Descriptor, Component), _> = Descriptor::parse(parent_of(path), name);
    parsed.map(|(descriptor, _)| descriptor).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("{}: not a file of an SSTable: {error}", path.display()))
    })
}
