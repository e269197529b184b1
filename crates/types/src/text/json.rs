//! Values as JSON, letter by letter as `SELECT JSON` and `sstabledump` print them.

use std::fmt::{Display, Write};
use std::net::IpAddr;

use uuid::Uuid;

use super::{push_double, push_float, push_hex, push_number};
use crate::temporal::{push_date, push_time, push_timestamp};
use crate::{Decimal, Duration, Elements, Type, ValueError, Varint};

impl Type {
    /// Appends what `SELECT JSON` prints for a serialized value (`AbstractType.toJSONString`).
    ///
    /// Three texts are ours, where Cassandra fails: fields that a tuple lacks are `null`, so are
    /// nulls in a collection, and an empty boolean is `""`, as other empty values are. What is not
    /// a value of the type is an error.
    pub fn json(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        let wrong = || ValueError::new(self, "the bytes are not a value of this type");
        match self {
            Type::Ascii if !value.is_ascii() => return Err(wrong()),
            Type::Ascii | Type::Text => {
                out.push('"');
                escape_json(std::str::from_utf8(value).map_err(|_not_utf8| wrong())?, out);
                out.push('"');
            }
            Type::Blob
            | Type::Custom(_)
            | Type::Composite(_)
            | Type::DynamicComposite(_)
            | Type::PartitionerDefined { .. } => {
                out.push_str("\"0x");
                push_hex(value, out);
                out.push('"');
            }
            Type::List { .. } | Type::Set { .. } | Type::Vector { .. } | Type::Tuple(_) => {
                self.json_array(value, out)?;
            }
            Type::Map { entry, .. } => self.json_map(&entry.0, &entry.1, value, out)?,
            Type::Udt { definition, .. } => self.json_object(&definition.fields, value, out)?,
            Type::Reversed(base) => base.json(value, out)?,
            _ if value.is_empty() => match self {
                Type::TinyInt | Type::SmallInt | Type::Counter | Type::LegacyDate => {
                    return Err(wrong());
                }
                Type::Time => out.push_str("\"null\""),
                _ => out.push_str("\"\""),
            },
            _ => self.json_scalar(value, out).ok_or_else(wrong)?,
        }
        Ok(())
    }

    fn json_scalar(&self, value: &[u8], out: &mut String) -> Option<()> {
        match self {
            Type::Boolean if value.len() != 1 => return None,
            Type::Boolean => out.push_str(if value == [0] { "false" } else { "true" }),
            Type::TinyInt => push_number(i8::from_be_bytes(value.try_into().ok()?).into(), out),
            Type::SmallInt => push_number(i16::from_be_bytes(value.try_into().ok()?).into(), out),
            Type::Int => push_number(i32::from_be_bytes(value.try_into().ok()?).into(), out),
            Type::BigInt | Type::Counter => push_number(i64::from_be_bytes(value.try_into().ok()?), out),
            Type::Varint => push_display(Varint::from_be_bytes(value), out),
            Type::Decimal => push_display(Decimal::from_bytes(value)?, out),
            Type::Float => match f32::from_be_bytes(value.try_into().ok()?) {
                float if float.is_finite() => push_float(float, out),
                _ => out.push_str("null"),
            },
            Type::Double => match f64::from_be_bytes(value.try_into().ok()?) {
                double if double.is_finite() => push_double(double, out),
                _ => out.push_str("null"),
            },
            _ => {
                out.push('"');
                self.push_unquoted(value, out)?;
                out.push('"');
            }
        }
        Some(())
    }

    /// Appends the texts that JSON and CQL share but for their quotes: times, UUIDs, addresses,
    /// durations.
    pub(super) fn push_unquoted(&self, value: &[u8], out: &mut String) -> Option<()> {
        match self {
            Type::Timestamp | Type::LegacyDate => {
                push_timestamp(i64::from_be_bytes(value.try_into().ok()?), out)
            }
            Type::Date => push_date(u32::from_be_bytes(value.try_into().ok()?), out),
            Type::Time => {
                let nanos = i64::from_be_bytes(value.try_into().ok()?);
                push_time((0..crate::temporal::NANOS_PER_DAY).contains(&nanos).then_some(nanos)?, out);
            }
            Type::Duration => push_display(Duration::from_bytes(value).ok()?, out),
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => {
                push_display(Uuid::from_slice(value).ok()?, out);
            }
            Type::Inet => push_address(address(value)?, out),
            _ => return None,
        }
        Some(())
    }

    fn json_array(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        let mut elements = self.elements(value)?;
        out.push('[');
        // A tuple may be shorter than its type.
        let expected = usize::try_from(elements.left()).unwrap_or(usize::MAX);
        let is_tuple = matches!(self, Type::Tuple(_));
        let mut count = 0;
        for element in elements.by_ref() {
            let element = element.map_err(|error| ValueError::decode(self, &error))?;
            self.json_element(count, element, out)?;
            count += 1;
        }
        while is_tuple && count < expected {
            self.json_element(count, None, out)?;
            count += 1;
        }
        out.push(']');
        elements.finish().map_err(|error| ValueError::decode(self, &error))
    }

