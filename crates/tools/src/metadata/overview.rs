//! The results of a scan of the rows (`SSTableMetadataViewer.printScannedOverview`).

use helenus_rows::{CellEvent, Header, RowRef, Unfiltered, UnfilteredStream};
use helenus_sstable::{Component, DataFile, SsTableError};

/// Counts over all rows, and the partitions that stand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Uncompressed bytes of the data.
    pub bytes: u64,
    /// Partitions.
    pub partitions: u64,
    /// Rows, static ones among them.
    pub rows: u64,
    /// Partition deletions, range tombstone markers and cells that are tombstones. Row deletions
    /// don't count, nor do tombstones in static rows: as in Cassandra's tool.
    pub tombstones: u64,
    /// Cells of rows that are not static.
    pub cells: u64,
    /// Partitions with the most rows, the widest first.
    pub widest: Vec<TopPartition>,
    /// Partitions with the most bytes of rows, as Cassandra counts them in memory (`Row.dataSize`),
    /// the largest first.
    pub largest: Vec<TopPartition>,
    /// Partitions with the most tombstones, and at least one.
    pub most_tombstones: Vec<TopPartition>,
}

/// A partition that stands out. Of those with equal values the first ones in the table do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopPartition {
    /// Its raw key.
    pub key: Vec<u8>,
    /// Its rows, bytes or tombstones.
    pub value: u64,
}

/// Partitions of each kind that are kept.
const TOP: usize = 5;

/// The counts of a partition.
#[derive(Default)]
struct Counts {
    rows: u64,
    bytes: u64,
    tombstones: u64,
}

/// Reads all rows. `at` gets the position in the uncompressed data after each partition.
///
/// # Errors
/// Damage or a failed read.
pub fn overview(data: &DataFile, at: &mut dyn FnMut(u64)) -> Result<Overview, SsTableError> {
    let mut overview = Overview { bytes: data.data_len(), ..Overview::default() };
    let mut scan = data.scan();
    while scan.next_partition()? {
        let mut counts = Counts::default();
        let damaged = |position: u64, error: helenus_types::DecodeError| {
            SsTableError::new(data.descriptor().path(&Component::Data), error.shifted(position))
        };
        let start = scan.partition_position();
        if let Some(row) = scan.static_row() {
            counts.rows += 1;
            counts.bytes += row_size(data.header(), row).map_err(|error| damaged(start, error))?.bytes;
        }
        counts.tombstones += u64::from(!scan.partition().deletion.is_live());
        while scan.advance()? {
            let (Some(unfiltered), Some(position)) = (scan.current(), scan.current_position()) else {
                unreachable!("a scan that advanced stands at a row or marker")
            };
            match unfiltered {
                Unfiltered::Row(row) => {
                    let size = row_size(data.header(), row).map_err(|error| damaged(position, error))?;
                    counts.rows += 1;
                    counts.bytes += size.bytes;
                    counts.tombstones += size.tombstones;
                    overview.cells += size.cells;
                }
                Unfiltered::Marker(_) => counts.tombstones += 1,
            }
        }
        overview.partitions += 1;
        overview.rows += counts.rows;
        overview.tombstones += counts.tombstones;
        let key = scan.partition().key;
        keep(&mut overview.widest, key, counts.rows);
        keep(&mut overview.largest, key, counts.bytes);
        if counts.tombstones > 0 {
            keep(&mut overview.most_tombstones, key, counts.tombstones);
        }
        at(scan.position());
    }
    Ok(overview)
}

fn keep(top: &mut Vec<TopPartition>, key: &[u8], value: u64) {
    let place = top.partition_point(|kept| kept.value >= value);
    if place < TOP {
        top.insert(place, TopPartition { key: key.to_vec(), value });
        top.truncate(TOP);
    }
}

struct RowSize {
    bytes: u64,
    cells: u64,
    tombstones: u64,
}

/// A row's size in Cassandra's memory: `BTreeRow.dataSize` and what it sums up.
fn row_size(header: &Header, row: RowRef<'_>) -> Result<RowSize, helenus_types::DecodeError> {
    /// `LivenessInfo`: a timestamp; and with a TTL that and when it expires.
    const LIVENESS: u64 = 8;
    const EXPIRING: u64 = 8 + 4 + 8;
    /// `Row.Deletion` is a `DeletionTime` and a flag, also when there is none.
    const DELETION: u64 = 12;
    const ROW_DELETION: u64 = DELETION + 1;
    /// `Cell`: timestamp, TTL, local deletion time.
    const CELL: u64 = 8 + 4 + 8;
    let mut size = RowSize { bytes: ROW_DELETION, cells: 0, tombstones: 0 };
    if !row.is_static() {
        let values = header.clustering.components(row.clustering, header.clustering.len());
        size.bytes += values.map(|value| value.map_or(0, |value| value.len() as u64)).sum::<u64>();
    }
    let mut cells = row.cells()?;
    size.bytes += if cells.liveness().is_expiring() { EXPIRING } else { LIVENESS };
    while let Some(event) = cells.next()? {
        match event {
            CellEvent::Complex { .. } => size.bytes += DELETION,
            CellEvent::Simple { cell, .. } | CellEvent::Element { cell, .. } => {
                size.bytes += CELL + (cell.value.len() + cell.path.len()) as u64;
                size.cells += 1;
                size.tombstones += u64::from(cell.is_tombstone());
            }
        }
    }
    Ok(size)
}
