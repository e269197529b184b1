//! Reads of Data.db at chosen positions, for tools that work on damaged data.

use std::sync::Arc;

use helenus_rows::{DeletionTime, Header, RowRef, ShownKey, Unfiltered, UnfilteredFrame, read_unfiltered};
use helenus_types::{Reader, Token};

use super::frame::{Head, Item};
use super::window::Window;
use crate::error::SsTableError;

/// Reads items at places that the caller names: for tools that look for what can still be read of
/// damaged data.
///
/// Unlike [`Scan`](super::Scan) it doesn't know where it is: head and rows of a partition are read
/// one by one, each in bounds that the caller gives. A failed read leaves it usable. Going forwards
/// costs what a scan costs; going back reads chunks again.
#[derive(Debug)]
pub struct DataCursor {
    header: Arc<Header>,
    window: Window,
    head: Head,
    current: Option<Item>,
}

/// The item that [`DataCursor::unfiltered`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A row or marker, which [`DataCursor::current`] lends, and the position after it.
    Unfiltered(u64),
    /// The end of the partition, and the position after it.
    EndOfPartition(u64),
    /// A row or marker that extends beyond the limit.
    TooLong,
}

impl DataCursor {
    pub(crate) fn new(header: Arc<Header>, window: Window) -> DataCursor {
        DataCursor { header, window, head: Head::default(), current: None }
    }

    /// The header that rows are encoded against.
    #[must_use]
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Reads the key of a partition that begins at `start`; returns the position after it.
    ///
    /// # Errors
    /// When the data can't be read there, or ends.
    pub fn read_key(&mut self, start: u64) -> Result<u64, SsTableError> {
        self.current = None;
        self.head.read_key(&mut self.window, &self.header, &[], start)?;
        Ok(start + 2 + self.head.key.len() as u64)
    }

    /// The key that was read last. Empty before the first, and after one that couldn't be read.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.head.key
    }

    /// Its token, or the substitute for partitioners without one.
    #[must_use]
    pub fn token(&self) -> Token {
        self.head.token
    }

    /// Reads the deletion of a partition, which is at `at`; returns the position after it.
    ///
    /// # Errors
    /// When the data can't be read there, or is no deletion.
    pub fn read_deletion(&mut self, at: u64) -> Result<(DeletionTime, u64), SsTableError> {
        self.current = None;
        self.head.deletion = DeletionTime::LIVE;
        let end = self.head.read_deletion(&mut self.window, &self.header, at)?;
        Ok((self.head.deletion, end))
    }

    /// Reads the static row at `at`, for tables that have static columns; returns the position
    /// after it.
    ///
    /// # Errors
    /// When the data can't be read there, or is no static row that ends by `limit`.
    pub fn read_static_row(&mut self, at: u64, limit: u64) -> Result<u64, SsTableError> {
        self.current = None;
        self.head.has_static_row = false;
        self.head.read_static_row(&mut self.window, &self.header, at, limit)
    }

    /// The static row that was read last, unless it is empty.
    #[must_use]
    pub fn static_row(&self) -> Option<RowRef<'_>> {
        self.head.static_row(&self.header)
    }

    /// Reads the row, marker or end of a partition at `at`. A row may be empty.
    ///
    /// # Errors
    /// When the data can't be read there, or is none of these.
    pub fn unfiltered(&mut self, at: u64, limit: u64) -> Result<Found, SsTableError> {
        self.current = None;
        loop {
            let needed = match read_unfiltered(&self.header, self.window.at(at), 0, false) {
                Ok(UnfilteredFrame::Unfiltered(unfiltered, end)) => {
                    let next = at + end as u64;
                    if next > limit {
                        return Ok(Found::TooLong);
                    }
                    self.current = Some(Item::new(unfiltered, at, end));
                    return Ok(Found::Unfiltered(next));
                }
                Ok(UnfilteredFrame::EndOfPartition(end)) => {
                    return Ok(Found::EndOfPartition(at + end as u64));
                }
                Ok(UnfilteredFrame::Incomplete(needed)) => needed,
                Err(error) => {
                    return Err(self.window.corrupt(at, error, ShownKey::new(&self.header, &self.head.key)));
                }
            };
            if at.saturating_add(needed as u64) > limit {
                return Ok(Found::TooLong);
            }
            self.window.need_in(at, needed, ShownKey::new(&self.header, &self.head.key))?;
        }
    }

    /// The row or marker that was read last.
    #[must_use]
    pub fn current(&self) -> Option<Unfiltered<'_>> {
        Some(self.current.as_ref()?.get(&self.header, &self.window))
    }

    /// The distance, stored in the row or marker that was read last, from the start of the one
    /// before it, or for the first one from the start of the partition. Readers don't need it: it
    /// shows whether bytes are a row.
    #[must_use]
    pub fn previous_size(&self) -> Option<u64> {
        let item = self.current.as_ref()?;
        let mut reader = Reader::at(self.window.at(item.start), item.sized_at());
        reader.unsigned_vint().ok()?;
        reader.unsigned_vint().ok()
    }

    /// From now on keeps everything after `position` in memory, or (`None`) only what is read: for
    /// reads ahead that may be taken back.
    pub fn hold(&mut self, position: Option<u64>) {
        self.window.hold(position);
    }
}
