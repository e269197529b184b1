//! The vectors that Cassandra's own classes gave: values, tokens, vints. They are skipped, with a
//! note, where the corpus (`HELENUS_CORPUS`) is not there.

use std::cmp::Ordering;
use std::path::PathBuf;

use helenus_cql_syntax::parse_literal;
use helenus_types::{Partitioner, Type, vint};
use serde_json::Value;

use crate::type_named;

/// The lines of a file of vectors, each with its text, or nothing where there is no corpus.
fn vectors(name: &str) -> Vec<(String, Value)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus = std::env::var_os("HELENUS_CORPUS").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let path = corpus.join("vectors").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return Vec::new();
    };
    let parsed = |line: &str| {
        // The JSON of a value may hold numbers that no double does.
        let without = json_text(line).map_or_else(
            || line.to_owned(),
            |json| line.replacen(&format!("\"json\": {json}"), "\"json\": null", 1),
        );
        serde_json::from_str(&without).unwrap()
    };
    text.lines().map(|line| (line.to_owned(), parsed(line))).collect()
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// JSON with every string rewritten in one way and all else, numbers above all, unchanged.
fn normalized(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let mut strings = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<Value>();
        let string = strings.next().unwrap().unwrap();
        out.push_str(&rest[..start]);
        out.push_str(&string.to_string());
        rest = &rest[start + strings.byte_offset()..];
    }
    out.push_str(rest);
    out
}

/// The text of the field `json`, which a parsed number would not keep.
fn json_text(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("\"json\": ")?;
    let end = after.rfind(", \"comparable\": ").unwrap_or(after.len() - 1);
    Some(&after[..end])
}

#[test]
fn values() {
    let mut before: Option<(Type, Vec<u8>)> = None;
    for (line, vector) in vectors("values.jsonl") {
        let mut ty = type_named(vector["type"].as_str().unwrap(), |_| None);
        assert_eq!(ty.cql_name(), vector["type"].as_str().unwrap());
        if vector["reversed"] == true {
            ty = ty.reversed();
        }
        let value = hex(&vector["value"]);
        ty.validate(&value).unwrap_or_else(|error| panic!("{line}: {error}"));

        if let Some(expected) = json_text(&line) {
            let mut json = String::new();
            ty.json(&value, &mut json).unwrap();
            assert_eq!(normalized(&json), normalized(expected), "{line}");
            json_round_trip(&ty, &value, expected, &line);
        }
        if let Some(expected) = vector.get("comparable") {
            let mut comparable = Vec::new();
            assert!(ty.comparable(&value, &mut comparable), "{line}");
            assert_eq!(comparable, hex(expected), "{line}");
        }
        if let Some(expected) = vector.get("compared_with_previous") {
            let (_, previous) = before.as_ref().filter(|(same, _)| *same == ty).unwrap();
            let order = ty.compare(&value, previous);
            assert_eq!(order, expected.as_i64().unwrap().cmp(&0), "{line}");
            assert_eq!(ty.compare(previous, &value), order.reverse(), "{line}");
            let prefixes = ty.prefix64(&value).cmp(&ty.prefix64(previous));
            assert!(
                prefixes == order || prefixes == Ordering::Equal,
                "{line}: the prefixes say {prefixes:?}"
            );
        }
        round_trips(&ty, &value, &line);
        before = Some((ty, value));
    }
}

/// Cassandra's JSON of a value is that value again, except for information that its JSON lacks.
fn json_round_trip(ty: &Type, value: &[u8], json: &str, line: &str) {
    let parsed = ty.parse_json(json);
    // NaN and infinities are null, which means no value, and which a collection can't hold.
    let has_nulls = json.contains("null");
    // Years before our era are printed as if they were of it.
    const YEAR_ONE_MILLIS: i64 = -62_135_596_800_000;
    let millis = value.try_into().map_or(0, i64::from_be_bytes);
    if matches!(ty.base(), Type::Timestamp) && millis < YEAR_ONE_MILLIS {
        return;
    }
    match parsed {
        Ok(None) => assert_eq!(json, "null", "{line}"),
        Ok(Some(parsed)) => assert!(ty.compare(&parsed, value).is_eq(), "{line}: {parsed:02x?}"),
        Err(error) => assert!(has_nulls, "{line}: {error}"),
    }
}

fn round_trips(ty: &Type, value: &[u8], line: &str) {
    let mut literal = String::new();
    ty.literal(value, &mut literal).unwrap();
    let parsed = parse_literal(ty, &literal).unwrap_or_else(|error| panic!("{line}: {literal}: {error}"));
    // Numbers with redundant bytes come back without them.
    assert!(ty.compare(&parsed, value).is_eq(), "{line}: {literal}");
    let decoded = ty.decode(value).unwrap();
    let encoded = ty.encode(&decoded).unwrap();
    assert!(ty.compare(&encoded, value).is_eq(), "{line}: {decoded:?}");
}

#[test]
fn prefixes_agree_with_the_order_of_all_pairs_nearby() {
    let values: Vec<(String, bool, Vec<u8>)> = vectors("values.jsonl")
        .into_iter()
        .map(|(_, vector)| {
            (vector["type"].as_str().unwrap().to_owned(), vector["reversed"] == true, hex(&vector["value"]))
        })
        .collect();
    for group in values.chunk_by(|a, b| (&a.0, a.1) == (&b.0, b.1)) {
        let ty = type_named(&group[0].0, |_| None);
        let ty = if group[0].1 { ty.reversed() } else { ty };
        for (_, _, a) in group {
            for (_, _, b) in group {
                if ty.compare(a, b).is_lt() {
                    assert!(ty.prefix64(a) <= ty.prefix64(b), "{ty}: {a:02x?} {b:02x?}");
                }
            }
        }
    }
}

#[test]
fn tokens() {
    for (line, vector) in vectors("tokens.jsonl") {
        let key = hex(&vector["key"]);
        assert_eq!(Partitioner::murmur3_token(&key).0, vector["murmur3"].as_i64().unwrap(), "{line}");
        assert_eq!(Partitioner::random_token(&key).to_string(), vector["random"].as_str().unwrap(), "{line}");
    }
}

#[test]
fn vints() {
    for (line, vector) in vectors("vints.jsonl") {
        let value: i64 = vector["value"].as_str().unwrap().parse().unwrap();
        let mut unsigned = Vec::new();
        vint::write_unsigned(&mut unsigned, value.cast_unsigned());
        assert_eq!(unsigned, hex(&vector["unsigned"]), "{line}");
        assert_eq!(vint::read_unsigned(&unsigned), Some((value.cast_unsigned(), unsigned.len())));
        let mut signed = Vec::new();
        vint::write_signed(&mut signed, value);
        assert_eq!(signed, hex(&vector["signed"]), "{line}");
        assert_eq!(vint::read_signed(&signed), Some((value, signed.len())));
    }
}
