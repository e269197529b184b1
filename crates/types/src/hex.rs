//! Bytes as hexadecimal digits, two for each byte.

use std::fmt;

/// Bytes, shown as lower-case hexadecimal digits without a prefix.
///
/// ```
/// use helenus_types::Hex;
///
/// assert_eq!(format!("0x{}", Hex(&[0, 0xCA, 0xFE])), "0x00cafe");
/// assert_eq!(Hex::parse("00CAfe"), Some(vec![0, 0xCA, 0xFE]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

/// Bytes whose digits are made at a time.
const PIECE: usize = 32;

impl<'a> Hex<'a> {
    /// The first bytes, `most` of them: what a message shows of a long key.
    #[must_use]
    pub fn first(bytes: &'a [u8], most: usize) -> Hex<'a> {
        Hex(bytes.get(..most).unwrap_or(bytes))
    }

    /// Appends the digits.
    pub fn push(self, out: &mut String) {
        out.reserve(2 * self.0.len());
        for &byte in self.0 {
            let [high, low] = digits(byte);
            out.push(char::from(high));
            out.push(char::from(low));
        }
    }

    /// The bytes that an even number of digits stands for, which may be of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Vec<u8>> {
        let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        let mut bytes = Vec::with_capacity(pairs.len());
        for &[high, low] in pairs {
            bytes.push((nibble(high)? << 4) | nibble(low)?);
        }
        Some(bytes)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for bytes in self.0.chunks(PIECE) {
            let mut piece = [0; 2 * PIECE];
            let (pairs, _) = piece.as_chunks_mut::<2>();
            pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = digits(*byte));
            let made = piece.get(..2 * bytes.len()).unwrap_or_default();
            f.write_str(std::str::from_utf8(made).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The digits, not a list of numbers.
impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The two digits of a byte.
fn digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xF].map(|nibble| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_both_ways() {
        let bytes: Vec<u8> = (0..=255).collect();
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut pushed = String::new();
        Hex(&bytes).push(&mut pushed);
        assert_eq!((pushed.as_str(), Hex(&bytes).to_string()), (expected.as_str(), expected.clone()));
        assert_eq!(Hex::parse(&expected), Some(bytes.clone()));
        assert_eq!(Hex::parse(&expected.to_uppercase()), Some(bytes));
    }

    #[test]
    fn odd_numbers_and_other_characters_are_none() {
        assert_eq!(Hex::parse(""), Some(Vec::new()));
        for text in ["0", "0g", "+1", "0x", "ä"] {
            assert_eq!(Hex::parse(text), None, "{text}");
        }
    }
}
