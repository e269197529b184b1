//! The codec: Cassandra's bytes, round trips of random rows, and damage.

use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, CellEvent, ClusteringComparator, Column, ColumnMap, ColumnSet,
    Columns, CounterContext, DeletionTime, EncodingBase, Header, LiveRow, LivenessInfo, MarkerRef, Op,
    RowBuf, RowBuilder, RowHead, RowMerger, RowPlace, RowRef, RowStats, RowWriter, ShardKind, Unfiltered,
    UnfilteredFrame, UpdateBuilder, UpdateRef, encode_global, read_unfiltered, write_marker, write_row,
    write_static_row,
};
use helenus_testkit::histories::Rng;
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type, vint};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn header_of(base: (i64, u32, u32), clustering: Vec<Type>, regulars: Vec<(&str, Type)>) -> Header {
    Header {
        base: EncodingBase {
            min_timestamp: Timestamp(base.0),
            min_local_deletion_time: LocalDeletionTime(base.1),
            min_ttl: base.2,
        },
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(clustering),
        statics: Columns::empty(),
        regulars: Columns::new(regulars.into_iter().map(|(name, ty)| Column::new(name, ty)).collect()),
        capabilities: Capabilities::CURRENT,
    }
}

fn only_row<'a>(header: &'a Header, bytes: &'a [u8]) -> RowRef<'a> {
    match read_unfiltered(header, bytes, 0, false).unwrap() {
        UnfilteredFrame::Unfiltered(Unfiltered::Row(row), end) => {
            assert_eq!(bytes[end..], [1], "the end of the partition follows");
            row
        }
        other => panic!("{other:?}"),
    }
}

