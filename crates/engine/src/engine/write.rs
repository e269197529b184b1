//! The whole write path: admit, append to the log, insert into the memtables, wait as durability
//! demands.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use parking_lot::RwLockReadGuard;
use smallvec::SmallVec;

use super::failures::{Rest, Work};
use super::mutation::{Mutation, PartitionUpdate};
use super::pressure::Reservation;
use super::table::{Active, TableCore};
use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};

/// The end of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is acknowledged.
    Yes,
    /// The table's schema changed since the mutation was encoded; nothing was written. Encode it
    /// again.
    Stale,
}

impl WriteSide {
    /// Writes a mutation: all of it, or nothing.
    pub(crate) fn write(&self, mutation: &Mutation) -> Result<Written> {
        let _call = self.enter()?;
        assert!(u32::try_from(mutation.payload.len()).is_ok(), "what no log can hold was refused before");
        let mut room = self.admit(mutation)?;
        let mut full = false;
        let end = match mutation.updates.as_slice() {
            [] => return Ok(Written::Yes),
            updates @ [update] => {
                // One partition, the usual case: one lock, no list of guards.
                let active = update.core.active.read();
                if !fresh(update, &active)? {
                    return Ok(Written::Stale);
                }
                let end = self.append(mutation)?;
                full |= self.insert(mutation, updates, &active, &mut room)?;
                end
            }
            updates => {
                let Some(guards) = lock_all(updates)? else { return Ok(Written::Stale) };
                let end = self.append(mutation)?;
                for updates in mutation.partitions() {
                    full |= self.insert(mutation, updates, guard_of(&guards, updates), &mut room)?;
                }
                end
            }
        };
        if full {
            mutation.updates.iter().for_each(|update| self.switch_if_full(&update.core));
        }
        if let Some((log, end)) = self.log().zip(end) {
            if self.began_segment(end) {
                self.scheduler.log_grew();
                if log.over_cap() {
                    self.flush_oldest_of_log()?;
                }
            }
            log.commit(end)?;
        }
        Ok(Written::Yes)
    }

    fn append(&self, mutation: &Mutation) -> Result<Option<helenus_types::LogPosition>> {
        match self.log() {
            Some(log) if mutation.updates.iter().any(|u| u.state.durable_writes) => {
                self.check_certain()?;
                match log.append(&mutation.tags, &[&mutation.payload]) {
                    Ok(end) => Ok(Some(end)),
                    Err(error) => Err(self.log_refused(error.into())),
                }
            }
            _ => Ok(None),
        }
    }

    /// Notes that the log has no room, where that is new: its next segment is prepared in the
    /// background.
    #[cold]
    fn log_refused(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Io && self.failures.get(Work::Log).is_none() {
            return self.failed(Work::Log, error, Some(Rest::SHORT));
        }
        error
    }

    /// Inserts the updates of one partition at once; returns whether the memtable is full now.
    fn insert(
        &self,
        mutation: &Mutation,
        updates: &[PartitionUpdate],
        active: &Active,
        room: &mut Reservation<'_>,
    ) -> Result<bool> {
        let [first, ..] = updates else { unreachable!("a partition has an update") };
        let min_timestamp =
            updates.iter().map(|update| update.min_timestamp).min().unwrap_or(first.min_timestamp);
        let ops = updates.iter().map(|update| mutation.ops_of(update));
        let grown = active.memtable.apply(first.token, ops, min_timestamp)?;
        first.core.counters.writes.fetch_add(1, Relaxed);
        if grown == 0 {
            return Ok(false);
        }
        room.pass_on(grown);
        Ok(active.memtable.allocated_bytes() >= self.options.memtable_bytes)
    }
}

/// Whether the update was encoded against the table's present state.
fn fresh(update: &PartitionUpdate, active: &Active) -> Result<bool> {
    if update.core.dropped.load(Acquire) {
        return Err(Error::new(ErrorKind::NotFound, "the table was dropped"));
    }
    Ok(Arc::ptr_eq(&update.state, &active.state))
}

type Guards<'a> = SmallVec<[(&'a Arc<TableCore>, RwLockReadGuard<'a, Active>); 2]>;

/// Takes the locks of all tables of a mutation, in the order of their tags so that no two writers
/// wait for each other; `None` when one of them changed its schema.
fn lock_all(updates: &[PartitionUpdate]) -> Result<Option<Guards<'_>>> {
    // There are many partitions in a batch, and few tables.
    let mut cores: SmallVec<[&Arc<TableCore>; 4]> = SmallVec::new();
    for update in updates {
        if let Err(at) = cores.binary_search_by_key(&update.core.tag, |core| core.tag) {
            cores.insert(at, &update.core);
        }
    }
    let guards: Guards<'_> = cores.into_iter().map(|core| (core, core.active.read())).collect();
    for update in updates {
        if !fresh(update, guard_of(&guards, std::slice::from_ref(update)))? {
            return Ok(None);
        }
    }
    Ok(Some(guards))
}

/// The lock of an update's table: one that is missing would mean an update in the log and not in
/// the memtable.
fn guard_of<'g>(guards: &'g Guards<'_>, updates: &[PartitionUpdate]) -> &'g Active {
    let tag = updates.first().map(|update| update.core.tag);
    let at = guards.binary_search_by_key(&tag, |(core, _)| Some(core.tag));
    let Some((_, active)) = at.ok().and_then(|at| guards.get(at)) else {
        unreachable!("the tables of all updates are locked")
    };
    active
}
