//! `import`: the lines of a file as rows.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use helenus::cql::StopSwitch;
use helenus::{Batch, Clock, ColumnKind, Database, ErrorKind, SystemClock, Table, WriteOptions};

use super::import_target::open_both;
use crate::args::Import;
use crate::failure::Failure;
use crate::input::{Field, Input, Refused, Statements};
use crate::open;
use crate::output::{self, Progress, counted};

/// The number of rows in a batch, which is one record of the log.
const ROWS_A_BATCH: usize = 200;
/// The bytes of a batch in the file at which it is written before it is full.
const BYTES_A_BATCH: usize = 1 << 20;
const BETWEEN_REPORTS: Duration = Duration::from_secs(1);

pub(crate) fn import(args: &Import) -> Result<(), Failure> {
    let (keyspace, table) = open::split_name(&args.table)?;
    let (database, table, input) = open_both(args, &keyspace, &table)?;
    let how = Writing {
        timestamp: args.timestamp,
        ttl: args.ttl,
        max_errors: args.how.max_errors,
        ..Writing::default()
    };
    let outcome = write_all(&database, &table, input, &how).and_then(|done| done.report());
    database.close()?;
    outcome
}

/// How lines are written.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    /// The timestamp of all rows, in microseconds since 1970.
    pub(crate) timestamp: Option<i64>,
    /// The seconds that rows live.
    pub(crate) ttl: Option<u32>,
    /// Invalid lines to skip.
    pub(crate) max_errors: u64,
    /// Rows to write at most.
    pub(crate) max_rows: u64,
    /// Where invalid lines are kept, if not beside the file.
    pub(crate) refused: Option<PathBuf>,
    /// Ends it between two batches.
    pub(crate) stop: StopSwitch,
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            timestamp: None,
            ttl: None,
            max_errors: 0,
            max_rows: u64::MAX,
            refused: None,
            stop: StopSwitch::default(),
        }
    }
}

/// Writes every line of an input into a table.
pub(crate) fn write_all(
    database: &Database,
    table: &Table,
    input: Input,
    how: &Writing,
) -> Result<Done, Failure> {
    let mut run = Run::new(database, table, input, how)?;
    run.all()?;
    run.progress.finish();
    Ok(Done { written: run.written, took: run.clock.elapsed(), refused: run.refused })
}

/// An import that came to its end.
pub(crate) struct Done {
    pub(crate) written: u64,
    pub(crate) took: Duration,
    pub(crate) refused: Refused,
}

impl Done {
    /// Says what was done.
    fn report(&self) -> Result<(), Failure> {
        let mut out = output::stdout();
        writeln!(out, "{self}")?;
        out.flush()?;
        self.refused.outcome("mend them there, and import that file")
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.took.as_secs_f64();
        let rate = self.written as f64 / seconds.max(1e-6);
        write!(f, "{} in {seconds:.2} s, {rate:.0} rows/s", counted(self.written, "row"))
    }
}

/// An import under way.
struct Run {
    input: Input,
    statements: Statements,
    options: WriteOptions,
    batch: Batch,
    in_batch: InBatch,
    written: u64,
    refused: Refused,
    clock: SystemClock,
    progress: Progress,
    reported: Duration,
    max_rows: u64,
    stop: StopSwitch,
}

/// What stands in the batch at hand. All of a batch has one timestamp, and of two values of one
/// timestamp the larger wins, not the later: a row that comes twice has to be in two batches.
/// Static columns, which the lines of a partition repeat, are written once for each batch (a list
/// that is written twice there would be twice as long).
#[derive(Default)]
struct InBatch {
    lines: usize,
    bytes: usize,
    rows: HashSet<u64>,
    statics: HashMap<u64, u64>,
}

/// Whether the batch has something that a line writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    /// The partition's static columns, with the same values.
    SameStatics,
    /// The row, or static columns with other values.
    Other,
}

impl Run {
    fn new(database: &Database, table: &Table, input: Input, how: &Writing) -> Result<Self, Failure> {
        let schema = table.schema();
        let statements = Statements::new(input.fields(), |columns| match schema.is_counter() {
            true => table.prepare_update(columns),
            false => table.prepare_insert(columns),
        })?;
        if schema.is_counter() && (how.ttl.is_some() || how.timestamp.is_some()) {
            return Err(Failure::usage("--timestamp and --ttl: counters take neither"));
        }
        let options = how.timestamp.into_iter().fold(WriteOptions::new(), WriteOptions::timestamp);
        let options = how.ttl.into_iter().fold(options, WriteOptions::ttl);
        Ok(Self {
            refused: Refused::of(&input, how.max_errors, how.refused.as_deref()),
            progress: Progress::through_file(input.len()),
            input,
            statements,
            options,
            batch: database.batch(),
            in_batch: InBatch::default(),
            written: 0,
            clock: SystemClock::new(),
            reported: Duration::ZERO,
            max_rows: how.max_rows,
            stop: how.stop.clone(),
        })
    }

