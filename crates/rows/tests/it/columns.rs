//! The order of columns: Cassandra's for what is written, the header's for what is read.

use std::sync::Arc;

use helenus_rows::{
    Bound, Capabilities, Cell, CellEvent, ClusteringComparator, Column, ColumnMap, Columns, DeletionTime,
    EncodingBase, FormerOrder, Header, LivenessInfo, RowBuf, RowBuilder, RowMerger, RowRef, RowSource,
    UpdateBuilder, UpdateRef, compare_names,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

fn header(columns: Columns) -> Header {
    Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(Vec::new()),
        statics: columns.clone(),
        regulars: columns,
        capabilities: Capabilities::CURRENT,
    }
}

fn simple(name: &str) -> Column {
    Column::new(name, Type::Text)
}

fn set(name: &str) -> Column {
    Column::new(name, Type::Set { element: Arc::new(Type::Text), frozen: false })
}

fn names(columns: &Columns) -> Vec<&str> {
    columns.as_slice().iter().map(|column| &*column.name).collect()
}

/// Each column's name as its value, or its element; those whose name has an x are left out.
fn row_of(header: &Header, is_static: bool, timestamp: i64) -> RowBuf {
    let columns = header.columns(is_static);
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    let timestamp = Timestamp(timestamp);
    let liveness = if is_static { LivenessInfo::EMPTY } else { LivenessInfo::new(timestamp) };
    builder.start(liveness, DeletionTime::LIVE, false);
    for (index, column) in
        columns.as_slice().iter().enumerate().filter(|(_, column)| !column.name.contains('x'))
    {
        let name = column.name.as_bytes();
        if column.complex {
            builder.complex(index, DeletionTime::LIVE);
            for path in [[name, b"1"].concat(), [name, b"2"].concat()] {
                builder.element(header, &Cell { path: &path, ..Cell::live(timestamp, &[]) });
            }
        } else {
            builder.simple(header, columns, index, &Cell::live(timestamp, name));
        }
    }
    builder.finish(header, is_static, &mut row);
    row
}

/// What a row holds: the name of each cell's column, and its value or path.
fn content(row: RowRef<'_>) -> Vec<(String, String)> {
    let columns = row.columns();
    let name = |column| columns.get(column).unwrap().name.to_string();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut cells = row.cells().unwrap();
    let mut found = Vec::new();
    while let Some(event) = cells.next().unwrap() {
        match event {
            CellEvent::Simple { column, cell } => found.push((name(column), text(cell.value))),
            CellEvent::Element { column, cell } => found.push((name(column), text(cell.path))),
            CellEvent::Complex { .. } => {}
        }
    }
    found
}

/// As in `ColumnMetadata.comparisonOrder`: six bytes of the name as a number whose first bit is
/// turned over, then eight and then all of them as they are.
#[test]
fn names_compare_as_cassandras_numbers() {
    let cassandras = |name: &str| {
        let mut prefix = [0; 8];
        for (to, from) in prefix.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        let prefix = u64::from_be_bytes(prefix) ^ (1 << 63);
        (prefix >> 16, (prefix ^ (1 << 63)), name.as_bytes().to_vec())
    };
    let names = [
        "",
        "\0",
        "\0a",
        "a",
        "ab",
        "aé",
        "a日",
        "a😀",
        "abcdef",
        "abcdefg",
        "abcdefé",
        "abcdefgh",
        "abcdefghi",
        "abcdefghé",
        "abcdefg日",
        "z",
        "zé",
        "~",
        "\u{7f}",
        "\u{80}",
        "é",
        "éa",
        "éé",
        "日",
        "日本",
        "日本語",
        "日本誌",
        "😀",
        "😀a",
        "😎",
        "ÿ",
        "A",
        "_",
    ];
    for a in names {
        for b in names {
            assert_eq!(compare_names(a, b), cassandras(a).cmp(&cassandras(b)), "{a:?} and {b:?}");
        }
    }
}

#[test]
fn a_header_keeps_its_order_and_a_table_has_cassandras() {
    let list = || vec![set("b"), simple("é"), simple("a"), set("ö"), simple("日本"), simple("aé")];
    let canonical = Columns::new(list());
    assert_eq!(names(&canonical), ["é", "日本", "a", "aé", "ö", "b"]);
    assert!(canonical.is_canonical());
    // Simple ones come first in every row, whatever the list says.
    let listed = Columns::listed(list());
    assert_eq!(names(&listed), ["é", "a", "日本", "aé", "b", "ö"]);
    assert!(!listed.is_canonical());
    assert_eq!(listed.canonical(), canonical);
    for columns in [&canonical, &listed] {
        for (index, name) in names(columns).into_iter().enumerate() {
            assert_eq!(columns.index_of(name), Some(index), "{name}");
        }
        assert_eq!(columns.index_of("none"), None);
    }
}

