//! Values as JSON, letter by letter as `SELECT JSON` and `sstabledump` print them.

use std::fmt::Write;

use super::ValueSink;
use crate::value::Scalar;
use crate::{Element, Type, ValueError};

impl Type {
    /// Appends what `SELECT JSON` prints for a serialized value (`AbstractType.toJSONString`).
    ///
    /// Three texts are ours, where Cassandra fails: fields that a tuple lacks are `null`, so are
    /// nulls in a collection, and an empty boolean is `""`, as other empty values are. What is not
    /// a value of the type is an error.
    pub fn json(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        self.visit(value, &mut JsonSink { out, beyond_json: BeyondJson::Null })
    }

    /// The same for texts that are to be read back: numbers that JSON lacks, for which `SELECT
    /// JSON` prints `null`, are `"NaN"`, `"Infinity"` and `"-Infinity"`, as [`Type::parse_json`]
    /// takes them.
    pub fn lossless_json(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        self.visit(value, &mut JsonSink { out, beyond_json: BeyondJson::String })
    }
}

struct JsonSink<'a> {
    out: &'a mut String,
    beyond_json: BeyondJson,
}

/// What numbers are printed as that JSON lacks.
#[derive(Clone, Copy)]
enum BeyondJson {
    Null,
    String,
}

impl ValueSink for JsonSink<'_> {
    type Error = ValueError;

    fn scalar(&mut self, ty: &Type, scalar: &Scalar<'_>) -> Result<(), ValueError> {
        let out = &mut *self.out;
        match scalar {
            Scalar::Text(text) => {
                out.push('"');
                escape_json(text, out);
                out.push('"');
            }
            Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Varint(_) | Scalar::Decimal(_) => {
                scalar.push(out)
            }
            Scalar::Float(number) if number.is_finite() => scalar.push(out),
            Scalar::Double(number) if number.is_finite() => scalar.push(out),
            Scalar::Float(_) | Scalar::Double(_) if matches!(self.beyond_json, BeyondJson::Null) => {
                out.push_str("null")
            }
            Scalar::Empty => match ty {
                Type::TinyInt | Type::SmallInt | Type::Counter | Type::LegacyDate => {
                    return Err(ValueError::new(ty, "the bytes are not a value of this type"));
                }
                Type::Time => out.push_str("\"null\""),
                _ => out.push_str("\"\""),
            },
            _ => {
                out.push_str(if let Scalar::Opaque(_) = scalar { "\"0x" } else { "\"" });
                scalar.push(out);
                out.push('"');
            }
        }
        Ok(())
    }

    fn null(&mut self) -> Result<(), ValueError> {
        self.out.push_str("null");
        Ok(())
    }

    fn begin(&mut self, ty: &Type, _is_empty: bool) -> Result<(), ValueError> {
        self.out.push(if is_object(ty) { '{' } else { '[' });
        Ok(())
    }

    fn element(&mut self, of: &Type, index: usize, ty: &Type, value: Element<'_>) -> Result<(), ValueError> {
        let is_entry_value = matches!(of, Type::Map { .. }) && index % 2 == 1;
        self.out.push_str(if is_entry_value {
            ": "
        } else if index > 0 {
            ", "
        } else {
            ""
        });
        if let Type::Udt { definition, .. } = of {
            self.out.push('"');
            push_json_name(definition.fields.get(index).map_or("", |(name, _)| name), self.out);
            self.out.push_str("\": ");
        }
        let start = self.out.len();
        match value {
            Some(value) => ty.visit(value, self)?,
            None => self.null()?,
        }
        let is_key = matches!(of, Type::Map { .. }) && !is_entry_value;
        if is_key && !self.out.get(start..).is_some_and(|key| key.starts_with('"')) {
            let key = self.out.split_off(start);
            push_json_key(&key, self.out);
        }
        Ok(())
    }

    fn end(&mut self, ty: &Type) -> Result<(), ValueError> {
        self.out.push(if is_object(ty) { '}' } else { ']' });
        Ok(())
    }
}

fn is_object(ty: &Type) -> bool {
    matches!(ty, Type::Map { .. } | Type::Udt { .. })
}

/// Appends the name of a column or a field as a key of a JSON object: in double quotes of its own
/// unless it is lower case. Without JSON's quotes around it.
pub fn push_json_name(name: &str, out: &mut String) {
    let is_lower = match name.is_ascii() {
        true => !name.bytes().any(|byte| byte.is_ascii_uppercase()),
        false => name == name.to_lowercase(),
    };
    if is_lower {
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
            // Writing to a string doesn't fail.
            Some(control) => write!(out, "\\u{:04X}", u32::from(control)).unwrap_or_default(),
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
