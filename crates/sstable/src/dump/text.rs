//! The text forms that `sstabledump` has besides JSON's own.

use std::fmt;

use helenus_types::{Day, Elements, Hex, Reader, Scalar, Type, push_number};

/// Seconds or microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instant {
    Micros(i64),
    Seconds(i64),
}

/// Appends an instant as a number, or as `java.time.Instant` prints it.
/// `JsonTransformer.dateString` cuts seconds towards zero and takes the fraction from below, which
/// is off by one second before 1970; so are we.
pub(super) fn push_instant(instant: Instant, raw: bool, out: &mut String) {
    let (number, seconds, nanos) = match instant {
        Instant::Micros(micros) => (micros, micros / 1_000_000, micros.saturating_mul(1000)),
        Instant::Seconds(seconds) => (seconds, seconds, seconds.saturating_mul(1_000_000_000)),
    };
    // A time that an instant cannot hold is a number in either case.
    if raw || seconds.unsigned_abs() > 31_556_889_864_403_199 {
        return push_number(number, out);
    }
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let Day { year, month, day } = Day::gregorian(days);
    match year {
        0..=9999 => push_digits(year, 4, out),
        10_000.. => {
            out.push('+');
            push_number(year, out);
        }
        _ => {
            out.push('-');
            push_digits(year.saturating_neg(), 4, out);
        }
    }
    let parts = [('-', month), ('-', day), ('T', of_day / 3600), (':', of_day / 60 % 60), (':', of_day % 60)];
    for (mark, part) in parts {
        out.push(mark);
        push_digits(part, 2, out);
    }
    let nanos = nanos.rem_euclid(1_000_000_000);
    let (fraction, width) = match nanos {
        0 => (0, 0),
        _ if nanos % 1_000_000 == 0 => (nanos / 1_000_000, 3),
        _ if nanos % 1000 == 0 => (nanos / 1000, 6),
        _ => (nanos, 9),
    };
    if width > 0 {
        out.push('.');
        push_digits(fraction, width, out);
    }
    out.push('Z');
}

/// Appends a number with zeros in front, up to that many digits.
fn push_digits(number: i64, width: u32, out: &mut String) {
    if number >= 10_i64.pow(width) {
        return push_number(number, out);
    }
    for power in (0..width).rev() {
        let digit = u8::try_from(number / 10_i64.pow(power) % 10).unwrap_or(0);
        out.push(char::from(b'0' + digit));
    }
}

/// Appends a value as `AbstractType.getString` prints it, without quotes: keys and paths. What is
/// not a value of the type is hexadecimal.
pub fn push_plain(ty: &Type, value: &[u8], out: &mut String) {
    let start = out.len();
    if !push_valid(ty, value, out) {
        out.truncate(start);
        Hex(value).push(out);
    }
}

/// A partition, for people: its key as `sstabledump` and `sstablepartitions` print it, with its
/// bytes; the bytes alone where the key's type is not known.
#[derive(Clone, Copy, Debug)]
pub struct KeyName<'a> {
    /// The type of the table's keys, if it is known.
    pub key_type: Option<&'a Type>,
    /// The raw key.
    pub key: &'a [u8],
}

impl KeyName<'_> {
    /// The text of the key, if its type is known.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.key_type.map(|key_type| {
            let mut text = String::new();
            push_key_text(key_type, self.key, &mut text);
            text
        })
    }
}

impl fmt::Display for KeyName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "'{text}' (0x{})", Hex(self.key)),
            None => write!(f, "0x{}", Hex(self.key)),
        }
    }
}

/// Appends a partition key as text (`AbstractType.getString`): one value unchanged, several
/// separated by colons, with colons in values after a backslash. Bytes that are not a key of the
/// type are hexadecimal.
pub fn push_key_text(key_type: &Type, key: &[u8], out: &mut String) {
    let Type::Composite(types) = key_type else { return push_plain(key_type, key, out) };
    let start = out.len();
    let mut reader = Reader::new(key);
    for (index, ty) in types.iter().enumerate() {
        let (Ok(component), Ok(0)) = (reader.u16_bytes(), reader.u8()) else {
            out.truncate(start);
            return Hex(key).push(out);
        };
        let mut text = String::new();
        push_plain(ty, component, &mut text);
        out.push_str(if index == 0 { "" } else { ":" });
        out.push_str(&text.replace(':', "\\:"));
        // So that a mark or backslash at the end is not taken for one of these.
        if text.ends_with(['\\', '!']) {
            out.push('!');
        }
    }
}

