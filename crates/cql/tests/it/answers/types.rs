//! Names of types as the answers write them, and bytes of values as the scripts write them.

use helenus_types::{Decimal, Hex, Type, Varint, vint};
use serde_json::Value as Json;

/// A type's name as the protocol's clients show it: nothing is frozen there.
pub(super) fn name(ty: &Type) -> String {
    match ty.base() {
        Type::List { element, .. } => format!("list<{}>", name(element)),
        Type::Set { element, .. } => format!("set<{}>", name(element)),
        Type::Map { entry, .. } => format!("map<{}, {}>", name(&entry.0), name(&entry.1)),
        Type::Tuple(fields) => {
            let fields: Vec<_> = fields.iter().map(name).collect();
            format!("tuple<{}>", fields.join(", "))
        }
        Type::Udt { definition, .. } => {
            let fields: Vec<_> =
                definition.fields.iter().map(|(field, ty)| format!("{field}: {}", name(ty))).collect();
            format!("udt {}.{}<{}>", definition.keyspace, definition.name, fields.join(", "))
        }
        // The class as Java prints it, with a blank before the comma.
        Type::Vector { element, dimension } => {
            let prefix = "org.apache.cassandra.db.marshal.";
            format!("'{prefix}VectorType({} , {dimension})'", element.class_name())
        }
        other => other.cql_name(),
    }
}

/// A value's bytes; `None` is null, and the outer `None` is unset.
pub(super) fn encode(ty: &Type, value: &Json) -> Option<Option<Vec<u8>>> {
    if let Some(object) = value.as_object() {
        if object.contains_key("unset") {
            return None;
        }
        if let Some(hex) = object.get("hex") {
            let bytes = Hex::parse(hex.as_str().unwrap()).unwrap();
            let times = object.get("times").and_then(Json::as_u64).unwrap_or(1);
            return Some(Some(bytes.repeat(usize::try_from(times).unwrap())));
        }
    }
    Some(if value.is_null() { None } else { Some(bytes(ty, value)) })
}

fn bytes(ty: &Type, value: &Json) -> Vec<u8> {
    let number = || value.as_i64().unwrap_or_else(|| text(value).parse().unwrap());
    match ty.base() {
        Type::Text | Type::Ascii => value.as_str().unwrap().as_bytes().to_vec(),
        Type::Blob => Hex::parse(&value.as_str().unwrap()[2..]).unwrap(),
        Type::TinyInt => i8::try_from(number()).unwrap().to_be_bytes().to_vec(),
        Type::SmallInt => i16::try_from(number()).unwrap().to_be_bytes().to_vec(),
        Type::Int => i32::try_from(number()).unwrap().to_be_bytes().to_vec(),
        Type::BigInt | Type::Counter | Type::Timestamp | Type::Time => number().to_be_bytes().to_vec(),
        Type::Varint => text(value).parse::<Varint>().unwrap().to_be_bytes(),
        Type::Boolean => vec![u8::from(value.as_bool().unwrap_or_default())],
        Type::Float => float(value).to_be_bytes().to_vec(),
        Type::Double => double(value).to_be_bytes().to_vec(),
        Type::Decimal => ty.encode(&text(value).parse::<Decimal>().unwrap().into()).unwrap(),
        Type::Date if value.is_i64() => u32::try_from(number() + (1 << 31)).unwrap().to_be_bytes().to_vec(),
        Type::Uuid | Type::TimeUuid | Type::Inet | Type::Date => {
            let mut out = Vec::new();
            ty.write_text(value.as_str().unwrap(), &mut out)
                .or_else(|_| ty.write_word(value.as_str().unwrap(), &mut out))
                .unwrap();
            out
        }
        Type::Duration => {
            let mut out = Vec::new();
            value.as_array().unwrap().iter().for_each(|n| vint::write_signed(&mut out, n.as_i64().unwrap()));
            out
        }
        Type::List { element, .. } | Type::Set { element, .. } => {
            let values = value.as_array().unwrap();
            let mut out = i32::try_from(values.len()).unwrap().to_be_bytes().to_vec();
            values.iter().for_each(|value| framed(&mut out, element, value));
            out
        }
        Type::Map { entry, .. } => {
            let entries = value.as_array().unwrap();
            let mut out = i32::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
            for pair in entries {
                framed(&mut out, &entry.0, &pair[0]);
                framed(&mut out, &entry.1, &pair[1]);
            }
            out
        }
        Type::Tuple(fields) => {
            let mut out = Vec::new();
            value
                .as_array()
                .unwrap()
                .iter()
                .zip(fields.iter())
                .for_each(|(value, ty)| framed(&mut out, ty, value));
            out
        }
        Type::Udt { definition, .. } => {
            let given = value.as_object().unwrap();
            let mut out = Vec::new();
            if !given.is_empty() {
                for (field, ty) in &definition.fields {
                    framed(&mut out, ty, given.get(field).unwrap_or(&Json::Null));
                }
            }
            out
        }
        Type::Vector { element, .. } => {
            let mut out = Vec::new();
            for value in value.as_array().unwrap() {
                let bytes = bytes(element, value);
                if element.fixed_len().is_none() {
                    vint::write_unsigned(&mut out, bytes.len() as u64);
                }
                out.extend(bytes);
            }
            out
        }
        other => panic!("no bytes of {other}"),
    }
}

fn framed(out: &mut Vec<u8>, ty: &Type, value: &Json) {
    match encode(ty, value).flatten() {
        None => out.extend((-1i32).to_be_bytes()),
        Some(bytes) => {
            out.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
            out.extend(bytes);
        }
    }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn double(value: &Json) -> f64 {
    value.as_f64().unwrap_or_else(|| text(value).parse().unwrap())
}

#[expect(clippy::cast_possible_truncation, reason = "the scripts' numbers are those of a float")]
fn float(value: &Json) -> f32 {
    double(value) as f32
}
