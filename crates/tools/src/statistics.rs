//! Statistics.db alone: what reports over many SSTables need of each.

use std::sync::Arc;

use helenus_io::{Disk, read_to_vec};
use helenus_sstable::{
    Component, DataFile, Descriptor, PageVerification, SsTableError, SsTableErrorKind, Statistics, Summary,
    TableIndex,
};
use helenus_types::{DecodeError, Partitioner, Type};

use crate::error::ToolError;

/// Reads the Statistics.db of a table.
pub(crate) fn statistics(disk: &dyn Disk, table: &Descriptor) -> Result<Statistics, ToolError> {
    let path = table.path(&Component::Statistics);
    match read_to_vec(disk, &path, usize::MAX) {
        Ok(bytes) => Ok(Statistics::decode(&path, &bytes, table.version)?),
        Err(error) if error.is_not_found() => {
            let next_step = "restore the file from a backup or a replica";
            Err(SsTableError::new(path, SsTableErrorKind::MissingComponent { next_step }).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The partitioner of a table.
pub(crate) fn partitioner(table: &Descriptor, statistics: &Statistics) -> Result<Partitioner, ToolError> {
    let damaged = |expected: &'static str, found: String| {
        SsTableError::new(table.path(&Component::Statistics), DecodeError::new(0, expected, found))
    };
    let class = &statistics.validation.partitioner;
    match Partitioner::from_class_name(class) {
        // It orders by the type of the key, which its name doesn't contain.
        Some(Partitioner::Local(_)) => {
            let key_type = Type::parse_class(&statistics.header.key_type);
            Ok(Partitioner::Local(key_type.map_err(|error| damaged("a type", error.to_string()))?))
        }
        Some(partitioner) => Ok(partitioner),
        None => Err(damaged("one of Cassandra's partitioners", class.clone()).into()),
    }
}

/// The raw keys of the first and the last partition of a table: as Statistics.db says, before `oa`
/// as Summary.db does, and where there is none from the index.
pub(crate) fn key_range(
    disk: &Arc<dyn Disk>,
    table: &Descriptor,
    statistics: &Statistics,
) -> Result<(Vec<u8>, Vec<u8>), ToolError> {
    if let Some(range) = &statistics.stats.key_range {
        return Ok(range.clone());
    }
    let summary = table.path(&Component::Summary);
    match read_to_vec(&**disk, &summary, usize::MAX) {
        Ok(bytes) => {
            if let Ok(summary) = Summary::decode(&bytes.into()) {
                return Ok((summary.first_key.to_vec(), summary.last_key.to_vec()));
            }
        }
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let data = DataFile::open(disk, table, PageVerification::Check)?;
    let index = TableIndex::open(disk, &data, PageVerification::Check)?;
    Ok((index.first_key().to_vec(), index.last_key().to_vec()))
}
