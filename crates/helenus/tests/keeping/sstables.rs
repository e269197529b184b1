//! Live SSTables: distinguished from others of the same name, opened when they are read, few of
//! their files open at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use helenus::{Background, Database, Disk, ErrorKind, Options, Version};
use helenus_io::{DirEntry, EntryKind, Lock, Metadata, ReadFile, RealDisk, Result as IoResult, WriteFile};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const SCHEMA: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
     CREATE TABLE ks.t (p int PRIMARY KEY, v int)
     WITH compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'};";

fn options() -> Options {
    Options::new().background(Background::Manual)
}

/// A database with `sstables` SSTables of one row each.
fn filled(options: Options, dir: &Path, sstables: i32) -> Database {
    let db = options.open(dir).unwrap();
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    for p in 0..sstables {
        table.insert(p, ()).set("v", p).execute().unwrap();
        db.flush().unwrap();
    }
    db
}

fn read(db: &Database) -> helenus::Result<usize> {
    let table = db.table("ks", "t").unwrap();
    let select = table.select();
    let mut rows = select.rows()?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn is_there(db: &Database, p: i32) -> helenus::Result<bool> {
    let table = db.table("ks", "t").unwrap();
    let select = table.select().key(p);
    let mut rows = select.rows()?;
    Ok(rows.next()?.is_some())
}

/// Files of SSTables by stem and component.
fn components(dir: &Path) -> BTreeMap<(String, String), PathBuf> {
    let table = fs::read_dir(dir.join("data/ks")).unwrap().next().unwrap().unwrap().path();
    let files = fs::read_dir(table).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (stem, component) = name.rsplit_once('-').unwrap();
        ((stem.to_owned(), component.to_owned()), path.clone())
    };
    files.map(named).collect()
}

/// Another SSTable of the same table under a live one's name is valid in itself: it was read, and
/// the rows that belong there were gone without a sound.
#[test]
fn another_sstable_under_a_live_ones_name_is_noticed() {
    for version in [Version::DA, Version::ME, Version::NB] {
        let dir = tempfile::tempdir().unwrap();
        filled(options().sstable_version(version), dir.path(), 2).close().unwrap();
        let files = components(dir.path());
        let stems: Vec<String> = files.keys().map(|(stem, _)| stem.clone()).collect();
        let (one, other) = (stems.first().unwrap(), stems.last().unwrap());
        for ((stem, component), path) in &files {
            if stem == one {
                fs::copy(path, &files[&(other.clone(), component.clone())]).unwrap();
            }
        }
        let error = read(&options().open(dir.path()).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{version}: {error}");
        assert!(error.to_string().contains(other), "{version}: {error}");
    }
}

/// Statistics.db of `me` has no checksum of its own, and stood outside of ours: timestamps and
/// counts that rotted were believed. Digest.crc32 and TOC.txt could be anything.
#[test]
fn a_flipped_byte_in_a_small_component_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    filled(options().sstable_version(Version::ME), dir.path(), 1).close().unwrap();
    for ((_, component), path) in components(dir.path()) {
        if component == "Data.db" {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(bytes.len().div_ceil(40)) {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&[bytes[at] ^ 0x10], at as u64).unwrap();
            let found = options().open(dir.path()).and_then(|db| read(&db));
            assert_eq!(found.unwrap_err().kind(), ErrorKind::Corrupt, "{component} at {at}");
            file.write_all_at(&bytes[at..=at], at as u64).unwrap();
        }
    }
    assert_eq!(read(&options().open(dir.path()).unwrap()).unwrap(), 1);
}

/// Each way for a file to be lost or damaged leaves the rest to be read, where that is asked for;
/// the log is read too.
#[test]
fn what_is_left_beside_damaged_sstables_is_read() {
    let write_off = |dir: &Path| {
        Options::new().read_only(true).skip_damaged(true).open(dir).map(|db| {
            let rows = read(&db).unwrap();
            (rows, db.damaged())
        })
    };
    let dir = tempfile::tempdir().unwrap();
    let db = filled(options(), dir.path(), 4);
    let table = db.table("ks", "t").unwrap();
    table.insert(9, ()).set("v", 9).execute().unwrap();
    drop((table, db));
    let (rows, damaged) = write_off(dir.path()).unwrap();
    assert_eq!((rows, damaged.len()), (5, 0));
    for ((stem, component), path) in components(dir.path()) {
        // Nothing depends on these, and they are compared where they are there.
        let may_lack = matches!(&*component, "Digest.crc32" | "TOC.txt");
        let bytes = fs::read(&path).unwrap();
        for way in ["flipped", "cut", "removed"] {
            match way {
                "flipped" if bytes.is_empty() => continue,
                "flipped" => {
                    let mut flipped = bytes.clone();
                    flipped[bytes.len() / 2] ^= 1;
                    fs::write(&path, flipped).unwrap();
                }
                "cut" if bytes.is_empty() => continue,
                "cut" => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
                _ => fs::remove_file(&path).unwrap(),
            }
            let (rows, damaged) = write_off(dir.path()).unwrap();
            if way == "removed" && may_lack {
                assert_eq!((rows, damaged.len()), (5, 0), "{stem} {component} {way}");
            } else {
                assert_eq!((rows, damaged.len()), (4, 1), "{stem} {component} {way}: {damaged:?}");
                let name = damaged[0].path.file_name().unwrap().to_str().unwrap();
                assert_eq!(name, format!("{stem}-Data.db"));
                let strict = Options::new().read_only(true).open(dir.path());
                strict.and_then(|db| read(&db)).unwrap_err();
            }
            fs::write(&path, &bytes).unwrap();
        }
    }
    let error = options().skip_damaged(true).open(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "what is written must not lack them: {error}");
}

