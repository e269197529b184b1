//! A simulated disk and clock, for tests of durability. Deterministic: the same calls and the same
//! seed give the same disk.
//!
//! **Knows:** what a power cut, a killed process, a failing or a full disk may leave of the
//! operations of [`helenus_io::Disk`]. **Must not know:** what the files mean. No real file, clock
//! or random source.
//!
//! Start reading at [`SimDisk`]; `tree.rs` is the model: what is there, and what of it is durable.
//!
//! A sweep crashes a workload at each of its operations in turn:
//!
//! ```
//! use helenus_io::{Disk, write_atomically};
//! use helenus_sim::SimDisk;
//! use std::path::Path;
//!
//! for n in 1.. {
//!     let disk = SimDisk::new();
//!     write_atomically(&disk, Path::new("f"), b"old").unwrap();
//!     disk.crash_at(n);
//!     let finished = write_atomically(&disk, Path::new("f"), b"new").is_ok();
//!     let after = disk.crash(n);
//!     let len = after.metadata(Path::new("f")).unwrap().len;
//!     assert_eq!(len, 3, "crashed at operation {n}");
//!     if finished {
//!         break;
//!     }
//! }
//! ```

#![forbid(unsafe_code)]

mod clock;
mod disk;
mod fault;
mod gate;
mod rng;
mod standing;
mod trace;
mod tree;

pub use clock::SimClock;
pub use disk::SimDisk;
pub use rng::Rng;
pub use standing::{Errno, Fault, FaultId};
pub use trace::{Traced, TracedDetail};
