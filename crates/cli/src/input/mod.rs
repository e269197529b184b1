//! Rows of a file, whatever their format: lines of CSV, or of JSON as `export` prints them.
//!
//! A line becomes serialized values of columns ([`Input`]), which go into one of two statements
//! ([`Statements`]): one that writes rows, one that writes a partition's static columns alone.
//! Invalid lines are kept ([`Refused`]).

mod refused;
mod statements;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use helenus::{ColumnKind, JsonMembers, TableSchema, Type, parse_text};

use crate::args::{Format, Quotes, RowFiles};
use crate::csv::{self, Dialect, Guess, Malformed, Reader, Record, skip_line};
use crate::failure::Failure;
use crate::output::counted;

pub(crate) use refused::Refused;
pub(crate) use statements::Statements;

/// The length of the sample that decides a file's format and dialect.
const SAMPLE_BYTES: u64 = 4 << 20;
const READ_BYTES: usize = 1 << 20;
/// The longest line of JSON, in bytes.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// A column of the file.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) ty: Type,
    /// Whether it is not taken.
    pub(crate) is_skipped: bool,
}

/// A file, read line by line.
pub(crate) struct Input {
    path: PathBuf,
    lines: Lines,
    null: Vec<u8>,
    fields: Vec<Field>,
    /// Serialized values of the line at hand, `None` where nothing is set.
    values: Vec<Option<Vec<u8>>>,
    /// The line that names the columns; empty where there is none.
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
    pub(crate) fn open(path: &Path, schema: &TableSchema, how: &RowFiles) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::file(path, &error);
        let (mut source, len) = open_source(path).map_err(failed)?;
        let mut sample = Vec::new();
        (&mut source).take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(failed)?;
        let of_csv = !how.columns.is_empty() || how.delimiter.is_some();
        let format = how.format.unwrap_or_else(|| match sample.trim_ascii_start().first() {
            Some(b'{') if !of_csv => Format::Jsonl,
            _ => Format::Csv,
        });
        if format == Format::Jsonl && (of_csv || how.null.is_some() || how.quotes != Quotes::Auto) {
            return Err(Failure::usage("--columns, --delimiter, --null and --quotes are of CSV"));
        }
        let delimiter = how.delimiter.unwrap_or(b',');
        let dialect = match how.quotes {
            Quotes::Doubled => Some(Dialect::Doubled),
            Quotes::Backslash => Some(Dialect::Backslash),
            Quotes::Auto if format == Format::Jsonl => None,
            Quotes::Auto => match csv::guess(&sample, delimiter) {
                Guess::Told(dialect) => Some(dialect),
                Guess::Either => None,
                Guess::Ambiguous => return Err(ambiguous(path, None)),
            },
        };
        let all: Box<dyn Read> = Box::new(Cursor::new(sample).chain(source));
        let source = BufReader::with_capacity(READ_BYTES, all);
        let mut input = Self {
            path: path.to_owned(),
            lines: Lines::Json { source, line: 0, text: Vec::new() },
            null: how.null.as_deref().unwrap_or_default().as_bytes().to_vec(),
            fields: Vec::new(),
            values: Vec::new(),
            header: Vec::new(),
            read_bytes: 0,
            len,
        };
        match format {
            Format::Jsonl => input.fields = all_columns(schema),
            Format::Csv => input.begin_csv(schema, csv::Format { delimiter, dialect }, how)?,
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

    /// The number of the current line, as editors count; and of its last one, if that differs.
    pub(crate) fn place(&self) -> String {
        let path = self.path.display();
        match &self.lines {
            Lines::Csv { record, .. } if record.lines > 1 => {
                format!("{path}:{} (to line {})", record.line, record.line + record.lines - 1)
            }
            Lines::Csv { record, .. } => format!("{path}:{}", record.line),
            Lines::Json { line, .. } => format!("{path}:{line}"),
        }
    }

    /// The number of the file's lines in the current one: values may hold ends of lines.
    pub(crate) fn line_count(&self) -> u64 {
        match &self.lines {
            Lines::Csv { record, .. } => record.lines,
            Lines::Json { .. } => 1,
        }
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

    /// Reads the next line that is not empty; `None` at the end. The inner error says why it is
    /// invalid.
    pub(crate) fn next(&mut self) -> Result<Option<Result<(), String>>, Failure> {
        loop {
            let Some(outcome) = self.read()? else { return Ok(None) };
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

    fn read(&mut self) -> Result<Option<Result<(), String>>, Failure> {
        let failed = |error: io::Error| Failure::file(&self.path, &error);
        match &mut self.lines {
            Lines::Csv { reader, record } => {
                let why = match reader.next(record).map_err(failed)? {
                    None => return Ok(None),
                    Some(Ok(())) => return Ok(Some(Ok(()))),
                    Some(Err(Malformed::Ambiguous)) => {
                        return Err(ambiguous(&self.path, Some(record.line)));
                    }
                    Some(Err(Malformed::OpenQuote)) => "a quote is not closed",
                    Some(Err(Malformed::BehindQuote)) => "text follows a closing quote",
                    Some(Err(Malformed::TooLong)) => "a line of more than 33 MiB",
                };
                Ok(Some(Err(why.to_owned())))
            }
            Lines::Json { source, line, text } => {
                text.clear();
                let len = source.take(MAX_LINE_BYTES).read_until(b'\n', text).map_err(failed)?;
                *line += 1;
                let too_long = len as u64 == MAX_LINE_BYTES && !text.ends_with(b"\n");
                if too_long {
                    skip_line(source).map_err(failed)?;
                }
                Ok((len > 0)
                    .then(|| if too_long { Err("a line of more than 256 MiB".to_owned()) } else { Ok(()) }))
            }
        }
    }

    /// Serializes what the line says.
    fn parse(&mut self) -> Result<(), String> {
        let Self { lines, fields, values, null, header, .. } = self;
        match lines {
            Lines::Csv { record, .. } => {
                let named_by = if header.is_empty() { "--columns" } else { "the first line" };
                parse_csv(record, fields, named_by, null, values)
            }
            Lines::Json { text, .. } => parse_json(text, fields, values),
        }
    }

    /// Turns to CSV, whose first line names the columns unless they are given.
    fn begin_csv(
        &mut self,
        schema: &TableSchema,
        format: csv::Format,
        how: &RowFiles,
    ) -> Result<(), Failure> {
        let empty: Box<dyn Read> = Box::new(io::empty());
        let none = Lines::Json { source: BufReader::with_capacity(0, empty), line: 0, text: Vec::new() };
        let Lines::Json { source, .. } = std::mem::replace(&mut self.lines, none) else { return Ok(()) };
        let (mut reader, mut record) = (Reader::new(source, format, csv::told), Record::default());
        if how.columns.is_empty() {
            let header = reader.next(&mut record).map_err(|error| Failure::file(&self.path, &error))?;
            if !matches!(header, Some(Ok(()))) {
                let text = format!("{}: the first line does not name columns", self.path.display());
                return Err(Failure::failed(text)
                    .or_try("put the names of the columns on it, or name them by --columns"));
            }
            self.header = record.raw().to_vec();
            let names = record.fields().map(String::from_utf8_lossy);
            self.fields = columns_of(schema, names, &self.path.display().to_string())?;
        } else {
            let names = how.columns.iter().map(|name| Cow::Borrowed(name.as_str()));
            self.fields = columns_of(schema, names, "--columns")?;
            for _ in 0..how.skip_lines {
                reader.next(&mut record).map_err(|error| Failure::file(&self.path, &error))?;
            }
        }
        for field in &mut self.fields {
            field.is_skipped = how.skip_columns.contains(&field.name);
        }
        self.lines = Lines::Csv { reader, record };
        Ok(())
    }
}

/// The meaning of a backslash in the file is unknown, and each reading gives other values.
fn ambiguous(path: &Path, line: Option<u64>) -> Failure {
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    let text = format!(
        "{}{line}: a backslash may stand for itself (RFC 4180) or before a quote or backslash (cqlsh), and nothing in \
         the file shows which",
        path.display()
    );
    Failure::usage(text).or_try("--quotes doubled, or --quotes backslash for what cqlsh's COPY TO wrote")
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
    named_by: &str,
    null: &[u8],
    values: &mut [Option<Vec<u8>>],
) -> Result<(), String> {
    let given = record.fields();
    if given.len() != fields.len() {
        let given = counted(given.len() as u64, "field");
        return Err(format!("{given}, {named_by} names {}", fields.len()));
    }
    for (((bytes, is_quoted), field), value) in given.zip(record.are_quoted()).zip(fields).zip(values) {
        *value = None;
        if field.is_skipped || (bytes == null && !is_quoted) {
            continue;
        }
        let parsed = match std::str::from_utf8(bytes) {
            Ok(text) => parse_text(&field.ty, text).map_err(|error| error.to_string()),
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
            is_skipped: false,
        };
        columns.iter().map(field).collect::<Vec<_>>()
    };
    let others = |kind: ColumnKind, columns: &helenus::Columns| {
        let names = columns.as_slice().iter();
        let mut fields: Vec<Field> = names
            .map(|column| Field {
                name: column.name.to_string(),
                kind,
                ty: column.ty.clone(),
                is_skipped: false,
            })
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

/// The columns that the header line names, or `source` otherwise: as they are, or as CQL spells
/// them.
fn columns_of<'a>(
    schema: &TableSchema,
    names: impl Iterator<Item = Cow<'a, str>>,
    source: &str,
) -> Result<Vec<Field>, Failure> {
    let find =
        |name: &str| schema.column(name).and_then(|(kind, at)| Some((kind, schema.column_type(kind, at)?)));
    let mut fields: Vec<Field> = Vec::new();
    for text in names {
        let spelled = helenus::parse_qualified_name(text.trim()).map(|name| String::from(name.name));
        let names = [Some(text.to_string()), spelled.ok()];
        let found =
            names.into_iter().flatten().find_map(|name| find(&name).map(|(kind, ty)| (name, kind, ty)));
        let failed = |why: String| {
            Failure::failed(format!("{source}: {why}")).or_try(
                "the first line, or --columns where there is no such line, has to name columns of the table",
            )
        };
        let Some((name, kind, ty)) = found else {
            return Err(failed(format!("{}.{} has no column {text}", schema.keyspace(), schema.name())));
        };
        if fields.iter().any(|field| field.name == name) {
            return Err(failed(format!("column {name} is named twice")));
        }
        fields.push(Field { name, kind, ty: ty.clone(), is_skipped: false });
    }
    Ok(fields)
}
