//! Why a command ended early, what to do next, and the exit code for scripts.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use helenus::ErrorKind;

/// Something failed: an answer is missing or a change was not made.
const FAILED: u8 = 1;
/// The command line is wrong; clap exits with the same code.
const USAGE: u8 = 2;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is invalid: a literal of another type, too many key columns.
    Usage { text: String, next_step: Option<&'static str> },
    /// Anything else.
    Failed { text: String, next_step: Option<&'static str> },
    /// The reader of the output has ended (`helenus export … | head`). No error.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage { text: text.into(), next_step: None }
    }

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed { text: text.into(), next_step: None }
    }

    /// A file that the command line names could not be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    pub(crate) fn or_try(mut self, step: &'static str) -> Self {
        if let Self::Usage { next_step, .. } | Self::Failed { next_step, .. } = &mut self {
            *next_step = Some(step);
        }
        self
    }

    /// What failed, and what to do next.
    pub(crate) fn text_and_step(&self) -> String {
        let text = self.to_string();
        text.strip_prefix("error: ").map_or(text.clone(), str::to_owned)
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage { .. } => ExitCode::from(USAGE),
            Self::Failed { .. } => ExitCode::from(FAILED),
            Self::ClosedPipe => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { text, next_step } | Self::Failed { text, next_step } => {
                write!(f, "error: {text}")?;
                next_step.map_or(Ok(()), |step| write!(f, "\n  try: {step}"))
            }
            Self::ClosedPipe => f.write_str("the output was closed"),
        }
    }
}

impl From<helenus::Error> for Failure {
    fn from(error: helenus::Error) -> Self {
        let failure = Self::failed(error.to_string());
        match error.kind() {
            ErrorKind::Corrupt => failure.or_try(
                "restore the file from a backup or a replica; `helenus sstable scrub` saves what can still be read",
            ),
            ErrorKind::Locked => failure.or_try("close the other process; export, get, tables and stats work beside it"),
            ErrorKind::Io => failure.or_try("check the disk's space and permissions"),
            _ => failure,
        }
    }
}

/// Errors of the output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::failed(format!("the output can't be written: {error}")),
        }
    }
}
