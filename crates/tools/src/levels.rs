//! Which SSTable is of which level of leveled compaction, and whether levels are what they should
//! be (`tools.SSTableOfflineRelevel`).
//!
//! The SSTables of level 1 and above don't overlap each other within their level; Cassandra moves
//! one that does back to level 0 when it starts. Nothing is written: a level is a number in
//! Statistics.db, which the tool of Cassandra changes in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_compaction::{KeyRange, LeveledRange, level_overlaps, potential_levels};
use helenus_io::Disk;
use helenus_sstable::{Component, Descriptor};
use helenus_types::{Hex, Partitioner};

use crate::error::ToolError;
use crate::statistics::{key_range, partitioner, statistics};

/// An SSTable and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeveledTable {
    /// The SSTable.
    pub table: Descriptor,
    /// Its level; 0 where compaction isn't leveled.
    pub level: u32,
    /// Bytes of its Data.db.
    pub data_file_len: u64,
    /// Raw key of its first partition.
    pub first_key: Vec<u8>,
    /// Raw key of its last partition.
    pub last_key: Vec<u8>,
}

/// Two SSTables of a level whose partitions overlap, though none of that level should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// The one that begins earlier, by its place in [`Levels::tables`].
    pub first: usize,
    /// The one that begins before the other has ended.
    pub second: usize,
}

/// The levels of the SSTables in one directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Levels {
    /// The directory.
    pub dir: PathBuf,
    /// The order of partitions; `Murmur3` if there is no SSTable.
    pub partitioner: Partitioner,
    /// The SSTables by level, within one in the order of their first partitions.
    pub tables: Vec<LeveledTable>,
    /// One for each SSTable above level 0 that overlaps one before it in its level.
    pub overlaps: Vec<Overlap>,
    /// The number of SSTables that each level would have, from level 0 on, if they were put as high
    /// as they fit.
    pub potential: Vec<usize>,
}

impl Levels {
    /// The place of a partition as text: its token, or without hashing the bytes of its key.
    #[must_use]
    pub fn place(&self, key: &[u8]) -> String {
        match &self.partitioner {
            Partitioner::Murmur3 => Partitioner::murmur3_token(key).0.to_string(),
            Partitioner::Random => Partitioner::random_token(key).to_string(),
            _ => format!("0x{}", Hex(key)),
        }
    }
}

/// Reads the levels of `inputs`, by directory in the order given.
///
/// # Errors
/// When a Statistics.db is missing or damaged, or the component with the first and last partition
/// is.
pub fn levels(disk: &Arc<dyn Disk>, inputs: &[Descriptor]) -> Result<Vec<Levels>, ToolError> {
    let mut dirs: Vec<&Path> = Vec::new();
    for input in inputs {
        if !dirs.contains(&&*input.dir) {
            dirs.push(&input.dir);
        }
    }
    let levels = |dir: &Path| levels_of(disk, dir, inputs.iter().filter(|input| input.dir == dir));
    dirs.into_iter().map(levels).collect()
}

fn levels_of<'a>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    inputs: impl Iterator<Item = &'a Descriptor>,
) -> Result<Levels, ToolError> {
    let mut order: Option<Partitioner> = None;
    let mut tables = Vec::new();
    for table in inputs {
        let statistics = statistics(&**disk, table)?;
        let partitioner = partitioner(table, &statistics)?;
        match &order {
            Some(order) if *order != partitioner => {
                let why = "is of another partitioner than the others in its directory";
                return Err(ToolError::impossible(&table.path(&Component::Data), why));
            }
            _ => order = Some(partitioner),
        }
        let (first_key, last_key) = key_range(disk, table, &statistics)?;
        tables.push(LeveledTable {
            table: table.clone(),
            level: statistics.stats.level,
            data_file_len: disk.metadata(&table.path(&Component::Data))?.len,
            first_key,
            last_key,
        });
    }
    let partitioner = order.unwrap_or(Partitioner::Murmur3);
    tables
        .sort_by(|a, b| a.level.cmp(&b.level).then_with(|| partitioner.compare(&a.first_key, &b.first_key)));
    let ranges: Vec<_> = tables.iter().map(range_of).collect();
    let overlaps = level_overlaps(&partitioner, &ranges);
    let overlaps = overlaps.into_iter().map(|(first, second)| Overlap { first, second }).collect();
    let potential = potential_levels(&partitioner, ranges.iter().map(|range| range.keys));
    Ok(Levels { dir: dir.to_owned(), partitioner, tables, overlaps, potential })
}

fn range_of(table: &LeveledTable) -> LeveledRange<'_> {
    LeveledRange { level: table.level, keys: KeyRange { first: &table.first_key, last: &table.last_key } }
}
