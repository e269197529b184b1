//! Reads Data.db by chunks, compressed or not, and checks their checksums.
//!
//! Each chunk has one checksum; the chunks of an uncompressed file are the slices of `CRC.db`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::ReadFile;

use super::codec::Decompressor;
use super::numbers::Numbers;
use super::{CRC_LEN, Codec, CompressionInfo, CompressionParams, CrcComponent, NEVER_RAW, PLAIN_CHUNK_LEN};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::paged_file::{HeldPage, PagedFile};
use crate::version::Version;

/// What CompressionInfo.db may say before its offsets: names and options of a few bytes.
const MAX_INFO_HEAD_LEN: usize = 16 << 10;

/// Whether a chunk's checksum is compared. The table option `crc_check_chance` is a probability:
/// the table's sampler decides for each read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkVerification {
    /// Compute and compare.
    Check,
    /// Trust the disk.
    Skip,
}

/// The facts of a Data.db and its chunks, without the open file.
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
        offsets: Numbers<8>,
    },
    /// Slices; without CRC.db there are no checksums.
    Plain {
        crcs: Option<Numbers<4>>,
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
        let offsets = Numbers::held(&path, info.offsets.iter().map(|offset| offset.to_be_bytes()));
        ChunkedFile::of_chunks(path, file_len, info, offsets)
    }

    /// The compressed Data.db at `path` whose CompressionInfo.db, in a version, stays in its file.
    pub(crate) fn compressed_by(
        path: PathBuf,
        file_len: u64,
        path_of_info: &Path,
        info: PagedFile,
        version: Version,
    ) -> Result<ChunkedFile, SsTableError> {
        if let Some(bytes) = info.whole() {
            return ChunkedFile::compressed(
                path,
                file_len,
                CompressionInfo::decode(path_of_info, bytes, version)?,
            );
        }
        let failed = |error| SsTableError::new(path_of_info, error);
        let mut held = HeldPage::default();
        let head = info.region(&mut held, 0, MAX_INFO_HEAD_LEN).map_err(failed)?;
        let (head, start, count) = CompressionInfo::decode_head(head, info.len(), version)
            .map_err(|error| SsTableError::new(path_of_info, error))?;
        ChunkedFile::of_chunks(path, file_len, head, Numbers::paged(path_of_info, info, start, count))
    }

    fn of_chunks(
        path: PathBuf,
        file_len: u64,
        info: CompressionInfo,
        offsets: Numbers<8>,
    ) -> Result<ChunkedFile, SsTableError> {
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
        let chunk_count = offsets.count();
        let last = offsets.get(chunk_count.saturating_sub(1))?.map_or(0, u64::from_be_bytes);
        if last.saturating_add(CRC_LEN) > file_len {
            let expected = format!("a chunk at {last}");
            return Err(SsTableError::corrupt(path, file_len, expected, "the end of the file"));
        }
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
                offsets,
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

    /// An uncompressed file that may be shorter than its CRC.db says: then the rest of its last
    /// slice has no checksum.
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
            layout: Layout::Plain {
                crcs: Some(Numbers::held(path, crc.crcs.iter().map(|crc| crc.to_be_bytes()))),
            },
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
        let crcs = crc
            .map(|crc| (crc.chunk_len, Numbers::held(&path, crc.crcs.iter().map(|crc| crc.to_be_bytes()))));
        ChunkedFile::of_slices(path, file_len, crcs)
    }

    /// The uncompressed Data.db at `path` whose CRC.db stays in its file.
    pub(crate) fn plain_by(
        path: PathBuf,
        file_len: u64,
        path_of_crc: &Path,
        crc: PagedFile,
    ) -> Result<ChunkedFile, SsTableError> {
        let head = crc.array(0).map_err(|error| SsTableError::new(path_of_crc, error))?;
        let (chunk_len, count) = CrcComponent::decode_head(head, crc.len())
            .map_err(|error| SsTableError::new(path_of_crc, error))?;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let crcs = Numbers::paged(path_of_crc, crc, CrcComponent::HEAD_LEN, count);
        ChunkedFile::of_slices(path, file_len, Some((chunk_len, crcs)))
    }

    /// Slices of a length, with their checksums.
    fn of_slices(
        path: PathBuf,
        file_len: u64,
        crcs: Option<(u32, Numbers<4>)>,
    ) -> Result<ChunkedFile, SsTableError> {
        let chunk_len = crcs.as_ref().map_or(PLAIN_CHUNK_LEN, |(chunk_len, _)| *chunk_len);
        let chunk_count = file_len.div_ceil(u64::from(chunk_len));
        let mut stored = chunk_count;
        if let Some((_, crcs)) = &crcs {
            stored = u64::from(crcs.count());
            // One more may be there that has no bytes.
            if stored == chunk_count + 1
                && crcs.get(crcs.count() - 1)? == Some(crc32fast::hash(&[]).to_be_bytes())
            {
                stored = chunk_count;
            }
        }
        match u32::try_from(chunk_count) {
            Ok(chunk_count) if u64::from(chunk_count) == stored => Ok(ChunkedFile {
                path,
                data_len: file_len,
                file_len,
                chunk_len,
                chunk_count,
                layout: Layout::Plain { crcs: crcs.map(|(_, crcs)| crcs) },
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

    /// What CompressionInfo.db says of them, all of it; `None` when they are not compressed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn compression_info(&self) -> Result<Option<CompressionInfo>, SsTableError> {
        let Layout::Compressed { codec, options, max_compressed, offsets } = &self.layout else {
            return Ok(None);
        };
        let offsets = (0..offsets.count()).map(|index| Ok(offsets.get(index)?.map_or(0, u64::from_be_bytes)));
        Ok(Some(CompressionInfo {
            class: codec.simple_class_name().to_owned(),
            options: options.clone(),
            chunk_len: self.chunk_len,
            max_compressed: *max_compressed,
            data_len: self.data_len,
            offsets: offsets.collect::<Result<_, SsTableError>>()?,
        }))
    }

    /// The file with the chunks' offsets, or with their checksums; `None` without any.
    pub(crate) fn map(&self) -> Option<&PagedFile> {
        match &self.layout {
            Layout::Compressed { offsets, .. } => Some(offsets.file()),
            Layout::Plain { crcs } => crcs.as_ref().map(Numbers::file),
        }
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
    pub(super) fn extent(&self, index: u32) -> Result<Option<(u64, u64)>, SsTableError> {
        if index >= self.chunk_count {
            return Ok(None);
        }
        let Layout::Compressed { offsets, .. } = &self.layout else {
            return Ok(Some((self.chunk_position(index), self.chunk_data_len(index) as u64)));
        };
        let Some(start) = offsets.get(index)?.map(u64::from_be_bytes) else { return Ok(None) };
        let end = offsets.get(index + 1)?.map_or(self.file_len, u64::from_be_bytes);
        match end.checked_sub(start).and_then(|len| len.checked_sub(CRC_LEN)) {
            Some(len) => Ok(Some((start, len))),
            None => {
                let expected = "chunk offsets that rise from 0";
                let found = format!("chunk {index} from {start} to {end}");
                Err(SsTableError::corrupt(offsets.path(), 0, expected, found))
            }
        }
    }

    /// The checksum in CRC.db of slice `index` of an uncompressed file.
    pub(super) fn slice_checksum(&self, index: u32) -> Result<Option<u32>, SsTableError> {
        match &self.layout {
            Layout::Plain { crcs: Some(crcs) } => Ok(crcs.get(index)?.map(u32::from_be_bytes)),
            _ => Ok(None),
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

/// Reads chunks of an open Data.db. Shared by threads; the rest of what a read needs is in its
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

    /// Replaces the content of `out` by the data of chunk `index`. Allocates only what `out` and
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
        let Some((offset, len)) = chunks.extent(index)? else {
            let expected = format!("one of {} chunks", chunks.chunk_count);
            return Err(chunks.corrupt(chunks.file_len, expected, format!("chunk {index}")));
        };
        let begin = out.len();
        out.resize(begin + chunks.chunk_data_len(index), 0);
        let Some(out) = out.get_mut(begin..) else { unreachable!("it was made longer") };
        match &chunks.layout {
            Layout::Plain { .. } => {
                self.file.read_exact_at(offset, out)?;
                if verification == ChunkVerification::Skip {
                    return Ok(());
                }
                match chunks.slice_checksum(index)? {
                    Some(stored) => self.compare_checksum(offset, len, stored, out),
                    None => Ok(()),
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
        let begin = usize::try_from(offset - stored_at).ok();
        let rest = begin.zip(usize::try_from(len).ok()).and_then(|(begin, len)| {
            let (payload, rest) = stored.get(begin..)?.split_at_checked(len)?;
            Some((payload, rest.first_chunk()?))
        });
        let Some((payload, crc)) = rest else {
            unreachable!("{len} bytes at {offset} and their checksum were taken")
        };
        if verification == ChunkVerification::Check {
            self.compare_checksum(offset, len, u32::from_be_bytes(*crc), payload)?;
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
