//! Scans that report their progress.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_rows::{Header, PartitionRef, RowRef, StreamError, Unfiltered, UnfilteredStream};
use helenus_sstable::Scan;

/// The progress of a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Uncompressed bytes of the inputs' rows that were read.
    pub bytes_read: u64,
    /// All of them.
    pub bytes_total: u64,
}

/// Receives a tool's progress, every few thousand rows and partitions; may stop it.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Gathers how far all scans of a run are.
pub(crate) struct Meter<'a> {
    report: RefCell<OnProgress<'a>>,
    progress: Cell<Progress>,
    is_stopped: Cell<bool>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(bytes_total: u64, report: OnProgress<'a>) -> Meter<'a> {
        Meter {
            report: RefCell::new(report),
            progress: Cell::new(Progress { bytes_read: 0, bytes_total }),
            is_stopped: Cell::new(false),
        }
    }

    /// Whether scans break because the caller stopped the run.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.get()
    }

    /// Counts `bytes` more as read.
    pub(crate) fn add(&self, bytes: u64) -> ControlFlow<()> {
        let mut progress = self.progress.get();
        progress.bytes_read += bytes;
        self.progress.set(progress);
        let told = (self.report.borrow_mut())(progress);
        self.is_stopped.set(self.is_stopped.get() || told.is_break());
        told
    }
}

/// Positions in the data that grow: says when to report one.
#[derive(Default)]
pub(crate) struct Steps {
    told: u64,
}

impl Steps {
    /// Uncompressed bytes between two reports.
    const LEN: u64 = 4 << 20;

    /// Bytes since the last report, if another one is due.
    pub(crate) fn due(&mut self, position: u64) -> Option<u64> {
        (position >= self.told + Steps::LEN).then(|| self.all(position))
    }

    /// Bytes since the last report.
    pub(crate) fn all(&mut self, position: u64) -> u64 {
        let since = position.saturating_sub(self.told);
        self.told = position;
        since
    }
}

/// A scan whose reader reports to a meter.
pub(crate) struct Watched<'m, 'a> {
    scan: Scan,
    meter: &'m Meter<'a>,
    /// Up to where the scan was reported.
    told: u64,
    /// Steps until the next report; the first one reports.
    left: u32,
}

/// Partitions, rows and markers between two reports.
const STEPS: u32 = 4096;

impl<'m, 'a> Watched<'m, 'a> {
    pub(crate) fn new(scan: Scan, meter: &'m Meter<'a>) -> Watched<'m, 'a> {
        Watched { told: scan.position(), scan, meter, left: 1 }
    }

    #[inline]
    fn step(&mut self) -> Result<(), StreamError> {
        self.left -= 1;
        if self.left == 0 { self.tell() } else { Ok(()) }
    }

    #[cold]
    fn tell(&mut self) -> Result<(), StreamError> {
        self.left = STEPS;
        let position = self.scan.position();
        let told = self.meter.add(position - self.told);
        self.told = position;
        if told.is_break() {
            return Err(StreamError::new(std::io::Error::from(std::io::ErrorKind::Interrupted)));
        }
        Ok(())
    }
}

impl UnfilteredStream for Watched<'_, '_> {
    fn header(&self) -> &Arc<Header> {
        self.scan.header()
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.step()?;
        let found = UnfilteredStream::next_partition(&mut self.scan)?;
        if !found {
            self.tell()?;
        }
        Ok(found)
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
