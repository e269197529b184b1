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
    // By the schema beside the files.
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