    fn json_element(&self, index: usize, value: Option<&[u8]>, out: &mut String) -> Result<(), ValueError> {
        out.push_str(if index == 0 { "" } else { ", " });
        match (value, self.element_type_at(index)) {
            (Some(value), Some(ty)) => ty.json(value, out)?,
            _ => out.push_str("null"),
        }
        Ok(())
    }

    fn json_map(
        &self,
        key: &Type,
        value_type: &Type,
        value: &[u8],
        out: &mut String,
    ) -> Result<(), ValueError> {
        let mut elements = self.elements(value)?;
        out.push('{');
        let mut text = String::new();
        for (index, element) in elements.by_ref().enumerate() {
            let element = element.map_err(|error| ValueError::decode(self, &error))?;
            text.clear();
            let ty = if index % 2 == 0 { key } else { value_type };
            match element {
                Some(bytes) => ty.json(bytes, &mut text)?,
                None => text.push_str("null"),
            }
            if index % 2 == 1 {
                out.push_str(&text);
                continue;
            }
            out.push_str(if index == 0 { "" } else { ", " });
            push_json_key(&text, out);
            out.push_str(": ");
        }
        out.push('}');
        elements.finish().map_err(|error| ValueError::decode(self, &error))
    }

    fn json_object(
        &self,
        fields: &[(String, Type)],
        value: &[u8],
        out: &mut String,
    ) -> Result<(), ValueError> {
        let mut elements = self.elements(value)?;
        out.push('{');
        for (index, (name, ty)) in fields.iter().enumerate() {
            out.push_str(if index == 0 { "\"" } else { ", \"" });
            push_json_name(name, out);
            out.push_str("\": ");
            match elements.next().transpose().map_err(|error| ValueError::decode(self, &error))?.flatten() {
                Some(bytes) => ty.json(bytes, out)?,
                None => out.push_str("null"),
            }
        }
        out.push('}');
        elements.finish().map_err(|error| ValueError::decode(self, &error))
    }

    /// The elements of a value of a type that has some.
    pub(crate) fn elements<'a>(&self, value: &'a [u8]) -> Result<Elements<'a>, ValueError> {
        // A tuple of no bytes has no fields, but a collection must have its count.
        match Elements::new(self, value) {
            Ok(Some(elements)) => Ok(elements),
            Ok(None) => Err(ValueError::new(self, "a type without elements")),
            Err(error) => Err(ValueError::decode(self, &error)),
        }
    }
}

/// Appends the name of a column or a field as a key of a JSON object: in double quotes of its own
/// unless it is lower case. Without JSON's quotes around it.
pub fn push_json_name(name: &str, out: &mut String) {
    if name == name.to_lowercase() {
        escape_json(name, out);
    } else {
        out.push_str("\\\"");
        escape_json(name, out);
        out.push_str("\\\"");
    }
}

/// Appends a map's key, which in JSON is a string whatever it is in CQL.
pub fn push_json_key(json: &str, out: &mut String) {
    if json.starts_with('"') {
        out.push_str(json);
    } else {
        out.push('"');
        escape_json(json, out);
        out.push('"');
    }
}

/// Appends text as it stands between a JSON string's quotes. Only what must be escaped is.
pub fn escape_json(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = first_escaped(rest.as_bytes()) {
        let (plain, behind) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let mut chars = behind.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(control) => push_display(format_args!("\\u{:04X}", u32::from(control)), out),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

/// Where the first byte is that must be escaped. Blocks without one are passed over as wholes, many
/// bytes at once.
fn first_escaped(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let is_plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | is_escaped(byte));
    let start = BLOCK * blocks.iter().take_while(is_plain).count();
    bytes.get(start..)?.iter().position(is_escaped).map(|at| start + at)
}

/// Appends what `{}` prints, without a string of its own.
fn push_display(value: impl Display, out: &mut String) {
    // Writing to a string doesn't fail.
    write!(out, "{value}").unwrap_or_default();
}

/// Java takes an IPv4 address in an IPv6 one for the former.
pub(super) fn address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(value) {
        return Some(IpAddr::from(bytes));
    }
    Some(IpAddr::from(<[u8; 16]>::try_from(value).ok()?).to_canonical())
}

/// All eight groups of an IPv6 address, as Java prints it.
fn push_address(address: IpAddr, out: &mut String) {
    match address {
        IpAddr::V4(address) => push_display(address, out),
        IpAddr::V6(address) => {
            for (index, group) in address.segments().into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ":" });
                push_display(format_args!("{group:x}"), out);
            }
        }
    }
}