/// Descriptors of this process that lead below a directory.
fn descriptors(dir: &Path) -> usize {
    let all =
        fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    all.filter(|target| target.starts_with(dir.join("data"))).count()
}

/// Each live SSTable had its Data.db open for good: at a thousand of them nothing could be flushed
/// any more.
#[test]
fn few_files_are_open_however_many_sstables_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let db = filled(options().max_open_files(8), dir.path(), 150);
    for round in 0..2 {
        for p in 0..150 {
            assert!(is_there(&db, p).unwrap(), "{round} {p}");
            assert!(descriptors(dir.path()) <= 8);
        }
        assert_eq!(read(&db).unwrap(), 150);
    }
    // A reader that began before a compaction comes back to files that are live no more.
    let table = db.table("ks", "t").unwrap();
    let select = table.select();
    let mut rows = select.rows().unwrap();
    assert!(rows.next().unwrap().is_some());
    db.compact().unwrap();
    assert_eq!(table.metrics().sstables, 1);
    let mut count = 1;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 150);
    drop(rows);
    assert_eq!(read(&db).unwrap(), 150);
    let stems = |files: BTreeMap<(String, String), PathBuf>| {
        let mut stems: Vec<String> = files.into_keys().map(|(stem, _)| stem).collect();
        stems.dedup();
        stems.len()
    };
    assert_eq!(stems(components(dir.path())), 1, "the last reader has gone, and the files with it");
    db.close().unwrap();
}

/// The variable with the child's task.
const CHILD: &str = "HELENUS_FEW_DESCRIPTORS";

/// With the default bound, in a process that may have 48 files open.
#[test]
fn a_process_of_few_descriptors_goes_on() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let allowed = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(48), ..allowed }).unwrap();
        let db = filled(Options::new(), Path::new(&dir), 150);
        assert_eq!(read(&db).unwrap(), 150);
        db.compact().unwrap();
        assert_eq!(read(&db).unwrap(), 150);
        return db.close().unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "sstables::a_process_of_few_descriptors_goes_on";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name]).env(CHILD, dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(read(&options().open(dir.path()).unwrap()).unwrap(), 150);
}

/// A disk that notes what is opened for reading, and how much is written to files of a name.
#[derive(Debug, Default)]
struct Watched {
    opened: Mutex<Vec<PathBuf>>,
    written: Arc<Mutex<BTreeMap<OsString, u64>>>,
}

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn WriteFile>,
    written: Arc<Mutex<BTreeMap<OsString, u64>>>,
}

impl Watched {
    fn watched(&self, file: Arc<dyn WriteFile>) -> Arc<dyn WriteFile> {
        Arc::new(WatchedFile { file, written: self.written.clone() })
    }
}

impl WriteFile for WatchedFile {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn len(&self) -> IoResult<u64> {
        self.file.len()
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> IoResult<()> {
        let name = self.path().file_stem().unwrap().to_owned();
        *self.written.lock().unwrap().entry(name).or_default() += bytes.len() as u64;
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> IoResult<()> {
        Ok(())
    }

    fn sync_all(&self) -> IoResult<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> IoResult<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> IoResult<()> {
        self.file.set_len(len)
    }
}

impl Disk for Watched {
    fn open_read(&self, path: &Path) -> IoResult<Arc<dyn ReadFile>> {
        self.opened.lock().unwrap().push(path.to_owned());
        RealDisk.open_read(path)
    }

    fn create_new(&self, path: &Path) -> IoResult<Arc<dyn WriteFile>> {
        Ok(self.watched(RealDisk.create_new(path)?))
    }

