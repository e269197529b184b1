//! Integration tests of helenus-sstable.

mod collector;
mod components;
mod corpus;
mod dumps;
mod reading;
mod writing;
