//! Reports over many SSTables: which files are live, which levels overlap, which SSTables keep
//! others from being dropped.

use std::path::Path;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_rows::UnfilteredStream;
use helenus_sstable::{
    Component, DataFile, Descriptor, LogRecord, LogRecordKind, PageVerification, SsTableId, Statistics,
    StatsComponent, Version,
};
use helenus_tools::{FileRole, Levels, expired_blockers, find_tables, levels, list};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp};

use crate::corpus::{disk, folder, sample, whole};

fn write(path: &Path, bytes: &[u8]) {
    RealDisk.create_new(path).unwrap().write_at(0, bytes).unwrap();
}

/// A line for each file: what it is, and its name.
fn roles(dir: &Path) -> Vec<String> {
    let files = list(&RealDisk, dir).unwrap();
    let line = |file: &helenus_tools::ListedFile| {
        format!("{} {}", file.role.name(), file.path.file_name().unwrap().to_str().unwrap())
    };
    files.iter().map(line).collect()
}

#[test]
fn files_are_what_the_logs_say() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    for name in [
        "da-1-bti-Data.db",
        "da-1-bti-TOC.txt",
        "da-2-bti-Data.db",
        "da-3-bti-Data.db",
        "da-3-bti-Statistics.db.tmp",
        "da-4-bti-Statistics.db.tmp",
        "ka-1-Data.db",
        "manifest.json",
    ] {
        write(&dir.join(name), b"12345");
    }
    RealDisk.create_dir(&dir.join("backups")).unwrap();
    let record = |kind, id: u32, files| {
        LogRecord::new(kind, &format!("/data/ks/t-5a1c/da-{id}-bti-"), 0, files).to_string()
    };
    let log = dir.join("da_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log");
    let lines = [record(LogRecordKind::Remove, 1, 2), record(LogRecordKind::Add, 3, 2)].join("\n") + "\n";
    write(&log, lines.as_bytes());
    let common = ["half-written da-4-bti-Statistics.db.tmp", "other ka-1-Data.db", "other manifest.json"];
    let expected = |one: &str, three: &str| {
        let mut lines: Vec<String> = common.iter().map(|line| (*line).to_owned()).collect();
        lines.push("log da_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log".to_owned());
        lines.push("final da-2-bti-Data.db".to_owned());
        lines.extend(["Data.db", "TOC.txt"].map(|name| format!("{one} da-1-bti-{name}")));
        lines.extend(["Data.db", "Statistics.db.tmp"].map(|name| format!("{three} da-3-bti-{name}")));
        lines.sort_by_key(|line| line.split_once(' ').unwrap().1.to_owned());
        lines
    };
    assert_eq!(roles(dir), expected("final", "unfinished"));

    let commit = LogRecord::new(LogRecordKind::Commit, "", 0, 0).to_string();
    RealDisk.remove_file(&log).unwrap();
    write(&log, format!("{lines}{commit}\n").as_bytes());
    assert_eq!(roles(dir), expected("obsolete", "final").replace_tmp());
    let temporary = list(&RealDisk, dir).unwrap().iter().filter(|file| file.role.is_temporary()).count();
    assert_eq!(temporary, 4);

    // A line that was tampered with is no reason to guess.
    RealDisk.remove_file(&log).unwrap();
    write(&log, format!("{}{commit}\n", lines.replace("da-1", "da-2")).as_bytes());
    assert!(list(&RealDisk, dir).unwrap_err().to_string().contains("checksum"));
    assert!(list(&RealDisk, &dir.join("nowhere")).is_err());
}

/// A component of a committed SSTable without its final name is still half-written.
trait ReplaceTmp {
    fn replace_tmp(self) -> Self;
}

impl ReplaceTmp for Vec<String> {
    fn replace_tmp(self) -> Self {
        let line = |line: String| {
            line.replace("final da-3-bti-Statistics.db.tmp", "half-written da-3-bti-Statistics.db.tmp")
        };
        self.into_iter().map(line).collect()
    }
}

