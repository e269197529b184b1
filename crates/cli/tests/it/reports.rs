//! `helenus sstable list`, `levels` and `expired-blockers`, from the command line.

use std::path::Path;

use crate::corpus::sample;
use crate::tool::helenus;

fn soup() -> String {
    sample().join("soup").to_str().unwrap().to_owned()
}

/// A copy of a folder of the sample that may be added to.
fn copy(name: &str) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sample().join(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, temp.path().join(path.file_name().unwrap())).unwrap();
    }
    temp
}

#[test]
fn files_are_listed_by_type() {
    let temp = copy("soup");
    let dir = temp.path().to_str().unwrap();
    let log = temp.path().join("bti-da_txn_flush_5bc52802-de25-35ed-aeab-188eecebb090.log");
    std::fs::write(log, "ADD:[/data/corpus/pk_int-1/da-1-bti-,0,8][2896351142]\n").unwrap();
    let names = |args: &[&str]| -> Vec<String> {
        let all = ["sstable", "list"].iter().chain(args).copied().chain([dir]);
        let name = |line: &str| line.rsplit('/').next().unwrap().to_owned();
        helenus(all).ok().lines().map(name).collect()
    };
    let (all, temporary, counting) = (names(&[]), names(&["-t", "tmp"]), names(&["--type", "final"]));
    assert_eq!(temporary.len(), 8, "{temporary:?}");
    assert!(temporary.iter().all(|name| name.starts_with("da-1-bti-")), "{temporary:?}");
    assert!(counting.len() == 40 && !counting.contains(&temporary[0]), "{counting:?}");
    // The schema, and what Cassandra returned of the table.
    assert_eq!(all.len(), 50);
    assert_eq!(names(&["-o"]).len(), 51);
    let long = helenus(["sstable", "list", "--long", "--oplog", dir]).ok();
    let expected = format!("unfinished           1907 {dir}/da-1-bti-Data.db\n");
    assert!(long.contains(&expected), "{long}");
    assert!(
        long.contains("log                    54 ") && long.contains("final                2536 "),
        "{long}"
    );
    let error = helenus(["sstable", "list", "/nowhere"]).failed(1);
    assert!(error.contains("/nowhere"), "{error}");
}

#[test]
fn partitions_are_told_as_text_and_as_csv() {
    let first = format!("{}/da-1-bti-Data.db", soup());
    let run = |args: &[&str]| helenus(["sstable", "partitions"].iter().chain(args).copied().chain([&*first]));
    // The output of sstablepartitions for the file, except for a line of keys and the place of the
    // sizes; and where it takes 0 for no minimum.
    let expected = format!(
        "
#1 (bti-da)
  Partition: '2' (00000002) live, size: 833 B, rows: 22, cells: 38, tombstones: 33 (row:3, range:13, complex:14, \
         cell:3, row-TTLd:0, cell-TTLd:0)
  Partition: '3' (00000003) live, size: 848 B, rows: 25, cells: 38, tombstones: 33 (row:6, range:10, complex:16, \
         cell:1, row-TTLd:0, cell-TTLd:0)

Summary of #1 (bti-da) (2.777 KiB uncompressed, 1.862 KiB on disk):
  File: {first}
  2 partitions match
               Partition size            Row count           Cell count      Tombstone count
  ~p50                  179 B                    2                    4                    6
  ~p75                  642 B                   17                   35                   24
  ~p90                  924 B                   29                   42                   35
  ~p95                  924 B                   29                   42                   35
  ~p99                  924 B                   29                   42                   35
  ~p999                 924 B                   29                   42                   35
  min                    24 B                    0                    0                    0
  max                   848 B                   25                   38                   33
  count                     8
"
    );
    assert_eq!(run(&["-o", "33", "-u", "1795400000"]).ok(), expected);
    let sizes = run(&["-y", "-t", "0.8KiB"]);
    assert!(sizes.failed(2).contains("KiB"));
    let sizes = run(&["-y", "-t", "800B"]).ok();
    assert!(sizes.contains("  Partition: '2' (00000002) live, size: 833 B\n"), "{sizes}");
    assert!(sizes.contains("  count                     8\n") && !sizes.contains("Row count"), "{sizes}");
    let csv = run(&["--csv", "-k", "2", "-w", "1", "-u", "1795400000"]).ok();
    let line = format!("\"2\",00000002,true,339,833,22,38,33,3,13,14,3,0,0,{first},,,,,,1,bti,da\n");
    assert_eq!(csv.split_once('\n').unwrap().1, line);
    assert!(run(&["-k", "x"]).failed(1).contains("key x"));
    run(&["-y", "-c", "1"]).failed(2);
    run(&["-s"]).failed(2);
}

