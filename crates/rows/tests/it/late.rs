//! Local deletion times that older releases cannot hold: what is found, and what a cap changes.

use helenus_rows::{
    Capabilities, Cell, CellEvent, ClusteringComparator, Column, Columns, DeletionTime, EncodingBase, Header,
    LateCap, LivenessInfo, RowBuf, RowBuilder, RowRef,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

/// 2038-01-19T03:14:06Z.
const LAST: u32 = 0x7fff_fffe;

fn header() -> Header {
    let columns = [("a", Type::Int), ("b", Type::Int), ("c", Type::Int), ("s", Type::set(Type::Int))];
    Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(Vec::new()),
        statics: Columns::empty(),
        regulars: Columns::new(columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect()),
        capabilities: Capabilities::CURRENT,
    }
}

/// A row with a time in each place that can have one: its marker, its deletion, an expiring cell, a
/// tombstone, a complex deletion, an element; and a live cell.
fn row(header: &Header, times: [u32; 6]) -> RowBuf {
    let [marker, deletion, expiring, tombstone, complex, element] = times.map(LocalDeletionTime);
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    let at = Timestamp;
    builder.start(LivenessInfo::expiring(at(9), 60, marker), DeletionTime::new(at(1), deletion), false);
    builder.simple(header, &header.regulars, 0, &Cell::expiring(at(9), 61, expiring, &[0; 4]));
    builder.simple(header, &header.regulars, 1, &Cell::tombstone(at(9), tombstone));
    builder.simple(header, &header.regulars, 2, &Cell::live(at(9), &[0; 4]));
    builder.complex(3, DeletionTime::new(at(2), complex));
    builder.element(header, &Cell::tombstone(at(9), element).at_path(&[0; 4]));
    builder.finish(header, false, &mut row);
    row
}

fn times(row: RowRef<'_>) -> Vec<u32> {
    let mut found = Vec::new();
    row.deletion_times(|time| found.push(time.0)).unwrap();
    found
}

#[test]
fn a_time_is_late_from_2038_on_for_older_releases() {
    let late = |capabilities: Capabilities, time| capabilities.is_late(LocalDeletionTime(time));
    for (time, is_late) in
        [(0, false), (LAST, false), (LAST + 1, true), (0x8000_0000, true), (0xFFFF_FFFD, true)]
    {
        assert_eq!(late(Capabilities::LEGACY, time), is_late, "{time}");
        assert!(!late(Capabilities::CURRENT, time), "{time}");
    }
    for none in [LocalDeletionTime::INVALID, LocalDeletionTime::NONE] {
        assert!(!Capabilities::LEGACY.is_late(none) && !Capabilities::CURRENT.is_late(none));
    }
    assert_eq!(Capabilities::LEGACY.latest_deletion_time().0, LAST);
    assert_eq!(Capabilities::CURRENT.latest_deletion_time(), LocalDeletionTime::MAX);
}

/// Each place by itself, at the last second that is early enough and at the first that is not.
#[test]
fn each_place_of_a_row_is_looked_at_and_capped() {
    let header = header();
    let (mut builder, mut capped) = (RowBuilder::default(), RowBuf::default());
    let early = [100, LAST, 102, 103, LAST, 105];
    let mut check = |told: [u32; 6], late: Option<u32>| {
        let buf = row(&header, told);
        let row = buf.as_ref(&header);
        assert_eq!(times(row), told);
        assert_eq!(row.is_portable(), Ok(late.is_none()), "{told:?}");
        assert_eq!(row.late_deletion_time(Capabilities::LEGACY), Ok(late.map(LocalDeletionTime)), "{told:?}");
        assert_eq!(row.late_deletion_time(Capabilities::CURRENT), Ok(None), "{told:?}");
        let mut cap = LateCap::new(Capabilities::LEGACY);
        cap.row(row, &mut builder, &mut capped).unwrap();
        let lowered = told.map(|time| time.min(LAST));
        assert_eq!(times(capped.as_ref(&header)), lowered, "{told:?}");
        assert_eq!(cap.capped, told.iter().filter(|time| **time > LAST).count() as u64, "{told:?}");
        // But for the times it is the same row: the ttls stay.
        assert_eq!(capped, self::row(&header, lowered));
    };
    check(early, None);
    for place in 0..6 {
        for late in [LAST + 1, LocalDeletionTime::MAX.0] {
            let mut told = early;
            told[place] = late;
            check(told, Some(late));
        }
    }
    check([LAST + 2, LAST + 4, LAST + 1, 5, LAST + 3, 6], Some(LAST + 4));

    let mut cap = LateCap::new(Capabilities::LEGACY);
    let deletion = DeletionTime::new(Timestamp(7), LocalDeletionTime(LAST + 9));
    let lowered = DeletionTime::new(Timestamp(7), LocalDeletionTime(LAST));
    assert_eq!((cap.deletion(deletion), cap.deletion(DeletionTime::LIVE)), (lowered, DeletionTime::LIVE));
    assert_eq!(cap.capped, 1);
    let mut cells = capped.as_ref(&header).cells().unwrap();
    while let Some(event) = cells.next().unwrap() {
        if let CellEvent::Simple { column: 2, cell } = event {
            assert_eq!(cell, Cell::live(Timestamp(9), &[0; 4]));
        }
    }
}
