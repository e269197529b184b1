//! Random types and random valid values of them.

use std::cmp::Ordering;

use helenus_types::{Duration, EncodeValue, Type, UserType, vint};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;

const SCALARS: [Type; 21] = [
    Type::Ascii,
    Type::Text,
    Type::Blob,
    Type::Boolean,
    Type::TinyInt,
    Type::SmallInt,
    Type::Int,
    Type::BigInt,
    Type::Varint,
    Type::Decimal,
    Type::Float,
    Type::Double,
    Type::Timestamp,
    Type::Date,
    Type::Time,
    Type::Duration,
    Type::Uuid,
    Type::TimeUuid,
    Type::Inet,
    Type::LegacyDate,
    Type::LexicalUuid,
];

pub(crate) fn scalar() -> impl Strategy<Value = Type> {
    prop::sample::select(&SCALARS[..])
}

/// Any type that a column may have. `empty` is not found inside others: there its values equal
/// null.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    let nested = scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Type::list(element).freeze()),
            inner.clone().prop_map(|element| Type::set(element).freeze()),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::map(key, value).freeze()),
            vec(inner.clone(), 1..4).prop_map(Type::tuple),
            (vec(inner.clone(), 1..4), any::<bool>()).prop_map(|(types, odd)| {
                let names = ["a", "Bé c", "d"].iter().map(|name| (*name).to_owned());
                let name = if odd { "Odd \"name" } else { "plain" };
                let fields = names.zip(types).collect();
                Type::udt(UserType { keyspace: "ks".into(), name: name.into(), fields }).freeze()
            }),
            (inner, 1u32..4).prop_filter_map("elements without bytes", |(element, dimension)| {
                (element.fixed_len() != Some(0)).then(|| Type::vector(element, dimension))
            }),
        ]
    });
    let nested = prop_oneof![1 => Just(Type::Empty), 40 => nested];
    (nested, any::<bool>()).prop_map(|(ty, reversed)| if reversed { ty.reversed() } else { ty })
}

/// A type and `n` values of it. Where a value may be empty, it sometimes is, but not inside
/// another: there the byte-comparable forms do not distinguish it from null.
pub(crate) fn typed(n: usize) -> impl Strategy<Value = (Type, Vec<Vec<u8>>)> {
    any_type().prop_flat_map(move |ty| {
        let value = if ty.allows_empty() {
            prop_oneof![1 => Just(Vec::new()), 9 => value_of(&ty)].boxed()
        } else {
            value_of(&ty)
        };
        (Just(ty), vec(value, n))
    })
}

/// A valid value of the type, in its canonical form.
pub(crate) fn value_of(ty: &Type) -> BoxedStrategy<Vec<u8>> {
    match ty {
        Type::Ascii => "[\\x00-\\x03a-c'\"\\\\]{0,6}".prop_map(String::into_bytes).boxed(),
        Type::Text => "[\\x00-\\x02ab'\"é\u{ffff}\u{1d11e}]{0,6}".prop_map(String::into_bytes).boxed(),
        Type::Blob => bytes(0..12),
        Type::Boolean => any::<bool>().prop_map(|value| vec![u8::from(value)]).boxed(),
        Type::TinyInt => any::<i8>().prop_map(|value| value.to_be_bytes().to_vec()).boxed(),
        Type::SmallInt => any::<i16>().prop_map(|value| value.to_be_bytes().to_vec()).boxed(),
        Type::Int => {
            small(any::<i32>(), i32::wrapping_shr).prop_map(|value| value.to_be_bytes().to_vec()).boxed()
        }
        Type::Date => any::<u32>().prop_map(|value| value.to_be_bytes().to_vec()).boxed(),
        Type::BigInt | Type::Timestamp | Type::LegacyDate => {
            small(any::<i64>(), i64::wrapping_shr).prop_map(|value| value.to_be_bytes().to_vec()).boxed()
        }
        Type::Time => (0i64..86_400_000_000_000).prop_map(|value| value.to_be_bytes().to_vec()).boxed(),
        Type::Varint => varint().prop_map(|value| value.to_signed_bytes_be()).boxed(),
        Type::Decimal => decimal(),
        Type::Float => {
            let special = special().prop_map(|value| if value.is_nan() { f32::NAN } else { narrow(value) });
            prop_oneof![any::<f32>(), special].prop_map(|value| value.to_be_bytes().to_vec()).boxed()
        }
        Type::Double => {
            prop_oneof![any::<f64>(), special()].prop_map(|value| value.to_be_bytes().to_vec()).boxed()
        }
        Type::Duration => duration(),
        Type::Uuid | Type::LexicalUuid => uuid().prop_map(|bytes| with_version(bytes, bytes[0] % 6)).boxed(),
        Type::TimeUuid => uuid().prop_map(|bytes| with_version(bytes, 1)).boxed(),
        Type::Inet => prop_oneof![bytes(4..5), bytes(16..17)].boxed(),
        Type::Empty => Just(Vec::new()).boxed(),
        _ => nested_value_of(ty),
    }
}

