//! Reads Data.db by chunks, compressed or not, and checks their checksums.
//!
//! Each chunk has one checksum; the chunks of an uncompressed file are the slices of `CRC.db`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::ReadFile;

use super::codec::Decompressor;
use super::{CRC_LEN, Codec, CompressionInfo, CompressionParams, CrcComponent, NEVER_RAW, PLAIN_CHUNK_LEN};
use crate::error::{SsTableError, SsTableErrorKind};

/// Whether a chunk's checksum is compared. The table option `crc_check_chance` is a probability:
/// the table's sampler decides for each read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkVerification {
    /// Compute and compare.
    Check,
    /// Trust the disk.
    Skip,
}

/// What is known of a Data.db and its chunks, apart from the open file.
#[derive(Debug, Clone)]
pub struct ChunkedFile {
    path: PathBuf,
    data_len: u64,
    /// Bytes as stored.
    file_len: u64,
    chunk_len: u32,
    chunk_count: u32,
    layout: Layout,
}

#[derive(Debug, Clone)]
enum Layout {
    Compressed {
        codec: Codec,
        options: Vec<(String, String)>,
        max_compressed: u32,
        offsets: Vec<u64>,
    },
    /// Slices; without CRC.db there are no checksums.
    Plain {
        crcs: Option<Vec<u32>>,
    },
}

impl ChunkedFile {
    /// The compressed Data.db at `path`, of `file_len` bytes.
    ///
    /// # Errors
    /// When the codec is not available, or the file is too short for its chunks.
    pub fn compressed(
        path: impl Into<PathBuf>,
        file_len: u64,
        info: CompressionInfo,
    ) -> Result<ChunkedFile, SsTableError> {
        let path = path.into();
        let Some(codec) = Codec::from_class(&info.class) else {
            let kind = SsTableErrorKind::UnsupportedCompressor {
                class: info.class,
                next_step: "rewrite the table with one of Cassandra's own compressors",
            };
            return Err(SsTableError::new(path, kind));
        };
        if !codec.is_available() {
            return Err(SsTableError::new(path, codec.unavailable()));
        }
        let last = info.offsets.last().copied().unwrap_or(0);
        if last.saturating_add(CRC_LEN) > file_len {
            let expected = format!("a chunk at {last}");
            return Err(SsTableError::corrupt(path, file_len, expected, "the end of the file"));
        }
        let chunk_count = u32::try_from(info.offsets.len()).unwrap_or(u32::MAX);
        Ok(ChunkedFile {
            path,
            data_len: info.data_len,
            file_len,
            chunk_len: info.chunk_len,
            chunk_count,
            layout: Layout::Compressed {
                codec,
                options: info.options,
                max_compressed: info.max_compressed,
                offsets: info.offsets,
            },
        })
    }

    /// The same of a file that may be too short: chunks that aren't there fail when they are read.
    pub(crate) fn salvaged(
        path: &Path,
        file_len: u64,
        info: CompressionInfo,
    ) -> Result<ChunkedFile, SsTableError> {
        let mut chunks = ChunkedFile::compressed(path, u64::MAX, info)?;
        chunks.file_len = file_len;
        Ok(chunks)
    }

    /// An uncompressed file that may be shorter than its CRC.db says: what it has of its last slice
    /// then has no checksum.
    pub(crate) fn plain_cut(path: &Path, file_len: u64, mut crc: CrcComponent) -> ChunkedFile {
        let (chunk_len, stored) = (crc.chunk_len, crc.crcs.len());
        let chunk_count = file_len.div_ceil(u64::from(chunk_len));
        let is_cut = (stored as u64) > chunk_count;
        let whole = if is_cut { file_len / u64::from(chunk_len) } else { chunk_count };
        crc.crcs.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
        ChunkedFile {
            path: path.to_owned(),
            data_len: file_len,
            file_len,
            chunk_len,
            chunk_count: u32::try_from(chunk_count).unwrap_or(u32::MAX),
            layout: Layout::Plain { crcs: Some(crc.crcs) },
        }
    }