/// The same for a cell's value; what is not one of the type has `0x` before it
/// (`AbstractCell.safeToString`).
pub(super) fn push_cell_value(ty: &Type, value: &[u8], out: &mut String) {
    let start = out.len();
    if !push_valid(ty, value, out) {
        out.truncate(start);
        out.push_str("0x");
        Hex(value).push(out);
    }
}

/// Appends a value as text; false if it is not one of the type.
fn push_valid(ty: &Type, value: &[u8], out: &mut String) -> bool {
    match ty {
        // Java doesn't ask whether an `ascii` is one here.
        Type::Ascii => return push_valid(&Type::Text, value, out),
        Type::Reversed(base) => return push_valid(base, value, out),
        Type::Empty => return true,
        Type::Tuple(_) | Type::Udt { .. } => return push_fields(ty, value, out),
        Type::PartitionerDefined { key_type: Some(key_type), .. } => return push_valid(key_type, value, out),
        Type::Composite(_) => push_key_text(ty, value, out),
        _ if ty.has_elements() => Hex(value).push(out),
        _ => match ty.scalar(value) {
            // As JSON has them.
            Ok(Scalar::Empty) if *ty == Type::Time => out.push_str("null"),
            Ok(Scalar::Empty) => {
                return !matches!(ty, Type::TinyInt | Type::SmallInt | Type::Counter | Type::LegacyDate);
            }
            Ok(scalar @ Scalar::Timestamp(_)) => {
                let start = out.len();
                scalar.push(out);
                if let Some(at) = out.get(start..).and_then(|text| text.find(' ')) {
                    out.replace_range(start + at..=start + at, "T");
                }
            }
            Ok(scalar) => scalar.push(out),
            Err(_) => return false,
        },
    }
    true
}

/// Appends the fields of a tuple, between colons; those inside fields are escaped, and a null is
/// `@` (`TupleType.getString`).
fn push_fields(ty: &Type, value: &[u8], out: &mut String) -> bool {
    let Ok(Some(elements)) = Elements::new(ty, value) else { return false };
    let mut types = ty.children();
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push(':');
        }
        match (element, types.next()) {
            (Ok(Some(field)), Some(ty)) => {
                let mut text = String::new();
                push_plain(ty, field, &mut text);
                out.push_str(&text.replace(':', "\\:").replace('@', "\\@"));
            }
            (Err(_), _) => return false,
            _ => out.push('@'),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_as_java_prints_them() {
        let check = |instant, raw, expected: &str| {
            let mut text = String::new();
            push_instant(instant, raw, &mut text);
            assert_eq!(text, expected);
        };
        check(Instant::Micros(1_700_000_000_086_163), true, "1700000000086163");
        check(Instant::Micros(1_700_000_000_086_163), false, "2023-11-14T22:13:20.086163Z");
        check(Instant::Micros(1_700_000_000_080_000), false, "2023-11-14T22:13:20.080Z");
        check(Instant::Seconds(951_782_400), false, "2000-02-29T00:00:00Z");
        check(Instant::Seconds(4_294_967_293), false, "2106-02-07T06:28:13Z");
        // Nanoseconds saturate far from 1970, and the fraction is what is left of them.
        check(Instant::Seconds(-62_198_755_200), false, "-0001-01-01T00:00:00.145224192Z");
        check(Instant::Seconds(253_402_300_800), false, "+10000-01-01T00:00:00.854775807Z");
        // One second too late, as in Java.
        check(Instant::Micros(-1), false, "1970-01-01T00:00:00.999999Z");
        check(Instant::Seconds(i64::MAX), false, "9223372036854775807");
    }

    #[test]
    fn plain_values() {
        let check = |ty: Type, value: &[u8], expected: &str| {
            let mut text = String::new();
            push_plain(&ty, value, &mut text);
            assert_eq!(text, expected);
        };
        check(Type::Text, b"a\"b", "a\"b");
        check(Type::Blob, &[0, 0xab], "00ab");
        check(Type::Int, &[0, 0, 0, 7], "7");
        check(Type::Int, &[1], "01");
        check(Type::Float, &f32::NAN.to_be_bytes(), "NaN");
        check(Type::Double, &f64::NEG_INFINITY.to_be_bytes(), "-Infinity");
        check(Type::Timestamp, &0_i64.to_be_bytes(), "1970-01-01T00:00:00.000Z");
        let tuple = [&[0, 0, 0, 3][..], b"a:b", &[0xff; 4], &[0, 0, 0, 1, b'@']].concat();
        check(Type::tuple([Type::Text, Type::Int, Type::Text]), &tuple, "a\\:b:@:\\@");
        let mut text = String::new();
        push_cell_value(&Type::tuple([Type::Int]), &[0, 0, 0, 7], &mut text);
        assert_eq!(text, "0x00000007");
    }
}
