//! Rows as text: lines of JSON as CQL's `SELECT JSON *` returns them, or lines of CSV.

use std::ops::Range;

use helenus_rows::{ColumnKind, TableSchema};
use helenus_types::{Hex, Reader, Type, ValueError, push_json_name};

use crate::error::{Error, ErrorKind, Result};
use crate::select::RowView;

/// Prints the rows of one query, a line each, in the order of `SELECT *`: the columns of the
/// partition key, those of the clustering, the static ones by name, the others by name.
///
/// ```text
/// JSON   {"p": 1, "c": "x", "\"Quoted\"": null, "tags": ["a", "b"]}
/// CSV    1,x,,"['a', 'b']"
/// ```
///
/// Values in JSON are those of [`Type::json`] or [`Type::lossless_json`]. A field of CSV is
/// [`Type::text`]; [`parse_text`](helenus_cql_syntax::parse_text) reads it back. What needs it is
/// put in double quotes, those inside doubled (RFC 4180), and so is a value that reads like null.
#[derive(Debug)]
pub struct RowPrinter {
    format: Format,
    partition_key: Vec<Printed>,
    clustering: Vec<Printed>,
    /// Static columns, then regular ones.
    others: Vec<Printed>,
    /// The place of a column in `others`, by its canonical index, or [`NOWHERE`]; regular ones
    /// after the static ones.
    places: Vec<usize>,
    statics: usize,
    /// The text of each of `others` in the current row: a range of `text`.
    found: Vec<Option<Range<usize>>>,
    text: String,
    bytes: Vec<u8>,
    /// The partition key that was printed last, which many rows share.
    key: Vec<u8>,
    key_text: String,
}

#[derive(Debug)]
enum Format {
    Json,
    /// With numbers that JSON lacks as strings.
    LosslessJson,
    Csv {
        null: String,
    },
}

/// The place of a column that is not shown.
const NOWHERE: usize = usize::MAX;

/// A column to print.
#[derive(Debug)]
struct Printed {
    name: String,
    ty: Type,
    /// The text before its value: punctuation, and in JSON its name.
    before: String,
}

impl RowPrinter {
    /// Prints lines of JSON, as `SELECT JSON` does: floating-point numbers that JSON lacks are
    /// `null`.
    pub fn json(schema: &TableSchema) -> Self {
        Self::new(schema, Format::Json)
    }

    /// Prints lines of JSON from which every value can be read back: `"NaN"`, `"Infinity"` and
    /// `"-Infinity"` are strings.
    pub fn lossless_json(schema: &TableSchema) -> Self {
        Self::new(schema, Format::LosslessJson)
    }

    /// Prints lines of CSV; `null` is the text for null, in which nothing needs quotes.
    pub fn csv(schema: &TableSchema, null: impl Into<String>) -> Self {
        Self::new(schema, Format::Csv { null: null.into() })
    }

    fn new(schema: &TableSchema, format: Format) -> Self {
        let printer = Self {
            format,
            partition_key: Vec::new(),
            clustering: Vec::new(),
            others: Vec::new(),
            places: Vec::new(),
            statics: schema.statics().len(),
            found: Vec::new(),
            text: String::new(),
            bytes: Vec::new(),
            key: Vec::new(),
            key_text: String::new(),
        };
        let mut is_first = true;
        let mut printed =
            |name: &str, ty: &Type| printer.format.column(name, ty, std::mem::take(&mut is_first));
        let keys = schema.partition_key().iter().map(|c| printed(&c.name, &c.ty)).collect();
        let clustering = schema.shown_clustering().iter().map(|c| printed(&c.name, &c.ty)).collect();
        let mut others = Vec::new();
        let mut places = Vec::new();
        for columns in [schema.statics(), schema.regulars()] {
            let base = others.len();
            let order = columns.select_order();
            let mut of_index = vec![NOWHERE; order.len()];
            let is_static = std::ptr::eq(columns, schema.statics());
            let shown = order.iter().filter(|(_, column)| is_static || schema.shows_regular(&column.ty));
            for (place, (index, column)) in shown.enumerate() {
                others.push(printed(&column.name, &column.ty));
                if let Some(slot) = of_index.get_mut(*index) {
                    *slot = base + place;
                }
            }
            places.extend(of_index);
        }
        let found = vec![None; others.len()];
        Self { partition_key: keys, clustering, others, places, found, ..printer }
    }

