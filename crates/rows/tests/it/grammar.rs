//! The validator sees what a stream does wrong.

use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, Direction,
    EncodingBase, Grammar, GrammarError, Header, LivenessInfo, MarkerRef, PartitionRef, RowBuf, RowBuilder,
    RowError, RowRef, StreamError, Unfiltered, UnfilteredStream, Validator,
};
#[cfg(debug_assertions)]
use helenus_rows::{StreamOrigin, validated};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Token, Type};

/// A stream of a given script.
struct Script {
    header: Arc<Header>,
    direction: Direction,
    partitions: Vec<(i64, &'static [u8])>,
    unfiltereds: Vec<Item>,
    partition: usize,
    unfiltered: usize,
}

enum Item {
    Row(RowBuf, Arc<Header>),
    Marker(BoundKind, u8, i64, i64),
}

impl UnfilteredStream for Script {
    fn header(&self) -> &Arc<Header> {
        &self.header
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.partition += 1;
        self.unfiltered = 0;
        Ok(self.partition <= self.partitions.len())
    }

    fn partition(&self) -> PartitionRef<'_> {
        let (token, key) = self.partitions[(self.partition - 1).min(self.partitions.len() - 1)];
        PartitionRef { token: Token(token), key, deletion: DeletionTime::LIVE }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        None
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        self.unfiltered += 1;
        Ok(self.unfiltered <= self.unfiltereds.len())
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        let deletion = |timestamp| match timestamp {
            0 => DeletionTime::LIVE,
            _ => DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1)),
        };
        Some(match self.unfiltereds.get(self.unfiltered.checked_sub(1)?)? {
            Item::Row(row, header) => Unfiltered::Row(row.as_ref(header)),
            Item::Marker(kind, at, close, open) => Unfiltered::Marker(MarkerRef {
                bound: Bound { kind: *kind, size: 1, values: &INTS[usize::from(*at)] },
                close: deletion(*close),
                open: deletion(*open),
            }),
        })
    }
}

/// Encoded clusterings 0 to 3.
const INTS: [[u8; 5]; 4] = [[0; 5], [0, 0, 0, 0, 1], [0, 0, 0, 0, 2], [0, 0, 0, 0, 3]];

fn test_header() -> Arc<Header> {
    let columns = vec![Column::new("a", Type::Int), Column::new("s", Type::set(Type::Int))];
    Arc::new(Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::empty(),
        regulars: Columns::new(columns),
        capabilities: Capabilities::CURRENT,
    })
}

fn row(header: &Arc<Header>, at: u8, fill: impl FnOnce(&mut RowBuilder)) -> Item {
    let mut builder = RowBuilder::default();
    builder.start(LivenessInfo::new(Timestamp(1)), DeletionTime::LIVE, false);
    fill(&mut builder);
    let mut buf = RowBuf { clustering: INTS[usize::from(at)].to_vec(), ..RowBuf::default() };
    builder.finish(header, false, &mut buf);
    Item::Row(buf, header.clone())
}

fn run(script: Script) -> Result<(), StreamError> {
    let mut stream = Validator::new(script);
    while stream.next_partition()? {
        while stream.advance()? {}
    }
    Ok(())
}

