//! Dumps against what Cassandra's `sstabledump` printed of the same files.

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{Component, DumpForm, DumpKeys, DumpOptions, DumpTimes, SsTable, dump, dump_keys};

use crate::corpus::{root, tables};
use crate::reading::open;

/// Whether two lines say the same: floats may be spelled differently as long as they are the same
/// float or double (Java does not always print the shortest form), and what has expired depends on
/// the moment of the dump.
fn same(ours: &str, theirs: &str) -> bool {
    let without_clock = |line: &str| line.replace("\"expired\" : true", "\"expired\" : false");
    let (ours, theirs) = (without_clock(ours), without_clock(theirs));
    if ours == theirs {
        return true;
    }
    let words = |line: &str| -> Vec<String> {
        line.split_inclusive([' ', ',', '[', ']']).map(str::to_owned).collect()
    };
    let (ours, theirs) = (words(&ours), words(&theirs));
    ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|(ours, theirs)| ours == theirs || same_float(ours, theirs))
}

fn same_float(ours: &str, theirs: &str) -> bool {
    let number = |word: &str| word.trim_end_matches([' ', ',', '[', ']']).trim_matches('"').to_owned();
    let (ours, theirs) = (number(ours), number(theirs));
    if !ours.contains(['.', 'E']) {
        return false;
    }
    let as_double = ours.parse::<f64>().is_ok_and(|ours| theirs.parse() == Ok(ours));
    as_double || ours.parse::<f32>().is_ok_and(|ours| theirs.parse() == Ok(ours))
}

#[test]
fn dumps_are_those_of_sstabledump() {
    let Some(root) = root() else { return };
    let mut equal = 0;
    for found in ["da", "oa", "nb"].iter().flat_map(|mode| tables(&root, mode)) {
        let expected = found.descriptor.dir.join("dump").join(format!("{}.json", found.descriptor));
        if !RealDisk.exists(&expected).unwrap() {
            continue;
        }
        let expected = String::from_utf8(read_to_vec(&RealDisk, &expected, 1 << 28).unwrap()).unwrap();
        let mut out = Vec::new();
        let options = DumpOptions { times: DumpTimes::Raw, now: 1_795_371_800, ..DumpOptions::default() };
        let errors = dump(&open(&found.descriptor), options, &mut out).unwrap();
        assert!(errors.is_empty(), "{errors:?}");
        let out = String::from_utf8(out).unwrap();
        let name = found.descriptor.path(&Component::Data);
        let mut lines = (1..).zip(out.lines().zip(expected.lines()));
        if let Some((number, (ours, theirs))) = lines.find(|(_, (ours, theirs))| !same(ours, theirs)) {
            let cut = |line: &str| line.chars().take(2000).collect::<String>();
            panic!("{} line {number}:\n{}\n{}", name.display(), cut(ours), cut(theirs));
        }
        assert_eq!(out.lines().count(), expected.lines().count(), "{}", name.display());
        equal += 1;
    }
    println!("{equal} dumps");
    assert!(equal > 3 * 81, "{equal}");
}

