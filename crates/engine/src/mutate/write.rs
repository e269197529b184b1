//! From staged operations to an acknowledged write, also with reads before it.

use std::sync::Arc;

use helenus_sstable::LateDeletionTimes;
use helenus_types::{Partitioner, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::condition::{Checking, FoundRow};
use super::encode::{Encoder, WriteTime, entry_of};
use super::errors::{too_late, too_much};
use super::resolve::{RowFinder, resolve};
use super::restage::restage;
use super::staged::{Entry, Staged, Target, any_twice};
use crate::engine::{Destination, Mutation, Written};
use crate::error::Result;

/// Looks at a mutation before it is written, and may refuse it.
pub(super) type Check<'c> = dyn Fn(&Mutation) -> Result<()> + 'c;

/// Writes what is encoded and staged; all becomes visible and durable together, or nothing is
/// written. `timestamp` is the caller's, for what brings none. `check` sees what is written without
/// reading anything before. After an error everything is as it was.
pub(super) fn commit(
    destination: &Destination,
    staged: &mut Staged,
    encoder: &mut Encoder,
    tables: &mut [Entry],
    timestamp: Option<Timestamp>,
    check: Option<&Check<'_>>,
) -> Result<()> {
    loop {
        if staged.reads_first() || tables.iter().any(|entry| entry.state.grows()) {
            restage(staged, &mut encoder.builder, tables);
            return commit_reading(destination, staged, encoder, tables, timestamp);
        }
        let time = WriteTime::next(destination, timestamp, staged.now());
        if !encoder.builder.move_to(|| time.moment()) {
            restage(staged, &mut encoder.builder, tables);
        }
        encoder.builder.close();
        let mark = encoder.builder.mark();
        let mutation = ready(destination, staged, encoder, tables, &time, timestamp.is_none());
        let written = mutation.and_then(|mutation| {
            check.map_or(Ok(()), |check| check(mutation))?;
            check_size(destination, mutation, tables)?;
            destination.write(mutation)
        });
        if let Ok(Written::Yes) = written {
            return Ok(());
        }
        encoder.builder.rewind(mark);
        written?;
        restage(staged, &mut encoder.builder, tables);
        staged.rebase(tables)?;
    }
}

/// One attempt to write what is encoded already, and staged operations that read nothing. `own`
/// says whether what brings no timestamp has the database's own.
#[inline]
pub(super) fn write(
    destination: &Destination,
    staged: &Staged,
    encoder: &mut Encoder,
    tables: &[Entry],
    time: &WriteTime<'_>,
    own: bool,
) -> Result<Written> {
    let mutation = ready(destination, staged, encoder, tables, time, own)?;
    check_size(destination, mutation, tables)?;
    destination.write(mutation)
}

/// The mutation of what is encoded and staged.
#[inline]
fn ready<'e>(
    destination: &Destination,
    staged: &Staged,
    encoder: &'e mut Encoder,
    tables: &[Entry],
    time: &WriteTime<'_>,
    own: bool,
) -> Result<&'e Mutation> {
    check_expirations(destination, staged, tables, time)?;
    Ok(encoder.finish(staged, tables, time, own))
}

/// As [`write`], of operations on tables whose attachments add to it; their partitions are locked.
fn write_grown(
    destination: &Destination,
    staged: &Staged,
    encoder: &mut Encoder,
    tables: &[Entry],
    time: &WriteTime<'_>,
    own: bool,
) -> Result<Written> {
    let mutation = ready(destination, staged, encoder, tables, time, own)?;
    let Some(grown) = destination.grow(mutation, time.moment())? else {
        return Ok(Written::Stale);
    };
    let (added, newest) = grown.into_parts();
    let mutation = encoder.builder.finish_with(added, newest > time.timestamp);
    check_size(destination, mutation, tables)?;
    destination.write(mutation)
}

/// Refuses what is larger than a record of the log may be.
#[inline]
fn check_size(destination: &Destination, mutation: &Mutation, tables: &[Entry]) -> Result<()> {
    // The log refuses it too; but a keyspace may have none, and the table's name helps.
    let max = destination.max_mutation_bytes();
    if mutation.payload.len() > max
        && let Some(entry) = tables.first()
    {
        return Err(too_much(&entry.state.schema, mutation.payload.len(), max));
    }
    Ok(())
}

