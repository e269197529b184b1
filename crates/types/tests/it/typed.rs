//! Rust's own types as values, there and back, and values as Rust's own types.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration as StdDuration, SystemTime};

use helenus_cql_syntax::parse_literal;
use helenus_types::{
    Date, Decimal, DecodeValue, Duration, EncodeValue, Serialized, TimeOfDay, Type, UserType, Value, Varint,
};
use uuid::Uuid;

use crate::type_named;

fn ty(cql: &str) -> Type {
    type_named(cql, |name| {
        let fields = vec![("street".to_owned(), Type::Text), ("zip".to_owned(), Type::Int)];
        (name == "address").then(|| Type::udt(UserType { keyspace: "ks".into(), name: name.into(), fields }))
    })
}

fn bytes(value: &dyn EncodeValue, ty: &Type) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    value.encode(ty, &mut out).unwrap().then_some(out)
}

/// The value is written to a column of that type, read back, and prints as the literal.
#[track_caller]
fn there_and_back<T>(value: T, cql: &str, literal: &str)
where
    T: EncodeValue + for<'a> DecodeValue<'a> + PartialEq + Debug,
{
    let ty = ty(cql);
    let bytes = bytes(&value, &ty);
    assert_eq!(T::decode(&ty, bytes.as_deref()), Ok(value));
    assert_eq!(Value::decode(&ty, bytes.as_deref()).unwrap().to_string(), literal);
}

#[track_caller]
fn refused<T: for<'a> DecodeValue<'a> + Debug>(literal: &str, cql: &str, message: &str) {
    let ty = ty(cql);
    let bytes = (literal != "null").then(|| parse_literal(&ty, literal).unwrap());
    assert_eq!(T::decode(&ty, bytes.as_deref()).unwrap_err().to_string(), message);
}

#[test]
fn scalars() {
    there_and_back(7i8, "tinyint", "7");
    there_and_back(7i64, "tinyint", "7");
    there_and_back(-7i16, "int", "-7");
    there_and_back(7u16, "smallint", "7");
    there_and_back(7u32, "int", "7");
    there_and_back(7usize, "bigint", "7");
    there_and_back(u64::MAX, "varint", "18446744073709551615");
    there_and_back(i128::MIN, "varint", "-170141183460469231731687303715884105728");
    there_and_back(Varint::from(5), "bigint", "5");
    there_and_back(Decimal::new(-150, 2), "decimal", "-1.50");
    there_and_back(1.5f32, "float", "1.5");
    there_and_back(1.5f64, "double", "1.5");
    there_and_back(true, "boolean", "true");
    there_and_back("it's".to_owned(), "text", "'it''s'");
    there_and_back(Box::<str>::from("a"), "ascii", "'a'");
    there_and_back(Arc::<str>::from("a"), "text", "'a'");
    there_and_back(vec![0xCAu8, 0xFE], "blob", "0xcafe");
    there_and_back([0xCAu8, 0xFE], "blob", "0xcafe");
    there_and_back(Box::<[u8]>::from([1]), "blob", "0x01");
    there_and_back(Uuid::from_u128(5), "uuid", "00000000-0000-0000-0000-000000000005");
    there_and_back(IpAddr::V6(Ipv6Addr::LOCALHOST), "inet", "'0:0:0:0:0:0:0:1'");
    there_and_back(Ipv4Addr::LOCALHOST, "inet", "'127.0.0.1'");
    there_and_back(Duration { months: 1, days: 2, nanoseconds: 3 }, "duration", "1mo2d3ns");
    there_and_back(Value::Int(3), "int", "3");
    there_and_back(Rc::new(3), "int", "3");
    let float = bytes(&1.5f32, &Type::Float);
    assert_eq!(
        f64::decode(&Type::Float, float.as_deref()),
        Ok(1.5),
        "a float is a double, but not the reverse"
    );
}