fn events(row: RowRef<'_>) -> Vec<CellEvent<'_>> {
    let mut reader = row.cells().unwrap();
    let mut events = Vec::new();
    while let Some(event) = reader.next().unwrap() {
        events.push(event);
    }
    events
}

/// Encodes what was read again, which must give the same bytes.
fn encoded_again(row: RowRef<'_>, prev_size: u64) -> Vec<u8> {
    let reader = row.cells().unwrap();
    let mut builder = RowBuilder::default();
    builder.start(reader.liveness(), reader.deletion(), reader.is_shadowable());
    for event in events(row) {
        match event {
            CellEvent::Simple { column, cell } => builder.simple(row.header, row.columns(), column, &cell),
            CellEvent::Complex { column, deletion, .. } => builder.complex(column, deletion),
            CellEvent::Element { cell, .. } => builder.element(row.header, &cell),
        }
    }
    let mut buf = RowBuf { clustering: row.clustering.to_vec(), ..RowBuf::default() };
    builder.finish(row.header, row.is_static(), &mut buf);
    let mut out = Vec::new();
    write_row(buf.as_ref(row.header), prev_size, &mut out);
    out
}

#[test]
fn an_inserted_row() {
    let header = header_of((1_600_000_000_000_000, 0, 0), vec![], vec![("val", Type::Text)]);
    let bytes = hex("24 0f 04 00 08 0b 666f6f206261722062617a 01");
    let row = only_row(&header, &bytes);
    let timestamp = Timestamp(1_600_000_000_000_000);
    assert_eq!(row.cells().unwrap().liveness(), LivenessInfo::new(timestamp));
    let cell = Cell::live(timestamp, b"foo bar baz");
    assert_eq!(events(row), [CellEvent::Simple { column: 0, cell }]);
    assert_eq!(encoded_again(row, 4), bytes[..bytes.len() - 1]);
}

#[test]
fn a_row_with_ttl() {
    let header = header_of((5, 1_500_000_000, 1135), vec![Type::Int], vec![("v", Type::Int)]);
    let bytes = hex("2c 00 00000002 09 12 00 00 00 1a 00000003 01");
    let row = only_row(&header, &bytes);
    let expires = LocalDeletionTime(1_500_000_000);
    assert_eq!(row.cells().unwrap().liveness(), LivenessInfo::expiring(Timestamp(5), 1135, expires));
    let cell = Cell::expiring(Timestamp(5), 1135, expires, &[0, 0, 0, 3]);
    assert_eq!(events(row), [CellEvent::Simple { column: 0, cell }]);
    assert_eq!(encoded_again(row, 18), bytes[..bytes.len() - 1]);
}

/// ScyllaDB gives the rows of its views a shadowable deletion after the ordinary one, or without
/// it, under a flag of its own.
#[test]
fn the_two_deletions_of_scylladb() {
    let header = header_of((5, 9, 0), vec![], vec![]);
    let deleted = |timestamp, seconds| DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(seconds));
    let check = |bytes: &str, deletion, is_shadowable, is_visible| {
        let bytes = hex(bytes);
        let row = only_row(&header, &bytes);
        assert!(row.is_of_scylla() && !row.is_empty().unwrap());
        let reader = row.cells().unwrap();
        assert_eq!((reader.deletion(), reader.is_shadowable()), (deletion, is_shadowable), "{bytes:02x?}");
        assert_eq!(LiveRow::is_visible(&row, 100, false), Ok(is_visible), "{bytes:02x?}");
        // Where it is written it gets Cassandra's form.
        let cassandras = [&encoded_again(row, 0)[..], &[1]].concat();
        let again = only_row(&header, &cassandras);
        let read = again.cells().unwrap();
        assert!(!again.is_of_scylla());
        assert_eq!((read.deletion(), read.is_shadowable()), (deletion, is_shadowable), "{bytes:02x?}");
        for target in [header.clone(), Header { base: EncodingBase::EPOCH, ..header.clone() }] {
            let (mut merged, map) = (RowBuf::default(), ColumnMap::new(&header, &target, &[]));
            assert_eq!(RowMerger::default().transcode(row, &map, &target, &mut merged), Ok(true));
            assert!(!merged.as_ref(&target).is_of_scylla(), "{bytes:02x?}");
        }
    };
    // A marker at 6, a shadowable deletion at 6: it stands. At 5: the newer marker shadows it.
    check("a4 80 04 00 01 01 02 01", deleted(6, 11), true, false);
    check("a4 80 04 00 01 00 02 01", DeletionTime::LIVE, false, true);
    // Without a marker there is nothing newer.
    check("a0 80 03 00 00 02 01", deleted(5, 11), true, false);
    // Beside an ordinary deletion at 5: one at 6 stands, and the ordinary one where a marker at 7
    // shadows it.
    check("b4 80 06 00 01 00 01 01 02 01", deleted(6, 11), true, false);
    check("b4 80 06 00 02 00 01 01 02 01", deleted(5, 10), false, true);
    // The ordinary one is the later.
    check("b4 80 06 00 01 03 01 01 02 01", deleted(8, 10), false, false);
    for (bytes, expected) in [("a4 82 04 00 01 01 02 01", "alone"), ("a4 84 02 00 01 01", "known")] {
        let error = read_unfiltered(&header, &hex(bytes), 0, false).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_deleted_cell_and_a_deleted_row() {
    let header = header_of((7, 9, 0), vec![], vec![("v", Type::Int)]);
    let bytes = hex("20 04 12 05 00 00 01");
    let row = only_row(&header, &bytes);
    let cell = Cell::tombstone(Timestamp(7), LocalDeletionTime(9));
    assert_eq!(events(row), [CellEvent::Simple { column: 0, cell }]);
    assert_eq!(encoded_again(row, 18), bytes[..6]);

    let header = header_of((7, 9, 0), vec![Type::Int], vec![]);
    let bytes = hex("30 00 00000002 03 12 00 00 01");
    let row = only_row(&header, &bytes);
    assert_eq!(row.cells().unwrap().deletion(), DeletionTime::new(Timestamp(7), LocalDeletionTime(9)));
    assert_eq!(events(row), []);
    assert_eq!(encoded_again(row, 18), bytes[..10]);
}

#[test]
fn complex_columns_with_deletions() {
    let map = Type::map(Type::Int, Type::Text);
    let set = Type::set(Type::Int);
    let header = header_of(
        (1_528_313_426_469_696, 1_528_313_426, 0),
        vec![],
        vec![("map_val", map), ("set_val", set)],
    );
    // As Cassandra writes inserted collections: the row's timestamp is one more than the
    // deletions'.
    let bytes = hex("64 1b 12 01 00 00 01 08 04 00000001 06 546578742031 00 00 01 0c 04 00000001 01");
    let row = only_row(&header, &bytes);
    let timestamp = Timestamp(1_528_313_426_469_697);
    let deletion = DeletionTime::new(Timestamp(1_528_313_426_469_696), LocalDeletionTime(1_528_313_426));
    let path = [0, 0, 0, 1];
    assert_eq!(
        events(row),
        [
            CellEvent::Complex { column: 0, deletion, cells: 1 },
            CellEvent::Element { column: 0, cell: Cell::live(timestamp, b"Text 1").at_path(&path) },
            CellEvent::Complex { column: 1, deletion, cells: 1 },
            CellEvent::Element { column: 1, cell: Cell::live(timestamp, b"").at_path(&path) },
        ]
    );
    assert_eq!(encoded_again(row, 18), bytes[..bytes.len() - 1]);
}

#[test]
fn a_live_complex_deletion_has_any_local_deletion_time() {
    let set = || Type::set(Type::Int);
    let header = header_of((1, 2, 0), vec![], vec![("a", set()), ("b", set())]);
    let live = DeletionTime::LIVE;
    let real = DeletionTime::new(Timestamp(3), LocalDeletionTime(4));
    let mut builder = RowBuilder::default();
    let mut buf = RowBuf::default();
    builder.start(LivenessInfo::EMPTY, live, false);
    builder.complex(0, live);
    builder.element(&header, &Cell::live(Timestamp(5), b"").at_path(&[0; 4]));
    builder.complex(1, real);
    builder.finish(&header, false, &mut buf);
    let expected = hex("ff 7fffffffffffffff ff fffffffffffffffd 01 04 04 04 00000000 02 02 00");
    assert_eq!(buf.body, expected, "as 5.x writes it: -1 less the base, with its sign extended");
    // 3.x and 4.x write the largest int less the base.
    let legacy = hex("ff 7fffffffffffffff f0 7ffffffd 01 04 04 04 00000000 02 02 00");
    for body in [expected, legacy] {
        buf.body = body;
        let Some(CellEvent::Complex { deletion, .. }) = buf.as_ref(&header).cells().unwrap().next().unwrap()
        else {
            panic!("a complex column")
        };
        assert_eq!(deletion, live);
    }
}

#[test]
fn markers() {
    let header = header_of((1_529_519_641_192_879, 1_529_519_641, 0), vec![Type::Int], vec![]);
    let deletion = |delta: i64| {
        DeletionTime::new(Timestamp(1_529_519_641_192_879 + delta), LocalDeletionTime(1_529_519_641))
    };
    let (first, second) = (deletion(0x4a87), deletion(0x57e5));
    let live = DeletionTime::LIVE;
    for (kind, values, close, open, prev_size, bytes) in [
        (BoundKind::ExclStart, "0000000065", live, first, 14, "02 07 0001 00 00000065 05 0e c04a87 00"),
        (
            BoundKind::ExclEndInclStart,
            "0000000068",
            first,
            second,
            15,
            "02 02 0001 00 00000068 09 0f c04a87 00 c057e5 00",
        ),
        (BoundKind::ExclEnd, "0000000069", second, live, 19, "02 00 0001 00 00000069 05 13 c057e5 00"),
    ] {
        let values = hex(values);
        let marker = MarkerRef { bound: Bound { kind, size: 1, values: &values }, close, open };
        let mut out = Vec::new();
        write_marker(&header, marker, prev_size, &mut out);
        assert_eq!(out, hex(bytes));
        let UnfilteredFrame::Unfiltered(Unfiltered::Marker(read), end) =
            read_unfiltered(&header, &out, 0, false).unwrap()
        else {
            panic!("a marker")
        };
        assert_eq!((read, end), (marker, out.len()));
        // Of one that is cut off, at least one byte more is needed, and never more than it has.
        let before = [&[0; 5][..], &out].concat();
        for len in 1..out.len() {
            let short = read_unfiltered(&header, &before[..5 + len], 5, false).unwrap();
            let UnfilteredFrame::Incomplete(needed) = short else { panic!("{len}: {short:?}") };
            assert!((len + 1..=out.len()).contains(&needed), "{needed} of {len}");
        }
    }
}

#[test]
fn a_counter_of_one_global_shard() {
    let bytes = hex("0001 8000 2896de5c786d411e94a825c8f24fa728 000600fbf569b5e8 0000000000000001");
    let context = CounterContext::parse(&bytes).unwrap();
    let shard = context.shards().next().unwrap();
    assert_eq!((shard.kind, shard.clock, shard.count), (ShardKind::Global, 0x0006_00fb_f569_b5e8, 1));
    assert_eq!((context.total(), context.has_legacy_shards()), (1, false));
    let mut out = Vec::new();
    encode_global(shard.id, shard.clock, shard.count, &mut out);
    assert_eq!(out, bytes);
    // An increment raises the clock to now, or by one where it is ahead of now.
    for (now, clock) in [(i64::MAX, i64::MAX), (5, 0x0006_00fb_f569_b5e9)] {
        out.clear();
        context.increment(shard.id, 41, Timestamp(now), &mut out);
        let next = CounterContext::parse(&out).unwrap().shards().next().unwrap();
        assert_eq!((next.clock, next.count), (clock, 42));
    }
    // The first entry of the index says local, as `ma` files have it; a negative count makes it
    // remote.
    for (n, kind) in [("0001", ShardKind::Local), ("ffff", ShardKind::Remote)] {
        let bytes = [hex(n), hex("0000"), bytes[4..].to_vec()].concat();
        let context = CounterContext::parse(&bytes).unwrap();
        assert_eq!(context.shards().next().unwrap().kind, kind);
        assert!(context.has_legacy_shards());
        out.clear();
        context.clear_local(&mut out);
        assert_eq!(out, [hex("0000"), bytes[4..].to_vec()].concat());
    }
    for len in 1..bytes.len() {
        assert!(CounterContext::parse(&bytes[..len]).is_err() || (len - 4).is_multiple_of(32), "{len} bytes");
    }
}

#[test]
fn an_empty_static_row() {
    for (columns, bytes) in
        [(1, "80 01 02 00 01"), (63, "80 01 0a 00 ff7fffffffffffffff"), (64, "80 01 02 00 40")]
    {
        let mut header = header_of((0, 0, 0), vec![Type::Int], vec![]);
        header.statics =
            Columns::new((0..columns).map(|i| Column::new(format!("s{i}"), Type::Int)).collect());
        let mut out = Vec::new();
        write_static_row(&header, None, &mut out);
        assert_eq!(out, hex(bytes));
        let mut built = RowBuf::default();
        RowBuilder::default().finish(&header, true, &mut built);
        let frame = read_unfiltered(&header, &out, 0, true).unwrap();
        let UnfilteredFrame::Unfiltered(Unfiltered::Row(row), _) = frame else { panic!("{frame:?}") };
        assert!(row.is_static() && events(row).is_empty());
        assert_eq!((row.flags, row.body), (built.flags, built.body.as_slice()));
    }
}

/// From 64 columns on a subset is a list: of the columns that are there while they are fewer than
/// half, else of those that are missing, after the number of missing ones.
#[test]
fn large_column_subsets() {
    let names: Vec<String> = (0..64).map(|i| format!("c{i:02}")).collect();
    let columns = names.iter().map(|name| (name.as_str(), Type::Int)).collect();
    let header = header_of((0, 0, 0), vec![], columns);
    let subset = |present: std::ops::Range<usize>| {
        let mut builder = RowBuilder::default();
        let mut buf = RowBuf::default();
        builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
        present
            .clone()
            .for_each(|i| builder.simple(&header, &header.regulars, i, &Cell::live(Timestamp(0), b"")));
        builder.finish(&header, false, &mut buf);
        let column = |event| if let CellEvent::Simple { column, .. } = event { column } else { usize::MAX };
        let read: Vec<usize> = events(buf.as_ref(&header)).into_iter().map(column).collect();
        assert_eq!(read, present.collect::<Vec<_>>());
        buf.body
    };
    let bytes = |missing: u8, list: std::ops::Range<u8>, cells: usize| {
        [vec![missing], list.collect(), [4, 0].repeat(cells)].concat()
    };
    assert_eq!(subset(0..64), [4, 0].repeat(64));
    assert_eq!(subset(0..63), bytes(1, 63..64, 63));
    assert_eq!(subset(1..64), bytes(1, 0..1, 63));
    assert_eq!(subset(0..32), bytes(32, 32..64, 32));
    assert_eq!(subset(3..34), bytes(33, 3..34, 31));
    assert_eq!(subset(0..0), bytes(64, 0..0, 0));
    for damaged in [vec![65], vec![62, 3, 3], vec![62, 3, 64], vec![62, 3]] {
        let buf = RowBuf { body: damaged, ..RowBuf::default() };
        assert!(buf.as_ref(&header).cells().is_err());
    }
}

/// A row as the calls to a builder.
#[derive(Debug)]
struct Told {
    is_static: bool,
    clustering: Vec<u8>,
    liveness: LivenessInfo,
    deletion: DeletionTime,
    columns: Vec<(usize, Option<DeletionTime>, Vec<OwnedCell>)>,
}

#[derive(Clone, Debug)]
struct OwnedCell {
    timestamp: i64,
    ttl: u32,
    seconds: u32,
    path: Vec<u8>,
    value: Vec<u8>,
}

impl OwnedCell {
    fn borrow(&self) -> Cell<'_> {
        Cell {
            timestamp: Timestamp(self.timestamp),
            ttl: self.ttl,
            local_deletion_time: LocalDeletionTime(self.seconds),
            path: &self.path,
            value: &self.value,
        }
    }
}

fn random_header(rng: &mut Rng) -> Header {
    let simple = [Type::Int, Type::Text, Type::BigInt, Type::Blob];
    let complex = [Type::set(Type::Int), Type::map(Type::Text, Type::Int), Type::list(Type::Text)];
    let columns = |rng: &mut Rng| {
        let count = rng.pick(&[0, 1, 5, 5, 5, 63, 64, 65, 130, 200]);
        let column = |i| {
            let ty = if rng.one_in(3) { rng.pick(&complex) } else { rng.pick(&simple) };
            Column::new(format!("c{i}"), ty)
        };
        Columns::new((0..count).map(column).collect())
    };
    let (statics, regulars) = (columns(rng), columns(rng));
    let base = (rng.pick(&[0, 1_700_000_000_000_000]), rng.pick(&[0, 1_700_000_000]), rng.pick(&[0, 60]));
    let clustering = [Type::Int, Type::Text.reversed(), Type::BigInt];
    Header { statics, regulars, ..header_of(base, clustering[..rng.below(4)].to_vec(), vec![]) }
}

fn random_row(header: &Header, rng: &mut Rng) -> Told {
    let is_static = rng.one_in(4);
    let timestamp = |rng: &mut Rng| rng.pick(&[0, 1, -1, i64::MAX, i64::MIN + 1, 1_700_000_000_000_001]);
    let seconds = |rng: &mut Rng| rng.pick(&[0u32, 1_700_000_001, 0x8000_0000, LocalDeletionTime::MAX.0]);
    let deletion = |rng: &mut Rng| match rng.one_in(2) {
        true => DeletionTime::LIVE,
        false => DeletionTime::new(Timestamp(timestamp(rng)), LocalDeletionTime(seconds(rng))),
    };
    let ttl = |rng: &mut Rng| rng.pick(&[1u32, 60, 61, 630_720_000]);
    let liveness = match rng.below(3) {
        0 => LivenessInfo::EMPTY,
        1 => LivenessInfo::new(Timestamp(timestamp(rng))),
        _ => LivenessInfo::expiring(Timestamp(timestamp(rng)), ttl(rng), LocalDeletionTime(seconds(rng))),
    };
    let cell = |rng: &mut Rng, path: Vec<u8>, len: Option<usize>| {
        let time = if rng.one_in(2) { liveness.timestamp.0.max(i64::MIN + 1) } else { timestamp(rng) };
        let (ttl, seconds) = match rng.below(4) {
            0 => (ttl(rng), seconds(rng)),
            1 if liveness.is_expiring() => (liveness.ttl, liveness.local_expiration_time.0),
            2 => (0, seconds(rng)),
            _ => (0, LocalDeletionTime::NONE.0),
        };
        let is_tombstone = ttl == 0 && seconds != LocalDeletionTime::NONE.0;
        let len =
            if is_tombstone || rng.one_in(4) { 0 } else { len.unwrap_or(rng.pick(&[1, 2, 127, 128, 300])) };
        OwnedCell { timestamp: time, ttl, seconds, path, value: vec![7; len] }
    };
    let mut columns = Vec::new();
    let sparse = rng.one_in(2);
    for (index, column) in header.columns(is_static).as_slice().iter().enumerate() {
        if rng.one_in(if sparse { 2 } else { 20 }) || (sparse && rng.one_in(2)) {
            continue;
        }
        if column.complex {
            let cells =
                (0..rng.below(4)).map(|i| cell(rng, vec![u8::try_from(i).unwrap(); 4], None)).collect();
            columns.push((index, Some(deletion(rng)), cells));
        } else {
            columns.push((index, None, vec![cell(rng, vec![], column.fixed_len)]));
        }
    }
    let mut clustering = Vec::new();
    if !is_static {
        let values = [Some(&[0, 0, 0, 9][..]), Some(&b"text"[..]), Some(&[][..])];
        let len = header.clustering.len();
        helenus_rows::encode_clustering(header.clustering.types(), &values[..len], &mut clustering);
    }
    Told { is_static, clustering, liveness, deletion: deletion(rng), columns }
}

fn encode(header: &Header, told: &Told, builder: &mut RowBuilder) -> RowBuf {
    builder.start(told.liveness, told.deletion, false);
    let columns = header.columns(told.is_static);
    for (column, complex, cells) in &told.columns {
        match complex {
            None => builder.simple(header, columns, *column, &cells[0].borrow()),
            Some(deletion) => {
                builder.complex(*column, *deletion);
                cells.iter().for_each(|cell| builder.element(header, &cell.borrow()));
            }
        }
    }
    let mut buf = RowBuf { clustering: told.clustering.clone(), ..RowBuf::default() };
    builder.finish(header, told.is_static, &mut buf);
    buf
}

fn told_events(told: &Told) -> Vec<CellEvent<'_>> {
    let mut events = Vec::new();
    for (column, complex, cells) in &told.columns {
        let column = *column;
        match complex {
            None => events.push(CellEvent::Simple { column, cell: cells[0].borrow() }),
            Some(deletion) => {
                events.push(CellEvent::Complex { column, deletion: *deletion, cells: cells.len() as u64 });
                events.extend(cells.iter().map(|cell| CellEvent::Element { column, cell: cell.borrow() }));
            }
        }
    }
    events
}

