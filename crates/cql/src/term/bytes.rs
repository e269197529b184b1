//! What Cassandra says of bytes that are no value of a type (`TypeSerializer.validate`).

use helenus_types::{Hex, Type};

/// The problem of the bytes, where Cassandra has words for it.
pub(super) fn problem(ty: &Type, bytes: &[u8]) -> Option<String> {
    let len = bytes.len();
    Some(match ty.base() {
        Type::Ascii => {
            let byte = bytes.iter().find(|byte| !byte.is_ascii())?;
            format!("Invalid byte for ascii: {}", byte.cast_signed())
        }
        Type::Text => "String didn't validate.".to_owned(),
        Type::Boolean => format!("Expected 1 or 0 byte value ({len})"),
        Type::TinyInt => format!("Expected 1 byte for a tinyint ({len})"),
        Type::SmallInt => format!("Expected 2 bytes for a smallint ({len})"),
        Type::Int => format!("Expected 4 or 0 byte int ({len})"),
        Type::BigInt | Type::Counter => format!("Expected 8 or 0 byte long ({len})"),
        Type::Float => format!("Expected 4 or 0 byte value for a float ({len})"),
        Type::Double => format!("Expected 8 or 0 byte value for a double ({len})"),
        Type::Decimal => format!("Expected 0 or at least 4 bytes ({len})"),
        Type::Timestamp => format!("Expected 8 or 0 byte long for date ({len})"),
        Type::Date => format!("Expected 4 byte long for date ({len})"),
        Type::Time => format!("Expected 8 byte long for time ({len})"),
        Type::Duration if len < 3 => format!("Expected at least 3 bytes for a duration ({len})"),
        Type::Inet => format!("Expected 4 or 16 byte inetaddress; got {}", Hex(bytes)),
        Type::TimeUuid if len == 16 => "Invalid version for TimeUUID type.".to_owned(),
        Type::Uuid | Type::TimeUuid => format!("UUID should be 16 or 0 bytes ({len})"),
        Type::List { element, .. } => of_elements("list", &[element], bytes)?,
        Type::Set { element, .. } => of_elements("set", &[element], bytes)?,
        Type::Map { entry, .. } => of_elements("map", &[&entry.0, &entry.1], bytes)?,
        ty @ Type::Vector { element, dimension } => of_vector(ty, element, *dimension, bytes)?,
        ty @ (Type::Tuple(_) | Type::Udt { .. }) => of_fields(ty, bytes)?,
        _ => return None,
    })
}

/// The problem of a collection, whose elements have those types in turn.
fn of_elements(kind: &str, types: &[&Type], bytes: &[u8]) -> Option<String> {
    let unread = Some(format!("Not enough bytes to read a {kind}"));
    let Some((count, mut rest)) = bytes.split_first_chunk::<4>() else { return unread };
    let Ok(count) = usize::try_from(i32::from_be_bytes(*count)) else {
        return Some(format!("The data cannot be deserialized as a {kind}"));
    };
    for ty in types.iter().cycle().take(count.saturating_mul(types.len())) {
        let Some((len, behind)) = rest.split_first_chunk::<4>() else { return unread };
        let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else {
            return Some("Null value read when not allowed".to_owned());
        };
        let Some((element, behind)) = behind.split_at_checked(len) else { return unread };
        if ty.validate(element).is_err() {
            return problem(ty, element);
        }
        rest = behind;
    }
    (!rest.is_empty()).then(|| format!("Unexpected extraneous bytes after {kind} value"))
}

/// The problem of a vector, whose elements stand one behind the other where they have one length.
fn of_vector(ty: &Type, element: &Type, dimension: u32, bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("Invalid empty vector value".to_owned());
    }
    let each = element.fixed_len()?;
    let whole = each.checked_mul(usize::try_from(dimension).ok()?)?;
    if bytes.len() < whole {
        return Some(format!("Not enough bytes to read a {ty}"));
    }
    if bytes.len() > whole {
        return Some(format!("Unexpected {} extraneous bytes after {ty} value", bytes.len() - whole));
    }
    let wrong = bytes.chunks(each).find(|value| element.validate(value).is_err())?;
    problem(element, wrong)
}

/// The problem of a tuple or a user type.
fn of_fields(ty: &Type, bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    for (index, ty) in ty.children().enumerate() {
        if rest.is_empty() {
            return None;
        }
        let Some((len, behind)) = rest.split_first_chunk::<4>() else {
            return Some(format!("Not enough bytes to read size of {index}th component"));
        };
        rest = behind;
        let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else { continue };
        let Some((field, behind)) = rest.split_at_checked(len) else {
            return Some(format!("Not enough bytes to read {index}th component"));
        };
        if ty.validate(field).is_err() {
            return problem(ty, field);
        }
        rest = behind;
    }
    (!rest.is_empty()).then(|| "Invalid remaining data after end of tuple value".to_owned())
}
