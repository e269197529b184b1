//! A mutation: updates of partitions that become visible together, encoded once.
//!
//! ```text
//! payload := kind u8, update*            what a record of the log holds
//! kind    := 1  timestamps were chosen by the database   2  by the caller
//! update  := table tag u32, layout u32, length u32, partition update (see `helenus_rows::UpdateRef`)
//! ```

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use helenus_commitlog::TableTag;
use helenus_rows::{
    Header, Op, PARTITION_DATA_LEN, RowStats, TimePlaces, UpdateRef, UpdateWriter, WriteMoment,
};
use helenus_types::{DecodeError, Partitioner, Reader, Timestamp, Token};

use super::state::TableState;
use super::table::TableCore;

const OWN_TIMESTAMPS: u8 = 1;
const CALLERS_TIMESTAMPS: u8 = 2;

/// Operations on one partition. A mutation has several of one where others came between.
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
/// payload, in the order in which they come; those of one partition that follow one another make
/// one update.
///
/// Rows may be encoded before their moment is known: [`move_to`](Self::move_to) gives it to them.
#[derive(Debug, Default)]
pub(crate) struct MutationBuilder {
    mutation: Mutation,
    /// Number of operations of the last update, while others may follow.
    open: Option<usize>,
    /// The moment of what was encoded early, and where it stands.
    moment: Option<WriteMoment>,
    times: TimePlaces,
}

/// A place in a mutation that is being made, to return to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BuilderMark {
    len: usize,
    open: Option<usize>,
}

/// Bytes before an update: tag, layout, length.
const UPDATE_HEAD: usize = 12;

/// Operations on one partition, for a sink in the place of the engine.
#[derive(Clone, Copy, Debug)]
pub struct UpdateBytes<'a> {
    /// The partition's token.
    pub token: Token,
    /// No timestamp in it is lower.
    pub min_timestamp: Timestamp,
    /// See [`helenus_rows::UpdateRef`].
    pub bytes: &'a [u8],
}

/// The extent of a batch, as Cassandra measures it for its limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchExtent {
    /// Different partition keys, in whichever tables.
    pub partitions: usize,
    /// Different partition keys of each keyspace together: what Cassandra writes at once.
    pub mutations: usize,
    /// Bytes of the changes; see [`UpdateRef::data_len`].
    pub data_len: u64,
    /// The tables, `keyspace.table`.
    pub tables: BTreeSet<String>,
}

