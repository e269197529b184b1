//! `helenus sstable convert`, `upgrade`, `split` and `diff`, from the command line to what lies on
//! the disk.

use std::path::Path;

use crate::corpus::sample;
use crate::tool::{Ran, helenus};

fn run(args: &[&str], dir: &Path) -> Ran {
    let dir = dir.to_str().unwrap();
    helenus(
        ["sstable"].iter().map(|arg| (*arg).to_owned()).chain(args.iter().map(|arg| arg.replace("OUT", dir))),
    )
}

fn table(name: &str) -> String {
    sample().join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_conversion_is_the_same_data() {
    let dir = tempfile::tempdir().unwrap();
    let (soup, out) = (table("soup"), dir.path().join("out"));
    let told =
        run(&["convert", "--to", "da", "--codec", "zstd", "--codec-level", "7", &soup, "--out", "OUT"], &out);
    let told = told.ok();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 6, "{told}");
    assert!(lines[0].starts_with("da-1-bti -> da-1-bti: 8 partitions, 75 rows, Data.db 1907 -> "), "{told}");
    assert_eq!(run(&["diff", &soup, "OUT"], &out).ok(), "the same: 8 partitions, 95 rows\n");

    // A second run finds it there, and says what to do.
    let error = run(&["upgrade", &soup, "--out", "OUT"], &out).failed(1);
    assert!(error.contains("is not empty") && error.contains("try: name a directory"), "{error}");
}

#[test]
fn what_is_small_is_not_split() {
    let dir = tempfile::tempdir().unwrap();
    let first = format!("{}/da-1-bti-Data.db", table("soup"));
    let told = run(&["split", "--max-size", "1", &first, "--out", "OUT"], &dir.path().join("out")).ok();
    assert_eq!(told, "da-1-bti: left alone, its Data.db of 1907 bytes is not larger\n");
    assert!(!dir.path().join("out").exists());
}

#[test]
fn differences_are_printed_and_end_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let soup = table("soup");
    let first = format!("{soup}/da-1-bti-Data.db");
    let ran = run(&["diff", "--max", "0", &soup, &first], dir.path());
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("partition 5: "), "{}", ran.out);
    assert!(ran.err.contains(" differences in 8 partitions and "), "{}", ran.err);
    let ran = run(&["diff", "--json", "--max", "2", &soup, &first], dir.path());
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2));
    let line: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!((&line["kind"], &line["partition"]), (&"row".into(), &"5".into()), "{line}");
    assert!(ran.err.contains("--max 0"), "{}", ran.err);
}

#[test]
fn wrong_command_lines() {
    let dir = tempfile::tempdir().unwrap();
    let soup = table("soup");
    let wrong = |args: &[&str], expected: &str| {
        let error = run(args, &dir.path().join("out")).failed(2);
        assert!(error.contains(expected), "{args:?}: {error}");
        assert!(!dir.path().join("out").exists());
    };
    wrong(&["convert", "--to", "na", &soup, "--out", "OUT"], "can be written");
    wrong(&["convert", &soup, "--out", "OUT"], "--to");
    wrong(&["upgrade", "--codec-level", "3", &soup, "--out", "OUT"], "--codec");
    wrong(&["upgrade", "--codec", "snappy", "--codec-level", "3", &soup, "--out", "OUT"], "levels");
    wrong(&["upgrade", "--codec", "zstd", "--chunk-length-kb", "3", &soup, "--out", "OUT"], "power of 2");
    wrong(&["upgrade", "--codec", "none", "--chunk-length-kb", "4", &soup, "--out", "OUT"], "no level");
    wrong(&["diff", "--live", "now", "--expired", "now", &soup, &soup], "cannot be used with");
}

#[test]
fn verify_says_clean_and_finds_an_empty_filter() {
    let table = table("soup");
    let told = run(&["verify", &table], Path::new("")).ok();
    assert!(told.lines().count() == 6 && told.contains("da-1-bti-Data.db: clean (8 partitions, "), "{told}");

    // Cassandra takes such a filter for whole, and finds no row any more.
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&table).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("da-1-bti-") {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if name.ends_with("Filter.db") {
                bytes[8..].fill(0);
            }
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
    }
    let ran = run(&["verify", "OUT"], dir.path());
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("hidden: Filter.db, partition '5' (0x00000005): "), "{}", ran.out);
    assert!(ran.err.starts_with("error: 8 findings in 1 of 1 SSTable\n  try: "), "{}", ran.err);
    let ran = run(&["verify", "--json", "OUT"], dir.path());
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["findings"][0]["component"], "Filter.db");
    assert_eq!(report["findings"].as_array().unwrap().len(), 8);
    // No checksum covers the filter of another's table.
    run(&["verify", "--quick", "OUT"], dir.path()).ok();
}

