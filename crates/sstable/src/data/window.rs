//! A stretch of the uncompressed data in memory.

use std::sync::Arc;

use bytes::Bytes;
use helenus_rows::ShownKey;
use helenus_types::DecodeError;

use crate::chunk_cache::{CachedFile, ChunkCache};
use crate::compression::{ChunkReader, ChunkScratch, ChunkVerification};
use crate::error::{SsTableError, SsTableErrorKind};

/// Bytes taken from the file at once by a scan.
const READ_AHEAD: usize = 128 << 10;
/// Bytes of data that a scan decompresses at once, if chunks are shorter: the second level cache
/// holds them.
const FILL: usize = 64 << 10;
/// Bytes copied at least from a chunk to those of the one before: how long a row is may not be
/// known yet.
const JOIN: usize = 512;

/// The cache of a window's chunks.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) cache: Arc<ChunkCache>,
    pub(crate) file: CachedFile,
}

/// Bytes of the data from some position on: those that were requested and those read with them.
///
/// Two kinds: one that reads ahead, whose buffer holds chunk after chunk; and one over cached
/// chunks, which lends from the chunk itself and joins chunks in a buffer only while something lies
/// in several of them. Memory is bounded by the largest request (a row) and a constant.
#[derive(Debug)]
pub(crate) struct Window {
    reader: ChunkReader,
    scratch: ChunkScratch,
    verification: ChunkVerification,
    /// `None` reads ahead.
    cached: Option<Cached>,
    /// Position of the first byte of `joined`.
    start: u64,
    joined: Vec<u8>,
    /// The chunk that was loaded last, its number and position.
    chunk: Option<(u32, u64, Bytes)>,
    /// Whether to lend from `joined`.
    is_joined: bool,
    /// Bytes after this position are kept, whatever is requested.
    hold: Option<u64>,
}

impl Window {
    /// A window for sequential reads.
    pub(crate) fn ahead(reader: ChunkReader, verification: ChunkVerification) -> Window {
        Window::new(reader, None, ChunkScratch::with_read_ahead(READ_AHEAD), verification)
    }

    /// A window over chunks shared through the cache.
    pub(crate) fn cached(reader: ChunkReader, cached: Cached, verification: ChunkVerification) -> Window {
        Window::new(reader, Some(cached), ChunkScratch::default(), verification)
    }

    fn new(
        reader: ChunkReader,
        cached: Option<Cached>,
        scratch: ChunkScratch,
        verification: ChunkVerification,
    ) -> Window {
        let is_joined = cached.is_none();
        Window {
            reader,
            scratch,
            verification,
            cached,
            start: 0,
            joined: Vec::new(),
            chunk: None,
            is_joined,
            hold: None,
        }
    }

    /// Turns a cached window to another file, keeping its buffers.
    pub(crate) fn turn_to(&mut self, reader: &ChunkReader, cached: &Cached, verification: ChunkVerification) {
        self.verification = verification;
        if self
            .cached
            .as_ref()
            .is_some_and(|now| now.file == cached.file && Arc::ptr_eq(&now.cache, &cached.cache))
        {
            return;
        }
        self.reader = reader.clone();
        self.cached = Some(cached.clone());
        self.chunk = None;
        self.is_joined = false;
        self.hold = None;
    }

    /// From now on keeps everything after `position`, or (`None`) only what is requested.
    pub(crate) fn hold(&mut self, position: Option<u64>) {
        self.hold = position;
    }

    /// Bytes of the whole data.
    pub(crate) fn data_len(&self) -> u64 {
        self.reader.chunks().data_len()
    }

    /// The bytes in memory from `position` on.
    #[inline]
    pub(crate) fn at(&self, position: u64) -> &[u8] {
        let (start, bytes): (u64, &[u8]) = if self.is_joined {
            (self.start, &self.joined)
        } else {
            match &self.chunk {
                Some((_, start, bytes)) => (*start, bytes),
                None => return &[],
            }
        };
        let skipped = position.checked_sub(start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| bytes.get(skipped..)).unwrap_or_default()
    }

    /// Sees to it that [`at`](Self::at) holds `len` bytes from `position` on. What lies before is
    /// dropped. `key` is that of the partition, or empty, for errors.
    ///
    /// # Errors
    /// When the data ends before, or cannot be read.
    #[inline]
    pub(crate) fn need_in(
        &mut self,
        position: u64,
        len: usize,
        key: ShownKey<'_>,
    ) -> Result<(), SsTableError> {
        if self.at(position).len() >= len {
            return Ok(());
        }
        self.load(position, len, key)
    }

    #[inline(never)]
    fn load(&mut self, position: u64, len: usize, key: ShownKey<'_>) -> Result<(), SsTableError> {
        let data_len = self.data_len();
        let end = position.saturating_add(len as u64);
        if end > data_len {
            let left = data_len.saturating_sub(position);
            let error = DecodeError::new(
                0,
                format!("{len} bytes"),
                format!("the end of the data ({left} bytes left)"),
            );
            return Err(self.corrupt(position, error, key));
        }
        let begin = self.hold.map_or(position, |held| held.min(position));
        let chunks = self.reader.chunks();
        let first = chunks.chunk_at(begin);
        let loaded = if self.cached.is_some() && chunks.chunk_at(end.saturating_sub(1).max(begin)) == first {
            self.is_joined = false;
            self.load_chunk(first)
        } else {
            self.join(begin, usize::try_from(end - begin).unwrap_or(usize::MAX))
        };
        loaded.map_err(|error| self.in_partition(error, position, key))
    }

