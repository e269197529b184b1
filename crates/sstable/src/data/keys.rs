//! The partition keys of a table in order.

use std::sync::Arc;

use helenus_types::Token;

use super::frame::Head;
use super::window::Window;
use crate::error::SsTableError;
use crate::index::Partitions;
use crate::table::SsTable;

/// Goes through the partition keys of a table. The index has their places; the keys themselves are
/// in the data.
#[derive(Debug)]
pub struct Keys {
    table: Arc<SsTable>,
    partitions: Partitions,
    window: Window,
    head: Head,
}

impl SsTable {
    /// All partition keys, in order.
    #[must_use]
    pub fn keys(self: &Arc<Self>) -> Keys {
        Keys::new(self)
    }
}

impl Keys {
    fn new(table: &Arc<SsTable>) -> Keys {
        let partitions = table.index().partitions();
        Keys {
            partitions,
            window: table.data_file().ahead_window(),
            head: Head::default(),
            table: Arc::clone(table),
        }
    }

    /// The next partition's token (or [prefix](helenus_types::Partitioner::prefix)) and raw key;
    /// `None` after the last.
    ///
    /// # Errors
    /// Damage or a failed read.
    #[expect(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Result<Option<(Token, &[u8])>, SsTableError> {
        let Some(at) = self.partitions.next(self.table.index())? else { return Ok(None) };
        self.head.read_key(&mut self.window, self.table.header(), &[], at.data)?;
        Ok(Some((self.head.token, &self.head.key)))
    }
}
