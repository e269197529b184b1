//! One segment's file: how it is made, how bytes get into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, IoError, Operation, WritableMap, WriteFile};
use helenus_types::LogPosition;

use crate::format::{END_LEN, HEADER_LEN, Header, encode_end};
use crate::{Durability, TableTag};

/// Fresh segments are filled with zeros in pieces of this length: with larger ones the page cache uses
/// large folios, which a store through the map dirties whole.
const ZEROS_LEN: u32 = 64 << 10;

static ZEROS: [u8; ZEROS_LEN as usize] = [0; ZEROS_LEN as usize];

/// A segment that is written, or is ready to be.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn WriteFile>,
    map: Option<Box<dyn WritableMap>>,
    /// Where the next record goes.
    pub(crate) offset: u32,
    pub(crate) dirty: Dirty,
}

impl Segment {
    /// Makes a segment durable with its header and name: from `old`, the file of a segment that was
    /// released, or from nothing. The rest of a new file is filled with zeros, so that the file system
    /// has nothing left to allocate when records come.
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
                file
            }
        };
        // Zeros that are synced cost the disk a second write of the segment, and spare each later sync
        // the allocation: worth it only to those who wait for syncs.
        let sync_zeros = durability != Durability::Buffered;
        if old.is_none() && sync_zeros {
            fill_with_zeros(&*file, header.len)?;
        }
        file.write_at(0, &header.encode())?;
        file.sync_all()?;
        if old.is_none() && !sync_zeros {
            fill_with_zeros(&*file, header.len)?;
        }
        let path = dir.join(segment_name(header.id));
        disk.rename(&temporary, &path)?;
        disk.sync_dir(dir)?;
        let file = disk.open_write(&path)?;
        // Each sync write-protects the pages of a map again: those who sync after each record are faster
        // with a write than with a fault.
        let map = match durability {
            Durability::Sync => None,
            Durability::Periodic(_) | Durability::Buffered => writable_map(disk, &path, header.len),
        };
        Ok(Self { header, path, file, map, offset: HEADER_LEN, dirty: Dirty::default() })
    }

    /// Makes the segment that begins a run durable: a header and an end, nothing between. It says where
    /// the log ended before, and keeps its number from being used again.
    pub(crate) fn prepare_anchor(disk: &dyn Disk, dir: &Path, header: &Header) -> Result<PathBuf, IoError> {
        let temporary = dir.join(temporary_name(header.id));
        let file = disk.create_new(&temporary)?;
        file.write_at(0, &header.encode())?;
        file.write_at(u64::from(HEADER_LEN), &encode_end(header.salt, HEADER_LEN))?;
        file.sync_all()?;
        let path = dir.join(segment_name(header.id));
        disk.rename(&temporary, &path)?;
        disk.sync_dir(dir)?;
        Ok(path)
    }

    pub(crate) fn position(&self) -> LogPosition {
        LogPosition { segment: self.header.id, offset: self.offset }
    }

    /// Whether a record of `len` bytes fits before the end record.
    pub(crate) fn fits(&self, len: u32) -> bool {
        self.header.len - self.offset - END_LEN >= len
    }

    /// Adds the parts of a record that fits. `gathered` is scratch for disks without maps.
    pub(crate) fn append<'a>(
        &mut self,
        len: u32,
        parts: impl Iterator<Item = &'a [u8]>,
        gathered: &mut Vec<u8>,
    ) -> Result<(), IoError> {
        let end = self.offset + len;
        match &mut self.map {
            Some(map) => {
                let mut at = self.offset as usize;
                for part in parts {
                    if !map.store(at, part) {
                        let source = std::io::ErrorKind::WriteZero.into();
                        return Err(IoError::new(Operation::Write, &self.path, source));
                    }
                    at += part.len();
                }
            }
            None => {
                gathered.clear();
                parts.for_each(|part| gathered.extend_from_slice(part));
                self.file.write_at(u64::from(self.offset), gathered)?;
            }
        }
        self.offset = end;
        Ok(())
    }

    /// Gives the memory map away, to be dropped where nobody waits for it.
    pub(crate) fn take_map(&mut self) -> Option<Box<dyn WritableMap>> {
        self.map.take()
    }
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

/// What a file's name says.
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
            let id = id.parse().ok()?;
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

/// Writes zeros behind the header, in pieces that end at multiples of their length.
fn fill_with_zeros(file: &dyn WriteFile, len: u32) -> Result<(), IoError> {
    let mut at = HEADER_LEN;
    while at < len {
        let piece_len = (ZEROS_LEN - at % ZEROS_LEN).min(len - at);
        let piece = ZEROS.get(..piece_len as usize).unwrap_or_default();
        file.write_at(u64::from(at), piece)?;
        at += piece_len;
    }
    Ok(())
}

/// A map of the segment, all its pages there, where the disk has maps. Where it should have and fails, writing still works.
fn writable_map(disk: &dyn Disk, path: &Path, len: u32) -> Option<Box<dyn WritableMap>> {
    match disk.map_writable(path, len as usize)? {
        Ok(mut map) => {
            map.prefault();
            Some(map)
        }
        Err(error) => {
            tracing::warn!(%error, "a segment of the commit log cannot be mapped and is written instead");
            None
        }
    }
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
