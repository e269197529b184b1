//! Forged manifests: every checksum is right, and their content leads elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use helenus::{Background, Database, ErrorKind, Options};

const SCHEMA: &str =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
     CREATE TABLE ks.t (p int PRIMARY KEY, v int) WITH ID = 8f1a2b50-0000-11ef-8000-000000000001;";
const TABLE_DIR: &str = "data/ks/t-8f1a2b50000011ef8000000000000001";
const ID: [u8; 16] = 0x8f1a_2b50_0000_11ef_8000_0000_0000_0001_u128.to_be_bytes();
/// Magic, length, checksum.
const FILE_HEAD: usize = 31;
/// `R`, sequence, length, checksum.
const RECORD_HEAD: usize = 17;
const DROPPED: u8 = 12;
const NAMED: u8 = 14;

/// Two databases beside each other, each with SSTables of a table of the same identity, closed.
struct Two {
    dir: tempfile::TempDir,
}

impl Two {
    fn new() -> Self {
        let two = Self { dir: tempfile::tempdir().unwrap() };
        filled(&two.dir.path().join("fresh"), 1);
        filled(&two.theirs(), 3);
        two.reset();
        two
    }

    /// Makes ours as it was at first.
    fn reset(&self) {
        if self.ours().exists() {
            fs::remove_dir_all(self.ours()).unwrap();
        }
        let copied = Command::new("cp").arg("-r").args([self.dir.path().join("fresh"), self.ours()]).status();
        assert!(copied.unwrap().success());
    }

    fn ours(&self) -> PathBuf {
        self.dir.path().join("ours")
    }

    fn theirs(&self) -> PathBuf {
        self.dir.path().join("theirs")
    }

    /// Opens our database twice and reads it; nothing of the other one's files changes. What
    /// opening says.
    #[track_caller]
    fn open(&self) -> helenus::Result<()> {
        let before = files(&self.theirs());
        let mut first = Ok(());
        for attempt in 0..2 {
            let outcome = open(&self.ours()).and_then(|db| {
                // Reads and compactions go by the names of files, too, and remove what they
                // replaced.
                let table = db.table("ks", "t")?;
                table.insert(100 + attempt, ()).set("v", 1).execute()?;
                db.compact()?;
                db.execute_schema("DROP TABLE IF EXISTS ks.t")?;
                db.close()
            });
            if attempt == 0 {
                first = outcome;
            }
            assert_eq!(files(&self.theirs()), before, "{first:?}");
        }
        first
    }

    /// Has the manifest's only record end with more changes: kinds and bodies.
    fn append(&self, changes: &[(u8, Vec<u8>)]) {
        rewrite(&self.ours(), |payload| {
            payload[0] += u8::try_from(changes.len()).unwrap();
            changes.iter().for_each(|(kind, body)| {
                payload.push(*kind);
                payload.extend_from_slice(body);
            });
        });
    }
}

fn open(dir: &Path) -> helenus::Result<Database> {
    Options::new().background(Background::Manual).open(dir)
}

fn filled(dir: &Path, sstables: i32) {
    let db = open(dir).unwrap();
    db.execute_schema(SCHEMA).unwrap();
    let table = db.table("ks", "t").unwrap();
    for p in 0..sstables {
        table.insert(p, ()).set("v", p).execute().unwrap();
        db.flush().unwrap();
    }
    db.close().unwrap();
}

/// Every file below, and what is in it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

/// Changes the payload of the manifest's only record, and makes all that depends on it anew.
fn rewrite(dir: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = dir.join("MANIFEST");
    let old = fs::read(&path).unwrap();
    let len = u32::from_be_bytes(old[FILE_HEAD + 9..FILE_HEAD + 13].try_into().unwrap());
    let (begin, file_len) = (FILE_HEAD + RECORD_HEAD, old.len());
    let mut payload = old[begin..begin + len as usize].to_vec();
    change(&mut payload);
    let mut record = old[FILE_HEAD..FILE_HEAD + 9].to_vec();
    record.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    let sealed = |bytes: Vec<u8>| {
        let crc = crc32fast::hash(&bytes);
        [bytes, crc.to_be_bytes().to_vec()].concat()
    };
    let mut mark = vec![b'M'];
    mark.extend(0_u64.to_be_bytes());
    let mut new = [old[..FILE_HEAD].to_vec(), sealed(record), sealed(payload), sealed(mark)].concat();
    assert!(new.len() <= file_len);
    new.resize(file_len, 0);
    fs::write(path, new).unwrap();
}

