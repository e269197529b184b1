//! The files that Apache Cassandra wrote: found through `HELENUS_CORPUS`.

use std::path::{Path, PathBuf};

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{Component, FoundTable, Listing};

/// The corpus, or `None` with a note where there is none.
pub(crate) fn root() -> Option<PathBuf> {
    let root = std::env::var_os("HELENUS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if RealDisk.exists(&root).unwrap() {
        return Some(root);
    }
    println!("skipped: there is no corpus at {} (HELENUS_CORPUS)", root.display());
    None
}

/// Every SSTable below the folder `name` of the corpus.
pub(crate) fn tables(root: &Path, name: &str) -> Vec<FoundTable> {
    let mut tables = Vec::new();
    let mut directories = vec![root.join(name)];
    while let Some(directory) = directories.pop() {
        let entries = RealDisk.list(&directory).unwrap();
        directories
            .extend(entries.iter().filter(|entry| entry.is_dir()).map(|entry| directory.join(&entry.name)));
        let names = entries.iter().filter(|entry| entry.is_file()).filter_map(|entry| entry.utf8());
        tables.extend(Listing::new(&directory, names).tables);
    }
    assert!(!tables.is_empty(), "{name} holds SSTables");
    tables
}

/// The bytes of a component, if the table has it.
pub(crate) fn read(table: &FoundTable, component: &Component) -> Option<Vec<u8>> {
    table
        .components
        .contains(component)
        .then(|| read_to_vec(&RealDisk, &table.descriptor.path(component), 1 << 28).unwrap())
}
