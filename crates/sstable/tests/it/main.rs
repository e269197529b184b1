//! Integration tests of helenus-sstable.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and say what they saw"
)]

mod big;
mod building;
mod codecs;
mod collector;
mod components;
mod corpus;
mod damage;
mod dumps;
mod reading;
mod salvage;
mod scylla;
mod verify;
mod versions;
mod writing;