/// Refuses what would expire later than the table's SSTables can say, unless it is to be capped
/// (`ExpirationDateOverflowHandling`).
#[inline]
fn check_expirations(
    destination: &Destination,
    staged: &Staged,
    tables: &[Entry],
    time: &WriteTime<'_>,
) -> Result<()> {
    for op in &staged.ops {
        let entry = entry_of(tables, op);
        let ttl = entry.ttl(op);
        if ttl == 0 || destination.late_deletion_times() == LateDeletionTimes::Cap {
            continue;
        }
        let latest = destination.latest_expiration(&entry.state);
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

/// Writes the staged operations, after reading the existing data that they need.
pub(super) fn commit_reading(
    destination: &Destination,
    staged: &mut Staged,
    encoder: &mut Encoder,
    tables: &mut [Entry],
    timestamp: Option<Timestamp>,
) -> Result<()> {
    let refused = commit_if(destination, staged, encoder, tables, timestamp)?;
    debug_assert!(refused.is_none(), "nothing was waited upon");
    Ok(())
}

/// Writes the staged operations if their conditions hold, after reading the existing data that they
/// need, all under the locks of the partitions. Returns the rows that refused it, if they don't.
///
/// A writer takes the locks of partitions all at once, before any other lock, and in an order that
/// all writers keep; what attachments add is written without those of its partitions. So no two
/// writers wait for each other.
pub(super) fn commit_if(
    destination: &Destination,
    staged: &mut Staged,
    encoder: &mut Encoder,
    tables: &mut [Entry],
    timestamp: Option<Timestamp>,
) -> Result<Option<Vec<FoundRow>>> {
    destination.check_writable()?;
    destination.check_readable()?;
    if any_twice(tables) {
        // What a table shows is looked up by its index.
        staged.rebase(tables)?;
    }
    loop {
        let attempt = {
            let locks = locks_of(staged, tables);
            let _held: SmallVec<[MutexGuard<'_, ()>; 4]> = locks.iter().map(|lock| lock.lock()).collect();
            attempt(destination, staged, encoder, tables, timestamp)?
        };
        match attempt {
            Attempt::Written => return Ok(None),
            Attempt::Refused(rows) => return Ok(Some(rows)),
            Attempt::Stale => {}
        }
        // With the schema, what has to be locked changes.
        staged.rebase(tables)?;
        // A schema change shows in the table first, in its view a moment later.
        std::thread::yield_now();
    }
}

/// The end of an attempt to write what needs locks.
enum Attempt {
    Written,
    Refused(Vec<FoundRow>),
    /// A table's schema changed; nothing was written.
    Stale,
}

/// One attempt to write the staged operations under the locks of their partitions.
fn attempt(
    destination: &Destination,
    staged: &Staged,
    encoder: &mut Encoder,
    tables: &[Entry],
    timestamp: Option<Timestamp>,
) -> Result<Attempt> {
    let views: SmallVec<[_; 4]> = tables.iter().map(|entry| entry.core.view.load_full()).collect();
    if !views.iter().zip(tables).all(|(view, entry)| Arc::ptr_eq(&view.state, &entry.state)) {
        return Ok(Attempt::Stale);
    }
    let mut finder = RowFinder::default();
    let time = WriteTime::next(destination, timestamp, staged.now());
    if !staged.conditions.is_empty()
        && let Some(view) = views.first()
        && let Some(refused) = Checking::new(destination, staged, view).refuses(&mut finder)?
    {
        return Ok(Attempt::Refused(refused));
    }
    encoder.builder.clear();
    let resolved;
    let staged = if staged.reads_first() {
        resolved = resolve(destination, staged, &mut finder, &views, &time)?;
        &resolved
    } else {
        staged
    };
    let grows = tables.iter().any(|entry| entry.state.grows());
    let write = if grows { write_grown } else { write };
    Ok(match write(destination, staged, encoder, tables, &time, timestamp.is_none())? {
        Written::Yes => Attempt::Written,
        Written::Stale => Attempt::Stale,
    })
}

/// The locks of the partitions that are read, each once, in an order that all writers keep.
fn locks_of<'t>(staged: &Staged, tables: &'t [Entry]) -> SmallVec<[&'t Mutex<()>; 4]> {
    let mut locks: SmallVec<[&Mutex<()>; 4]> = SmallVec::new();
    // All operations of a batch with conditions are about one partition.
    let all = !staged.conditions.is_empty();
    for op in &staged.ops {
        let Entry { core, state } = entry_of(tables, op);
        if all || state.grows() || staged.cells_of(op).iter().any(|cell| cell.change.reads_first()) {
            locks.push(core.partition_lock(op.token.0.cast_unsigned()));
        }
    }
    locks.sort_unstable_by_key(|lock| std::ptr::from_ref::<Mutex<()>>(lock).addr());
    locks.dedup_by(|a, b| std::ptr::eq(*a, *b));
    locks
}

/// The token of a key.
pub(super) fn token_of(key: &[u8]) -> helenus_types::Token {
    Partitioner::murmur3_token(key)
}
