//! How deep a write and a read go, over how many files, and how many buffers a value passes.
//!
//! A hop is a call from one function of ours to another; a closure is a part of the function that
//! it stands in. What lies on the stack is counted: where the log and the memtable take a record
//! and a row, and where a point read takes a chunk. The compiler puts one function into another
//! where that is faster; with line tables, or without optimization, it shows on the stack all the
//! same.

use std::collections::BTreeSet;

use crate::allocator::{Call, Stack, stacks_of};
use crate::{open, prepare};

const MOST_HOPS: usize = 8;
const MOST_FILES: usize = 8;

const EXECUTE: (&str, &str) = ("engine/mutate/prepared", "execute");

/// The calls of the first stack that has those two ends.
fn path(stacks: &[Stack], from: (&str, &str), to: (&str, &str)) -> Vec<Call> {
    let found = stacks.iter().find_map(|stack| stack.between(from, to));
    found.unwrap_or_else(|| panic!("no way from {from:?} to {to:?}: {stacks:#?}")).to_vec()
}

fn check_hops(calls: &[Call]) {
    let hops = calls.len() - 1;
    assert!(hops <= MOST_HOPS, "{hops} hops: {calls:#?}");
}

#[test]
fn a_prepared_write_is_few_calls_from_log_and_memtable() {
    let dir = tempfile::tempdir().unwrap();
    let (_db, table) = open(dir.path());
    let insert = prepare(&table);
    // The first write needs the buffers of the log and the memtable, a later one has them.
    let values = (1i64, 2i64, "text", 7, 0.5, true, [9u8; 9], uuid::Uuid::nil());
    let stacks = stacks_of(1, || insert.execute(values).unwrap());
    let to_log = path(&stacks, EXECUTE, ("commitlog/log", "append"));
    let to_memtable = path(&stacks, EXECUTE, ("memtable/memtable", "apply"));
    check_hops(&to_log);
    check_hops(&to_memtable);
    let files: BTreeSet<&str> = to_log.iter().chain(&to_memtable).map(|call| &*call.file).collect();
    assert!(files.len() <= MOST_FILES, "{files:#?}");
}

/// A batch's rows are encoded when they are added; executing it goes the same way from there.
#[test]
fn a_batch_is_few_calls_from_log_and_memtable() {
    let dir = tempfile::tempdir().unwrap();
    let (db, table) = open(dir.path());
    let insert = prepare(&table);
    let mut batch = db.batch();
    let values = |c: i64| (1i64, c, "text", 7, 0.5, true, [9u8; 9], uuid::Uuid::nil());
    insert.add_to(&mut batch, values(1)).unwrap();
    insert.add_to(&mut batch, values(2)).unwrap();
    let stacks = stacks_of(1, || batch.execute().unwrap());
    // `execute` ends in the call of it.
    let execute = ("engine/mutate/batch", "execute_checked");
    let to_log = path(&stacks, execute, ("commitlog/log", "append"));
    let to_memtable = path(&stacks, execute, ("memtable/memtable", "apply"));
    check_hops(&to_log);
    check_hops(&to_memtable);
    let files: BTreeSet<&str> = to_log.iter().chain(&to_memtable).map(|call| &*call.file).collect();
    assert!(files.len() <= MOST_FILES, "{files:#?}");
}

#[test]
fn a_point_read_is_few_calls_from_what_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (db, table) = open(dir.path());
    let insert = prepare(&table);
    for c in 0..100i64 {
        insert.execute((1i64, c, "text", 7, 0.5, true, [9u8; 9], uuid::Uuid::nil())).unwrap();
    }
    db.flush().unwrap();
    let select = table.select().key(1i64).prefix(50i64);
    // The first read fills the cache, where a later one finds its chunk.
    let mut rows = select.rows().unwrap();
    let stacks = stacks_of(1, || assert!(rows.next().unwrap().is_some()));
    check_hops(&path(&stacks, ("engine/select/cursor", "next"), ("sstable/data/window", "load")));
}

/// The functions that fill the buffers that hold a value on its way. A buffer that is too small
/// grows, which shows on the stack; one that has room shows nothing.
const BUFFERS: [(&str, &str); 3] =
    [("engine/mutate/plan", "encode"), ("commitlog/pending", "add"), ("memtable/arena", "store")];

#[test]
fn a_value_is_in_the_buffers_of_payload_log_and_memtable_and_in_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (db, table) = open(dir.path());
    let insert = table.prepare_insert(&["p", "c", "f"]).unwrap();
    let grown = check_buffers(|c, value| insert.execute((1i64, c, value)).unwrap());
    assert_eq!(grown, BTreeSet::from(BUFFERS));
    // The log has room by then.
    let mut batch = db.batch();
    let grown = check_buffers(|c, value| {
        insert.add_to(&mut batch, (2i64, c, value)).unwrap();
        batch.execute().unwrap();
    });
    assert!(grown.contains(&BUFFERS[2]), "{grown:?}");
}

/// The buffers that grow for a large value; they have room for the next.
fn check_buffers(mut write: impl FnMut(i64, &[u8])) -> BTreeSet<(&'static str, &'static str)> {
    let value = vec![9u8; 100_000];
    let mut write = |c: i64, len: usize| stacks_of(len, || write(c, &value[..len]));
    let buffer = |stack: &Stack| {
        let is_in = |buffer: &(&str, &str)| stack.0.iter().any(|call| call.is(*buffer));
        BUFFERS.into_iter().find(is_in).unwrap_or_else(|| panic!("a buffer of its own: {stack:#?}"))
    };
    let grown: BTreeSet<_> = write(1, value.len()).iter().map(buffer).collect();
    // The log has two buffers, which take turns. The memtable keeps each value, the others have
    // room from now on for a shorter one.
    write(2, value.len());
    let others: Vec<_> = write(3, 90_000).iter().map(buffer).filter(|buffer| *buffer != BUFFERS[2]).collect();
    assert_eq!(others, []);
    grown
}