#[test]
fn all_files_of_a_table_of_cassandra_are_final() {
    let files = list(&RealDisk, &folder("da/soup")).unwrap();
    let of = |role| files.iter().filter(|file| file.role == role).count();
    assert!(of(FileRole::Final) > 40, "{files:?}");
    let others: Vec<String> =
        roles(&folder("da/soup")).into_iter().filter(|role| !role.starts_with("final")).collect();
    assert_eq!(others, ["other schema.cql", "other select.jsonl"]);
    let data = files.iter().find(|file| file.path.to_str().unwrap().ends_with("da-1-bti-Data.db"));
    assert_eq!(data.unwrap().len, 1907);
}

/// A Statistics.db of a real table with some of its figures changed, as SSTable `id` of `dir`.
fn table(dir: &Path, version: Version, id: u32, change: impl FnOnce(&mut StatsComponent)) -> Descriptor {
    let source = find_tables(&RealDisk, &[folder("da/pk_int")]).unwrap().remove(0);
    let path = source.path(&Component::Statistics);
    let bytes = read_to_vec(&RealDisk, &path, 1 << 20).unwrap();
    let mut statistics = Statistics::decode(&path, &bytes, source.version).unwrap();
    change(&mut statistics.stats);
    let table = Descriptor::new(dir, version, SsTableId::Sequence(id));
    write(&table.path(&Component::Statistics), &statistics.encode(version));
    write(&table.path(&Component::Data), &vec![0; 100 + id as usize]);
    table
}

/// Keys of four bytes in the order of their tokens.
fn keys(count: u32) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = (0..count).map(|key| key.to_be_bytes().to_vec()).collect();
    keys.sort_by(|a, b| Partitioner::Murmur3.compare(a, b));
    keys
}

#[test]
fn levels_overlap_or_not() {
    let temp = tempfile::tempdir().unwrap();
    let keys = keys(100);
    let place = |id, level, first: usize, last: usize| {
        table(temp.path(), Version::DA, id, |stats| {
            stats.level = level;
            stats.key_range = Some((keys[first].clone(), keys[last].clone()));
        })
    };
    let tables = [
        place(1, 0, 0, 99),
        place(2, 0, 10, 30),
        // In order, but the second reaches into both that follow; the last begins where one ends.
        place(3, 1, 0, 9),
        place(4, 1, 10, 50),
        place(5, 1, 20, 30),
        place(6, 1, 40, 60),
        place(7, 1, 60, 70),
        place(8, 1, 71, 80),
        place(9, 2, 5, 8),
        place(10, 2, 9, 99),
    ];
    let found = levels(&disk(), &tables).unwrap();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let names = |levels: &Levels| -> Vec<String> {
        let pair = |overlap: &helenus_tools::Overlap| {
            let [a, b] = [overlap.first, overlap.second].map(|at| levels.tables[at].table.id);
            format!("{a} {b}")
        };
        levels.overlaps.iter().map(pair).collect()
    };
    assert_eq!(names(found), ["4 5", "4 6", "6 7"]);
    assert_eq!(
        found.tables.iter().map(|table| table.level).collect::<Vec<_>>(),
        [0, 0, 1, 1, 1, 1, 1, 1, 2, 2]
    );
    assert_eq!((found.tables[0].table.id, found.tables[0].data_file_len), (SsTableId::Sequence(1), 101));
    // By the ends: 9, 3, 2, 5, 4, 6, 7, 8, 1, 10. Ten SSTables have one level; it takes 9, 2, 6
    // and 8.
    assert_eq!(found.potential, [6, 4]);
}

