//! Rows in any order: gathered as they come, then sorted and written as an SSTable when there are
//! enough (`SSTableSimpleUnsortedWriter`).
//!
//! Each row goes through a memtable, as those of an open database do, but only with its neighbours:
//! a memtable of all would be larger than any cache, and every row would wait for memory several
//! times.

use std::fmt;
use std::sync::Arc;

use helenus_engine::parts::{Mutation, Sink, UpdateBytes};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_memtable::Memtable;
use helenus_rows::{Merge, StreamOrigin, UnfilteredStream, UpdateRef, validated};
use helenus_sstable::SsTableWriter;
use helenus_types::{Timestamp, Token};
use parking_lot::Mutex;

use super::output::{Output, Target};

/// Bytes of a memtable from which on the next partition goes into another.
const MEMTABLE_BYTES: usize = 512 << 10;

/// The gathered rows, and the SSTables made from earlier ones.
pub(super) struct Buffered {
    buffer_bytes: usize,
    state: Mutex<State>,
}

struct State {
    gathered: Gathered,
    output: Output,
    /// Set when an SSTable could not be written: what it was to hold is lost, and nothing more is
    /// taken.
    failed: bool,
}

/// Updates in the order in which they came.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    updates: Vec<Update>,
}

#[derive(Clone, Copy)]
struct Update {
    token: Token,
    /// Its start and end in the bytes.
    start: usize,
    end: usize,
    min_timestamp: Timestamp,
}

impl Buffered {
    pub(super) fn new(output: Output, buffer_bytes: usize) -> Self {
        let state = State { gathered: Gathered::default(), output, failed: false };
        Self { buffer_bytes, state: Mutex::new(state) }
    }
}

impl fmt::Debug for Buffered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered").field("buffer_bytes", &self.buffer_bytes).finish_non_exhaustive()
    }
}

impl Sink for Buffered {
    fn write(&self, mutation: &Mutation) -> Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        for update in mutation.updates() {
            state.gathered.push(update);
        }
        if state.gathered.len() >= self.buffer_bytes { state.flush() } else { Ok(()) }
    }
}

impl Target for Buffered {
    fn finish(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        state.flush()
    }

    fn abort(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.gathered = Gathered::default();
        state.output.remove()
    }

    fn with_output<'a>(&'a self, f: &mut dyn FnMut(&Output)) {
        f(&self.state.lock().output);
    }
}

impl State {
    fn check(&self) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Io, "an SSTable could not be written earlier: start again"));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let outcome = self.gathered.write(&mut self.output);
        self.failed |= outcome.is_err();
        self.gathered.bytes.clear();
        self.gathered.updates.clear();
        outcome
    }
}

impl Gathered {
    fn push(&mut self, UpdateBytes { token, min_timestamp, bytes }: UpdateBytes<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.updates.push(Update { token, start, end: self.bytes.len(), min_timestamp });
    }

    /// Bytes in memory.
    fn len(&self) -> usize {
        self.bytes.len() + self.updates.len() * size_of::<Update>()
    }

    /// Writes everything as one SSTable, or as several of the largest size.
    fn write(&mut self, output: &mut Output) -> Result<()> {
        // Those of a partition stay in the order in which they came.
        self.updates.sort_unstable_by_key(|update| (update.token, update.start));
        let mut partitions = self.updates.chunk_by(|a, b| a.token == b.token).count() as u64;
        if partitions == 0 {
            return Ok(());
        }
        let mut writer = Some(output.begin(partitions)?);
        let written = self.write_partitions(output, &mut writer, &mut partitions);
        match (written, writer) {
            (Ok(()), Some(writer)) => output.finish(writer),
            (Err(error), Some(writer)) => {
                // Report the first error.
                writer.abort().ok();
                Err(error)
            }
            (written, None) => written,
        }
    }

    /// Writes partitions to `writer`, and to another when it has enough; `left` are to come. None
    /// is left after an error of a writer that was to be finished or begun.
    fn write_partitions(
        &self,
        output: &mut Output,
        writer: &mut Option<SsTableWriter>,
        left: &mut u64,
    ) -> Result<()> {
        let mut partitions = self.updates.chunk_by(|a, b| a.token == b.token).peekable();
        while partitions.peek().is_some() {
            let memtable = Arc::new(Memtable::new(output.header.clone()));
            while memtable.allocated_bytes() < MEMTABLE_BYTES
                && let Some(updates) = partitions.next()
            {
                for update in updates {
                    let Some(bytes) = self.bytes.get(update.start..update.end) else {
                        unreachable!("an update's bytes are among those that are held")
                    };
                    memtable.apply(update.token, UpdateRef::new(bytes)?, update.min_timestamp)?;
                }
            }
            let source = validated(memtable.scan(Token::MIN..=Token::MAX), StreamOrigin::Ours);
            // A single source is still filtered by its own range and partition deletions.
            let merged = Merge::new(output.header.clone(), vec![source], &[]);
            let mut stream = validated(merged, StreamOrigin::Ours);
            while stream.next_partition()? {
                let Some(open) = writer else { unreachable!("without a writer no partition is shown") };
                open.write_partition(&mut stream)?;
                *left = left.saturating_sub(1);
                let is_full = open.file_position() >= output.max_table_bytes;
                if *left > 0
                    && is_full
                    && let Some(full) = writer.take()
                {
                    output.finish(full)?;
                    *writer = Some(output.begin(*left)?);
                }
            }
        }
        Ok(())
    }
}
