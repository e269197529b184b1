use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, EntryKind, RealDisk};

use super::*;
use crate::descriptor::{Folder, LeftOut};

const DIR: &str = "/data/ks/t-5a1c";
const ADD: &str = "ADD:[/data/ks/t-5a1c/da-8-bti-,0,2][0]";
const REMOVE: &str = "REMOVE:[/data/ks/t-5a1c/da-7-bti-,1795374269080,2][0]";
const COMMIT: &str = "COMMIT:[,0,0][2613697770]";
const ABORT: &str = "ABORT:[,0,0][737437348]";

/// The line with the right checksum.
fn whole(line: &str) -> String {
    let record = LogRecord::parse(line).unwrap();
    LogRecord::new(record.kind, &record.path, record.update_time_ms, record.file_count).to_string()
}

fn file(name: &str) -> DirEntry {
    let modified_ms = Some(1_795_374_269_999);
    DirEntry { name: OsString::from(name), kind: EntryKind::File, len: 1, modified_ms }
}

/// Old and new files, all there.
fn files() -> Vec<DirEntry> {
    ["da-7-bti-Data.db", "da-7-bti-TOC.txt", "da-77-bti-Data.db", "da-8-bti-Data.db"].map(file).to_vec()
}

/// The verdict of the lines on the files, or the error.
fn check(dir: &str, lines: &[&str], files: &[DirEntry], expected: &str) {
    let text = lines.join("\n");
    let verdict = TransactionLog::decode(Path::new("t.log"), text.as_bytes())
        .and_then(|log| log.verdict(Path::new(dir), files));
    let found = match verdict {
        Ok(verdict) => format!(
            "{}{} without {}",
            if verdict.is_settled { "" } else { "unsettled " },
            if verdict.is_committed { "committed" } else { "aborted" },
            verdict.left_out.into_iter().collect::<Vec<_>>().join(" ")
        ),
        Err(error) => error.to_string(),
    };
    assert!(found.starts_with(expected), "{text}\n{found}");
}

#[test]
fn checksums_are_cassandras() {
    // Those of the final lines are what a node writes.
    for line in [COMMIT, ABORT] {
        let record = LogRecord::parse(line).unwrap();
        assert_eq!(record.checksum, record.compute_checksum());
        assert_eq!(record.to_string(), line);
    }
    assert_eq!(
        whole("Add:[/data/ks/t-5a1c/da-8-bti-,7,8][1]"),
        "ADD:[/data/ks/t-5a1c/da-8-bti-,0,8][3922014334]"
    );
    assert_eq!(
        whole("REMOVE:[/data/ks/t-5a1c/da-7-bti-,1795374269080,8][1]"),
        "REMOVE:[/data/ks/t-5a1c/da-7-bti-,1795374269080,8][1802071152]"
    );
    for line in [
        "",
        "COMMIT",
        "COMMIT:[,0,0][261",
        "ADD:[a,b,0,8][1]",
        "ADD:[a,0][1]",
        "ADD:[a,x,8][1]",
        "DEL:[a,0,8][1]",
    ] {
        assert_eq!(LogRecord::parse(line), None, "{line}");
    }
}

#[test]
fn names() {
    let parse = |name| TransactionLogName::parse(name).map(|name| (name.version, name.operation, name.id));
    assert_eq!(parse("nb_txn_compaction_5bc5.log"), Some((Some("nb"), "compaction", "5bc5")));
    assert_eq!(parse("bti-da_txn_flush_5bc5.log"), Some((Some("bti-da"), "flush", "5bc5")));
    assert_eq!(parse("txn_unknowncompactiontype_5bc5.log"), Some((None, "unknowncompactiontype", "5bc5")));
    for name in ["some.log", "abc_txn_a_b.log", "txn_a.log", "nb_txn_a_b"] {
        assert_eq!(parse(name), None, "{name}");
    }
}

