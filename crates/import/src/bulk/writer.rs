//! The writer: a table's write API over files.

use std::path::Path;
use std::sync::Arc;

use helenus_engine::parts::{Sink, SinkTable};
use helenus_engine::{
    BindValues, Delete, Error, ErrorKind, Insert, IntoKey, Prepared, Result, StatementPlan, Update,
    WriteOptions,
};
use helenus_rows::TableSchema;
use helenus_schema::{Catalog, TableDef};

use super::buffered::Buffered;
use super::options::BulkOptions;
use super::output::{BulkTable, Output, Target};
use super::sorted::Sorted;

/// Writes SSTables of one table into a directory of their own, ready for `nodetool import` and
/// `sstableloader`: the counterpart of Cassandra's `CQLSSTableWriter`.
///
/// It accepts the same writes as a [`Table`](helenus_engine::Table), with the same checks: whole
/// rows ([`add_row`](Self::add_row)), prepared statements for loops, and INSERT, UPDATE and DELETE
/// with all their parts. Null deletes, [`helenus_engine::Unset`] leaves a column out. Since nothing
/// is read, there are no conditions, no counters and no elements of a list by index or value.
///
/// ```
/// # fn main() -> helenus::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let out = dir.path().join("out");
/// use helenus::BulkOptions;
///
/// let schema = "CREATE TABLE shop.orders (shop text, at timestamp, total int, PRIMARY KEY (shop, at))";
/// let writer = BulkOptions::new().timestamp(1_700_000_000_000_000).open(&out, schema, "shop", "orders")?;
/// for at in 0..1000i64 {
///     writer.add_row(("Oslo", at, 5))?;
/// }
/// writer.delete("Oslo", 17i64).timestamp(1_700_000_000_000_001).execute()?;
/// let tables = writer.finish()?;
/// assert_eq!(tables.len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// Usable from several threads at once. Dropped without [`finish`](Self::finish) or
/// [`abort`](Self::abort) it leaves unfinished files.
#[derive(Debug)]
pub struct BulkWriter {
    table: SinkTable,
    row: Prepared,
    target: Arc<dyn Target>,
}

impl BulkOptions {
    /// Begins to write SSTables of a table that `schema` defines, in `dir`, which is made or has to
    /// be empty.
    ///
    /// The schema is CQL: `CREATE TABLE` with the `CREATE TYPE`s that it needs, a snapshot's
    /// `schema.cql`, what `DESCRIBE` prints. A keyspace that it doesn't create is made with
    /// defaults.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a wrong schema or column, [`ErrorKind::NotFound`] when the schema
    /// lacks the table, [`ErrorKind::AlreadyExists`] when there is something in the directory,
    /// [`ErrorKind::Unsupported`] for views, tables of counters and versions that aren't written.
    pub fn open(
        self,
        dir: impl AsRef<Path>,
        schema: &str,
        keyspace: &str,
        table: &str,
    ) -> Result<BulkWriter> {
        BulkWriter::open_with(self, dir.as_ref(), schema, keyspace, table)
    }
}

