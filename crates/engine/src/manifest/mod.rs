//! `MANIFEST`: the contents of the directory, as a file of edits; one record is one atomic change.
//!
//! ```text
//! file    magic "HELENUS MANIFEST 1\n", length of the whole file u64, CRC32 of these 27 bytes u32, record*, zeros
//! record  'R', sequence u64, payload length u32, CRC32 of these 13 bytes u32,
//!         payload, CRC32 of the payload u32
//! mark    'M', sequence u64, CRC32 of these 9 bytes u32
//! ```
//!
//! A record is written and synced; then its mark is written, and once more with the next record, to
//! be synced with it. So a bad record with a valid mark at or after it was promised and is damage,
//! and one without was being written when the power failed, and never happened. The file is
//! rewritten, by an atomic rename, when the database is opened and closed, when it is full, and
//! when a write of it failed: a refused edit must not appear after a crash. The head has the file's
//! length, so that a file that was cut is recognised.

mod edit;
mod facts;
mod file;

pub(crate) use edit::{Change, Edit};
pub(crate) use facts::{SsTableEntry, SsTableFacts};
#[cfg(test)]
pub(crate) use file::{HEAD_LEN, MARK_LEN, RECORD_HEAD_LEN, read_mark, read_record};
pub(crate) use file::{Manifest, ManifestError};

use std::collections::BTreeMap;
use std::sync::Arc;

use helenus_io::{NotRelative, RelativePath};
use helenus_rows::EncodingBase;
use helenus_types::{Generation, LogPosition, TableId, Timestamp};

/// The state after all edits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ManifestState {
    /// The whole schema as CQL; `schema.cql` is its readable copy.
    pub(crate) schema: SchemaText,
    /// Tables by their tag in the log.
    pub(crate) tables: BTreeMap<u32, Arc<TableEntry>>,
    /// Every generation below was reserved: a file of our version with one that is not live is a
    /// leftover of ours.
    pub(crate) next_generation: u64,
    /// Files of other versions that are ours too: names up to the component, such as `nb-7-big`, of
    /// SSTables that were to be written or brought in. They distinguish a leftover from a user's
    /// file.
    pub(crate) named: BTreeMap<Generation, String>,
    /// Tags below were given.
    pub(crate) next_tag: u32,
    /// No timestamp above was given before the last clean edit.
    pub(crate) timestamp_floor: i64,
    /// Tables that were dropped, and the directories, relative to the database's, that may still
    /// hold files of them.
    pub(crate) dropped: BTreeMap<TableId, RelativePath>,
    /// While the database is open: a segment that the log is not older than. None once it was
    /// closed.
    pub(crate) log: Option<u64>,
}

/// The statements that make a schema: those that print it, and those that changed it since, in
/// pieces as they were added. A copy costs nothing, a change the number of pieces.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SchemaText {
    pieces: Arc<Vec<Arc<str>>>,
}

/// Bytes that are added to a schema's text before it is looked at whether it has outgrown what it
/// was.
const MIN_ADDED_BYTES: usize = 64 << 10;

impl SchemaText {
    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    /// Whether the added bytes, together with `more`, exceed the length at the beginning.
    pub(crate) fn is_outgrown_by(&self, more: usize) -> bool {
        let Some((first, added)) = self.pieces.split_first() else { return false };
        let added: usize = added.iter().map(|piece| piece.len()).sum();
        added + more > first.len().max(MIN_ADDED_BYTES)
    }

    fn add(&mut self, text: &str) {
        Arc::make_mut(&mut self.pieces).push(text.into());
    }
}

