//! `sstable bulk-write`: the lines of files as SSTables.

use std::io::Write;

use helenus::{
    BulkOptions, BulkTable, BulkWriter, Clock, ColumnKind, CompressionParams, Error, ErrorKind,
    LateDeletionTimes, SystemClock, TableSchema,
};

use super::common::only_table;
use crate::args::{BulkWrite, CompressorName};
use crate::failure::Failure;
use crate::input::{Input, Refused, Statements};
use crate::open;
use crate::output::{self, Progress, counted};

/// Lines between two looks at the progress.
const LINES_A_TICK: u64 = 1024;

pub(crate) fn run(args: &BulkWrite) -> Result<(), Failure> {
    let text = open::read_text(&args.schema)?;
    let (keyspace, table) = match &args.table {
        Some(name) => open::split_name(name)?,
        None => only_table(&args.schema, &text)?,
    };
    let opened = options(args)?.open(&args.out, &text, &keyspace, &table);
    let writer = opened.map_err(|error| explained(args, error))?;
    let clock = SystemClock::new();
    let written = write_all(&writer, args);
    let (rows, outcome) = match written {
        Ok(written) => written,
        Err(failure) => {
            writer.abort()?;
            return Err(failure);
        }
    };
    let tables = writer.finish()?;
    report(rows, &tables, &clock)?;
    outcome
}

fn options(args: &BulkWrite) -> Result<BulkOptions, Failure> {
    let mut options = BulkOptions::new()
        .sorted(args.sorted)
        .buffer_bytes(args.buffer.max(1) as usize * (1 << 20))
        .uuid_ids(args.uuid_ids);
    if args.cap_expirations {
        options = options.late_deletion_times(LateDeletionTimes::Cap);
    }
    options = args.to.into_iter().fold(options, BulkOptions::version);
    options = args.max_size.into_iter().fold(options, |o, size| o.max_table_bytes(u64::from(size) << 20));
    options = args.timestamp.into_iter().fold(options, BulkOptions::timestamp);
    options = args.ttl.into_iter().fold(options, BulkOptions::ttl);
    Ok(match args.codec {
        None => options,
        Some(codec) => options.compression(compression(codec)?),
    })
}

fn compression(codec: CompressorName) -> Result<Option<CompressionParams>, Failure> {
    let Some(class) = codec.class() else { return Ok(None) };
    let mut map = vec![("class", class)];
    map.extend((codec == CompressorName::Lz4High).then_some(("lz4_compressor_type", "high")));
    CompressionParams::from_options(map).map_err(|error| Failure::usage(error.to_string()))
}

fn explained(args: &BulkWrite, error: Error) -> Failure {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::failed(error.to_string()).or_try("name a directory of its own, which will be made")
        }
        ErrorKind::NotFound | ErrorKind::Invalid => {
            Failure::failed(format!("{}: {error}", args.schema.display()))
                .or_try("compare --table and the other options with the schema")
        }
        _ => error.into(),
    }
}

/// Writes all files; how many rows, and whether lines were refused.
fn write_all(writer: &BulkWriter, args: &BulkWrite) -> Result<(u64, Result<(), Failure>), Failure> {
    let schema = writer.schema();
    let mut rows = 0;
    let mut outcome = Ok(());
    for file in &args.files {
        let input = Input::open(file, &schema, &args.how)?;
        let mut run = Run::new(writer, &schema, input, args)?;
        run.all()?;
        rows += run.rows;
        let refused = run.refused.outcome("mend them there, and write that file to another directory");
        outcome = outcome.and(refused);
    }
    Ok((rows, outcome))
}

/// One file under way.
struct Run {
    input: Input,
    statements: Statements,
    /// The fields of the partition key and static ones, where there are any static ones.
    of_partition: Vec<usize>,
    /// The values in them of the last line that was written.
    last: Vec<Option<Vec<u8>>>,
    rows: u64,
    refused: Refused,
    progress: Progress,
}

