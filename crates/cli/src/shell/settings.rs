//! What the shell's commands switch.

use crate::args::{Shell as Args, ShellFormat};

/// The rows of a page, as cqlsh has them.
pub(super) const PAGE_ROWS: usize = 100;

/// The levels that CONSISTENCY takes, of which all mean the same here.
pub(super) const LEVELS: [&str; 11] = [
    "ANY",
    "ONE",
    "TWO",
    "THREE",
    "QUORUM",
    "ALL",
    "LOCAL_QUORUM",
    "EACH_QUORUM",
    "LOCAL_ONE",
    "SERIAL",
    "LOCAL_SERIAL",
];
/// Those of SERIAL CONSISTENCY.
pub(super) const SERIAL_LEVELS: [&str; 2] = ["SERIAL", "LOCAL_SERIAL"];

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) format: ShellFormat,
    /// The rows of a page; none where all come at once.
    pub(super) page: Option<usize>,
    pub(super) timing: bool,
    pub(super) stop_on_error: bool,
    /// Whether a person types.
    pub(super) is_interactive: bool,
    /// Whether what is run comes from standard input.
    pub(super) reads_stdin: bool,
    pub(super) consistency: &'static str,
    pub(super) serial_consistency: &'static str,
}

impl Settings {
    pub(super) fn new(args: &Args, is_interactive: bool) -> Self {
        Self {
            format: args.format,
            page: Some(PAGE_ROWS),
            timing: args.timing,
            stop_on_error: args.stop_on_error,
            is_interactive,
            reads_stdin: args.file.is_empty() && args.execute.is_empty(),
            consistency: "ONE",
            serial_consistency: "SERIAL",
        }
    }
}
