//! Where a shard's rows live: chunks that are filled once and shared for reading.

use bytes::{BufMut, Bytes, BytesMut};

/// The first chunk is small, so that a thousand idle tables cost little; each next one doubles.
const FIRST_CHUNK_BYTES: usize = 2 << 10;
const LAST_CHUNK_BYTES: usize = 256 << 10;

/// Hands out immutable pieces of big chunks, so that a row costs no allocation of its own.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    chunk: BytesMut,
    next_len: usize,
    allocated: usize,
}

impl Arena {
    /// The concatenation of `parts`, in memory that stays as long as anyone holds it.
    #[inline]
    pub(crate) fn store(&mut self, parts: &[&[u8]]) -> Bytes {
        let len = parts.iter().map(|part| part.len()).sum();
        if self.chunk.capacity() - self.chunk.len() < len {
            self.grow(len);
        }
        for part in parts {
            self.chunk.put_slice(part);
        }
        self.chunk.split().freeze()
    }

    /// Bytes allocated in all, whether used, garbage or still free.
    pub(crate) fn allocated(&self) -> usize {
        self.allocated
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        let chunk = self.next_len.clamp(FIRST_CHUNK_BYTES, LAST_CHUNK_BYTES).max(len);
        self.next_len = chunk.saturating_mul(2);
        self.allocated += chunk;
        self.chunk = BytesMut::with_capacity(chunk);
    }
}
