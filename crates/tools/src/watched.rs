//! A stream that tells how far it is.

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_rows::{Header, PartitionRef, RowRef, StreamError, Unfiltered, UnfilteredStream};
use helenus_sstable::Scan;

/// How far a tool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Uncompressed bytes of the inputs' rows that were read.
    pub bytes_read: u64,
    /// All of them.
    pub bytes_total: u64,
}

/// Told how far a tool is, every few thousand rows and partitions; may stop it.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// A scan whose reader reports.
pub(crate) struct Watched<'a> {
    scan: Scan,
    /// Bytes of the inputs before this one, and of all.
    before: Progress,
    report: OnProgress<'a>,
    /// Steps until the next report; the first one reports.
    left: u32,
    /// Whether the caller stopped it.
    is_stopped: bool,
}

/// Partitions, rows and markers between two reports.
const STEPS: u32 = 4096;

impl<'a> Watched<'a> {
    pub(crate) fn new(scan: Scan, before: Progress, report: OnProgress<'a>) -> Watched<'a> {
        Watched { scan, before, report, left: 1, is_stopped: false }
    }

    /// Whether it broke because the caller stopped it.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    #[inline]
    fn step(&mut self) -> Result<(), StreamError> {
        self.left -= 1;
        if self.left == 0 { self.tell() } else { Ok(()) }
    }

    #[cold]
    fn tell(&mut self) -> Result<(), StreamError> {
        self.left = STEPS;
        let bytes_read = self.before.bytes_read + self.scan.position();
        if (self.report)(Progress { bytes_read, ..self.before }).is_break() {
            self.is_stopped = true;
            return Err(StreamError::new(std::io::Error::from(std::io::ErrorKind::Interrupted)));
        }
        Ok(())
    }
}

impl UnfilteredStream for Watched<'_> {
    fn header(&self) -> &Arc<Header> {
        self.scan.header()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.step()?;
        UnfilteredStream::next_partition(&mut self.scan)
    }

    fn partition(&self) -> PartitionRef<'_> {
        self.scan.partition()
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.scan.static_row()
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, StreamError> {
        self.step()?;
        UnfilteredStream::advance(&mut self.scan)
    }

    #[inline]
    fn current(&self) -> Option<Unfiltered<'_>> {
        self.scan.current()
    }
}