impl From<&str> for SchemaText {
    fn from(text: &str) -> Self {
        Self { pieces: Arc::new(vec![text.into()]) }
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableEntry {
    pub(crate) id: TableId,
    /// Bases of everything that we encode for this table, fixed at its creation.
    pub(crate) base: EncodingBase,
    /// Counts the changes of its columns: log records of another layout are never replayed.
    pub(crate) layout: u32,
    /// The log up to here is in the table's SSTables, or was truncated.
    pub(crate) flushed: LogPosition,
    /// When it was truncated last; data up to that write time is gone.
    pub(crate) truncated_at: Option<Timestamp>,
    pub(crate) sstables: BTreeMap<Generation, SsTableEntry>,
}

impl ManifestState {
    /// Applies one edit, or returns why it is invalid.
    pub(crate) fn apply(&mut self, edit: &Edit) -> Result<(), String> {
        edit.changes.iter().try_for_each(|change| self.apply_change(change))
    }

    fn apply_change(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::Schema(text) => self.schema = text.as_str().into(),
            Change::SchemaAdded(text) => self.schema.add(text),
            Change::AddTable { tag, id, base } => {
                let entry = TableEntry {
                    id: *id,
                    base: *base,
                    layout: 0,
                    flushed: LogPosition::ZERO,
                    truncated_at: None,
                    sstables: BTreeMap::new(),
                };
                if self.tables.values().any(|table| table.id == *id) {
                    return Err(format!("table {id:#} is added twice"));
                }
                if self.tables.insert(*tag, Arc::new(entry)).is_some() {
                    return Err(format!("table tag {tag} is added twice"));
                }
                // It has the directory again: what is left there of the one before is no table's,
                // and goes with the leftovers.
                self.dropped.remove(id);
                self.next_tag = self.next_tag.max(tag.saturating_add(1));
            }
            Change::DropTable { tag } => {
                self.tables.remove(tag).ok_or_else(|| unknown(*tag))?;
            }
            Change::Layout { tag, layout } => self.table(*tag)?.layout = *layout,
            Change::AddSsTable { tag, generation, entry } => {
                if self.table(*tag)?.sstables.insert(*generation, entry.clone()).is_some() {
                    return Err(format!("generation {} is added twice", generation.0));
                }
            }
            Change::RemoveSsTable { tag, generation } => {
                let removed = self.table(*tag)?.sstables.remove(generation);
                removed.ok_or_else(|| format!("generation {} is removed but not there", generation.0))?;
            }
            Change::Flushed { tag, position } => {
                let table = self.table(*tag)?;
                table.flushed = table.flushed.max(*position);
            }
            Change::Truncated { tag, at } => self.table(*tag)?.truncated_at = Some(*at),
            Change::Log(segment) => self.log = Some(*segment),
            Change::Dropped { id, dir } => {
                if self.tables.values().any(|table| table.id == *id) {
                    return Err(format!("table {id:#} is dropped and live"));
                }
                if !is_table_dir(dir, *id) {
                    return Err(format!("{dir} is no directory of table {id:#}"));
                }
                self.dropped.insert(*id, dir.clone());
            }
            Change::NextTag(next) => self.next_tag = self.next_tag.max(*next),
            Change::NextGeneration(next) => self.next_generation = self.next_generation.max(*next),
            Change::TimestampFloor(floor) => self.timestamp_floor = self.timestamp_floor.max(*floor),
            Change::Named { generation, stem } => drop(self.named.insert(*generation, stem.clone())),
        }
        Ok(())
    }

    fn table(&mut self, tag: u32) -> Result<&mut TableEntry, String> {
        self.tables.get_mut(&tag).map(Arc::make_mut).ok_or_else(|| unknown(tag))
    }

    /// One edit that makes this state from nothing.
    pub(crate) fn as_edit(&self) -> Edit {
        let mut changes = vec![
            Change::Schema(self.schema.text()),
            Change::NextGeneration(self.next_generation),
            Change::TimestampFloor(self.timestamp_floor),
        ];
        for (&tag, table) in &self.tables {
            changes.push(Change::AddTable { tag, id: table.id, base: table.base });
            changes.push(Change::Layout { tag, layout: table.layout });
            changes.push(Change::Flushed { tag, position: table.flushed });
            changes.extend(table.truncated_at.map(|at| Change::Truncated { tag, at }));
            changes.extend(table.sstables.iter().map(|(&generation, entry)| Change::AddSsTable {
                tag,
                generation,
                entry: entry.clone(),
            }));
        }
        changes.extend(self.dropped.iter().map(|(&id, dir)| Change::Dropped { id, dir: dir.clone() }));
        let named =
            |(&generation, stem): (&Generation, &String)| Change::Named { generation, stem: stem.clone() };
        changes.extend(self.named.iter().map(named));
        changes.push(Change::NextTag(self.next_tag));
        changes.extend(self.log.map(Change::Log));
        Edit { changes }
    }
}

/// The directory below the database's that holds the tables' directories.
pub(crate) const DATA_DIR: &str = "data";

/// Directory of a table, below the database's: the only way to one, so that no name leads
/// elsewhere.
pub(crate) fn table_dir(keyspace: &str, table: &str, id: TableId) -> Result<RelativePath, NotRelative> {
    RelativePath::of_names([DATA_DIR, keyspace, &format!("{table}-{id}")])
}

/// Whether [`table_dir`] makes that path for a table of that identity.
fn is_table_dir(dir: &RelativePath, id: TableId) -> bool {
    let names: Vec<&str> = dir.names().collect();
    matches!(names.as_slice(), [DATA_DIR, _, name] if name.ends_with(&format!("-{id}")))
}

fn unknown(tag: u32) -> String {
    format!("table tag {tag} is not known")
}
