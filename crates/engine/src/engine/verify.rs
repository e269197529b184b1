//! A look at every row of an SSTable.

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_rows::ShownKey;
use helenus_sstable::{Concern, Finding, RowsCheck, Severity, SsTable};
use helenus_types::murmur3;

use crate::error::{Error, ErrorKind, Result};

/// What is no reason to leave a whole SSTable out: all partitions are found, and all rows read.
pub const READABLE: &[Concern] = &[Concern::Slices, Concern::Value];

#[cold]
fn error_of(sstable: &SsTable, finding: &Finding) -> Error {
    let path = sstable.descriptor().path(&finding.component);
    let mut text = format!("{}: ", path.display());
    if let Some(key) = &finding.key {
        text.push_str(&format!("partition {}: ", ShownKey::new(sstable.header(), key)));
    }
    if let Some(offset) = finding.offset {
        text.push_str(&format!("at offset {offset}: "));
    }
    text.push_str(&format!("expected {}, found {}", finding.expected, finding.found));
    Error::new(ErrorKind::Corrupt, text)
}

/// Fails for a key that the filter says is not there.
///
/// # Errors
/// That.
pub fn check_filter(sstable: &SsTable, key: &[u8]) -> Result<()> {
    match sstable.filter() {
        Some(filter) if !filter.may_contain_hash(murmur3(key)) => {
            Err(error_of(sstable, &Finding::of_filter(key)))
        }
        _ => Ok(()),
    }
}

/// Decodes everything, and compares it with index and filter. Faults that only readers of `ignored`
/// meet are passed over, as are those that nobody does. `passed` gets the number of bytes of
/// Data.db read.
///
/// # Errors
/// Damage and failed reads.
pub fn decode_all(sstable: &Arc<SsTable>, ignored: &[Concern], passed: &mut dyn FnMut(u64)) -> Result<()> {
    let mut fault = None;
    let mut found = |finding: Finding, error: Option<_>| {
        if finding.severity == Severity::Cosmetic || ignored.contains(&finding.concern) {
            return ControlFlow::Continue(());
        }
        fault = Some(error.map_or_else(|| error_of(sstable, &finding), Error::from));
        ControlFlow::Break(())
    };
    let (data_len, file_len) = (sstable.data_len(), sstable.data_file_len());
    RowsCheck::of_table(sstable).run(&mut found, &mut |position| {
        let read = u128::from(position) * u128::from(file_len) / u128::from(data_len.max(1));
        passed(u64::try_from(read).map_or(file_len, |read| read.min(file_len)));
    });
    fault.map_or(Ok(()), Err)?;
    passed(file_len);
    Ok(())
}
