//! Values of every type.

use std::cmp::Ordering;
use std::sync::OnceLock;

use helenus_cql_syntax::parse_literal;
use helenus_types::Type;

use crate::{split, type_named};

/// The types whose values are fuzzed, in CQL.
pub const VALUE_TYPES: &[&str] = &[
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "counter",
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
    "frozen<list<text>>",
    "frozen<set<varint>>",
    "frozen<map<text, decimal>>",
    "tuple<int, text, frozen<list<timeuuid>>>",
    "vector<float, 3>",
    "vector<text, 2>",
    "frozen<map<inet, frozen<set<tuple<double, boolean>>>>>",
];

/// A byte that chooses the type, then two values: no operation on either panics; a valid value has
/// a text that gives the same value back, and an order that its byte-comparable form keeps.
pub fn values(data: &[u8]) {
    static TYPES: OnceLock<Vec<Type>> = OnceLock::new();
    let types = TYPES.get_or_init(|| VALUE_TYPES.iter().map(|name| type_named(name)).collect());
    let Some((&choice, rest)) = data.split_first() else { return };
    let ty = &types[usize::from(choice) % types.len()];
    let [left, right] = split(rest);
    for value in [left, right] {
        one(ty, value);
    }
    let order = ty.compare(left, right);
    assert_eq!(ty.compare(right, left), order.reverse(), "{ty:?}");
    assert_eq!(ty.compare(left, left), Ordering::Equal, "{ty:?}");
    if ty.validate(left).is_err() || ty.validate(right).is_err() {
        return;
    }
    // Cassandra orders NaNs by their bits in the byte-comparable form, and takes them for equal
    // elsewhere. Inside other values it writes empty ones there as it writes nulls.
    let is_odd = |text: &str| text.contains("NaN") || text.contains("Empty");
    let is_plain = |value| ty.decode(value).is_ok_and(|value| !is_odd(&format!("{value:?}")));
    if !is_plain(left) || !is_plain(right) {
        return;
    }
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    if ty.comparable(left, &mut a) && ty.comparable(right, &mut b) {
        assert_eq!(a.cmp(&b), order, "{ty:?}: {left:02x?} {right:02x?}");
    }
    let prefixes = ty.prefix64(left).cmp(&ty.prefix64(right));
    assert!(prefixes.is_eq() || prefixes == order, "{ty:?}: {left:02x?} {right:02x?}");
}

fn one(ty: &Type, value: &[u8]) {
    let mut text = String::new();
    let _ = ty.json(value, &mut text);
    text.clear();
    let literal = ty.literal(value, &mut text);
    let decoded = ty.decode(value);
    let mut comparable = Vec::new();
    let _ = ty.comparable(value, &mut comparable);
    if ty.validate(value).is_err() {
        return;
    }
    // Values that Cassandra's validation accepts can still be undecodable: a decimal with only a
    // scale, a text beyond Unicode.
    let Ok(decoded) = decoded else { return };
    let encoded = ty.encode(&decoded).unwrap_or_else(|error| panic!("{ty:?}: {decoded:?}: {error}"));
    let again = ty.decode(&encoded).unwrap_or_else(|error| panic!("{ty:?}: {encoded:02x?}: {error}"));
    // Encoding puts sets and maps in order and drops what stands in them twice; once.
    assert_eq!(ty.encode(&again).ok(), Some(encoded), "{ty:?}: {value:02x?}");
    if literal.is_ok() {
        let _ = parse_literal(ty, &text);
    }
}