impl BulkWriter {
    fn open_with(
        options: BulkOptions,
        dir: &Path,
        schema: &str,
        keyspace: &str,
        table: &str,
    ) -> Result<Self> {
        if !options.version.is_writable() {
            let text = format!("SSTables of version {} are read and not written", options.version);
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let parsed = Catalog::parse_lenient(schema, &|_, _| None);
        let loaded = parsed.map_err(|error| error.context("the schema"))?;
        for warning in &loaded.warnings {
            tracing::warn!(warning, "the schema");
        }
        let def = loaded.catalog.table(keyspace, table)?;
        check_writable(def)?;
        let columns = match &options.columns {
            Some(columns) => columns.clone(),
            None => def.columns().iter().map(|column| column.name.to_string()).collect(),
        };
        let mut target = None;
        let table = SinkTable::new(def, options.write, &options.clock, |header| {
            let output = Output::new(&options, dir, header, def.options())?;
            let begun: Arc<dyn Target> = match options.sorted {
                true => Arc::new(Sorted::new(output, options.expected_partitions)),
                false => Arc::new(Buffered::new(output, options.buffer_bytes)),
            };
            let sink: Arc<dyn Sink> = target.insert(begun).clone();
            Ok(sink)
        })?;
        let Some(target) = target else { unreachable!("a table that was made has its target") };
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        match table.prepare_insert(&names) {
            Ok(row) => Ok(Self { table, row, target }),
            Err(error) => {
                target.abort()?;
                Err(error)
            }
        }
    }

    /// The table's schema.
    pub fn schema(&self) -> Arc<TableSchema> {
        self.table.schema()
    }

    /// Writes a row: values of the columns that [`BulkOptions::columns`] names, by default of all
    /// in the order of their definition.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for values that the table can't have, and for a row that comes too
    /// late in a sorted table; it was not written, and others can be. Failed writes, after which no
    /// more rows are accepted.
    pub fn add_row(&self, values: impl BindValues) -> Result<()> {
        self.row.execute(values)
    }

    /// Writes a row with a timestamp or a time to live of its own.
    ///
    /// # Errors
    /// As [`add_row`](Self::add_row).
    pub fn add_row_with(&self, options: &WriteOptions, values: impl BindValues) -> Result<()> {
        self.row.execute_with(options, values)
    }

    /// As [`Table::insert`](helenus_engine::Table::insert).
    pub fn insert(&self, key: impl IntoKey, clustering: impl IntoKey) -> Insert<'_> {
        self.table.insert(key, clustering)
    }

    /// As [`Table::update`](helenus_engine::Table::update).
    pub fn update(&self, key: impl IntoKey, clustering: impl IntoKey) -> Update<'_> {
        self.table.update(key, clustering)
    }

    /// As [`Table::delete`](helenus_engine::Table::delete).
    pub fn delete(&self, key: impl IntoKey, clustering: impl IntoKey) -> Delete<'_> {
        self.table.delete(key, clustering)
    }

    /// As [`Table::delete_partition`](helenus_engine::Table::delete_partition).
    pub fn delete_partition(&self, key: impl IntoKey) -> Delete<'_> {
        self.table.delete_partition(key)
    }

    /// As [`Table::prepare`](helenus_engine::Table::prepare).
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, statement: StatementPlan) -> Result<Prepared> {
        self.table.prepare(statement)
    }

    /// As [`Table::prepare_insert`](helenus_engine::Table::prepare_insert).
    ///
    /// # Errors
    /// As there.
    pub fn prepare_insert(&self, columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_insert(columns)
    }

    /// As [`Table::prepare_update`](helenus_engine::Table::prepare_update).
    ///
    /// # Errors
    /// As there.
    pub fn prepare_update(&self, columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_update(columns)
    }

    /// As [`Table::prepare_delete`](helenus_engine::Table::prepare_delete).
    ///
    /// # Errors
    /// As there.
    pub fn prepare_delete(&self, key: &[&str], columns: &[&str]) -> Result<Prepared> {
        self.table.prepare_delete(key, columns)
    }

    /// Completes the SSTables, makes them durable and returns them; none if nothing was written.
    ///
    /// # Errors
    /// Failed writes; then nothing is left, as after [`abort`](Self::abort).
    pub fn finish(self) -> Result<Vec<BulkTable>> {
        self.table.close();
        if let Err(error) = self.target.finish() {
            // Report the first error.
            self.target.abort().ok();
            return Err(error);
        }
        let mut tables = Vec::new();
        self.target.with_output(&mut |output| tables = output.tables());
        Ok(tables)
    }

    /// Aborts: removes the files written so far, and the directory if the writer made it.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn abort(self) -> Result<()> {
        self.table.close();
        self.target.abort()
    }
}

/// Refuses tables whose rows only a node makes.
fn check_writable(def: &TableDef) -> Result<()> {
    let unsupported = |what: &str| {
        let text = format!("{}.{}: {what}", def.keyspace(), def.name());
        Err(Error::new(ErrorKind::Unsupported, text))
    };
    if def.schema().compact().is_some() {
        return unsupported("tables with COMPACT STORAGE are read and not written");
    }
    if def.view().is_some() {
        return unsupported(
            "SSTables of a materialized view can't be written: Cassandra makes them from its table",
        );
    }
    if def.is_counter() {
        return unsupported("SSTables of counters can't be written: only a node counts");
    }
    Ok(())
}