impl Run {
    fn new(
        writer: &BulkWriter,
        schema: &TableSchema,
        input: Input,
        args: &BulkWrite,
    ) -> Result<Self, Failure> {
        let statements = Statements::new(input.fields(), |columns| writer.prepare_insert(columns))?;
        let kinds = input.fields().iter().map(|field| field.kind).enumerate();
        let of_partition = match schema.statics().is_empty() {
            true => Vec::new(),
            false => kinds
                .filter(|(_, kind)| matches!(kind, ColumnKind::PartitionKey | ColumnKind::Static))
                .map(|(at, _)| at)
                .collect(),
        };
        Ok(Self {
            refused: Refused::of(&input, args.how.max_errors, None),
            progress: Progress::through_file(input.len()),
            input,
            statements,
            of_partition,
            last: Vec::new(),
            rows: 0,
        })
    }

    fn all(&mut self) -> Result<(), Failure> {
        while let Some(outcome) = self.input.next()? {
            let taken = match outcome {
                Ok(()) => self.line()?,
                refused => refused,
            };
            match taken {
                Ok(()) => self.rows += 1,
                Err(reason) => self.refused.add(&self.input, &reason, &self.progress)?,
            }
            if self.rows.is_multiple_of(LINES_A_TICK) {
                let (rows, refused) = (self.rows, self.refused.count());
                self.progress.at(self.input.read_bytes(), || format!("{rows} rows, {refused} lines refused"));
            }
        }
        self.progress.finish();
        Ok(())
    }

    /// Writes the line; the inner error says why it is invalid.
    fn line(&mut self) -> Result<Result<(), String>, Failure> {
        let is_static = match self.statements.is_static(self.input.fields(), self.input.values()) {
            Ok(is_static) => is_static,
            Err(reason) => return Ok(Err(reason)),
        };
        let statics = self.new_statics();
        // The lines of a partition repeat its static columns: they are written once. (A list that
        // is written twice at one timestamp is twice as long.)
        if statics.is_none() && !is_static {
            self.input.leave_out_statics();
        }
        let written = self
            .statements
            .with(is_static, self.input.values(), |statement, values| statement.execute(values));
        match written {
            Ok(()) => {
                // Not before: of a line that was refused nothing is written.
                self.last = statics.unwrap_or_else(|| std::mem::take(&mut self.last));
                Ok(Ok(()))
            }
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// The line's values of partition key and static columns, unless they are those of the last
    /// one.
    fn new_statics(&self) -> Option<Vec<Option<Vec<u8>>>> {
        let values = self.input.values();
        let now = self.of_partition.iter().map(|&at| values.get(at).and_then(Option::as_ref));
        let is_same = now.clone().eq(self.last.iter().map(Option::as_ref));
        (!is_same).then(|| now.map(Option::<&Vec<u8>>::cloned).collect())
    }
}

/// Says what was done.
fn report(rows: u64, tables: &[BulkTable], clock: &SystemClock) -> Result<(), Failure> {
    let seconds = clock.elapsed().as_secs_f64();
    let mut out = output::stdout();
    let rate = rows as f64 / seconds.max(1e-6);
    writeln!(out, "{} in {seconds:.2} s, {rate:.0} rows/s", counted(rows, "row"))?;
    for table in tables {
        writeln!(
            out,
            "{}: {}, {}, {}",
            table.data_file.display(),
            counted(table.partitions, "partition"),
            counted(table.rows, "row"),
            counted(table.bytes_on_disk, "byte")
        )?;
        if table.capped_deletion_times > 0 {
            let verb = if table.capped_deletion_times == 1 { "was" } else { "were" };
            let capped = counted(table.capped_deletion_times, "expiration");
            writeln!(out, "  {capped} past 2038 {verb} capped")?;
        }
    }
    Ok(out.flush()?)
}