    /// Names of the columns, in the order in which they are printed.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.partition_key
            .iter()
            .chain(&self.clustering)
            .chain(&self.others)
            .map(|column| column.name.as_str())
    }

    /// Appends the line that names the columns, where the format has one.
    pub fn header(&self, out: &mut String) {
        if !matches!(self.format, Format::Csv { .. }) {
            return;
        }
        for (at, name) in self.column_names().enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            push_field(name, out);
        }
        out.push('\n');
    }

    /// Appends a row's line.
    ///
    /// # Errors
    /// When a value's bytes are not of its column's type.
    pub fn row(&mut self, row: &RowView<'_>, out: &mut String) -> Result<()> {
        if self.key_text.is_empty() || self.key != row.partition_key() {
            self.print_key(row)?;
        }
        out.push_str(&self.key_text);
        let mut values = row.clustering_values();
        for column in &self.clustering {
            out.push_str(&column.before);
            match values.next().flatten() {
                Some(value) => {
                    self.format.value(&column.ty, value, out).map_err(|e| unreadable(row, &column.name, e))?
                }
                None => out.push_str(self.format.null()),
            }
        }
        self.text.clear();
        self.found.fill(None);
        self.gather(row, ColumnKind::Static, 0)?;
        self.gather(row, ColumnKind::Regular, self.statics)?;
        for (column, found) in self.others.iter().zip(&self.found) {
            out.push_str(&column.before);
            let text = found.clone().and_then(|range| self.text.get(range));
            out.push_str(text.unwrap_or(self.format.null()));
        }
        out.push_str(self.format.end());
        Ok(())
    }

    fn print_key(&mut self, row: &RowView<'_>) -> Result<()> {
        self.key_text.clear();
        self.key.clear();
        let mut reader = Reader::new(row.partition_key());
        let is_single = self.partition_key.len() == 1;
        for column in &self.partition_key {
            let value = if is_single { row.partition_key() } else { reader.u16_bytes()? };
            if !is_single {
                reader.u8()?;
            }
            self.key_text.push_str(&column.before);
            let printed = self.format.value(&column.ty, value, &mut self.key_text);
            printed.map_err(|error| unreadable(row, &column.name, error))?;
        }
        self.key.extend_from_slice(row.partition_key());
        Ok(())
    }

    /// Prints each value of columns of a kind into `text` and notes where. They begin at `base` of
    /// `places`.
    fn gather(&mut self, row: &RowView<'_>, kind: ColumnKind, base: usize) -> Result<()> {
        let columns =
            if kind == ColumnKind::Static { row.schema().statics() } else { row.schema().regulars() };
        let mut values = row.values(kind)?;
        while let Some((index, value)) = values.next(&mut self.bytes)? {
            let Some(column) = columns.get(index) else { break };
            let start = self.text.len();
            let printed = self.format.value(&column.ty, value, &mut self.text);
            printed.map_err(|error| unreadable(row, &column.name, error))?;
            let place = self.places.get(base + index).and_then(|place| self.found.get_mut(*place));
            if let Some(place) = place {
                *place = Some(start..self.text.len());
            }
        }
        Ok(())
    }
}

impl Format {
    fn column(&self, name: &str, ty: &Type, is_first: bool) -> Printed {
        let before = match (self, is_first) {
            (Self::Json | Self::LosslessJson, _) => {
                let mut before = String::from(if is_first { "{\"" } else { ", \"" });
                push_json_name(name, &mut before);
                before.push_str("\": ");
                before
            }
            (Self::Csv { .. }, true) => String::new(),
            (Self::Csv { .. }, false) => ",".to_owned(),
        };
        Printed { name: name.to_owned(), ty: ty.base().clone(), before }
    }

    fn value(&self, ty: &Type, value: &[u8], out: &mut String) -> std::result::Result<(), ValueError> {
        match self {
            Self::Json => ty.json(value, out),
            Self::LosslessJson => ty.lossless_json(value, out),
            Self::Csv { null } => push_csv(ty, value, null, out),
        }
    }

    fn null(&self) -> &str {
        match self {
            Self::Json | Self::LosslessJson => "null",
            Self::Csv { null } => null,
        }
    }

    fn end(&self) -> &'static str {
        match self {
            Self::Json | Self::LosslessJson => "}\n",
            Self::Csv { .. } => "\n",
        }
    }
}

/// Appends a value as a field of CSV, which isn't null.
fn push_csv(ty: &Type, value: &[u8], null: &str, out: &mut String) -> std::result::Result<(), ValueError> {
    let start = out.len();
    ty.text(value, out)?;
    if out.get(start..).is_some_and(|text| text.is_empty() || text == null || needs_quotes(text)) {
        let text = out.split_off(start);
        push_quoted(&text, out);
    }
    Ok(())
}

/// Appends a field of CSV, in quotes where it needs them; one with a backslash too, which shows
/// readers that it is not cqlsh's, where a backslash alone needs no quotes.
fn push_field(text: &str, out: &mut String) {
    if needs_quotes(text) {
        push_quoted(text, out);
    } else {
        out.push_str(text);
    }
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for (at, piece) in text.split('"').enumerate() {
        out.push_str(if at == 0 { "" } else { "\"\"" });
        out.push_str(piece);
    }
    out.push('"');
}

fn needs_quotes(field: &str) -> bool {
    field.contains([',', '"', '\n', '\r', '\\'])
}

/// The error for bytes that are no value of their column's type.
fn unreadable(row: &RowView<'_>, column: &str, error: ValueError) -> Error {
    let schema = row.schema();
    let key = Hex::first(row.partition_key(), 64);
    Error::with(ErrorKind::Corrupt, error).context(format_args!(
        "{}.{}, column {column}, partition with the key 0x{key}",
        schema.keyspace(),
        schema.name()
    ))
}
