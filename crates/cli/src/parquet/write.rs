//! Rows into row groups, and these into the file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus::{ColumnKind, Hex, RowPrinter, RowView, Table, TableSchema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as ParquetType;
use serde_json::json;

use super::columns::{Leaf, Leaves, Misfit, Values};
use super::shape::{Shape, Shapes};
use crate::failure::Failure;
use crate::output::{Progress, to_file};

/// A row group is written when its values take this much memory. The column that is being encoded
/// may take as much again, if it is nearly all of the group.
const GROUP_BYTES: usize = 32 << 20;
/// Or when it has this many rows.
const GROUP_ROWS: u64 = 1 << 20;

/// The result of writing.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) groups: usize,
    pub(crate) bytes: u64,
}

/// Writes a table's rows to a file, which appears when it is complete.
pub(crate) fn export(table: &Table, path: &Path, progress: Progress) -> Result<Written, Failure> {
    to_file(path, |file| write(table, path, file, progress))
}

fn write(table: &Table, path: &Path, file: &File, mut progress: Progress) -> Result<Written, Failure> {
    let failed = |error: ParquetError| Failure::failed(format!("{}: {error}", path.display()));
    let schema = table.schema();
    let mut columns = Columns::of(&schema).map_err(failed)?;
    let root = ParquetType::group_type_builder("row").with_fields(columns.shapes.fields.clone());
    let root = Arc::new(root.build().map_err(failed)?);
    let properties = Arc::new(properties(table)?.map_err(failed)?);
    let mut writer = SerializedFileWriter::new(file, root, properties).map_err(failed)?;
    let mut written = Written::default();
    let mut in_group = 0;
    let select = table.select();
    let mut rows = select.rows()?;
    while let Some(row) = rows.next()? {
        columns.row(&row)?;
        progress.row();
        in_group += 1;
        if columns.leaves.bytes() >= GROUP_BYTES || in_group == GROUP_ROWS {
            columns.end_group(&mut writer).map_err(failed)?;
            written.rows += std::mem::take(&mut in_group);
        }
    }
    if in_group > 0 {
        columns.end_group(&mut writer).map_err(failed)?;
        written.rows += in_group;
    }
    let metadata = writer.finish().map_err(failed)?;
    progress.finish();
    written.groups = metadata.num_row_groups();
    written.bytes = writer.bytes_written() as u64;
    Ok(written)
}

/// Columns in the order of `SELECT *`.
#[derive(Debug)]
struct Columns {
    names: Vec<String>,
    shapes: Shapes,
    leaves: Leaves,
    /// The number of clustering columns shown: none of those that a compact table hides.
    clustering: usize,
    /// The places of the static columns among all columns, by their canonical index.
    statics: Vec<Option<usize>>,
    /// The places of the regular ones that are shown.
    regulars: Vec<Option<usize>>,
    /// The columns with a value in the current row.
    found: Vec<bool>,
    scratch: Vec<u8>,
}

impl Columns {
    fn of(schema: &TableSchema) -> Result<Self, ParquetError> {
        let mut shapes = Shapes::default();
        let mut statics = vec![None; schema.statics().len()];
        let mut regulars = vec![None; schema.regulars().len()];
        let names: Vec<String> = RowPrinter::json(schema).column_names().map(str::to_owned).collect();
        for (at, name) in names.iter().enumerate() {
            let Some((kind, index)) = schema.column(name) else { continue };
            let Some(ty) = schema.column_type(kind, index) else { continue };
            shapes.push(name, ty)?;
            let places = match kind {
                ColumnKind::Static => &mut statics,
                ColumnKind::Regular => &mut regulars,
                // Those come first, in the key's order.
                ColumnKind::PartitionKey | ColumnKind::Clustering => continue,
            };
            if let Some(place) = places.get_mut(index) {
                *place = Some(at);
            }
        }
        let leaves = Leaves::new(&shapes.leaves);
        let found = vec![false; names.len()];
        let clustering = schema.shown_clustering().len();
        Ok(Self { names, shapes, leaves, clustering, statics, regulars, found, scratch: Vec::new() })
    }

