//! What a table's schema says, which columns a read wants, and the order of clusterings as bytes.

use std::sync::Arc;

use ColumnKind::{Clustering, PartitionKey, Regular, Static};
use helenus_rows::{
    Cell, CellEvent, ClusteringComparator, ColumnFilter, ColumnKind, CompactStorage, DeletionTime,
    DroppedColumn, EncodingBase, LivenessInfo, Position, PositionKind, RowBuf, RowBuilder, RowMerger,
    TableSchema, encode_clustering,
};
use helenus_types::{TableId, Timestamp, Type};
use uuid::Uuid;

fn table(columns: &[(&str, Type, ColumnKind)]) -> TableSchema {
    let columns = columns.iter().map(|(name, ty, kind)| (Arc::from(*name), ty.clone(), *kind)).collect();
    TableSchema::new("ks", "t", TableId(Uuid::nil()), columns).unwrap()
}

fn everything() -> TableSchema {
    table(&[
        ("p", Type::Text, PartitionKey),
        ("q", Type::Int, PartitionKey),
        ("c", Type::BigInt, Clustering),
        ("s", Type::Blob, Static),
        ("t", Type::Int, Static),
        ("v", Type::Int, Regular),
        ("w", Type::Text, Regular),
    ])
}

#[test]
fn columns_are_found_by_name_and_by_kind() {
    let table = everything();
    let names =
        |defs: &[helenus_rows::ColumnDef]| defs.iter().map(|def| def.name.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (names(table.partition_key()), names(table.clustering())),
        (vec!["p".into(), "q".into()], vec!["c".into()])
    );
    for (name, kind, index, ty) in [
        ("p", PartitionKey, 0, Type::Text),
        ("q", PartitionKey, 1, Type::Int),
        ("c", Clustering, 0, Type::BigInt),
        ("s", Static, 0, Type::Blob),
        ("t", Static, 1, Type::Int),
        ("v", Regular, 0, Type::Int),
        ("w", Regular, 1, Type::Text),
    ] {
        assert_eq!(table.column(name), Some((kind, index)), "{name}");
        assert_eq!(table.column_type(kind, index), Some(&ty), "{name}");
    }
    assert_eq!((table.column("x"), table.column_type(Regular, 2)), (None, None));
    assert_eq!((table.keyspace().as_ref(), table.name().as_ref()), ("ks", "t"));
    assert!(!table.strict_liveness() && table.clone().with_strict_liveness(true).strict_liveness());
    assert_eq!(table.dropped(), []);
    let dropped = |name: &str| DroppedColumn {
        name: name.into(),
        ty: Type::Int,
        is_static: false,
        dropped_at: Timestamp(5),
    };
    let table = table.with_dropped(vec![dropped("x"), dropped("y")]);
    assert_eq!(table.dropped(), [dropped("x"), dropped("y")]);
    assert_eq!((table.dropped_column("y"), table.dropped_column("v")), (Some(&dropped("y")), None));
}

/// Compact storage adds columns that no query shows.
#[test]
fn columns_that_compact_storage_added_are_hidden() {
    let table = everything();
    let shown = |table: &TableSchema| {
        let regulars = [Type::Int, Type::Empty].map(|ty| table.shows_regular(&ty));
        (table.compact(), table.shown_clustering().len(), regulars)
    };
    assert_eq!(shown(&table), (None, 1, [true, true]));
    for (compact, expected) in [
        (CompactStorage::Static, (Some(CompactStorage::Static), 0, [false, false])),
        (CompactStorage::Dense, (Some(CompactStorage::Dense), 1, [true, false])),
    ] {
        assert_eq!(shown(&table.clone().with_compact(Some(compact))), expected);
    }
}

#[test]
fn a_partition_key_in_its_columns() {
    let one = table(&[("p", Type::Int, PartitionKey)]);
    assert_eq!(one.split_partition_key(b"as it is").unwrap(), [b"as it is"]);
    let two = everything();
    let key = [0, 2, b'a', b'b', 0, 0, 4, 0, 0, 0, 9, 0];
    assert_eq!(two.split_partition_key(&key).unwrap(), [&b"ab"[..], &[0, 0, 0, 9]]);
    for len in 0..key.len() {
        assert!(two.split_partition_key(&key[..len]).is_err(), "{len} bytes");
    }
    assert!(two.split_partition_key(&[&key[..], &[0]].concat()).is_err());
}

