//! Every file operation, behind one small trait.
//!
//! **Knows:** files, directories, locks, clocks, and what it takes to make bytes and names durable.
//! **Must not know:** rows, SSTables, logs, or what any byte in a file means; it starts no thread.
//!
//! Start reading at [`Disk`] in `disk.rs`; `real.rs` is the operating system's disk, `memory.rs`
//! one in memory, `writer.rs` the sequential writer, `clock.rs` the clock. The simulated disk lives
//! in a crate of its own: it keeps the durable state and the current one, and neither of the two
//! disks could rest on the other without paying for it.
//!
//! The contract is positioned reads and writes. A name (created, renamed, linked, removed) is
//! durable once [`Disk::sync_dir`] of its directory returned, bytes and length once
//! [`WriteFile::sync_data`] did.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod clock;
mod disk;
mod error;
mod fork;
mod helpers;
#[cfg(target_os = "linux")]
mod map;
mod memory;
mod open_files;
mod real;
mod relative;
mod writer;

pub use clock::{Clock, SystemClock};
pub use disk::{DirEntry, Disk, EntryKind, FileIdentity, Lock, Metadata, ReadFile, WriteFile, parent_of};
pub use error::{IoError, Operation, Result};
pub use fork::OwnProcess;
pub use helpers::{read_to_vec, remove_dir_all, remove_if_exists, write_atomically};
pub use memory::MemoryDisk;
pub use open_files::{OpenFiles, OpenFilesStats, default_open_files};
pub use real::RealDisk;
pub use relative::{NotRelative, RelativePath};
pub use writer::FileWriter;