    /// The uncompressed Data.db at `path`, of `file_len` bytes, with its CRC.db if there is one.
    ///
    /// # Errors
    /// When CRC.db has another number of checksums than the file has slices, or there would be 2^32
    /// slices.
    pub fn plain(
        path: impl Into<PathBuf>,
        file_len: u64,
        crc: Option<CrcComponent>,
    ) -> Result<ChunkedFile, SsTableError> {
        let path = path.into();
        let chunk_len = crc.as_ref().map_or(PLAIN_CHUNK_LEN, |crc| crc.chunk_len);
        let chunk_count = file_len.div_ceil(u64::from(chunk_len));
        let stored = crc.as_ref().map_or(chunk_count, |crc| crc.slice_count(chunk_count));
        match u32::try_from(chunk_count) {
            Ok(chunk_count) if u64::from(chunk_count) == stored => Ok(ChunkedFile {
                path,
                data_len: file_len,
                file_len,
                chunk_len,
                chunk_count,
                layout: Layout::Plain { crcs: crc.map(|crc| crc.crcs) },
            }),
            _ => {
                let expected = format!("{stored} slices of {chunk_len} bytes, as CRC.db has");
                Err(SsTableError::corrupt(path, file_len, expected, format!("{chunk_count}")))
            }
        }
    }

    /// The path of Data.db.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Uncompressed bytes of the whole.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        self.data_len
    }

    /// Bytes as stored.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    /// Uncompressed bytes of every chunk but the last ones.
    #[must_use]
    pub fn chunk_len(&self) -> u32 {
        self.chunk_len
    }

    /// Number of chunks; compacted tables have one without bytes at the end.
    #[must_use]
    pub fn chunk_count(&self) -> u32 {
        self.chunk_count
    }

    /// Whether the chunks are compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        matches!(self.layout, Layout::Compressed { .. })
    }

    /// The compression of the chunks, as far as the file has it; `None` when they are not
    /// compressed.
    #[must_use]
    pub fn params(&self) -> Option<CompressionParams> {
        let Layout::Compressed { codec, options, max_compressed, .. } = &self.layout else { return None };
        let ratio = f64::from(self.chunk_len) / f64::from(*max_compressed);
        Some(CompressionParams {
            codec: *codec,
            options: options.clone(),
            chunk_len: self.chunk_len,
            max_compressed: *max_compressed,
            min_compress_ratio: if *max_compressed == NEVER_RAW { 0.0 } else { ratio },
        })
    }

    /// What CompressionInfo.db says of them; `None` when they are not compressed.
    #[must_use]
    pub fn compression_info(&self) -> Option<CompressionInfo> {
        let Layout::Compressed { codec, options, max_compressed, offsets } = &self.layout else {
            return None;
        };
        Some(CompressionInfo {
            class: codec.simple_class_name().to_owned(),
            options: options.clone(),
            chunk_len: self.chunk_len,
            max_compressed: *max_compressed,
            data_len: self.data_len,
            offsets: offsets.clone(),
        })
    }

    /// Whether every chunk has a checksum: always when they are compressed, otherwise if there is a
    /// CRC.db.
    #[must_use]
    pub fn has_checksums(&self) -> bool {
        !matches!(self.layout, Layout::Plain { crcs: None })
    }

    /// The chunk that holds the byte at `position` of the data.
    #[must_use]
    pub fn chunk_at(&self, position: u64) -> u32 {
        u32::try_from(position / u64::from(self.chunk_len)).unwrap_or(u32::MAX)
    }

    /// Where in the data chunk `index` begins.
    #[must_use]
    pub fn chunk_position(&self, index: u32) -> u64 {
        u64::from(index) * u64::from(self.chunk_len)
    }

    /// Uncompressed bytes of chunk `index`; 0 past the end.
    #[must_use]
    pub fn chunk_data_len(&self, index: u32) -> usize {
        let left = self.data_len.saturating_sub(self.chunk_position(index));
        usize::try_from(left.min(u64::from(self.chunk_len))).unwrap_or(0)
    }

    /// The offset of chunk `index` in the file, and its length without the checksum after it.
    pub(super) fn extent(&self, index: u32) -> Option<(u64, u64)> {
        if index >= self.chunk_count {
            return None;
        }
        match &self.layout {
            Layout::Compressed { offsets, .. } => {
                let index = usize::try_from(index).ok()?;
                let start = *offsets.get(index)?;
                let end = offsets.get(index + 1).copied().unwrap_or(self.file_len);
                Some((start, end.checked_sub(start)?.checked_sub(CRC_LEN)?))
            }
            Layout::Plain { .. } => Some((self.chunk_position(index), self.chunk_data_len(index) as u64)),
        }
    }

    /// The checksum in CRC.db of slice `index` of an uncompressed file.
    pub(super) fn slice_checksum(&self, index: u32) -> Option<u32> {
        match &self.layout {
            Layout::Plain { crcs: Some(crcs) } => crcs.get(usize::try_from(index).ok()?).copied(),
            _ => None,
        }
    }

    /// Longest payload that is believed: no codec needs a quarter more than its input.
    fn max_payload_len(&self) -> u64 {
        const SMALL: u64 = 1024;
        u64::from(self.chunk_len) + u64::from(self.chunk_len / 4) + SMALL
    }

    #[cold]
    fn corrupt(&self, offset: u64, expected: impl Into<String>, found: impl Into<String>) -> SsTableError {
        SsTableError::corrupt(&self.path, offset, expected.into(), found.into())
    }
}

