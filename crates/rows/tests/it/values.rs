//! Values in other forms: cells put together, values that no type vouches for, names in errors.

use helenus_rows::{
    Assembler, Capabilities, Cell, ClusteringComparator, Column, ColumnMap, Columns, DeletionTime,
    EncodingBase, Header, LivenessInfo, RowBuf, RowBuilder, RowMerger, ShownKey,
};
use helenus_types::{Partitioner, Timestamp, Type, UserType};

fn header(key_type: Type, regulars: Vec<Column>) -> Header {
    Header {
        base: EncodingBase::EPOCH,
        key_type,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(Vec::new()),
        statics: Columns::empty(),
        regulars: Columns::new(regulars),
        capabilities: Capabilities::CURRENT,
    }
}

fn bytes(parts: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let len = part.map_or(-1, |part| i32::try_from(part.len()).unwrap());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(part.unwrap_or_default());
    }
    out
}

/// As `CollectionSerializer` and `UserType` have it: a count of 32 bits, then lengths of 32 bits; a
/// user type has no count, and a field that is null has the length -1.
#[test]
fn cells_become_the_value_that_is_frozen() {
    let assembled = |ty: &Type, cells: &[(&[u8], &[u8])]| {
        let mut out = b"before".to_vec();
        let mut assembler = Assembler::new(ty, &out);
        for (path, value) in cells {
            assembler.push(&Cell::live(Timestamp(1), value).at_path(path), &mut out);
        }
        let is_there = assembler.finish(&mut out);
        assert_eq!(out[..6], *b"before");
        is_there.then(|| out[6..].to_vec())
    };
    let udt = |fields: usize| {
        let fields = (0..fields).map(|at| (format!("f{at}"), Type::Text)).collect();
        Type::udt(UserType { keyspace: "ks".into(), name: "u".into(), fields })
    };
    let cells: [(&[u8], &[u8]); 3] = [(&[1], b"a"), (&[2], b""), (&[3], b"ccc")];
    let (one, two, three): (&[u8], &[u8], &[u8]) = (&[1], &[2], &[3]);
    let count = |count: u32, rest: Vec<u8>| Some([count.to_be_bytes().to_vec(), rest].concat());
    let values = bytes(&[Some(b"a"), Some(b""), Some(b"ccc")]);
    assert_eq!(assembled(&Type::list(Type::Text), &cells), count(3, values));
    let paths = bytes(&[Some(one), Some(two), Some(three)]);
    assert_eq!(assembled(&Type::set(Type::Blob), &cells), count(3, paths));
    let both = bytes(&[Some(one), Some(b"a"), Some(two), Some(b""), Some(three), Some(b"ccc")]);
    assert_eq!(assembled(&Type::map(Type::Blob, Type::Text), &cells), count(3, both));

    let fields: [(&[u8], &[u8]); 2] = [(&[0, 1], b"one"), (&[0, 3], b"")];
    let value = |nulls: usize| {
        let some: [Option<&[u8]>; 4] = [None, Some(b"one"), None, Some(b"")];
        Some(bytes(&[&some[..], &vec![None; nulls]].concat()))
    };
    assert_eq!(assembled(&udt(4), &fields), value(0));
    assert_eq!(assembled(&udt(6), &fields), value(2));
    // Fields that follow each other from the first on.
    let fields: [(&[u8], &[u8]); 2] = [(&[0, 0], b"zero"), (&[0, 1], b"one")];
    assert_eq!(assembled(&udt(2), &fields), Some(bytes(&[Some(b"zero"), Some(b"one")])));
    // Without a cell there is no value.
    for ty in [Type::list(Type::Text), Type::set(Type::Text), udt(2), Type::map(Type::Text, Type::Text)] {
        assert_eq!(assembled(&ty, &[]), None, "{ty}");
    }
}

/// A column that was a blob in the file and is an int now: a value of another length is damage, not
/// a value; an empty one is one.
#[test]
fn a_value_of_a_length_that_the_new_type_cannot_have_is_refused() {
    let source = header(Type::Int, vec![Column::new("v", Type::Blob)]);
    let target = header(Type::Int, vec![Column::new("v", Type::Int)]);
    let map = ColumnMap::new(&source, &target, &[]);
    for (len, is_right) in [(0, true), (3, false), (4, true), (5, false)] {
        let (mut builder, mut row, mut out) = (RowBuilder::default(), RowBuf::default(), RowBuf::default());
        builder.start(LivenessInfo::new(Timestamp(1)), DeletionTime::LIVE, false);
        builder.simple(&source, &source.regulars, 0, &Cell::live(Timestamp(1), &vec![7; len]));
        builder.finish(&source, false, &mut row);
        let merged = RowMerger::default().transcode(row.as_ref(&source), &map, &target, &mut out);
        assert_eq!(merged.is_ok(), is_right, "{len} bytes: {merged:?}");
    }
}

#[test]
fn keys_in_errors() {
    let one = header(Type::Int, Vec::new());
    let two = header(Type::composite(vec![Type::Text, Type::Int]), Vec::new());
    for (header, key, shown) in [
        (&one, &[0, 0, 0, 5][..], "5 (0x00000005)"),
        (&one, &[5], "0x05"),
        (&two, &[0, 1, b'a', 0, 0, 4, 0, 0, 0, 1, 0], "('a', 1) (0x0001610000040000000100)"),
        // A component that ends with another byte, one that is no int, one too many, half a one.
        (&two, &[0, 1, b'a', 1, 0, 4, 0, 0, 0, 1, 0], "0x0001610100040000000100"),
        (&two, &[0, 1, b'a', 0, 0, 2, 0, 1, 0], "0x000161000002000100"),
        (&two, &[0, 1, b'a', 0, 0, 4, 0, 0, 0, 1, 0, 0], "0x000161000004000000010000"),
        (&two, &[0, 1, b'a', 0, 0, 4, 0], "0x00016100000400"),
    ] {
        assert_eq!(ShownKey::new(header, key).to_string(), shown);
    }
}
