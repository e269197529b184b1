//! Pieces of a table hold what it held, each about as large as asked for.

use std::ops::ControlFlow;

use helenus_io::{Disk, RealDisk};
use helenus_sstable::{Component, DataFile, Descriptor, PageVerification};
use helenus_tools::{Split, ToolError, View, diff, find_tables, split};

use crate::convert::content;
use crate::corpus::{disk, folder};

fn run(inputs: &[Descriptor], out: &std::path::Path, max_bytes: u64) -> Result<Vec<Split>, ToolError> {
    split(&disk(), inputs, out, max_bytes, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn pieces_hold_the_table_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let inputs = find_tables(&RealDisk, &[folder("da/comp_none")]).unwrap();
    let input = DataFile::open(&disk(), &inputs[0], PageVerification::Check).unwrap();
    let max = input.file_len() / 8;
    let done = run(&inputs, &out, max).unwrap();
    let pieces = &done[0].pieces;
    assert!(pieces.len() > 2, "{}", pieces.len());
    let together: Vec<String> = pieces.iter().flat_map(|piece| content(&piece.descriptor)).collect();
    assert!(together == content(&inputs[0]));
    let (last, full) = pieces.split_last().unwrap();
    for piece in full {
        let len = RealDisk.metadata(&piece.descriptor.path(&Component::Data)).unwrap().len;
        assert!(len > max, "{len} bytes, {max} asked for");
    }
    // Numbers continue after those in the directory, and pieces are of level 0.
    let largest = inputs.iter().filter_map(|input| input.id.generation()).max().unwrap();
    let numbers: Vec<u64> =
        pieces.iter().filter_map(|piece| piece.descriptor.id.generation()).map(|id| id.0).collect();
    let expected: Vec<u64> = (largest.0 + 1..).take(pieces.len()).collect();
    assert_eq!(numbers, expected);
    assert!(pieces.iter().all(|piece| piece.level == 0 && piece.descriptor.version == inputs[0].version));
    assert_eq!(last.last_key, input.stats().key_range.clone().unwrap().1);

    let pieces: Vec<Descriptor> = pieces.iter().map(|piece| piece.descriptor.clone()).collect();
    let go_on = &mut |_| ControlFlow::Continue(());
    let summary =
        diff(&disk(), &inputs, &pieces, View::Exact, &mut |_| ControlFlow::Break(()), go_on).unwrap();
    assert_eq!(summary.differences, 0);
}

#[test]
fn small_tables_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let inputs = find_tables(&RealDisk, &[folder("da/soup")]).unwrap();
    let done = run(&inputs, &out, 1 << 20).unwrap();
    assert!(done.len() == inputs.len() && done.iter().all(|split| split.pieces.is_empty()));
    assert!(RealDisk.list(dir.path()).unwrap().is_empty());
}
