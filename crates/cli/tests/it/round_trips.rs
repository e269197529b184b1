//! Every table of Cassandra's, converted to every version that is written here, still says what
//! Cassandra said of it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_sstable::{Descriptor, Version};
use helenus_tools::{Compression, ConvertOptions, Ids, View, convert, diff, find_tables};

use crate::compare::{compare_export, compare_gets};
use crate::corpus::{self, Table};

#[test]
fn the_committed_tables_in_every_version() {
    for mode in std::fs::read_dir(corpus::sample().parent().unwrap()).unwrap() {
        convert_all(&mode.unwrap().path(), true);
    }
}

#[test]
fn every_table_of_the_corpus_in_every_version() {
    if let Some(root) = corpus::whole() {
        for mode in ["da", "oa", "nb"] {
            convert_all(&root.join(mode), false);
        }
    }
}

/// Converts the tables of a mode; looks them up by key too if `gets`.
fn convert_all(mode: &Path, gets: bool) {
    let mut entries: Vec<_> = std::fs::read_dir(mode).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.join("schema.cql").exists());
    let mut problems = Vec::new();
    for folder in &entries {
        for version in Version::WRITABLE {
            if let Err(problem) = round_trip(folder, version, gets) {
                problems.push(format!("{} to {version}: {problem}", folder.display()));
            }
        }
    }
    println!("{} tables of {}, each to {} versions", entries.len(), mode.display(), Version::WRITABLE.len());
    assert!(problems.is_empty(), "{} differ:\n{}", problems.len(), problems.join("\n"));
}

fn round_trip(folder: &Path, version: Version, gets: bool) -> Result<(), String> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let told = |error: helenus_tools::ToolError| error.to_string();
    let inputs = find_tables(&*disk, &[folder.to_owned()]).map_err(told)?;
    let options =
        ConvertOptions { version, compression: Compression::Keep, ids: Ids::Keep, cap_expirations: true };
    let done = convert(&disk, &inputs, &out, &options, &mut |_| ControlFlow::Continue(())).map_err(told)?;
    let outputs: Vec<Descriptor> =
        done.iter().filter_map(|table| Some(table.to.as_ref()?.descriptor.clone())).collect();
    let capped: u64 = done.iter().map(|table| table.capped()).sum();

    // Capped times differ, as requested.
    if capped == 0 {
        let mut first = None;
        let tell = &mut |difference| {
            first = Some(difference);
            ControlFlow::Break(())
        };
        diff(&disk, &inputs, &outputs, View::Exact, tell, &mut |_| ControlFlow::Continue(()))
            .map_err(told)?;
        if let Some(difference) = first {
            return Err(format!("{difference:?}"));
        }
    }
    for name in ["schema.cql", "select.jsonl", "select.digest"] {
        if folder.join(name).exists() {
            std::fs::copy(folder.join(name), out.join(name)).unwrap();
        }
    }
    let table = Table::open(out);
    let lines = compare_export(&table)?;
    if gets { compare_gets(&table, &lines) } else { Ok(()) }
}
