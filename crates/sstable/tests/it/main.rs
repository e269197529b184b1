//! Integration tests of helenus-sstable.

mod collector;
mod components;
mod corpus;
mod reading;
mod writing;
