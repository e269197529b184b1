//! A look at every row of an SSTable.

use std::sync::Arc;

use helenus_rows::{UnfilteredStream, Validator};
use helenus_sstable::{Component, SsTable, push_key_text};
use helenus_types::{Hex, murmur3};

use crate::error::{Error, ErrorKind, Result};

fn damaged(sstable: &SsTable, key: &[u8], what: &str) -> Error {
    let mut name = String::new();
    push_key_text(&sstable.header().key_type, key, &mut name);
    let hex = Hex(key);
    let path = sstable.descriptor().path(&Component::Data);
    Error::new(ErrorKind::Corrupt, format!("{}: partition '{name}' (0x{hex}): {what}", path.display()))
}

/// Fails for a key that the filter says is not there.
///
/// # Errors
/// That.
pub fn check_filter(sstable: &SsTable, key: &[u8]) -> Result<()> {
    match sstable.filter() {
        Some(filter) if !filter.may_contain_hash(murmur3(key)) => {
            Err(damaged(sstable, key, "the filter says that it is not there"))
        }
        _ => Ok(()),
    }
}

/// Decodes everything, and compares it with index and filter. `passed` gets the number of bytes of
/// Data.db read.
///
/// # Errors
/// Damage and failed reads.
pub fn decode_all(sstable: &Arc<SsTable>, passed: &mut dyn FnMut(u64)) -> Result<()> {
    let bytes_per_partition = sstable.data_file_len() / sstable.estimated_key_count().max(1);
    let mut partitions = 0;
    let mut rows = Validator::new(sstable.scan());
    let mut keys = sstable.keys();
    while rows.next_partition()? {
        let partition = rows.partition();
        if keys.next()? != Some((partition.token, partition.key)) {
            return Err(damaged(sstable, partition.key, "the index leads to another one in its place"));
        }
        check_filter(sstable, partition.key)?;
        while rows.advance()? {}
        partitions += 1;
        passed(sstable.data_file_len().min(partitions * bytes_per_partition));
    }
    match keys.next()? {
        None => Ok(()),
        Some((_, key)) => Err(damaged(sstable, key, "it is in the index and not in the data")),
    }
}
