//! Rows in the order of the file: written as they come (`SSTableSimpleWriter`, which gathers each
//! partition; here only one row is held).

use std::cmp::Ordering;
use std::fmt;

use helenus_compaction::MultiWriter;
use helenus_engine::parts::{Mutation, Sink};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_rows::{
    DeletionTime, Op, PartitionRef, RowBuf, RowMerger, RowRef, Unfiltered, UpdateRef, merge_rows,
};
use helenus_types::{Hex, Token};
use parking_lot::Mutex;

use super::output::{Output, Target};

/// The SSTables that rows go into.
pub(super) struct Sorted {
    state: Mutex<State>,
}

/// Invariants: the held data belongs to the partition at `token` and `key`, after all that the
/// writer has; the static row and the deletion are held until the first row is written.
struct State {
    output: Output,
    expected_keys: u64,
    writer: Option<MultiWriter>,
    /// Whether there was a partition yet.
    begun: bool,
    /// Whether its head was written.
    started: bool,
    token: Token,
    key: Vec<u8>,
    deletion: DeletionTime,
    static_row: Held,
    /// Its last row, which the next write may be about too.
    row: Held,
    merger: RowMerger,
    /// Set when an SSTable could not be written: what it had is lost, and nothing more is taken.
    failed: bool,
}

/// A row that may still change.
#[derive(Default)]
struct Held {
    is_there: bool,
    row: RowBuf,
    merged: RowBuf,
}

impl Sorted {
    pub(super) fn new(output: Output, expected_keys: u64) -> Self {
        let state = State {
            output,
            expected_keys,
            writer: None,
            begun: false,
            started: false,
            token: Token::MIN,
            key: Vec::new(),
            deletion: DeletionTime::LIVE,
            static_row: Held::default(),
            row: Held::default(),
            merger: RowMerger::default(),
            failed: false,
        };
        Self { state: Mutex::new(state) }
    }
}

impl fmt::Debug for Sorted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sorted").finish_non_exhaustive()
    }
}

impl Sink for Sorted {
    fn write(&self, mutation: &Mutation) -> Result<()> {
        let mut state = self.state.lock();
        for update in mutation.updates() {
            state.update(update.token, UpdateRef::new(update.bytes)?)?;
        }
        Ok(())
    }
}

impl Target for Sorted {
    fn finish(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.check()?;
        state.end_partition()?;
        state.end_tables()
    }

    fn abort(&self) -> Result<()> {
        let mut state = self.state.lock();
        if let Some(writer) = state.writer.take() {
            writer.abort()?;
        }
        state.output.remove()
    }

    fn with_output(&self, f: &mut dyn FnMut(&Output)) {
        f(&self.state.lock().output);
    }
}

impl State {
    fn check(&self) -> Result<()> {
        if self.failed {
            return Err(Error::new(ErrorKind::Io, "the SSTable could not be written earlier: start again"));
        }
        Ok(())
    }

    fn update(&mut self, token: Token, mut update: UpdateRef<'_>) -> Result<()> {
        self.check()?;
        let header = self.output.header.clone();
        let is_same = self.begun && self.token == token && self.key == update.key();
        // All of it is looked at first, so that what is refused leaves nothing.
        self.check_partition(token, update.key())?;
        let mut checked = update.clone();
        while let Some(op) = checked.next(&header)? {
            self.check_op(&op, is_same)?;
        }
        if !is_same {
            self.end_partition()?;
            self.begun = true;
            self.token = token;
            self.key.clear();
            self.key.extend_from_slice(update.key());
            self.deletion = DeletionTime::LIVE;
        }
        while let Some(op) = update.next(&header)? {
            match op {
                Op::Partition(deletion) => self.deletion = self.deletion.merge(deletion),
                Op::Row(row) if row.is_static() => self.static_row.add(&mut self.merger, row)?,
                Op::Row(row) => {
                    let compare = |held: &Held| {
                        header.clustering.compare_rows(&held.row.clustering, row.clustering).is_lt()
                    };
                    if self.row.is_there && compare(&self.row) {
                        self.write_row()?;
                    }
                    self.row.add(&mut self.merger, row)?;
                }
                Op::Range { .. } => {}
            }
        }
        Ok(())
    }

