//! The growing end of an index file.

/// Nodes must not cross a boundary of this many bytes: Cassandra reads them from one page.
pub(super) const PAGE_BYTES: usize = 4096;

/// Bytes appended to an index file and not yet taken to be written.
#[derive(Debug, Default)]
pub struct IndexOutput {
    taken: u64,
    bytes: Vec<u8>,
}

impl IndexOutput {
    /// The position in the file of the next byte.
    #[inline]
    #[must_use]
    pub fn position(&self) -> u64 {
        self.taken + self.bytes.len() as u64
    }

    /// The bytes to write next.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the pending bytes, which the caller has written.
    pub fn clear_pending(&mut self) {
        self.taken = self.position();
        self.bytes.clear();
    }

    /// The buffer to append to.
    #[inline]
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Bytes up to the next boundary; a whole page at a boundary.
    #[inline]
    pub(super) fn left_in_page(&self) -> usize {
        let page = PAGE_BYTES as u64;
        // Less than a page fits every integer.
        PAGE_BYTES - usize::try_from(self.position() % page).unwrap_or(0)
    }

    /// Zeros up to the next boundary.
    pub(super) fn pad_to_page(&mut self) {
        let padding = self.left_in_page() % PAGE_BYTES;
        self.bytes.resize(self.bytes.len() + padding, 0);
    }
}
