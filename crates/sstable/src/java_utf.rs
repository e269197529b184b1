//! Strings as Java's `DataOutput.writeUTF` leaves them; `helenus_types::Reader::java_utf` reads
//! them.

/// Appends a 16-bit byte length and modified UTF-8: U+0000 as `c0 80`, supplementary characters as
/// two encoded surrogates. A string that needs more bytes than 16 bits can count, which Java
/// refuses, is cut.
pub(crate) fn write(out: &mut Vec<u8>, text: &str) {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, low] = unit.to_be_bytes();
        let start = bytes.len();
        match unit {
            0x01..=0x7F => bytes.push(low),
            0 | 0x80..=0x7FF => bytes.extend([0xC0 | (high << 2) | (low >> 6), 0x80 | (low & 0x3F)]),
            _ => bytes.extend([
                0xE0 | (high >> 4),
                0x80 | ((high & 0x0F) << 2) | (low >> 6),
                0x80 | (low & 0x3F),
            ]),
        }
        if u16::try_from(bytes.len()).is_err() {
            bytes.truncate(start);
            break;
        }
    }
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use helenus_types::Reader;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["", "LZ4Compressor", "a\0\u{1F600}é\u{07FF}\u{0800}\u{FFFF}"] {
            let mut out = Vec::new();
            write(&mut out, text);
            assert_eq!(Reader::new(&out).java_utf().as_deref(), Ok(text));
        }
        let mut out = Vec::new();
        write(&mut out, "\0");
        assert_eq!(out, [0, 2, 0xC0, 0x80]);
        out.clear();
        write(&mut out, &"é".repeat(40_000));
        assert_eq!(out.len(), 2 + 65_534);
    }
}
