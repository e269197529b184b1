//! Survival of a database: power cuts and kills at every operation on the disk, failing operations,
//! flipped and missing bytes, threads, other openers.
//!
//! `workload.rs` has operations and the model of what they do; `run.rs` carries them out, reads a
//! whole database back and accounts for every file of it. `HELENUS_CRASH_POINTS=all` runs every
//! point, and every point of each recovery, instead of a sample; a number n runs one point in n (1:
//! each), with a sample of the recoveries'.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect, and says how much it tried"
)]

mod adopt;
mod closing;
#[expect(clippy::disallowed_methods, reason = "copies are removed by hand")]
mod copy;
mod damage;
mod events;
mod faults;
#[expect(clippy::disallowed_methods, reason = "the files beside the database, and how long a hang is")]
mod full;
mod ingest;
mod kill;
mod lifetime;
mod lost;
mod opening;
mod run;
mod standing;
mod sweep;
mod threads;
mod workload;
