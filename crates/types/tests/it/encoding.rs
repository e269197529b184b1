//! Rust's own values into the bytes of columns, and the texts of CSV files.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use helenus_cql_syntax::{parse_literal, parse_text};
use helenus_types::Varint;
use helenus_types::{EncodeValue, Serialized, Type, UserType, ValueError};
use uuid::Uuid;

use crate::type_named;

fn encoded(value: &dyn EncodeValue, ty: &Type) -> Result<Option<Vec<u8>>, ValueError> {
    let mut out = Vec::new();
    Ok(value.encode(ty, &mut out)?.then_some(out))
}

#[track_caller]
fn check(value: &dyn EncodeValue, cql: &str, literal: &str) {
    let ty = type_named(cql, person);
    let bytes = encoded(value, &ty).unwrap().unwrap();
    assert_eq!(parse_literal(&ty, literal), Ok(bytes.clone()));
    ty.validate(&bytes).unwrap();
    let mut printed = String::new();
    ty.literal(&bytes, &mut printed).unwrap();
    assert_eq!(printed, literal);
}

fn person(name: &str) -> Option<Type> {
    let fields = vec![("name".to_owned(), Type::Text), ("Age".to_owned(), Type::Int)];
    (name == "person").then(|| Type::udt(UserType { keyspace: "ks".into(), name: name.into(), fields }))
}

#[test]
fn rust_values() {
    check(&7i8, "tinyint", "7");
    check(&-7i32, "bigint", "-7");
    check(&200i64, "varint", "200");
    check(&-128i64, "varint", "-128");
    check(&Varint::from(1u128 << 70), "varint", "1180591620717411303424");
    check(&1.5f32, "float", "1.5");
    check(&f64::NEG_INFINITY, "double", "-Infinity");
    check(&"it's", "text", "'it''s'");
    check(&String::from("a"), "ascii", "'a'");
    check(&true, "boolean", "true");
    check(&vec![0xCAu8, 0xFE], "blob", "0xcafe");
    check(&Uuid::from_u128(5), "uuid", "00000000-0000-0000-0000-000000000005");
    check(&IpAddr::from([10, 0, 0, 1]), "inet", "'10.0.0.1'");
    check(&Ipv4Addr::LOCALHOST, "inet", "'127.0.0.1'");
    check(&1_454_472_306_000i64, "timestamp", "'2016-02-03 04:05:06.000Z'");
    check(&Some(3), "int", "3");
    check(&vec![3, 1, 3], "list<int>", "[3, 1, 3]");
    check(&vec!["b", "a", "b"], "set<text>", "{'a', 'b'}");
    check(&[1.0f32, -0.0], "vector<float, 2>", "[1.0, -0.0]");
    check(&["a", ""], "vector<text, 2>", "['a', '']");
    check(&HashMap::from([(2, "b"), (1, "a"), (-1, "c")]), "map<int, text>", "{-1: 'c', 1: 'a', 2: 'b'}");
    check(&BTreeMap::from([("k", vec![1i64])]), "map<text, frozen<list<bigint>>>", "{'k': [1]}");
    check(&(1, "a", None::<bool>), "tuple<int, text, boolean>", "(1, 'a', null)");
    check(&("Ann", 7), "person", "{name: 'Ann', \"Age\": 7}");
    check(&Serialized(&[0, 0, 0, 9]), "int", "9");
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(encoded(&None::<i32>, &Type::Int), Ok(None));
    let refused: [(&dyn EncodeValue, Type); 10] = [
        (&300i32, Type::TinyInt),
        (&1i32, Type::Text),
        (&"é", Type::Ascii),
        (&"1", Type::Int),
        (&0.5f64, Type::Float),
        (&Uuid::from_u128(4 << 76), Type::TimeUuid),
        (&vec![None::<i32>], Type::list(Type::Int)),
        (&vec![1, 2], Type::vector(Type::Int, 3)),
        (&(1, 2), Type::tuple([Type::Int])),
        (&Serialized(&[1]), Type::Int),
    ];
    for (value, ty) in refused {
        assert!(encoded(value, &ty).is_err(), "{ty}");
    }
}

