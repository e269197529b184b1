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
use helenus_rows::UpdateWriter;
use helenus_types::{DecodeError, Partitioner, Reader, Timestamp, Token};

use super::state::TableState;
use super::table::TableCore;

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
pub struct Mutation {
    pub(crate) payload: Vec<u8>,
    pub(crate) updates: Vec<PartitionUpdate>,
    pub(crate) tags: Vec<TableTag>,
}

/// Collects a mutation in buffers that are used again. Rows are encoded where they stand in the
/// payload.
#[derive(Debug, Default)]
pub(crate) struct MutationBuilder {
    mutation: Mutation,
    open: Option<OpenUpdate>,
}

/// The update that is being made.
#[derive(Debug)]
struct OpenUpdate {
    update: PartitionUpdate,
    /// Its start in the payload.
    at: usize,
    ops: usize,
}

/// Bytes before an update: tag, layout, length.
const UPDATE_HEAD: usize = 12;

/// One partition's share of a mutation, for a sink in the place of the engine.
#[derive(Clone, Copy, Debug)]
pub struct UpdateBytes<'a> {
    /// The partition's token.
    pub token: Token,
    /// No timestamp in it is lower.
    pub min_timestamp: Timestamp,
    /// See [`helenus_rows::UpdateRef`].
    pub bytes: &'a [u8],
}

impl Mutation {
    /// Its updates, in their order.
    pub fn updates(&self) -> impl Iterator<Item = UpdateBytes<'_>> {
        self.updates.iter().map(|update| UpdateBytes {
            token: update.token,
            min_timestamp: update.min_timestamp,
            bytes: self.bytes_of(update),
        })
    }

    /// The bytes of one of its updates.
    #[inline]
    pub(crate) fn bytes_of(&self, update: &PartitionUpdate) -> &[u8] {
        let Some(bytes) = self.payload.get(update.bytes.clone()) else {
            unreachable!("an update's bytes are in its mutation")
        };
        bytes
    }
}

impl MutationBuilder {
    /// Begins a mutation whose timestamps the database chose, or the caller.
    #[inline]
    pub(crate) fn start(&mut self, own_timestamps: bool) {
        self.mutation.payload.clear();
        self.mutation.payload.push(if own_timestamps { OWN_TIMESTAMPS } else { CALLERS_TIMESTAMPS });
        self.mutation.updates.clear();
        self.mutation.tags.clear();
        self.open = None;
    }

    /// Begins the update of a partition, whose key `key` appends; its token is `token`, or made of
    /// the key.
    #[inline]
    pub(crate) fn partition<E>(
        &mut self,
        core: &Arc<TableCore>,
        state: &Arc<TableState>,
        token: Option<Token>,
        key: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.end_partition();
        let payload = &mut self.mutation.payload;
        let at = payload.len();
        payload.extend_from_slice(&core.tag.0.to_be_bytes());
        payload.extend_from_slice(&state.layout.to_be_bytes());
        payload.extend_from_slice(&[0; 4]);
        UpdateWriter(payload).key(key)?;
        let Some(key) = payload.get(at + UPDATE_HEAD + 2..) else { unreachable!("a key was appended") };
        let update = PartitionUpdate {
            core: core.clone(),
            state: state.clone(),
            token: token.unwrap_or_else(|| Partitioner::murmur3_token(key)),
            min_timestamp: Timestamp::MAX,
            bytes: 0..0,
        };
        self.open = Some(OpenUpdate { update, at, ops: 0 });
        Ok(())
    }

    /// Bytes that the payload has room for.
    pub(crate) fn capacity(&self) -> usize {
        self.mutation.payload.capacity()
    }

    /// The buffer to which the next operation is appended.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.mutation.payload
    }

    /// Takes in an operation that was appended, whose oldest timestamp is `min_timestamp`.
    #[inline]
    pub(crate) fn added(&mut self, min_timestamp: Timestamp) {
        let Some(open) = &mut self.open else { unreachable!("operations are about a partition") };
        open.ops += 1;
        open.update.min_timestamp = open.update.min_timestamp.min(min_timestamp);
    }

    /// The mutation, complete.
    #[inline]
    pub(crate) fn finish(&mut self) -> &Mutation {
        self.end_partition();
        &self.mutation
    }

    #[inline]
    fn end_partition(&mut self) {
        let Some(OpenUpdate { mut update, at, ops }) = self.open.take() else { return };
        let payload = &mut self.mutation.payload;
        if ops == 0 {
            payload.truncate(at);
            return;
        }
        UpdateWriter(payload).finish();
        update.bytes = at + UPDATE_HEAD..payload.len();
        // A longer one is refused before it is written.
        let len = u32::try_from(update.bytes.len()).unwrap_or(u32::MAX);
        let Some(place) = payload.get_mut(at + UPDATE_HEAD - 4..at + UPDATE_HEAD) else {
            unreachable!("the length has its place")
        };
        place.copy_from_slice(&len.to_be_bytes());
        if !self.mutation.tags.contains(&update.core.tag) {
            self.mutation.tags.push(update.core.tag);
        }
        self.mutation.updates.push(update);
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
