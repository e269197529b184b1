//! The layers and the house rules, as checks over `cargo metadata` and over the text of the
//! sources.
//!
//! **Knows** which crate may use which ([`LAYERS`]), and the rules that no lint of the compiler
//! states. **Must not know** what any of the code does: it reads names and text alone, and no crate
//! of the project.
//!
//! Start reading at [`LAYERS`], then [`check_file`]. The checks are pure and return what they
//! found; the integration test `tests/tidy.rs` runs them over this workspace, and shows each of
//! them something to refuse.

#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod imports;
mod layers;
mod rules;

pub use imports::{ImportGraph, types_defined};
pub use layers::{LAYERS, SHARED_NAMES, check_layers};
pub use rules::{MAX_LINES, RATCHET, check_file, check_manifest, check_opening};

/// A rule that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The file, relative to the root of the workspace, or the name of a package.
    pub place: String,
    /// The line, from 1; 0 where the whole is meant.
    pub line: usize,
    /// The fault, and what to do instead.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.place, self.what),
            line => write!(f, "{}:{line}: {}", self.place, self.what),
        }
    }
}
