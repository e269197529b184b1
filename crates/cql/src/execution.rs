//! What a compiled statement is executed with.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use helenus_engine::{Database, Table, parts};
use helenus_schema::{Catalog, TableDef};

use crate::environment::Environment;
use crate::error::CqlResult;
use crate::options::QueryOptions;
use crate::spec::ColumnSpec;
use crate::system::TableQuery;
use crate::system::definitions::owns;
use crate::value::BoundValue;

/// One execution: the values of the markers, the options, the clock, and the warnings so far.
#[derive(Debug)]
pub(crate) struct StatementRun<'a> {
    pub(crate) environment: &'a Arc<Environment>,
    pub(crate) database: &'a Database,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) values: &'a [BoundValue],
    pub(crate) options: &'a QueryOptions,
    /// When the execution began, µs since 1970.
    pub(crate) began_us: i64,
    warnings: RefCell<Vec<String>>,
    /// The values that a marker's JSON object gives to columns, once they are known.
    json_row: RefCell<Option<InsertedJson>>,
}

/// The values of a row in JSON: which marker brings them, for which columns.
#[derive(Debug)]
struct InsertedJson {
    marker: usize,
    columns: Arc<[ColumnSpec]>,
    values: Rc<[BoundValue]>,
}

/// An execution whose rows are still being read.
#[derive(Debug)]
pub(crate) struct DetachedRun {
    environment: Arc<Environment>,
    catalog: Arc<Catalog>,
    values: Vec<BoundValue>,
    options: QueryOptions,
    began_us: i64,
}

impl DetachedRun {
    /// The execution.
    pub(crate) fn as_run(&self) -> StatementRun<'_> {
        let Self { environment, catalog, values, options, began_us } = self;
        StatementRun {
            environment,
            database: &environment.database,
            catalog: catalog.clone(),
            values,
            options,
            began_us: *began_us,
            warnings: RefCell::default(),
            json_row: RefCell::default(),
        }
    }
}

impl<'a> StatementRun<'a> {
    pub(crate) fn new(
        environment: &'a Arc<Environment>,
        catalog: Arc<Catalog>,
        values: &'a [BoundValue],
        options: &'a QueryOptions,
    ) -> Self {
        let database = &environment.database;
        let began_us = parts::now_micros(database);
        Self {
            environment,
            database,
            catalog,
            values,
            options,
            began_us,
            warnings: RefCell::default(),
            json_row: RefCell::default(),
        }
    }

    /// The same execution with other values; its warnings are its own.
    pub(crate) fn with_values<'b>(&'b self, values: &'b [BoundValue]) -> StatementRun<'b> {
        let Self { environment, database, options, began_us, .. } = *self;
        StatementRun {
            environment,
            database,
            catalog: self.catalog.clone(),
            values,
            options,
            began_us,
            warnings: RefCell::default(),
            json_row: RefCell::default(),
        }
    }

    /// What of it outlives the statement's execution: all but its warnings.
    pub(crate) fn detach(&self) -> DetachedRun {
        DetachedRun {
            environment: self.environment.clone(),
            catalog: self.catalog.clone(),
            values: self.values.to_vec(),
            options: self.options.clone(),
            began_us: self.began_us,
        }
    }

    /// The values that a marker's JSON object gives to the columns: `parse` is asked for them once,
    /// with the marker's bytes.
    pub(crate) fn json_row(
        &self,
        marker: usize,
        columns: &Arc<[ColumnSpec]>,
        parse: impl FnOnce(Option<&[u8]>) -> CqlResult<Vec<BoundValue>>,
    ) -> CqlResult<Rc<[BoundValue]>> {
        let is_known = |row: &&InsertedJson| row.marker == marker && Arc::ptr_eq(&row.columns, columns);
        if let Some(known) = self.json_row.borrow().as_ref().filter(is_known) {
            return Ok(known.values.clone());
        }
        let values: Rc<[BoundValue]> = parse(self.values.get(marker).and_then(BoundValue::bytes))?.into();
        let row = InsertedJson { marker, columns: columns.clone(), values: values.clone() };
        *self.json_row.borrow_mut() = Some(row);
        Ok(values)
    }

    /// Carries something out as if the request brought no timestamp.
    pub(crate) fn without_timestamp<T>(&self, carry_out: impl FnOnce(&StatementRun<'_>) -> T) -> T {
        let options = QueryOptions { timestamp_us: None, ..self.options.clone() };
        let Self { environment, database, values, began_us, .. } = *self;
        let run = StatementRun {
            environment,
            database,
            catalog: self.catalog.clone(),
            values,
            options: &options,
            began_us,
            warnings: RefCell::default(),
            json_row: RefCell::default(),
        };
        let done = carry_out(&run);
        self.warnings.borrow_mut().extend(run.take_warnings());
        done
    }

    /// A table to read: one of the database, or of the node's own.
    pub(crate) fn table(&self, def: &TableDef) -> CqlResult<Table> {
        if owns(&self.catalog, def.keyspace()) {
            let query = TableQuery { database: self.database, catalog: &self.catalog, now_us: self.began_us };
            return self.environment.system.table(query, def);
        }
        Ok(self.database.table(def.keyspace(), def.name())?)
    }

    /// Adds a warning to the answer.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.warnings.borrow_mut().push(text.into());
    }

    /// The warnings so far, in their order.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }
}
