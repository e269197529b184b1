//! The layouts' examples, lookups against a sorted list, and damaged files.

use bytes::Bytes;
use helenus_rows::{ClusteringComparator, DeletionTime, Position, PositionKind};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type, vint};

use super::summary::BASE_SAMPLING_LEVEL;
use super::*;
use crate::deletion_time::{DeletionTimeForm, write_deletion_time};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn ints() -> ClusteringComparator {
    ClusteringComparator::new(vec![Type::Int])
}

fn push_key(key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(key.len()).unwrap().to_be_bytes());
    out.extend_from_slice(key);
}

/// An Index.db of those keys in that order, each partition ten bytes after the one before, and
/// where entries begin.
fn index_of(keys: &[Vec<u8>]) -> (Vec<u8>, Vec<u64>) {
    let (mut file, mut positions) = (Vec::new(), Vec::new());
    for (key, number) in keys.iter().zip(0u64..) {
        positions.push(file.len() as u64);
        push_key(key, &mut file);
        vint::write_unsigned(&mut file, number * 10);
        vint::write_unsigned(&mut file, 0);
    }
    (file, positions)
}

/// A Summary.db with those of the keys.
fn summary_of(keys: &[Vec<u8>], positions: &[u64], taken: &[usize], level: u32) -> Vec<u8> {
    let entries: Vec<Vec<u8>> =
        taken.iter().map(|&at| [&keys[at][..], &positions[at].to_le_bytes()].concat()).collect();
    let size = taken.len() * 4 + entries.iter().map(Vec::len).sum::<usize>();
    let mut file = Vec::new();
    file.extend_from_slice(&128u32.to_be_bytes());
    file.extend_from_slice(&u32::try_from(taken.len()).unwrap().to_be_bytes());
    file.extend_from_slice(&(size as u64).to_be_bytes());
    file.extend_from_slice(&level.to_be_bytes());
    file.extend_from_slice(&0u32.to_be_bytes());
    let mut offset = taken.len() * 4;
    for entry in &entries {
        file.extend_from_slice(&u32::try_from(offset).unwrap().to_le_bytes());
        offset += entry.len();
    }
    file.extend(entries.concat());
    for key in [keys.first().unwrap(), keys.last().unwrap()] {
        file.extend_from_slice(&u32::try_from(key.len()).unwrap().to_be_bytes());
        file.extend_from_slice(key);
    }
    file
}

fn keys(partitioner: &Partitioner, count: u32) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = (0..count).map(|n| format!("key {n}").into_bytes()).collect();
    keys.sort_by(|a, b| partitioner.compare(a, b));
    keys
}

#[test]
fn the_examples_of_the_layouts() {
    let entry = IndexEntry::read(&hex("0001 31 16 00"), 0).unwrap().data_position;
    assert_eq!(entry, 22);
    let simple = hex("0001 30 00 00 | 0001 31 16 00 | 0001 32 2e 00 | 0001 33 46 00 | 0001 34 5e 00");
    let mut entries = IndexEntries::new(&simple);
    let mut found = Vec::new();
    while let Some(entry) = entries.next().unwrap() {
        assert!(entry.promoted.is_empty());
        found.push((entry.key.to_vec(), entry.data_position));
    }
    assert_eq!(found.iter().map(|(_, position)| *position).collect::<Vec<_>>(), [0, 22, 46, 70, 94]);

    let file = hex(
        "00000080 00000001 000000000000000d 00000080 00000001 | 04000000 | 30 0000000000000000 | 00000001 30 | 00000001 34",
    );
    let summary = Summary::decode(&Bytes::from(file)).unwrap();
    assert_eq!(
        (summary.min_index_interval, summary.len(), summary.sampling_level),
        (128, 1, BASE_SAMPLING_LEVEL)
    );
    assert_eq!(summary.entries().collect::<Vec<_>>(), [(&b"0"[..], 0)]);
    assert_eq!((&*summary.first_key, &*summary.last_key), (&b"0"[..], &b"4"[..]));

    let blocks = "04 00 00000000 | 04 00 00000009 | 04 | c1efef | 00  04 00 0000000a | 04 00 0000000b | 880c | c1fe00 | 00";
    let promoted = hex(&format!("04 80 02 {blocks} 00000000 00000011"));
    let mut file = hex("0001 31 16");
    vint::write_unsigned(&mut file, promoted.len() as u64);
    file.extend(promoted);
    let entry = IndexEntry::read(&file, 0).unwrap();
    let promoted = PromotedIndex::read(&entry, DeletionTimeForm::Unsigned).unwrap().unwrap();
    assert_eq!(
        (promoted.header_length, promoted.deletion, promoted.block_count()),
        (4, DeletionTime::LIVE, 2)
    );
    let block = promoted.block(0, &ints()).unwrap();
    assert_eq!((block.offset, block.width, block.open_at_end), (4, 2056, DeletionTime::LIVE));
    assert_eq!(block.last, Position { kind: PositionKind::Row, size: 1, values: &[0, 0, 0, 0, 9] });
    assert_eq!(promoted.block(1, &ints()).unwrap().offset, 4 + 2056);
}

