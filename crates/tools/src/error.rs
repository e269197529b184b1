//! The errors of the tools.

use std::path::{Path, PathBuf};

use helenus_compaction::CompactionError;
use helenus_io::IoError;
use helenus_rows::StreamError;
use helenus_sstable::{Descriptor, SsTableError, WriteError};
use thiserror::Error;

/// Why a tool failed. Nothing is left of its output.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ToolError {
    /// An input is damaged or can't be read, or an output can't be written.
    #[error(transparent)]
    Table(#[from] SsTableError),
    /// The rows of an input are damaged or can't be read, or an output can't be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The rows of an input are damaged or can't be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The output's directory isn't new.
    #[error("{}: is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The leftovers of another run, or its output in progress.
    #[error("{}: is there already, from a run that was interrupted or is still going on", .0.display())]
    Unfinished(PathBuf),
    /// The request is impossible.
    #[error("{}: {why}", file.display())]
    Impossible {
        /// The input or output that it is about.
        file: PathBuf,
        /// The reason.
        why: String,
    },
    /// Rows of a table with counters can't be read, and without them counters would lose counts
    /// (CASSANDRA-2759).
    #[error("{table}: counters would be lost: {why}")]
    CounterLoss {
        /// The table.
        table: Descriptor,
        /// Why a row can't be read.
        why: String,
    },
    /// The caller stopped the tool.
    #[error("stopped")]
    Stopped,
}

impl From<CompactionError<ToolError>> for ToolError {
    fn from(error: CompactionError<ToolError>) -> ToolError {
        match error {
            CompactionError::Source(error) => error.into(),
            CompactionError::Output(error) => error.into(),
            CompactionError::Factory(error) => error,
        }
    }
}

impl ToolError {
    /// Whether a directory that was named as input has no SSTables.
    #[must_use]
    pub fn is_no_tables(&self) -> bool {
        matches!(self, ToolError::Table(error) if error.is_no_tables())
    }

    #[cold]
    pub(crate) fn impossible(file: &Path, why: impl ToString) -> ToolError {
        ToolError::Impossible { file: file.to_owned(), why: why.to_string() }
    }
}
