//! All partitions of a range of Data.db as a stream, in large reads that bypass the chunk cache.

use std::sync::Arc;

use helenus_rows::{Header, PartitionRef, RowRef, StreamError, Unfiltered, UnfilteredStream};

use super::frame::{Head, Item, Step, next_item};
use super::window::Window;
use crate::error::SsTableError;

/// Goes through partitions that follow each other in a Data.db, forwards, in large reads that
/// bypass the cache.
///
/// Rows are lent from the window: nothing is copied and nothing allocated for a row. A partition's
/// key and static row are copied into buffers of the scan.
#[derive(Debug)]
pub struct Scan {
    header: Arc<Header>,
    window: Window,
    /// Where the next row, marker or partition begins.
    next: u64,
    /// Where the range that is scanned ends.
    end: u64,
    head: Head,
    is_inside: bool,
    current: Option<Item>,
}

impl Scan {
    /// The partitions that begin from `start` on and before `end`.
    pub(crate) fn new(header: Arc<Header>, window: Window, start: u64, end: u64) -> Scan {
        Scan { header, window, next: start, end, head: Head::default(), is_inside: false, current: None }
    }

    /// The stream's position in the uncompressed data: after the current row or marker, or before
    /// the first one.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Where in the uncompressed data the current row or marker begins.
    #[must_use]
    pub fn current_position(&self) -> Option<u64> {
        self.current.map(|item| item.start)
    }

    /// Where in the uncompressed data the current partition begins.
    #[must_use]
    pub fn partition_position(&self) -> u64 {
        self.head.start
    }

    /// As [`UnfilteredStream::next_partition`].
    ///
    /// # Errors
    /// Damage or a failed read; the scan is at its end then.
    pub fn next_partition(&mut self) -> Result<bool, SsTableError> {
        while self.advance()? {}
        if self.next >= self.end {
            return Ok(false);
        }
        if let Err(error) = self.head.read(&mut self.window, &self.header, &[], self.next) {
            self.next = self.end;
            return Err(error);
        }
        self.next = self.head.body;
        self.is_inside = true;
        Ok(true)
    }

    /// As [`UnfilteredStream::advance`].
    ///
    /// # Errors
    /// Damage or a failed read; the scan is at its end then.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, SsTableError> {
        if !self.is_inside {
            self.current = None;
            return Ok(false);
        }
        match next_item(&mut self.window, &self.header, &self.head.key, self.next) {
            Ok(Step::Item(item, next)) => {
                self.current = Some(item);
                self.next = next;
                Ok(true)
            }
            Ok(Step::End(next)) => {
                self.current = None;
                self.is_inside = false;
                self.next = next;
                Ok(false)
            }
            Err(error) => {
                self.current = None;
                self.is_inside = false;
                self.next = self.end;
                Err(error)
            }
        }
    }
}

impl UnfilteredStream for Scan {
    fn header(&self) -> &Arc<Header> {
        &self.header
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        Scan::next_partition(self).map_err(StreamError::new)
    }

    fn partition(&self) -> PartitionRef<'_> {
        PartitionRef { token: self.head.token, key: &self.head.key, deletion: self.head.deletion }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.head.static_row(&self.header)
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, StreamError> {
        Scan::advance(self).map_err(StreamError::new)
    }

    #[inline]
    fn current(&self) -> Option<Unfiltered<'_>> {
        Some(self.current.as_ref()?.get(&self.header, &self.window))
    }

    #[inline]
    fn is_at_row(&self) -> bool {
        self.current.is_some_and(|item| item.is_row())
    }
}
