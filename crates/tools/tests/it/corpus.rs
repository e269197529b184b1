//! The files that Apache Cassandra wrote: a committed sample, and all of them where the corpus is
//! there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, RealDisk};

pub(crate) fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

/// The tables' folders in the committed sample.
pub(crate) fn sample() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus");
    folders(&root)
}

/// A folder of the sample.
pub(crate) fn folder(name: &str) -> PathBuf {
    sample().into_iter().find(|folder| folder.ends_with(name)).unwrap()
}

/// The tables' folders of those modes in the corpus; none, with a note, where there is no corpus.
pub(crate) fn whole(modes: &[&str]) -> Vec<PathBuf> {
    modes.iter().filter_map(|mode| corpus(mode)).flat_map(|mode| tables(&mode)).collect()
}

/// A folder of the corpus; none, with a note, where there is no corpus.
pub(crate) fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HELENUS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if !RealDisk.exists(&root).unwrap() {
        println!("skipped: there is no corpus at {} (HELENUS_CORPUS)", root.display());
        return None;
    }
    Some(root.join(name))
}

/// The folders of all modes below `root`.
fn folders(root: &Path) -> Vec<PathBuf> {
    RealDisk.list(root).unwrap().iter().flat_map(|mode| tables(&root.join(&mode.name))).collect()
}

fn tables(mode: &Path) -> Vec<PathBuf> {
    let entries = RealDisk.list(mode).unwrap();
    let dirs = entries.iter().filter(|entry| entry.is_dir()).map(|entry| mode.join(&entry.name));
    dirs.filter(|dir| RealDisk.exists(&dir.join("schema.cql")).unwrap()).collect()
}
