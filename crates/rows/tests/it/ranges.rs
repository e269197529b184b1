//! Range tombstone lists and slices, against the model.

use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, DeletionTime, Direction, EncodingBase, Header, MarkerRef,
    Position, RangeTombstoneList, Slice, Sliced, UnfilteredStream, Validator,
};
use helenus_testkit::histories::{History, Profile};
use helenus_testkit::model::{self, Fact, ModelTable, Side};
use helenus_testkit::{count_from_env, for_each_history_of};
use helenus_types::{LocalDeletionTime, Timestamp, Type};

use crate::bridge::{VecStream, collect, decode_marker, deletion, encode_values, header, show};

fn profile() -> Profile {
    Profile { counters: false, views: false, max_keys: 1, max_sources: 1, ..Profile::default() }
}

/// A model's slice with its bounds encoded.
struct Encoded {
    start: (BoundKind, usize, Vec<u8>),
    end: (BoundKind, usize, Vec<u8>),
}

impl Encoded {
    fn new(header: &Header, slice: &model::Slice) -> Self {
        let side = |bound: &model::Bound| match bound.side {
            Side::Before => helenus_rows::PositionKind::Before,
            Side::At => helenus_rows::PositionKind::Row,
            Side::After => helenus_rows::PositionKind::After,
        };
        let encode =
            |kind, bound: &model::Bound| (kind, bound.prefix.len(), encode_values(header, &bound.prefix));
        Self {
            start: encode(BoundKind::start(side(&slice.start)), &slice.start),
            end: encode(BoundKind::end(side(&slice.end)), &slice.end),
        }
    }

    fn slice(&self) -> Slice<'_> {
        Slice {
            start: Bound { kind: self.start.0, size: self.start.1, values: &self.start.2 },
            end: Bound { kind: self.end.0, size: self.end.1, values: &self.end.2 },
        }
    }
}

fn is_proper(table: &ModelTable, slice: &model::Slice) -> bool {
    let (start, end) = (&slice.start, &slice.end);
    model::compare_positions(table, (&start.prefix, start.side), (&end.prefix, end.side)).is_lt()
}

fn ranges(history: &History) -> Vec<model::Slice> {
    let facts = history.ops.iter().map(helenus_testkit::histories::Op::fact);
    let range = |fact| if let Fact::Range(slice) = fact { Some(slice) } else { None };
    facts.filter_map(range).collect()
}

/// What a slice shows of ranges and rows: rows inside it, and ranges cut to it.
fn clip(table: &ModelTable, facts: &[Fact], slice: &model::Slice) -> Vec<Fact> {
    let position = |bound: &model::Bound| (bound.prefix.clone(), bound.side);
    let less = |a: &(Vec<Vec<u8>>, Side), b: &(Vec<Vec<u8>>, Side)| {
        model::compare_positions(table, (&a.0, a.1), (&b.0, b.1)).is_lt()
    };
    let (from, to) = (position(&slice.start), position(&slice.end));
    let inside = |fact: &Fact| match fact {
        Fact::Range(range) => {
            let mut range = range.clone();
            if less(&position(&range.start), &from) {
                range.start = slice.start.clone();
            }
            if less(&to, &position(&range.end)) {
                range.end = slice.end.clone();
            }
            less(&position(&range.start), &position(&range.end)).then_some(Fact::Range(range))
        }
        Fact::Row(row) => {
            let model::RowId::Clustering(clustering) = &row.row else { return Some(fact.clone()) };
            let row = (clustering.clone(), Side::At);
            (less(&from, &row) && less(&row, &to)).then(|| fact.clone())
        }
        Fact::Partition(_) => Some(fact.clone()),
    };
    facts.iter().filter_map(inside).collect()
}

fn markers<'a>(
    markers: impl Iterator<Item = MarkerRef<'a>>,
    header: &Header,
    reverse: bool,
) -> Vec<model::Marker> {
    let mut found: Vec<model::Marker> = markers.map(|marker| decode_marker(header, &marker)).collect();
    if reverse {
        found.reverse();
    }
    found
}

fn expect_markers(what: &str, expected: &[model::Marker], found: &[model::Marker]) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what}\nexpected {expected:?}\nfound {found:?}")) }
}

