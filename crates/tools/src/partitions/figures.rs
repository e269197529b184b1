//! The figures of a partition and of a table, and their limits.

use helenus_rows::{Cell, CellEvent, LivenessInfo, PartitionRef, Unfiltered};
use helenus_sstable::{DataFile, Descriptor, EstimatedHistogram};
use helenus_types::{DecodeError, Type};

/// The figures of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionFigures {
    /// Its raw key.
    pub key: Vec<u8>,
    /// Its key as `sstabledump` prints it, the values of one with several columns between colons.
    pub key_text: String,
    /// Whether the partition as a whole is not deleted.
    pub is_live: bool,
    /// Where it begins in the uncompressed data.
    pub offset: u64,
    /// Its uncompressed bytes.
    pub size: u64,
    /// Its rows but for the static one, dead ones among them.
    pub rows: u64,
    /// Their cells.
    pub cells: u64,
    /// Rows that were deleted.
    pub row_tombstones: u64,
    /// Markers of range deletions: two for a range, one where two ranges meet.
    pub range_tombstones: u64,
    /// Deletions of whole collections.
    pub complex_tombstones: u64,
    /// Cells that were deleted.
    pub cell_tombstones: u64,
    /// Rows whose marker has expired.
    pub expired_rows: u64,
    /// Cells that have expired, but for those with the ttl of their row's marker.
    pub expired_cells: u64,
}

impl PartitionFigures {
    /// The figures of a partition before anything is counted.
    pub(super) fn new(key_type: &Type, partition: &PartitionRef<'_>) -> PartitionFigures {
        let mut key_text = String::new();
        helenus_sstable::push_key_text(key_type, partition.key, &mut key_text);
        PartitionFigures {
            key: partition.key.to_vec(),
            key_text,
            is_live: partition.deletion.is_live(),
            offset: 0,
            size: 0,
            rows: 0,
            cells: 0,
            row_tombstones: 0,
            range_tombstones: 0,
            complex_tombstones: 0,
            cell_tombstones: 0,
            expired_rows: 0,
            expired_cells: 0,
        }
    }

    /// Tombstones of all kinds, and what has become one by expiring.
    #[must_use]
    pub fn tombstones(&self) -> u64 {
        self.row_tombstones
            + self.range_tombstones
            + self.complex_tombstones
            + self.cell_tombstones
            + self.expired_rows
            + self.expired_cells
    }

    pub(super) fn add(&mut self, unfiltered: &Unfiltered<'_>, now_s: u32) -> Result<(), DecodeError> {
        let Unfiltered::Row(row) = unfiltered else {
            self.range_tombstones += 1;
            return Ok(());
        };
        let mut cells = row.cells()?;
        let liveness = cells.liveness();
        self.rows += 1;
        self.row_tombstones += u64::from(!cells.deletion().is_live());
        let has_expired =
            !liveness.is_empty() && liveness.is_expiring() && liveness.local_expiration_time.0 < now_s;
        self.expired_rows += u64::from(has_expired);
        while let Some(event) = cells.next()? {
            match event {
                CellEvent::Simple { cell, .. } | CellEvent::Element { cell, .. } => {
                    self.cell(&liveness, &cell, now_s);
                }
                CellEvent::Complex { deletion, .. } => {
                    self.complex_tombstones += u64::from(!deletion.is_live());
                }
            }
        }
        Ok(())
    }

    fn cell(&mut self, liveness: &LivenessInfo, cell: &Cell<'_>, now_s: u32) {
        self.cells += 1;
        self.cell_tombstones += u64::from(cell.is_tombstone());
        let expires_alone = cell.is_expiring() && (liveness.is_empty() || cell.ttl != liveness.ttl);
        self.expired_cells += u64::from(expires_alone && !cell.is_live(now_s));
    }
}

/// The figures of a table's partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFigures {
    /// The table.
    pub table: Descriptor,
    /// Uncompressed bytes of its data.
    pub data_len: u64,
    /// Bytes of its Data.db.
    pub file_len: u64,
    /// Uncompressed bytes of partitions.
    pub sizes: Distribution,
    /// Rows of partitions.
    pub rows: Distribution,
    /// Cells of partitions.
    pub cells: Distribution,
    /// Tombstones of partitions.
    pub tombstones: Distribution,
}