/// A text as the manifest has it; shorter than 128 bytes.
fn text(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// Replaces a text in the payload; whether it is there.
fn replace(payload: &mut Vec<u8>, old: &str, new: &str) -> bool {
    let (old, new) = (text(old), text(new));
    let found = payload.windows(old.len()).position(|window| window == old);
    found.map(|at| payload.splice(at..at + old.len(), new)).is_some()
}

/// What `rewrite` makes without a change is the manifest that was there.
#[test]
fn a_manifest_that_is_made_anew_opens() {
    let two = Two::new();
    let before = fs::read(two.ours().join("MANIFEST")).unwrap();
    rewrite(&two.ours(), |_| {});
    assert_eq!(fs::read(two.ours().join("MANIFEST")).unwrap(), before);
    two.open().unwrap();
}

/// The directory of a dropped table is cleared when the database is opened. One that the manifest
/// gave as an absolute path, or with `..` in it, was another database's.
#[test]
fn directories_of_dropped_tables_lie_inside() {
    let two = Two::new();
    let absolute = two.theirs().join(TABLE_DIR);
    for dir in [
        absolute.to_str().unwrap(),
        &format!("../theirs/{TABLE_DIR}"),
        &format!("data/../../theirs/{TABLE_DIR}"),
        &format!("data/../{TABLE_DIR}"),
        &format!("./{TABLE_DIR}"),
        "data",
        "..",
        "",
    ] {
        two.reset();
        // The table's own entry would say that it is live.
        let body =
            [&[0x9f; 16][..], &text(&dir.replace("8f1a2b50000011ef8000000000000001", &"9f".repeat(16)))];
        two.append(&[(DROPPED, body.concat())]);
        let error = two.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{dir}: {error}");
        let body = [&ID[..], &text(dir)].concat();
        two.reset();
        two.append(&[(DROPPED, body)]);
        assert_eq!(two.open().unwrap_err().kind(), ErrorKind::Corrupt, "{dir}");
    }
}

/// So was one that a link on the way leads to.
#[test]
fn directories_of_dropped_tables_are_no_links() {
    let id = "9f".repeat(16);
    for linked in ["data/other", &format!("data/other/t-{id}")] {
        let two = Two::new();
        let theirs = two.theirs().join(TABLE_DIR);
        fs::rename(&theirs, two.theirs().join(format!("data/ks/t-{id}"))).unwrap();
        let link = two.ours().join(linked);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if linked == "data/other" { "data/ks".to_owned() } else { format!("data/ks/t-{id}") };
        symlink(two.theirs().join(target), &link).unwrap();
        let dir = format!("data/other/t-{id}");
        two.append(&[(DROPPED, [&[0x9f; 16][..], &text(&dir)].concat())]);
        let error = two.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(linked), "{error}");
    }
}

/// The names of SSTables and of their components, of those that are live and of those that may be
/// left.
#[test]
fn names_of_files_lead_nowhere() {
    let two = Two::new();
    let stem = "da-0-bti";
    for name in [
        format!("../../../../theirs/{TABLE_DIR}/{stem}"),
        two.theirs().join(TABLE_DIR).join(stem).to_str().unwrap().to_owned(),
        format!("x/../{stem}"),
        "da-0/../bti".to_owned(),
    ] {
        two.reset();
        rewrite(&two.ours(), |payload| assert!(replace(payload, stem, &name)));
        let error = two.open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
        // As the name of what is left of a version that isn't ours.
        two.reset();
        two.append(&[(NAMED, [&[1][..], &text(&name)].concat())]);
        two.open().unwrap();
    }
    // Through a directory whose name begins as a component's does.
    let mut named = 0;
    for component in ["TOC.txt", "Statistics.db", "Digest.crc32", "Helenus.crc32", "Filter.db"] {
        two.reset();
        let table = two.ours().join(TABLE_DIR);
        fs::create_dir(table.join("da-0-bti-x.db")).unwrap();
        let name = format!("x.db/../../../../../theirs/{TABLE_DIR}/da-0-bti-{component}");
        rewrite(&two.ours(), |payload| named += usize::from(replace(payload, component, &name)));
        // It is refused, or goes by the names that it knows.
        two.open().ok();
    }
    assert!(named >= 3, "{named}");
}

/// The names in the schema, which directories are called by.
#[test]
fn names_in_the_schema_make_plain_directories() {
    for (old, new) in [("KEYSPACE ks ", "KEYSPACE \"..\" "), ("ks.t ", "ks.\"../../theirs/data/ks/t\" ")] {
        let two = Two::new();
        rewrite(&two.ours(), |payload| {
            // The schema is the first change: its kind after the count, then its length in two
            // bytes.
            let (len_at, len) = (2, usize::from(payload[2] & 0x3f) << 8 | usize::from(payload[3]));
            let schema = String::from_utf8(payload[len_at + 2..len_at + 2 + len].to_vec()).unwrap();
            let changed = schema.replace(old, new).replace("ks.t ", "\"..\".t ");
            assert_ne!(schema, changed);
            let new_len = u16::try_from(changed.len()).unwrap() | 0x8000;
            payload
                .splice(len_at..len_at + 2 + len, [&new_len.to_be_bytes()[..], changed.as_bytes()].concat());
        });
        let error = two.open().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid), "{error}");
    }
}

/// A link in the place of a file that is written to, of which locking made what it led to.
#[test]
fn files_that_are_written_to_are_no_links() {
    let two = Two::new();
    let made = two.dir.path().join("made");
    for name in ["LOCK", "MANIFEST.tmp", "schema.cql", "schema.cql.tmp", "commitlog/commitlog-9.log"] {
        let link = two.ours().join(name);
        for target in [&made, &two.theirs().join("MANIFEST")] {
            fs::remove_file(&link).ok();
            symlink(target, &link).unwrap();
            let before = files(&two.theirs());
            let opened = open(&two.ours()).and_then(|db| {
                db.execute_schema("CREATE TABLE IF NOT EXISTS ks.more (p int PRIMARY KEY)")?;
                db.close()
            });
            assert_eq!(opened.is_err(), name == "LOCK", "{name}: {opened:?}");
            assert!(!made.exists() && files(&two.theirs()) == before, "{name}");
        }
        fs::remove_file(&link).ok();
    }
}
