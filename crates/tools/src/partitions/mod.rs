//! How large the partitions of a table are, and which are larger than they should be
//! (`tools.SSTablePartitions`).
//!
//! Figures are those of Cassandra's tool: static rows and what is in them are not counted, each
//! marker of a range deletion is, and a cell that expires with its row is counted once. Nothing is
//! kept of a partition but its figures, and those of a table are histograms.

mod figures;
mod origin;

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_sstable::{
    Component, DataFile, Descriptor, PageVerification, Scan, SearchKey, SsTableError, TableIndex,
};

pub use figures::{Distribution, PartitionFigures, TableFigures};
pub use origin::Origin;

use crate::error::ToolError;
use crate::key_text::parse_key_text;
use crate::watched::{OnProgress, Progress, Steps};

/// The limits of which a reported partition reaches at least one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionLimits {
    /// Uncompressed bytes.
    pub size: Option<u64>,
    /// Rows.
    pub rows: Option<u64>,
    /// Cells.
    pub cells: Option<u64>,
    /// Tombstones of all kinds.
    pub tombstones: Option<u64>,
}

impl PartitionLimits {
    fn are_reached(&self, figures: &PartitionFigures) -> bool {
        let reached = |limit: Option<u64>, figure: u64| limit.is_some_and(|limit| figure >= limit);
        reached(self.size, figures.size)
            || reached(self.rows, figures.rows)
            || reached(self.cells, figures.cells)
            || reached(self.tombstones, figures.tombstones())
    }
}

/// The level of detail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// Rows, cells and tombstones.
    #[default]
    Rows,
    /// Sizes alone: no row is decoded.
    Sizes,
}

/// Options of the report.
#[derive(Debug, Clone, Default)]
pub struct PartitionsOptions {
    /// The limits for reporting a partition.
    pub limits: PartitionLimits,
    /// The level of detail.
    pub detail: Detail,
    /// The second since 1970 by which something has expired or not.
    pub now_s: u32,
    /// Keys of the only partitions to look at, as `sstabledump` prints keys; all if there are none.
    /// They are looked up in the index.
    pub keys: Vec<String>,
    /// Keys of partitions to pass over.
    pub excluded: Vec<String>,
}

/// Measures the partitions of one table, and reports each that reaches a limit to `told`, in their
/// order. `told` may stop the tool.
///
/// # Errors
/// When the table is damaged or can't be read, a key is none of the table's type, or `told` or
/// `progress` stops the tool.
pub fn partitions(
    disk: &Arc<dyn Disk>,
    table: &Descriptor,
    options: &PartitionsOptions,
    told: &mut dyn FnMut(&PartitionFigures) -> ControlFlow<()>,
    progress: OnProgress<'_>,
) -> Result<TableFigures, ToolError> {
    let data = DataFile::open(disk, table, PageVerification::Check)?;
    let mut measuring = Measuring {
        figures: TableFigures::new(&data),
        bytes_total: data.data_len(),
        steps: Steps::default(),
        data: &data,
        options,
        told,
        progress,
    };
    if options.keys.is_empty() {
        measuring.partitions(data.scan(), None)?;
    } else {
        let index = TableIndex::open(disk, &data, PageVerification::Check)?;
        for key in measuring.keys()? {
            if let Some(found) = index.find(&SearchKey::of(data.partitioner().clone(), &key))? {
                let start = found.position();
                measuring.partitions(data.scan_between(start, start.saturating_add(1)), Some(&key))?;
            }
        }
    }
    Ok(measuring.figures)
}

/// The measuring of one table.
struct Measuring<'a> {
    data: &'a DataFile,
    options: &'a PartitionsOptions,
    figures: TableFigures,
    told: &'a mut dyn FnMut(&PartitionFigures) -> ControlFlow<()>,
    progress: OnProgress<'a>,
    bytes_total: u64,
    steps: Steps,
}

impl Measuring<'_> {
    /// The raw keys that were asked for, in the order of partitions.
    fn keys(&self) -> Result<Vec<Vec<u8>>, ToolError> {
        let key_type = &self.data.header().key_type;
        let path = self.data.descriptor().path(&Component::Data);
        let wanted = self.options.keys.iter().filter(|key| !self.options.excluded.contains(key));
        let parse = |text: &String| {
            parse_key_text(key_type, text)
                .map_err(|why| ToolError::impossible(&path, format!("key {text}: {why}")))
        };
        let mut keys = wanted.map(parse).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by(|a, b| self.data.partitioner().compare(a, b));
        keys.dedup();
        Ok(keys)
    }

    /// Goes through the partitions of a scan; of a key if one is given, which the index may have
    /// taken for another.
    fn partitions(&mut self, mut scan: Scan, key: Option<&[u8]>) -> Result<(), ToolError> {
        while scan.next_partition()? {
            let partition = helenus_rows::UnfilteredStream::partition(&scan);
            if key.is_some_and(|key| key != partition.key) {
                return Ok(());
            }
            let mut figures = PartitionFigures::new(&self.data.header().key_type, &partition);
            figures.offset = scan.partition_position();
            let is_excluded = self.options.excluded.contains(&figures.key_text);
            let is_counted = self.options.detail == Detail::Rows && !is_excluded;
            while scan.advance()? {
                if is_counted && let Some(unfiltered) = helenus_rows::UnfilteredStream::current(&scan) {
                    let added = figures.add(&unfiltered, self.options.now_s);
                    added.map_err(|error| self.damaged(scan.current_position(), error))?;
                }
                if self.steps.due(scan.position()).is_some() {
                    self.report(scan.position())?;
                }
            }
            figures.size = scan.position() - figures.offset;
            if is_excluded {
                continue;
            }
            self.figures.add(&figures);
            if self.options.limits.are_reached(&figures) && (self.told)(&figures).is_break() {
                return Err(ToolError::Stopped);
            }
        }
        self.report(scan.position())
    }

    fn report(&mut self, position: u64) -> Result<(), ToolError> {
        let progress = Progress { bytes_read: position, bytes_total: self.bytes_total };
        if (self.progress)(progress).is_break() { Err(ToolError::Stopped) } else { Ok(()) }
    }

    #[cold]
    fn damaged(&self, row: Option<u64>, error: helenus_types::DecodeError) -> ToolError {
        let path = self.data.descriptor().path(&Component::Data);
        SsTableError::corrupt(path, row.unwrap_or_default(), error.expected, error.found).into()
    }
}
