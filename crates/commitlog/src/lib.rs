//! The commit log: preallocated segments, checksummed records in one order, group commit, replay.
//!
//! **Knows:** opaque payloads, which tables (by opaque tags) each of them touches, positions, and
//! when what was appended is durable. **Must not know:** what a payload means, which tables exist,
//! when to flush them; it starts no thread: preparing segments and periodic syncs are steps that
//! the engine calls.
//!
//! Start reading at `format.rs` (segments, records, sync marks, what makes the survivors of a crash
//! a prefix, and how a missing segment is noticed), then `log.rs` (append, switching, release),
//! `pending.rs` (who writes for whom), `sync.rs` (who waits for which sync) and `replay.rs` (what
//! is promised, what is damage, what is dropped).
//!
//! ```
//! # use helenus_commitlog::{CommitLog, Durability, LogOptions, ReplayOptions, TableTag, replay};
//! # use helenus_io::{Disk, SystemClock};
//! # use std::{path::Path, sync::Arc};
//! # let disk: Arc<dyn Disk> = Arc::new(helenus_sim::SimDisk::new());
//! let dir = Path::new("db/commitlog");
//! let report = replay(&*disk, dir, ReplayOptions::NONE_RELEASED, &mut |record| {
//!     println!("{:?} {:?}", record.tags, record.payload);
//!     Ok::<(), std::convert::Infallible>(())
//! })?;
//! let options = LogOptions { segment_len: 1 << 16, durability: Durability::Sync, ..LogOptions::default() };
//! let log = CommitLog::resume(disk, dir, options, Arc::new(SystemClock::new()), report)?;
//! let end = log.append(&[TableTag(7)], &[b"head", b"body"])?;
//! log.commit(end)?;
//! log.mark_flushed(TableTag(7), end)?;
//! log.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod error;
mod format;
mod log;
mod options;
mod pending;
mod replay;
mod scan;
mod segment;
mod sync;

pub use error::{Damage, LogError, MissingSegment, ReplayError};
pub use log::CommitLog;
pub use options::{Durability, LogOptions, TableTag};
pub use replay::{DroppedTail, Record, ReplayOptions, ReplayReport, replay};
