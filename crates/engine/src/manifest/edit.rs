//! Edits and their bytes: a sequence of changes, each a kind byte and its fields.

use std::sync::Arc;

use helenus_io::RelativePath;
use helenus_rows::EncodingBase;
use helenus_types::{
    DecodeError, Generation, LocalDeletionTime, LogPosition, Reader, TableId, Timestamp, vint,
};
use uuid::Uuid;

use super::facts::{SsTableEntry, SsTableFacts, bytes, text};

/// A set of changes that happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edit {
    pub(crate) changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// The whole schema is this text now.
    Schema(String),
    /// Statements that are appended to those of the schema so far.
    SchemaAdded(String),
    /// A table begins.
    AddTable { tag: u32, id: TableId, base: EncodingBase },
    /// A table ends, with all its SSTables.
    DropTable { tag: u32 },
    /// The table's columns changed.
    Layout { tag: u32, layout: u32 },
    /// An SSTable became live.
    AddSsTable { tag: u32, generation: Generation, entry: SsTableEntry },
    /// An SSTable is live no more.
    RemoveSsTable { tag: u32, generation: Generation },
    /// The log up to there is not needed for that table.
    Flushed { tag: u32, position: LogPosition },
    /// The table was emptied.
    Truncated { tag: u32, at: Timestamp },
    /// Generations below that are ours to remove when they are not live.
    NextGeneration(u64),
    /// Timestamps up to that may have been given.
    TimestampFloor(i64),
    /// Tags below that were given.
    NextTag(u32),
    /// Files of a table that was dropped may be left in that directory, relative to the database's.
    Dropped { id: TableId, dir: RelativePath },
    /// The log continues from that segment.
    Log(u64),
    /// An SSTable of another version than `da` is made or comes in by that name (up to the
    /// component); its files are ours.
    Named { generation: Generation, stem: String },
}

impl Edit {
    /// An edit of one change.
    pub(crate) fn one(change: Change) -> Self {
        Self { changes: vec![change] }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        vint::write_unsigned(out, self.changes.len() as u64);
        for change in &self.changes {
            change.encode(out);
        }
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let count = reader.unsigned_vint()?;
        let mut changes = Vec::new();
        for _ in 0..count {
            changes.push(Change::decode(&mut reader)?);
        }
        if reader.is_empty() {
            Ok(Self { changes })
        } else {
            Err(reader.error("the end of the edit", "more bytes"))
        }
    }
}

impl Change {
    fn encode(&self, out: &mut Vec<u8>) {
        let number = vint::write_unsigned;
        let of_table = |out: &mut Vec<u8>, kind: u8, tag: u32| {
            out.push(kind);
            number(out, u64::from(tag));
        };
        match self {
            Self::Schema(text) | Self::SchemaAdded(text) => {
                out.push(if matches!(self, Self::Schema(_)) { 1 } else { 16 });
                bytes(out, text.as_bytes());
            }
            Self::AddTable { tag, id, base } => {
                of_table(out, 2, *tag);
                out.extend_from_slice(id.0.as_bytes());
                out.extend_from_slice(&base.min_timestamp.0.to_be_bytes());
                out.extend_from_slice(&base.min_local_deletion_time.0.to_be_bytes());
                out.extend_from_slice(&base.min_ttl.to_be_bytes());
            }
            Self::DropTable { tag } => of_table(out, 3, *tag),
            Self::Layout { tag, layout } => {
                of_table(out, 4, *tag);
                number(out, u64::from(*layout));
            }
            Self::AddSsTable { tag, generation, entry } => {
                of_table(out, if entry.facts.is_some() { 15 } else { 5 }, *tag);
                number(out, generation.0);
                bytes(out, entry.stem.as_bytes());
                number(out, u64::from(entry.level));
                number(out, u64::from(entry.created_seconds));
                entry.facts.iter().for_each(|facts| facts.encode(out));
            }
            Self::RemoveSsTable { tag, generation } => {
                of_table(out, 6, *tag);
                number(out, generation.0);
            }
            Self::Flushed { tag, position } => {
                of_table(out, 7, *tag);
                number(out, position.segment);
                number(out, u64::from(position.offset));
            }
            Self::Truncated { tag, at } => {
                of_table(out, 8, *tag);
                out.extend_from_slice(&at.0.to_be_bytes());
            }
            Self::NextGeneration(next) => {
                out.push(9);
                number(out, *next);
            }
            Self::TimestampFloor(floor) => {
                out.push(10);
                out.extend_from_slice(&floor.to_be_bytes());
            }
            Self::NextTag(next) => {
                out.push(11);
                number(out, u64::from(*next));
            }
            Self::Dropped { id, dir } => {
                out.push(12);
                out.extend_from_slice(id.0.as_bytes());
                bytes(out, dir.as_str().as_bytes());
            }
            Self::Log(segment) => {
                out.push(13);
                number(out, *segment);
            }
            Self::Named { generation, stem } => {
                out.push(14);
                number(out, generation.0);
                bytes(out, stem.as_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = reader.u8()?;
        Ok(match kind {
            1 => Self::Schema(text(reader)?),
            2 => Self::AddTable {
                tag: small(reader)?,
                id: TableId(uuid(reader)?),
                base: EncodingBase {
                    min_timestamp: Timestamp(reader.i64()?),
                    min_local_deletion_time: LocalDeletionTime(reader.u32()?),
                    min_ttl: reader.u32()?,
                },
            },
            3 => Self::DropTable { tag: small(reader)? },
            4 => Self::Layout { tag: small(reader)?, layout: small(reader)? },
            5 | 15 => Self::AddSsTable {
                tag: small(reader)?,
                generation: Generation(reader.unsigned_vint()?),
                entry: SsTableEntry {
                    stem: text(reader)?,
                    level: small(reader)?,
                    created_seconds: small(reader)?,
                    facts: if kind == 15 { Some(Arc::new(SsTableFacts::decode(reader)?)) } else { None },
                },
            },
            6 => Self::RemoveSsTable { tag: small(reader)?, generation: Generation(reader.unsigned_vint()?) },
            7 => Self::Flushed {
                tag: small(reader)?,
                position: LogPosition { segment: reader.unsigned_vint()?, offset: small(reader)? },
            },
            8 => Self::Truncated { tag: small(reader)?, at: Timestamp(reader.i64()?) },
            9 => Self::NextGeneration(reader.unsigned_vint()?),
            10 => Self::TimestampFloor(reader.i64()?),
            11 => Self::NextTag(small(reader)?),
            12 => Self::Dropped { id: TableId(uuid(reader)?), dir: path(reader)? },
            13 => Self::Log(reader.unsigned_vint()?),
            14 => Self::Named { generation: Generation(reader.unsigned_vint()?), stem: text(reader)? },
            16 => Self::SchemaAdded(text(reader)?),
            other => return Err(reader.error("the kind of a change", other.to_string())),
        })
    }
}

fn path(reader: &mut Reader<'_>) -> Result<RelativePath, DecodeError> {
    let at = reader.position() as u64;
    RelativePath::new(&text(reader)?)
        .map_err(|e| DecodeError::new(at, "the directory of a table", e.to_string()))
}

fn small(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let value = reader.unsigned_vint()?;
    u32::try_from(value).map_err(|e| reader.error("a number of 32 bits", format!("{value}: {e}")))
}

fn uuid(reader: &mut Reader<'_>) -> Result<Uuid, DecodeError> {
    let value = reader.take(16)?;
    Uuid::from_slice(value).map_err(|e| reader.error("a UUID", e.to_string()))
}
