//! A mutation: updates of partitions that become visible together, encoded once.
//!
//! ```text
//! payload := kind u8, update*            what a record of the log holds
//! kind    := 1  timestamps were chosen by the database   2  by the caller
//! update  := table tag u32, layout u32, length u32, partition update (see `helenus_rows::UpdateRef`)
//! ```

use std::ops::Range;
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_rows::{Bound, DeletionTime, RowRef, UpdateBuilder};
use helenus_types::{DecodeError, Reader, Timestamp, Token};

use super::table::{TableCore, TableState};

const OWN_TIMESTAMPS: u8 = 1;
const CALLERS_TIMESTAMPS: u8 = 2;

/// One partition's share of a mutation.
#[derive(Debug)]
pub(crate) struct PartitionUpdate {
    pub(crate) core: Arc<TableCore>,
    /// The state that the rows are encoded against.
    pub(crate) state: Arc<TableState>,
    pub(crate) token: Token,
    pub(crate) min_timestamp: Timestamp,
    /// Its bytes in the payload.
    pub(crate) bytes: Range<usize>,
}

/// A mutation, ready to be written.
#[derive(Debug, Default)]
pub(crate) struct Mutation {
    pub(crate) payload: Vec<u8>,
    pub(crate) updates: Vec<PartitionUpdate>,
    pub(crate) tags: Vec<TableTag>,
}

/// Collects a mutation in buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct MutationBuilder {
    mutation: Mutation,
    update: UpdateBuilder,
    open: Option<PartitionUpdate>,
}

impl MutationBuilder {
    /// Begins a mutation whose timestamps the database chose, or the caller.
    pub(crate) fn start(&mut self, own_timestamps: bool) {
        self.mutation.payload.clear();
        self.mutation.payload.push(if own_timestamps { OWN_TIMESTAMPS } else { CALLERS_TIMESTAMPS });
        self.mutation.updates.clear();
        self.mutation.tags.clear();
        self.open = None;
    }

    /// Begins the update of the partition with that key and token.
    pub(crate) fn partition(
        &mut self,
        core: &Arc<TableCore>,
        state: &Arc<TableState>,
        key: &[u8],
        token: Token,
    ) {
        self.end_partition();
        self.update.start(key);
        self.open = Some(PartitionUpdate {
            core: core.clone(),
            state: state.clone(),
            token,
            min_timestamp: Timestamp::MAX,
            bytes: 0..0,
        });
    }

    /// Adds a row, or the static row, whose oldest timestamp is `min_timestamp`.
    pub(crate) fn row(&mut self, row: RowRef<'_>, min_timestamp: Timestamp) {
        self.update.row(row);
        self.seen(min_timestamp);
    }

    /// Adds the deletion of a range of rows.
    pub(crate) fn range(&mut self, start: Bound<'_>, end: Bound<'_>, deletion: DeletionTime) {
        self.update.range(start, end, deletion);
        self.seen(deletion.marked_for_delete_at);
    }

    /// Adds the deletion of the whole partition.
    pub(crate) fn partition_deletion(&mut self, deletion: DeletionTime) {
        self.update.partition(deletion);
        self.seen(deletion.marked_for_delete_at);
    }

    /// The mutation, complete.
    pub(crate) fn finish(&mut self) -> &Mutation {
        self.end_partition();
        &self.mutation
    }

    fn seen(&mut self, timestamp: Timestamp) {
        if let Some(open) = &mut self.open {
            open.min_timestamp = open.min_timestamp.min(timestamp);
        }
    }

    fn end_partition(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        if self.update.ops() == 0 {
            return;
        }
        let bytes = self.update.finish();
        let payload = &mut self.mutation.payload;
        payload.extend_from_slice(&open.core.tag.0.to_be_bytes());
        payload.extend_from_slice(&open.state.layout.to_be_bytes());
        payload.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        let begin = payload.len();
        payload.extend_from_slice(bytes);
        open.bytes = begin..payload.len();
        if !self.mutation.tags.contains(&open.core.tag) {
            self.mutation.tags.push(open.core.tag);
        }
        self.mutation.updates.push(open);
    }
}

/// A record's payload, as replay meets it.
#[derive(Debug)]
pub(crate) struct LoggedMutation<'a> {
    /// Whether the database chose the timestamps.
    pub(crate) own_timestamps: bool,
    reader: Reader<'a>,
}

/// One update of a record.
#[derive(Debug)]
pub(crate) struct LoggedUpdate<'a> {
    pub(crate) tag: u32,
    pub(crate) layout: u32,
    pub(crate) bytes: &'a [u8],
}

impl<'a> LoggedMutation<'a> {
    /// Looks into a payload.
    pub(crate) fn new(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let own_timestamps = match reader.u8()? {
            OWN_TIMESTAMPS => true,
            CALLERS_TIMESTAMPS => false,
            other => return Err(DecodeError::new(0, "the kind of a mutation", other.to_string())),
        };
        Ok(Self { own_timestamps, reader })
    }

    /// The next update; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<LoggedUpdate<'a>>, DecodeError> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let tag = self.reader.u32()?;
        let layout = self.reader.u32()?;
        let len = self.reader.u32()? as usize;
        Ok(Some(LoggedUpdate { tag, layout, bytes: self.reader.take(len)? }))
    }
}
