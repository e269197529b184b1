//! The columns that a query wants.

use helenus_rows::{ColumnFilter, ColumnKind, TableSchema};

use crate::error::{Error, Result};

/// The columns that a query wants.
#[derive(Debug)]
pub(crate) struct Projection {
    /// In the order in which they were named.
    pub(super) order: Vec<(ColumnKind, usize)>,
    /// The static and regular ones.
    pub(super) shown: ColumnFilter,
}

impl Projection {
    pub(super) fn new(schema: &TableSchema, names: &[String]) -> Result<Self> {
        let find = |name: &String| schema.column(name).ok_or_else(|| no_column(schema, name));
        let order = names.iter().map(find).collect::<Result<Vec<_>>>()?;
        Ok(Self { shown: ColumnFilter::new(schema, &order), order })
    }

    /// The projection extended by the columns that a filter reads.
    pub(super) fn with(&self, schema: &TableSchema, names: &[String]) -> Result<ColumnFilter> {
        let of_filter = Self::new(schema, names)?;
        let columns: Vec<_> = self.order.iter().chain(&of_filter.order).copied().collect();
        Ok(ColumnFilter::new(schema, &columns))
    }
}

#[cold]
pub(super) fn no_column(schema: &TableSchema, name: &str) -> Error {
    Error::invalid(format!("{}.{} has no column {name}", schema.keyspace(), schema.name()))
}
