//! The one place of `unsafe`: mapping a file of our own for writing, and a page that tells forked children.

#![expect(
    unsafe_code,
    reason = "a write(2) per log record costs 1.0 to 1.6 µs, a store into a map 12 ns; getpid(2) costs 40 ns and \
              more for each read and write, a load of a page that is wiped in children less than one"
)]

use std::fmt;
use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap, MmapMut, MmapOptions};

use crate::WritableMap;

pub(crate) struct FileMap {
    map: MmapMut,
}

impl FileMap {
    /// Maps the first `len` bytes of `file`, which is at least that long.
    pub(crate) fn new(file: &File, len: usize) -> io::Result<Self> {
        if file.metadata()?.len() < len as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file is shorter than the map"));
        }
        // SAFETY: a map is unsound where the file changes under a reference to its bytes, and a store past
        // the end of a file that was cut is a SIGBUS. The bytes are private to this value, which lends them
        // to nobody: it only copies into them, under `&mut self`, so that no reference outlives a copy and
        // nothing is ever read through the map. The file was seen to be long enough; that it stays so is
        // the caller's part of the contract: the commit log maps only segments that it made itself, under
        // the directory's lock, and drops the map before it cuts one.
        let map = unsafe { MmapOptions::new().len(len).map_mut(file)? };
        Ok(Self { map })
    }
}

impl fmt::Debug for FileMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileMap").field("len", &self.map.len()).finish()
    }
}

impl WritableMap for FileMap {
    fn len(&self) -> usize {
        self.map.len()
    }

    fn store(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let target = offset.checked_add(bytes.len()).and_then(|end| self.map.get_mut(offset..end));
        match target {
            Some(target) => {
                target.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    fn prefault(&mut self) {
        // A kernel that does not know the advice (before 5.14) faults page by page later: slower, not wrong.
        if let Err(_unknown_advice) = self.map.advise(Advice::PopulateWrite) {}
    }
}

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
        // SAFETY: the range is a private anonymous map of our own, which is what the advice asks for. It changes
        // nothing in this process. In a child the page reads as zeros: a change between two calls of the program,
        // through `fork`, while no reference to the page lives (`is_wiped` lends none).
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
