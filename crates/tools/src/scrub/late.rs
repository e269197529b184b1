//! Gathers partitions and rows that are out of order, to write them in order.

use helenus_compaction::MultiWriter;
use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, DeletionTime, Direction, Header, MarkerRef, PartitionRef,
    Position, PositionKind, RangeTombstoneList, RowBuf, RowMerger, RowRef, Slice, StreamError, Unfiltered,
    merge_rows,
};

use crate::error::ToolError;
use crate::rewrite::StagedOutputs;

/// The most bytes that are gathered before they are written into an output of their own.
pub(super) const MAX_GATHERED_BYTES: usize = 24 << 20;

/// The memory of a row besides its bytes.
const ROW_OVERHEAD_BYTES: usize = size_of::<RowBuf>();

/// Rows and range deletions of a partition, in any order.
#[derive(Debug)]
pub(super) struct Gathered {
    key: Vec<u8>,
    deletion: DeletionTime,
    static_row: Option<RowBuf>,
    rows: Vec<RowBuf>,
    ranges: RangeTombstoneList,
    /// The start of a range deletion whose end has not been read.
    open: Option<(OwnedBound, DeletionTime)>,
    bytes: usize,
}

#[derive(Debug)]
struct OwnedBound {
    kind: BoundKind,
    size: usize,
    values: Vec<u8>,
}

impl OwnedBound {
    fn bound(&self) -> Bound<'_> {
        Bound { kind: self.kind, size: self.size, values: &self.values }
    }
}

impl Gathered {
    pub(super) fn new(key: &[u8]) -> Gathered {
        Gathered {
            key: key.to_vec(),
            deletion: DeletionTime::LIVE,
            static_row: None,
            rows: Vec::new(),
            ranges: RangeTombstoneList::default(),
            open: None,
            bytes: key.len(),
        }
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.ranges.heap_len()
    }

    /// A new, empty one that continues after this one, which is full, is written.
    pub(super) fn rest(&self) -> Gathered {
        let open = self.open.as_ref().map(|(start, deletion)| {
            let OwnedBound { kind, size, values } = start;
            (OwnedBound { kind: *kind, size: *size, values: values.clone() }, *deletion)
        });
        Gathered { open, ..Gathered::new(&self.key) }
    }

    /// The head of the partition.
    pub(super) fn head(
        &mut self,
        deletion: DeletionTime,
        static_row: Option<RowRef<'_>>,
        header: &Header,
        merger: &mut RowMerger,
    ) -> Result<(), ToolError> {
        self.deletion = self.deletion.merge(deletion);
        let Some(row) = static_row else { return Ok(()) };
        let mut merged = RowBuf::default();
        let versions: Vec<RowRef<'_>> =
            self.static_row.iter().map(|row| row.as_ref(header)).chain([row]).collect();
        let is_left = merge_rows(merger, &versions, DeletionTime::LIVE, header, &mut merged);
        if is_left.map_err(StreamError::from)? {
            self.bytes += merged.body.len();
            self.static_row = Some(merged);
        }
        Ok(())
    }

    pub(super) fn row(&mut self, row: RowRef<'_>) {
        let mut owned = RowBuf::default();
        owned.assign(row);
        self.bytes += ROW_OVERHEAD_BYTES + owned.clustering.len() + owned.body.len();
        self.rows.push(owned);
    }

    /// A range deletion is open from a position on.
    pub(super) fn open_at(&mut self, position: Position<'_>, deletion: DeletionTime) {
        let side =
            if position.kind == PositionKind::After { PositionKind::After } else { PositionKind::Before };
        let start = OwnedBound {
            kind: BoundKind::start(side),
            size: position.size,
            values: position.values.to_vec(),
        };
        self.open = (!deletion.is_live()).then_some((start, deletion));
    }

    pub(super) fn marker(&mut self, marker: &MarkerRef<'_>, clustering: &ClusteringComparator) {
        if let Some((start, deletion)) = self.open.take() {
            self.ranges.add(start.bound(), marker.bound, deletion, clustering);
        }
        self.open_at(marker.bound.position(), marker.open);
    }

    /// Nothing more comes; a range deletion without end deletes nothing.
    pub(super) fn end(&mut self) {
        self.open = None;
    }

    /// Writes it as a partition, rows of the same clustering merged; how many rows and markers.
    pub(super) fn write(
        &mut self,
        writer: &mut MultiWriter,
        outputs: &mut StagedOutputs<'_>,
        header: &Header,
        merger: &mut RowMerger,
    ) -> Result<u64, ToolError> {
        let clustering = &header.clustering;
        self.rows.sort_by(|a, b| clustering.compare_rows(&a.clustering, &b.clustering));
        let token = header.partitioner.prefix(&self.key);
        let partition = PartitionRef { token, key: &self.key, deletion: self.deletion };
        let static_row = self.static_row.as_ref().map(|row| row.as_ref(header));
        writer.start_partition(outputs, partition, static_row)?;
        let mut written = u64::from(static_row.is_some());
        let mut markers = self.ranges.markers(Slice::ALL, Direction::Forward, clustering).peekable();
        let mut merged = RowBuf::default();
        let same = |a: &RowBuf, b: &RowBuf| clustering.compare_rows(&a.clustering, &b.clustering).is_eq();
        for versions in self.rows.chunk_by(same) {
            let rows: Vec<RowRef<'_>> = versions.iter().map(|row| row.as_ref(header)).collect();
            let Some(first) = rows.first() else { continue };
            while let Some(marker) = markers
                .next_if(|marker| clustering.compare(marker.bound.position(), first.position()).is_lt())
            {
                writer.append(Unfiltered::Marker(marker))?;
                written += 1;
            }
            let is_left = merge_rows(merger, &rows, DeletionTime::LIVE, header, &mut merged);
            if is_left.map_err(StreamError::from)? {
                writer.append(Unfiltered::Row(merged.as_ref(header)))?;
                written += 1;
            }
        }
        for marker in markers {
            writer.append(Unfiltered::Marker(marker))?;
            written += 1;
        }
        writer.end_partition()?;
        Ok(written)
    }
}
