//! Files next to SSTables: logs of transactions, snapshots' manifests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus::ForeignOptions;
use helenus_io::Disk;
use helenus_sim::{SimClock, SimDisk};
use helenus_sstable::{Folder, LogRecord, TransactionLog};

const LOG: &str = "nb_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log";

/// A transaction's log in a directory: a byte that says whether checksums are made right, then
/// names of files, a line each, an empty line, and the log.
pub fn transaction_log(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let (names, log) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => (&[][..], rest),
    };
    let mut log = log.to_vec();
    if choice % 2 == 0 {
        reseal(&mut log);
    }
    let dir = Path::new("data/ks/t-5a1c");
    let disk = SimDisk::new();
    disk.create_dir_all(dir).expect("a good disk");
    let names = String::from_utf8_lossy(names);
    let names = names.split('\n').filter(|name| !name.is_empty() && !name.contains('/'));
    for name in names.take(64).filter(|name| Path::new(name).file_name().is_some()) {
        // A name that comes twice is there already.
        drop(disk.create_new(&dir.join(name)));
    }
    let path = dir.join(LOG);
    let Ok(file) = disk.create_new(&path) else { return };
    file.write_at(0, &log).expect("a good disk");
    let files = disk.list(dir).expect("a good disk");
    let decoded = TransactionLog::decode(&path, &log);
    let read = Folder::read(&disk, dir);
    let Ok(decoded) = decoded else { return assert!(read.is_err()) };
    for record in decoded.records() {
        assert_eq!(LogRecord::parse(&record.to_string()).as_ref(), Some(record));
    }
    let Ok(verdict) = decoded.verdict(dir, &files) else { return assert!(read.is_err()) };
    for left_out in &verdict.left_out {
        assert!(decoded.records().any(|record| record.stem() == Some(&**left_out)), "{left_out}");
        assert!(!left_out.contains('/'), "{left_out}");
    }
    assert_eq!(verdict.is_settled, read.is_ok());
    if let Ok(folder) = read {
        let tables = folder.tables().map(|table| table.descriptor.to_string());
        tables.for_each(|table| assert!(!verdict.left_out.contains(&table), "{table}"));
    }
}

/// Puts the right checksum after each line that is a record.
fn reseal(log: &mut Vec<u8>) {
    let Ok(text) = std::str::from_utf8(log) else { return };
    let lines = text.split_inclusive('\n').map(|line| {
        let record = LogRecord::parse(line.trim_end_matches(['\n', '\r']));
        match record {
            None => line.to_owned(),
            Some(LogRecord { kind, path, update_time_ms, file_count, .. }) => {
                format!("{}\n", LogRecord::new(kind, &path, update_time_ms, file_count))
            }
        }
    });
    *log = lines.collect::<String>().into_bytes();
}

/// A node's directory with two snapshots of a table: manifest.json and schema.cql of one, and the
/// tag of the other. Opening it gives a schema or an error, and writes nothing.
pub fn snapshot_manifest(data: &[u8]) {
    let [manifest, schema, tag] = crate::split(data);
    let disk = SimDisk::new();
    let table = Path::new("data/ks/t-5a1c395eb41f11e59f22ba0be0483c18");
    let put = |dir: PathBuf, name: &str, bytes: &[u8]| {
        disk.create_dir_all(&dir).and_then(|()| disk.create_new(&dir.join(name))?.write_at(0, bytes))
    };
    let one = table.join("snapshots/one");
    put(one.clone(), "manifest.json", manifest).expect("a good disk");
    put(one, "schema.cql", schema).expect("a good disk");
    if let Ok(tag) = std::str::from_utf8(tag)
        && !tag.contains(['/', '\0'])
        && Path::new(tag).file_name().is_some()
    {
        let other = table.join("snapshots").join(tag);
        let manifest_of_other = b"{\"files\":[],\"created_at\":\"2026-11-22T20:10:45.602Z\"}";
        // The tag may be that of the first one.
        drop(put(other.clone(), "manifest.json", manifest_of_other));
        drop(put(other, "schema.cql", schema));
    }
    let changes = disk.changes();
    for dir in [
        "data",
        "data/ks/t-5a1c395eb41f11e59f22ba0be0483c18",
        "data/ks/t-5a1c395eb41f11e59f22ba0be0483c18/snapshots/one",
    ] {
        let options = ForeignOptions::new()
            .disk(Arc::new(disk.clone()))
            .clock(Arc::new(SimClock::default()))
            .cache_bytes(1 << 16);
        let Ok(foreign) = options.open(&[dir.into()]) else { continue };
        let _ = foreign.schema().to_cql();
    }
    assert_eq!(disk.changes(), changes, "something was written");
}
