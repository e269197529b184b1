//! The pieces of byte-comparable forms (version OSS50): bytes that compare unsigned as the typed
//! values do. They order the keys of BTI's indexes.

use crate::vint;

/// The byte after the last component of a bound that lies before everything with its prefix.
pub const LT_NEXT_COMPONENT: u8 = 0x20;
/// The end of a sequence, and of a position that is exactly a key or a row.
pub const TERMINATOR: u8 = 0x38;
/// In place of a null component, or of a nested value whose type gives it no bytes.
pub const NEXT_COMPONENT_NULL: u8 = 0x3E;
/// In place of a clustering value whose type gives it no bytes (an empty `int`).
pub const NEXT_COMPONENT_EMPTY: u8 = 0x3F;
/// Before an ordinary component.
pub const NEXT_COMPONENT: u8 = 0x40;
/// As [`NEXT_COMPONENT_EMPTY`] in a column of descending order.
pub const NEXT_COMPONENT_EMPTY_REVERSED: u8 = 0x41;
/// The byte after the last component of a bound that lies after everything with its prefix.
pub const GT_NEXT_COMPONENT: u8 = 0x60;
/// In place of a clustering: the static row, before all others.
pub const EXCLUDED: u8 = 0x18;

const ESCAPE: u8 = 0x00;
const ESCAPED_0_CONT: u8 = 0xFE;
const ESCAPED_0_DONE: u8 = 0xFF;

/// Appends arbitrary bytes so that they end in a terminator which no value contains.
///
/// A run of k zeros becomes `00` and k - 1 times `fe`, then `ff` when more follows or `fe` at the
/// end of the value; a value that does not end in zeros gets a final `00`: `61 00 62` becomes
/// `61 00 ff 62 00`.
pub(crate) fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 1);
    let mut in_zeros = false;
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        if first == 0 {
            out.push(if in_zeros { ESCAPED_0_CONT } else { ESCAPE });
            rest = behind;
            in_zeros = true;
            continue;
        }
        if in_zeros {
            out.push(ESCAPED_0_DONE);
        }
        let run = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        let (plain, behind) = rest.split_at_checked(run).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        rest = behind;
        in_zeros = false;
    }
    out.push(if in_zeros { ESCAPED_0_CONT } else { ESCAPE });
}

/// Appends a `bigint`: its length in leading bits, negative numbers inverted, so that small ones
/// take one byte.
///
/// `0` is `80`, `63` is `bf`, `64` is `c0 40`, `-1` is `7f`, `-65` is `3f bf`; both extremes take
/// nine bytes.
pub(crate) fn signed_long(value: i64, out: &mut Vec<u8>) {
    let sign = value >> 63;
    let magnitude = (value ^ sign).cast_unsigned();
    let invert = sign.cast_unsigned();
    // Seven bits a byte, one of them a spare for the sign.
    let len = (64 - (magnitude | 1).leading_zeros() as usize) / 7 + 1;
    if len > 8 {
        out.push(if value < 0 { 0x00 } else { 0xFF });
        out.extend_from_slice(&((magnitude | 1 << 63) ^ invert).to_be_bytes());
        return;
    }
    let mark = !(u64::MAX >> len);
    let word = ((magnitude << (64 - 8 * len)) | mark) ^ invert;
    let start = out.len();
    out.extend_from_slice(&word.to_be_bytes());
    out.truncate(start + len);
}

/// Appends a `varint` of at least one byte, with or without redundant sign bytes: as a `bigint`
/// while it has fewer than seven significant bytes, otherwise a sign, the length and the bytes.
pub(crate) fn varint(bytes: &[u8], out: &mut Vec<u8>) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let negative = first >= 0x80;
    let padding = if matches!(first, 0x00 | 0xFF) {
        // The last byte always stays.
        bytes.iter().take(rest.len()).take_while(|&&byte| byte == first).count()
    } else {
        0
    };
    let significant = bytes.get(padding..).unwrap_or_default();
    let Some(beyond) = significant.len().checked_sub(7) else {
        let start = if negative { -1 } else { 0 };
        let value = significant.iter().fold(start, |value: i64, &byte| (value << 8) | i64::from(byte));
        return signed_long(value, out);
    };
    let invert = if negative { 0xFF } else { 0x00 };
    out.push(!invert);
    let start = out.len();
    // The vint form already compares as the numbers do.
    vint::write_unsigned(out, beyond as u64);
    out.iter_mut().skip(start).for_each(|byte| *byte ^= invert);
    out.extend_from_slice(significant);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (bytes, expected) in [
            (&b""[..], &[0][..]),
            (b"a", &[0x61, 0]),
            (&[0], &[0, 0xfe]),
            (&[0, 0], &[0, 0xfe, 0xfe]),
            (&[0x61, 0, 0x62], &[0x61, 0, 0xff, 0x62, 0]),
            (&[0x61, 0], &[0x61, 0, 0xfe]),
            (&[0, 0, 1], &[0, 0xfe, 0xff, 1, 0]),
        ] {
            let mut out = Vec::new();
            escape(bytes, &mut out);
            assert_eq!(out, expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn longs() {
        for (value, expected) in [
            (0, &[0x80][..]),
            (1, &[0x81]),
            (63, &[0xbf]),
            (64, &[0xc0, 0x40]),
            (-1, &[0x7f]),
            (-64, &[0x40]),
            (-65, &[0x3f, 0xbf]),
            (i64::MAX, &[0xff; 9]),
            (i64::MIN, &[0; 9]),
        ] {
            let mut out = Vec::new();
            signed_long(value, &mut out);
            assert_eq!(out, expected, "{value}");
        }
    }
}