#[test]
fn scrub_keeps_what_is_whole_and_reports_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let (soup, out) = (table("soup"), dir.path().join("out"));
    let ran = run(&["scrub", "--json", &soup, "--out", "OUT"], &out).ok();
    assert_eq!(ran.lines().count(), 6, "{ran}");
    let report: serde_json::Value = serde_json::from_str(ran.lines().next().unwrap()).unwrap();
    assert_eq!((&report["losses"], &report["partitions"]), (&0.into(), &8.into()), "{report}");
    assert_eq!(run(&["diff", &soup, "OUT"], &out).ok(), "the same: 8 partitions, 95 rows\n");

    // One damaged chunk, which is all of this table.
    let copies = dir.path().join("in");
    std::fs::create_dir(&copies).unwrap();
    for entry in std::fs::read_dir(&soup).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("da-1-bti-") || name.starts_with("da-2-bti-") {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            if name == "da-1-bti-Data.db" {
                bytes[99] ^= 1;
            }
            std::fs::write(copies.join(name), bytes).unwrap();
        }
    }
    let (copies, file) = (copies.to_str().unwrap(), dir.path().join("loss.jsonl"));
    // A report that couldn't be written was lost after a scrub of hours.
    std::fs::write(&file, "mine").unwrap();
    let args = ["scrub", "--report", file.to_str().unwrap(), copies, "--out", "OUT"];
    let error = run(&args, &dir.path().join("b")).failed(2);
    assert!(error.contains("loss.jsonl: there is such a file"), "{error}");
    assert!(!dir.path().join("b").exists() && std::fs::read_to_string(&file).unwrap() == "mine");
    std::fs::remove_file(&file).unwrap();
    let ran =
        run(&["scrub", "--report", file.to_str().unwrap(), copies, "--out", "OUT"], &dir.path().join("b"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.starts_with("da-1-bti -> nothing: 0 partitions, 0 rows and markers kept, "),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("da-2-bti -> da-2-bti: "), "{}", ran.out);
    assert!(ran.err.starts_with("error: 8 losses in 1 of 2 SSTables\n  try: repair"), "{}", ran.err);
    let text = std::fs::read_to_string(file).unwrap();
    let report: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(report["damaged_chunks"], serde_json::json!([0]), "{report}");
    assert_eq!(report["lost"].as_array().unwrap().len(), 8, "{report}");

    // Without a header there is nothing to do.
    std::fs::remove_file(format!("{copies}/da-1-bti-Statistics.db")).unwrap();
    let error = run(&["scrub", copies, "--out", "OUT"], &dir.path().join("c")).failed(2);
    assert!(error.contains("da-1-bti-Statistics.db: is missing"), "{error}");
    assert!(!dir.path().join("c").exists());
}

#[test]
fn metadata_is_text_and_json() {
    let dir = sample().join("soup");
    let file = dir.join("da-1-bti-Data.db");
    let text = run(&["metadata", "-s", file.to_str().unwrap()], Path::new("")).ok();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("SSTable: /") && lines[0].ends_with("/soup/da-1-bti"), "{text}");
    assert_eq!(lines[1..6], ["Size: 2844", "Partitions: 8", "Rows: 75", "Tombstones: 56", "Cells: 121"]);
    assert!(text.contains("\nPartition Size: \n   Size (bytes) | Count  (%)  Histogram \n"), "{text}");
    let blocks = run(&["metadata", "-u", "-t", "MILLISECONDS", file.to_str().unwrap()], Path::new("")).ok();
    assert!(blocks.contains('\u{2589}') && blocks.contains("\nMinimum timestamp: 11/08/55840 "), "{blocks}");

    let json = run(&["metadata", "--json", dir.to_str().unwrap()], Path::new("")).ok();
    assert_eq!(json.lines().count(), 6);
    let json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&json["version"], &json["format"]), (&"da".into(), &"bti".into()));
    assert_eq!((&json["rows"], &json["estimated_partitions"]), (&75.into(), &8.into()));
    assert_eq!(json["first_key"]["text"], "5");
    assert_eq!(json["compression"]["class"], "LZ4Compressor");
    assert!(json["scan"].is_null());
    assert_eq!(json["header"]["regular_columns"][0]["name"], "v");

    let error = run(&["metadata", "nowhere/da-1-bti-Data.db"], Path::new("")).failed(1);
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn rebuild_makes_everything_but_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (soup, copies) = (table("soup"), dir.path().join("in"));
    std::fs::create_dir(&copies).unwrap();
    for name in ["Data.db", "Statistics.db", "CompressionInfo.db"] {
        let name = format!("da-1-bti-{name}");
        std::fs::copy(Path::new(&soup).join(&name), copies.join(&name)).unwrap();
    }
    let out = dir.path().join("out");
    let told = run(&["rebuild", copies.to_str().unwrap(), "--out", "OUT"], &out).ok();
    assert_eq!(told, "da-1-bti -> da-1-bti: 8 partitions, 75 rows, Data.db linked\n");
    assert_eq!(run(&["verify", "OUT"], &out).code, 0);
    for name in ["Data.db", "Partitions.db", "Filter.db", "Statistics.db", "Digest.crc32"] {
        let file = |dir: &Path| std::fs::read(dir.join(format!("da-1-bti-{name}"))).unwrap();
        assert!(file(&out) == file(Path::new(&soup)), "{name}");
    }
}

#[test]
fn dumps_of_some_partitions_and_in_other_forms() {
    let file = format!("{}/da-1-bti-Data.db", table("soup"));
    let dumped = |args: &[&str]| run(&[&["dump"], args, &[&file]].concat(), Path::new("")).ok();
    assert_eq!(
        dumped(&["-e"]),
        "[ [ \"5\" ], [ \"1\" ], [ \"0\" ], [ \"2\" ], [ \"4\" ], [ \"7\" ], [ \"6\" ], [ \"3\" ]\n]\n"
    );
    assert_eq!(dumped(&["-e", "-k", "6", "-k", "5", "-k", "-9"]), "[ [ \"5\" ], [ \"6\" ]\n]\n");
    assert_eq!(dumped(&["-l"]).lines().count(), 8);
    assert_eq!(dumped(&["-l", "-t", "-x", "5", "-x", "1"]).lines().count(), 6);
    let lines = dumped(&["-d", "-k", "1"]);
    assert!(lines.starts_with("[1]@255 deletedAt=1700000000001926, localDeletion=1795371926\n"), "{lines}");
    let error = run(&["dump", "-k", "x", &file], Path::new("")).failed(2);
    assert!(error.contains("key x: ") && error.contains("-e prints"), "{error}");
    run(&["dump", "-d", "-l", &file], Path::new("")).failed(2);
}
