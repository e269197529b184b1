//! The one place of `unsafe`: a page that distinguishes forked children.

#![expect(
    unsafe_code,
    reason = "measured: getpid(2) costs 100 ns for each read and write, a load of a page that is wiped in children 0.7 ns"
)]

use std::io;

use memmap2::{Mmap, MmapMut};

/// A page of memory whose only byte that counts is 1, and 0 in forked children.
pub(crate) struct WipedOnFork {
    page: Mmap,
}

impl WipedOnFork {
    pub(crate) fn new() -> io::Result<Self> {
        const LEN: usize = 1;
        let mut page = MmapMut::map_anon(LEN)?;
        if let Some(first) = page.first_mut() {
            *first = 1;
        }
        // SAFETY: the range is a private anonymous map of our own, which is what the advice asks
        // for. It changes nothing in this process. In a child the page reads as zeros: a change
        // between two calls of the program, through `fork`, while no reference to the page lives
        // (`is_wiped` lends none).
        unsafe {
            rustix::mm::madvise(page.as_mut_ptr().cast(), LEN, rustix::mm::Advice::LinuxWipeOnFork)?;
        }
        Ok(Self { page: page.make_read_only()? })
    }

    #[inline]
    pub(crate) fn is_wiped(&self) -> bool {
        self.page.first() != Some(&1)
    }
}
