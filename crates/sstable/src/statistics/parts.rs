//! What several components are made of: lengths, counts, lists of types.

use helenus_types::{DecodeError, Reader, vint};

/// A length, as the file has it.
pub(super) fn put_u32(len: usize) -> [u8; 4] {
    let Ok(len) = u32::try_from(len) else { unreachable!("statistics are far below 4 GiB") };
    len.to_be_bytes()
}

/// A count of things of at least `min_len` bytes each, which must all fit into what is left.
pub(super) fn count(reader: &Reader<'_>, count: u64, min_len: usize) -> Result<usize, DecodeError> {
    let most = reader.remaining() / min_len;
    match usize::try_from(count) {
        Ok(count) if count <= most => Ok(count),
        _ => Err(reader.error(format!("at most {most} items"), format!("{count}"))),
    }
}

pub(super) fn decode_types(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let types = reader.unsigned_vint()?;
    let types = count(reader, types, 1)?;
    (0..types).map(|_| decode_string(reader)).collect()
}

pub(super) fn encode_types(out: &mut Vec<u8>, types: &[String]) {
    vint::write_unsigned(out, types.len() as u64);
    for class in types {
        encode_bytes(out, class.as_bytes());
    }
}

pub(super) fn decode_string(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let at = *reader;
    let bytes = reader.vint_bytes()?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(at.error("a type in UTF-8", error.to_string())),
    }
}

pub(super) fn encode_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    vint::write_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
