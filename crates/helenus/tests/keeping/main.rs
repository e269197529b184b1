//! Whose a directory is: what is in it stays inside, one process writes to it, and few of its files
//! are open.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at what it did not expect")]

mod crafted;
mod directory;
mod process;
mod sstables;
