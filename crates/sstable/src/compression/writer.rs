//! Writes Data.db by chunks (`io.compress.CompressedSequentialWriter`).

use std::sync::Arc;

use helenus_io::{FileWriter, IoError, Operation, WriteFile};

use super::codec::Compressor;
use super::{CompressionInfo, CompressionParams, CrcComponent, Digest, PLAIN_CHUNK_LEN};
use crate::error::SsTableError;

/// Writes a Data.db: appended bytes are cut into chunks, which are compressed, checksummed and
/// written.
///
/// Nothing is allocated for a chunk once the buffers have their size, except that the list of
/// offsets grows.
#[derive(Debug)]
pub struct ChunkWriter {
    out: FileWriter,
    chunk_len: usize,
    /// The chunk that is being filled.
    chunk: Vec<u8>,
    /// Bytes of the chunks before it.
    position: u64,
    digest: crc32fast::Hasher,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Compressed(Box<Compressing>),
    Plain { crcs: Vec<u32> },
}

#[derive(Debug)]
struct Compressing {
    params: CompressionParams,
    compressor: Compressor,
    payload: Vec<u8>,
    /// Bytes of all payloads, without checksums.
    payload_len: u64,
    offsets: Vec<u64>,
}

/// The facts of a Data.db once it is written.
#[derive(Debug)]
pub struct WrittenChunks {
    /// Uncompressed bytes.
    pub data_len: u64,
    /// Bytes as stored.
    pub file_len: u64,
    /// Payload bytes by data bytes, for STATS; `None` when not compressed.
    pub compression_ratio: Option<f64>,
    /// Content of Digest.crc32.
    pub digest: Digest,
    /// Content of CompressionInfo.db, when compressed.
    pub compression_info: Option<CompressionInfo>,
    /// Content of CRC.db, when not compressed.
    pub crc: Option<CrcComponent>,
}

impl ChunkWriter {
    /// Writes to the beginning of `file`, compressed as `params` say or not at all.
    ///
    /// # Errors
    /// When this build lacks the codec.
    pub fn new(
        file: Arc<dyn WriteFile>,
        params: Option<CompressionParams>,
    ) -> Result<ChunkWriter, SsTableError> {
        let chunk_len = params.as_ref().map_or(PLAIN_CHUNK_LEN, |params| params.chunk_len);
        let mode = match params {
            None => Mode::Plain { crcs: Vec::new() },
            Some(params) => Mode::Compressed(Box::new(Compressing {
                compressor: Compressor::new(params.codec, params.level())
                    .map_err(|kind| SsTableError::new(file.path(), kind))?,
                params,
                payload: Vec::new(),
                payload_len: 0,
                offsets: Vec::new(),
            })),
        };
        let chunk_len = usize::try_from(chunk_len).unwrap_or(usize::MAX);
        Ok(ChunkWriter {
            out: FileWriter::new(file),
            chunk_len,
            chunk: Vec::with_capacity(chunk_len),
            position: 0,
            digest: crc32fast::Hasher::new(),
            mode,
        })
    }

    /// Position of the next byte in the data, as indexes hold it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position + self.chunk.len() as u64
    }

    /// Bytes in the file so far, without the chunk that is being filled.
    #[must_use]
    pub fn file_position(&self) -> u64 {
        self.out.position()
    }

    /// Adds `bytes` at the end of the data.
    ///
    /// # Errors
    /// When the file cannot be written; the writer is of no use then.
    pub fn append(&mut self, mut bytes: &[u8]) -> Result<(), SsTableError> {
        loop {
            let room = self.chunk_len - self.chunk.len();
            let Some((now, later)) = bytes.split_at_checked(room) else {
                self.chunk.extend_from_slice(bytes);
                return Ok(());
            };
            if self.chunk.is_empty() {
                self.write_chunk(now)?;
            } else {
                self.chunk.extend_from_slice(now);
                self.flush_chunk()?;
            }
            bytes = later;
        }
    }

    /// Writes the last chunk and makes the file durable.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<WrittenChunks, SsTableError> {
        if !self.chunk.is_empty() {
            self.flush_chunk()?;
        }
        let data_len = self.position;
        let file_len = self.out.finish()?;
        let digest = Digest(self.digest.finalize());
        Ok(match self.mode {
            Mode::Plain { crcs } => WrittenChunks {
                data_len,
                file_len,
                compression_ratio: None,
                digest,
                compression_info: None,
                crc: Some(CrcComponent { chunk_len: PLAIN_CHUNK_LEN, crcs }),
            },
            Mode::Compressed(compressing) => WrittenChunks {
                data_len,
                file_len,
                compression_ratio: Some(ratio(compressing.payload_len, data_len)),
                digest,
                compression_info: Some(compressing.info(data_len)),
                crc: None,
            },
        })
    }

    fn flush_chunk(&mut self) -> Result<(), SsTableError> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let written = self.write_chunk(&chunk);
        chunk.clear();
        self.chunk = chunk;
        written
    }

    /// Writes `data`, a whole chunk or the last one.
    fn write_chunk(&mut self, data: &[u8]) -> Result<(), SsTableError> {
        match &mut self.mode {
            Mode::Plain { crcs } => {
                crcs.push(crc32fast::hash(data));
                self.digest.update(data);
                self.out.append(data)?;
            }
            Mode::Compressed(compressing) => {
                compressing.offsets.push(self.out.position());
                compressing.fill_payload(data).map_err(|error| {
                    let path = self.out.file().path();
                    SsTableError::from(IoError::new(Operation::Write, path, error))
                })?;
                let crc = crc32fast::hash(&compressing.payload).to_be_bytes();
                compressing.payload_len += compressing.payload.len() as u64;
                compressing.payload.extend_from_slice(&crc);
                self.digest.update(&compressing.payload);
                self.out.append(&compressing.payload)?;
            }
        }
        self.position += data.len() as u64;
        Ok(())
    }
}

impl Compressing {
    /// Puts the stored form of `data` into `payload`: compressor output, or the data itself where
    /// that is not short enough, padded with zeros so that its length identifies it.
    fn fill_payload(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.compressor.compress(data, &mut self.payload)?;
        let max = usize::try_from(self.params.max_compressed).unwrap_or(usize::MAX);
        if self.payload.len() >= max {
            self.payload.clear();
            self.payload.extend_from_slice(data);
            self.payload.resize(data.len().max(max), 0);
        }
        Ok(())
    }

    fn info(self, data_len: u64) -> CompressionInfo {
        CompressionInfo {
            class: self.params.codec.simple_class_name().to_owned(),
            options: self.params.options,
            chunk_len: self.params.chunk_len,
            max_compressed: self.params.max_compressed,
            data_len,
            offsets: self.offsets,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a statistic, and exact below 2^53 as in Java")]
pub(super) fn ratio(payload_len: u64, data_len: u64) -> f64 {
    payload_len as f64 / data_len as f64
}
