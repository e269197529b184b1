//! Compares what two sets of SSTables say.
//!
//! Each side is merged over its tables, so that how data is spread over generations, versions and
//! compressions makes no difference: a table equals its conversion, and the inputs of a compaction
//! its output. Rows are compared cell by cell with all their times. Range deletions are compared by
//! what they cover, not by how they are cut.
//!
//! Cassandra has no such tool in its release; `cassandra-diff` compares what two clusters answer.

mod difference;
mod header;
mod rows;
mod text;

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    DeletionTime, Header, Merge, PartitionRef, Purge, PurgeOptions, Purgeable, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{DataFile, Descriptor, PageVerification};
use helenus_types::{Partitioner, Side, decorated_key_comparable};

pub use self::difference::{Difference, Place, RowName, RowPart};
use self::rows::RowComparison;
use crate::error::ToolError;
use crate::watched::{Meter, OnProgress, Watched};

/// The view of both sides that is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Everything, as it was written.
    #[default]
    Exact,
    /// Everything, but what has expired by that second since 1970 is what a compaction makes of it:
    /// a tombstone.
    Expired(u32),
    /// What is alive at that second. Deletions count by what they delete on their own side, and are
    /// left out themselves.
    Live(u32),
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffSummary {
    /// Partitions of either side.
    pub partitions: u64,
    /// Rows of either side.
    pub rows: u64,
    /// Differences that were reported.
    pub differences: u64,
    /// Whether the caller stopped the comparison.
    pub is_stopped: bool,
}

/// Compares two sets of SSTables of one table, and reports each difference to `told`, in the order
/// of partitions and rows. `told` may stop the comparison.
///
/// # Errors
/// When an input is damaged or can't be read, or tables have different keys.
pub fn diff(
    disk: &Arc<dyn Disk>,
    left: &[Descriptor],
    right: &[Descriptor],
    view: View,
    told: &mut dyn FnMut(Difference) -> ControlFlow<()>,
    progress: OnProgress<'_>,
) -> Result<DiffSummary, ToolError> {
    let open = |tables: &[Descriptor]| -> Result<Vec<DataFile>, ToolError> {
        tables.iter().map(|table| Ok(DataFile::open(disk, table, PageVerification::Check)?)).collect()
    };
    let sides = [open(left)?, open(right)?];
    let mut teller = Teller { told, summary: DiffSummary::default() };
    let common = header::common(&sides)?;
    for difference in common.differences {
        if teller.tell(difference).is_break() {
            return Ok(teller.summary);
        }
    }
    let meter = Meter::new(sides.iter().flatten().map(DataFile::data_len).sum(), progress);
    let [left, right] = sides.each_ref().map(|side| stream(side, &common.header, view, &meter));
    let mut comparison = Comparison {
        partitioner: common.partitioner,
        rows: RowComparison::new(&common.header),
        header: common.header,
        left,
        right,
        teller,
        open: [DeletionTime::LIVE; 2],
    };
    match comparison.run() {
        // A requested stop is no failure.
        Ok(ControlFlow::Continue(()) | ControlFlow::Break(())) => Ok(comparison.teller.summary),
        Err(_) if meter.is_stopped() => Err(ToolError::Stopped),
        Err(error) => Err(error),
    }
}

type Stream<'m, 'a> = Purge<Merge<Watched<'m, 'a>>, fn(&PartitionRef<'_>) -> Purgeable>;

/// All tables of a side as one stream in which no partition is empty.
fn stream<'m, 'a>(
    files: &[DataFile],
    header: &Arc<Header>,
    view: View,
    meter: &'m Meter<'a>,
) -> Stream<'m, 'a> {
    let scans = files.iter().map(|file| Watched::new(file.scan(), meter)).collect();
    let merge = Merge::new(Arc::clone(header), scans, &[]);
    let options = |now, gc_before| PurgeOptions { now, gc_before, strict_liveness: false };
    let nothing: fn(&PartitionRef<'_>) -> Purgeable = |_| Purgeable::Nothing;
    match view {
        View::Exact => Purge::new(merge, options(0, 0), nothing),
        View::Expired(now) => Purge::new(merge, options(now, 0), nothing),
        View::Live(now) => Purge::new(merge, options(now, u32::MAX), |_| Purgeable::All),
    }
}

struct Teller<'a> {
    told: &'a mut dyn FnMut(Difference) -> ControlFlow<()>,
    summary: DiffSummary,
}

impl Teller<'_> {
    fn tell(&mut self, difference: Difference) -> ControlFlow<()> {
        self.summary.differences += 1;
        let goes_on = (self.told)(difference);
        self.summary.is_stopped |= goes_on.is_break();
        goes_on
    }
}

struct Comparison<'m, 'a> {
    partitioner: Partitioner,
    header: Arc<Header>,
    rows: RowComparison,
    left: Stream<'m, 'a>,
    right: Stream<'m, 'a>,
    teller: Teller<'a>,
    /// The range deletion that is open on each side.
    open: [DeletionTime; 2],
}

