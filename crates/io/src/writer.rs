//! A buffered sequential writer.

use std::sync::Arc;

use crate::{Result, WriteFile};

/// Gathers sequential writes to a file into pieces. Nothing happens on drop: call
/// [`FileWriter::finish`], or the gathered bytes are not written.
#[derive(Debug)]
pub struct FileWriter {
    file: Arc<dyn WriteFile>,
    /// Where in the file the gathered bytes begin.
    written: u64,
    gathered: Vec<u8>,
    piece_len: usize,
}

impl FileWriter {
    /// Bytes per write unless said otherwise.
    pub const DEFAULT_PIECE_LEN: usize = 256 * 1024;

    /// Writes from the beginning of `file`.
    #[must_use]
    pub fn new(file: Arc<dyn WriteFile>) -> Self {
        Self::with_piece_len(file, 0, Self::DEFAULT_PIECE_LEN)
    }

    /// Writes from `offset` of `file`, about `piece_len` bytes at a time.
    #[must_use]
    pub fn with_piece_len(file: Arc<dyn WriteFile>, offset: u64, piece_len: usize) -> Self {
        Self { file, written: offset, gathered: Vec::with_capacity(piece_len), piece_len }
    }

    /// Where in the file the next byte will go.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.written + self.gathered.len() as u64
    }

    /// The file that is written to, without the gathered bytes.
    #[must_use]
    pub fn file(&self) -> &Arc<dyn WriteFile> {
        &self.file
    }

    /// Adds `bytes` at the end. They are written at once, without a copy, if they fill a piece.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.gathered.len() + bytes.len() > self.piece_len {
            self.flush()?;
            if bytes.len() >= self.piece_len {
                self.file.write_at(self.written, bytes)?;
                self.written += bytes.len() as u64;
                return Ok(());
            }
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the gathered bytes to the file. After an error the writer is of no further use.
    pub fn flush(&mut self) -> Result<()> {
        if !self.gathered.is_empty() {
            self.file.write_at(self.written, &self.gathered)?;
            self.written += self.gathered.len() as u64;
            self.gathered.clear();
        }
        Ok(())
    }

    /// Writes the rest and makes the file durable (its name is the directory's matter); the length.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.file.sync_all()?;
        Ok(self.written)
    }
}