impl Mutation {
    /// Its updates, in the order of tables and partitions; those of one partition in theirs.
    pub fn updates(&self) -> impl Iterator<Item = UpdateBytes<'_>> {
        self.updates.iter().map(|update| UpdateBytes {
            token: update.token,
            min_timestamp: update.min_timestamp,
            bytes: self.bytes_of(update),
        })
    }

    /// Its updates by partition: one that several are about is written at once.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &[PartitionUpdate]> {
        self.updates.chunk_by(|a, b| {
            a.core.tag == b.core.tag
                && a.token == b.token
                && key_at(&self.payload, a.bytes.start) == key_at(&self.payload, b.bytes.start)
        })
    }

    /// Its extent, as Cassandra measures batches.
    pub(crate) fn extent(&self) -> Result<BatchExtent, DecodeError> {
        let mut extent = BatchExtent::default();
        let (mut keys, mut mutations) = (BTreeSet::new(), BTreeSet::new());
        for updates in self.partitions() {
            let [first, ..] = updates else { continue };
            let schema = &first.state.schema;
            let key = self.ops_of(first).key();
            keys.insert(key);
            mutations.insert((&**schema.keyspace(), key));
            extent.tables.insert(format!("{}.{}", schema.keyspace(), schema.name()));
            extent.data_len += PARTITION_DATA_LEN;
            for update in updates {
                extent.data_len += self.ops_of(update).data_len(&update.state.header)?;
            }
        }
        (extent.partitions, extent.mutations) = (keys.len(), mutations.len());
        Ok(extent)
    }

    /// The operations of one of its updates.
    #[inline]
    pub(crate) fn ops_of(&self, update: &PartitionUpdate) -> UpdateRef<'_> {
        let Ok(ops) = UpdateRef::new(self.bytes_of(update)) else {
            unreachable!("an update begins with its key")
        };
        ops
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
    /// Begins anew.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.mutation.payload.clear();
        self.mutation.updates.clear();
        self.open = None;
        self.moment = None;
        self.times.clear();
    }

    /// Begins operations on a partition, whose key `key` appends; its token is `token`, or made of
    /// the key.
    #[inline]
    pub(crate) fn partition<E>(
        &mut self,
        core: &Arc<TableCore>,
        state: &Arc<TableState>,
        token: Option<Token>,
        key: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.open == Some(0) {
            self.close();
        }
        let Mutation { payload, updates, .. } = &mut self.mutation;
        if payload.is_empty() {
            payload.push(OWN_TIMESTAMPS);
        }
        let end = payload.len();
        let open = if self.open.is_some() { updates.last() } else { None };
        if open.is_some() {
            UpdateWriter(payload).finish();
        }
        let at = payload.len();
        payload.extend_from_slice(&core.tag.0.to_be_bytes());
        payload.extend_from_slice(&state.layout.to_be_bytes());
        payload.extend_from_slice(&[0; 4]);
        if let Err(error) = UpdateWriter(payload).key(key) {
            payload.truncate(end);
            return Err(error);
        }
        let begin = at + UPDATE_HEAD;
        let key = key_at(payload, begin);
        if let Some(open) = open
            && Arc::ptr_eq(&open.state, state)
            && Arc::ptr_eq(&open.core, core)
            && key_at(payload, open.bytes.start) == key
        {
            payload.truncate(end);
            return Ok(());
        }
        let token = token.unwrap_or_else(|| Partitioner::murmur3_token(key));
        if let Some(open) = updates.last_mut().filter(|_| self.open.is_some()) {
            open.end(payload, at);
        }
        let (core, state, min_timestamp) = (core.clone(), state.clone(), Timestamp::MAX);
        updates.push(PartitionUpdate { core, state, token, min_timestamp, bytes: begin..begin });
        self.open = Some(0);
        Ok(())
    }

    /// Bytes that the payload has room for.
    pub(crate) fn capacity(&self) -> usize {
        self.mutation.payload.capacity()
    }

    /// Length of the payload so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.mutation.payload.len()
    }

    /// The buffer to which the next operation is appended.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.mutation.payload
    }

    /// The buffer to which the next row is appended, and the places of its times if it is `early`.
    #[inline]
    pub(crate) fn out_of_row(&mut self, early: bool) -> (&mut Vec<u8>, Option<&mut TimePlaces>) {
        (&mut self.mutation.payload, early.then_some(&mut self.times))
    }

    /// Takes in an operation that was appended, whose oldest timestamp is `min_timestamp`.
    #[inline]
    pub(crate) fn added(&mut self, min_timestamp: Timestamp) {
        let Some((ops, update)) = self.open.as_mut().zip(self.mutation.updates.last_mut()) else {
            unreachable!("operations are about a partition")
        };
        *ops += 1;
        update.min_timestamp = update.min_timestamp.min(min_timestamp);
    }

    /// The moment of rows that are encoded early; `first`, if there are none yet.
    #[inline]
    pub(crate) fn early_moment(&mut self, first: impl FnOnce() -> WriteMoment) -> WriteMoment {
        *self.moment.get_or_insert_with(first)
    }

    /// Gives a moment to what was encoded early. False, and nothing has changed, where that would
    /// change the length of rows.
    pub(crate) fn move_to(&mut self, moment: impl FnOnce() -> WriteMoment) -> bool {
        let Some(from) = self.moment else { return true };
        if self.open == Some(0) {
            self.close();
        }
        let moment = moment();
        let Mutation { payload, updates, .. } = &mut self.mutation;
        let mut states = updates.chunk_by(|a, b| Arc::ptr_eq(&a.state, &b.state)).filter_map(<[_]>::first);
        if !states.all(|update| from.fits(moment, &update.state.header)) {
            return false;
        }
        self.times.change(payload, from, moment);
        for update in updates {
            update.min_timestamp.0 += moment.timestamp.0 - from.timestamp.0;
        }
        self.moment = Some(moment);
        true
    }

    /// What was encoded early, with its moment.
    pub(crate) fn early(&mut self) -> Option<(WriteMoment, &Mutation)> {
        self.close();
        self.moment.map(|moment| (moment, &self.mutation))
    }

    /// Here.
    #[inline]
    pub(crate) fn mark(&mut self) -> BuilderMark {
        if self.open == Some(0) {
            self.close();
        }
        BuilderMark { len: self.mutation.payload.len(), open: self.open }
    }

    /// Takes back what was added since.
    #[cold]
    pub(crate) fn rewind(&mut self, mark: BuilderMark) {
        self.mutation.payload.truncate(mark.len);
        self.mutation.updates.retain(|update| update.bytes.start < mark.len);
        self.times.cut(mark.len);
        self.open = mark.open;
    }

    /// The mutation, complete: its timestamps are the database's own, or of the caller.
    #[inline]
    pub(crate) fn finish(&mut self, own_timestamps: bool) -> &Mutation {
        self.close();
        if let Some(kind) = self.mutation.payload.first_mut() {
            *kind = if own_timestamps { OWN_TIMESTAMPS } else { CALLERS_TIMESTAMPS };
        }
        self.complete()
    }

    /// Reads operations that came from elsewhere, and so their timestamps; returns the newest.
    ///
    /// # Errors
    /// When one is none.
    pub(crate) fn read_through(&mut self) -> Result<Timestamp, DecodeError> {
        self.close();
        let mut newest = Timestamp::MIN;
        for at in 0..self.mutation.updates.len() {
            let Mutation { updates, .. } = &self.mutation;
            let Some(update) = updates.get(at) else { unreachable!("none is removed") };
            let (min, max) = timestamps_of(&update.state.header, self.mutation.ops_of(update))?;
            let Some(update) = self.mutation.updates.get_mut(at) else { unreachable!("none is removed") };
            update.min_timestamp = min;
            newest = newest.max(max);
        }
        Ok(newest)
    }

    /// The mutation that was finished, with the updates of another one, which may have other
    /// timestamps than those that the database chose if `newer`.
    pub(crate) fn finish_with(&mut self, mut other: Self, newer: bool) -> &Mutation {
        other.close();
        let Mutation { payload, updates, .. } = &mut self.mutation;
        let Some((kind, added)) = other.mutation.payload.split_first() else { return &self.mutation };
        if newer && let Some(own) = payload.first_mut() {
            *own = CALLERS_TIMESTAMPS;
        }
        let shift = payload.len() - size_of_val(kind);
        payload.extend_from_slice(added);
        updates.extend(other.mutation.updates.into_iter().map(|update| PartitionUpdate {
            bytes: update.bytes.start + shift..update.bytes.end + shift,
            ..update
        }));
        self.complete()
    }

    /// Puts the updates in order.
    #[inline]
    fn complete(&mut self) -> &Mutation {
        let Mutation { payload, updates, tags } = &mut self.mutation;
        if updates.len() > 1 {
            sort(updates, payload);
        }
        tags.clear();
        tags.extend(updates.iter().map(|update| update.core.tag));
        tags.dedup();
        &self.mutation
    }

    /// Ends the last update.
    #[inline]
    pub(crate) fn close(&mut self) {
        let Some(ops) = self.open.take() else { return };
        let Mutation { payload, updates, .. } = &mut self.mutation;
        if ops == 0 {
            let Some(update) = updates.pop() else { unreachable!("it is the last one") };
            payload.truncate(update.bytes.start - UPDATE_HEAD);
            return;
        }
        UpdateWriter(payload).finish();
        let Some(update) = updates.last_mut() else { unreachable!("it is the last one") };
        let end = payload.len();
        update.end(payload, end);
    }
}