#[test]
fn times() {
    there_and_back(Date::new(2016, 2, 29).unwrap(), "date", "'2016-02-29'");
    there_and_back(Date::new(-5_877_641, 6, 23).unwrap(), "date", "'-5877641-06-23'");
    there_and_back(TimeOfDay::new(4, 5, 6, 7).unwrap(), "time", "'04:05:06.000000007'");
    there_and_back(StdDuration::from_secs(61), "time", "'00:01:01.000000000'");
    there_and_back(StdDuration::from_secs(61), "duration", "1m1s");
    let time = SystemTime::UNIX_EPOCH + StdDuration::from_millis(1_454_472_306_789);
    there_and_back(time, "timestamp", "'2016-02-03 04:05:06.789Z'");
    there_and_back(
        SystemTime::UNIX_EPOCH - StdDuration::from_millis(1),
        "timestamp",
        "'1969-12-31 23:59:59.999Z'",
    );
    // Less than a millisecond is cut off, towards the past on both sides of 1970.
    let micros = StdDuration::from_micros(1);
    assert_eq!(bytes(&(SystemTime::UNIX_EPOCH + micros), &Type::Timestamp), bytes(&0, &Type::BigInt));
    assert_eq!(bytes(&(SystemTime::UNIX_EPOCH - micros), &Type::Timestamp), bytes(&-1, &Type::BigInt));

    assert_eq!(Date::new(2015, 2, 29), None);
    assert_eq!(Date::new(2015, 2, 28).map(Date::days), Some(16_494));
    assert_eq!("2015-02-28".parse(), Ok(Date::from_days(16_494)));
    assert_eq!(TimeOfDay::new(24, 0, 0, 0), None);
    assert_eq!("4:05:06.7".parse(), Ok(TimeOfDay::new(4, 5, 6, 700_000_000).unwrap()));
    let refusal = StdDuration::from_secs(86_400).encode(&Type::Time, &mut Vec::new());
    assert_eq!(refusal.unwrap_err().to_string(), "not a valid time: 86400s is not a time of day");
    // Nothing but a point in time is one, though its bytes are a bigint's.
    assert!(SystemTime::UNIX_EPOCH.encode(&Type::BigInt, &mut Vec::new()).is_err());
    refused::<SystemTime>("5", "bigint", "not a valid bigint: it can't be read as a point in time");
    refused::<Date>("5", "int", "not a valid int: it can't be read as a day");
}

#[test]
fn collections() {
    there_and_back(vec![3, 1, 3], "list<int>", "[3, 1, 3]");
    there_and_back([3, 1, 3], "frozen<list<int>>", "[3, 1, 3]");
    there_and_back(vec![Some("a".to_owned())], "list<text>", "['a']");
    there_and_back(BTreeSet::from(["b".to_owned(), "a".to_owned()]), "set<text>", "{'a', 'b'}");
    there_and_back(HashSet::from([2, 1]), "set<int>", "{1, 2}");
    there_and_back(
        BTreeMap::from([("k".to_owned(), vec![1i64])]),
        "map<text, frozen<list<bigint>>>",
        "{'k': [1]}",
    );
    there_and_back(HashMap::from([(2, 1.5), (1, 0.5)]), "map<int, double>", "{1: 0.5, 2: 1.5}");
    there_and_back([1.0f32, -0.0], "vector<float, 2>", "[1.0, -0.0]");
    there_and_back(vec!["a".to_owned(), String::new()], "vector<text, 2>", "['a', '']");
    there_and_back((1, "a".to_owned(), None::<bool>), "tuple<int, text, boolean>", "(1, 'a', null)");
    there_and_back(("Main St".to_owned(), Some(42)), "address", "{street: 'Main St', zip: 42}");
}