#[test]
fn random_rows_come_back() {
    let mut builder = RowBuilder::default();
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let header = random_header(&mut rng);
        for _ in 0..4 {
            let told = random_row(&header, &mut rng);
            let buf = encode(&header, &told, &mut builder);
            let mut bytes = Vec::new();
            write_row(buf.as_ref(&header), rng.pick(&[0, 200, 1 << 20]), &mut bytes);
            bytes.push(1);
            let frame = read_unfiltered(&header, &bytes, 0, told.is_static).unwrap();
            let UnfilteredFrame::Unfiltered(Unfiltered::Row(row), end) = frame else { panic!("{frame:?}") };
            assert_eq!(end, bytes.len() - 1);
            let reader = row.cells().unwrap();
            assert_eq!((reader.liveness(), reader.deletion()), (told.liveness, told.deletion), "{told:?}");
            assert_eq!(events(row), told_events(&told), "seed {seed}: {told:?}");
            assert_eq!(row.clustering, told.clustering);

            let mut packed = Vec::new();
            row.pack(&mut packed);
            assert_eq!(packed.len(), row.packed_len());
            let unpacked = RowRef::unpack(&header, &packed, row.clustering.len()).unwrap();
            assert_eq!(
                (unpacked.flags, unpacked.extended, unpacked.body),
                (row.flags, row.extended, row.body)
            );

            for len in 0..end.min(200) {
                let short = read_unfiltered(&header, &bytes[..len], 0, told.is_static).unwrap();
                assert!(matches!(short, UnfilteredFrame::Incomplete(more) if more > len), "{len}: {short:?}");
            }
        }
    }
}