    fn open_write(&self, path: &Path) -> IoResult<Arc<dyn WriteFile>> {
        Ok(self.watched(RealDisk.open_write(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> IoResult<()> {
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> IoResult<()> {
        RealDisk.remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> IoResult<()> {
        RealDisk.create_dir(path)
    }

    fn remove_dir(&self, path: &Path) -> IoResult<()> {
        RealDisk.remove_dir(path)
    }

    fn hard_link(&self, original: &Path, link: &Path) -> IoResult<()> {
        RealDisk.hard_link(original, link)
    }

    fn list(&self, dir: &Path) -> IoResult<Vec<DirEntry>> {
        RealDisk.list(dir)
    }

    fn names(&self, dir: &Path) -> IoResult<Vec<(OsString, EntryKind)>> {
        RealDisk.names(dir)
    }

    fn metadata(&self, path: &Path) -> IoResult<Metadata> {
        RealDisk.metadata(path)
    }

    fn sync_dir(&self, _dir: &Path) -> IoResult<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> IoResult<Box<dyn Lock>> {
        RealDisk.lock(path)
    }
}

/// Opening a database read all of each SSTable but its rows.
#[test]
fn an_opening_reads_no_sstable_and_a_read_only_those_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    filled(options(), dir.path(), 60).close().unwrap();
    let disk = Arc::new(Watched::default());
    let db = options().disk(disk.clone()).open(dir.path()).unwrap();
    let sstables = || {
        let opened = disk.opened.lock().unwrap();
        let mut stems: Vec<String> = opened
            .iter()
            .filter(|path| path.starts_with(dir.path().join("data")))
            .map(|path| path.file_name().unwrap().to_str().unwrap().rsplit_once('-').unwrap().0.to_owned())
            .collect();
        stems.sort();
        stems.dedup();
        stems.len()
    };
    let metrics = db.table("ks", "t").unwrap().metrics();
    assert_eq!((metrics.sstables, metrics.partitions_estimate, metrics.rows_estimate), (60, 60, 60));
    assert!(metrics.disk_bytes > 60 * 100);
    assert_eq!(sstables(), 0);
    // Each holds one token alone.
    assert!(is_there(&db, 17).unwrap());
    assert_eq!(sstables(), 1);
    assert_eq!(read(&db).unwrap(), 60);
    assert_eq!(sstables(), 60);
    db.close().unwrap();
}

/// CREATE TABLE wrote the whole schema into the manifest: with 1,200 tables each took 379 ms.
#[test]
fn a_new_table_writes_as_much_whatever_the_number_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Watched::default());
    let open = || Options::new().disk(disk.clone()).open(dir.path()).unwrap();
    let db = open();
    db.execute_schema(SCHEMA).unwrap();
    let written = || disk.written.lock().unwrap().get(&OsString::from("MANIFEST")).copied().unwrap_or(0);
    for table in 0..320 {
        db.execute_schema(&format!("CREATE TABLE ks.t{table} (p int PRIMARY KEY, v int)")).unwrap();
    }
    // Of a few hundred bytes each; now and then the file is written anew, with room for as much
    // again. The whole schema each time would be 50 MB.
    assert!(written() < 8 << 20, "{}", written());
    let schema = db.schema().to_cql();
    db.close().unwrap();
    let db = open();
    assert_eq!(db.schema().to_cql(), schema);
    assert_eq!(fs::read_to_string(dir.path().join("schema.cql")).unwrap(), schema);
    db.close().unwrap();
}

/// ALTER and DROP wrote the whole schema into the manifest.
#[test]
fn a_change_of_the_schema_writes_as_much_whatever_the_number_of_tables() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Watched::default());
    let open = || Options::new().disk(disk.clone()).open(dir.path()).unwrap();
    let db = open();
    db.execute_schema(SCHEMA).unwrap();
    for table in 0..320 {
        db.execute_schema(&format!("CREATE TABLE ks.t{table} (p int PRIMARY KEY, v int)")).unwrap();
    }
    let written = || disk.written.lock().unwrap().get(&OsString::from("MANIFEST")).copied().unwrap_or(0);
    let mut whole = 0;
    let mut change = |statement: &str| {
        let before = written();
        db.execute_schema(statement).unwrap();
        let bytes = written() - before;
        assert!(bytes > 60, "{statement}: {bytes} bytes");
        whole += usize::from(bytes > 2000);
    };
    for round in 0..8 {
        change(&format!("CREATE TYPE ks.u{round} (a int)"));
        change(&format!("ALTER TABLE ks.t1 ADD w{round} frozen<u{round}>"));
        change(&format!("ALTER TYPE ks.u{round} ADD b text"));
        change(&format!("CREATE TYPE ks.gone{round} (a int)"));
        change(&format!("DROP TYPE ks.gone{round}"));
        change(&format!("ALTER TABLE ks.t2 WITH comment = 'of round {round}'"));
        change("CREATE INDEX ON ks.t2 (v)");
        change("DROP INDEX ks.t2_v_idx");
        change("ALTER TABLE ks.t3 DROP v");
        change("ALTER TABLE ks.t3 ADD v int");
        change(&format!("ALTER TABLE ks.t4 RENAME {} TO {}", ["p", "q"][round % 2], ["q", "p"][round % 2]));
        change(&format!("DROP TABLE ks.t{}", 100 + round));
        change("ALTER KEYSPACE ks WITH durable_writes = true");
        let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
        change(&format!("CREATE KEYSPACE other WITH replication = {replication}"));
        change("DROP KEYSPACE other");
    }
    assert!(whole <= 2, "{whole} of 120 changes wrote more than themselves");
    let schema = db.schema().to_cql();
    db.close().unwrap();
    let db = open();
    assert_eq!(db.schema().to_cql(), schema);
    assert_eq!(fs::read_to_string(dir.path().join("schema.cql")).unwrap(), schema);
    // What was dropped is not kept for good.
    let manifest = fs::read(dir.path().join("MANIFEST")).unwrap();
    assert!(!manifest.windows(10).any(|bytes| bytes == b"DROP TABLE"));
    db.close().unwrap();
}