impl PartitionUpdate {
    #[inline]
    fn end(&mut self, payload: &mut [u8], end: usize) {
        let begin = self.bytes.start;
        self.bytes.end = end;
        // A longer one is refused before it is written.
        let len = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let Some(place) = payload.get_mut(begin - 4..begin) else { unreachable!("the length has its place") };
        place.copy_from_slice(&len.to_be_bytes());
    }
}

/// Orders updates by table and partition; those of one partition stay in their order.
fn sort(updates: &mut [PartitionUpdate], payload: &[u8]) {
    let order = |a: &PartitionUpdate, b: &PartitionUpdate| {
        // Batches are mostly of one table, and tokens mostly differ.
        (a.core.tag, a.token).cmp(&(b.core.tag, b.token)).then_with(|| {
            let (key, other) = (key_at(payload, a.bytes.start), key_at(payload, b.bytes.start));
            (key, a.bytes.start).cmp(&(other, b.bytes.start))
        })
    };
    if !updates.is_sorted_by(|a, b| order(a, b).is_lt()) {
        updates.sort_unstable_by(order);
    }
}

/// The key of the update whose bytes begin there.
#[inline]
fn key_at(payload: &[u8], begin: usize) -> &[u8] {
    let bytes = payload.get(begin..).and_then(|bytes| bytes.split_first_chunk());
    let key = bytes.and_then(|(len, rest)| rest.get(..usize::from(u16::from_be_bytes(*len))));
    let Some(key) = key else { unreachable!("an update begins with its key") };
    key
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

/// The oldest and the newest timestamp of an update.
///
/// # Errors
/// When its bytes are not operations on rows of that header.
pub(crate) fn timestamps_of(
    header: &Header,
    mut update: UpdateRef<'_>,
) -> Result<(Timestamp, Timestamp), DecodeError> {
    let mut stats = RowStats::default();
    while let Some(op) = update.next(header)? {
        match op {
            Op::Partition(deletion) | Op::Range { deletion, .. } => stats.deletion(deletion, |_| {}),
            Op::Row(row) => {
                stats.row(row, |_| {})?;
            }
        }
    }
    Ok((stats.min_timestamp, stats.max_timestamp))
}
