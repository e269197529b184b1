//! Verifies every checksum of the stored Data.db, in one pass.

use super::writer::ratio;
use super::{CRC_LEN, ChunkReader, ChunkScratch, ChunkVerification, CrcComponent, Digest, WrittenChunks};
use crate::error::SsTableError;

/// Bytes that are read at once.
const READ_LEN: usize = 1 << 20;

impl ChunkReader {
    /// Reads the file from end to end, compares the checksum of each chunk, and computes that of
    /// the whole. `damaged` gets the chunks that differ, `passed` the number of bytes of the file
    /// that have been read.
    ///
    /// # Errors
    /// When the file, or the file with its chunks' offsets, cannot be read.
    pub fn verify_stored(
        &self,
        damaged: &mut dyn FnMut(u32, SsTableError),
        passed: &mut dyn FnMut(u64),
    ) -> Result<Digest, SsTableError> {
        let file_len = self.chunks().file_len();
        let mut buffer = vec![0; READ_LEN.min(usize::try_from(file_len).unwrap_or(READ_LEN))];
        let mut digest = crc32fast::Hasher::new();
        let mut chunk = StoredChunk::default();
        let mut at = 0;
        while at < file_len {
            let len = READ_LEN.min(usize::try_from(file_len - at).unwrap_or(READ_LEN));
            let (bytes, _) = buffer.split_at_mut(len);
            self.file().read_exact_at(at, bytes)?;
            digest.update(bytes);
            chunk.take(self, at, bytes, damaged)?;
            at += len as u64;
            passed(at);
        }
        Ok(Digest(digest.finalize()))
    }
}

impl ChunkReader {
    /// The description that a writer of the file would give, with checksums computed anew.
    ///
    /// # Errors
    /// When the file cannot be read, or a chunk is damaged.
    pub fn describe(&self) -> Result<WrittenChunks, SsTableError> {
        let chunks = self.chunks();
        let (data_len, file_len) = (chunks.data_len(), chunks.file_len());
        let mut first = None;
        let digest = self.verify_stored(
            &mut |_, error| {
                first.get_or_insert(error);
            },
            &mut |_| {},
        )?;
        if let Some(error) = first {
            return Err(error);
        }
        let compression_info = chunks.compression_info()?;
        let mut compression_ratio = None;
        let mut crc = None;
        if compression_info.is_some() {
            let payload_len = file_len.saturating_sub(CRC_LEN * u64::from(chunks.chunk_count()));
            compression_ratio = Some(ratio(payload_len, data_len));
        } else {
            let (mut scratch, mut bytes, mut crcs) = (ChunkScratch::default(), Vec::new(), Vec::new());
            for slice in 0..chunks.chunk_count() {
                self.read(slice, ChunkVerification::Skip, &mut scratch, &mut bytes)?;
                crcs.push(crc32fast::hash(&bytes));
            }
            crc = Some(CrcComponent { chunk_len: chunks.chunk_len(), crcs });
        }
        Ok(WrittenChunks { data_len, file_len, compression_ratio, digest, compression_info, crc })
    }
}

/// The chunk that is being read.
#[derive(Default)]
struct StoredChunk {
    index: u32,
    crc: crc32fast::Hasher,
    /// The part read so far of the checksum after a compressed chunk.
    stored: u32,
}

impl StoredChunk {
    fn take(
        &mut self,
        reader: &ChunkReader,
        mut at: u64,
        mut bytes: &[u8],
        damaged: &mut dyn FnMut(u32, SsTableError),
    ) -> Result<(), SsTableError> {
        let chunks = reader.chunks();
        let crc_len = if chunks.is_compressed() { CRC_LEN } else { 0 };
        while !bytes.is_empty()
            && let Some((offset, len)) = chunks.extent(self.index)?
        {
            let (payload_end, end) = (offset + len, offset + len + crc_len);
            let until = if at < payload_end { payload_end } else { end };
            let taken = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            if at < payload_end {
                self.crc.update(now);
            } else {
                self.stored = now.iter().fold(self.stored, |crc, byte| crc << 8 | u32::from(*byte));
            }
            at += taken as u64;
            bytes = later;
            if at >= end {
                self.end(reader, offset, len, damaged)?;
            }
        }
        Ok(())
    }

    fn end(
        &mut self,
        reader: &ChunkReader,
        offset: u64,
        len: u64,
        damaged: &mut dyn FnMut(u32, SsTableError),
    ) -> Result<(), SsTableError> {
        let chunks = reader.chunks();
        let StoredChunk { index, crc, stored } = std::mem::take(self);
        let computed = crc.finalize();
        let expected = if chunks.is_compressed() { Some(stored) } else { chunks.slice_checksum(index)? };
        if let Some(expected) = expected.filter(|expected| *expected != computed) {
            let expected = format!("{len} bytes with the checksum {expected:08x}");
            damaged(index, SsTableError::corrupt(chunks.path(), offset, expected, format!("{computed:08x}")));
        }
        self.index = index.saturating_add(1);
        Ok(())
    }
}