#[test]
fn the_last_line_decides() {
    let [add, remove] = [whole(ADD), whole(REMOVE)];
    let check = |last: &str, expected: &str| check(DIR, &[&add, &remove, last], &files(), expected);
    check("", "aborted without da-8-bti");
    check(ABORT, "aborted without da-8-bti");
    check(COMMIT, "committed without da-7-bti");
    check("COMMIT:[,0,0][26136", "aborted without da-8-bti");
    check("COMMIT:[,0,0][2613697771]", "aborted without da-8-bti");
    check(&format!("{COMMIT}\n{COMMIT}"), "t.log: corrupt at offset 136: expected nothing behind the COMMIT");
    check(
        &format!("x\n{COMMIT}"),
        "t.log: corrupt at offset 110: expected a record of a transaction, found x",
    );
    check(&add, "t.log: corrupt at offset 110: expected no record twice");
}

#[test]
fn damage_before_the_last_line_is_refused() {
    let remove = whole(REMOVE);
    check(DIR, &[ADD, &remove, COMMIT], &files(), "t.log: corrupt at offset 0: expected checksum 1");
    check(DIR, &[ADD], &files(), "aborted without ");
    let error = TransactionLog::decode(Path::new("t.log"), b"ADD\xff").unwrap_err();
    assert!(error.to_string().contains("offset 3"), "{error}");
}

#[test]
fn old_files_that_are_missing() {
    let [add, remove] = [whole(ADD), whole(REMOVE)];
    let fewer = &files()[1..];
    check(DIR, &[&add, &remove, COMMIT], fewer, "committed without da-7-bti");
    check(DIR, &[&add, &remove, ABORT], fewer, "aborted without da-8-bti");
    check(DIR, &[&add, &remove], fewer, "unsettled aborted");
    // The last line may have been a COMMIT.
    check(DIR, &[&add, &remove, "COMM"], fewer, "t.log: corrupt at offset 110: expected a record");
    // A table has several directories, and each has a copy of the log.
    let elsewhere = whole("REMOVE:[/data2/ks/t-5a1c/da-6-bti-,1795374269080,2][0]");
    check("/data/ks/t-5a1c", &[&add, &remove, &elsewhere], &files(), "aborted without da-8-bti");
    check("/data2/ks/t-5a1c", &[&add, &remove, &elsewhere], &files(), "unsettled aborted");
}

#[test]
fn files_that_came_back_are_not_those_of_the_log() {
    let remove = whole("REMOVE:[/data/ks/t-5a1c/da-7-bti-,1795374268080,2][0]");
    for dir in [DIR, "t-5a1c", "./ks/t-5a1c"] {
        check(dir, &[&remove, COMMIT], &files(), "t.log: does not fit the files: da-7-bti was last updated");
    }
    for dir in ["/backup/t-5a1c", "."] {
        check(dir, &[&remove, COMMIT], &files(), "committed without da-7-bti");
    }
}

#[test]
fn a_folder_with_a_log() {
    let temp = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let put = |name: &str, text: &str| {
        disk.create_new(&temp.path().join(name)).unwrap().write_at(0, text.as_bytes()).unwrap();
    };
    for name in ["da-7-bti-Data.db", "da-8-bti-Data.db", "da-9-bti-Data.db", "da-9-bti-TOC.txt"] {
        put(name, "");
    }
    let read = || Folder::read(&*disk, temp.path());
    assert_eq!(read().unwrap().tables().count(), 3);
    let log = "bti-da_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log";
    let lines = |count| {
        whole(&format!("REMOVE:[/x/da-7-bti-,5,{count}][0]")) + "\n" + &whole("ADD:[/x/da-9-bti-,0,2][0]")
    };
    put(log, &lines(1));
    let folder = read().unwrap();
    let stems: Vec<String> = folder.tables().map(|found| found.descriptor.to_string()).collect();
    assert_eq!(stems, ["da-7-bti", "da-8-bti"]);
    assert_eq!(folder.left_out("da-9-bti-TOC.txt"), Some(LeftOut::Unfinished));
    assert_eq!(folder.left_out("da-90-bti-TOC.txt"), None);
    assert_eq!(folder.left_out(log), None);
    disk.remove_file(&temp.path().join(log)).unwrap();
    put(log, &(lines(1) + "\n" + COMMIT));
    assert_eq!(read().unwrap().left_out("da-7-bti-Data.db"), Some(LeftOut::Obsolete));
    disk.remove_file(&temp.path().join(log)).unwrap();
    put(log, &lines(2));
    let error = read().unwrap_err().to_string();
    assert!(error.contains("are missing although it is not committed"), "{error}");
}
