//! Integers in the fewest bytes that hold them with their sign, big-endian (Cassandra:
//! `io.util.SizedInts`).

/// 1 to 8: 127 takes one byte, 128 two, -128 one.
pub(super) fn size(value: i64) -> usize {
    let magnitude = value ^ (value >> 63);
    (64 - magnitude.leading_zeros() as usize + 1).div_ceil(8)
}

/// Appends the lowest `size` bytes.
pub(super) fn write(value: i64, size: usize, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    out.extend_from_slice(bytes.get(bytes.len().saturating_sub(size)..).unwrap_or_default());
}

/// Reads 1 to 8 bytes; the first bit is the sign. `None` if there are fewer.
#[inline]
pub(super) fn read(bytes: &[u8], size: usize) -> Option<i64> {
    let (&first, rest) = bytes.get(..size)?.split_first()?;
    Some(rest.iter().fold(i64::from(first.cast_signed()), |value, &byte| value << 8 | i64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        for bits in 0..63 {
            for value in [1i64 << bits, (1 << bits) - 1, -(1 << bits), -(1 << bits) - 1, i64::MAX, i64::MIN] {
                let mut bytes = Vec::new();
                write(value, size(value), &mut bytes);
                assert_eq!(read(&bytes, bytes.len()), Some(value));
                assert_eq!(read(&bytes, bytes.len() + 1), None);
            }
        }
        assert_eq!([0, 127, 128, 32_767, -128, -129, i64::MAX].map(size), [1, 1, 2, 2, 1, 2, 8]);
    }
}
