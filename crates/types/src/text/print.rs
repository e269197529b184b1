//! Serialized values as CQL literals.

use super::{push_double, push_float, push_hex, push_identifier, push_quoted};
use crate::temporal::is_printable_timestamp;
use crate::{Type, ValueError};

impl Type {
    /// Appends a serialized value as a CQL literal; [`parse_literal`](Type::parse_literal) reads it
    /// back.
    ///
    /// An empty value of a type whose literals have no form for it prints as `''`, which
    /// Cassandra's own grammar takes for times and addresses only. NaNs are all alike, and so are
    /// IPv4 addresses and IPv6 ones that hold them.
    pub fn literal(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        let wrong = || ValueError::new(self, "the bytes are not a value of this type");
        match self {
            Type::Ascii if !value.is_ascii() => return Err(wrong()),
            Type::Ascii | Type::Text => {
                push_quoted(std::str::from_utf8(value).map_err(|_not_utf8| wrong())?, '\'', out);
            }
            Type::Blob
            | Type::Custom(_)
            | Type::Composite(_)
            | Type::DynamicComposite(_)
            | Type::PartitionerDefined { .. } => {
                out.push_str("0x");
                push_hex(value, out);
            }
            Type::List { .. } | Type::Vector { .. } => self.literal_elements("[", "]", value, out)?,
            Type::Set { .. } | Type::Map { .. } => self.literal_elements("{", "}", value, out)?,
            Type::Tuple(_) if value.is_empty() => out.push_str("(null)"),
            Type::Tuple(_) => self.literal_elements("(", ")", value, out)?,
            Type::Udt { definition, .. } => self.literal_fields(&definition.fields, value, out)?,
            Type::Reversed(base) => base.literal(value, out)?,
            _ if value.is_empty() && self.allows_empty() => out.push_str("''"),
            _ => self.literal_scalar(value, out).ok_or_else(wrong)?,
        }
        Ok(())
    }

    fn literal_scalar(&self, value: &[u8], out: &mut String) -> Option<()> {
        match self {
            Type::Float => match f32::from_be_bytes(value.try_into().ok()?) {
                float if float.is_finite() => push_float(float, out),
                float => push_not_finite(float.into(), out),
            },
            Type::Double => match f64::from_be_bytes(value.try_into().ok()?) {
                double if double.is_finite() => push_double(double, out),
                double => push_not_finite(double, out),
            },
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => self.push_unquoted(value, out)?,
            Type::Duration => {
                let start = out.len();
                self.push_unquoted(value, out)?;
                // A duration of zero has no units to print.
                if out.len() == start {
                    out.push_str("0s");
                }
            }
            Type::Timestamp | Type::LegacyDate => match i64::from_be_bytes(value.try_into().ok()?) {
                millis if is_printable_timestamp(millis) => self.quoted(value, out)?,
                millis => out.push_str(&millis.to_string()),
            },
            Type::Date | Type::Time | Type::Inet => self.quoted(value, out)?,
            _ => return self.json(value, out).ok(),
        }
        Some(())
    }

    fn quoted(&self, value: &[u8], out: &mut String) -> Option<()> {
        out.push('\'');
        self.push_unquoted(value, out)?;
        out.push('\'');
        Some(())
    }

    fn literal_elements(
        &self,
        open: &str,
        close: &str,
        value: &[u8],
        out: &mut String,
    ) -> Result<(), ValueError> {
        let is_map = matches!(self, Type::Map { .. });
        let mut elements = self.elements(value)?;
        out.push_str(open);
        for (index, element) in elements.by_ref().enumerate() {
            let element = element.map_err(|error| ValueError::decode(self, &error))?;
            out.push_str(match index {
                0 => "",
                _ if is_map && index % 2 == 1 => ": ",
                _ => ", ",
            });
            match (element, self.element_type_at(index)) {
                (Some(bytes), Some(ty)) => ty.literal(bytes, out)?,
                _ => out.push_str("null"),
            }
        }
        out.push_str(close);
        elements.finish().map_err(|error| ValueError::decode(self, &error))
    }

    fn literal_fields(
        &self,
        fields: &[(String, Type)],
        value: &[u8],
        out: &mut String,
    ) -> Result<(), ValueError> {
        let mut elements = self.elements(value)?;
        out.push('{');
        for (index, (name, ty)) in fields.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { ", " });
            push_identifier(name, out);
            out.push_str(": ");
            match elements.next().transpose().map_err(|error| ValueError::decode(self, &error))?.flatten() {
                Some(bytes) => ty.literal(bytes, out)?,
                None => out.push_str("null"),
            }
        }
        out.push('}');
        elements.finish().map_err(|error| ValueError::decode(self, &error))
    }
}

fn push_not_finite(value: f64, out: &mut String) {
    out.push_str(match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    });
}
