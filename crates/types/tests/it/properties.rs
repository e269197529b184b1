use std::cmp::Ordering;

use helenus_cql_syntax::{parse_literal, parse_text};
use helenus_types::Type;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::values::{any_type, typed, value_of};

/// The byte-comparable form of a clustering column, where values of no bytes have a mark of their
/// own and something always follows.
fn clustering(ty: &Type, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0x40];
    if !ty.comparable(value, &mut out) {
        out[0] = if ty.is_reversed() { 0x41 } else { 0x3F };
    }
    out.push(0x38);
    out
}

fn json(ty: &Type, value: &[u8]) -> String {
    let mut out = String::new();
    ty.json(value, &mut out).unwrap();
    out
}

/// Calls everything that takes bytes, to find panics; bytes that one reader accepts, the others
/// must accept.
fn poke(ty: &Type, a: &[u8], b: &[u8]) {
    let (mut json, mut literal, mut bytes) = (String::new(), String::new(), Vec::new());
    let decoded = ty.decode(a);
    assert_eq!(ty.literal(a, &mut literal).is_ok(), decoded.is_ok(), "{ty} {a:02x?} {decoded:?}");
    drop((ty.json(a, &mut json), ty.validate(a), ty.prefix64(a)));
    if !ty.comparable(a, &mut bytes) {
        assert!(bytes.is_empty(), "{ty} {a:02x?}: something left behind");
    }
    // The order of values that are not valid means nothing, but must be antisymmetric.
    assert_eq!(ty.compare(a, b), ty.compare(b, a).reverse());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn comparable_forms_compare_as_the_values_do((ty, values) in typed(2)) {
        let (a, b) = (&values[0], &values[1]);
        prop_assert_eq!(ty.validate(a), Ok(()));
        let order = ty.compare(a, b);
        prop_assert_eq!(clustering(&ty, a).cmp(&clustering(&ty, b)), order, "{} {:02x?} {:02x?}", ty, a, b);
        prop_assert_eq!(ty.compare(b, a), order.reverse());
        prop_assert_eq!(ty.compare(a, a), Ordering::Equal);
        let prefixes = ty.prefix64(a).cmp(&ty.prefix64(b));
        prop_assert!(prefixes == order || prefixes.is_eq(), "{} {:02x?} {:02x?}: {:?}", ty, a, b, prefixes);
    }

    #[test]
    fn values_go_out_and_come_back((ty, values) in typed(1)) {
        let value = &values[0];
        // A tuple of no bytes comes back with fields, all null.
        if value.is_empty() && matches!(ty.base(), Type::Tuple(_) | Type::Udt { .. }) {
            return Ok(());
        }
        let decoded = ty.decode(value).unwrap();
        prop_assert_eq!(&ty.encode(&decoded).unwrap(), value, "{} {:?}", ty, decoded);

        let mut literal = String::new();
        ty.literal(value, &mut literal).unwrap();
        let parsed = parse_literal(&ty, &literal);
        prop_assert_eq!(parsed.as_ref(), Ok(value), "{} {}", ty, literal);
    }

    #[test]
    fn json_is_json((ty, value) in any_type().prop_flat_map(|ty| { let value = value_of(&ty); (Just(ty), value) })) {
        let json = json(&ty, &value);
        match serde_json::from_str::<serde_json::Value>(&json) {
            Ok(_) => (),
            // Decimals may be greater than any double.
            Err(error) => prop_assert!(error.to_string().contains("out of range"), "{ty}: {json}: {error}"),
        }
    }

    #[test]
    fn type_names_are_read_back(ty in any_type(), frozen in any::<bool>()) {
        let ty = match (frozen, ty) {
            (false, Type::List { element, .. }) => Type::List { element, frozen: false },
            (false, Type::Map { entry, .. }) => Type::Map { entry, frozen: false },
            (_, ty) => ty,
        };
        let class = ty.class_name();
        let parsed = Type::parse_class(&class).unwrap();
        prop_assert_eq!(parsed.class_name(), class);
        prop_assert_eq!(parsed, ty);
    }

    #[test]
    fn wrong_bytes_never_panic(ty in any_type(), a in wrong_bytes(), b in wrong_bytes()) {
        poke(&ty, &a, &b);
        poke(&Type::Composite(vec![Type::Int, ty.clone()].into()), &a, &b);
        poke(&Type::vector(Type::Empty, u32::MAX), &a, &b);
    }

    #[test]
    fn damaged_values_never_panic((ty, values) in typed(2), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut damaged = values[0].clone();
        if !damaged.is_empty() {
            let at = at.index(damaged.len());
            damaged[at] = byte;
            poke(&ty, &damaged, &values[1]);
            damaged.truncate(at);
        }
        poke(&ty, &damaged, &values[1]);
    }

    #[test]
    fn wrong_texts_never_panic(ty in any_type(), text in "[\\[\\]{}()<>:,'\"$ \\-+0-9a-fxPTWymnul.éµ]{0,24}") {
        drop((parse_literal(&ty, &text), parse_text(&ty, &text)));
        drop(Type::parse_class(&text));
        drop(Type::parse_class(&format!("MapType({text},UserType({text}")));
    }
}

/// Bytes with small lengths and counts at their beginning now and then.
fn wrong_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..24),
        (vec((0u8..4, vec(any::<u8>(), 0..5)), 0..4)).prop_map(|parts| {
            parts.into_iter().flat_map(|(len, bytes)| [vec![0, 0, 0, len], bytes].concat()).collect()
        }),
    ]
}