/// Encodes a row where it stands. Some columns are named that don't come, or whose value is taken
/// back.
fn encode_in_place(header: &Header, told: &Told, len_hint: usize, rng: &mut Rng, out: &mut Vec<u8>) -> bool {
    let told_of = |column: usize| told.columns.iter().find(|(of, ..)| *of == column);
    let mut named = ColumnSet::default();
    let mut order = Vec::new();
    for column in 0..header.columns(told.is_static).len() {
        if told_of(column).is_some() || rng.one_in(9) {
            named.insert(column);
            order.push(column);
        }
    }
    let place = RowPlace::begin(out, told.is_static);
    out.extend_from_slice(&told.clustering);
    let has_complex_deletion =
        told.columns.iter().any(|(_, complex, _)| complex.is_some_and(|d| !d.is_live()));
    let (liveness, deletion) = (told.liveness, told.deletion);
    let head = RowHead { liveness, deletion, columns: &named, has_complex_deletion, len_hint };
    let mut writer = RowWriter::start(out, header, place, head, None);
    for column in order {
        match told_of(column) {
            None if header.columns(told.is_static).get(column).unwrap().complex => {}
            None => {
                let value = writer.begin_value(column, Timestamp(5));
                writer.out().extend_from_slice(b"none");
                writer.drop_value(value);
            }
            Some((_, Some(deletion), cells)) => {
                writer.complex(column, *deletion, cells.len());
                cells.iter().for_each(|cell| writer.element(&cell.borrow()));
            }
            Some((_, None, cells)) => {
                let cell = cells[0].borrow();
                if cell.is_tombstone() || cell.is_expiring() || rng.one_in(3) {
                    writer.simple(column, &cell);
                } else {
                    let value = writer.begin_value(column, cell.timestamp);
                    writer.out().extend_from_slice(cell.value);
                    writer.end_value(value);
                }
            }
        }
    }
    writer.finish().is_some()
}

