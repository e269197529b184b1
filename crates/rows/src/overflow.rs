//! Local deletion times that overflowed: in files of before 3.0.16 and 3.11.2 an expiration past
//! 2038-01-19T03:14:06Z is a negative number (CASSANDRA-14092), and a deletion's can be one too
//! (CASSANDRA-17506).
//!
//! They are read as [`LocalDeletionTime::INVALID`]. Cassandra takes such a row for damaged, or on
//! request (`scrub --reinsert-overflowed-ttl`) writes it anew, to expire in the last second that
//! the old form can hold.

use helenus_types::{DecodeError, LocalDeletionTime, Timestamp};

use crate::cell::Cell;
use crate::codec::{RowBuf, RowBuilder, RowRef};
use crate::deletion::DeletionTime;
use crate::header::Capabilities;
use crate::liveness::LivenessInfo;
use crate::retime::{Retime, encode_retimed};

impl DeletionTime {
    /// Whether its local time overflowed.
    pub fn is_overflowed(&self) -> bool {
        !self.is_live() && self.local_deletion_time == LocalDeletionTime::INVALID
    }
}

impl RowRef<'_> {
    /// Whether a local time in it overflowed.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn is_overflowed(&self) -> Result<bool, DecodeError> {
        let mut is_overflowed = false;
        self.deletion_times(|time| is_overflowed |= time == LocalDeletionTime::INVALID)?;
        Ok(is_overflowed)
    }
}

/// Sets local deletion times that overflowed to the last second that the old form can hold, and
/// counts the changes.
///
/// What expires gets a timestamp that is one higher, as in Cassandra: it wins over the tombstone
/// that a compaction may have made of it. A deletion keeps its timestamp, and so what it deletes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OverflowMender {
    /// Deletions, livenesses and cells that were changed.
    pub mended: u64,
}

impl OverflowMender {
    /// The deletion, mended.
    pub fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime {
        if !deletion.is_overflowed() {
            return deletion;
        }
        self.mended += 1;
        DeletionTime { local_deletion_time: latest(), ..deletion }
    }

    /// Encodes `row`, mended, into `out`, against its own header.
    ///
    /// # Errors
    /// Where the bytes are not a row's. Offsets count from the start of the body.
    pub fn row(
        &mut self,
        row: RowRef<'_>,
        builder: &mut RowBuilder,
        out: &mut RowBuf,
    ) -> Result<(), DecodeError> {
        encode_retimed(row, self, builder, out)
    }
}

impl Retime for OverflowMender {
    fn liveness(&mut self, liveness: LivenessInfo) -> LivenessInfo {
        if !liveness.is_expiring() || liveness.local_expiration_time != LocalDeletionTime::INVALID {
            return liveness;
        }
        self.mended += 1;
        LivenessInfo { timestamp: later(liveness.timestamp), local_expiration_time: latest(), ..liveness }
    }

    fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime {
        OverflowMender::deletion(self, deletion)
    }

    fn cell<'a>(&mut self, cell: Cell<'a>) -> Cell<'a> {
        if cell.local_deletion_time != LocalDeletionTime::INVALID {
            return cell;
        }
        self.mended += 1;
        let timestamp = if cell.is_expiring() { later(cell.timestamp) } else { cell.timestamp };
        Cell { timestamp, local_deletion_time: latest(), ..cell }
    }
}

fn latest() -> LocalDeletionTime {
    Capabilities::LEGACY.latest_deletion_time()
}

fn later(timestamp: Timestamp) -> Timestamp {
    Timestamp(timestamp.0.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use helenus_types::{Partitioner, Type};

    use super::*;
    use crate::clustering::ClusteringComparator;
    use crate::codec::CellEvent;
    use crate::header::{Column, Columns, EncodingBase, Header};

    #[test]
    fn what_overflowed_expires_in_the_last_second() {
        let header = Header {
            base: EncodingBase::EPOCH,
            key_type: Type::Int,
            partitioner: Partitioner::Murmur3,
            clustering: ClusteringComparator::new(Vec::new()),
            statics: Columns::empty(),
            regulars: Columns::new(vec![Column::new("v", Type::Blob), Column::new("w", Type::Blob)]),
            capabilities: Capabilities::LEGACY,
        };
        let (mut builder, mut row, mut mended) =
            (RowBuilder::default(), RowBuf::default(), RowBuf::default());
        let at = Timestamp(1_700_000_000_000_000);
        // Written as the negative number that an old release computed.
        let negative = LocalDeletionTime(0x8000_0001);
        builder.start(LivenessInfo::expiring(at, 60, negative), DeletionTime::LIVE, false);
        builder.simple(&header, &header.regulars, 0, &Cell::expiring(at, 60, negative, b"x"));
        builder.simple(&header, &header.regulars, 1, &Cell::live(at, b"y"));
        builder.finish(&header, false, &mut row);
        assert!(row.as_ref(&header).is_overflowed().unwrap());

        let mut mender = OverflowMender::default();
        mender.row(row.as_ref(&header), &mut builder, &mut mended).unwrap();
        assert_eq!(mender.mended, 2);
        assert!(!mended.as_ref(&header).is_overflowed().unwrap());
        let mended = mended.as_ref(&header);
        let mut cells = mended.cells().unwrap();
        let (later, last) = (Timestamp(at.0 + 1), LocalDeletionTime(0x7fff_fffe));
        assert_eq!(cells.liveness(), LivenessInfo::expiring(later, 60, last));
        let event = CellEvent::Simple { column: 0, cell: Cell::expiring(later, 60, last, b"x") };
        assert_eq!(cells.next().unwrap(), Some(event));
        assert_eq!(cells.next().unwrap(), Some(CellEvent::Simple { column: 1, cell: Cell::live(at, b"y") }));

        let deletion = DeletionTime::new(at, LocalDeletionTime::INVALID);
        assert!(deletion.is_overflowed());
        assert_eq!(mender.deletion(deletion), DeletionTime::new(at, last));
        assert_eq!(mender.mended, 3);
        assert_eq!((mender.deletion(DeletionTime::LIVE), mender.mended), (DeletionTime::LIVE, 3));
    }
}