#[test]
fn lists_are_the_models_markers() {
    let count = count_from_env("HELENUS_HISTORIES", 10_000);
    for_each_history_of(&profile(), count, |_, history| {
        let table = &history.table;
        let header = header(table, EncodingBase::EPOCH);
        let comparator = &header.clustering;
        let ranges = ranges(history);
        let mut list = RangeTombstoneList::default();
        for range in &ranges {
            let encoded = Encoded::new(&header, range);
            let Slice { start, end } = encoded.slice();
            list.add(start, end, deletion(Some(range.deletion)), comparator);
        }
        let facts: Vec<Fact> = ranges.iter().cloned().map(Fact::Range).collect();
        let expected: Vec<model::Marker> = model::merge(table, &facts).markers().cloned().collect();
        for direction in [Direction::Forward, Direction::Reverse] {
            let found = list.markers(Slice::ALL, direction, comparator);
            expect_markers("all", &expected, &markers(found, &header, direction == Direction::Reverse))?;
        }
        for slice in ranges.iter().filter(|slice| is_proper(table, slice)) {
            let clipped: Vec<_> =
                model::merge(table, &clip(table, &facts, slice)).markers().cloned().collect();
            let encoded = Encoded::new(&header, slice);
            for direction in [Direction::Forward, Direction::Reverse] {
                let found = list.markers(encoded.slice(), direction, comparator);
                expect_markers("slice", &clipped, &markers(found, &header, direction == Direction::Reverse))?;
            }
        }
        // A position is covered by what is open there.
        for op in &history.ops {
            let Fact::Row(row) = op.fact() else { continue };
            let model::RowId::Clustering(clustering) = row.row else { continue };
            let at = |bound: &model::Bound| {
                model::compare_positions(table, (&bound.prefix, bound.side), (&clustering, Side::At))
            };
            let covers = |range: &&model::Slice| at(&range.start).is_lt() && at(&range.end).is_gt();
            let expected = deletion(ranges.iter().filter(covers).map(|range| range.deletion).max());
            let values = encode_values(&header, &clustering);
            let found = list.covering(Position::row(comparator, &values), comparator);
            if found != expected {
                return Err(format!("{clustering:?} is under {found:?}, expected {expected:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn slices_are_the_models() {
    let count = count_from_env("HELENUS_HISTORIES", 10_000);
    for_each_history_of(&profile(), count, |_, history| {
        let table = &history.table;
        let header = header(table, EncodingBase::EPOCH);
        let merged = history.partition(0).merged(table);
        let facts = merged.to_facts();
        let key = history.keys[0].to_be_bytes().to_vec();
        let mut slices: Vec<model::Slice> =
            ranges(history).into_iter().filter(|slice| is_proper(table, slice)).collect();
        slices.truncate(4);
        // Every slice by itself, and every two that don't touch.
        let mut sets: Vec<Vec<&model::Slice>> = slices.iter().map(|slice| vec![slice]).collect();
        for a in &slices {
            let after = |b: &&model::Slice| {
                model::compare_positions(table, (&a.end.prefix, a.end.side), (&b.start.prefix, b.start.side))
                    .is_lt()
            };
            sets.extend(slices.iter().filter(after).map(|b| vec![a, b]));
        }
        for set in sets {
            let facts: Vec<Fact> = set.iter().flat_map(|slice| clip(table, &facts, slice)).collect();
            let expected = vec![(key.clone(), model::merge(table, &facts))];
            let encoded: Vec<Encoded> = set.iter().map(|slice| Encoded::new(&header, slice)).collect();
            let encoded: Vec<Slice<'_>> = encoded.iter().map(Encoded::slice).collect();
            for direction in [Direction::Forward, Direction::Reverse] {
                let whole = [(key.clone(), merged.clone())];
                let stream = VecStream::new(header.clone(), table, &whole, direction);
                let mut sliced = Validator::new(Sliced::new(stream, &encoded));
                assert_eq!(sliced.direction(), direction);
                let found = collect(table, &mut sliced).map_err(|error| error.to_string())?;
                if found != expected && !merged.is_empty() {
                    return Err(format!(
                        "{direction:?}\nexpected\n{}found\n{}",
                        show(&expected),
                        show(&found)
                    ));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn an_empty_list_shows_nothing() {
    let comparator = ClusteringComparator::new(vec![Type::Int]);
    let mut list = RangeTombstoneList::default();
    let deletion = DeletionTime::new(Timestamp(1), LocalDeletionTime(1));
    // An end that is not after its start deletes nothing.
    list.add(Bound { kind: BoundKind::ExclStart, ..Bound::TOP }, Bound::TOP, deletion, &comparator);
    list.add(Bound::BOTTOM, Bound::TOP, DeletionTime::LIVE, &comparator);
    assert!(list.is_empty());
    assert_eq!(list.covering(Position::BOTTOM, &comparator), DeletionTime::LIVE);
    assert_eq!(list.markers(Slice::ALL, Direction::Forward, &comparator).count(), 0);
    list.add(Bound::BOTTOM, Bound::TOP, deletion, &comparator);
    assert_eq!(list.len(), 2);
    assert!(list.heap_len() > 0);
    assert_eq!(list.markers(Slice::ALL, Direction::Reverse, &comparator).count(), 2);
}