/// Whatever length was expected, and whichever columns, a row that is encoded where it stands has
/// the bytes that a builder gives it; one that holds nothing leaves nothing.
#[test]
fn rows_in_place_are_those_of_the_builder() {
    let mut builder = RowBuilder::default();
    let mut empty = 0;
    for seed in 0..1_500 {
        let mut rng = Rng::new(seed);
        let header = random_header(&mut rng);
        for _ in 0..4 {
            let mut told = random_row(&header, &mut rng);
            if rng.one_in(20) {
                (told.liveness, told.deletion) = (LivenessInfo::EMPTY, DeletionTime::LIVE);
                told.columns.clear();
            }
            let buf = encode(&header, &told, &mut builder);
            let mut expected = b"before".to_vec();
            let holds_something = !buf.as_ref(&header).is_empty().unwrap();
            if holds_something {
                let head = buf.as_ref(&header);
                expected.push(head.flags);
                expected.extend(Some(head.extended).filter(|_| told.is_static));
                expected.extend_from_slice(head.clustering);
                vint::write_unsigned(&mut expected, head.body.len() as u64);
                expected.extend_from_slice(head.body);
            }
            empty += usize::from(!holds_something);
            let hint = rng.pick(&[0, 127, 128, buf.body.len(), 1 << 14, 1 << 21]);
            let mut out = b"before".to_vec();
            let written = encode_in_place(&header, &told, hint, &mut rng, &mut out);
            assert_eq!((written, &out), (holds_something, &expected), "seed {seed}: {told:?}");
        }
    }
    assert!(empty > 100, "only {empty} rows hold nothing");
}

