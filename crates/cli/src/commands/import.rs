//! `import`: the lines of a CSV file as rows.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use helenus::{
    Batch, BindValue, Clock, ColumnKind, Database, ErrorKind, Options, Prepared, Serialized, SystemClock,
    Table, TableSchema, Type, Unset,
};

use crate::args::{Import, Quotes};
use crate::csv::{self, Dialect, Malformed, Reader, Record};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Progress};

/// Rows are written so many at a time: one record of the log.
const ROWS_A_BATCH: usize = 200;
/// A batch that has grown so large in the file is written at once.
const BYTES_A_BATCH: usize = 1 << 20;
/// How much of a file tells its dialect.
const SAMPLE_BYTES: u64 = 4 << 20;
const READ_BYTES: usize = 1 << 20;
const BETWEEN_REPORTS: Duration = Duration::from_secs(1);

pub(crate) fn import(args: &Import) -> Result<(), Failure> {
    let (keyspace, table) = open::split_name(&args.table)?;
    let reader = open_csv(&args.file, args.quotes)?;
    let database = Options::new().open(&args.dir)?;
    let outcome = make_table(&database, args, &keyspace, &table).and_then(|table| {
        let mut run = Run::new(&database, &table, reader, args)?;
        run.all()?;
        run.report()
    });
    database.close()?;
    outcome
}

/// The table, made by the schema file where it is not there.
fn make_table(database: &Database, args: &Import, keyspace: &str, table: &str) -> Result<Table, Failure> {
    match (database.table(keyspace, table), &args.schema) {
        (Ok(table), _) => Ok(table),
        (Err(error), Some(schema)) if error.kind() == ErrorKind::NotFound => {
            database.adopt_schema(&open::read_text(schema)?).map_err(|error| {
                Failure::failed(format!("{}: {error}", schema.display()))
                    .or_try("mend the statement, and import again")
            })?;
            database.table(keyspace, table).map_err(|error| {
                Failure::failed(format!("{}: {error} afterwards", schema.display()))
                    .or_try("compare it with --table")
            })
        }
        (Err(error), None) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::failed(error.to_string()).or_try("--schema FILE with its CREATE TABLE makes it"))
        }
        (Err(error), _) => Err(error.into()),
    }
}

fn open_csv(path: &Path, quotes: Quotes) -> Result<Reader<BufReader<File>>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    #[expect(clippy::disallowed_methods, reason = "a file that the user names is no part of a database")]
    let mut file = File::open(path).map_err(failed)?;
    let dialect = match quotes {
        Quotes::Doubled => Dialect::Doubled,
        Quotes::Backslash => Dialect::Backslash,
        Quotes::Auto => {
            let mut sample = Vec::new();
            (&mut file).take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(failed)?;
            file.rewind().map_err(failed)?;
            csv::detect(&sample)
        }
    };
    Ok(Reader::new(BufReader::with_capacity(READ_BYTES, file), dialect))
}

/// A column of the file.
struct Field {
    name: String,
    kind: ColumnKind,
    ty: Type,
}

/// An import under way.
struct Run<'a> {
    args: &'a Import,
    reader: Reader<BufReader<File>>,
    record: Record,
    fields: Vec<Field>,
    /// Writes rows, and static columns with them.
    row: Option<Prepared>,
    /// Writes static columns alone, where the file has any; the fields that it takes.
    statics: Option<(Prepared, Vec<usize>)>,
    /// Serialized values of the line at hand, `None` where nothing is set.
    values: Vec<Option<Vec<u8>>>,
    batch: Batch,
    in_batch: InBatch,
    written: u64,
    refused: Refused,
    clock: SystemClock,
    read_bytes: u64,
    progress: Progress,
    reported: Duration,
}

/// What stands in the batch at hand. All of a batch has one timestamp, and of two values of one timestamp the larger
/// wins, not the later: a row that comes twice has to be in two batches. Static columns, which the lines of a
/// partition repeat, are written once for each batch (a list that is written twice there would be twice as long).
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