/// Goes on, or was stopped.
type Flow = Result<ControlFlow<()>, ToolError>;

/// Returns where the caller stops the comparison.
macro_rules! go_on {
    ($flow:expr) => {
        if $flow.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    };
}

impl Comparison<'_, '_> {
    fn run(&mut self) -> Flow {
        let mut there = [self.left.next_partition()?, self.right.next_partition()?];
        loop {
            let order = match there {
                [false, false] => return Ok(ControlFlow::Continue(())),
                [true, false] => Ordering::Less,
                [false, true] => Ordering::Greater,
                [true, true] => self.order_of_partitions(),
            };
            self.teller.summary.partitions += 1;
            match order {
                Ordering::Equal => go_on!(self.partition()?),
                Ordering::Less => go_on!(self.lone_partition(true)),
                Ordering::Greater => go_on!(self.lone_partition(false)),
            }
            if order != Ordering::Greater {
                there[0] = self.left.next_partition()?;
            }
            if order != Ordering::Less {
                there[1] = self.right.next_partition()?;
            }
        }
    }

    fn order_of_partitions(&self) -> Ordering {
        let (left, right) = (self.left.partition(), self.right.partition());
        if left.key == right.key {
            return Ordering::Equal;
        }
        let comparable = |key: &[u8]| {
            let mut bytes = Vec::new();
            decorated_key_comparable(&self.partitioner, key, Side::At, &mut bytes);
            bytes
        };
        comparable(left.key).cmp(&comparable(right.key))
    }

    fn lone_partition(&mut self, is_left: bool) -> ControlFlow<()> {
        let partition = if is_left { self.left.partition() } else { self.right.partition() };
        let name = text::key(&self.header.key_type, partition.key);
        let what = Some("a partition".to_owned());
        let (left, right) = if is_left { (what, None) } else { (None, what) };
        self.teller.tell(Difference { partition: Some(name), place: Place::Partition, left, right })
    }

    /// Compares the partition in which both sides stand.
    fn partition(&mut self) -> Flow {
        let deletions = [self.left.partition().deletion, self.right.partition().deletion];
        if deletions[0] != deletions[1] {
            let [left, right] = deletions.map(text::deletion);
            go_on!(self.tell(Place::PartitionDeletion, left, right));
        }
        let rows = [self.left.static_row(), self.right.static_row()];
        if rows.iter().any(Option::is_some) {
            let found = self.rows.compare(rows)?;
            go_on!(self.tell_row(RowName::Static, found));
        }
        self.open = [DeletionTime::LIVE; 2];
        let mut there = [self.left.advance()?, self.right.advance()?];
        while there.contains(&true) {
            let order = match (self.left.current(), self.right.current()) {
                (Some(left), Some(right)) => {
                    self.header.clustering.compare(left.position(), right.position())
                }
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            go_on!(self.unfiltered(order)?);
            if order != Ordering::Greater {
                there[0] = self.left.advance()?;
            }
            if order != Ordering::Less {
                there[1] = self.right.advance()?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Compares what stands at the lower position, or on both sides if the positions are equal.
    fn unfiltered(&mut self, order: Ordering) -> Flow {
        let left = self.left.current().filter(|_| order != Ordering::Greater);
        let right = self.right.current().filter(|_| order != Ordering::Less);
        let row = |side| match side {
            Some(Unfiltered::Row(row)) => Some(row),
            _ => None,
        };
        let rows = [row(left), row(right)];
        if let Some(row) = rows[0].or(rows[1]) {
            self.teller.summary.rows += 1;
            let found = self.rows.compare(rows)?;
            if found.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            let name = RowName::At(text::clustering(&self.header, row.position()));
            return Ok(self.tell_row(name, found));
        }
        let mut at = None;
        for (side, open) in [left, right].into_iter().zip(&mut self.open) {
            if let Some(Unfiltered::Marker(marker)) = side {
                *open = marker.open;
                at = Some(marker.bound);
            }
        }
        match at {
            Some(bound) if self.open[0] != self.open[1] => {
                let place = Place::RangeDeletion(text::bound(&self.header, bound));
                let [left, right] = self.open.map(text::deletion);
                Ok(self.tell(place, left, right))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    fn tell_row(&mut self, name: RowName, found: Vec<rows::Found>) -> ControlFlow<()> {
        for rows::Found { part, left, right } in found {
            self.tell(Place::Row(name.clone(), part), left, right)?;
        }
        ControlFlow::Continue(())
    }

    fn tell(&mut self, place: Place, left: Option<String>, right: Option<String>) -> ControlFlow<()> {
        let partition = Some(text::key(&self.header.key_type, self.left.partition().key));
        self.teller.tell(Difference { partition, place, left, right })
    }
}
