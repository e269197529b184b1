//! The SSTables that a user's paths name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use helenus_io::{Disk, EntryKind};
use helenus_sstable::{Descriptor, Folder, SsTableError, SsTableErrorKind};

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
            vec![Descriptor::of_data_file(path)?]
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
            _ => found.extend([Descriptor::of_data_file(path)?]),
        }
    }
    while let Some(dir) = dirs.pop() {
        let folder = Folder::read(disk, &dir)?;
        found.extend(folder.tables().map(|table| table.descriptor.clone()));
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
        Some(first) if found.is_empty() => Err(SsTableError::new(first, SsTableErrorKind::NoTables).into()),
        _ => Ok(found.into_iter().collect()),
    }
}

fn tables_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<Descriptor>, ToolError> {
    let folder = Folder::read(disk, dir)?;
    let tables: Vec<Descriptor> = folder.tables().map(|table| table.descriptor.clone()).collect();
    if let Some(refused) = folder.listing.refused.into_iter().next() {
        return Err(refused.into());
    }
    if tables.is_empty() {
        Err(SsTableError::new(dir, SsTableErrorKind::NoTables).into())
    } else {
        Ok(tables)
    }
}
