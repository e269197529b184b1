//! What the paths that a user names stand for.

use std::path::{Path, PathBuf};

use helenus_io::{Disk, parent_of};
use helenus_sstable::{Component, Descriptor, Folder, SsTableError, SsTableErrorKind};

use crate::error::ToolError;

/// The SSTables that `paths` name: of a file its own, of a directory all that have a Data.db in it and
/// count (no transaction left them unfinished or obsolete), in the order of their ids. None comes twice.
///
/// # Errors
/// When a path is not there, a file is no Data.db, or a directory holds no SSTable, or one that can't be read here.
pub fn find_tables(disk: &dyn Disk, paths: &[PathBuf]) -> Result<Vec<Descriptor>, ToolError> {
    let mut found: Vec<Descriptor> = Vec::new();
    for path in paths {
        let here = if disk.metadata(path)?.kind == helenus_io::EntryKind::Directory {
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
    let counting = folder.tables().filter(|table| table.components.contains(&Component::Data));
    let tables: Vec<Descriptor> = counting.map(|table| table.descriptor.clone()).collect();
    if let Some(refused) = folder.listing.refused.into_iter().next() {
        return Err(refused.into());
    }
    if tables.is_empty() { Err(ToolError::NoTables(dir.to_owned())) } else { Ok(tables) }
}
