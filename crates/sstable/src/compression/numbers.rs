//! The lists in CompressionInfo.db and CRC.db, which grow with the data and are read by page.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::SsTableError;
use crate::paged_file::PagedFile;

/// Numbers of `N` bytes each, big-endian, as components have them: in memory, or taken from the
/// file when they are needed.
#[derive(Debug, Clone)]
pub(super) struct Numbers<const N: usize> {
    path: PathBuf,
    file: PagedFile,
    /// Where in the file they begin.
    start: u64,
    count: u32,
}

impl<const N: usize> Numbers<N> {
    /// The `count` numbers from `start` of the file at `path` on.
    pub(super) fn paged(path: &Path, file: PagedFile, start: u64, count: u32) -> Numbers<N> {
        Numbers { path: path.to_owned(), file, start, count }
    }

    /// Numbers that were decoded from the file at `path`; beyond 2^32 they aren't requested.
    pub(super) fn held(path: &Path, numbers: impl Iterator<Item = [u8; N]>) -> Numbers<N> {
        let bytes: Vec<u8> = numbers.flatten().collect();
        let count = u32::try_from(bytes.len() / N).unwrap_or(u32::MAX);
        Numbers::paged(path, Bytes::from(bytes).into(), 0, count)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Number `index`; `None` after the last.
    pub(super) fn get(&self, index: u32) -> Result<Option<[u8; N]>, SsTableError> {
        if index >= self.count {
            return Ok(None);
        }
        let found = self.file.array(self.start + u64::from(index) * N as u64);
        found.map(Some).map_err(|error| SsTableError::new(&self.path, error))
    }

    /// The file that they are in.
    pub(super) fn file(&self) -> &PagedFile {
        &self.file
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
