//! Integration tests of helenus-sstable.

mod components;
mod corpus;
mod reading;
