//! Rows in any order: gathered as they come, then sorted and written as an SSTable when there are
//! enough (`SSTableSimpleUnsortedWriter`).
//!
//! Each row goes through a memtable, as those of an open database do, but only with its neighbours:
//! a memtable of all would be larger than any cache, and every row would wait for memory several
//! times.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_compaction::{Execution, ExpectedKeys, Outcome, execute};
use helenus_engine::parts::{Mutation, Sink, UpdateBytes};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_memtable::{Memtable, MemtableScan};
use helenus_rows::{
    Header, PartitionRef, RowRef, StreamError, StreamOrigin, Unfiltered, UnfilteredStream, UpdateRef,
    validated,
};
use helenus_types::{DecodeError, Timestamp, Token};
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
        let keys = self.updates.chunk_by(|a, b| a.token == b.token).count() as u64;
        if keys == 0 {
            return Ok(());
        }
        let (header, disk) = (output.header.clone(), output.disk.clone());
        // A single source is still filtered by its own range and partition deletions.
        let source = || vec![validated(GatheredStream::new(self, &header), StreamOrigin::Ours)];
        let execution = Execution {
            disk: &disk,
            header: header.clone(),
            dropped: &[],
            purging: None,
            shape: output.shape(),
            expected: ExpectedKeys::All { keys, data_file_bytes: None, tokens: (Token::MIN, Token::MAX) },
            progress: &mut |_| ControlFlow::Continue(()),
            is_stopped: &|| false,
        };
        let Outcome::Done(written) = execute(source, execution, output)? else {
            unreachable!("nobody stops it")
        };
        output.add(written);
        Ok(())
    }
}

/// What was gathered, sorted, as a stream: one small memtable after the other.
struct GatheredStream<'a> {
    gathered: &'a Gathered,
    header: &'a Arc<Header>,
    /// Updates that are in a memtable, or were.
    taken: usize,
    scan: Option<MemtableScan>,
}

impl<'a> GatheredStream<'a> {
    fn new(gathered: &'a Gathered, header: &'a Arc<Header>) -> Self {
        Self { gathered, header, taken: 0, scan: None }
    }

    /// Scans a memtable of the next partitions; `None` when there are none.
    fn next_memtable(&mut self) -> std::result::Result<Option<MemtableScan>, DecodeError> {
        let memtable = Arc::new(Memtable::new(self.header.clone()));
        let Some(left) = self.gathered.updates.get(self.taken..) else {
            unreachable!("no more is taken than was gathered")
        };
        for partition in left.chunk_by(|a, b| a.token == b.token) {
            if memtable.allocated_bytes() >= MEMTABLE_BYTES {
                break;
            }
            for update in partition {
                let Some(bytes) = self.gathered.bytes.get(update.start..update.end) else {
                    unreachable!("an update's bytes are among those that are held")
                };
                memtable.apply(update.token, [UpdateRef::new(bytes)?], update.min_timestamp)?;
            }
            self.taken += partition.len();
        }
        Ok((!memtable.is_empty()).then(|| memtable.scan(Token::MIN..=Token::MAX)))
    }

    fn scan(&self) -> &MemtableScan {
        let Some(scan) = &self.scan else { unreachable!("the stream stands in a partition") };
        scan
    }
}

impl UnfilteredStream for GatheredStream<'_> {
    fn header(&self) -> &Arc<Header> {
        self.header
    }

    fn next_partition(&mut self) -> std::result::Result<bool, StreamError> {
        loop {
            if let Some(scan) = &mut self.scan
                && scan.next_partition()?
            {
                return Ok(true);
            }
            self.scan = self.next_memtable().map_err(StreamError::new)?;
            if self.scan.is_none() {
                return Ok(false);
            }
        }
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.scan().partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.scan().static_row()
    }

    fn advance(&mut self) -> std::result::Result<bool, StreamError> {
        let Some(scan) = &mut self.scan else { unreachable!("the stream stands in a partition") };
        scan.advance()
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        self.scan.as_ref().and_then(UnfilteredStream::current)
    }
}