#[test]
fn ten_tables_have_one_level_and_more_have_two() {
    let temp = tempfile::tempdir().unwrap();
    let keys = keys(100);
    let many: Vec<Descriptor> = (0..11)
        .map(|id: u32| {
            table(temp.path(), Version::DA, id + 1, |stats| {
                let first = if id == 10 { 0 } else { id as usize * 5 };
                stats.key_range = Some((keys[first].clone(), keys[id as usize * 5 + 4].clone()));
            })
        })
        .collect();
    let potential = |tables: &[Descriptor]| levels(&disk(), tables).unwrap()[0].potential.clone();
    assert_eq!(potential(&many), [0, 1, 10]);
    assert_eq!(potential(&many[..10]), [0, 10]);
    assert_eq!(potential(&many[..1]), [1]);
    assert!(levels(&disk(), &[]).unwrap().is_empty());
}

/// The first and last keys come from Statistics.db, Summary.db or the index: all say what is in the
/// data.
#[test]
fn key_ranges_are_those_of_the_data() {
    let mut versions = std::collections::BTreeSet::new();
    for folder in sample().into_iter().chain(whole(&["oa", "nb"])) {
        let tables = find_tables(&RealDisk, std::slice::from_ref(&folder)).unwrap();
        for leveled in &levels(&disk(), &tables).unwrap()[0].tables {
            let file = DataFile::open(&disk(), &leveled.table, PageVerification::Check).unwrap();
            let mut scan = file.scan();
            let mut keys = Vec::new();
            while scan.next_partition().unwrap() {
                keys.truncate(1);
                keys.push(scan.partition().key.to_vec());
            }
            assert_eq!(Some(&leveled.first_key), keys.first(), "{}", folder.display());
            assert_eq!(Some(&leveled.last_key), keys.last(), "{}", folder.display());
            versions.insert(leveled.table.version.to_string());
        }
    }
    println!("{versions:?}");
}

#[test]
fn blockers_are_older_than_what_they_block() {
    let temp = tempfile::tempdir().unwrap();
    let place = |id, min, max, death| {
        table(temp.path(), Version::DA, id, |stats| {
            stats.min_timestamp = Timestamp(min);
            stats.max_timestamp = Timestamp(max);
            stats.max_local_deletion_time = LocalDeletionTime(death);
        })
    };
    let never = LocalDeletionTime::NONE.0;
    let tables = [
        place(1, 10, 19, 999),
        place(2, 20, 29, 900),
        place(3, 30, 39, 100),
        // The second in question: not yet expired, and thus a blocker.
        place(4, 29, 50, 1000),
        place(5, 39, 60, never),
        place(6, 40, 70, never),
        place(7, 19, 19, 5000),
    ];
    let found = expired_blockers(&RealDisk, &tables, 1000).unwrap();
    let id = |expiry: &helenus_tools::Expiry| expiry.table.id.to_string();
    assert_eq!(found.expired.iter().map(id).collect::<Vec<_>>(), ["3", "2", "1"]);
    let blocked = |blocker: &helenus_tools::Blocker| {
        let ids: Vec<String> = found.blocked_by(blocker).iter().map(id).collect();
        format!("{} blocks {}", id(&blocker.expiry), ids.join(" "))
    };
    let lines: Vec<String> = found.blockers.iter().map(blocked).collect();
    assert_eq!(lines, ["7 blocks 3 2 1", "4 blocks 3 2", "5 blocks 3"]);
    assert_eq!((found.others, found.droppable().len()), (1, 0));

    let found = expired_blockers(&RealDisk, &tables[..6], 1000).unwrap();
    assert_eq!(found.droppable().iter().map(id).collect::<Vec<_>>(), ["1"]);
    let found = expired_blockers(&RealDisk, &tables, 100).unwrap();
    assert!(found.expired.is_empty() && found.blockers.is_empty() && found.others == 7);
    RealDisk.remove_file(&tables[2].path(&Component::Statistics)).unwrap();
    let error = expired_blockers(&RealDisk, &tables, 1000).unwrap_err();
    assert!(error.to_string().contains("da-3-bti-Statistics.db"), "{error}");
}
