//! `CompressionInfo.db`: layout, decoder and encoder.

use std::path::Path;

use helenus_types::{DecodeError, Reader};

use super::{MAX_CHUNK_LEN, NEVER_RAW};
use crate::error::SsTableError;
use crate::java_utf;
use crate::version::Version;

/// CompressionInfo.db: the compressor and where the chunks of Data.db are
/// (`io.compress.CompressionMetadata`).
///
/// ```text
/// class           Java UTF   simple class name, or a full one
/// options         i32 n, n × (name Java UTF, value Java UTF)
/// chunk_len       i32        uncompressed bytes a chunk, a power of two
/// max_compressed  i32        where versions have it; payloads of at least this length are raw
/// data_len        i64        uncompressed bytes
/// offsets         i32 n > 0, n × i64     of each chunk in Data.db, rising, the first 0
/// ```
///
/// Files written by compaction end with an extra chunk of no uncompressed bytes.
///
/// 118 bytes of data in `oa`:
/// `000d 4c5a34436f6d70726573736f72 00000000 00004000 7fffffff 0000000000000076 00000001 0000000000000000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionInfo {
    /// The compressor's class, as stored.
    pub class: String,
    /// The compressor's options, as stored; of no use for reading.
    pub options: Vec<(String, String)>,
    /// Uncompressed bytes of every chunk but the last ones.
    pub chunk_len: u32,
    /// A chunk whose payload is at least this long is stored raw; `i32::MAX` when none is.
    pub max_compressed: u32,
    /// Uncompressed bytes of the whole.
    pub data_len: u64,
    /// Where in Data.db each chunk begins.
    pub offsets: Vec<u64>,
}

impl CompressionInfo {
    /// Reads the bytes of the file at `path`, of `version`.
    ///
    /// # Errors
    /// When the bytes end early or have a rest, or are invalid: a chunk length that is no power of
    /// two, another number of chunks than the data's length needs, offsets that do not rise from 0.
    pub fn decode(path: &Path, bytes: &[u8], version: Version) -> Result<CompressionInfo, SsTableError> {
        decode(bytes, version).map_err(|error| SsTableError::new(path, error))
    }

    /// What a file of `file_len` bytes says before its offsets, of whose first bytes `bytes` are;
    /// and where the offsets begin, and their number.
    pub(super) fn decode_head(
        bytes: &[u8],
        file_len: u64,
        version: Version,
    ) -> Result<(CompressionInfo, u64, u32), DecodeError> {
        let mut reader = Reader::new(bytes);
        let (info, count) = decode_head(&mut reader, file_len, version)?;
        let start = reader.position() as u64;
        let end = start + 8 * u64::from(count);
        if end != file_len {
            return Err(DecodeError::new(
                end,
                "the end of the file",
                format!("{} more bytes", file_len - end),
            ));
        }
        Ok((info, start, count))
    }

    /// The bytes of the file in `version`.
    #[must_use]
    pub fn encode(&self, version: Version) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 8 * self.offsets.len());
        java_utf::write(&mut out, &self.class);
        put_len(&mut out, self.options.len());
        for (name, value) in &self.options {
            java_utf::write(&mut out, name);
            java_utf::write(&mut out, value);
        }
        out.extend_from_slice(&self.chunk_len.to_be_bytes());
        if version.has_max_compressed_length() {
            out.extend_from_slice(&self.max_compressed.to_be_bytes());
        }
        out.extend_from_slice(&self.data_len.to_be_bytes());
        put_len(&mut out, self.offsets.len());
        for offset in &self.offsets {
            out.extend_from_slice(&offset.to_be_bytes());
        }
        out
    }
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    let Ok(len) = u32::try_from(len) else { unreachable!("a table has fewer than 2^32 chunks and options") };
    out.extend_from_slice(&len.to_be_bytes());
}

/// All but the offsets, and how many of them there are.
fn decode_head(
    reader: &mut Reader<'_>,
    file_len: u64,
    version: Version,
) -> Result<(CompressionInfo, u32), DecodeError> {
    let class = reader.java_utf()?;
    let mut options = Vec::new();
    // An option takes at least the two lengths of its strings.
    for _ in 0..count(reader, file_len, 4, "options")? {
        options.push((reader.java_utf()?, reader.java_utf()?));
    }
    let chunk_len = checked(reader, Reader::u32, "a chunk length, a power of two", |len| {
        len.is_power_of_two() && *len <= MAX_CHUNK_LEN
    })?;
    let max_compressed = if version.has_max_compressed_length() {
        checked(reader, Reader::u32, "the longest payload of a compressed chunk", |max| {
            *max <= chunk_len || *max == NEVER_RAW
        })?
    } else {
        NEVER_RAW
    };
    let data_len = checked(reader, Reader::u64, "a data length", |len| i64::try_from(*len).is_ok())?;
    let at = *reader;
    let chunk_count = count(reader, file_len, 8, "chunk offsets")?;
    let needed = data_len.div_ceil(u64::from(chunk_len));
    if chunk_count == 0 || u64::from(chunk_count) < needed || u64::from(chunk_count) > needed + 1 {
        return Err(at.error(format!("{needed} chunks or one more"), format!("{chunk_count}")));
    }
    let info = CompressionInfo { class, options, chunk_len, max_compressed, data_len, offsets: Vec::new() };
    Ok((info, chunk_count))
}

