//! Rows that attachments add to a mutation while its partitions are locked. See decision 0023.

use std::convert::Infallible;
use std::sync::Arc;

use helenus_memtable::{Memtable, ObservedPartition};
use helenus_rows::{Direction, Op, Slices, UnfilteredStream, UpdateRef, UpdateWriter, WriteMoment};
use helenus_sstable::{SearchKey, StaticRow};
use helenus_types::{Partitioner, Timestamp};

use super::buffers::Lookups;
use super::mutation::{Mutation, MutationBuilder, PartitionUpdate};
use super::set::TableSet;
use super::state::TableState;
use super::table::{TableCore, View};
use crate::attachment::{GrowingWrite, GrownTable};
use crate::error::{Error, Result};

/// A key's length is two bytes.
const MAX_KEY_BYTES: usize = u16::MAX as usize;

/// What attachments add to a mutation.
#[derive(Debug)]
pub(crate) struct Growing {
    builder: MutationBuilder,
    /// The newest timestamp in it.
    newest: Timestamp,
    /// The tables that were asked for, as they were then.
    tables: Vec<(Arc<TableCore>, Arc<TableState>)>,
}

impl Growing {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self { builder: MutationBuilder::default(), newest: Timestamp::MIN, tables: Vec::new() }
    }

    /// What the attachments of a mutation's tables add to it; `None` where a table's schema changed
    /// since it was made.
    pub(super) fn of(set: &TableSet, mutation: &Mutation, moment: WriteMoment) -> Result<Option<Self>> {
        let mut growing = Self::new();
        let mut partitions = mutation.partitions().peekable();
        while let Some([PartitionUpdate { core, state, .. }, ..]) = partitions.peek().copied() {
            let is_of_table = |updates: &&[PartitionUpdate]| updates.iter().all(|u| u.core.tag == core.tag);
            let own: Vec<_> = std::iter::from_fn(|| partitions.next_if(is_of_table)).collect();
            if state.grows()
                && !growing.grow_table(&Ungrown { set, mutation, moment }, (core, state), &own)?
            {
                return Ok(None);
            }
        }
        growing.newest = growing.builder.read_through().map_err(|error| {
            let text = format!("what was added to the write is not an update: {error}");
            Error::invalid(text)
        })?;
        Ok(Some(growing))
    }

    /// What was added, and the newest timestamp in it.
    pub(crate) fn into_parts(self) -> (MutationBuilder, Timestamp) {
        (self.builder, self.newest)
    }

    /// Grows the partitions of one table; false where its schema changed.
    fn grow_table(
        &mut self,
        of: &Ungrown<'_>,
        (core, state): (&TableCore, &Arc<TableState>),
        partitions: &[&[PartitionUpdate]],
    ) -> Result<bool> {
        let before = core.view.load_full();
        if !Arc::ptr_eq(&before.state, state) {
            return Ok(false);
        }
        let written = Memtable::new(state.header.clone());
        for updates in partitions {
            for update in *updates {
                written.apply(update.token, [of.mutation.ops_of(update)], update.min_timestamp)?;
            }
        }
        let after = View {
            state: state.clone(),
            memtables: std::iter::once(Arc::new(written)).chain(before.memtables.iter().cloned()).collect(),
            sstables: before.sstables.clone(),
            lookups: Lookups::default(),
        };
        for updates in partitions {
            let mut key = SearchKey::new(Partitioner::Murmur3);
            let [first, ..] = updates else { unreachable!("a partition has an update") };
            key.set(of.mutation.ops_of(first).key());
            let (before, after) = (&before, &after);
            let mut write = GrowingPartition { of, updates, key, before, after, growing: self };
            for growth in state.attachments.iter().filter_map(|attachment| attachment.growth()) {
                growth.grow(&mut write)?;
            }
        }
        Ok(true)
    }
}

/// What all partitions of a mutation have in common.
struct Ungrown<'a> {
    set: &'a TableSet,
    mutation: &'a Mutation,
    moment: WriteMoment,
}

/// One partition of a mutation.
struct GrowingPartition<'a> {
    of: &'a Ungrown<'a>,
    updates: &'a [PartitionUpdate],
    key: SearchKey,
    before: &'a View,
    after: &'a View,
    growing: &'a mut Growing,
}

impl GrowingPartition<'_> {
    fn stream(&self, view: &View, slices: &Slices) -> Result<Box<dyn UnfilteredStream>> {
        Ok(Box::new(view.partition(&self.key, slices, Direction::Forward, StaticRow::Wanted)?))
    }
}

impl GrowingWrite for GrowingPartition<'_> {
    fn partition(&self) -> ObservedPartition<'_> {
        let header = &self.before.state.header;
        ObservedPartition { header, token: self.key.token(), key: self.key.key() }
    }

    fn moment(&self) -> WriteMoment {
        self.of.moment
    }

    fn updates(&self) -> Vec<UpdateRef<'_>> {
        self.updates.iter().map(|update| self.of.mutation.ops_of(update)).collect()
    }

    fn before(&self, slices: &Slices) -> Result<Box<dyn UnfilteredStream>> {
        self.stream(self.before, slices)
    }

    fn after(&self, slices: &Slices) -> Result<Box<dyn UnfilteredStream>> {
        self.stream(self.after, slices)
    }

    fn table(&mut self, keyspace: &str, name: &str) -> Result<GrownTable> {
        let core = self.of.set.core(self.of.set.schema().table(keyspace, name)?.id())?;
        let tables = &mut self.growing.tables;
        let at = tables.iter().position(|(known, _)| known.tag == core.tag).unwrap_or_else(|| {
            let state = core.active.read().state.clone();
            tables.push((core, state));
            tables.len() - 1
        });
        let Some((_, state)) = tables.get(at) else { unreachable!("it is there now") };
        Ok(GrownTable { at, header: state.header.clone() })
    }

    fn add(&mut self, table: &GrownTable, key: &[u8], op: Op<'_>) -> Result<()> {
        let Growing { builder, tables, .. } = &mut *self.growing;
        let found = tables.get(table.at).filter(|(_, state)| Arc::ptr_eq(&state.header, &table.header));
        let Some((core, state)) = found else {
            return Err(Error::invalid("rows are added to a table that was asked for in the same write"));
        };
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            let text = format!("a partition key has 1 to {MAX_KEY_BYTES} bytes, this one has {}", key.len());
            return Err(Error::invalid(text));
        }
        match op {
            Op::Row(row) if !std::ptr::eq(row.header, &*state.header) => {
                return Err(Error::invalid(
                    "a row is encoded against the header of the table it is added to",
                ));
            }
            Op::Range { start, end, .. }
                if !state.header.clustering.compare(start.position(), end.position()).is_lt() =>
            {
                return Ok(());
            }
            Op::Row(_) | Op::Range { .. } | Op::Partition(_) => {}
        }
        let append = |out: &mut Vec<u8>| {
            out.extend_from_slice(key);
            Ok::<_, Infallible>(())
        };
        let Ok(()) = builder.partition(core, state, None, append);
        let mut out = UpdateWriter(builder.out());
        match op {
            Op::Row(row) => out.row(row),
            Op::Range { start, end, deletion } => out.range(start, end, deletion),
            Op::Partition(deletion) => out.partition(deletion),
        }
        builder.added(Timestamp::MAX);
        Ok(())
    }
}
