//! Payloads of compressed chunks.
//!
//! ```text
//! LZ4Compressor      u32 little-endian uncompressed length, one LZ4 block
//! SnappyCompressor   one raw snappy block, which begins with its uncompressed length
//! DeflateCompressor  one zlib stream
//! ZstdCompressor     one zstd frame; Cassandra writes its checksum, readers accept either
//! NoopCompressor     the bytes themselves
//! ```

use std::fmt;
use std::io;

use crate::error::SsTableErrorKind;

/// A compressor of Cassandra's (`org.apache.cassandra.io.compress`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `LZ4Compressor`. Payloads of its two types are read alike; `high` is written with the
    /// feature `lz4-high`.
    Lz4,
    /// `SnappyCompressor`, with the feature `snappy`.
    Snappy,
    /// `DeflateCompressor`, with the feature `deflate`.
    Deflate,
    /// `ZstdCompressor`, with the feature `zstd`.
    Zstd,
    /// `NoopCompressor`, which flushes use for tables that compress on compaction.
    Noop,
}

pub(super) const PACKAGE: &str = "org.apache.cassandra.io.compress.";

/// Codecs and their classes.
const CLASSES: [(Codec, &str); 5] = [
    (Codec::Lz4, "org.apache.cassandra.io.compress.LZ4Compressor"),
    (Codec::Snappy, "org.apache.cassandra.io.compress.SnappyCompressor"),
    (Codec::Deflate, "org.apache.cassandra.io.compress.DeflateCompressor"),
    (Codec::Zstd, "org.apache.cassandra.io.compress.ZstdCompressor"),
    (Codec::Noop, "org.apache.cassandra.io.compress.NoopCompressor"),
];

impl Codec {
    /// The codec of a class; without a dot it is one of Cassandra's package.
    #[must_use]
    pub fn from_class(class: &str) -> Option<Codec> {
        let found = CLASSES.iter().find(|(_, full)| {
            *full == class || (!class.contains('.') && full.strip_prefix(PACKAGE) == Some(class))
        });
        found.map(|(codec, _)| *codec)
    }

    /// The full class name, as schemas hold it.
    #[must_use]
    pub fn class_name(self) -> &'static str {
        CLASSES.iter().find(|(codec, _)| *codec == self).map_or("", |(_, full)| full)
    }

    /// The simple class name, as CompressionInfo.db holds it.
    #[must_use]
    pub fn simple_class_name(self) -> &'static str {
        self.class_name().strip_prefix(PACKAGE).unwrap_or_default()
    }

    /// Whether this build can use it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Codec::Lz4 | Codec::Noop => true,
            Codec::Snappy => cfg!(feature = "snappy"),
            Codec::Deflate => cfg!(feature = "deflate"),
            Codec::Zstd => cfg!(feature = "zstd"),
        }
    }

    /// The error for a codec that this build leaves out.
    pub(super) fn unavailable(self) -> SsTableErrorKind {
        SsTableErrorKind::UnsupportedCompressor {
            class: self.class_name().to_owned(),
            next_step: match self {
                Codec::Snappy => "build helenus with its feature snappy",
                Codec::Deflate => "build helenus with its feature deflate",
                Codec::Zstd => "build helenus with its feature zstd",
                Codec::Lz4 | Codec::Noop => "every build of helenus has it: this is a bug",
            },
        }
    }

    /// The error for LZ4 of type `high` in a build that leaves it out.
    pub(super) fn high_unavailable() -> SsTableErrorKind {
        SsTableErrorKind::UnsupportedCompressor {
            class: "LZ4Compressor of type high".to_owned(),
            next_step: "build helenus with its feature lz4-high, or use the type fast",
        }
    }
}

/// Compresses chunk after chunk with state that is made once.
pub(super) struct Compressor {
    state: CompressorState,
}