#[test]
fn null() {
    assert_eq!(Option::<i32>::decode(&Type::Int, None), Ok(None));
    assert_eq!(Value::decode(&Type::Int, None), Ok(Value::Null));
    assert_eq!(bytes(&None::<i32>, &Type::Int), None);
    refused::<i32>(
        "null",
        "int",
        "not a valid int: the value is null; to allow for that, read it as an Option",
    );
    refused::<(i32, i32)>(
        "null",
        "tuple<int, int>",
        "not a valid frozen<tuple<int, int>>: the value is null; to allow for that, read it as an Option",
    );
    // An empty collection of several cells is null in Cassandra, and reads as what it was.
    assert_eq!(Vec::<i32>::decode(&ty("list<int>"), None), Ok(vec![]));
    assert_eq!(BTreeMap::<i32, i32>::decode(&ty("map<int, int>"), None), Ok(BTreeMap::new()));
    assert_eq!(Option::<Vec<i32>>::decode(&ty("list<int>"), None), Ok(None));
    // A user type's value of two fields, the second added later.
    let short = bytes(&("Main St",), &ty("frozen<address>"));
    assert_eq!(
        <(&str, Option<i32>)>::decode(&ty("address"), short.as_deref()),
        Ok(("Main St", None)),
        "fields that the value is too old to have are null"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    refused::<i32>("9999999999", "bigint", "not a valid bigint: the value is out of the range of i32");
    refused::<u32>("-1", "int", "not a valid int: the value is out of the range of u32");
    refused::<i64>(
        "1180591620717411303424",
        "varint",
        "not a valid varint: the value is out of the range of i64",
    );
    refused::<i64>("1.5", "double", "not a valid double: it can't be read as an integer");
    refused::<f32>("1.5", "double", "not a valid double: it can't be read as a 32-bit float");
    refused::<String>("5", "int", "not a valid int: it can't be read as text");
    refused::<String>("['a']", "list<text>", "not a valid list<text>: it can't be read as text");
    refused::<i64>("''", "int", "not a valid int: the value has no bytes; only Value can be read from it");
    refused::<[i32; 2]>("[1]", "list<int>", "not a valid list<int>: 1 elements, which can't be read as 2");
    refused::<[u8; 2]>("0x01", "blob", "not a valid blob: 1 bytes, which can't be read as 2");
    refused::<Vec<u8>>(
        "'a'",
        "text",
        "not a valid text: it can't be read as bytes; for the serialized form of any value read it as Serialized",
    );
    refused::<Vec<i32>>(
        "{1: 2}",
        "map<int, int>",
        "not a valid map<int, int>: it can't be read as a collection of elements",
    );
    refused::<(i32,)>(
        "(1, 2)",
        "tuple<int, int>",
        "not a valid frozen<tuple<int, int>>: it has 2 fields and can't be read as a tuple of 1",
    );
    refused::<StdDuration>(
        "1d",
        "duration",
        "not a valid duration: only durations of nanoseconds, not below zero, can be read as a std::time::Duration",
    );
}

#[test]
fn borrowed() {
    let bytes = bytes(&"text", &Type::Text).unwrap();
    let text = <&str>::decode(&Type::Text, Some(&bytes)).unwrap();
    assert_eq!(text.as_ptr(), bytes.as_ptr(), "nothing is copied");
    assert!(matches!(Cow::<str>::decode(&Type::Text, Some(&bytes)), Ok(Cow::Borrowed("text"))));
    assert_eq!(<&[u8]>::decode(&Type::Blob, Some(&bytes)), Ok(&*bytes));
    assert!(matches!(Serialized::decode(&Type::Text, Some(&bytes)), Ok(Serialized(b"text"))));
}

#[test]
fn references_and_pointers_are_values() {
    let text = String::from("a");
    for value in
        [&text as &dyn EncodeValue, &&text, &&*text, &Box::new(1.5), &Cow::Borrowed("a"), &Arc::new("a")]
    {
        let ty = if value.encode(&Type::Text, &mut Vec::new()).is_ok() { Type::Text } else { Type::Double };
        assert!(bytes(value, &ty).is_some());
    }
    assert_eq!(bytes(&Cow::Borrowed(&[1u8][..]), &Type::Blob), Some(vec![1]));
    assert_eq!(bytes(&Box::new(Value::Int(1)), &Type::Int), Some(vec![0, 0, 0, 1]));
    let boxed: Box<dyn EncodeValue> = Box::new(1);
    assert_eq!(bytes(&boxed, &Type::Int), Some(vec![0, 0, 0, 1]));
}

#[test]
fn values_from_and_to_rust() {
    let all: Vec<(Value, &str, &str)> = vec![
        (true.into(), "boolean", "true"),
        (1i8.into(), "tinyint", "1"),
        (1i16.into(), "smallint", "1"),
        (1.into(), "int", "1"),
        (1i64.into(), "bigint", "1"),
        (1.5f32.into(), "float", "1.5"),
        (1.5.into(), "double", "1.5"),
        ("a".into(), "text", "'a'"),
        (Cow::Borrowed("a").into(), "text", "'a'"),
        ([1u8].into(), "blob", "0x01"),
        ((&[1u8][..]).into(), "blob", "0x01"),
        (Uuid::from_u128(5).into(), "uuid", "00000000-0000-0000-0000-000000000005"),
        (Ipv4Addr::LOCALHOST.into(), "inet", "'127.0.0.1'"),
        ("1.50".parse::<Decimal>().unwrap().into(), "decimal", "1.50"),
        (Varint::from(5).into(), "varint", "5"),
        ("1mo2d3ns".parse::<Duration>().unwrap().into(), "duration", "1mo2d3ns"),
        ("2016-02-03".parse::<Date>().unwrap().into(), "date", "'2016-02-03'"),
        ("4:05:06".parse::<TimeOfDay>().unwrap().into(), "time", "'04:05:06.000000000'"),
        (SystemTime::UNIX_EPOCH.try_into().unwrap(), "timestamp", "'1970-01-01 00:00:00.000Z'"),
        (vec!["a"].into(), "list<text>", "['a']"),
        ([1, 2].into(), "list<int>", "[1, 2]"),
        (BTreeSet::from([2, 1]).into(), "set<int>", "{1, 2}"),
        (HashMap::from([("a", vec![1])]).into(), "map<text, frozen<list<int>>>", "{'a': [1]}"),
        (Value::vector([1.5f32]), "vector<float, 1>", "[1.5]"),
        ((1, "a", None::<bool>).into(), "tuple<int, text, boolean>", "(1, 'a', null)"),
        (Value::tuple([1, 2]), "tuple<int, int>", "(1, 2)"),
        (Value::udt([("street", "x".into()), ("zip", Value::Null)]), "address", "{street: 'x', zip: null}"),
    ];
    for (value, cql, literal) in all {
        let ty = ty(cql);
        let bytes = bytes(&value, &ty).unwrap();
        assert_eq!(ty.decode(&bytes).unwrap(), value, "{cql}");
        assert_eq!(value.to_string(), literal);
    }
    // One value serves several types.
    assert_eq!(bytes(&Value::list([1.0f32]), &ty("vector<float, 1>")).unwrap(), 1.0f32.to_be_bytes());
    assert_eq!(bytes(&Value::list([2, 1]), &ty("set<int>")), bytes(&Value::set([1, 2]), &ty("set<int>")));
    assert_eq!(Value::from(None::<i32>), Value::Null);
    assert_eq!(Value::from(Some(1)), Value::Int(1));

    assert_eq!(i32::try_from(Value::from(7)), Ok(7));
    assert_eq!(i64::try_from(Value::from(7)), Ok(7));
    assert_eq!(String::try_from(Value::Ascii("a".into())), Ok("a".to_owned()));
    assert_eq!(Uuid::try_from(Value::TimeUuid(Uuid::from_u128(5))), Ok(Uuid::from_u128(5)));
    assert_eq!(SystemTime::try_from(Value::Timestamp(0)), Ok(SystemTime::UNIX_EPOCH));
    let problem = |value: Value| i16::try_from(value).unwrap_err().to_string();
    assert_eq!(problem(Value::Int(70_000)), "not a valid int: the value is out of the range of i16");
    assert_eq!(problem(Value::Null), "not a valid i16: null can't be read as one");
    assert_eq!(problem(vec![1].into()), "not a valid i16: [1] can't be read as one");
}

#[test]
fn values_taken_apart() {
    let map = Value::map([("a", 1), ("b", 2)]);
    assert_eq!(map.entry(&"b".into()).and_then(Value::as_i64), Some(2));
    assert_eq!(Value::from("a").as_str(), Some("a"));
    assert_eq!(Value::from([1u8]).as_bytes(), Some(&[1u8][..]));
    assert_eq!(Value::from(1.5f32).as_f64(), Some(1.5));
    assert_eq!(Value::Timestamp(5).as_i64(), Some(5));
    assert_eq!(Value::from(1.5).as_i64(), None);
    assert_eq!(Value::from([1, 2]).as_elements(), Some(&[Value::Int(1), Value::Int(2)][..]));
    assert_eq!(Value::udt([("f", 1)]).field("f"), Some(&Value::Int(1)));
    assert!(Value::Null.is_null() && !Value::Empty.is_null());
}

/// `Value` could not be put into a set or serve as a map's key.
#[test]
fn values_are_equal_and_hashed_as_cassandra_compares_them() {
    let distinct = [
        Value::from(1),
        1i64.into(),
        Value::Timestamp(1),
        Value::Counter(1),
        0.0.into(),
        (-0.0).into(),
        f64::NAN.into(),
        0.0f32.into(),
        f32::NAN.into(),
        "1".parse::<Decimal>().unwrap().into(),
        "1.0".parse::<Decimal>().unwrap().into(),
        Value::Null,
        Value::Empty,
        Value::list([1]),
        Value::set([1]),
        Value::tuple([1]),
        Value::vector([1]),
        Value::Uuid(Uuid::nil()),
        Value::TimeUuid(Uuid::nil()),
        Value::Ascii("a".into()),
        "a".into(),
    ];
    let set: HashSet<Value> = distinct.iter().cloned().collect();
    assert_eq!(set.len(), distinct.len());
    for value in &distinct {
        assert!(set.contains(value), "{value} is itself");
    }
    assert!(set.contains(&Value::from(-f64::NAN)), "there is one NaN");
}

#[cfg(feature = "chrono")]
#[test]
fn chrono_types() {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};
    there_and_back(NaiveDate::from_ymd_opt(2016, 2, 29).unwrap(), "date", "'2016-02-29'");
    there_and_back(NaiveTime::from_hms_nano_opt(23, 5, 6, 7).unwrap(), "time", "'23:05:06.000000007'");
    let time: DateTime<Utc> = "2016-02-03T04:05:06.789Z".parse().unwrap();
    there_and_back(time, "timestamp", "'2016-02-03 04:05:06.789Z'");
    let east: DateTime<FixedOffset> = "2016-02-03T05:05:06.789+01:00".parse().unwrap();
    there_and_back(east, "timestamp", "'2016-02-03 04:05:06.789Z'");
    there_and_back(TimeDelta::milliseconds(-5), "duration", "-5ms");
    refused::<NaiveDate>(
        "'-5877641-06-23'",
        "date",
        "not a valid date: the value is out of the range of NaiveDate",
    );
    refused::<TimeDelta>(
        "1d",
        "duration",
        "not a valid duration: the value is out of the range of TimeDelta",
    );
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
    assert!(leap.encode(&Type::Time, &mut Vec::new()).is_err(), "a leap second is none of a time");
    assert_eq!(Value::try_from(time).unwrap(), Value::Timestamp(time.timestamp_millis()));
}

#[cfg(feature = "time")]
#[test]
fn types_of_the_crate_time() {
    use time::{Date as Day, Duration as Span, Month, OffsetDateTime, Time};
    there_and_back(Day::from_calendar_date(2016, Month::February, 29).unwrap(), "date", "'2016-02-29'");
    there_and_back(Time::from_hms_nano(23, 5, 6, 7).unwrap(), "time", "'23:05:06.000000007'");
    let time = OffsetDateTime::from_unix_timestamp_nanos(1_454_472_306_789_000_000).unwrap();
    there_and_back(time, "timestamp", "'2016-02-03 04:05:06.789Z'");
    there_and_back(Span::milliseconds(-5), "duration", "-5ms");
    refused::<Day>(
        "'-5877641-06-23'",
        "date",
        "not a valid date: the value is out of the range of ::time::Date",
    );
}
