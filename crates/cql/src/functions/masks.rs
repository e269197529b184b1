//! Functions that hide values (`cql3/functions/masking`).

use helenus_types::{ElementsWriter, Type, timeuuid};
use uuid::Uuid;

use super::Function;
use super::collections::push;
use super::sha::{sha1, sha256, sha512, sha512_of_bits};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;

/// `mask_null`
pub(super) fn null(ty: &Type) -> Function {
    let body = |_: &StatementRun<'_>, _: &[Option<&[u8]>], _: &mut Vec<u8>| Ok(false);
    Function::scalar("mask_null", vec![ty.clone()], ty.clone(), body)
}

/// `mask_default`
pub(super) fn default(ty: &Type) -> Function {
    let of = ty.clone();
    Function::scalar(
        "mask_default",
        vec![ty.clone()],
        ty.clone(),
        move |_: &StatementRun<'_>, _: &[Option<&[u8]>], out: &mut Vec<u8>| masked(&of, out).map(|()| true),
    )
}

/// Appends what `mask_default` shows of values of a type (`getMaskedValue`).
fn masked(ty: &Type, out: &mut Vec<u8>) -> CqlResult<()> {
    match ty.base() {
        Type::Ascii | Type::Text => out.extend_from_slice(b"****"),
        Type::Blob => {}
        Type::Boolean | Type::TinyInt | Type::Varint => out.push(0),
        Type::SmallInt => out.extend_from_slice(&[0; 2]),
        Type::Int | Type::Float | Type::Inet => out.extend_from_slice(&[0; 4]),
        Type::BigInt | Type::Counter | Type::Double | Type::Timestamp | Type::Time => {
            out.extend_from_slice(&[0; 8]);
        }
        Type::Date => out.extend_from_slice(&[0x80, 0, 0, 0]),
        Type::Decimal => out.extend_from_slice(&[0; 5]),
        Type::Duration => out.extend_from_slice(&[0; 3]),
        Type::Uuid => out.extend_from_slice(Uuid::nil().as_bytes()),
        Type::TimeUuid => out.extend_from_slice(timeuuid::min_of_millis(0).as_bytes()),
        ty @ (Type::List { .. } | Type::Set { .. } | Type::Map { .. }) => {
            ElementsWriter::new(ty, out)?.finish(out)?;
        }
        ty @ Type::Vector { element, dimension } => {
            let mut one = Vec::new();
            masked(element, &mut one)?;
            let mut writer = ElementsWriter::new(ty, out)?;
            for _ in 0..*dimension {
                push(&mut writer, out, Some(&one))?;
            }
            writer.finish(out)?;
        }
        ty @ (Type::Tuple(_) | Type::Udt { .. }) => {
            let mut writer = ElementsWriter::new(ty, out)?;
            for field in ty.children() {
                let mut one = Vec::new();
                masked(field, &mut one)?;
                push(&mut writer, out, Some(&one))?;
            }
            writer.finish(out)?;
        }
        other => return refuse(format!("There isn't a defined masked value for type {}", other.cql_name())),
    }
    Ok(())
}

/// `mask_replace`
pub(super) fn replace(types: Vec<Type>) -> Function {
    let result = types.last().cloned().unwrap_or(Type::Blob);
    let body = |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
        let Some(bytes) = arguments.get(1).copied().flatten() else { return Ok(false) };
        out.extend_from_slice(bytes);
        Ok(true)
    };
    Function::scalar("mask_replace", types, result, body)
}

/// `mask_inner` and `mask_outer`.
pub(super) fn partial(name: &str, given: Vec<Type>) -> Function {
    let text = given.first().cloned().unwrap_or(Type::Text);
    let padded = given.len() == 4;
    let types = [text.clone(), Type::Int, Type::Int, Type::Text].into_iter().take(given.len()).collect();
    let (function, inner) = (name.to_owned(), name == "mask_inner");
    Function::scalar(
        name,
        types,
        text,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let at = |index: usize| arguments.get(index).copied().flatten();
            let padding = match at(3).filter(|_| padded) {
                Some(bytes) => padding(&function, bytes)?,
                None => u16::from(b'*'),
            };
            let Some(value) = at(0) else { return Ok(false) };
            let number =
                |index| at(index).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(i32::from_be_bytes);
            let (begin, end) = (number(1).unwrap_or(0).into(), number(2).unwrap_or(0).into());
            out.extend_from_slice(mask(value, inner, begin, end, padding).as_bytes());
            Ok(true)
        },
    )
}

/// The one UTF-16 unit that hides characters.
fn padding(function: &str, bytes: &[u8]) -> CqlResult<u16> {
    let text = String::from_utf8_lossy(bytes);
    let units: Vec<u16> = text.encode_utf16().collect();
    match units.as_slice() {
        [one] => Ok(*one),
        several => refuse(format!(
            "The padding argument for function system.{function} should be single-character, but '{text}' has {} \
             characters.",
            several.len()
        )),
    }
}

/// The text with padding in place of its inner or outer characters, which are UTF-16 units.
fn mask(value: &[u8], inner: bool, begin: i64, end: i64, padding: u16) -> String {
    let units: Vec<u16> = String::from_utf8_lossy(value).encode_utf16().collect();
    let last = i64::try_from(units.len()).unwrap_or(i64::MAX) - 1 - end;
    let masked: Vec<u16> = (0i64..)
        .zip(units)
        .map(|(at, unit)| {
            let is_inside = at >= begin && at <= last;
            if is_inside == inner { padding } else { unit }
        })
        .collect();
    String::from_utf16_lossy(&masked)
}

/// `mask_hash`
pub(super) fn hash(given: Vec<Type>) -> Function {
    let value = given.first().cloned().unwrap_or(Type::Blob);
    let types = [value, Type::Text].into_iter().take(given.len()).collect();
    Function::scalar(
        "mask_hash",
        types,
        Type::Blob,
        |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let algorithm = arguments.get(1).copied().flatten();
            let name = algorithm.map_or("SHA-256".into(), String::from_utf8_lossy);
            let value = arguments.first().copied().flatten();
            let hash = digest(&name, value.unwrap_or_default())?;
            out.extend_from_slice(if value.is_some() { &hash } else { &[] });
            Ok(value.is_some())
        },
    )
}

/// A digest of one of the algorithms of SHA-1, SHA-2 or MD5 by Java's names.
fn digest(algorithm: &str, value: &[u8]) -> CqlResult<Vec<u8>> {
    Ok(match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => md5::compute(value).0.to_vec(),
        "SHA-1" | "SHA1" | "SHA" => sha1(value),
        "SHA-224" => sha256(value, true),
        "SHA-256" => sha256(value, false),
        "SHA-384" => sha512(value, true),
        "SHA-512" => sha512(value, false),
        "SHA-512/224" => sha512_of_bits(value, 224),
        "SHA-512/256" => sha512_of_bits(value, 256),
        _ => return refuse(format!("Hash algorithm not found: {algorithm}")),
    })
}