fn decode(bytes: &[u8], version: Version) -> Result<CompressionInfo, DecodeError> {
    let mut reader = Reader::new(bytes);
    let (mut info, chunk_count) = decode_head(&mut reader, bytes.len() as u64, version)?;
    let mut offsets = Vec::with_capacity(chunk_count as usize);
    for _ in 0..chunk_count {
        let last = offsets.last().copied();
        offsets.push(checked(
            &mut reader,
            Reader::u64,
            "chunk offsets that rise from 0",
            |offset| match last {
                None => *offset == 0,
                Some(last) => *offset > last && i64::try_from(*offset).is_ok(),
            },
        )?);
    }
    if !reader.is_empty() {
        return Err(reader.error("the end of the file", format!("{} more bytes", reader.remaining())));
    }
    info.offsets = offsets;
    Ok(info)
}

/// A 32-bit number of things of at least `min_len` bytes each, which must all fit into the file.
fn count(
    reader: &mut Reader<'_>,
    file_len: u64,
    min_len: u64,
    what: &'static str,
) -> Result<u32, DecodeError> {
    let at = *reader;
    let count = reader.u32()?;
    let most = file_len.saturating_sub(reader.position() as u64) / min_len;
    if u64::from(count) <= most {
        return Ok(count);
    }
    Err(at.error(format!("at most {most} {what}"), format!("{count}")))
}

/// A value that `is_valid`, or an error at its offset.
fn checked<'a, T: std::fmt::Display>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    expected: &'static str,
    is_valid: impl FnOnce(&T) -> bool,
) -> Result<T, DecodeError> {
    let at = *reader;
    let value = read(reader)?;
    if is_valid(&value) { Ok(value) } else { Err(at.error(expected, value.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> CompressionInfo {
        CompressionInfo {
            class: "LZ4Compressor".to_owned(),
            options: Vec::new(),
            chunk_len: 16384,
            max_compressed: NEVER_RAW,
            data_len: 118,
            offsets: vec![0],
        }
    }

    #[test]
    fn the_worked_example() {
        let hex =
            "000d4c5a34436f6d70726573736f7200000000000040007fffffff0000000000000076000000010000000000000000";
        let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap();
        let bytes: Vec<u8> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                u8::try_from(pair.iter().map(digit).fold(0, |byte, digit| byte * 16 + digit)).unwrap()
            })
            .collect();
        assert_eq!(example().encode(Version::OA), bytes);
        assert_eq!(CompressionInfo::decode(Path::new("c"), &bytes, Version::OA).unwrap(), example());
        // Before `na` there is no limit in the file.
        let old = example().encode(Version::ME);
        assert_eq!(old.len(), bytes.len() - 4);
        assert_eq!(CompressionInfo::decode(Path::new("c"), &old, Version::ME).unwrap(), example());
    }

    #[test]
    fn a_flipped_byte_is_found_or_harmless() {
        let mut info = example();
        info.options.push(("lz4_compressor_type".to_owned(), "high".to_owned()));
        info.data_len = 16384 * 2 + 1;
        info.offsets = vec![0, 900, 1800];
        let bytes = info.encode(Version::DA);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                // A name, an offset or a length that is as good as the right one is found by the
                // chunks' checksums.
                if let Ok(found) = CompressionInfo::decode(Path::new("c"), &flipped, Version::DA) {
                    assert_eq!(found.encode(Version::DA), flipped);
                    assert!(found.data_len.div_ceil(u64::from(found.chunk_len)) <= 3);
                }
            }
        }
        for len in 0..bytes.len() {
            assert!(CompressionInfo::decode(Path::new("c"), &bytes[..len], Version::DA).is_err(), "{len}");
        }
    }

    #[test]
    fn hostile_numbers_are_refused() {
        let check = |change: fn(&mut CompressionInfo)| {
            let mut info = example();
            change(&mut info);
            CompressionInfo::decode(Path::new("c"), &info.encode(Version::DA), Version::DA).unwrap_err();
        };
        check(|info| info.chunk_len = 0);
        check(|info| info.chunk_len = 16385);
        check(|info| info.chunk_len = 1 << 30);
        check(|info| info.max_compressed = 16385);
        check(|info| info.data_len = u64::MAX);
        check(|info| info.data_len = 16385);
        check(|info| info.offsets = Vec::new());
        check(|info| info.offsets = vec![1]);
        check(|info| info.offsets = vec![0, 0]);
        check(|info| info.offsets = vec![0, 9, 12]);
        let mut bytes = example().encode(Version::DA);
        let at = bytes.len() - 12;
        bytes[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        let error = CompressionInfo::decode(Path::new("c"), &bytes, Version::DA).unwrap_err();
        assert!(error.to_string().contains("at most 1 chunk offsets, found 2147483647"), "{error}");
    }
}