fn nested_value_of(ty: &Type) -> BoxedStrategy<Vec<u8>> {
    match ty {
        Type::Reversed(base) => value_of(base),
        Type::List { element, .. } => {
            vec(value_of(element), 0..4).prop_map(|values| counted(&values, values.len())).boxed()
        }
        Type::Set { element, .. } => {
            let of = element.clone();
            vec(value_of(element), 0..4)
                .prop_map(move |mut values| {
                    sort(&of, &mut values, |value| value);
                    counted(&values, values.len())
                })
                .boxed()
        }
        Type::Map { entry, .. } => {
            let of = entry.clone();
            vec((value_of(&entry.0), value_of(&entry.1)), 0..4)
                .prop_map(move |mut entries| {
                    sort(&of.0, &mut entries, |(key, _)| key);
                    let count = entries.len();
                    let parts: Vec<Vec<u8>> =
                        entries.into_iter().flat_map(|(key, value)| [key, value]).collect();
                    counted(&parts, count)
                })
                .boxed()
        }
        Type::Tuple(fields) => tuple(fields.iter()),
        Type::Udt { definition, .. } => tuple(definition.fields.iter().map(|(_, ty)| ty)),
        Type::Vector { element, dimension } => {
            let fixed = element.fixed_len().is_some();
            vec(value_of(element), *dimension as usize)
                .prop_map(move |values| {
                    let mut out = Vec::new();
                    for value in values {
                        if !fixed {
                            vint::write_unsigned(&mut out, value.len() as u64);
                        }
                        out.extend(value);
                    }
                    out
                })
                .boxed()
        }
        _ => Just(Vec::new()).boxed(),
    }
}

fn bytes(len: std::ops::Range<usize>) -> BoxedStrategy<Vec<u8>> {
    vec(prop_oneof![Just(0), Just(0xFF), Just(0xFE), any::<u8>()], len).boxed()
}

fn small<N: std::fmt::Debug + Copy + 'static>(
    any: impl Strategy<Value = N>,
    shift: fn(N, u32) -> N,
) -> impl Strategy<Value = N> {
    (any, 0u32..64).prop_map(move |(value, by)| shift(value, by))
}

fn varint() -> impl Strategy<Value = BigInt> {
    (vec(any::<u8>(), 1..20), 0u32..80)
        .prop_map(|(bytes, shift)| BigInt::from_signed_bytes_be(&bytes) >> shift)
}

/// Numbers of few digits and many scales, so that different ones are equal or close.
fn decimal() -> BoxedStrategy<Vec<u8>> {
    let near = (-200i64..200, 0u32..30)
        .prop_map(|(digits, zeros)| BigInt::from(digits) * BigInt::from(10).pow(zeros));
    let scale = prop_oneof![4 => -20i32..20, 1 => any::<i32>()];
    (scale, prop_oneof![near, varint()])
        .prop_map(|(scale, unscaled)| [scale.to_be_bytes().to_vec(), unscaled.to_signed_bytes_be()].concat())
        .boxed()
}

fn special() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
}

#[expect(clippy::cast_possible_truncation, reason = "the special numbers are the same in both formats")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn duration() -> BoxedStrategy<Vec<u8>> {
    (0..=i32::MAX, 0..=i32::MAX, 0..=i64::MAX, any::<bool>(), 0u32..63)
        .prop_map(|(months, days, nanoseconds, negative, shift)| {
            let (months, days, nanoseconds) =
                (months >> (shift % 31), days >> (shift % 31), nanoseconds >> shift);
            let sign = if negative { -1 } else { 1 };
            let duration = Duration {
                months: months * sign,
                days: days * sign,
                nanoseconds: nanoseconds * i64::from(sign),
            };
            let mut out = Vec::new();
            assert!(duration.encode(&Type::Duration, &mut out).unwrap());
            out
        })
        .boxed()
}

/// Random ones, and ones of which the first half is often the same.
fn uuid() -> impl Strategy<Value = [u8; 16]> {
    let near = (
        prop::sample::select(&[0u8, 1][..]),
        prop::array::uniform8(prop::sample::select(&[0, 0x7F, 0x80, 0xFF][..])),
    );
    let near = near.prop_map(|(msb, lsb)| {
        let mut bytes = [0; 16];
        bytes[0] = msb;
        bytes[8..].copy_from_slice(&lsb);
        bytes
    });
    prop_oneof![any::<[u8; 16]>(), near]
}

fn with_version(mut bytes: [u8; 16], version: u8) -> Vec<u8> {
    bytes[6] = (bytes[6] & 0x0F) | (version << 4);
    bytes.to_vec()
}

fn framed(value: Option<&[u8]>) -> Vec<u8> {
    let len = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
    [&len.to_be_bytes(), value.unwrap_or_default()].concat()
}

fn counted(values: &[Vec<u8>], count: usize) -> Vec<u8> {
    let mut out = i32::try_from(count).unwrap().to_be_bytes().to_vec();
    values.iter().for_each(|value| out.extend(framed(Some(value))));
    out
}

fn sort<T>(ty: &Type, values: &mut Vec<T>, key: impl Fn(&T) -> &Vec<u8>) {
    values.sort_by(|a, b| ty.compare(key(a), key(b)));
    values.dedup_by(|a, b| ty.compare(key(a), key(b)) == Ordering::Equal);
}

fn tuple<'a>(fields: impl Iterator<Item = &'a Type>) -> BoxedStrategy<Vec<u8>> {
    let fields: Vec<_> = fields.map(|field| prop::option::of(value_of(field))).collect();
    fields.prop_map(|values| values.iter().flat_map(|value| framed(value.as_deref())).collect()).boxed()
}