    /// A chunk's error, with the sought partition.
    #[cold]
    fn in_partition(&self, error: SsTableError, position: u64, key: ShownKey<'_>) -> SsTableError {
        let SsTableErrorKind::Corrupt(DecodeError { offset, expected, found }) = error.kind() else {
            return error;
        };
        let mut found = format!("{found}; read for offset {position} of the uncompressed data");
        push_key(key, &mut found);
        SsTableError::corrupt(error.file(), *offset, expected.clone(), found)
    }

    /// Lends the bytes from `position` on from the joint buffer, which gets `len` of them at least.
    fn join(&mut self, position: u64, len: usize) -> Result<(), SsTableError> {
        let kept = self.at(position).len();
        if self.is_joined {
            let dropped = self.joined.len() - kept;
            self.joined.drain(..dropped);
        } else {
            self.joined.clear();
            if let Some((_, start, bytes)) = self.chunk.as_ref().filter(|_| kept > 0) {
                let Some(rest) = bytes.get(skipped(position, *start)..) else {
                    unreachable!("the chunk holds {kept} bytes from {position} on")
                };
                self.joined.extend_from_slice(rest);
            }
        }
        self.is_joined = true;
        self.start = position;
        if self.joined.is_empty() {
            // Begins somewhere in a chunk: the bytes before are dropped with the next load.
            let chunks = self.reader.chunks();
            self.start = chunks.chunk_position(chunks.chunk_at(position));
        }
        let skipped = skipped(position, self.start);
        let wanted = skipped.saturating_add(if self.cached.is_some() { len } else { len.max(FILL) });
        while self.joined.len() < wanted {
            match self.append_next(wanted) {
                Ok(true) => {}
                Ok(false) => break,
                // A read-ahead chunk failed: the error is reported only when its bytes are
                // requested.
                Err(_) if self.joined.len() >= skipped.saturating_add(len) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends the next bytes to the joint buffer, from one chunk; false at the end of the data.
    fn append_next(&mut self, wanted: usize) -> Result<bool, SsTableError> {
        let at = self.start + self.joined.len() as u64;
        if at >= self.data_len() {
            return Ok(false);
        }
        let index = self.reader.chunks().chunk_at(at);
        if self.cached.is_some() {
            self.load_chunk(index)?;
            // The following bytes are lent from the chunk itself again, unless earlier ones are held.
            let least = if self.hold.is_some() { usize::MAX } else { JOIN };
            let len = wanted.saturating_sub(self.joined.len()).max(least);
            let rest = self.chunk.as_ref().and_then(|(_, start, bytes)| bytes.get(skipped(at, *start)..));
            let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
                unreachable!("chunk {index} of the cache holds the byte at {at}")
            };
            self.joined.extend_from_slice(rest.get(..len).unwrap_or(rest));
        } else {
            let before = self.joined.len();
            let read = self.reader.append(index, self.verification, &mut self.scratch, &mut self.joined);
            if read.is_err() {
                self.joined.truncate(before);
            }
            read?;
        }
        Ok(true)
    }

    fn load_chunk(&mut self, index: u32) -> Result<(), SsTableError> {
        if self.chunk.as_ref().is_some_and(|(loaded, ..)| *loaded == index) {
            return Ok(());
        }
        let Some(cached) = &self.cached else { unreachable!("chunks are lent by the cache alone") };
        let (reader, verification, scratch) = (&self.reader, self.verification, &mut self.scratch);
        let bytes = cached.cache.get_or_load(cached.file, index, || {
            let mut bytes = Vec::with_capacity(reader.chunks().chunk_data_len(index));
            reader.read(index, verification, scratch, &mut bytes)?;
            Ok::<_, SsTableError>(Bytes::from(bytes))
        })?;
        self.chunk = Some((index, self.reader.chunks().chunk_position(index), bytes));
        Ok(())
    }

    /// An error in the bytes from `position` on, inside the partition of `key`.
    #[cold]
    pub(crate) fn corrupt(&self, position: u64, error: DecodeError, key: ShownKey<'_>) -> SsTableError {
        let error = error.shifted(position);
        let chunks = self.reader.chunks();
        let mut found = error.found.into_owned();
        push_key(key, &mut found);
        if chunks.is_compressed() {
            let index = chunks.chunk_at(error.offset);
            let inside = error.offset - chunks.chunk_position(index).min(error.offset);
            found.push_str(&format!(" (offset of uncompressed data; byte {inside} of chunk {index})"));
        }
        SsTableError::corrupt(chunks.path(), error.offset, error.expected, found)
    }
}

/// Bytes from `start` of a buffer to `position`, which is in it or in a chunk.
fn skipped(position: u64, start: u64) -> usize {
    let Ok(skipped) = usize::try_from(position - start) else { unreachable!("buffers fit into memory") };
    skipped
}

fn push_key(key: ShownKey<'_>, text: &mut String) {
    if !key.key.is_empty() {
        text.push_str(&format!(" in partition {key}"));
    }
}
