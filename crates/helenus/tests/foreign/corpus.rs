//! The files of the corpus, and helpers to copy and compare them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use helenus::{RowPrinter, Table};

/// A folder of the corpus, or `None` with a note where there is none.
pub(crate) fn corpus(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HELENUS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let found = root.join(folder);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: there is no {} (HELENUS_CORPUS)", found.display());
    None
}

/// The committed tables of the corpus.
pub(crate) fn sample(table: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus/da").join(table)
}

/// All rows as SELECT JSON prints them.
pub(crate) fn export(table: &Table) -> Vec<String> {
    let select = table.select();
    let mut printer = RowPrinter::json(&table.schema());
    let mut rows = select.rows().unwrap();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut line = String::new();
        printer.row(&row, &mut line).unwrap();
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The lines of a file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// Copies a directory and all below it.
pub(crate) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// When each directory below one, and it itself, was changed: a name that came and went is seen by
/// it.
pub(crate) fn changed(dir: &Path) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let below =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found: BTreeMap<_, _> = below.flat_map(|path| changed(&path)).collect();
    found.insert(dir.to_owned(), dir.metadata().unwrap().modified().unwrap());
    found
}

/// Every name below a directory, with the bytes of each file and when it was changed.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Option<(Vec<u8>, std::time::SystemTime)>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut contents(&path));
            found.insert(path, None);
        } else {
            let changed = path.metadata().unwrap().modified().unwrap();
            found.insert(path.clone(), Some((std::fs::read(&path).unwrap(), changed)));
        }
    }
    found
}
