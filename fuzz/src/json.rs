//! Rows as lines of JSON, as `import` and `bulk-write` take them.

use std::sync::OnceLock;

use helenus_types::{JsonMembers, Type};

use crate::{VALUE_TYPES, type_named};

/// The column of each type that is fuzzed is called by its place: `{"c0": "text", "c1": 12}`. What
/// is accepted is a valid value, and is printed as JSON that gives the same value.
pub fn jsonl(data: &[u8]) {
    static TYPES: OnceLock<Vec<Type>> = OnceLock::new();
    let types = TYPES.get_or_init(|| VALUE_TYPES.iter().map(|name| type_named(name)).collect());
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.lines() {
        let Ok(mut members) = JsonMembers::new(line) else { continue };
        while let Ok(Some(name)) = members.next() {
            let number = name.strip_prefix('c').and_then(|number| number.parse::<usize>().ok());
            let Some(ty) = number.and_then(|number| types.get(number)) else { break };
            match members.value(ty) {
                Ok(Some(value)) => accepted(ty, &value, line),
                Ok(None) => {}
                Err(_) => break,
            }
        }
    }
}

fn accepted(ty: &Type, value: &[u8], line: &str) {
    ty.validate(value).unwrap_or_else(|error| panic!("{ty:?} of {line:?}: {value:02x?}: {error}"));
    // Java prints the year of the era: what is before year 1 looks like one after it.
    let is_before_christ =
        |value: &[u8]| value.try_into().is_ok_and(|millis| i64::from_be_bytes(millis) < -62_135_596_800_000);
    if *ty == Type::Timestamp && is_before_christ(value) {
        return;
    }
    let mut printed = String::new();
    if ty.json(value, &mut printed).is_err() {
        return;
    }
    // A duration of nothing is printed as no text, as Cassandra does.
    if *ty == Type::Duration && printed == "\"\"" {
        return;
    }
    let again = ty.parse_json(&printed).unwrap_or_else(|error| panic!("{ty:?}: {printed}: {error}"));
    let mut again_printed = String::new();
    let same = match &again {
        None => printed == "null",
        Some(again) => ty.json(again, &mut again_printed).is_ok() && again_printed == printed,
    };
    assert!(same, "{ty:?}: {printed} of {value:02x?} became {again:02x?}");
}