#[test]
fn every_key_is_found_with_any_summary_or_none() {
    for partitioner in [Partitioner::Murmur3, Partitioner::Random, Partitioner::ByteOrdered] {
        let keys = keys(&partitioner, 1_000);
        let (file, positions) = index_of(&keys);
        let whole = summary_of(&keys, &positions, &[0, 128, 256, 384, 512, 640, 768, 896], 128);
        let few = summary_of(&keys, &positions, &[0, 640], 32);
        let wrong_last = summary_of(&keys[..900], &positions, &[0, 128], 128);
        let unordered = summary_of(&keys, &positions, &[0, 500, 300], 128);
        let none_at_start = summary_of(&keys, &positions, &[3, 500], 128);
        let summaries =
            [Some(whole), Some(few), Some(wrong_last), Some(unordered), Some(none_at_start), None];
        for summary in summaries.map(|bytes| bytes.map(Bytes::from)) {
            let index =
                PrimaryIndex::open(Bytes::from(file.clone()), summary.as_ref(), partitioner.clone()).unwrap();
            assert_eq!(index.key_count(), 1_000);
            assert_eq!((index.first_key(), index.last_key()), (&*keys[0], &*keys[999]));
            for (key, number) in keys.iter().zip(0u64..) {
                let found = index.find(partitioner.prefix(key), key).unwrap().unwrap();
                assert_eq!((found.1.key, found.1.data_position), (&**key, number * 10));
                let absent = [key, &b"\0"[..]].concat();
                assert!(index.find(partitioner.prefix(&absent), &absent).unwrap().is_none());
                let behind = index.ceiling(|_, found| partitioner.compare(found, key).is_gt()).unwrap();
                assert_eq!(
                    behind.map(|(_, entry)| entry.data_position),
                    (number < 999).then(|| number * 10 + 10)
                );
            }
        }
    }
}

#[test]
fn damage_is_told_and_never_found_to_be_another_key() {
    let keys = keys(&Partitioner::Murmur3, 400);
    let (file, positions) = index_of(&keys);
    let summary = summary_of(&keys, &positions, &[0, 128, 256, 384], 128);
    let look = |file: Vec<u8>, summary: Option<Vec<u8>>| {
        let summary = summary.map(Bytes::from);
        let Ok(index) = PrimaryIndex::open(Bytes::from(file), summary.as_ref(), Partitioner::Murmur3) else {
            return false;
        };
        let mut all = true;
        for (key, number) in keys.iter().zip(0u64..).step_by(7) {
            match index.find(Partitioner::murmur3_token(key), key) {
                Ok(Some((_, entry))) => {
                    assert_eq!(entry.key, &**key);
                    all &= entry.data_position == number * 10;
                }
                _ => all = false,
            }
        }
        all
    };
    assert!(look(file.clone(), Some(summary.clone())));
    // A summary is only a hint: whatever happens to it, every key is found.
    for at in 0..summary.len() {
        let mut flipped = summary.clone();
        flipped[at] ^= 0x81;
        assert!(look(file.clone(), Some(flipped)), "summary flipped at {at}");
        assert!(look(file.clone(), Some(summary[..at].to_vec())), "summary cut at {at}");
    }
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 0x81;
        look(flipped, Some(summary.clone()));
        look(file[..at].to_vec(), (at % 2 == 0).then(|| summary.clone()));
    }
}

