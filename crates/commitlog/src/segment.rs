//! One segment's file: how it is made, and which tables it holds records of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, IoError, WriteFile};
use helenus_types::LogPosition;

use crate::format::{END_LEN, HEADER_LEN, Header, Link};
use crate::{Durability, TableTag};

/// Fresh segments are filled with zeros in pieces of this length.
const ZEROS_LEN: u32 = 64 << 10;

static ZEROS: [u8; ZEROS_LEN as usize] = [0; ZEROS_LEN as usize];

/// A segment that is written, or is ready to be.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn WriteFile>,
    /// Where the next record goes.
    pub(crate) offset: u32,
    pub(crate) dirty: Dirty,
}

impl Segment {
    /// Makes a segment durable with its header and name: from `old`, the file of a segment that was
    /// released, or from nothing.
    pub(crate) fn prepare(
        disk: &dyn Disk,
        dir: &Path,
        header: Header,
        old: Option<&Path>,
        durability: Durability,
    ) -> Result<Self, IoError> {
        let temporary = dir.join(temporary_name(header.id));
        let file = match old {
            Some(old) => {
                disk.rename(old, &temporary)?;
                // The old name must be gone for good before the bytes that it stood for change.
                disk.sync_dir(dir)?;
                disk.open_write(&temporary)?
            }
            None => {
                let file = disk.create_new(&temporary)?;
                file.allocate(u64::from(header.len))?;
                if is_filled(durability) {
                    fill_with_zeros(&*file, header.len)?;
                }
                file
            }
        };
        file.write_at(0, &header.encode())?;
        Self::finish(disk, dir, header, &*file)
    }

    /// Makes the first segment of a run, which is begun at once: it says where the log ended
    /// before, and keeps its number from being used again.
    pub(crate) fn prepare_first(
        disk: &dyn Disk,
        dir: &Path,
        header: Header,
        link: &Link,
        durability: Durability,
    ) -> Result<Self, IoError> {
        let file = disk.create_new(&dir.join(temporary_name(header.id)))?;
        file.allocate(u64::from(header.len))?;
        if is_filled(durability) {
            fill_with_zeros(&*file, header.len)?;
        }
        let link_bytes = link.encode(header.salt);
        file.write_at(0, &[&header.encode(), link_bytes.as_slice()].concat())?;
        let offset = HEADER_LEN + Link::len(link.unflushed.len());
        Ok(Self { offset, ..Self::finish(disk, dir, header, &*file)? })
    }

    /// Makes the file of a segment durable and gives it its name.
    fn finish(disk: &dyn Disk, dir: &Path, header: Header, file: &dyn WriteFile) -> Result<Self, IoError> {
        file.sync_all()?;
        let path = dir.join(segment_name(header.id));
        disk.rename(file.path(), &path)?;
        disk.sync_dir(dir)?;
        let file = disk.open_write(&path)?;
        Ok(Self { header, path, file, offset: HEADER_LEN, dirty: Dirty::default() })
    }

    pub(crate) fn position(&self) -> LogPosition {
        LogPosition { segment: self.header.id, offset: self.offset }
    }

    /// Where the segment ends if its end record is the next.
    pub(crate) fn position_after_end(&self) -> LogPosition {
        LogPosition { offset: self.offset + END_LEN, ..self.position() }
    }

    /// Whether a record of `len` bytes fits before the end record.
    pub(crate) fn fits(&self, len: u32) -> bool {
        (self.header.len - self.offset).checked_sub(END_LEN).is_some_and(|left| left >= len)
    }
}

/// Whether fresh segments are filled with zeros before they are used. It costs the disk a second
/// write of the segment, and saves the file system, at each sync of a part of it, from recording
/// that this part is written now: worth it only where writers wait for syncs.
pub(crate) fn is_filled(durability: Durability) -> bool {
    durability == Durability::Sync
}

/// Which tables have unflushed records in a segment, and up to where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dirty {
    /// The table of the last record: most records touch the same table as the one before.
    recent: Option<(TableTag, u32)>,
    others: BTreeMap<TableTag, u32>,
}