/// Reads as far as it goes; the point is that it doesn't panic.
fn read_all(header: &Header, bytes: &[u8], is_static: bool) -> bool {
    let Ok(UnfilteredFrame::Unfiltered(Unfiltered::Row(row), _)) =
        read_unfiltered(header, bytes, 0, is_static)
    else {
        return false;
    };
    let is_whole = RowStats::default().row(row, |_| {}).is_ok();
    assert!(LiveRow::new(row, 5, false).is_ok() || !is_whole);
    is_whole
}

#[test]
fn damaged_rows_never_panic() {
    let mut builder = RowBuilder::default();
    let mut detected = 0;
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        let header = random_header(&mut rng);
        let told = random_row(&header, &mut rng);
        let buf = encode(&header, &told, &mut builder);
        let mut bytes = Vec::new();
        write_row(buf.as_ref(&header), 3, &mut bytes);
        for index in 0..bytes.len().min(400) {
            for flip in [0x01, 0x02, 0x04, 0x10, 0x40, 0x80, 0xff] {
                bytes[index] ^= flip;
                detected += usize::from(!read_all(&header, &bytes, told.is_static));
                bytes[index] ^= flip;
            }
        }
        assert!(read_all(&header, &bytes, told.is_static));
    }
    assert!(detected > 1_000, "only {detected} flips were seen");
}

