//! Rows of a file, whatever their format: lines of CSV, or of JSON as `export` prints them.
//!
//! A line becomes serialized values of columns ([`Input`]), which go into one of two statements ([`Statements`]): one
//! that writes rows, one that writes a partition's static columns alone. Lines that can't be taken are kept
//! ([`Refused`]).

mod refused;
mod statements;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use helenus::{ColumnKind, JsonMembers, TableSchema, Type};

use crate::args::{Format, Quotes};
use crate::csv::{self, Dialect, Malformed, Reader, Record};
use crate::failure::Failure;

pub(crate) use refused::Refused;
pub(crate) use statements::Statements;

/// How much of a file tells its format and dialect.
const SAMPLE_BYTES: u64 = 4 << 20;
const READ_BYTES: usize = 1 << 20;
/// The longest line of JSON, in bytes.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// How the file is written.
pub(crate) struct InputOptions<'a> {
    /// `None`: JSON if it begins with a brace.
    pub(crate) format: Option<Format>,
    pub(crate) quotes: Quotes,
    /// What stands for null in CSV.
    pub(crate) null: &'a str,
}

/// A column of the file.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) ty: Type,
}

/// A file, read line by line.
pub(crate) struct Input {
    path: PathBuf,
    lines: Lines,
    null: Vec<u8>,
    fields: Vec<Field>,
    /// Serialized values of the line at hand, `None` where nothing is set.
    values: Vec<Option<Vec<u8>>>,
    header: Vec<u8>,
    read_bytes: u64,
    len: u64,
}

type Source = BufReader<Box<dyn Read>>;

enum Lines {
    Csv { reader: Reader<Source>, record: Record },
    Json { source: Source, line: u64, text: Vec<u8> },
}

impl Input {
    /// Opens a file, or standard input for `-`, whose lines are rows of a table.
    pub(crate) fn open(
        path: &Path,
        schema: &TableSchema,
        options: &InputOptions<'_>,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(path, &error);
        let (mut source, len) = open_source(path).map_err(failed)?;
        let mut sample = Vec::new();
        (&mut source).take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(failed)?;
        let format = options.format.unwrap_or_else(|| match sample.trim_ascii_start().first() {
            Some(b'{') => Format::Jsonl,
            _ => Format::Csv,
        });
        let dialect = match options.quotes {
            Quotes::Doubled => Dialect::Doubled,
            Quotes::Backslash => Dialect::Backslash,
            Quotes::Auto => csv::detect(&sample),
        };
        let all: Box<dyn Read> = Box::new(Cursor::new(sample).chain(source));
        let source = BufReader::with_capacity(READ_BYTES, all);
        let mut input = Self {
            path: path.to_owned(),
            lines: Lines::Json { source, line: 0, text: Vec::new() },
            null: options.null.as_bytes().to_vec(),
            fields: Vec::new(),
            values: Vec::new(),
            header: Vec::new(),
            read_bytes: 0,
            len,
        };
        match format {
            Format::Jsonl => input.fields = all_columns(schema),
            Format::Csv => input.read_header(schema, dialect)?,
        }
        input.values = vec![None; input.fields.len()];
        Ok(input)
    }

    /// Its columns.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Bytes of the file, if it is one.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes read so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Where the line at hand begins, as editors count.
    pub(crate) fn place(&self) -> String {
        let line = match &self.lines {
            Lines::Csv { record, .. } => record.line,
            Lines::Json { line, .. } => *line,
        };
        format!("{}:{line}", self.path.display())
    }

    /// The line at hand as it stands in the file.
    pub(crate) fn raw(&self) -> &[u8] {
        match &self.lines {
            Lines::Csv { record, .. } => record.raw(),
            Lines::Json { text, .. } => text,
        }
    }

    /// The values of the line at hand, by fields.
    pub(crate) fn values(&self) -> &[Option<Vec<u8>>] {
        &self.values
    }

    /// Leaves out what the line at hand says of static columns.
    pub(crate) fn leave_out_statics(&mut self) {
        let statics = self.fields.iter().zip(&mut self.values);
        let statics = statics.filter(|(field, _)| field.kind == ColumnKind::Static);
        statics.for_each(|(_, value)| *value = None);
    }

