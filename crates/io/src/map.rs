//! The one place of `unsafe`: a page that distinguishes forked children.

#![expect(
    unsafe_code,
    reason = "measured: getpid(2) costs 100 ns for each read and write, a load of a page that is wiped in children 0.7 ns"
)]

use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// The kernel makes a page of it.
const LEN: usize = 1;

/// A page of memory whose only byte that counts is 1, and 0 in forked children.
pub(crate) struct WipedOnFork {
    /// The page's first byte. The page is mapped until this is dropped, and nothing else refers to
    /// it.
    first: NonNull<AtomicU8>,
}

// SAFETY: the page is owned, as by a box, and belongs to no thread.
unsafe impl Send for WipedOnFork {}
// SAFETY: what is shared is an atomic, which is only loaded.
unsafe impl Sync for WipedOnFork {}

impl WipedOnFork {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: with no address asked for, the kernel maps where nothing is.
        let mapped = unsafe {
            mmap_anonymous(null_mut(), LEN, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?
        };
        let Some(first) = NonNull::new(mapped.cast::<AtomicU8>()) else {
            return Err(io::Error::other("a page was mapped at no address"));
        };
        // From here on it is unmapped when this goes.
        let page = Self { first };
        // SAFETY: the range is a private anonymous map of our own, which is what the advice asks
        // for. It changes nothing in this process. In a child the page reads as zeros: a change
        // between two calls of the program, through `fork`, and no assumption about an atomic's
        // value outlives a call.
        unsafe { madvise(mapped, LEN, Advice::LinuxWipeOnFork)? };
        page.byte().store(1, Relaxed);
        Ok(page)
    }

    #[inline]
    pub(crate) fn is_wiped(&self) -> bool {
        self.byte().load(Relaxed) != 1
    }

    #[inline]
    fn byte(&self) -> &AtomicU8 {
        // SAFETY: a mapped page is aligned, and its bytes are zeros or what was stored, each of
        // them a valid value. It stays mapped as long as `self`, from which the reference is
        // borrowed.
        unsafe { self.first.as_ref() }
    }
}

impl Drop for WipedOnFork {
    fn drop(&mut self) {
        // SAFETY: it is what was mapped, and all references to it were borrowed from `self`.
        let unmapped = unsafe { munmap(self.first.as_ptr().cast(), LEN) };
        debug_assert!(unmapped.is_ok(), "a whole map of our own can be unmapped: {unmapped:?}");
    }
}