/// Buffers and decompressors that reads reuse; one for each thread or cursor that reads.
#[derive(Debug, Default)]
pub struct ChunkScratch {
    stored: Vec<u8>,
    /// Where in the file `stored` begins.
    stored_at: u64,
    /// Bytes to take from the file at once, if a chunk is shorter.
    read_ahead: usize,
    decompressor: Decompressor,
}

impl ChunkScratch {
    /// For one cursor over one file that reads chunk after chunk: takes that many bytes from the
    /// file at once.
    #[must_use]
    pub fn with_read_ahead(read_ahead_bytes: usize) -> ChunkScratch {
        ChunkScratch { read_ahead: read_ahead_bytes, ..ChunkScratch::default() }
    }
}

/// Reads chunks of an open Data.db. Shared by threads; what a read needs besides is in its
/// [`ChunkScratch`].
#[derive(Debug, Clone)]
pub struct ChunkReader {
    chunks: Arc<ChunkedFile>,
    file: Arc<dyn ReadFile>,
}

impl ChunkReader {
    /// Reads the chunks of `file`, which is described by `chunks`.
    #[must_use]
    pub fn new(chunks: Arc<ChunkedFile>, file: Arc<dyn ReadFile>) -> ChunkReader {
        ChunkReader { chunks, file }
    }

    /// The places and checksums of the chunks.
    #[must_use]
    pub fn chunks(&self) -> &ChunkedFile {
        &self.chunks
    }

    pub(super) fn file(&self) -> &dyn ReadFile {
        &*self.file
    }

    /// Replaces what is in `out` by the data of chunk `index`. Allocates only what `out` and
    /// `scratch` lack.
    ///
    /// # Errors
    /// When there is no such chunk, the file ends early or cannot be read, a checksum that is to be
    /// compared differs, or the payload does not decompress to exactly the chunk's length.
    pub fn read(
        &self,
        index: u32,
        verification: ChunkVerification,
        scratch: &mut ChunkScratch,
        out: &mut Vec<u8>,
    ) -> Result<(), SsTableError> {
        out.clear();
        self.append(index, verification, scratch, out)
    }

