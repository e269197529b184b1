//! The cursor with which every decoder of the project reads bytes. It never panics.

use crate::{DecodeError, vint};

/// A cursor over bytes that came from disk: every read is checked, integers are big-endian, and an
/// error says at which offset of the buffer the read began. A failed read leaves the cursor where
/// it was.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    buf: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `buf`.
    #[inline]
    #[must_use]
    pub const fn new(buf: &'a [u8]) -> Reader<'a> {
        Reader { buf, position: 0 }
    }

    /// A cursor at `position` of `buf`; past the end every read fails.
    #[inline]
    #[must_use]
    pub const fn at(buf: &'a [u8], position: usize) -> Reader<'a> {
        Reader { buf, position }
    }

    /// Bytes from the start of the buffer to the next read.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes left to read.
    #[inline]
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buf.len().saturating_sub(self.position)
    }

    /// Whether nothing is left to read.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The bytes left to read, without moving.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.buf.get(self.position..).unwrap_or_default()
    }

    /// An error at the next read's offset.
    #[cold]
    pub fn error(
        &self,
        expected: impl Into<std::borrow::Cow<'static, str>>,
        found: impl Into<std::borrow::Cow<'static, str>>,
    ) -> DecodeError {
        DecodeError::new(self.position as u64, expected, found)
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let [byte] = *self.array::<1>("a byte")?;
        Ok(byte)
    }

    /// Two bytes, unsigned.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(*self.array("a 16-bit integer")?))
    }

    /// Four bytes, unsigned.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(*self.array("a 32-bit integer")?))
    }

    /// Four bytes, two's complement.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(*self.array("a 32-bit integer")?))
    }

    /// Eight bytes, unsigned.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(*self.array("a 64-bit integer")?))
    }

    /// Eight bytes, two's complement.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(*self.array("a 64-bit integer")?))
    }

    /// Eight bytes, an IEEE 754 double.
    #[inline]
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(*self.array("a double")?))
    }

    /// One byte; any but zero is true, as in Java's `DataInput`.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let [byte] = *self.array::<1>("a boolean")?;
        Ok(byte != 0)
    }

    /// An unsigned [vint](crate::vint).
    #[inline]
    pub fn unsigned_vint(&mut self) -> Result<u64, DecodeError> {
        match vint::read_unsigned(self.rest()) {
            Some((value, len)) => {
                self.position += len;
                Ok(value)
            }
            None => Err(self.short("a vint", 1)),
        }
    }

    /// A zig-zag [vint](crate::vint).
    #[inline]
    pub fn signed_vint(&mut self) -> Result<i64, DecodeError> {
        match vint::read_signed(self.rest()) {
            Some((value, len)) => {
                self.position += len;
                Ok(value)
            }
            None => Err(self.short("a vint", 1)),
        }
    }

    /// An unsigned vint that holds a Java `int`: its low 32 bits, sign-extended, must be the whole
    /// value. The result is the bit pattern, so -1 reads as `u32::MAX`.
    #[inline]
    pub fn unsigned_vint32(&mut self) -> Result<u32, DecodeError> {
        let start = self.position;
        let value = self.unsigned_vint()?;
        if let Ok(int) = i32::try_from(value.cast_signed()) {
            return Ok(int.cast_unsigned());
        }
        self.position = start;
        Err(self.error("a vint of 32 bits", format!("{value}")))
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest().get(..n) {
            Some(bytes) => {
                self.position += n;
                Ok(bytes)
            }
            None => Err(self.short("bytes", n)),
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn take_array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        self.array("bytes")
    }

    /// Moves over `n` bytes.
    #[inline]
    pub fn skip(&mut self, n: usize) -> Result<(), DecodeError> {
        self.take(n).map(|_| ())
    }

    /// A 16-bit length and that many bytes.
    #[inline]
    pub fn u16_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        let len = self.u16()?;
        self.take_after(start, usize::from(len))
    }

    /// An unsigned vint length and that many bytes.
    #[inline]
    pub fn vint_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        let len = self.unsigned_vint()?;
        self.take_after(start, usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// A 32-bit length, which must not be negative, and that many bytes.
    #[inline]
    pub fn i32_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        let len = self.i32()?;
        if let Ok(len) = usize::try_from(len) {
            return self.take_after(start, len);
        }
        self.position = start;
        Err(self.error("a length", format!("{len}")))
    }

    /// A string as Java's `DataOutput.writeUTF` leaves it: a 16-bit byte length and modified UTF-8
    /// (U+0000 as `c0 80`, supplementary characters as two encoded surrogates).
    pub fn java_utf(&mut self) -> Result<String, DecodeError> {
        let start = self.position;
        let bytes = self.u16_bytes()?;
        if let Some(text) = modified_utf8(bytes) {
            return Ok(text);
        }
        self.position = start;
        Err(self.error("modified UTF-8", "other bytes"))
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], DecodeError> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.position += N;
                Ok(bytes)
            }
            None => Err(self.short(what, N)),
        }
    }

    #[inline]
    fn take_after(&mut self, start: usize, n: usize) -> Result<&'a [u8], DecodeError> {
        self.take(n).inspect_err(|_| self.position = start)
    }

    #[cold]
    fn short(&self, what: &'static str, needed: usize) -> DecodeError {
        let left = self.remaining();
        self.error(format!("{what} ({needed} bytes)"), format!("the end of the data ({left} bytes left)"))
    }
}