fn check(direction: Direction, unfiltereds: Vec<Item>, expected: Option<&str>) {
    let script = Script {
        header: test_header(),
        direction,
        partitions: vec![(1, b"a"), (1, b"b"), (2, b"a")],
        unfiltereds,
        partition: 0,
        unfiltered: 0,
    };
    match (run(script), expected) {
        (Ok(()), None) => {}
        (Err(error), Some(what)) => {
            assert_eq!(error.downcast_ref::<GrammarError>().map(|e| e.what), Some(what))
        }
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn positions_ascend() {
    let header = test_header();
    let rows = |a, b| vec![row(&header, a, |_| {}), row(&header, b, |_| {})];
    check(Direction::Forward, rows(1, 2), None);
    check(Direction::Reverse, rows(2, 1), None);
    let what = Some("an unfiltered that is not after the last one");
    check(Direction::Forward, rows(2, 1), what);
    check(Direction::Forward, rows(1, 1), what);
    check(Direction::Reverse, rows(1, 2), what);
    let script = |partitions| Script {
        header: test_header(),
        direction: Direction::Forward,
        partitions,
        unfiltereds: vec![],
        partition: 0,
        unfiltered: 0,
    };
    assert!(run(script(vec![(2, b"a"), (1, b"a")])).is_err());
    assert!(run(script(vec![(1, b"a"), (1, b"a")])).is_err());
}

#[test]
fn markers_alternate() {
    use BoundKind::{ExclEnd, ExclEndInclStart, ExclStart, InclEnd, InclStart};
    let marker = Item::Marker;
    let (fwd, rev) = (Direction::Forward, Direction::Reverse);
    check(fwd, vec![marker(InclStart, 0, 0, 5), marker(InclEnd, 1, 5, 0)], None);
    check(
        fwd,
        vec![marker(InclStart, 0, 0, 5), marker(ExclEndInclStart, 1, 5, 6), marker(InclEnd, 1, 6, 0)],
        None,
    );
    check(rev, vec![marker(ExclEnd, 1, 5, 0), marker(ExclStart, 0, 0, 5)], None);
    let continues = Some("a marker that doesn't continue the open range");
    check(fwd, vec![marker(InclEnd, 1, 5, 0)], continues);
    check(fwd, vec![marker(InclStart, 0, 0, 5), marker(InclEnd, 1, 6, 0)], continues);
    check(fwd, vec![marker(InclStart, 0, 0, 5), marker(InclStart, 1, 0, 5)], continues);
    check(rev, vec![marker(InclStart, 0, 0, 5)], continues);
    check(fwd, vec![marker(InclStart, 0, 0, 5)], Some("a range left open at the end"));
    check(fwd, vec![marker(InclStart, 0, 5, 0)], Some("a marker whose deletions don't fit its kind"));
    let equal = vec![marker(InclStart, 0, 0, 5), marker(ExclEndInclStart, 1, 5, 5), marker(InclEnd, 1, 5, 0)];
    check(fwd, equal, Some("a boundary between equal deletions"));
}

#[test]
fn rows_are_whole() {
    let header = test_header();
    let check = |item, expected| check(Direction::Forward, vec![item], expected);
    let element = |builder: &mut RowBuilder, path: &[u8]| {
        builder.element(&test_header(), &Cell::live(Timestamp(1), b"").at_path(path));
    };
    let empty = row(&header, 1, |builder| builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false));
    check(empty, Some("an empty row"));
    let nothing = row(&header, 1, |builder| builder.complex(1, DeletionTime::LIVE));
    check(nothing, Some("a complex column with nothing in it"));
    let paths = |first: [u8; 4], second: [u8; 4]| {
        row(&header, 1, |builder| {
            builder.complex(1, DeletionTime::LIVE);
            element(builder, &first);
            element(builder, &second);
        })
    };
    check(paths([0xff; 4], [0, 0, 0, 1]), None);
    check(paths([0, 0, 0, 1], [0, 0, 0, 1]), Some("paths that don't ascend"));
    let other = Arc::new(Header {
        base: EncodingBase { min_ttl: 1, ..EncodingBase::EPOCH },
        ..(*test_header()).clone()
    });
    check(row(&other, 1, |_| {}), Some("a row in another encoding than the stream's"));
}

/// A reader that enters a partition in the middle tells which range is open there.
#[test]
fn a_range_may_be_open_where_reading_goes_on() {
    let deletion = |timestamp| DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(9));
    let end = |close| {
        let bound = Bound { kind: BoundKind::InclEnd, size: 0, values: &[] };
        MarkerRef { bound, close, open: DeletionTime::LIVE }
    };
    let continues = Err("a marker that doesn't continue the open range");
    let mut grammar = Grammar::new(Direction::Forward);
    grammar.resume(deletion(5));
    assert_eq!((grammar.open(), grammar.last_position()), (deletion(5), None));
    assert_eq!(grammar.marker(&end(deletion(6))), continues);
    grammar.resume(deletion(5));
    assert_eq!((grammar.marker(&end(deletion(5))), grammar.end_partition()), (Ok(()), Ok(())));
    grammar.resume(DeletionTime::LIVE);
    assert_eq!((grammar.open(), grammar.end_partition()), (DeletionTime::LIVE, Ok(())));
    assert_eq!(grammar.marker(&end(deletion(5))), continues);
    // What came before is not looked at.
    let header = test_header();
    let Item::Row(later, _) = row(&header, 2, |_| {}) else { panic!("a row") };
    let Item::Row(earlier, _) = row(&header, 1, |_| {}) else { panic!("a row") };
    let mut grammar = Grammar::new(Direction::Forward);
    let position = |grammar: &mut Grammar, row: &RowBuf| {
        grammar.position(&header, &Unfiltered::Row(row.as_ref(&header)))
    };
    assert_eq!(position(&mut grammar, &later), Ok(()));
    assert!(position(&mut grammar, &earlier).is_err());
    grammar.resume(DeletionTime::LIVE);
    assert_eq!(position(&mut grammar, &earlier), Ok(()));
}

#[test]
fn rows_that_can_not_be_read_are_named() {
    let Item::Row(mut buf, header) = row(&test_header(), 1, |_| {}) else { panic!("a row") };
    buf.body.push(0);
    let script = Script {
        header: header.clone(),
        direction: Direction::Forward,
        partitions: vec![(1, b"a")],
        unfiltereds: vec![Item::Row(buf, header)],
        partition: 0,
        unfiltered: 0,
    };
    let error = run(script).unwrap_err();
    assert!(error.downcast_ref::<RowError>().is_some());
    let text = error.to_string();
    assert!(text.starts_with("partition 0x61, row (1): in its body at offset"), "{text}");
}

/// Two rows in the wrong order.
#[cfg(debug_assertions)]
fn disorder() -> Script {
    let header = test_header();
    Script {
        header: header.clone(),
        direction: Direction::Forward,
        partitions: vec![(1, b"a")],
        unfiltereds: vec![row(&header, 2, |_| {}), row(&header, 1, |_| {})],
        partition: 0,
        unfiltered: 0,
    }
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(
    expected = "a stage broke the rules of streams: partition 0x61: an unfiltered that is not after"
)]
fn what_a_stage_of_ours_breaks_is_a_bug() {
    let mut stream = validated(disorder(), StreamOrigin::Ours);
    assert!(stream.next_partition().unwrap());
    while stream.advance().unwrap() {}
}

#[test]
#[cfg(debug_assertions)]
fn what_a_file_breaks_is_an_error() {
    let mut stream = validated(disorder(), StreamOrigin::Disk);
    assert!(stream.next_partition().unwrap());
    assert!(stream.advance().unwrap());
    let error = stream.advance().unwrap_err();
    assert!(error.downcast_ref::<GrammarError>().is_some(), "{error}");
}