    fn check_partition(&self, token: Token, key: &[u8]) -> Result<()> {
        if !self.begun || (self.token, &*self.key) <= (token, key) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "rows were to come in the order of tokens, but the partition with the key 0x{} (token {}) comes after 0x{} \
             (token {})",
            Hex::first(key, 32),
            token.0,
            Hex::first(&self.key, 32),
            self.token.0
        )))
    }

    fn check_op(&self, op: &Op<'_>, is_same: bool) -> Result<()> {
        let refuse = |what: &'static str| Err(Error::invalid(what));
        match op {
            Op::Range { .. } => {
                refuse("a range of rows can't be deleted where rows come sorted, only rows and partitions")
            }
            Op::Partition(_) if is_same && self.started => {
                refuse("where rows come sorted, a partition's deletion has to come before its second row")
            }
            Op::Row(row) if row.is_static() && is_same && self.started => refuse(
                "where rows come sorted, static columns have to come before the partition's second row",
            ),
            Op::Row(row) if !row.is_static() && is_same && self.row.is_there => {
                let comparator = &self.output.header.clustering;
                match comparator.compare_rows(&self.row.row.clustering, row.clustering) {
                    Ordering::Greater => {
                        refuse("rows were to come in the order of their clustering, this one comes too late")
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Writes the row that is held.
    fn write_row(&mut self) -> Result<()> {
        if !self.row.is_there {
            return Ok(());
        }
        self.start_partition()?;
        self.row.is_there = false;
        let header = self.output.header.clone();
        if !self.deletion.is_live() {
            let Held { row, merged, .. } = &mut self.row;
            // A row that the partition's deletion covers is not written.
            if !merge_rows(&mut self.merger, &[row.as_ref(&header)], self.deletion, &header, merged)? {
                return Ok(());
            }
            std::mem::swap(row, merged);
        }
        let row = Unfiltered::Row(self.row.row.as_ref(&header));
        let Some(writer) = &mut self.writer else { unreachable!("the row's partition was begun") };
        let written = writer.append(row);
        self.outcome(written)
    }

    /// Writes the partition's head if it wasn't yet.
    fn start_partition(&mut self) -> Result<()> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        let header = self.output.header.clone();
        let partition = PartitionRef { token: self.token, key: &self.key, deletion: self.deletion };
        let static_row = self.static_row.is_there.then(|| self.static_row.row.as_ref(&header));
        self.static_row.is_there = false;
        let writer = self.writer.get_or_insert_with(|| self.output.begin(self.expected_keys));
        let started = writer.start_partition(&mut self.output, partition, static_row);
        self.outcome(started)
    }

    fn end_partition(&mut self) -> Result<()> {
        if !self.begun {
            return Ok(());
        }
        self.write_row()?;
        self.start_partition()?;
        self.started = false;
        let Some(writer) = &mut self.writer else { unreachable!("the partition was begun") };
        let ended = writer.end_partition();
        self.outcome(ended)
    }

    /// Completes the SSTables.
    fn end_tables(&mut self) -> Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let written = writer.finish().inspect_err(|_| self.failed = true)?;
        self.output.add(written);
        Ok(())
    }

    /// Gives up the SSTables when something went wrong with one.
    fn outcome<E: Into<Error>>(&mut self, outcome: std::result::Result<(), E>) -> Result<()> {
        outcome.map_err(|error| {
            self.failed = true;
            if let Some(writer) = self.writer.take() {
                // The first error is the one to report.
                writer.abort().ok();
            }
            error.into()
        })
    }
}

impl Held {
    /// Holds the row, or merges it with the one that is held.
    fn add(&mut self, merger: &mut RowMerger, row: RowRef<'_>) -> Result<()> {
        if !self.is_there {
            self.is_there = true;
            self.row.assign(row);
            return Ok(());
        }
        let before = self.row.as_ref(row.header);
        merge_rows(merger, &[before, row], DeletionTime::LIVE, row.header, &mut self.merged)?;
        std::mem::swap(&mut self.row, &mut self.merged);
        Ok(())
    }
}
