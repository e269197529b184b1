//! Dumps against what Cassandra's `sstabledump -t` printed of the same files.

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_sstable::{Component, DumpOptions, DumpTimes, dump};

use crate::corpus::{root, tables};
use crate::reading::open;

/// Whether two lines say the same: floats may be spelled differently as long as they are the same float or double (Java
/// does not always print the shortest form), and what has expired depends on the moment of the dump.
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
    for found in tables(&root, "da") {
        let expected = found.descriptor.dir.join("dump").join(format!("{}.json", found.descriptor));
        if !RealDisk.exists(&expected).unwrap() {
            continue;
        }
        let expected = String::from_utf8(read_to_vec(&RealDisk, &expected, 1 << 28).unwrap()).unwrap();
        let mut out = Vec::new();
        let options = DumpOptions { times: DumpTimes::Raw, now: 1_795_371_800 };
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
    assert!(equal > 81);
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