/// Rows 0 to 99 in ten blocks; a range deletion is open from block 3 to block 5.
fn promoted(form: DeletionTimeForm) -> Vec<u8> {
    let deletion = DeletionTime::new(Timestamp(5), LocalDeletionTime(6));
    let (mut blocks, mut offsets) = (Vec::new(), Vec::new());
    for number in 0..10u8 {
        offsets.extend_from_slice(&u32::try_from(blocks.len()).unwrap().to_be_bytes());
        for row in [number * 10, number * 10 + 9] {
            blocks.extend_from_slice(&[4, 0, 0, 0, 0, row]);
        }
        vint::write_unsigned(&mut blocks, 20 + u64::from(number) * 100);
        vint::write_signed(&mut blocks, 100 - (64 << 10));
        let is_open = (3..5).contains(&number);
        blocks.push(u8::from(is_open));
        if is_open {
            write_deletion_time(deletion, form, &mut blocks);
        }
    }
    let mut bytes = vec![20];
    write_deletion_time(DeletionTime::LIVE, form, &mut bytes);
    bytes.push(10);
    [bytes, blocks, offsets].concat()
}

fn entry_with(promoted: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    push_key(b"key", &mut file);
    file.push(7);
    vint::write_unsigned(&mut file, promoted.len() as u64);
    [&file, promoted].concat()
}

#[test]
fn blocks_are_searched() {
    for form in [DeletionTimeForm::Legacy, DeletionTimeForm::Unsigned] {
        let file = entry_with(&promoted(form));
        let index = PromotedIndex::read(&IndexEntry::read(&file, 0).unwrap(), form).unwrap().unwrap();
        for row in 0..110u8 {
            let values = [0, 0, 0, 0, row];
            for kind in [PositionKind::Before, PositionKind::Row, PositionKind::After] {
                let sought = Position { kind, size: 1, values: &values };
                let (number, block) = index.floor(sought, &ints(), &ints()).unwrap();
                // After the last row of a block it is the next one's.
                let expected =
                    usize::from(row / 10) + usize::from(kind == PositionKind::After && row % 10 == 9);
                assert_eq!(number, expected.min(9), "{row} {kind:?}");
                assert_eq!((block.offset, block.width), (20 + 100 * number as u64, 100));
                let open = index.open_at_start(number, &ints()).unwrap();
                assert_eq!(open.is_live(), !(4..6).contains(&number));
            }
        }
        assert_eq!(index.floor(Position::BOTTOM, &ints(), &ints()).unwrap().0, 0);
        assert_eq!(index.floor(Position::TOP, &ints(), &ints()).unwrap().0, 9);
    }
}

#[test]
fn damaged_blocks_give_errors() {
    for form in [DeletionTimeForm::Legacy, DeletionTimeForm::Unsigned] {
        let whole = promoted(form);
        let search = |bytes: &[u8]| {
            let file = entry_with(bytes);
            let index = PromotedIndex::read(&IndexEntry::read(&file, 0).unwrap(), form)?;
            let Some(index) = index else { return Ok(()) };
            (0..index.block_count().min(1_000)).try_for_each(|at| index.block(at, &ints()).map(|_| ()))?;
            index.floor(Position::TOP, &ints(), &ints()).map(|_| ())
        };
        search(&whole).unwrap();
        for at in 0..whole.len() {
            if at > 0 {
                assert!(search(&whole[..at]).is_err(), "cut at {at}");
            }
            for mask in [1, 0x40, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= mask;
                drop(search(&flipped));
            }
        }
    }
    let none = IndexEntry::read(&entry_with(&[]), 0).map(|entry| entry.promoted.len());
    assert_eq!(none, Ok(0));
}