enum CompressorState {
    Lz4(lz4_flex::block::CompressTable),
    /// LZ4 of type `high`, with a level from 1 to 17.
    #[cfg(feature = "lz4-high")]
    Lz4High(i32),
    #[cfg(feature = "snappy")]
    Snappy(Box<snap::raw::Encoder>),
    #[cfg(feature = "deflate")]
    Deflate(zlib_rs::Deflate),
    #[cfg(feature = "zstd")]
    Zstd(zstd::bulk::Compressor<'static>),
    Noop,
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    /// A compressor of a [level](super::CompressionParams::level).
    pub(super) fn new(codec: Codec, level: Option<i32>) -> Result<Compressor, SsTableErrorKind> {
        let unavailable = || codec.unavailable();
        let state = match codec {
            Codec::Lz4 => match level {
                None => CompressorState::Lz4(lz4_flex::block::CompressTable::small()),
                #[cfg(feature = "lz4-high")]
                Some(level) => CompressorState::Lz4High(level),
                #[cfg(not(feature = "lz4-high"))]
                Some(_) => return Err(Codec::high_unavailable()),
            },
            #[cfg(feature = "snappy")]
            Codec::Snappy => CompressorState::Snappy(Box::new(snap::raw::Encoder::new())),
            #[cfg(feature = "deflate")]
            Codec::Deflate => {
                // The level that java.util.zip.Deflater has where none is named.
                const DEFAULT_LEVEL: i32 = 6;
                CompressorState::Deflate(zlib_rs::Deflate::new(DEFAULT_LEVEL, true, WINDOW_BITS))
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd => {
                const DEFAULT_LEVEL: i32 = 3;
                let level = level.unwrap_or(DEFAULT_LEVEL);
                let made = zstd::bulk::Compressor::new(level).and_then(|mut compressor| {
                    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
                    Ok(compressor)
                });
                CompressorState::Zstd(made.map_err(|_no_memory| unavailable())?)
            }
            Codec::Noop => CompressorState::Noop,
            #[cfg(not(feature = "snappy"))]
            Codec::Snappy => return Err(unavailable()),
            #[cfg(not(feature = "deflate"))]
            Codec::Deflate => return Err(unavailable()),
            #[cfg(not(feature = "zstd"))]
            Codec::Zstd => return Err(unavailable()),
        };
        Ok(Compressor { state })
    }

    /// Replaces the content of `out` by the payload of `input`.
    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match &mut self.state {
            CompressorState::Lz4(table) => lz4_compress(input, out, table),
            #[cfg(feature = "lz4-high")]
            CompressorState::Lz4High(level) => lz4_compress_high(input, out, *level),
            #[cfg(feature = "snappy")]
            CompressorState::Snappy(encoder) => {
                out.resize(snap::raw::max_compress_len(input.len()), 0);
                let len = encoder.compress(input, out).map_err(io::Error::other)?;
                out.truncate(len);
                Ok(())
            }
            #[cfg(feature = "deflate")]
            CompressorState::Deflate(state) => deflate(input, out, state),
            #[cfg(feature = "zstd")]
            CompressorState::Zstd(compressor) => {
                out.reserve(zstd::zstd_safe::compress_bound(input.len()));
                compressor.compress_to_buffer(input, out).map(|_len| ())
            }
            CompressorState::Noop => {
                out.extend_from_slice(input);
                Ok(())
            }
        }
    }
}

fn lz4_compress(
    input: &[u8],
    out: &mut Vec<u8>,
    table: &mut lz4_flex::block::CompressTable,
) -> io::Result<()> {
    let len = u32::try_from(input.len()).map_err(io::Error::other)?;
    out.resize(LZ4_PREFIX + lz4_flex::block::get_maximum_output_size(input.len()), 0);
    let (prefix, block) = out.split_at_mut(LZ4_PREFIX);
    prefix.copy_from_slice(&len.to_le_bytes());
    let written = lz4_flex::block::compress_into_with_table(input, block, table).map_err(io::Error::other)?;
    out.truncate(LZ4_PREFIX + written);
    Ok(())
}

/// As `LZ4_compress_HC` of the C library does, which lz4-java calls too: levels above its highest,
/// 12, are 12.
#[cfg(feature = "lz4-high")]
fn lz4_compress_high(input: &[u8], out: &mut Vec<u8>, level: i32) -> io::Result<()> {
    use lz4::block::{CompressionMode, compress_bound, compress_to_buffer};

    let len = u32::try_from(input.len()).map_err(io::Error::other)?;
    out.resize(LZ4_PREFIX + compress_bound(input.len())?, 0);
    let (prefix, block) = out.split_at_mut(LZ4_PREFIX);
    prefix.copy_from_slice(&len.to_le_bytes());
    let written = compress_to_buffer(input, Some(CompressionMode::HIGHCOMPRESSION(level)), false, block)?;
    out.truncate(LZ4_PREFIX + written);
    Ok(())
}

#[cfg(feature = "deflate")]
fn deflate(input: &[u8], out: &mut Vec<u8>, state: &mut zlib_rs::Deflate) -> io::Result<()> {
    state.reset();
    // zlib's bound for its default parameters: one call compresses all.
    out.resize(input.len() + (input.len() >> 12) + (input.len() >> 14) + (input.len() >> 25) + 64, 0);
    let status = state
        .compress(input, out, zlib_rs::DeflateFlush::Finish)
        .map_err(|error| io::Error::other(error.as_str()))?;
    if status != zlib_rs::Status::StreamEnd {
        return Err(io::Error::other("deflate needs more room than zlib's bound"));
    }
    out.truncate(usize::try_from(state.total_out()).map_err(io::Error::other)?);
    Ok(())
}

/// The window of 32 KiB that zlib and Java use.
#[cfg(feature = "deflate")]
const WINDOW_BITS: u8 = 15;

/// Bytes before an LZ4 block.
const LZ4_PREFIX: usize = 4;

/// Decompresses chunk after chunk with state that is made when first needed.
#[derive(Default)]
pub(super) struct Decompressor {
    #[cfg(feature = "deflate")]
    inflate: Option<zlib_rs::Inflate>,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Fills `out` from `payload`, or describes the fault. `codec` must be available.
    pub(super) fn decompress(&mut self, codec: Codec, payload: &[u8], out: &mut [u8]) -> Result<(), String> {
        let expected = out.len();
        let len = match codec {
            Codec::Lz4 => lz4_decompress(payload, out)?,
            #[cfg(feature = "snappy")]
            Codec::Snappy => {
                snap::raw::Decoder::new().decompress(payload, out).map_err(|error| error.to_string())?
            }
            #[cfg(feature = "deflate")]
            Codec::Deflate => inflate(payload, out, self.inflate.get_or_insert_with(inflater))?,
            #[cfg(feature = "zstd")]
            Codec::Zstd => {
                let state = match &mut self.zstd {
                    Some(state) => state,
                    none => none.insert(zstd::bulk::Decompressor::new().map_err(|error| error.to_string())?),
                };
                state.decompress_to_buffer(payload, out).map_err(|error| error.to_string())?
            }
            Codec::Noop => {
                out.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
                payload.len()
            }
            #[cfg(not(feature = "snappy"))]
            Codec::Snappy => return Err(codec.unavailable().to_string()),
            #[cfg(not(feature = "deflate"))]
            Codec::Deflate => return Err(codec.unavailable().to_string()),
            #[cfg(not(feature = "zstd"))]
            Codec::Zstd => return Err(codec.unavailable().to_string()),
        };
        if len == expected { Ok(()) } else { Err(format!("{len} bytes of data")) }
    }
}

impl Decompressor {
    /// Bytes of data in a payload of which nothing is known; `None` if it is none of the codec's,
    /// or holds more than `most` bytes.
    pub(super) fn data_len(&mut self, codec: Codec, payload: &[u8], most: u32) -> Option<usize> {
        let most = usize::try_from(most).ok()?;
        let said = match codec {
            Codec::Lz4 => {
                payload.first_chunk().and_then(|prefix| usize::try_from(u32::from_le_bytes(*prefix)).ok())
            }
            #[cfg(feature = "snappy")]
            Codec::Snappy => snap::raw::decompress_len(payload).ok(),
            #[cfg(feature = "zstd")]
            Codec::Zstd => zstd::zstd_safe::get_frame_content_size(payload)
                .ok()
                .flatten()
                .and_then(|len| usize::try_from(len).ok()),
            #[cfg(feature = "deflate")]
            Codec::Deflate => {
                let state = self.inflate.get_or_insert_with(inflater);
                inflate(payload, &mut vec![0; most], state).ok()
            }
            Codec::Noop => Some(payload.len()),
            #[cfg(not(all(feature = "snappy", feature = "zstd", feature = "deflate")))]
            _ => None,
        };
        let len = said.filter(|len| *len <= most)?;
        self.decompress(codec, payload, &mut vec![0; len]).ok()?;
        Some(len)
    }
}

fn lz4_decompress(payload: &[u8], out: &mut [u8]) -> Result<usize, String> {
    let (prefix, block) = payload.split_first_chunk().ok_or("a payload without its length")?;
    let len = u32::from_le_bytes(*prefix);
    if usize::try_from(len).ok() != Some(out.len()) {
        return Err(format!("a length of {len} bytes before the block"));
    }
    lz4_flex::block::decompress_into(block, out).map_err(|error| error.to_string())
}

#[cfg(feature = "deflate")]
fn inflater() -> zlib_rs::Inflate {
    zlib_rs::Inflate::new(true, WINDOW_BITS)
}

#[cfg(feature = "deflate")]
fn inflate(payload: &[u8], out: &mut [u8], state: &mut zlib_rs::Inflate) -> Result<usize, String> {
    use zlib_rs::{InflateFlush, Status};

    state.reset(true);
    let mut spare = [0];
    loop {
        let position = |total: u64| usize::try_from(total).unwrap_or(usize::MAX);
        let (consumed, produced) = (position(state.total_in()), position(state.total_out()));
        let rest = payload.get(consumed..).unwrap_or_default();
        // The stream's end may only be noticed with room for a byte more.
        let room = match out.get_mut(produced..) {
            Some(room) if !room.is_empty() => room,
            _ => &mut spare,
        };
        let status =
            state.decompress(rest, room, InflateFlush::Finish).map_err(|error| error.as_str().to_owned())?;
        let stuck = position(state.total_in()) == consumed && position(state.total_out()) == produced;
        if status == Status::StreamEnd || position(state.total_out()) > out.len() {
            return Ok(position(state.total_out()));
        }
        if stuck {
            return Err("a stream that ends early".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_both_ways() {
        for (codec, class) in CLASSES {
            assert_eq!(Codec::from_class(class), Some(codec));
            assert_eq!(Codec::from_class(codec.simple_class_name()), Some(codec));
            assert_eq!(class, format!("{PACKAGE}{}", codec.simple_class_name()));
        }
        assert_eq!(Codec::from_class("LzoCompressor"), None);
        assert_eq!(Codec::from_class("x.LZ4Compressor"), None);
    }

    fn inputs() -> [Vec<u8>; 4] {
        let noise = (0..70_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
        [Vec::new(), b"x".to_vec(), b"foo bar baz ".repeat(1300), noise]
    }

    #[test]
    fn what_is_compressed_is_decompressed() {
        for (codec, _) in CLASSES.into_iter().filter(|(codec, _)| codec.is_available()) {
            let mut compressor = Compressor::new(codec, None).unwrap();
            let mut decompressor = Decompressor::default();
            let mut payload = Vec::new();
            for input in inputs().iter().chain(&inputs()) {
                compressor.compress(input, &mut payload).unwrap();
                let mut out = vec![0xEE; input.len()];
                decompressor.decompress(codec, &payload, &mut out).unwrap();
                assert!(out == *input, "{codec:?} {}", input.len());
                // Any other length is an error.
                let mut longer = vec![0; input.len() + 1];
                decompressor.decompress(codec, &payload, &mut longer).unwrap_err();
                if let Some(shorter) = input.len().checked_sub(1) {
                    decompressor.decompress(codec, &payload, &mut out[..shorter]).unwrap_err();
                }
            }
        }
    }

    #[test]
    fn damaged_payloads_are_errors_or_other_bytes() {
        let input = b"some words, some words, some other words".repeat(20);
        for (codec, _) in CLASSES.into_iter().filter(|(codec, _)| codec.is_available()) {
            let mut compressor = Compressor::new(codec, None).unwrap();
            let mut decompressor = Decompressor::default();
            let mut payload = Vec::new();
            compressor.compress(&input, &mut payload).unwrap();
            let mut out = vec![0; input.len()];
            for at in 0..payload.len() {
                let mut damaged = payload.clone();
                damaged[at] ^= 0x55;
                // Only the chunk's checksum finds all damage; here nothing may panic or hang.
                let found = decompressor.decompress(codec, &damaged, &mut out);
                assert!(found.is_err() || out.len() == input.len());
                if codec != Codec::Noop {
                    decompressor.decompress(codec, &payload[..at], &mut out).unwrap_err();
                }
            }
            decompressor.decompress(codec, &payload, &mut out).unwrap();
            assert!(out == input, "{codec:?}");
        }
    }
}