#[test]
fn updates_come_back_and_damaged_ones_never_panic() {
    let mut builder = RowBuilder::default();
    let mut update = UpdateBuilder::default();
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let header = random_header(&mut rng);
        let rows: Vec<RowBuf> =
            (0..3).map(|_| encode(&header, &random_row(&header, &mut rng), &mut builder)).collect();
        let deletion = DeletionTime::new(Timestamp(-3), LocalDeletionTime(77));
        update.start(b"the key");
        rows.iter().for_each(|row| update.row(row.as_ref(&header)));
        update.partition(deletion);
        update.range(Bound::BOTTOM, Bound::TOP, deletion);
        let mut bytes = update.finish().to_vec();
        bytes.extend_from_slice(b"after");

        let mut read = UpdateRef::new(&bytes).unwrap();
        assert_eq!(read.key(), b"the key");
        for expected in &rows {
            let Some(Op::Row(row)) = read.next(&header).unwrap() else { panic!("a row") };
            let mut found = RowBuf::default();
            found.assign(row);
            assert_eq!(found, *expected);
        }
        assert!(matches!(read.next(&header), Ok(Some(Op::Partition(d))) if d == deletion));
        let range = read.next(&header);
        assert!(
            matches!(range, Ok(Some(Op::Range { start: Bound::BOTTOM, end: Bound::TOP, deletion: d })) if d == deletion),
            "{range:?}"
        );
        assert!(matches!(read.next(&header), Ok(None)));
        assert_eq!(&bytes[read.position()..], b"after");

        for index in 0..bytes.len().min(300) {
            for flip in [0x01, 0x08, 0x80, 0xff] {
                bytes[index] ^= flip;
                if let Ok(mut read) = UpdateRef::new(&bytes) {
                    while let Ok(Some(op)) = read.next(&header) {
                        if let Op::Row(row) = op {
                            let _whole = RowStats::default().row(row, |_| {}).is_ok();
                        }
                    }
                }
                bytes[index] ^= flip;
            }
        }
    }
}

