//! From staged operations to an acknowledged write, also where something is read first.

use std::sync::Arc;

use helenus_sstable::LateDeletionTimes;
use helenus_types::Partitioner;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::condition::{Check, Outcome};
use super::encode::{Encoder, WriteTime};
use super::errors::{too_late, too_much};
use super::resolve::{RowFinder, resolve};
use super::staged::{Entry, Staged, Target};
use crate::engine::{Inner, Written};
use crate::error::Result;

/// Writes what is staged; all of it becomes visible and durable together, or nothing is written.
pub(super) fn commit(
    inner: &Inner,
    staged: &mut Staged,
    encoder: &mut Encoder,
    tables: &mut [Entry],
) -> Result<()> {
    if staged.reads_first() {
        return commit_checked(inner, staged, encoder, tables, None).map(|_| ());
    }
    while write(inner, staged, encoder, tables)? == Written::Stale {
        staged.rebase(tables)?;
    }
    Ok(())
}

/// One attempt to write operations that read nothing.
#[inline]
pub(super) fn write(
    inner: &Inner,
    staged: &Staged,
    encoder: &mut Encoder,
    tables: &[Entry],
) -> Result<Written> {
    write_at(inner, staged, encoder, tables, &WriteTime::next(inner))
}

fn write_at(
    inner: &Inner,
    staged: &Staged,
    encoder: &mut Encoder,
    tables: &[Entry],
    time: &WriteTime<'_>,
) -> Result<Written> {
    check_expirations(inner, staged, tables, time)?;
    let mutation = encoder.encode(staged, tables, time);
    // The log refuses it too; but a keyspace may have none, and the table's name helps.
    let max = inner.options.log_segment_bytes as usize / 2;
    if mutation.payload.len() > max
        && let Some(entry) = tables.first()
    {
        return Err(too_much(&entry.state.schema, mutation.payload.len(), max));
    }
    inner.write(mutation)
}

/// Refuses what would expire later than the table's SSTables can say, unless it is to be capped
/// (`ExpirationDateOverflowHandling`).
#[inline]
fn check_expirations(inner: &Inner, staged: &Staged, tables: &[Entry], time: &WriteTime<'_>) -> Result<()> {
    for op in &staged.ops {
        let Some(entry) = tables.get(op.table as usize) else { continue };
        let ttl = entry.ttl(op);
        if ttl == 0 || inner.options.late_deletion_times == LateDeletionTimes::Cap {
            continue;
        }
        let latest = inner.latest_expiration(&entry.state);
        let leaves_values = || staged.cells_of(op).iter().any(|cell| cell.change.has_ttl());
        let is_insert = matches!(op.target, Target::Row { insert: true, .. });
        if time.now().checked_add(ttl).is_none_or(|second| second > latest.0)
            && (is_insert || leaves_values())
        {
            return Err(too_late(&entry.state.schema, ttl, latest));
        }
    }
    Ok(())
}

/// Writes what is staged if `check` holds, reading what has to be known first, all under the locks of the
/// partitions.
pub(super) fn commit_checked(
    inner: &Inner,
    staged: &mut Staged,
    encoder: &mut Encoder,
    tables: &mut [Entry],
    check: Option<&Check<'_>>,
) -> Result<Outcome> {
    inner.check_writable()?;
    inner.check_readable()?;
    let cores: SmallVec<[_; 4]> = tables.iter().map(|entry| entry.core.clone()).collect();
    let locks = locks_of(staged, &cores, check.is_some());
    let _held: SmallVec<[MutexGuard<'_, ()>; 4]> = locks.iter().map(|lock| lock.lock()).collect();
    let mut finder = RowFinder::default();
    loop {
        let views: SmallVec<[_; 4]> = tables.iter().map(|entry| entry.core.view.load_full()).collect();
        let current = views.iter().zip(&*tables).all(|(view, entry)| Arc::ptr_eq(&view.state, &entry.state));
        if !current {
            staged.rebase(tables)?;
            // A schema change shows in the table first, in its view a moment later.
            std::thread::yield_now();
            continue;
        }
        let time = WriteTime::next(inner);
        if let Some(check) = check
            && let Some(refused) = check.refuses(inner, staged, &mut finder, &views)?
        {
            return Ok(refused);
        }
        let written = if staged.reads_first() {
            let resolved = resolve(inner, staged, &mut finder, &views, &time)?;
            write_at(inner, &resolved, encoder, tables, &time)?
        } else {
            write_at(inner, staged, encoder, tables, &time)?
        };
        match written {
            Written::Yes => return Ok(Outcome::Applied),
            Written::Stale => staged.rebase(tables)?,
        }
    }
}

/// The locks of the partitions that are read, each once, in an order that all writers keep.
fn locks_of<'c>(
    staged: &Staged,
    cores: &'c [Arc<crate::engine::TableCore>],
    all: bool,
) -> SmallVec<[&'c Mutex<()>; 4]> {
    let mut locks: SmallVec<[&Mutex<()>; 4]> = SmallVec::new();
    for op in &staged.ops {
        if !all && !staged.cells_of(op).iter().any(|cell| cell.change.reads_first()) {
            continue;
        }
        let Some(core) = cores.get(op.table as usize) else { continue };
        locks.push(core.partition_lock(op.token.0.cast_unsigned()));
    }
    locks.sort_unstable_by_key(|lock| std::ptr::from_ref::<Mutex<()>>(lock).addr());
    locks.dedup_by(|a, b| std::ptr::eq(*a, *b));
    locks
}

/// The token of a key.
pub(super) fn token_of(key: &[u8]) -> helenus_types::Token {
    Partitioner::murmur3_token(key)
}