    /// As [`read`](Self::read), but appends to `out`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read); then the former content of `out` is intact, and the bytes
    /// after it are meaningless.
    pub fn append(
        &self,
        index: u32,
        verification: ChunkVerification,
        scratch: &mut ChunkScratch,
        out: &mut Vec<u8>,
    ) -> Result<(), SsTableError> {
        let chunks = &*self.chunks;
        let Some((offset, len)) = chunks.extent(index) else {
            let expected = format!("one of {} chunks", chunks.chunk_count);
            return Err(chunks.corrupt(chunks.file_len, expected, format!("chunk {index}")));
        };
        let begin = out.len();
        out.resize(begin + chunks.chunk_data_len(index), 0);
        let out = out.get_mut(begin..).unwrap_or_default();
        match &chunks.layout {
            Layout::Plain { crcs } => {
                self.file.read_exact_at(offset, out)?;
                let stored = crcs.as_ref().zip(usize::try_from(index).ok()).and_then(|(crcs, i)| crcs.get(i));
                match stored {
                    Some(stored) if verification == ChunkVerification::Check => {
                        self.compare_checksum(offset, len, *stored, out)
                    }
                    _ => Ok(()),
                }
            }
            Layout::Compressed { codec, max_compressed, .. } => {
                let ChunkScratch { stored, stored_at, read_ahead, decompressor } = scratch;
                self.take_stored(offset, len, *read_ahead, stored, stored_at)?;
                let payload = self.payload(offset, len, verification, stored, *stored_at)?;
                if len >= u64::from(*max_compressed) && *max_compressed != NEVER_RAW {
                    return self.copy_raw(offset, payload, *max_compressed, out);
                }
                decompressor.decompress(*codec, payload, out).map_err(|found| {
                    let expected = format!("{} bytes of data compressed by {codec:?}", out.len());
                    chunks.corrupt(offset, expected, found)
                })
            }
        }
    }

    /// Ensures that `stored` holds the payload of `len` bytes at `offset` and the checksum after
    /// it.
    fn take_stored(
        &self,
        offset: u64,
        len: u64,
        read_ahead: usize,
        stored: &mut Vec<u8>,
        stored_at: &mut u64,
    ) -> Result<(), SsTableError> {
        let most = self.chunks.max_payload_len();
        let whole = usize::try_from(len + CRC_LEN).ok().filter(|_| len <= most).ok_or_else(|| {
            self.chunks.corrupt(offset, format!("a payload of at most {most} bytes"), format!("{len} bytes"))
        })?;
        let end = offset + len + CRC_LEN;
        if read_ahead > 0 && *stored_at <= offset && end <= *stored_at + stored.len() as u64 {
            return Ok(());
        }
        let left = usize::try_from(self.chunks.file_len.saturating_sub(offset)).unwrap_or(usize::MAX);
        stored.resize(whole.max(read_ahead.min(left)), 0);
        *stored_at = offset;
        let read = self.file.read_exact_at(offset, stored);
        if read.is_err() {
            stored.clear();
        }
        Ok(read?)
    }

    /// The payload among the bytes that were taken, its checksum compared.
    fn payload<'a>(
        &self,
        offset: u64,
        len: u64,
        verification: ChunkVerification,
        stored: &'a [u8],
        stored_at: u64,
    ) -> Result<&'a [u8], SsTableError> {
        let begin = usize::try_from(offset.saturating_sub(stored_at)).unwrap_or(usize::MAX);
        let rest = stored.get(begin..).unwrap_or_default();
        let (payload, rest) =
            rest.split_at_checked(usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or_default();
        match rest.first_chunk() {
            Some(crc) if verification == ChunkVerification::Check => {
                self.compare_checksum(offset, len, u32::from_be_bytes(*crc), payload)?;
            }
            _ => {}
        }
        Ok(payload)
    }

    fn compare_checksum(&self, offset: u64, len: u64, stored: u32, bytes: &[u8]) -> Result<(), SsTableError> {
        let computed = crc32fast::hash(bytes);
        if computed == stored {
            return Ok(());
        }
        let expected = format!("{len} bytes with the checksum {stored:08x}");
        Err(self.chunks.corrupt(offset, expected, format!("{computed:08x}")))
    }

    /// A short last chunk is padded with zeros up to the length that says that it is raw.
    fn copy_raw(&self, offset: u64, payload: &[u8], min: u32, out: &mut [u8]) -> Result<(), SsTableError> {
        let padded = u64::from(min).max(out.len() as u64);
        match payload.split_at_checked(out.len()) {
            Some((data, _padding)) if payload.len() as u64 == padded => {
                out.copy_from_slice(data);
                Ok(())
            }
            _ => {
                Err(self.chunks.corrupt(offset, format!("{padded} raw bytes"), format!("{}", payload.len())))
            }
        }
    }
}