/// A row that is visible without its cells loses those that a read does not want; one that only a
/// cell keeps visible stays visible.
#[test]
fn a_read_gets_the_columns_that_it_wants() {
    let table = everything();
    let filter = |columns: &[(ColumnKind, usize)]| ColumnFilter::new(&table, columns);
    let wanted = filter(&[(Static, 1), (Regular, 0), (PartitionKey, 1)]);
    let wants = |filter: &ColumnFilter| {
        [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1), (false, 2)]
            .map(|(s, at)| filter.wants(s, at))
    };
    assert_eq!(wants(&wanted), [false, true, false, true, false, false]);
    assert_eq!(wants(&filter(&[(Regular, 1)])), [false, false, false, false, true, false]);
    assert!(wanted.wants_static() && !filter(&[(Regular, 0), (Clustering, 0)]).wants_static());

    let header = table.header(EncodingBase::EPOCH);
    let row = |timestamp, liveness| {
        let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
        builder.start(liveness, DeletionTime::LIVE, false);
        for (column, value) in [(0, &[0, 0, 0, 1][..]), (1, b"w")] {
            builder.simple(&header, &header.regulars, column, &Cell::live(Timestamp(timestamp), value));
        }
        builder.finish(&header, false, &mut row);
        row
    };
    let merged = |wanted: Option<ColumnFilter>, liveness| {
        let (mut merger, mut out) = (RowMerger::default(), RowBuf::default());
        merger.set_wanted(wanted.map(Arc::new));
        let (old, new) = (row(1, LivenessInfo::EMPTY), row(2, liveness));
        let sources = [old.as_ref(&header).into(), new.as_ref(&header).into()];
        assert_eq!(merger.merge(&sources, DeletionTime::LIVE, &header, &mut out), Ok(true));
        let (mut cells, mut found) = (out.as_ref(&header).cells().unwrap(), Vec::new());
        while let Some(event) = cells.next().unwrap() {
            let CellEvent::Simple { column, cell } = event else { panic!("{event:?}") };
            assert_eq!(cell.timestamp, Timestamp(2));
            found.push(column);
        }
        found
    };
    let marker = LivenessInfo::new(Timestamp(2));
    assert_eq!(merged(None, marker), [0, 1]);
    assert_eq!(merged(Some(wanted.clone()), marker), [0]);
    assert_eq!(merged(Some(filter(&[(Regular, 1)])), marker), [1]);
    assert_eq!(merged(Some(wanted), LivenessInfo::EMPTY), [0, 1]);
}

/// The byte-comparable form (`ClusteringComparator.asByteComparable`) orders positions as the
/// comparator does: nulls, empty values, prefixes with a side and reversed types too.
#[test]
fn positions_as_bytes_are_in_order() {
    let value = |value: i32| Some(value.to_be_bytes());
    let texts: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"a"), Some(b"ab")];
    for types in [[Type::Int, Type::Text], [Type::Int.reversed(), Type::Text.reversed()]] {
        let comparator = ClusteringComparator::new(types.to_vec());
        assert!(!comparator.is_empty() && ClusteringComparator::new(Vec::new()).is_empty());
        let mut encoded = vec![(0, Vec::new())];
        for first in [None, Some([0; 0].to_vec()), value(-1).map(Vec::from), value(7).map(Vec::from)] {
            let mut out = Vec::new();
            encode_clustering(&types[..1], &[first.as_deref()], &mut out);
            encoded.push((1, out));
            for second in texts {
                let mut out = Vec::new();
                encode_clustering(&types, &[first.as_deref(), second], &mut out);
                let read: Vec<_> = comparator.components(&out, 2).collect();
                assert_eq!(read, [first.as_deref(), second]);
                encoded.push((2, out));
            }
        }
        let mut positions = Vec::new();
        for (size, values) in &encoded {
            for kind in [PositionKind::Before, PositionKind::Row, PositionKind::After] {
                if kind != PositionKind::Row || *size == 2 {
                    positions.push(Position { kind, size: *size, values });
                }
            }
        }
        let bytes = |position: Position<'_>| {
            let mut out = b"x".to_vec();
            comparator.comparable(position, &mut out);
            out
        };
        for a in &positions {
            for b in &positions {
                assert_eq!(bytes(*a).cmp(&bytes(*b)), comparator.compare(*a, *b), "{a:?} and {b:?}");
            }
        }
    }
}
