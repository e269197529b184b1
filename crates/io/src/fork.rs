//! Recognises a forked child, which must not use its parent's locks and files.

use std::fmt;

/// The process in which something was made, distinguished from its forked children.
///
/// Memory, locks and open files look the same in a forked child, but its threads are gone, locks
/// that they held stay locked, and what it writes goes into its parent's files. So their owner
/// calls [`is_here`](Self::is_here) before each use. On Linux that is one load, of a page that the
/// kernel wipes in children. Elsewhere, and where the kernel can't do that, the process id is
/// compared, which is a system call (measured: 100 ns against 0.7).
pub struct OwnProcess {
    pid: u32,
    #[cfg(target_os = "linux")]
    page: Option<crate::map::WipedOnFork>,
}

impl OwnProcess {
    /// This process.
    #[must_use]
    pub fn here() -> Self {
        Self {
            pid: std::process::id(),
            #[cfg(target_os = "linux")]
            page: crate::map::WipedOnFork::new().ok(),
        }
    }

    /// Whether it is still that process, not a forked child.
    #[inline]
    #[must_use]
    pub fn is_here(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(page) = &self.page {
            return !page.is_wiped();
        }
        std::process::id() == self.pid
    }
}

impl fmt::Debug for OwnProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnProcess").field("pid", &self.pid).finish_non_exhaustive()
    }
}
