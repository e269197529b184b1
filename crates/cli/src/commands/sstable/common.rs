//! What several of these commands share.

use std::path::Path;

use helenus::{Catalog, Clock, SystemClock};
use helenus_sstable::{SsTableError, SsTableErrorKind, WriteError};
use helenus_tools::ToolError;

use crate::args::Second;
use crate::failure::Failure;

pub(super) fn unreadable(error: &SsTableError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error.kind() {
        SsTableErrorKind::Corrupt(_) => failure.or_try("restore the file from a backup or a replica"),
        SsTableErrorKind::FileName { .. } | SsTableErrorKind::NoTables => {
            failure.or_try("name a table's directory, or a file such as da-1-bti-Data.db")
        }
        _ => failure,
    }
}

/// Why a tool gave up, with what to do about it.
pub(super) fn refused(error: &ToolError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        ToolError::NotEmpty(_) => failure.or_try("name a directory that is not there yet"),
        ToolError::Unfinished(_) => {
            failure.or_try("remove it if no other run writes there, or name another directory")
        }
        ToolError::Table(error) => unreadable(error),
        ToolError::Write(WriteError::Table(error))
            if matches!(error.kind(), SsTableErrorKind::Unwritable(_)) =>
        {
            failure.or_try("another version, or --cap-expirations where times are too late")
        }
        ToolError::Stream(_) | ToolError::Write(_) => {
            failure.or_try("`helenus sstable verify` reports everything that is wrong with an input")
        }
        _ => failure,
    }
}

/// The second since 1970 that is meant.
pub(super) fn second(at: Second) -> u32 {
    match at {
        Second::At(second) => second,
        Second::Now => u32::try_from(SystemClock::new().now_seconds()).unwrap_or_default(),
    }
}

/// The table of a schema that defines one.
pub(super) fn only_table(file: &Path, text: &str) -> Result<(String, String), Failure> {
    let failed = |error: helenus::CatalogError| Failure::failed(format!("{}: {error}", file.display()));
    let loaded = Catalog::parse_lenient(text, &|_, _| None).map_err(failed)?;
    let mut tables = loaded.catalog.tables().filter(|table| table.view().is_none());
    match (tables.next(), tables.next()) {
        (Some(table), None) => Ok((table.keyspace().to_string(), table.name().to_string())),
        (first, _) => {
            let found = if first.is_some() { "several tables" } else { "no table" };
            let text = format!("{} defines {found}", file.display());
            Err(Failure::usage(text).or_try("--table keyspace.table"))
        }
    }
}