/// Lines that were not taken.
struct Refused {
    path: PathBuf,
    file: Option<File>,
    count: u64,
    header: Vec<u8>,
}

impl<'a> Run<'a> {
    fn new(
        database: &Database,
        table: &Table,
        mut reader: Reader<BufReader<File>>,
        args: &'a Import,
    ) -> Result<Self, Failure> {
        let mut record = Record::default();
        let header = reader.next(&mut record).map_err(|error| Failure::file(&args.file, &error))?;
        if !matches!(header, Some(Ok(()))) {
            let text = format!("{}: the first line does not name columns", args.file.display());
            return Err(
                Failure::failed(text).or_try("put the names of the columns on it, separated by commas")
            );
        }
        let schema = table.schema();
        let fields = columns_of(&schema, &record, &args.file)?;
        let (row, statics) = prepare(table, &fields)?;
        let len = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
        let mut path = args.file.clone().into_os_string();
        path.push(".refused");
        Ok(Self {
            args,
            reader,
            values: vec![None; fields.len()],
            fields,
            row,
            statics,
            batch: database.batch(),
            in_batch: InBatch::default(),
            written: 0,
            refused: Refused { path: path.into(), file: None, count: 0, header: record.raw().to_vec() },
            clock: SystemClock::new(),
            read_bytes: 0,
            progress: Progress::through_file(len),
            reported: Duration::ZERO,
            record,
        })
    }

    /// Writes every line.
    fn all(&mut self) -> Result<(), Failure> {
        loop {
            let read =
                self.reader.next(&mut self.record).map_err(|error| Failure::file(&self.args.file, &error))?;
            let Some(outcome) = read else { break };
            self.read_bytes += self.record.raw().len() as u64;
            if self.record.is_blank() && self.fields.len() > 1 {
                continue;
            }
            let taken = match outcome {
                Ok(()) => self.line()?,
                Err(Malformed::OpenQuote) => Err("a quote is not closed".to_owned()),
                Err(Malformed::BehindQuote) => Err("text follows a closing quote".to_owned()),
            };
            if let Err(reason) = taken
                && let Err(stop) = self.refuse(&reason)
            {
                self.write_batch()?;
                return Err(stop);
            }
        }
        self.write_batch()
    }

