//! The key of a row, raw.

/// The raw primary key of a row, as an index stores it. [`Select::rows_at`](crate::Select::rows_at)
/// reads the row again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    partition_key: Box<[u8]>,
    clustering: Option<Box<[u8]>>,
}

impl RowKey {
    /// The key of the row with that raw partition key and encoded clustering; without a clustering,
    /// that of all rows of the partition.
    pub fn new(partition_key: impl Into<Box<[u8]>>, clustering: Option<impl Into<Box<[u8]>>>) -> Self {
        Self { partition_key: partition_key.into(), clustering: clustering.map(Into::into) }
    }

    /// The raw key of the partition.
    pub fn partition_key(&self) -> &[u8] {
        &self.partition_key
    }

    /// The row's clustering, encoded as in SSTables; `None` for all rows of the partition.
    pub fn clustering(&self) -> Option<&[u8]> {
        self.clustering.as_deref()
    }
}
