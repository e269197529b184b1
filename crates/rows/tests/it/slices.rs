//! Sets of slices, against the rows that a plain look at each row finds in them.

use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, Direction, Position, Slice, Slices, encode_clustering,
};
use helenus_types::Type;

/// Places on the line of the rows (0, 0) to (3, 3): before, at and after each prefix and row.
fn bounds(comparator: &ClusteringComparator) -> Vec<(usize, Vec<u8>)> {
    let mut found = vec![(0, Vec::new())];
    for a in 0..3i32 {
        found.push((1, encoded(comparator, &[a])));
        for b in 0..3i32 {
            found.push((2, encoded(comparator, &[a, b])));
        }
    }
    found
}

fn encoded(comparator: &ClusteringComparator, values: &[i32]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| value.to_be_bytes()).collect();
    let values: Vec<_> = values.iter().map(|value| Some(&value[..])).collect();
    let mut out = Vec::new();
    encode_clustering(&comparator.types()[..values.len()], &values, &mut out);
    out
}

fn all_slices(bounds: &[(usize, Vec<u8>)]) -> Vec<Slice<'_>> {
    let ends = |kinds: [BoundKind; 2]| {
        bounds.iter().flat_map(move |(size, values)| kinds.map(|kind| Bound { kind, size: *size, values }))
    };
    let starts = ends([BoundKind::InclStart, BoundKind::ExclStart]);
    starts
        .flat_map(|start| ends([BoundKind::InclEnd, BoundKind::ExclEnd]).map(move |end| Slice { start, end }))
        .collect()
}

fn holds(comparator: &ClusteringComparator, slice: &Slice<'_>, row: Position<'_>) -> bool {
    comparator.compare(slice.start.position(), row).is_lt()
        && comparator.compare(row, slice.end.position()).is_lt()
}

#[test]
fn sets_hold_what_their_slices_hold() {
    for second in [Type::Int, Type::Int.reversed()] {
        let comparator = ClusteringComparator::new(vec![Type::Int, second]);
        let bounds = bounds(&comparator);
        let slices = all_slices(&bounds);
        let rows: Vec<_> = (0..9).map(|row| encoded(&comparator, &[row / 3, row % 3])).collect();
        // Every slice alone, and beside others.
        for (at, slice) in slices.iter().enumerate() {
            for given in [
                vec![*slice],
                vec![slices[(at * 7 + 3) % slices.len()], *slice],
                vec![slices[(at * 31 + 11) % slices.len()], *slice, slices[(at * 13 + 5) % slices.len()]],
            ] {
                check(&comparator, &given, &rows, slices[(at * 5 + 1) % slices.len()]);
            }
        }
    }
}

fn check(comparator: &ClusteringComparator, given: &[Slice<'_>], rows: &[Vec<u8>], other: Slice<'_>) {
    let set = Slices::new(comparator, given.iter().copied());
    let parts: Vec<_> = set.iter().collect();
    assert_eq!(parts.len(), set.len());
    assert!(parts.iter().all(|s| comparator.compare(s.start.position(), s.end.position()).is_lt()));
    assert!(
        parts.windows(2).all(|p| comparator.compare(p[0].end.position(), p[1].start.position()).is_lt()),
        "{parts:?} ascend and don't touch"
    );
    let within = set.within(comparator, other);
    for (at, row) in rows.iter().enumerate() {
        let position = Position::row(comparator, row);
        let expected = given.iter().any(|slice| holds(comparator, slice, position));
        assert_eq!(set.find(comparator, position).is_ok(), expected, "{given:?} {row:?}");
        let is_within = expected && holds(comparator, &other, position);
        assert_eq!(within.find(comparator, position).is_ok(), is_within, "{given:?} {other:?} {row:?}");
        let mut sorted: Vec<&Vec<u8>> = rows.iter().collect();
        sorted.sort_by(|a, b| comparator.compare_rows(a, b));
        for direction in [Direction::Forward, Direction::Reverse] {
            let rest = set.after(comparator, row, direction);
            for other in &sorted {
                let order = comparator.compare_rows(other, row);
                let is_later = if direction == Direction::Forward { order.is_gt() } else { order.is_lt() };
                let other = Position::row(comparator, other);
                assert_eq!(
                    rest.find(comparator, other).is_ok(),
                    is_later && set.find(comparator, other).is_ok(),
                    "{given:?} after row {at} {direction:?}"
                );
            }
        }
    }
}

#[test]
fn everything_is_one_slice() {
    let comparator = ClusteringComparator::new(vec![Type::Int]);
    assert!(Slices::new(&comparator, [Slice::ALL]).is_all());
    let five = encoded(&comparator, &[5]);
    let halves = [
        Slice { start: Bound { kind: BoundKind::ExclStart, size: 1, values: &five }, end: Bound::TOP },
        Slice { start: Bound::BOTTOM, end: Bound { kind: BoundKind::InclEnd, size: 1, values: &five } },
    ];
    assert!(Slices::new(&comparator, halves).is_all(), "two that touch become one");
    assert!(Slices::new(&comparator, []).is_empty());
    // A table without clustering columns has one row.
    let none = ClusteringComparator::new(Vec::new());
    assert!(Slices::ALL.after(&none, &[], Direction::Forward).is_empty());
    assert!(Slices::ALL.after(&none, &[], Direction::Reverse).is_empty());
}
