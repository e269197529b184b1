//! Variable-length integers, as Cassandra's `VIntCoding` writes them.
//!
//! The number of leading one bits in the first byte is the number of bytes that follow; the
//! remaining bits of the first byte are the most significant ones of the value and the rest follows
//! big-endian:
//!
//! ```text
//! 0xxxxxxx                     7 bits      127   = 7f
//! 10xxxxxx + 1 byte           14 bits      128   = 80 80
//! 110xxxxx + 2 bytes          21 bits      16384 = c0 40 00
//! …
//! 11111111 + 8 bytes          64 bits      2^63  = ff 80 00 00 00 00 00 00 00
//! ```
//!
//! Signed values are zig-zag encoded first (0, -1, 1, -2 become 0, 1, 2, 3). Writers use the
//! shortest form; readers accept any.

/// The longest encoding, in bytes.
pub const MAX_LEN: usize = 9;

/// Bytes that [`write_unsigned`] takes for `v`: 1 to 9.
#[inline]
#[must_use]
pub const fn unsigned_len(v: u64) -> usize {
    ((639 - 9 * (v | 1).leading_zeros()) >> 6) as usize
}

/// Appends `v` in its shortest form.
#[inline]
pub fn write_unsigned(out: &mut Vec<u8>, v: u64) {
    if let Ok(byte) = u8::try_from(v)
        && byte < 0x80
    {
        out.push(byte);
        return;
    }
    let len = unsigned_len(v);
    if len == MAX_LEN {
        out.push(0xFF);
        out.extend_from_slice(&v.to_be_bytes());
        return;
    }
    // The value at the top of a word, the leading ones over it; the store is a fixed eight bytes
    // wide and the surplus is cut off again, which is cheaper than a copy of variable length.
    let start = out.len();
    out.extend_from_slice(&top_of_word(v, len).to_be_bytes());
    out.truncate(start + len);
}

/// Writes `v` over the number at the start of `buf`; false, and nothing is written, unless both
/// take as many bytes.
#[inline]
#[must_use]
pub fn overwrite_unsigned(buf: &mut [u8], v: u64) -> bool {
    let len = unsigned_len(v);
    if buf.len() < len || buf.first().is_none_or(|first| first.leading_ones() as usize + 1 != len) {
        return false;
    }
    if len == MAX_LEN {
        if let Some(place) = buf.get_mut(1..MAX_LEN) {
            place.copy_from_slice(&v.to_be_bytes());
        }
        return true;
    }
    let own = top_of_word(v, len);
    match buf.first_chunk_mut::<8>() {
        Some(word) => {
            let rest = u64::from_be_bytes(*word) & !(u64::MAX << (64 - 8 * len));
            *word = (own | rest).to_be_bytes();
        }
        None => buf.iter_mut().zip(own.to_be_bytes()).take(len).for_each(|(place, byte)| *place = byte),
    }
    true
}

/// The bytes of a value that takes `len` of them, 8 at most, at the top of a word.
#[inline]
const fn top_of_word(v: u64, len: usize) -> u64 {
    (v << (64 - 8 * len)) | !(u64::MAX >> (len - 1))
}

/// Appends `v` zig-zag encoded.
#[inline]
pub fn write_signed(out: &mut Vec<u8>, v: i64) {
    write_unsigned(out, zigzag(v));
}

/// The value at the start of `buf` and the bytes it takes; `None` if `buf` ends within it.
#[inline]
#[must_use]
pub fn read_unsigned(buf: &[u8]) -> Option<(u64, usize)> {
    let (&first, rest) = buf.split_first()?;
    if first < 0x80 {
        return Some((u64::from(first), 1));
    }
    let extra = first.leading_ones() as usize;
    let high = u64::from(first) & (0xFF >> extra);
    let low = match rest.first_chunk::<8>() {
        Some(word) => u64::from_be_bytes(*word) >> (64 - 8 * extra),
        None => rest.get(..extra)?.iter().fold(0, |value, &byte| (value << 8) | u64::from(byte)),
    };
    // With eight extra bytes nothing of the first byte is left, and the shift by 64 must not
    // happen.
    Some(((high << ((8 * extra) & 63)) | low, 1 + extra))
}

/// As [`read_unsigned`] for a zig-zag encoded value.
#[inline]
#[must_use]
pub fn read_signed(buf: &[u8]) -> Option<(i64, usize)> {
    let (value, len) = read_unsigned(buf)?;
    Some((unzigzag(value), len))
}

#[inline]
const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)).cast_unsigned()
}

#[inline]
const fn unzigzag(v: u64) -> i64 {
    (v >> 1).cast_signed() ^ -((v & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(v: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_unsigned(&mut out, v);
        out
    }

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x80]),
            (16383, &[0xbf, 0xff]),
            (16384, &[0xc0, 0x40, 0x00]),
            ((1 << 56) - 1, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (1 << 56, &[0xff, 0x01, 0, 0, 0, 0, 0, 0, 0]),
            (1 << 63, &[0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (u64::MAX, &[0xff; 9]),
        ] {
            assert_eq!(written(value), bytes, "{value}");
        }
    }

    #[test]
    fn longer_than_needed_is_read() {
        assert_eq!(read_unsigned(&[0x80, 0x05]), Some((5, 2)));
        assert_eq!(read_unsigned(&[0xff, 0, 0, 0, 0, 0, 0, 0, 5, 9]), Some((5, 9)));
    }

    proptest! {
        #[test]
        fn round_trips(v in any::<u64>(), shift in 0u32..64, tail in proptest::collection::vec(any::<u8>(), 0..9)) {
            let v = v >> shift;
            let mut bytes = written(v);
            prop_assert_eq!(bytes.len(), unsigned_len(v));
            for cut in 0..bytes.len() {
                prop_assert_eq!(read_unsigned(&bytes[..cut]), None);
            }
            bytes.extend(&tail);
            prop_assert_eq!(read_unsigned(&bytes), Some((v, unsigned_len(v))));

            // Over another of the same length, and of no other length.
            for other in [v ^ 1, v >> 1, v >> 7, !v] {
                let mut over = written(other);
                let len = over.len();
                over.extend(&tail);
                let before = over.clone();
                let fits = len == unsigned_len(v);
                prop_assert_eq!(overwrite_unsigned(&mut over, v), fits);
                prop_assert_eq!(&over, if fits { &bytes } else { &before });
            }

            let signed = v.cast_signed();
            let mut bytes = Vec::new();
            write_signed(&mut bytes, signed);
            prop_assert_eq!(read_signed(&bytes), Some((signed, bytes.len())));
        }
    }
}
