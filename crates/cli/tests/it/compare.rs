//! Every read of Cassandra's files equals what Cassandra said of them.

use std::path::Path;

use crate::corpus::{self, Expected, Table};
use crate::json::{members, same_tokens, same_value, tokens, without_clock};
use crate::tool::helenus;

/// Partitions of a table that are read one by one, and rows of each.
const PARTITIONS: usize = 6;
const ROWS: usize = 2;

#[test]
fn the_committed_tables() {
    for (mode, least) in [("da", 40), ("oa", 4), ("nb", 4)] {
        compare_all(&corpus::sample().with_file_name(mode), least);
    }
}

#[test]
fn every_table_of_the_corpus() {
    if let Some(root) = corpus::whole() {
        for mode in ["da", "oa", "nb"] {
            compare_all(&root.join(mode), 80);
        }
    }
}

fn compare_all(root: &Path, least: usize) {
    let tables = corpus::tables(root);
    assert!(tables.len() >= least, "{} tables in {}", tables.len(), root.display());
    let problems: Vec<String> = tables.iter().filter_map(|table| compare(table).err()).collect();
    assert!(
        problems.is_empty(),
        "{} of {} tables differ:\n{}",
        problems.len(),
        tables.len(),
        problems.join("\n")
    );
}

fn compare(table: &Table) -> Result<(), String> {
    let named = |what: &str, problem| format!("{} ({what}): {problem}", table.name);
    let lines = compare_export(table).map_err(|problem| named("export", problem))?;
    compare_gets(table, &lines).map_err(|problem| named("get", problem))?;
    compare_dumps(table).map_err(|problem| named("dump", problem))
}

/// The rows that Cassandra showed, once `export` shows the same.
pub(crate) fn compare_export(table: &Table) -> Result<Vec<String>, String> {
    let got = run(table, "export", &[], &[])?;
    match &table.expected {
        Expected::Lines(expected) => {
            compare_rows(table, &got, expected)?;
            Ok(expected.clone())
        }
        Expected::Digest(expected) => {
            let found =
                format!("{} lines, crc32 {:08x}\n", got.lines().count(), crc32fast::hash(got.as_bytes()));
            if found != *expected {
                return Err(format!("{found} instead of {expected}"));
            }
            Ok(got.lines().map(str::to_owned).collect())
        }
    }
}

/// Partitions in both directions, single rows, absent keys.
pub(crate) fn compare_gets(table: &Table, lines: &[String]) -> Result<(), String> {
    let (of_partition, key) = table.key();
    let has_clustering = key.len() > of_partition;
    let mut partitions: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for line in lines {
        let Some(literals) = table.literals(line, of_partition) else { continue };
        match partitions.last_mut() {
            Some((last, rows)) if *last == literals => rows.push(line.clone()),
            _ => partitions.push((literals, vec![line.clone()])),
        }
    }
    let step = partitions.len().div_ceil(PARTITIONS).max(1);
    for (literals, rows) in partitions.iter().step_by(step) {
        compare_rows(table, &run(table, "get", &[], literals)?, rows)?;
        if !has_clustering {
            continue;
        }
        let reversed: Vec<String> = rows.iter().rev().cloned().collect();
        compare_rows(table, &run(table, "get", &["--reverse"], literals)?, &reversed)?;
        for row in rows.iter().step_by(rows.len().div_ceil(ROWS).max(1)) {
            if let Some(literals) = table.literals(row, key.len()) {
                compare_rows(table, &run(table, "get", &[], &literals)?, std::slice::from_ref(row))?;
            }
        }
    }
    if let [(_, helenus::Type::Int)] = key.get(..of_partition).unwrap_or_default() {
        for absent in ["1000000007", "-2000000011"] {
            compare_rows(table, &run(table, "get", &[], &[absent.to_owned()])?, &[])?;
        }
    }
    Ok(())
}

fn compare_dumps(table: &Table) -> Result<(), String> {
    let Ok(dumps) = std::fs::read_dir(table.dir.join("dump")) else { return Ok(()) };
    for told in dumps.map(|entry| entry.unwrap().path()) {
        let stem = told.file_stem().unwrap().to_str().unwrap();
        let data = table.dir.join(format!("{stem}-Data.db"));
        let done = helenus(["sstable", "dump", "-t", data.to_str().unwrap()]);
        if done.code != 0 {
            return Err(format!("{stem}: exit {}: {}", done.code, done.err));
        }
        let expected = std::fs::read_to_string(&told).unwrap();
        let (got, expected) = (without_clock(tokens(&done.out)), without_clock(tokens(&expected)));
        if !same_tokens(&got, &expected, true) {
            let at = got.iter().zip(&expected).take_while(|(got, expected)| got == expected).count();
            return Err(format!("{stem}: token {at} is {:?}, expected {:?}", got.get(at), expected.get(at)));
        }
    }
    Ok(())
}

fn run(table: &Table, command: &str, options: &[&str], key: &[String]) -> Result<String, String> {
    let mut args = vec![command, "--schema", table.schema_file.to_str().unwrap()];
    args.extend(options);
    args.extend([table.dir.to_str().unwrap(), &table.name]);
    if command == "get" {
        args.push("--");
        args.extend(key.iter().map(String::as_str));
    }
    let done = helenus(args);
    if done.code == 0 { Ok(done.out) } else { Err(format!("{key:?}: exit {}: {}", done.code, done.err)) }
}

fn compare_rows(table: &Table, got: &str, expected: &[String]) -> Result<(), String> {
    for (at, (got, expected)) in got.lines().zip(expected).enumerate() {
        if got == expected {
            continue;
        }
        let (ours, theirs) = (members(got), members(expected));
        let same = |((key, got), (name, expected)): (&(String, &str), &(String, &str))| {
            key == name && same_value(got, expected, table.has_floats(key))
        };
        if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(same) {
            return Err(format!("row {at} is {got}, expected {expected}"));
        }
    }
    let count = got.lines().count();
    if count == expected.len() { Ok(()) } else { Err(format!("{count} rows, expected {}", expected.len())) }
}

/// A node's folders, with the schema of a snapshot: quoted names, a type that only the files'
/// headers define, a dropped column, folders of snapshots, backups and an index next to the files.
#[test]
fn the_folders_of_a_node() {
    let Some(root) = corpus::whole() else { return };
    let root = root.join("snapshot");
    for (folder, snapshot, name, told) in [
        ("Fleet/Trips-", "before-migration", "\"Fleet\".\"Trips\"", "Fleet.Trips"),
        ("chat/messages-", "later", "chat.messages", "chat.messages"),
        ("chat/totals-", "later", "chat.totals", "chat.totals"),
    ] {
        let (keyspace, table) = folder.split_once('/').unwrap();
        let entries =
            std::fs::read_dir(root.join("data").join(keyspace)).unwrap().map(|entry| entry.unwrap().path());
        let is_it =
            |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(table);
        let dir = entries.into_iter().find(is_it).unwrap();
        let schema = dir.join("snapshots").join(snapshot).join("schema.cql");
        let out = helenus(["export", "--schema", schema.to_str().unwrap(), dir.to_str().unwrap(), name]).ok();
        let expected = std::fs::read_to_string(root.join("select").join(format!("{told}.jsonl"))).unwrap();
        assert_eq!(out.lines().collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>(), "{name}");
    }
}