    /// Takes the line into the batch; the inner error is why it can't be.
    fn line(&mut self) -> Result<Result<(), String>, Failure> {
        if let Err(reason) = self.parse() {
            return Ok(Err(reason));
        }
        let is_static = match self.shape() {
            Ok(is_static) => is_static,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut again = self.in_batch.note(&self.fields, &self.values, is_static);
        if again == Again::Other {
            self.write_batch()?;
            again = self.in_batch.note(&self.fields, &self.values, is_static);
        }
        if again == Again::SameStatics {
            let statics = self
                .fields
                .iter()
                .zip(&mut self.values)
                .filter(|(field, _)| field.kind == ColumnKind::Static);
            statics.for_each(|(_, value)| *value = None);
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
        self.in_batch.lines += 1;
        self.in_batch.bytes += self.record.raw().len();
        if self.in_batch.lines >= ROWS_A_BATCH || self.in_batch.bytes >= BYTES_A_BATCH {
            self.write_batch()?;
        }
        Ok(Ok(()))
    }

    /// Serializes the line's fields.
    fn parse(&mut self) -> Result<(), String> {
        let fields = self.record.fields();
        if fields.len() != self.fields.len() {
            return Err(format!("{} fields, the first line names {}", fields.len(), self.fields.len()));
        }
        for ((bytes, field), value) in fields.zip(&self.fields).zip(&mut self.values) {
            *value = None;
            if bytes == self.args.null.as_bytes() {
                continue;
            }
            let parsed = match std::str::from_utf8(bytes) {
                Ok(text) => field.ty.parse_text(text).map_err(|error| error.to_string()),
                Err(error) => Err(format!("not UTF-8: {error}")),
            };
            *value = Some(parsed.map_err(|why| format!("column {}: {why}", field.name))?);
        }
        Ok(())
    }

    /// Whether the line sets static columns alone; an error when a part of its key is missing.
    fn shape(&self) -> Result<bool, String> {
        let of = |kind: ColumnKind| {
            self.fields.iter().zip(&self.values).filter(move |(field, _)| field.kind == kind)
        };
        if let Some((field, _)) = of(ColumnKind::PartitionKey).find(|(_, value)| value.is_none()) {
            return Err(format!("column {}: a part of the partition key is missing", field.name));
        }
        let missing = of(ColumnKind::Clustering).find(|(_, value)| value.is_none());
        let has_row =
            of(ColumnKind::Clustering).chain(of(ColumnKind::Regular)).any(|(_, value)| value.is_some());
        match (missing, &self.row) {
            (None, Some(_)) => Ok(false),
            (None, None) | (Some(_), _) if !has_row => {
                match of(ColumnKind::Static).any(|(_, value)| value.is_some()) {
                    true => Ok(true),
                    false => {
                        Err("there is nothing to write: neither a clustering nor a static column".to_owned())
                    }
                }
            }
            (Some((field, _)), _) => {
                Err(format!("column {}: a part of the clustering is missing", field.name))
            }
            (None, None) => Err("the first line names no clustering column".to_owned()),
        }
    }

    fn add(&mut self, is_static: bool) -> helenus::Result<()> {
        let all: Vec<Option<Serialized<'_>>> = match (&self.statics, is_static) {
            (Some((_, places)), true) => {
                places.iter().filter_map(|&at| self.values.get(at)).map(bound).collect()
            }
            _ => self.values.iter().map(bound).collect(),
        };
        let values: Vec<&dyn BindValue> = all
            .iter()
            .map(|value| match value {
                Some(value) => value as &dyn BindValue,
                None => &Unset as &dyn BindValue,
            })
            .collect();
        let prepared = match (&self.statics, &self.row) {
            (Some((statics, _)), _) if is_static => statics,
            (_, Some(row)) => row,
            _ => return Ok(()),
        };
        prepared.add_to(&mut self.batch, &*values)
    }

    /// Writes the batch; what it held is acknowledged then.
    fn write_batch(&mut self) -> Result<(), Failure> {
        if self.in_batch.lines > 0 {
            self.batch.execute()?;
            self.written += self.in_batch.lines as u64;
            self.in_batch.clear();
        }
        let now = self.clock.elapsed();
        let (written, refused) = (self.written, self.refused.count);
        self.progress.at(self.read_bytes, || format!("{written} rows written, {refused} lines refused"));
        if now >= self.reported + BETWEEN_REPORTS {
            self.reported = now;
            self.progress.line(&format!("{written} rows written"))?;
        }
        Ok(())
    }

    /// Reports the line and keeps it; an error when there were too many.
    fn refuse(&mut self, reason: &str) -> Result<(), Failure> {
        self.refused.keep(&self.record)?;
        let place = format!("{}:{}", self.args.file.display(), self.record.line);
        self.progress.message(&format!("{place}: {reason}"))?;
        if self.refused.count <= self.args.max_errors {
            return Ok(());
        }
        let text = format!(
            "{place}: {} bad lines, at most {} were allowed",
            self.refused.count, self.args.max_errors
        );
        Err(Failure::failed(text).or_try("mend the file, or raise --max-errors"))
    }

    /// Says what was done.
    fn report(&self) -> Result<(), Failure> {
        self.progress.finish();
        let seconds = self.clock.elapsed().as_secs_f64();
        let mut out = output::stdout();
        let rate = self.written as f64 / seconds.max(1e-6);
        writeln!(out, "{} rows in {seconds:.2} s, {rate:.0} rows/s", self.written)?;
        out.flush()?;
        if self.refused.count == 0 {
            return Ok(());
        }
        let text =
            format!("{} lines were refused, they are in {}", self.refused.count, self.refused.path.display());
        Err(Failure::failed(text).or_try("mend them there, and import that file"))
    }
}

fn bound(value: &Option<Vec<u8>>) -> Option<Serialized<'_>> {
    value.as_deref().map(Serialized)
}

