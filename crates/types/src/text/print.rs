//! Serialized values as CQL literals.

use super::{ValueSink, push_identifier, push_quoted};
use crate::temporal::is_printable_timestamp;
use crate::value::Scalar;
use crate::{Element, Type, ValueError};

impl Type {
    /// Appends a serialized value as a CQL literal; the literals of `cql-syntax` read it back.
    ///
    /// An empty value of a type whose literals have no form for it prints as `''`, which
    /// Cassandra's own grammar takes for times and addresses only. NaNs are all alike, and so are
    /// IPv4 addresses and IPv6 ones that hold them.
    pub fn literal(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        self.visit(value, &mut LiteralSink { out })
    }

    /// Appends a serialized value as the text of a field of a CSV file, as cqlsh's `COPY TO` has
    /// it: a [literal](Type::literal), but a text, a time or an address without its quotes.
    pub fn text(&self, value: &[u8], out: &mut String) -> Result<(), ValueError> {
        match self.base() {
            ty if ty.has_elements() => ty.literal(value, out),
            ty => push_scalar(ty, &ty.scalar(value)?, false, out),
        }
    }
}

struct LiteralSink<'a> {
    out: &'a mut String,
}

/// `quotes`: whether texts, times and addresses have some.
fn push_scalar(ty: &Type, scalar: &Scalar<'_>, quotes: bool, out: &mut String) -> Result<(), ValueError> {
    match scalar {
        Scalar::Text(text) if quotes => push_quoted(text, '\'', out),
        Scalar::Opaque(_) => {
            out.push_str("0x");
            scalar.push(out);
        }
        Scalar::Empty if !ty.allows_empty() => {
            return Err(ValueError::new(ty, "the bytes are not a value of this type"));
        }
        Scalar::Empty => out.push_str(if quotes || !ty.is_quoted() { "''" } else { "" }),
        Scalar::Duration(_) => {
            let start = out.len();
            scalar.push(out);
            // A duration of zero has no units to print.
            if out.len() == start {
                out.push_str("0s");
            }
        }
        Scalar::Timestamp(millis) if !is_printable_timestamp(*millis) => Scalar::Integer(*millis).push(out),
        Scalar::Timestamp(_) | Scalar::Date(_) | Scalar::Time(_) | Scalar::Inet(_) if quotes => {
            out.push('\'');
            scalar.push(out);
            out.push('\'');
        }
        _ => scalar.push(out),
    }
    Ok(())
}

impl ValueSink for LiteralSink<'_> {
    type Error = ValueError;

    fn scalar(&mut self, ty: &Type, scalar: &Scalar<'_>) -> Result<(), ValueError> {
        push_scalar(ty, scalar, true, self.out)
    }

    fn null(&mut self) -> Result<(), ValueError> {
        self.out.push_str("null");
        Ok(())
    }

    fn begin(&mut self, ty: &Type, is_empty: bool) -> Result<(), ValueError> {
        self.out.push(brackets(ty).0);
        // CQL has no tuple without fields.
        self.out.push_str(if is_empty && matches!(ty, Type::Tuple(_)) { "null" } else { "" });
        Ok(())
    }

    /// A tuple that lacks fields at its end is read back with the same length.
    fn shows_missing_fields(&self, ty: &Type) -> bool {
        matches!(ty, Type::Udt { .. })
    }

    fn element(&mut self, of: &Type, index: usize, ty: &Type, value: Element<'_>) -> Result<(), ValueError> {
        self.out.push_str(match of {
            _ if index == 0 => "",
            Type::Map { .. } if index % 2 == 1 => ": ",
            _ => ", ",
        });
        if let Type::Udt { definition, .. } = of {
            push_identifier(definition.fields.get(index).map_or("", |(name, _)| name), self.out);
            self.out.push_str(": ");
        }
        match value {
            Some(value) => ty.visit(value, self),
            None => self.null(),
        }
    }

    fn end(&mut self, ty: &Type) -> Result<(), ValueError> {
        self.out.push(brackets(ty).1);
        Ok(())
    }
}

fn brackets(ty: &Type) -> (char, char) {
    match ty {
        Type::Set { .. } | Type::Map { .. } | Type::Udt { .. } => ('{', '}'),
        Type::Tuple(_) => ('(', ')'),
        _ => ('[', ']'),
    }
}