#[test]
fn literals_in_other_spellings() {
    for (cql, literal, same) in [
        ("text", "$$it's$$", "'it''s'"),
        ("boolean", "TRUE", "true"),
        ("double", "nan", "NaN"),
        ("double", "1e3", "1000.0"),
        ("decimal", "1.50E+3", "1.50E+3"),
        ("blob", "0XCAFE", "0xcafe"),
        ("duration", "P1Y2M", "1y2mo"),
        ("duration", "-P0000-00-00T01:00:00", "-1h"),
        ("timestamp", "5", "'1970-01-01 00:00:00.005Z'"),
        ("date", "2147483648", "'1970-01-01'"),
        ("time", "1000000000", "'00:00:01.000000000'"),
        ("inet", "'::ffff:1.2.3.4'", "'1.2.3.4'"),
        ("set<int>", " { 3,1 , 3 } ", "{1, 3}"),
        ("map<int, text>", "{1:'a',1:'b'}", "{1: 'b'}"),
        ("map<text, duration>", "{'a':PT1H}", "{'a': 1h}"),
        ("tuple<int, text>", "(NULL,'x')", "(null, 'x')"),
        ("person", "{\"Age\" : 3}", "{name: null, \"Age\": 3}"),
        ("set<int>", "{}", "{}"),
    ] {
        let ty = type_named(cql, person);
        let bytes = parse_literal(&ty, literal).unwrap_or_else(|error| panic!("{literal}: {error}"));
        let mut printed = String::new();
        ty.literal(&bytes, &mut printed).unwrap();
        assert_eq!(printed, same, "{literal}");
    }
}

#[test]
fn literals_that_are_none() {
    for (cql, literal) in [
        ("int", "'1'"),
        ("int", "1.0"),
        ("int", "+1"),
        ("int", "2147483648"),
        ("int", "1 2"),
        ("int", "null"),
        ("text", "abc"),
        ("text", "'abc"),
        ("ascii", "'é'"),
        ("blob", "0xabc"),
        ("blob", "'ab'"),
        ("float", "inf"),
        ("timeuuid", "00000000-0000-4000-0000-000000000005"),
        ("uuid", "00000000000000000000000000000005"),
        ("list<int>", "[1, null]"),
        ("list<int>", "[1"),
        ("set<int>", "[1]"),
        ("vector<int, 2>", "[1]"),
        ("tuple<int>", "(1, 2)"),
        ("person", "{age: 1}"),
        ("inet", "'example'"),
        ("date", "'2015-02-30'"),
    ] {
        let ty = type_named(cql, person);
        assert!(parse_literal(&ty, literal).is_err(), "{cql} {literal}");
    }
}

#[test]
fn fields_of_csv_files() {
    for (cql, field, literal) in [
        ("text", "it's 'quoted'", "'it''s ''quoted'''"),
        ("timestamp", "2016-02-03 04:05:06.000+0000", "'2016-02-03 04:05:06.000Z'"),
        ("date", "2016-02-03", "'2016-02-03'"),
        ("time", "04:05:06.000000007", "'04:05:06.000000007'"),
        ("inet", "10.0.0.1", "'10.0.0.1'"),
        ("boolean", "True", "true"),
        ("double", "Infinity", "Infinity"),
        ("blob", "0xcafe", "0xcafe"),
        ("duration", "1h3s", "1h3s"),
        ("list<text>", "['a', 'b']", "['a', 'b']"),
        (
            "map<text, timestamp>",
            "{'a': '2016-02-03 04:05:06.000+0000'}",
            "{'a': '2016-02-03 04:05:06.000Z'}",
        ),
        ("person", "{name: 'Ann', \"Age\": 7}", "{name: 'Ann', \"Age\": 7}"),
    ] {
        let ty = type_named(cql, person);
        let bytes = parse_text(&ty, field).unwrap_or_else(|error| panic!("{field}: {error}"));
        let mut printed = String::new();
        ty.literal(&bytes, &mut printed).unwrap();
        assert_eq!(printed, literal);
    }
}

/// Every value that a table may hold can be printed: one empty value must not end an export.
#[test]
fn empty_values_have_texts() {
    for cql in [
        "ascii",
        "bigint",
        "blob",
        "boolean",
        "date",
        "decimal",
        "double",
        "duration",
        "float",
        "inet",
        "int",
        "smallint",
        "text",
        "time",
        "timestamp",
        "timeuuid",
        "tinyint",
        "uuid",
        "varint",
    ] {
        let ty = type_named(cql, person);
        if ty.validate(&[]).is_ok() {
            let (mut json, mut literal) = (String::new(), String::new());
            ty.json(&[], &mut json).unwrap_or_else(|error| panic!("{cql}: {error}"));
            ty.literal(&[], &mut literal).unwrap_or_else(|error| panic!("{cql}: {error}"));
            assert_eq!(json, if cql == "blob" { "\"0x\"" } else { "\"\"" }, "{cql}");
        }
    }
}