/// Rows of a header in another order were taken for rows in canonical order: values landed in the
/// wrong columns. They are merged with others by name, in either direction.
#[test]
fn rows_in_another_order_land_in_their_columns() {
    let list = |order: &[usize]| {
        let all = [
            simple("é"),
            simple("日本"),
            simple("a"),
            simple("aé"),
            simple("ax"),
            set("ö"),
            set("öx"),
            set("b"),
        ];
        order.iter().map(|&at| all[at].clone()).collect::<Vec<_>>()
    };
    let canonical = header(Columns::new(list(&[0, 1, 2, 3, 4, 5, 6, 7])));
    let by_bytes = header(Columns::listed(list(&[2, 3, 4, 0, 1, 7, 5, 6])));
    let fewer = header(Columns::listed(list(&[3, 1, 0, 7, 5])));
    let mut merger = RowMerger::default();
    let mut out = RowBuf::default();
    for is_static in [false, true] {
        for (source, target) in [
            (&by_bytes, &canonical),
            (&canonical, &by_bytes),
            (&fewer, &canonical),
            (&fewer, &by_bytes),
            (&by_bytes, &fewer),
        ] {
            let map = ColumnMap::new(source, target, &[]);
            assert!(!map.passes_through() && !map.passes_portable_through());
            let row = row_of(source, is_static, 5);
            assert_eq!(merger.transcode(row.as_ref(source), &map, target, &mut out), Ok(true));
            let mut expected = content(row.as_ref(source));
            expected.retain(|(name, _)| target.columns(is_static).index_of(name).is_some());
            let mut found = content(out.as_ref(target));
            assert!(found.iter().all(|(name, value)| value.starts_with(name.as_str())), "{found:?}");
            found.sort();
            expected.sort();
            assert_eq!(found, expected);
        }
        // Beside a row that needs no map.
        let (old, new) = (row_of(&by_bytes, is_static, 5), row_of(&canonical, is_static, 6));
        let map = ColumnMap::new(&by_bytes, &canonical, &[]);
        let sources =
            [RowSource { row: old.as_ref(&by_bytes), map: Some(&map) }, new.as_ref(&canonical).into()];
        let merged = merger.merge(&sources, DeletionTime::LIVE, &canonical, &mut out);
        assert_eq!(merged, Ok(true));
        assert_eq!((out.flags, &out.body), (new.flags, &new.body), "the newer row has all of it");
    }
}

/// Updates of a log that was written when columns stood in the order of their names' bytes.
#[test]
fn updates_in_the_former_order_mean_the_same() {
    let list = || vec![simple("é"), simple("a"), simple("日本"), set("ö"), set("b")];
    let target = header(Columns::new(list()));
    let former = {
        let mut by_bytes = list();
        by_bytes.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        header(Columns::listed(by_bytes))
    };
    assert!(target.is_canonical() && !former.is_canonical());
    assert_eq!(former.canonical().regulars, target.regulars);
    assert_eq!(former.canonical().statics, target.statics);
    for half in [
        Header { statics: target.statics.clone(), ..former.clone() },
        Header { regulars: target.regulars.clone(), ..former.clone() },
    ] {
        assert!(!half.is_canonical());
    }
    let (deletion, time) = (DeletionTime::new(Timestamp(3), LocalDeletionTime(9)), 5);
    let update = |header: &Header| {
        let mut update = UpdateBuilder::default();
        update.start(b"the key");
        update.partition(deletion);
        update.range(Bound::BOTTOM, Bound::TOP, deletion);
        update.row(row_of(header, true, time).as_ref(header));
        update.row(row_of(header, false, time).as_ref(header));
        assert_eq!(update.ops(), 4);
        update.finish().to_vec()
    };
    let bytes = update(&former);
    let mut order = FormerOrder::of(&target).unwrap();
    assert_eq!(order.encode(UpdateRef::new(&bytes).unwrap(), &target).unwrap(), update(&target));
    let ascii = || Columns::new(vec![simple("a"), simple("b")]);
    assert!(FormerOrder::of(&header(ascii())).is_none());
    // The order of one kind is enough.
    for one in [Header { statics: ascii(), ..target.clone() }, Header { regulars: ascii(), ..target.clone() }]
    {
        assert!(FormerOrder::of(&one).is_some());
    }
}
