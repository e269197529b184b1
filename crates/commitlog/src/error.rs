//! The errors of writing and of replaying a log. Damage is reported with segment, offset and kind.

use std::path::PathBuf;

use helenus_io::IoError;

/// An error of writing a log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// A write or sync of the log failed before. Nothing more is accepted: the state of the log's
    /// files is unknown. Opening it again replays them.
    #[error("the commit log stopped at a failed operation: {0}")]
    Stopped(IoError),
    /// A file operation other than a write of records failed: a new segment could not be made, or
    /// an old one could not be removed. Nothing was written; it may be tried again once there is
    /// space.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The record is longer than half a segment. Nothing was written.
    #[error("a record of {len} bytes does not fit: half a segment, {max} bytes, is the most")]
    TooLarge {
        /// Bytes it would take in the log.
        len: u64,
        /// Bytes it may take.
        max: u64,
    },
    /// The log was closed.
    #[error("the commit log is closed")]
    Closed,
}

/// Why a replay stopped. `E` is what the receiver of the records returns.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E> {
    /// A file could not be read.
    #[error(transparent)]
    Io(#[from] IoError),
    /// Bytes that were durable have changed.
    #[error("the commit log is damaged: {}, offset {offset}: {damage}", .path.display())]
    Damaged {
        /// The segment's file.
        path: PathBuf,
        /// The offset in the file.
        offset: u64,
        /// The damage.
        damage: Damage,
    },
    /// A segment was never released, and isn't there.
    #[error("a segment of the commit log is missing: {} (known from {})", .0.path.display(), .0.witness.display())]
    Missing(MissingSegment),
    /// The receiver of the records refused one.
    #[error("{0}")]
    Receiver(E),
}

/// A segment that isn't there, although it was never released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSegment {
    /// Its file. Others before it may be missing too.
    pub path: PathBuf,
    /// The file that says so.
    pub witness: PathBuf,
}

/// A fault of bytes of the log. At the log's end it merely marks the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file is too short for the header that each segment was made with.
    #[error("the file has {found} bytes, its header has {expected}")]
    HeaderCut {
        /// Bytes of a header.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// Not a segment of the log.
    #[error("the file does not begin with the log's magic but with {found:#018x}")]
    Magic {
        /// The first eight bytes, as a little-endian number.
        found: u64,
    },
    /// A segment of another release.
    #[error("version {found} of the log's format; this release knows {expected}")]
    Version {
        /// The version known.
        expected: u32,
        /// The version found.
        found: u32,
    },
    /// A header whose checksum does not match.
    #[error("the header's checksum is {found:#010x}, {expected:#010x} was expected")]
    HeaderChecksum {
        /// Computed from the bytes.
        expected: u32,
        /// Stored in the file.
        found: u32,
    },
    /// A whole header of another segment.
    #[error("the header is of segment {found}, the file's name says {expected}")]
    Identity {
        /// The number in the file's name.
        expected: u64,
        /// The number in the header.
        found: u64,
    },
    /// The file ends within a record or before one.
    #[error("the file ends, a record was expected")]
    RecordCut,
    /// A record that would reach beyond its segment, or has more tags than bytes.
    #[error("a record of {len} bytes and {tags} tags does not fit, {left} bytes are left")]
    RecordLength {
        /// Bytes of tags and payload.
        len: u32,
        /// Number of tags.
        tags: u16,
        /// Bytes left in the segment.
        left: u32,
    },
    /// No known kind of record.
    #[error("there is no record of kind {found}")]
    RecordKind {
        /// The kind.
        found: u8,
    },
    /// A record whose checksum does not match.
    #[error("the record's checksum is {found:#010x}, {expected:#010x} was expected")]
    RecordChecksum {
        /// Computed from the bytes.
        expected: u32,
        /// Stored in the file.
        found: u32,
    },
}
