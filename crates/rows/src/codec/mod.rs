//! The bytes of rows and range tombstone markers (`db.rows.UnfilteredSerializer`, `db.rows.Cell`).
//!
//! ```text
//! row     flags u8, [extended flags u8], clustering, row_size uvint, prev_size uvint, body
//! marker  flags u8 = 02, kind u8, size u16, values, marker_size uvint, prev_size uvint, deletion(s)
//! body    [timestamp [ttl expiration]] [deletion] [ScyllaDB: shadowable deletion] [column subset] column*
//! ```
//!
//! The body does not depend on where the row stands, so a row is carried around as flags,
//! clustering and body ([`RowRef`]) and copied as such: from the log into the memtable, into
//! Data.db, through compactions.

mod build;
mod place;
mod read;
mod times;
mod write;

pub use build::{ColumnSet, RowBuf, RowBuilder};
pub use place::{RowHead, RowPlace, RowWriter, ValuePlace};
pub use read::{CellEvent, CellReader, MarkerRef, RowRef, Unfiltered, UnfilteredFrame, read_unfiltered};
pub use times::{TimePlaces, WriteMoment};
pub use write::{write_marker, write_row, write_static_row};

/// Bits of an unfiltered's first byte.
pub(crate) mod flag {
    pub(crate) const END_OF_PARTITION: u8 = 0x01;
    pub(crate) const IS_MARKER: u8 = 0x02;
    pub(crate) const HAS_TIMESTAMP: u8 = 0x04;
    pub(crate) const HAS_TTL: u8 = 0x08;
    pub(crate) const HAS_DELETION: u8 = 0x10;
    pub(crate) const HAS_ALL_COLUMNS: u8 = 0x20;
    pub(crate) const HAS_COMPLEX_DELETION: u8 = 0x40;
    pub(crate) const EXTENSION: u8 = 0x80;
}

/// Bits of the extended flags byte.
pub(crate) mod extended {
    pub(crate) const IS_STATIC: u8 = 0x01;
    pub(crate) const HAS_SHADOWABLE_DELETION: u8 = 0x02;
    /// ScyllaDB's, in tables of its materialized views: a shadowable deletion of its own, after the
    /// ordinary one if there is one. Never written here.
    pub(crate) const HAS_SHADOWABLE_BESIDE: u8 = 0x80;
}

/// Bits of a cell's first byte.
pub(crate) mod cell_flag {
    pub(crate) const IS_DELETED: u8 = 0x01;
    pub(crate) const IS_EXPIRING: u8 = 0x02;
    pub(crate) const HAS_EMPTY_VALUE: u8 = 0x04;
    pub(crate) const USE_ROW_TIMESTAMP: u8 = 0x08;
    pub(crate) const USE_ROW_TTL: u8 = 0x10;
}