impl InBatch {
    /// Notes what the line writes.
    fn note(&mut self, fields: &[Field], values: &[Option<Vec<u8>>], is_static: bool) -> Again {
        let hash = |kinds: &[ColumnKind]| {
            let mut hasher = DefaultHasher::new();
            let of_kinds = fields.iter().zip(values).filter(|(field, _)| kinds.contains(&field.kind));
            of_kinds.for_each(|(_, value)| value.hash(&mut hasher));
            hasher.finish()
        };
        if !is_static && !self.rows.insert(hash(&[ColumnKind::PartitionKey, ColumnKind::Clustering])) {
            return Again::Other;
        }
        if !fields.iter().any(|field| field.kind == ColumnKind::Static) {
            return Again::No;
        }
        let statics = hash(&[ColumnKind::Static]);
        match self.statics.insert(hash(&[ColumnKind::PartitionKey]), statics) {
            None => Again::No,
            Some(before) if before == statics => Again::SameStatics,
            Some(_) => Again::Other,
        }
    }

    fn clear(&mut self) {
        (self.lines, self.bytes) = (0, 0);
        self.rows.clear();
        self.statics.clear();
    }
}

impl Refused {
    fn keep(&mut self, record: &Record) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::file(&self.path, &error);
        self.count += 1;
        if self.file.is_none() {
            #[expect(clippy::disallowed_methods, reason = "a file for the user, no part of a database")]
            let mut file = File::create(&self.path).map_err(failed)?;
            file.write_all(&self.header).map_err(failed)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(record.raw()).map_err(failed)?;
        if record.raw().ends_with(b"\n") { Ok(()) } else { file.write_all(b"\n").map_err(failed) }
    }
}

/// The columns that the header line names: as they are, or as CQL spells them.
fn columns_of(schema: &TableSchema, header: &Record, file: &Path) -> Result<Vec<Field>, Failure> {
    let find =
        |name: &str| schema.column(name).and_then(|(kind, at)| Some((kind, schema.column_type(kind, at)?)));
    let column = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let spelled = helenus::parse_qualified_name(text.trim()).map(|name| String::from(name.name));
        let names = [Some(text.to_string()), spelled.ok()];
        let found =
            names.into_iter().flatten().find_map(|name| find(&name).map(|(kind, ty)| (name, kind, ty)));
        found.map(|(name, kind, ty)| Field { name, kind, ty: ty.clone() }).ok_or_else(|| {
            let text =
                format!("{}: {}.{} has no column {text}", file.display(), schema.keyspace(), schema.name());
            Failure::failed(text).or_try("the first line has to name columns of the table")
        })
    };
    header.fields().map(column).collect()
}

type Statements = (Option<Prepared>, Option<(Prepared, Vec<usize>)>);

/// The statements that write whole lines, and lines with static columns alone.
fn prepare(table: &Table, fields: &[Field]) -> Result<Statements, Failure> {
    let schema = table.schema();
    let prepared = |columns: &[&str]| match schema.is_counter() {
        true => table.prepare_update(columns),
        false => table.prepare_insert(columns),
    };
    let of_partition = |field: &Field| matches!(field.kind, ColumnKind::PartitionKey | ColumnKind::Static);
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let places: Vec<usize> =
        fields.iter().enumerate().filter(|(_, field)| of_partition(field)).map(|(at, _)| at).collect();
    let static_names: Vec<&str> = places.iter().filter_map(|&at| names.get(at)).copied().collect();
    let has_statics = fields.iter().any(|field| field.kind == ColumnKind::Static);
    let statics = if has_statics { Some((prepared(&static_names)?, places)) } else { None };
    let only_statics = has_statics && fields.iter().all(of_partition);
    let row = if only_statics { None } else { Some(prepared(&names)?) };
    Ok((row, statics))
}