    /// Writes every line.
    fn all(&mut self) -> Result<(), Failure> {
        while self.goes_on()
            && let Some(outcome) = self.input.next()?
        {
            let taken = match outcome {
                Ok(()) => self.line()?,
                refused => refused,
            };
            if let Err(reason) = taken
                && let Err(stop) = self.refused.add(&self.input, &reason, &self.progress)
            {
                self.write_batch()?;
                return Err(stop);
            }
        }
        self.write_batch()
    }

    /// Whether more rows are wanted.
    fn goes_on(&self) -> bool {
        let taken = self.written + self.in_batch.lines as u64;
        taken < self.max_rows && !self.stop.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Adds the line to the batch; the inner error says why it is invalid.
    fn line(&mut self) -> Result<Result<(), String>, Failure> {
        let is_static = match self.statements.is_static(self.input.fields(), self.input.values()) {
            Ok(is_static) => is_static,
            Err(reason) => return Ok(Err(reason)),
        };
        let marks = Marks::of(self.input.fields(), self.input.values(), is_static);
        if self.in_batch.has(&marks) == Again::Other {
            self.write_batch()?;
        }
        if self.in_batch.has(&marks) == Again::SameStatics {
            self.input.leave_out_statics();
        }
        if let Err(error) = self.add(is_static) {
            // It may be too much for this batch and not for the next.
            self.write_batch()?;
            match self.add(is_static) {
                Ok(()) => {}
                Err(again) if again.kind() == ErrorKind::Invalid => return Ok(Err(error.to_string())),
                Err(again) => return Err(again.into()),
            }
        }
        // Not before: of a line that was refused nothing is written.
        self.in_batch.note(marks);
        self.in_batch.lines += 1;
        self.in_batch.bytes += self.input.raw().len();
        if self.in_batch.lines >= ROWS_A_BATCH || self.in_batch.bytes >= BYTES_A_BATCH {
            self.write_batch()?;
        }
        Ok(Ok(()))
    }

    fn add(&mut self, is_static: bool) -> helenus::Result<()> {
        let (batch, options) = (&mut self.batch, &self.options);
        self.statements.with(is_static, self.input.values(), |statement, values| {
            statement.add_with(options, batch, values)
        })
    }

    /// Writes the batch; what it held is acknowledged then.
    fn write_batch(&mut self) -> Result<(), Failure> {
        if self.in_batch.lines > 0 {
            self.batch.execute()?;
            self.written += self.in_batch.lines as u64;
            self.in_batch.clear();
        }
        let now = self.clock.elapsed();
        let (written, refused) = (self.written, self.refused.count());
        self.progress.at(self.input.read_bytes(), || {
            format!("{} written, {} refused", counted(written, "row"), counted(refused, "line"))
        });
        if now >= self.reported + BETWEEN_REPORTS {
            self.reported = now;
            self.progress.line(&format!("{} written", counted(written, "row")))?;
        }
        Ok(())
    }
}

/// What a line writes, as hashes.
struct Marks {
    row: Option<u64>,
    /// The partition, and its static columns, where the file has any.
    statics: Option<(u64, u64)>,
}

impl Marks {
    fn of(fields: &[Field], values: &[Option<Vec<u8>>], is_static: bool) -> Self {
        let hash = |kinds: &[ColumnKind]| {
            let mut hasher = DefaultHasher::new();
            let of_kinds = fields.iter().zip(values).filter(|(field, _)| kinds.contains(&field.kind));
            of_kinds.for_each(|(_, value)| value.hash(&mut hasher));
            hasher.finish()
        };
        let has_statics = fields.iter().any(|field| field.kind == ColumnKind::Static);
        Self {
            row: (!is_static).then(|| hash(&[ColumnKind::PartitionKey, ColumnKind::Clustering])),
            statics: has_statics.then(|| (hash(&[ColumnKind::PartitionKey]), hash(&[ColumnKind::Static]))),
        }
    }
}

impl InBatch {
    /// Whether the batch has what a line writes.
    fn has(&self, marks: &Marks) -> Again {
        if marks.row.is_some_and(|row| self.rows.contains(&row)) {
            return Again::Other;
        }
        let before = marks.statics.and_then(|(partition, now)| Some((self.statics.get(&partition)?, now)));
        match before {
            None => Again::No,
            Some((before, now)) if *before == now => Again::SameStatics,
            Some(_) => Again::Other,
        }
    }

    /// Notes what a line wrote.
    fn note(&mut self, marks: Marks) {
        self.rows.extend(marks.row);
        self.statics.extend(marks.statics);
    }

    fn clear(&mut self) {
        (self.lines, self.bytes) = (0, 0);
        self.rows.clear();
        self.statics.clear();
    }
}