    /// Reads the next line that has something on it; `None` at the end. The inner error is why it can't be taken.
    pub(crate) fn next(&mut self) -> Result<Option<Result<(), String>>, Failure> {
        loop {
            let read = self.read().map_err(|error| Failure::file(&self.path, &error))?;
            let Some(outcome) = read else { return Ok(None) };
            self.read_bytes += self.raw().len() as u64;
            let is_blank = match &self.lines {
                Lines::Csv { record, .. } => record.is_blank() && self.fields.len() > 1,
                Lines::Json { text, .. } => text.trim_ascii().is_empty(),
            };
            if !is_blank {
                return Ok(Some(outcome.and_then(|()| self.parse())));
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Result<(), String>>> {
        match &mut self.lines {
            Lines::Csv { reader, record } => {
                let malformed = |malformed: Malformed| match malformed {
                    Malformed::OpenQuote => "a quote is not closed".to_owned(),
                    Malformed::BehindQuote => "text follows a closing quote".to_owned(),
                };
                Ok(reader.next(record)?.map(|outcome| outcome.map_err(malformed)))
            }
            Lines::Json { source, line, text } => {
                text.clear();
                let len = source.take(MAX_LINE_BYTES).read_until(b'\n', text)?;
                *line += 1;
                let too_long = len as u64 == MAX_LINE_BYTES && !text.ends_with(b"\n");
                Ok((len > 0)
                    .then(|| if too_long { Err("a line of more than 256 MiB".to_owned()) } else { Ok(()) }))
            }
        }
    }

    /// Serializes what the line says.
    fn parse(&mut self) -> Result<(), String> {
        let Self { lines, fields, values, null, .. } = self;
        match lines {
            Lines::Csv { record, .. } => parse_csv(record, fields, null, values),
            Lines::Json { text, .. } => parse_json(text, fields, values),
        }
    }

    /// Turns to CSV, whose first line names the columns.
    fn read_header(&mut self, schema: &TableSchema, dialect: Dialect) -> Result<(), Failure> {
        let empty: Box<dyn Read> = Box::new(io::empty());
        let none = Lines::Json { source: BufReader::with_capacity(0, empty), line: 0, text: Vec::new() };
        let Lines::Json { source, .. } = std::mem::replace(&mut self.lines, none) else { return Ok(()) };
        let (mut reader, mut record) = (Reader::new(source, dialect), Record::default());
        let header = reader.next(&mut record).map_err(|error| Failure::file(&self.path, &error))?;
        if !matches!(header, Some(Ok(()))) {
            let text = format!("{}: the first line does not name columns", self.path.display());
            return Err(
                Failure::failed(text).or_try("put the names of the columns on it, separated by commas")
            );
        }
        self.fields = columns_of(schema, &record, &self.path)?;
        self.header = record.raw().to_vec();
        self.lines = Lines::Csv { reader, record };
        Ok(())
    }
}

fn open_source(path: &Path) -> io::Result<(Box<dyn Read>, u64)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), 0));
    }
    #[expect(clippy::disallowed_methods, reason = "a file that the user names is no part of a database")]
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((Box::new(file), len))
}

fn parse_csv(
    record: &Record,
    fields: &[Field],
    null: &[u8],
    values: &mut [Option<Vec<u8>>],
) -> Result<(), String> {
    let given = record.fields();
    if given.len() != fields.len() {
        return Err(format!("{} fields, the first line names {}", given.len(), fields.len()));
    }
    for ((bytes, field), value) in given.zip(fields).zip(values) {
        *value = None;
        if bytes == null {
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

fn parse_json(text: &[u8], fields: &[Field], values: &mut [Option<Vec<u8>>]) -> Result<(), String> {
    values.fill(None);
    let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8: {error}"))?;
    let mut members = JsonMembers::new(text).map_err(|error| error.to_string())?;
    // Lines mostly name the columns in the order of `SELECT *`: the next one is tried first.
    let mut next = 0;
    while let Some(name) = members.next().map_err(|error| error.to_string())? {
        let is_next = fields.get(next).is_some_and(|field| field.name == name);
        let found = if is_next { Some(next) } else { fields.iter().position(|field| field.name == name) };
        let Some((at, field)) = found.and_then(|at| Some((at, fields.get(at)?))) else {
            return Err(format!("the table has no column {name}"));
        };
        let value = members.value(&field.ty).map_err(|error| format!("column {name}: {error}"))?;
        if let Some(slot) = values.get_mut(at) {
            *slot = value;
        }
        next = at + 1;
    }
    Ok(())
}

/// All columns of a table, as lines of JSON may have them, about in the order of `SELECT *`.
fn all_columns(schema: &TableSchema) -> Vec<Field> {
    let of_key = |kind: ColumnKind, columns: &[helenus::ColumnDef]| {
        let field = |column: &helenus::ColumnDef| Field {
            name: column.name.to_string(),
            kind,
            ty: column.ty.base().clone(),
        };
        columns.iter().map(field).collect::<Vec<_>>()
    };
    let others = |kind: ColumnKind, columns: &helenus::Columns| {
        let names = columns.as_slice().iter();
        let mut fields: Vec<Field> = names
            .map(|column| Field { name: column.name.to_string(), kind, ty: column.ty.clone() })
            .collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    };
    let mut fields = of_key(ColumnKind::PartitionKey, schema.partition_key());
    fields.extend(of_key(ColumnKind::Clustering, schema.clustering()));
    fields.extend(others(ColumnKind::Static, schema.statics()));
    fields.extend(others(ColumnKind::Regular, schema.regulars()));
    fields
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