/// Found by fuzzing: the bytes of a start and an end that stand in each other's place.
#[test]
fn an_update_whose_range_ends_with_a_start_is_refused() {
    let header = header_of((0, 0, 0), vec![Type::Int], vec![]);
    let inclusive = [BoundKind::InclStart as u8, BoundKind::InclEnd as u8];
    for (kinds, offset) in [([1, 1].map(|at| inclusive[at]), 5), ([0, 0].map(|at| inclusive[at]), 8)] {
        let mut bytes = vec![0, 1, b'k', 0x02];
        for kind in kinds {
            bytes.extend([kind, 0, 0]);
        }
        bytes.extend([0; 12]);
        bytes.push(0x01);
        let error = UpdateRef::new(&bytes).unwrap().next(&header).unwrap_err();
        assert_eq!(error.offset, offset, "{error}");
        assert!(error.to_string().contains("the kind of a range's"), "{error}");
    }
}

#[test]
fn empty_rows() {
    let header = header_of((0, 0, 0), vec![], vec![("a", Type::Int), ("s", Type::set(Type::Int))]);
    let (none, live) = (LivenessInfo::EMPTY, DeletionTime::LIVE);
    // A table may have no columns at all: all of them are there, and the row is empty.
    let no_columns = header_of((0, 0, 0), vec![], vec![]);
    for (header, liveness, is_empty) in [
        (&no_columns, none, true),
        (&no_columns, LivenessInfo::new(Timestamp(1)), false),
        (&header, none, true),
    ] {
        let (mut builder, mut buf) = (RowBuilder::default(), RowBuf::default());
        builder.start(liveness, live, false);
        builder.finish(header, false, &mut buf);
        assert_eq!(buf.as_ref(header).is_empty(), Ok(is_empty));
    }
}

/// Shards of releases before 2.1 are noted, whichever cell has them; a counter's tombstone has
/// none.
#[test]
fn legacy_shards_of_counters_are_noted() {
    let columns = [("a", Type::Counter), ("b", Type::Counter), ("c", Type::Counter)];
    let header = header_of((0, 0, 0), vec![], columns.to_vec());
    let mut global = Vec::new();
    encode_global([7; 16], 1, 1, &mut global);
    // An entry of the index makes the shard a local one.
    let local = [&hex("0001 0000")[..], &global[4..]].concat();
    let noted = |values: [Option<&[u8]>; 3]| {
        let (mut builder, mut buf, mut stats) =
            (RowBuilder::default(), RowBuf::default(), RowStats::default());
        builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
        for (column, value) in values.into_iter().enumerate() {
            let cell = match value {
                Some(value) => Cell::live(Timestamp(1), value),
                None => Cell::tombstone(Timestamp(1), LocalDeletionTime(9)),
            };
            builder.simple(&header, &header.regulars, column, &cell);
        }
        builder.finish(&header, false, &mut buf);
        stats.row(buf.as_ref(&header), |_| {}).map(|_| stats.has_legacy_counter_shards)
    };
    assert_eq!(noted([Some(&global), None, Some(&global)]), Ok(false));
    assert_eq!(noted([Some(&local), None, Some(&global)]), Ok(true));
    assert_eq!(noted([None, Some(&global), Some(&local)]), Ok(true));
    assert!(noted([Some(&global), Some(b"no context"), None]).is_err());
}

#[test]
fn statistics_of_a_row() {
    let header = Arc::new(header_of(
        (0, 0, 0),
        vec![],
        vec![("a", Type::Int), ("b", Type::Int), ("s", Type::set(Type::Int))],
    ));
    let mut builder = RowBuilder::default();
    let mut buf = RowBuf::default();
    let at = LocalDeletionTime;
    builder.start(
        LivenessInfo::expiring(Timestamp(10), 60, at(100)),
        DeletionTime::new(Timestamp(3), at(50)),
        false,
    );
    builder.simple(&header, &header.regulars, 0, &Cell::live(Timestamp(11), &[0; 4]));
    builder.simple(&header, &header.regulars, 1, &Cell::tombstone(Timestamp(12), at(70)));
    builder.complex(2, DeletionTime::new(Timestamp(5), at(60)));
    builder.finish(&header, false, &mut buf);
    let mut stats = RowStats::default();
    let mut dropped = Vec::new();
    assert_eq!(stats.row(buf.as_ref(&header), |seconds| dropped.push(seconds.0)).unwrap(), 2);
    let expected = RowStats {
        min_timestamp: Timestamp(3),
        max_timestamp: Timestamp(12),
        min_local_deletion_time: at(50),
        max_local_deletion_time: LocalDeletionTime::NONE,
        min_ttl: 0,
        max_ttl: 60,
        rows: 1,
        cells: 2,
        // A complex column of which only the deletion is there isn't set.
        columns_set: 2,
        has_legacy_counter_shards: false,
    };
    assert_eq!(stats, expected);
    assert_eq!(dropped, [100, 50, 70, 60]);
}