#[test]
fn times_are_printed_as_instants() {
    let Some(root) = root() else { return };
    let table = tables(&root, "da/tombstones").remove(0);
    let mut out = Vec::new();
    dump(&open(&table.descriptor), DumpOptions::default(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("\"tstamp\" : \"2023-11-14T22:13:20.086170Z\""));
    assert!(out.ends_with("\n]\n"));
}

fn printed(table: &SsTable, form: DumpForm, keys: &DumpKeys) -> String {
    let mut out = Vec::new();
    let options = DumpOptions { times: DumpTimes::Raw, form, now: 1_795_371_800 };
    let errors = dump_keys(table, options, keys, &mut out).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    String::from_utf8(out).unwrap()
}

/// Compares with what Cassandra 5.0.8's `sstabledump` printed, which ends JSON without an end of
/// line.
#[track_caller]
fn check(name: &str, form: DumpForm, expected: &str) {
    let Some(root) = root() else { return };
    let table = tables(&root, &format!("da/{name}")).remove(0);
    let ours = printed(&open(&table.descriptor), form, &DumpKeys::default());
    for (ours, expected) in ours.lines().zip(expected.lines()) {
        assert_eq!(ours, expected, "{name}");
    }
    assert_eq!(ours.trim_end().len(), expected.trim_end().len(), "{name}");
}

#[test]
fn other_forms_are_those_of_sstabledump() {
    check("soup", DumpForm::Lines, include_str!("../dump/soup-d.txt"));
    check("counters", DumpForm::Lines, include_str!("../dump/counters-d.txt"));
    check("mv_view", DumpForm::Lines, include_str!("../dump/mv_view-d.txt"));
    check("statics_only", DumpForm::Lines, include_str!("../dump/statics_only-d.txt"));
    check("soup", DumpForm::Keys, include_str!("../dump/soup-e.txt"));
    check("soup", DumpForm::JsonLines, include_str!("../dump/soup-l.txt"));
    let Some(root) = root() else { return };
    let all = tables(&root, "da/composite_compacted");
    let table = all.iter().find(|table| table.descriptor.to_string() == "da-3-bti").unwrap();
    let keys = printed(&open(&table.descriptor), DumpForm::Keys, &DumpKeys::default());
    assert_eq!(keys.trim_end(), include_str!("../dump/composite_compacted-e.txt"));
}

/// Without the blanks between the parts: those inside of values are the same in both.
fn without_indentation(json: &str) -> String {
    json.lines().map(str::trim_start).collect::<String>().replace(", ", ",").replace(" : ", ":")
}

#[test]
fn json_lines_are_the_partitions_of_the_json() {
    let Some(root) = root() else { return };
    for found in tables(&root, "da") {
        let table = open(&found.descriptor);
        if table.data_len() > 100_000 {
            continue;
        }
        let all = DumpKeys::default();
        let json =
            without_indentation(&printed(&table, DumpForm::Json, &all)).replace("[ ", "[").replace("{ ", "{");
        let lines: Vec<String> = printed(&table, DumpForm::JsonLines, &all)
            .lines()
            .map(|line| line.replace(", ", ",").replace(" : ", ":").replace("[ ", "[").replace("{ ", "{"))
            .collect();
        let blanks = |text: &str| text.replace(" ]", "]").replace(" }", "}");
        assert_eq!(
            blanks(&json),
            blanks(&format!("[{}]", lines.join(","))),
            "{}",
            found.descriptor.dir.display()
        );
    }
}

#[test]
fn every_key_is_found_and_left_out() {
    let Some(root) = root() else { return };
    let mut seen = 0;
    for found in ["da", "nb"].iter().flat_map(|version| tables(&root, version)) {
        let table = open(&found.descriptor);
        if table.data_len() > 30_000 || table.key_count() > 200 {
            continue;
        }
        let all = printed(&table, DumpForm::JsonLines, &DumpKeys::default());
        let mut keys = Vec::new();
        let mut walk = table.keys();
        while let Some((_, key)) = walk.next().unwrap() {
            keys.push(key.to_vec());
        }
        for (key, line) in keys.iter().zip(all.lines()) {
            let only = DumpKeys { only: Some(vec![key.clone(), key.clone()]), except: Vec::new() };
            assert_eq!(printed(&table, DumpForm::JsonLines, &only).trim_end(), line);
            seen += 1;
        }
        let last = keys.pop().unwrap();
        let except = DumpKeys { only: None, except: vec![last.clone()] };
        let left = printed(&table, DumpForm::JsonLines, &except);
        assert!(all.starts_with(&left) && left.lines().count() == keys.len());
        keys.reverse();
        let both = DumpKeys { only: Some(keys), except: vec![last.clone()] };
        assert_eq!(printed(&table, DumpForm::JsonLines, &both), left);
        let nothing = DumpKeys { only: Some(vec![last.clone()]), except: vec![last] };
        assert_eq!(printed(&table, DumpForm::Json, &nothing), "[\n]\n");
        assert_eq!(printed(&table, DumpForm::Keys, &nothing), "[\n]\n");
    }
    println!("{seen} keys");
    assert!(seen > 2500);
}
