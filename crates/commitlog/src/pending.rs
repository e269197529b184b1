//! Bytes between `append` and the operating system.
//!
//! Appending copies a record into memory; committing hands over all that was appended so far, in
//! one write, for every caller that waits. One caller at a time writes: callers that append
//! meanwhile fill another buffer, and the first of them that gets its turn writes for the rest.
//! Nothing is acknowledged before it was handed over, so that a killed process loses nothing that
//! was.

use std::sync::Arc;

use helenus_io::{IoError, WriteFile};
use helenus_types::LogPosition;
use smallvec::SmallVec;

use crate::segment::Segment;

/// A buffer that has grown beyond this is given back after use.
const KEPT_CAPACITY: usize = 1 << 20;

/// Bytes for one segment, or several if the log went on in another one meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    pieces: SmallVec<[Piece; 2]>,
}

/// Bytes that are written to one place of one file.
#[derive(Debug)]
struct Piece {
    segment: u64,
    file: Arc<dyn WriteFile>,
    offset: u32,
    len: u32,
}

/// The turn to write.
#[derive(Debug)]
pub(crate) struct Writer {
    /// All before this was handed over.
    pub(crate) written: LogPosition,
    /// Empty between writes: the buffer that is exchanged for the full one.
    pub(crate) taken: Pending,
}

impl Writer {
    pub(crate) fn new(written: LogPosition) -> Self {
        Self { written, taken: Pending::default() }
    }
}

impl Pending {
    /// Adds `parts`, `len` bytes in all, at the end of `segment`, and advances it past them.
    pub(crate) fn add<'a>(&mut self, segment: &mut Segment, len: u32, parts: impl Iterator<Item = &'a [u8]>) {
        let (id, offset) = (segment.header.id, segment.offset);
        match self.pieces.last_mut() {
            Some(piece) if piece.segment == id => piece.len += len,
            _ => self.pieces.push(Piece { segment: id, file: Arc::clone(&segment.file), offset, len }),
        }
        let before = self.bytes.len();
        parts.for_each(|part| self.bytes.extend_from_slice(part));
        assert_eq!(self.bytes.len() - before, len as usize, "parts are as long as said");
        segment.offset += len;
    }

    /// Writes everything, in order, and is empty then.
    pub(crate) fn write(&mut self) -> Result<(), IoError> {
        let mut rest = self.bytes.as_slice();
        for piece in &self.pieces {
            let (bytes, after) = rest.split_at(piece.len as usize);
            piece.file.write_at(u64::from(piece.offset), bytes)?;
            rest = after;
        }
        assert!(rest.is_empty(), "pieces cover the bytes");
        self.pieces.clear();
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        }
        Ok(())
    }
}