impl TableFigures {
    pub(super) fn new(data: &DataFile) -> TableFigures {
        let counts = Distribution::new(EstimatedHistogram::for_cell_counts());
        TableFigures {
            table: data.descriptor().clone(),
            data_len: data.data_len(),
            file_len: data.file_len(),
            sizes: Distribution::new(EstimatedHistogram::for_partition_sizes()),
            rows: counts.clone(),
            cells: counts.clone(),
            tombstones: counts,
        }
    }

    pub(super) fn add(&mut self, figures: &PartitionFigures) {
        self.sizes.add(figures.size);
        self.rows.add(figures.rows);
        self.cells.add(figures.cells);
        self.tombstones.add(figures.tombstones());
    }
}

/// The distribution of a figure over partitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    histogram: EstimatedHistogram,
    /// The number of zeros, which the histogram would count as 1.
    zeros: u64,
    /// The smallest and the largest.
    ends: Option<(u64, u64)>,
}

impl Distribution {
    fn new(histogram: EstimatedHistogram) -> Distribution {
        Distribution { histogram, zeros: 0, ends: None }
    }

    fn add(&mut self, figure: u64) {
        if figure == 0 {
            self.zeros += 1;
        } else {
            self.histogram.add(figure);
        }
        let (min, max) = self.ends.unwrap_or((figure, figure));
        self.ends = Some((min.min(figure), max.max(figure)));
    }

    /// How many partitions there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zeros.saturating_add(self.histogram.count())
    }

    /// The smallest figure; 0 if there is none.
    #[must_use]
    pub fn min(&self) -> u64 {
        self.ends.map_or(0, |(min, _)| min)
    }

    /// The largest figure; 0 if there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.ends.map_or(0, |(_, max)| max)
    }

    /// A figure, up to a fifth too large, that `thousandths` thousandths of the partitions don't
    /// exceed; 0 if there are none.
    #[must_use]
    pub fn per_mille(&self, thousandths: u64) -> u64 {
        let wanted = u128::from(self.count()) * u128::from(thousandths);
        let mut seen = u128::from(self.zeros) * 1000;
        if seen >= wanted {
            return 0;
        }
        let mut buckets = self.histogram.buckets();
        let found = buckets.find(|(_, count)| {
            seen += u128::from(*count) * 1000;
            seen >= wanted
        });
        // Above all buckets the largest is all that is known.
        found.and_then(|(end, _)| end).unwrap_or_else(|| self.max())
    }
}

#[cfg(test)]
mod tests {
    use helenus_rows::DeletionTime;
    use helenus_types::{LocalDeletionTime, Timestamp, Token};

    use super::*;

    #[test]
    fn cells_that_expire_with_their_row_count_once() {
        let partition = PartitionRef { token: Token(0), key: &[0, 0, 0, 1], deletion: DeletionTime::LIVE };
        let mut figures = PartitionFigures::new(&Type::Int, &partition);
        let at = Timestamp(1);
        let row = LivenessInfo::expiring(at, 10, LocalDeletionTime(100));
        let cell = |ttl| Cell::expiring(at, ttl, LocalDeletionTime(100), &[]);
        for (liveness, cell) in [(row, cell(10)), (row, cell(11)), (LivenessInfo::EMPTY, cell(10))] {
            figures.cell(&liveness, &cell, 99);
            figures.cell(&liveness, &cell, 100);
        }
        figures.cell(&row, &Cell::live(at, &[]), 100);
        figures.cell(&row, &Cell::tombstone(at, LocalDeletionTime(5)), 4);
        assert_eq!((figures.cells, figures.expired_cells, figures.cell_tombstones), (8, 2, 1));
        assert_eq!((figures.tombstones(), figures.key_text.as_str()), (3, "1"));
    }

    #[test]
    fn zeros_and_parts_of_a_thousand() {
        let mut figures = Distribution::new(EstimatedHistogram::with_offsets(20));
        assert_eq!((figures.per_mille(500), figures.min(), figures.max()), (0, 0, 0));
        for figure in [0, 0, 0, 5, 9, 11, 13, 70, 71, 100] {
            figures.add(figure);
        }
        let parts = [1, 300, 301, 400, 500, 900].map(|part| figures.per_mille(part));
        assert_eq!(parts, [0, 0, 5, 5, 10, 72]);
        // After the last bucket.
        assert_eq!((figures.per_mille(901), figures.per_mille(1000)), (100, 100));
        assert_eq!((figures.count(), figures.min(), figures.max()), (10, 0, 100));
    }
}
