//! The SSTables that a user's paths name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use helenus_io::{Disk, EntryKind, parent_of};
use helenus_sstable::{Component, Descriptor, Folder, SsTableError, SsTableErrorKind};

use crate::error::ToolError;

/// The SSTables that `paths` name: of a file its own, of a directory all live ones with a Data.db
/// in it (not those that a transaction left unfinished or obsolete), in the order of their ids.
/// None comes twice.
///
/// # Errors
/// When a path is not there, a file is no Data.db, or a directory holds no SSTable, or one that
/// can't be read here.
pub fn find_tables(disk: &dyn Disk, paths: &[PathBuf]) -> Result<Vec<Descriptor>, ToolError> {
    let mut found: Vec<Descriptor> = Vec::new();
    for path in paths {
        let here = if disk.metadata(path)?.kind == EntryKind::Directory {
            tables_in(disk, path)?
        } else {
            vec![table_of(path)?]
        };
        for table in here {
            if !found.contains(&table) {
                found.push(table);
            }
        }
    }
    Ok(found)
}

/// The subdirectories that are searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Below {
    /// Those called `snapshots`.
    pub snapshots: bool,
    /// Those called `backups`.
    pub backups: bool,
}

/// The same with all subdirectories. There, SSTables of unsupported versions are skipped. Links are
/// not followed.
///
/// # Errors
/// As [`find_tables`], and when there is no SSTable.
pub fn find_tables_below(
    disk: &dyn Disk,
    paths: &[PathBuf],
    below: Below,
) -> Result<Vec<Descriptor>, ToolError> {
    let mut found: BTreeSet<Descriptor> = BTreeSet::new();
    let mut dirs: Vec<PathBuf> = Vec::new();
    for path in paths {
        match disk.metadata(path)?.kind {
            EntryKind::Directory => dirs.push(path.clone()),
            _ => found.extend([table_of(path)?]),
        }
    }
    while let Some(dir) = dirs.pop() {
        let folder = Folder::read(disk, &dir)?;
        found.extend(counting(&folder));
        let is_wanted = |name: &OsStr| match name.to_str() {
            Some("snapshots") => below.snapshots,
            Some("backups") => below.backups,
            _ => true,
        };
        let entries = disk.list(&dir)?;
        let inside = entries.iter().filter(|entry| entry.is_dir() && is_wanted(&entry.name));
        dirs.extend(inside.map(|entry| dir.join(&entry.name)));
    }
    match paths.first() {
        Some(first) if found.is_empty() => Err(ToolError::NoTables(first.clone())),
        _ => Ok(found.into_iter().collect()),
    }
}

/// The SSTable whose Data.db is at `path`.
fn table_of(path: &Path) -> Result<Descriptor, ToolError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parsed = Descriptor::parse(parent_of(path), name).map_err(|error| SsTableError::new(path, error))?;
    match parsed {
        (descriptor, Component::Data) => Ok(descriptor),
        (_, other) => {
            let wrong = SsTableErrorKind::FileName { expected: "Data.db", found: other.name().to_owned() };
            Err(SsTableError::new(path, wrong).into())
        }
    }
}

fn tables_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<Descriptor>, ToolError> {
    let folder = Folder::read(disk, dir)?;
    let tables = counting(&folder);
    if let Some(refused) = folder.listing.refused.into_iter().next() {
        return Err(refused.into());
    }
    if tables.is_empty() { Err(ToolError::NoTables(dir.to_owned())) } else { Ok(tables) }
}

/// The SSTables of a folder that count and have a Data.db.
fn counting(folder: &Folder) -> Vec<Descriptor> {
    let counting = folder.tables().filter(|table| table.components.contains(&Component::Data));
    counting.map(|table| table.descriptor.clone()).collect()
}