fn modified_utf8(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    let continuation = |rest: &mut std::iter::Copied<std::slice::Iter<'_, u8>>| {
        rest.next().filter(|byte| byte & 0xC0 == 0x80).map(|byte| u16::from(byte & 0x3F))
    };
    while let Some(first) = rest.next() {
        units.push(match first {
            0..=0x7F => u16::from(first),
            0xC0..=0xDF => (u16::from(first & 0x1F) << 6) | continuation(&mut rest)?,
            0xE0..=0xEF => {
                let middle = continuation(&mut rest)?;
                (u16::from(first & 0x0F) << 12) | (middle << 6) | continuation(&mut rest)?
            }
            _ => return None,
        });
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_turn() {
        let bytes = [1, 0, 2, 0x80, 0x80, 0, 1, b'x', 2, b'y', b'z', 0, 0, 0, 1, 9];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.unsigned_vint(), Ok(128));
        assert_eq!(reader.u16_bytes(), Ok(&b"x"[..]));
        assert_eq!(reader.vint_bytes(), Ok(&b"yz"[..]));
        assert_eq!(reader.i32_bytes(), Ok(&[9][..]));
        assert!(reader.is_empty());
        assert_eq!(reader.position(), bytes.len());
    }

    #[test]
    fn a_failed_read_stays_and_says_where() {
        let mut reader = Reader::at(&[7, 0, 5, 1], 1);
        let error = reader.u16_bytes().unwrap_err();
        assert_eq!(error.shifted(100).offset, 103);
        assert_eq!(reader.position(), 1);
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff]).i32_bytes().is_err());
        assert!(Reader::at(&[1], 9).u8().is_err());
        assert_eq!(Reader::at(&[1], 9).remaining(), 0);
    }

    #[test]
    fn ints_in_vints_are_sign_extended() {
        assert_eq!(Reader::new(&[0xff; 9]).unsigned_vint32(), Ok(u32::MAX));
        let mut bytes = Vec::new();
        vint::write_unsigned(&mut bytes, 1 << 31);
        assert!(Reader::new(&bytes).unsigned_vint32().is_err());
    }

    #[test]
    fn modified_utf8_of_java() {
        let bytes = [0, 9, b'a', 0xC0, 0x80, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80];
        assert_eq!(Reader::new(&bytes).java_utf().as_deref(), Ok("a\0\u{1F600}"));
        assert!(Reader::new(&[0, 1, 0xC3]).java_utf().is_err());
    }
}
