//! The metadata of a database's directory: MANIFEST and the schema.

use std::path::Path;
use std::sync::Arc;

use helenus::{Background, Catalog, CatalogError, Database, Options};
use helenus_io::Disk;
use helenus_sim::{SimClock, SimDisk};

const DIR: &str = "db";
const MANIFEST: &str = "db/MANIFEST";
const MAGIC_LEN: usize = b"HELENUS MANIFEST 1\n".len();
/// Magic, length of the file, checksum.
const HEAD_LEN: usize = MAGIC_LEN + 12;
const RECORD_HEAD_LEN: usize = 17;
const MARK_LEN: usize = 13;

/// A MANIFEST, whose length and checksums are made right as far as its records can be followed. A
/// database that opens from it opens again, with the same schema.
pub fn manifest(data: &[u8]) {
    let mut bytes = data.to_vec();
    reseal(&mut bytes);
    let disk = SimDisk::new();
    let put = |path: &str, bytes: &[u8]| {
        let file = disk.create_new(Path::new(path)).expect("a good disk");
        file.write_at(0, bytes).expect("a good disk");
    };
    disk.create_dir_all(Path::new(DIR)).expect("a good disk");
    put("db/IDENTITY", b"helenus directory 1\nhost 5a1c395e-b41f-11e5-9f22-ba0be0483c18\n");
    put(MANIFEST, &bytes);
    drop(options(&disk).read_only(true).open(DIR));
    let Ok(database) = options(&disk).open(DIR) else { return };
    let schema = database.schema().to_cql();
    database.close().expect("a database that opened closes");
    let database = options(&disk).open(DIR).expect("a database that opened opens again");
    assert_eq!(database.schema().to_cql(), schema);
}

/// The text of a schema. What it defines is printed, and read as the same.
pub fn schema_cql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strict = |text: &str| Catalog::parse(text);
    let lenient = |text: &str| Catalog::parse_lenient(text, &|_, _| None).map(|loaded| loaded.catalog);
    for parse in [&strict as &dyn Fn(&str) -> Result<Catalog, CatalogError>, &lenient] {
        let Ok(catalog) = parse(text) else { continue };
        let printed = catalog.to_cql();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{error}:\n{printed}\nof {text}"));
        assert_eq!(again.to_cql(), printed, "of {text}");
    }
}

/// Manifests of databases: empty, and with tables.
pub fn manifests() -> Vec<Vec<u8>> {
    let scripts: [&[&str]; 3] = [
        &[],
        &["CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"],
        &[
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};",
            "CREATE TYPE k.u (a int, b text); CREATE TABLE k.t (a int PRIMARY KEY, b frozen<u>, c text);",
            "ALTER TABLE k.t DROP c; ALTER TABLE k.t ADD d map<int, text>; TRUNCATE k.t;",
            "CREATE TABLE k.v (a int, b int, PRIMARY KEY (a, b)); DROP TABLE k.v;",
        ],
    ];
    let mut manifests = Vec::new();
    for script in scripts {
        let disk = SimDisk::new();
        let database: Database = options(&disk).open(DIR).expect("an empty database");
        for text in script {
            database.execute_schema(text).expect("a good schema");
        }
        // In its grown form, and in the form rewritten at the next open.
        for _ in 0..2 {
            let mut bytes = helenus_io::read_to_vec(&disk, Path::new(MANIFEST), 1 << 20).expect("a manifest");
            // Without most of the zeros at the end, which only make mutations miss.
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(used + 64);
            manifests.push(bytes);
            drop(options(&disk.kill()).open(DIR));
        }
    }
    manifests
}

fn options(disk: &SimDisk) -> Options {
    Options::new()
        .disk(Arc::new(disk.clone()))
        .clock(Arc::new(SimClock::default()))
        .background(Background::Manual)
        .log_segment_bytes(1 << 14)
        .memtable_total_bytes(1 << 20)
        .cache_bytes(1 << 16)
}

fn reseal(bytes: &mut [u8]) {
    let len = bytes.len() as u64;
    let Some(head) = bytes.get_mut(..HEAD_LEN) else { return };
    head[MAGIC_LEN..MAGIC_LEN + 8].copy_from_slice(&len.to_be_bytes());
    seal(head);
    let mut at = HEAD_LEN;
    loop {
        match bytes.get(at) {
            Some(b'M') if bytes.len() - at >= MARK_LEN => {
                seal(&mut bytes[at..at + MARK_LEN]);
                at += MARK_LEN;
            }
            Some(b'R') if bytes.len() - at >= RECORD_HEAD_LEN => {
                seal(&mut bytes[at..at + RECORD_HEAD_LEN]);
                let len = bytes[at + 9..at + 13].iter().fold(0, |len, &byte| (len << 8) | usize::from(byte));
                at += RECORD_HEAD_LEN;
                if bytes.len() - at < len + 4 {
                    return;
                }
                seal(&mut bytes[at..at + len + 4]);
                at += len + 4;
            }
            _ => return,
        }
    }
}

/// Puts the CRC-32 of what is before them into the last four bytes.
fn seal(bytes: &mut [u8]) {
    if let Some((content, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(content).to_be_bytes();
    }
}
