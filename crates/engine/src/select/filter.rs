//! Filters of a query, by the contents of rows.

use std::fmt;
use std::sync::Arc;

use super::row::RowView;
use crate::error::Result;

/// Whether a row is shown.
type Test = dyn Fn(&RowView<'_>) -> Result<bool> + Send + Sync;

/// A test of rows, and the columns that it reads.
#[derive(Clone)]
pub(super) struct RowFilter {
    pub(super) columns: Vec<String>,
    pub(super) test: Arc<Test>,
}

impl fmt::Debug for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowFilter").field("columns", &self.columns).finish_non_exhaustive()
    }
}