#[test]
fn partitions_below_a_directory() {
    let temp = tempfile::tempdir().unwrap();
    let table = temp.path().join("ks/soup-5bc52802de2535edaeab188eecebb090");
    for dir in ["", "snapshots/monday", "backups"] {
        let to = table.join(dir);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(soup()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with("da-1-") {
                std::fs::copy(&path, to.join(name)).unwrap();
            }
        }
    }
    let root = temp.path().to_str().unwrap();
    let origins = |args: &[&str]| -> Vec<String> {
        let all = ["sstable", "partitions", "-m", "-r", "-k", "2", "-t", "1"].iter().chain(args).copied();
        let out = helenus(all.chain([root])).ok();
        let origin = |line: &str| line.split(',').skip(15).take(5).collect::<Vec<_>>().join(" ");
        out.lines().skip(1).map(origin).collect()
    };
    assert_eq!(origins(&[]), ["ks soup   "]);
    assert_eq!(origins(&["-s", "-b"]), ["ks soup   ", "ks soup   backups", "ks soup  monday "]);
    // A damaged one doesn't prevent the report of the others.
    std::fs::write(table.join("da-1-bti-Statistics.db"), "").unwrap();
    let ran = helenus(["sstable", "partitions", "-r", "-s", root]);
    assert!(ran.code == 1 && ran.out.contains("Snapshot:monday ks.soup-5bc52802"), "{ran:?}");
    assert!(ran.err.contains("da-1-bti-Statistics.db"), "{}", ran.err);
}

#[test]
fn levels_are_a_table() {
    let out = helenus(["sstable", "levels", &soup()]).ok();
    let expected = format!(
        "{}:\nlevel  SSTables  bytes of Data.db  overlaps\nL0            6             16506         -\n\
         potential levels: L0=5 L1=1\n",
        soup()
    );
    assert_eq!(out, expected);
    let out = helenus(["sstable", "levels", "--long", &soup()]).ok();
    let ranges = out.lines().filter(|line| line.starts_with("  L0 da-") && line.contains("-bti [-")).count();
    assert_eq!(ranges, 6, "{out}");
}

#[test]
fn expired_tables_are_told_with_what_blocks_them() {
    let dir = soup();
    let run =
        |args: &[&str]| helenus(["sstable", "expired-blockers"].iter().chain(args).copied().chain([&*dir]));
    // By the schema next to the files.
    let out = run(&[]).ok();
    assert!(out.starts_with("gc_grace_seconds 864000 (corpus.soup), at "), "{out}");
    assert!(out.ends_with("6 SSTables: 0 expired, 0 of them blocked; 0 block\n"), "{out}");
    let out = run(&["--gc-grace", "10", "--now", "1000"]).ok();
    assert!(out.starts_with("gc_grace_seconds 10 (--gc-grace), at 1000: "), "{out}");
    assert!(out.contains("died before 990\n"), "{out}");
    let schema = format!("{dir}/schema.cql");
    let out = run(&["--schema", &schema]).ok();
    assert!(out.starts_with(&format!("gc_grace_seconds 864000 (corpus.soup in {schema})")), "{out}");
    let error = run(&["--gc-grace", "1", "--schema", &schema]).failed(2);
    assert!(error.contains("cannot be used with"), "{error}");
    let error = run(&["--schema", &schema, "--table", "corpus.other"]).failed(1);
    assert!(error.contains("corpus.other"), "{error}");
    let one = copy("soup");
    std::fs::remove_file(one.path().join("schema.cql")).unwrap();
    let out = helenus([Path::new("sstable"), Path::new("expired-blockers"), one.path()]).ok();
    assert!(out.starts_with("gc_grace_seconds 864000 (Cassandra's default: no schema was found)"), "{out}");
}
