//! The layouts' examples, lookups against a sorted list, and damaged files.

use bytes::Bytes;
use helenus_rows::{ClusteringComparator, DeletionTime, Position, PositionKind};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Token, Type, vint};

use super::summary::BASE_SAMPLING_LEVEL;
use super::*;
use crate::deletion_time::{DeletionTimeForm, write_deletion_time};
use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn paged(bytes: impl Into<Bytes>) -> PagedFile {
    PagedFile::from(bytes.into())
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
    let held = &mut HeldPage::default();
    let entry = entry::IndexEntry::read(&paged(hex("0001 31 16 00")), held, 0).unwrap().data_position;
    assert_eq!(entry, 22);
    let simple = hex("0001 30 00 00 | 0001 31 16 00 | 0001 32 2e 00 | 0001 33 46 00 | 0001 34 5e 00");
    let mut entries = IndexEntries::new(paged(simple));
    let mut found = Vec::new();
    while let Some(entry) = entries.next().unwrap() {
        assert_eq!(entry.promoted_len, 0);
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
    let file = paged(file);
    let promoted = PromotedIndex::read(&file, held, 0, DeletionTimeForm::Unsigned).unwrap().unwrap();
    assert_eq!(
        (promoted.header_length, promoted.deletion, promoted.block_count()),
        (4, DeletionTime::LIVE, 2)
    );
    let block = promoted.block(&file, held, 0, &ints()).unwrap();
    assert_eq!((block.offset, block.width, block.open_at_end), (4, 2056, DeletionTime::LIVE));
    assert_eq!(block.last, Position { kind: PositionKind::Row, size: 1, values: &[0, 0, 0, 0, 9] });
    assert_eq!(promoted.block(&file, held, 1, &ints()).unwrap().offset, 4 + 2056);
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
        for summary in summaries {
            let index =
                PrimaryIndex::open(paged(file.clone()), summary.map(paged), partitioner.clone()).unwrap();
            assert_eq!(index.key_count(), 1_000);
            assert_eq!((index.first_key(), index.last_key()), (&*keys[0], &*keys[999]));
            for (key, number) in keys.iter().zip(0u64..) {
                let found = index.find(partitioner.prefix(key), key).unwrap().unwrap();
                assert_eq!(
                    (found.position, found.data_position),
                    (positions[usize::try_from(number).unwrap()], number * 10)
                );
                let absent = [key, &b"\0"[..]].concat();
                assert!(index.find(partitioner.prefix(&absent), &absent).unwrap().is_none());
                let behind = index.ceiling(|_, found| partitioner.compare(found, key).is_gt()).unwrap();
                assert_eq!(behind.map(|found| found.data_position), (number < 999).then(|| number * 10 + 10));
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
        let opened = PrimaryIndex::open(paged(file), summary.map(paged), Partitioner::Murmur3);
        let Ok(index) = opened else { return false };
        let mut all = true;
        for (key, number) in keys.iter().zip(0u64..).step_by(7) {
            match index.find(Partitioner::murmur3_token(key), key) {
                Ok(Some(found)) => {
                    let held = &mut HeldPage::default();
                    assert_eq!(index.entry(held, found.position).unwrap().key, &**key);
                    all &= found.data_position == number * 10;
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
        let file = paged(entry_with(&promoted(form)));
        let held = &mut HeldPage::default();
        let index = PromotedIndex::read(&file, held, 0, form).unwrap().unwrap();
        let floor = |held: &mut HeldPage, sought: Position<'_>| {
            index.floor(&file, held, sought, &ints(), &ints()).unwrap()
        };
        for row in 0..110u8 {
            let values = [0, 0, 0, 0, row];
            for kind in [PositionKind::Before, PositionKind::Row, PositionKind::After] {
                let sought = Position { kind, size: 1, values: &values };
                let number = floor(held, sought);
                let block = index.block(&file, held, number, &ints()).unwrap();
                // After the last row of a block it is the next one's.
                let expected =
                    usize::from(row / 10) + usize::from(kind == PositionKind::After && row % 10 == 9);
                assert_eq!(number, expected.min(9), "{row} {kind:?}");
                assert_eq!((block.offset, block.width), (20 + 100 * number as u64, 100));
                let open = index.open_at_start(&file, held, number, &ints()).unwrap();
                assert_eq!(open.is_live(), !(4..6).contains(&number));
            }
        }
        assert_eq!(floor(held, Position::BOTTOM), 0);
        assert_eq!(floor(held, Position::TOP), 9);
    }
}

#[test]
fn damaged_blocks_give_errors() {
    for form in [DeletionTimeForm::Legacy, DeletionTimeForm::Unsigned] {
        let whole = promoted(form);
        let search = |bytes: &[u8]| -> Result<(), SsTableErrorKind> {
            let file = paged(entry_with(bytes));
            let held = &mut HeldPage::default();
            let Some(index) = PromotedIndex::read(&file, held, 0, form)? else { return Ok(()) };
            (0..index.block_count().min(1_000))
                .try_for_each(|at| index.block(&file, held, at, &ints()).map(|_| ()))?;
            index.floor(&file, held, Position::TOP, &ints(), &ints()).map(|_| ())
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
    let none = paged(entry_with(&[]));
    assert_eq!(entry::IndexEntry::read(&none, &mut HeldPage::default(), 0).unwrap().promoted_len, 0);
}

/// A summary that is too long to be held is searched in its file; and is only a hint there, too.
#[test]
fn a_long_summary_stays_in_its_file() {
    let keys = keys(&Partitioner::Murmur3, 60_000);
    let (file, positions) = index_of(&keys);
    let all: Vec<usize> = (0..keys.len()).collect();
    let summary = summary_of(&keys, &positions, &all, 128);
    let look = |summary: Vec<u8>| {
        let index =
            PrimaryIndex::open(paged(file.clone()), Some(paged(summary)), Partitioner::Murmur3).unwrap();
        for (key, number) in keys.iter().zip(0u64..).step_by(997) {
            let token = Partitioner::murmur3_token(key);
            let found = index.find(token, key).unwrap().unwrap();
            assert_eq!(found.data_position, number * 10);
            let absent = [key, &b"\0"[..]].concat();
            assert_eq!(index.find(Partitioner::murmur3_token(&absent), &absent).unwrap(), None);
            let behind = |_: Token, found: &[u8]| Partitioner::Murmur3.compare(found, key).is_ge();
            assert_eq!(index.ceiling(behind).unwrap().unwrap().data_position, number * 10);
        }
        (index.summary().is_some(), index.is_scanned())
    };
    assert_eq!(look(summary.clone()), (true, false));
    for at in (24..summary.len()).step_by(summary.len() / 40) {
        let mut flipped = summary.clone();
        flipped[at] ^= 0x81;
        look(flipped);
    }
    // Each of the keys is one that it isn't.
    let mut shifted = keys.clone();
    shifted[1..59_999].rotate_left(1);
    let shifted = summary_of(&shifted, &positions, &all, 128);
    assert_eq!(look(shifted), (true, true));
    assert_eq!(look(summary[..summary.len() - 1].to_vec()), (false, true));
}
