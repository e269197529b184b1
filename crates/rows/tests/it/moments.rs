//! Rows that are encoded before their moment is known are, once it is given to them, those that are
//! encoded with it.

use helenus_rows::{
    Capabilities, Cell, ClusteringComparator, Column, ColumnSet, Columns, DeletionTime, EncodingBase, Header,
    LivenessInfo, RowHead, RowPlace, RowWriter, TimePlaces, WriteMoment,
};
use helenus_testkit::histories::Rng;
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

const BASE: i64 = 1_700_000_000_000_000;

fn header(columns: usize) -> Header {
    let simple = (0..columns).map(|i| Column::new(format!("a{i:03}"), Type::Text));
    let set = Type::Set { element: Type::Int.into(), frozen: false };
    Header {
        base: EncodingBase {
            min_timestamp: Timestamp(BASE),
            min_local_deletion_time: LocalDeletionTime(1_700_000_000),
            min_ttl: 0,
        },
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![]),
        statics: Columns::empty(),
        regulars: Columns::new(simple.chain(["s", "t"].map(|name| Column::new(name, set.clone()))).collect()),
        capabilities: Capabilities::CURRENT,
    }
}

fn moment(micros: i64) -> WriteMoment {
    let second = u32::try_from((BASE + micros) / 1_000_000).unwrap();
    WriteMoment { timestamp: Timestamp(BASE + micros), second: LocalDeletionTime(second) }
}

/// A random row of that moment: the same for the same seed.
fn row(seed: u64, header: &Header, moment: WriteMoment, out: &mut Vec<u8>, times: Option<&mut TimePlaces>) {
    let mut rng = Rng::new(seed);
    let mut chance = |of: usize| rng.one_in(of);
    let WriteMoment { timestamp, second } = moment;
    let deleted = |timestamp: Timestamp| DeletionTime::new(timestamp, second);
    let liveness = if chance(3) { LivenessInfo::EMPTY } else { LivenessInfo::new(timestamp) };
    let deletion = if chance(3) { deleted(timestamp) } else { DeletionTime::LIVE };
    let simple = header.regulars.len() - 2;
    // Of columns that were announced some stay out.
    let mut announced = Vec::new();
    for column in 0..simple + 2 {
        if !chance(4) {
            announced.push((column, column < simple && chance(6)));
        }
    }
    let mut columns = ColumnSet::default();
    announced.iter().for_each(|(column, _)| columns.insert(*column));
    let below = Timestamp(timestamp.0 - 1);
    let deletions = [DeletionTime::LIVE, deleted(timestamp), deleted(below)];
    let of_complex = [usize::from(chance(2)), 2 * usize::from(chance(2))];
    let complex = |column: usize| deletions[of_complex[column - simple]];
    let has_complex_deletion =
        announced.iter().any(|(column, _)| *column >= simple && !complex(*column).is_live());
    let len_hint = if chance(2) { 10 } else { 1000 };
    let place = RowPlace::begin(out, false);
    let head = RowHead { liveness, deletion, columns: &columns, has_complex_deletion, len_hint };
    let mut row = RowWriter::start(out, header, place, head, times);
    let text = "x".repeat(60);
    for (column, stays_out) in announced {
        if column >= simple {
            row.complex(column, complex(column), 2);
            row.element(&Cell::live(timestamp, &[]).at_path(&[0, 0, 0, 1]));
            row.element(&Cell::tombstone(timestamp, second).at_path(&[0, 0, 0, 2]));
            continue;
        }
        if chance(4) && !stays_out {
            row.simple(column, &Cell::tombstone(timestamp, second));
            continue;
        }
        let place = row.begin_value(column, timestamp);
        row.out().extend_from_slice(if chance(3) { text.as_bytes() } else { &[] });
        if stays_out { row.drop_value(place) } else { row.end_value(place) }
    }
    row.finish();
}

#[test]
fn rows_of_one_moment_become_those_of_another() {
    for columns in [3, 9, 70] {
        let header = header(columns);
        for seed in 0..500 {
            let (early, late) = (moment(70_000_000), moment(90_000_000));
            assert!(early.fits(late, &header));
            let (mut bytes, mut times, mut expected) = (Vec::new(), TimePlaces::default(), Vec::new());
            for seed in [seed, seed + 1000] {
                row(seed, &header, early, &mut bytes, Some(&mut times));
                row(seed, &header, late, &mut expected, None);
            }
            times.change(&mut bytes, early, late);
            assert_eq!(bytes, expected, "{columns} columns, seed {seed}");
            times.change(&mut bytes, late, early);
            times.change(&mut bytes, early, late);
            assert_eq!(bytes, expected, "there and back");
        }
    }
}

#[test]
fn moments_of_other_lengths_do_not_fit() {
    let header = header(1);
    // 2^14 and 2^28 microseconds take a byte more than those before; the one before those that
    // overwrite a collection takes one less.
    for (micros, other, fits) in [
        (16_383, 16_382, true),
        (16_383, 16_384, false),
        (16_384, 16_385, false),
        (16_385, 16_386, true),
        (70_000_000, 300_000_000, false),
        (300_000_000, 900_000_000, true),
        (300_000_000, -1, false),
    ] {
        assert_eq!(moment(micros).fits(moment(other), &header), fits, "{micros}, {other}");
        assert_eq!(moment(other).fits(moment(micros), &header), fits, "{other}, {micros}");
    }
    // 128 seconds take two bytes, if the timestamp doesn't say it first.
    let (early, late) = (moment(200_000_000), moment(200_000_001));
    let late = WriteMoment { second: LocalDeletionTime(1_700_000_100), ..late };
    assert!(!early.fits(late, &header));
}