impl Dirty {
    /// Notes a record of `tag` that ends at `offset`.
    pub(crate) fn note(&mut self, tag: TableTag, offset: u32) {
        match &mut self.recent {
            Some((recent, end)) if *recent == tag => *end = offset,
            recent => {
                if let Some((tag, end)) = recent.replace((tag, offset)) {
                    self.others.insert(tag, end);
                }
            }
        }
    }

    /// Forgets `tag` if nothing of it lies beyond `up_to`.
    pub(crate) fn flushed(&mut self, tag: TableTag, up_to: u32) {
        if self.recent.is_some_and(|(recent, _)| recent == tag) {
            // The older entry of the same tag is covered by the newer one.
            if self.recent.is_some_and(|(_, end)| end <= up_to) {
                self.recent = None;
                self.others.remove(&tag);
            }
        } else if self.others.get(&tag).is_some_and(|end| *end <= up_to) {
            self.others.remove(&tag);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.recent.is_none() && self.others.is_empty()
    }

    /// Each table, and where the last record of it ends.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TableTag, u32)> {
        // The recent one last: it may be among the others with an older end.
        self.others.iter().map(|(tag, end)| (*tag, *end)).chain(self.recent)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The tables, sorted.
    pub(crate) fn tags(&self) -> Vec<TableTag> {
        let mut tags: Vec<TableTag> = self.others.keys().copied().collect();
        if let Some((tag, _)) = self.recent
            && let Err(at) = tags.binary_search(&tag)
        {
            tags.insert(at, tag);
        }
        tags
    }
}

pub(crate) fn segment_name(id: u64) -> String {
    format!("commitlog-{id}.log")
}

pub(crate) fn temporary_name(id: u64) -> String {
    format!("commitlog-{id}.tmp")
}

/// The meaning of a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileName {
    /// A segment.
    Segment(u64),
    /// A segment in the making, or a void one.
    Temporary(u64),
    /// No file of the log.
    Foreign,
}

impl FileName {
    pub(crate) fn parse(name: Option<&str>) -> Self {
        let parse = || {
            let name = name?;
            let (id, suffix) = name.strip_prefix("commitlog-")?.split_once('.')?;
            // One more than the highest number must be a number, and not that of "no segment".
            let id = id.parse().ok().filter(|id| *id < u64::MAX / 2)?;
            // The one spelling that we write: no sign, no leading zeros.
            match suffix {
                "log" if segment_name(id) == name => Some(Self::Segment(id)),
                "tmp" if temporary_name(id) == name => Some(Self::Temporary(id)),
                _ => None,
            }
        };
        parse().unwrap_or(Self::Foreign)
    }
}

/// Writes zeros after the header, in pieces that end at multiples of their length.
fn fill_with_zeros(file: &dyn WriteFile, len: u32) -> Result<(), IoError> {
    let mut at = HEADER_LEN;
    while at < len {
        let piece_len = (ZEROS_LEN - at % ZEROS_LEN).min(len - at);
        let (piece, _) = ZEROS.split_at(piece_len as usize);
        file.write_at(u64::from(at), piece)?;
        at += piece_len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(FileName::parse(Some(&segment_name(12))), FileName::Segment(12));
        assert_eq!(FileName::parse(Some(&temporary_name(0))), FileName::Temporary(0));
        for name in ["commitlog-01.log", "commitlog-+1.log", "commitlog-1.log.bak", "commitlog-.log", "x", ""]
        {
            assert_eq!(FileName::parse(Some(name)), FileName::Foreign, "{name}");
        }
        assert_eq!(FileName::parse(Some("commitlog-99999999999999999999.log")), FileName::Foreign);
        assert_eq!(FileName::parse(None), FileName::Foreign);
    }

    #[test]
    fn dirty_tables_are_forgotten_when_flushed_far_enough() {
        let (a, b) = (TableTag(1), TableTag(2));
        let mut dirty = Dirty::default();
        for (tag, end) in [(a, 10), (a, 20), (b, 30), (a, 40)] {
            dirty.note(tag, end);
        }
        assert_eq!(dirty.tags(), [a, b]);
        dirty.flushed(a, 39);
        dirty.flushed(b, 29);
        assert_eq!(dirty.tags(), [a, b]);
        dirty.flushed(a, 40);
        assert_eq!(dirty.tags(), [b]);
        dirty.flushed(b, u32::MAX);
        assert!(dirty.is_empty());
    }
}
