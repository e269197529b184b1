//! Lookups of single rows, with buffers that a view hands from one to the next.

use std::sync::Arc;

use helenus_rows::{ColumnFilter, Header};
use helenus_sstable::SearchKey;

use super::buffers::{LookupBuffers, PointReader};
use super::read::PointRow;
use super::table::View;
use crate::error::Result;

/// Looks up rows in a view, one after the other; the last one found can be seen until the next.
#[derive(Debug)]
pub(crate) struct Lookup {
    view: Arc<View>,
    /// There until the lookup is dropped.
    buffers: Option<Box<LookupBuffers>>,
    /// Whether the partition's static row is wanted too.
    with_static: bool,
}

impl Lookup {
    /// A lookup of those columns (of all without) with buffers of the view, or new ones.
    pub(crate) fn new(view: Arc<View>, wanted: Option<Arc<ColumnFilter>>) -> Self {
        let new = || {
            let key = SearchKey::new(view.state.header.partitioner.clone());
            Box::new(LookupBuffers { key, reader: PointReader::default() })
        };
        let mut buffers = view.lookups.take().unwrap_or_else(new);
        let with_static = wanted.as_ref().is_none_or(|wanted| wanted.wants_static());
        buffers.reader.set_wanted(wanted);
        Self { view, buffers: Some(buffers), with_static }
    }

    /// Looks for the row with that encoded clustering in the partition with that raw key; false
    /// when there is none.
    pub(crate) fn find(&mut self, key: &[u8], clustering: &[u8]) -> Result<bool> {
        let Some(LookupBuffers { key: search, reader }) = self.buffers.as_deref_mut() else {
            return Ok(false);
        };
        search.set(key);
        let found = reader.read(&self.view, &self.view.state.header, search, clustering, self.with_static)?;
        Ok(found.row.is_some())
    }

    /// The raw key of the partition and what was found there last, with the static row.
    pub(crate) fn found<'a>(&'a self, header: &'a Header) -> Option<(&'a [u8], PointRow<'a>)> {
        let buffers = self.buffers.as_deref()?;
        Some((buffers.key.key(), buffers.reader.found(header)))
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let Some(buffers) = self.buffers.take() {
            self.view.lookups.give(buffers);
        }
    }
}
