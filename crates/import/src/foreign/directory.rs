//! The SSTables of one foreign directory, according to its names and transaction logs.

use std::path::Path;

use helenus_engine::{Error, LeftOut, Result};
use helenus_io::Disk;
use helenus_sstable::{Component, Folder, FoundTable};

/// A foreign SSTable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) found: FoundTable,
    /// Bytes of its files.
    pub(crate) bytes: u64,
}

/// The contents of a directory of SSTables.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// Those that count, in the order of their ids.
    pub(crate) sstables: Vec<Present>,
    pub(crate) left_out: Vec<LeftOut>,
    /// Why it can't be read: the first file of an unsupported version, or a damaged log.
    pub(crate) problem: Option<Error>,
    /// Names of directories in it.
    pub(crate) directories: Vec<String>,
    /// Names of files that belong to no SSTable.
    pub(crate) others: Vec<String>,
}

impl Directory {
    /// Lists `dir`, and reads the logs of transactions in it.
    pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Self> {
        let entries = disk.list(dir)?;
        let directories = entries.iter().filter(|entry| entry.is_dir()).filter_map(|entry| entry.utf8());
        let mut directory = Self { directories: directories.map(str::to_owned).collect(), ..Self::default() };
        let folder = match Folder::read(disk, dir) {
            Ok(folder) => folder,
            Err(error) => {
                directory.problem = Some(error.into());
                return Ok(directory);
            }
        };
        let len_of = |name: &str| {
            // They are listed by name.
            let at = folder.files.binary_search_by(|entry| entry.utf8().unwrap_or_default().cmp(name));
            at.ok().and_then(|at| folder.files.get(at)).map_or(0, |entry| entry.len)
        };
        for found in &folder.listing.tables {
            match folder.why_left_out(found) {
                Some(reason) => {
                    let path = found.descriptor.path(&Component::Data);
                    directory.left_out.push(LeftOut { path, reason: reason.to_owned() });
                }
                None => {
                    let names =
                        found.components.iter().map(|component| found.descriptor.file_name(component));
                    let bytes = names.map(|name| len_of(&name)).sum();
                    directory.sstables.push(Present { found: found.clone(), bytes });
                }
            }
        }
        directory.problem = folder.listing.refused.into_iter().next().map(Error::from);
        directory.others = folder.listing.other;
        Ok(directory)
    }
}
