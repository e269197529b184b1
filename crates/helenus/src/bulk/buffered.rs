//! Rows in any order: gathered in a memtable, written as an SSTable when it is full
//! (`SSTableSimpleUnsortedWriter`).

use std::fmt;
use std::sync::Arc;

use helenus_memtable::Memtable;
use helenus_rows::{Merge, UnfilteredStream, UpdateRef};
use helenus_types::Token;
use parking_lot::Mutex;

use super::output::Output;
use super::writer::Target;
use crate::engine::{Mutation, Sink};
use crate::error::{Error, ErrorKind, Result};

/// A memtable and the SSTables that were made of those before it.
pub(super) struct Buffered {
    buffer_bytes: usize,
    state: Mutex<State>,
}

struct State {
    memtable: Arc<Memtable>,
    output: Output,
    /// Set when an SSTable could not be written: what it was to hold is lost, and nothing more is taken.
    failed: bool,
}

impl Buffered {
    pub(super) fn new(output: Output, buffer_bytes: usize) -> Self {
        let memtable = Arc::new(Memtable::new(output.header.clone()));
        Self { buffer_bytes, state: Mutex::new(State { memtable, output, failed: false }) }
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
        for update in &mutation.updates {
            let bytes = mutation.payload.get(update.bytes.clone()).unwrap_or_default();
            state.memtable.apply(update.token, UpdateRef::new(bytes)?, update.min_timestamp)?;
        }
        if state.memtable.allocated_bytes() >= self.buffer_bytes { state.flush() } else { Ok(()) }
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
        state.memtable = Arc::new(Memtable::new(state.output.header.clone()));
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
        let fresh = Arc::new(Memtable::new(self.output.header.clone()));
        let full = std::mem::replace(&mut self.memtable, fresh);
        let outcome = write_memtable(&full, &mut self.output);
        self.failed |= outcome.is_err();
        outcome
    }
}

/// Writes a memtable as one SSTable, or as several of the largest size.
fn write_memtable(memtable: &Arc<Memtable>, output: &mut Output) -> Result<()> {
    let mut left = memtable.partition_count() as u64;
    if left == 0 {
        return Ok(());
    }
    let source = memtable.scan(Token::MIN..=Token::MAX);
    // A single source is still filtered by its own range and partition deletions.
    let mut stream = Merge::new(output.header.clone(), vec![source], &[]);
    let mut writer = output.begin(left)?;
    loop {
        let written = match stream.next_partition() {
            Ok(true) => writer.write_partition(&mut stream),
            Ok(false) => return output.finish(writer),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = written {
            // The first error is the one to tell.
            writer.abort().ok();
            return Err(error.into());
        }
        left -= 1;
        if left > 0 && writer.file_position() >= output.max_table_bytes {
            output.finish(writer)?;
            writer = output.begin(left)?;
        }
    }
}