    /// Adds a row to the group.
    fn row(&mut self, row: &RowView<'_>) -> Result<(), Failure> {
        self.found.fill(false);
        let key = row.partition_key_values()?;
        for (at, value) in key.iter().enumerate() {
            self.value(row, at, Some(value))?;
        }
        for (at, value) in (key.len()..).zip(row.clustering_values()).take(self.clustering) {
            self.value(row, at, value)?;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        for kind in [ColumnKind::Static, ColumnKind::Regular] {
            let mut values = row.values(kind)?;
            while let Some((index, value)) = values.next(&mut scratch)? {
                let places = if kind == ColumnKind::Static { &self.statics } else { &self.regulars };
                if let Some(Some(at)) = places.get(index) {
                    self.value(row, *at, Some(value))?;
                }
            }
        }
        self.scratch = scratch;
        for at in 0..self.found.len() {
            if self.found.get(at) == Some(&false) {
                self.value(row, at, None)?;
            }
        }
        self.leaves.end_row();
        Ok(())
    }

    fn value(&mut self, row: &RowView<'_>, at: usize, value: Option<&[u8]>) -> Result<(), Failure> {
        let Some(shape) = self.shapes.columns.get(at) else { return Ok(()) };
        if let Some(found) = self.found.get_mut(at) {
            *found = true;
        }
        let pushed = self.leaves.push(shape, value);
        pushed.map_err(|misfit| unreadable(row, self.names.get(at).map_or("", String::as_str), shape, misfit))
    }

    /// Writes the group out.
    fn end_group(&mut self, writer: &mut SerializedFileWriter<&File>) -> Result<(), ParquetError> {
        let mut group = writer.next_row_group()?;
        for leaf in self.leaves.drain() {
            let Some(mut column) = group.next_column()? else { break };
            write_leaf(leaf, column.untyped())?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

fn properties(table: &Table) -> Result<Result<WriterProperties, ParquetError>, Failure> {
    let schema = table.schema();
    let names = |columns: &mut dyn Iterator<Item = String>| columns.collect::<Vec<_>>();
    let key = json!({
        "partition_key": names(&mut schema.partition_key().iter().map(|column| column.name.to_string())),
        "clustering": names(&mut schema.shown_clustering().iter().map(|column| column.name.to_string())),
        "static": names(&mut schema.statics().as_slice().iter().map(|column| column.name.to_string())),
    });
    let metadata = [
        ("helenus.keyspace", schema.keyspace().to_string()),
        ("helenus.table", schema.name().to_string()),
        ("helenus.primary_key", key.to_string()),
        ("helenus.schema", table.to_cql()?),
    ];
    let metadata = metadata.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    Ok(ZstdLevel::try_new(1).map(|level| {
        WriterProperties::builder()
            .set_created_by(concat!("helenus version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_key_value_metadata(Some(metadata))
            .build()
    }))
}

/// Writes a leaf's part of the group, and empties it.
fn write_leaf(leaf: &mut Leaf, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
    let Leaf { values, definitions, repetitions } = leaf;
    let levels = (definitions.as_slice(), repetitions.as_slice());
    match (values, writer) {
        (Values::Boolean(values), ColumnWriter::BoolColumnWriter(writer)) => {
            write_values(values, levels, writer)?;
            values.clear();
        }
        (Values::Int32(values), ColumnWriter::Int32ColumnWriter(writer)) => {
            write_values(values, levels, writer)?;
            values.clear();
        }
        (Values::Int64(values), ColumnWriter::Int64ColumnWriter(writer)) => {
            write_values(values, levels, writer)?;
            values.clear();
        }
        (Values::Float(values), ColumnWriter::FloatColumnWriter(writer)) => {
            write_values(values, levels, writer)?;
            values.clear();
        }
        (Values::Double(values), ColumnWriter::DoubleColumnWriter(writer)) => {
            write_values(values, levels, writer)?;
            values.clear();
        }
        (Values::Bytes { bytes, ends }, ColumnWriter::ByteArrayColumnWriter(writer)) => {
            let bytes = Bytes::from(std::mem::take(bytes));
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let slices =
                starts.zip(ends.iter()).map(|(start, &end)| ByteArray::from(bytes.slice(start..end)));
            write_values(&slices.collect::<Vec<_>>(), levels, writer)?;
            ends.clear();
        }
        (Values::Uuid(values), ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
            let bytes = Bytes::from(std::mem::take(values));
            let starts = (0..bytes.len()).step_by(16);
            let slices =
                starts.map(|start| FixedLenByteArray::from(ByteArray::from(bytes.slice(start..start + 16))));
            write_values(&slices.collect::<Vec<_>>(), levels, writer)?;
        }
        _ => return Err(ParquetError::General("a column is not of its schema's type".to_owned())),
    }
    definitions.clear();
    repetitions.clear();
    Ok(())
}

fn write_values<T: DataType>(
    values: &[T::T],
    (definitions, repetitions): (&[i16], &[i16]),
    writer: &mut ColumnWriterImpl<'_, T>,
) -> Result<(), ParquetError> {
    let descriptor = writer.get_descriptor();
    let definitions = (descriptor.max_def_level() > 0).then_some(definitions);
    let repetitions = (descriptor.max_rep_level() > 0).then_some(repetitions);
    writer.write_batch(values, definitions, repetitions).map(drop)
}

/// The error for a value that can't be written.
fn unreadable(row: &RowView<'_>, column: &str, shape: &Shape, misfit: Misfit) -> Failure {
    let schema = row.schema();
    let key = Hex::first(row.partition_key(), 64);
    let (keyspace, name, ty) = (schema.keyspace(), schema.name(), &shape.ty);
    let why = match misfit {
        Misfit::Value(error) => error.to_string(),
        Misfit::Other(text) => text,
    };
    Failure::failed(format!("{keyspace}.{name}, column {column} {ty}, partition with the key 0x{key}: {why}"))
}
