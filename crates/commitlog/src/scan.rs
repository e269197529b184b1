//! Reading segments: their headers, their records one after the other, the marks among what is
//! left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, IoError, ReadFile};
use helenus_types::LogPosition;

use crate::format::{
    HEADER_LEN, Header, KIND_LINK, Link, MARK_LEN, MARK_NEEDLE, MARK_NEEDLE_OFFSET, RECORD_HEAD_LEN,
    RecordHead, decode_mark,
};
use crate::segment::FileName;
use crate::{Damage, ReplayError};

/// Bytes per read.
const PIECE_LEN: usize = 1 << 20;

/// A segment's file with its header.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    file: Arc<dyn ReadFile>,
    pub(crate) len: u64,
    pub(crate) header: Header,
}

impl Found {
    pub(crate) fn position(&self, offset: u32) -> LogPosition {
        LogPosition { segment: self.header.id, offset }
    }

    /// The link that the segment begins with, if it was begun. `buf` is scratch.
    pub(crate) fn link(&self, buf: &mut Vec<u8>) -> Result<Result<Link, Damage>, IoError> {
        let mut window = Window::new(self, std::mem::take(buf));
        let link = window.record(HEADER_LEN)?.and_then(|(head, body)| match head.kind {
            KIND_LINK => Link::decode(body),
            found => Err(Damage::RecordKind { found }),
        });
        *buf = window.into_buf();
        Ok(link)
    }

    /// Records reach no further than this.
    fn limit(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(u32::MAX).min(self.header.len)
    }
}

/// A piece of a segment's file, read as records are asked for.
pub(crate) struct Window<'a> {
    segment: &'a Found,
    buf: Vec<u8>,
    /// Where in the file the buffer begins, and how many of its bytes are read.
    start: u32,
    filled: usize,
}

impl<'a> Window<'a> {
    pub(crate) fn new(segment: &'a Found, buf: Vec<u8>) -> Self {
        Self { segment, buf, start: 0, filled: 0 }
    }

    /// The buffer, to be used again.
    pub(crate) fn into_buf(self) -> Vec<u8> {
        self.buf
    }

    /// Head and body of the record at `at`, verified.
    pub(crate) fn record(&mut self, at: u32) -> Result<Result<(RecordHead, &[u8]), Damage>, IoError> {
        // The space that records may take ends with the segment, not with the file: a file that was
        // cut is another reason to stop.
        let left = self.segment.header.len.saturating_sub(at.saturating_add(RECORD_HEAD_LEN));
        let Some(bytes) = self.bytes(at, RECORD_HEAD_LEN)? else { return Ok(Err(Damage::RecordCut)) };
        let head = match RecordHead::decode(bytes, left) {
            Ok(head) => head,
            Err(damage) => return Ok(Err(damage)),
        };
        let salt = self.segment.header.salt;
        let Some(bytes) = self.bytes(at, RECORD_HEAD_LEN + head.body_len)? else {
            return Ok(Err(Damage::RecordCut));
        };
        let (_, body) = bytes.split_at(RECORD_HEAD_LEN as usize);
        Ok(head.verify(bytes, salt, at).map(|()| (head, body)))
    }

    /// `len` bytes at `at`, which lies not before the last one asked for; `None` if the file ends
    /// before.
    fn bytes(&mut self, at: u32, len: u32) -> Result<Option<&[u8]>, IoError> {
        let Some(end) = at.checked_add(len).filter(|end| *end <= self.segment.limit()) else {
            return Ok(None);
        };
        let from = (at - self.start) as usize;
        if from + len as usize > self.filled {
            let missing = self.segment.limit() - at;
            let kept = self.filled.saturating_sub(from);
            self.buf.copy_within(self.filled - kept..self.filled, 0);
            self.start = at;
            self.filled = kept;
            // Longer than a piece only for a record that the file is long enough for.
            let wanted = PIECE_LEN.max((end - at) as usize).min(missing as usize);
            if self.buf.len() < wanted {
                self.buf.resize(wanted, 0);
            }
            let Some(space) = self.buf.get_mut(kept..wanted) else {
                unreachable!("fewer bytes are kept than are wanted")
            };
            self.segment.file.read_exact_at(u64::from(at) + kept as u64, space)?;
            self.filled = wanted;
        }
        let from = (at - self.start) as usize;
        let bytes = self.buf.get(from..from + len as usize);
        assert!(bytes.is_some(), "what the file holds has been read");
        Ok(bytes)
    }
}

/// Where the bytes have what every mark has. What was never written is zeros, and passed over by
/// block.
fn needles_in(bytes: &[u8]) -> impl Iterator<Item = usize> {
    const BLOCK_LEN: usize = 4096;
    let blocks = (0..bytes.len()).step_by(BLOCK_LEN).filter_map(move |start| {
        let end = bytes.len().min(start + BLOCK_LEN + MARK_NEEDLE.len() - 1);
        let block = bytes.get(start..end)?;
        (block.iter().fold(0, |all, byte| all | byte) != 0).then_some((start, block))
    });
    blocks.flat_map(|(start, block)| {
        let windows = block.windows(MARK_NEEDLE.len()).enumerate();
        windows.filter(|(_, window)| **window == MARK_NEEDLE).map(move |(at, _)| start + at)
    })
}

/// Whether a mark of the segment, not before `from`, says that the log was durable beyond `stop`.
pub(crate) fn promised_beyond(
    segment: &Found,
    from: u32,
    stop: LogPosition,
    buf: &mut Vec<u8>,
) -> Result<bool, IoError> {
    // Pieces overlap, so that a mark on their border is whole in one of them.
    let overlap = MARK_LEN as usize - 1;
    let limit = segment.limit() as usize;
    let mut at = from as usize;
    while at + MARK_LEN as usize <= limit {
        let len = PIECE_LEN.min(limit - at);
        if buf.len() < len {
            buf.resize(len, 0);
        }
        let (piece, _) = buf.split_at_mut(len);
        segment.file.read_exact_at(at as u64, piece)?;
        for found in needles_in(piece) {
            let mark = found.checked_sub(MARK_NEEDLE_OFFSET).and_then(|start| {
                let offset = u32::try_from(at + start).ok()?;
                verified_mark(piece.get(start..start + MARK_LEN as usize)?, segment.header.salt, offset)
            });
            if mark.is_some_and(|durable_to| durable_to > stop) {
                return Ok(true);
            }
        }
        if at + len == limit {
            break;
        }
        at += len - overlap;
    }
    Ok(false)
}

fn verified_mark(bytes: &[u8], salt: u64, offset: u32) -> Option<LogPosition> {
    let (head, body) = bytes.split_at_checked(RECORD_HEAD_LEN as usize)?;
    let head = RecordHead::decode(head, MARK_LEN - RECORD_HEAD_LEN).ok()?;
    head.verify(bytes, salt, offset).ok()?;
    decode_mark(body)
}

/// The contents of the log's directory.
#[derive(Default)]
pub(crate) struct Listed {
    /// The segments in the order of their ids, each with a header that is whole.
    pub(crate) segments: Vec<Found>,
    /// Segments in the making, or void ones.
    pub(crate) void: Vec<PathBuf>,
    pub(crate) foreign: Vec<PathBuf>,
    /// The highest number of a segment, made or in the making.
    pub(crate) max_id: Option<u64>,
    /// The highest number of a segment that was made.
    pub(crate) newest: Option<u64>,
}

/// Reads the log's directory, and the segments' headers. One that does not exist is empty.
pub(crate) fn list_segments<E>(disk: &dyn Disk, dir: &Path) -> Result<Listed, ReplayError<E>> {
    let mut listed = Listed::default();
    let entries = match disk.list(dir) {
        Ok(entries) => entries,
        Err(e) if e.is_not_found() => return Ok(listed),
        Err(e) => return Err(e.into()),
    };
    for entry in entries {
        let path = dir.join(&entry.name);
        let name = if entry.is_file() { FileName::parse(entry.utf8()) } else { FileName::Foreign };
        match name {
            FileName::Segment(id) => {
                listed.segments.push(read_header(disk, path, id)?);
                listed.max_id = listed.max_id.max(Some(id));
                listed.newest = listed.newest.max(Some(id));
            }
            FileName::Temporary(id) => {
                listed.max_id = listed.max_id.max(Some(id));
                listed.void.push(path);
            }
            FileName::Foreign => listed.foreign.push(path),
        }
    }
    listed.segments.sort_by_key(|segment| segment.header.id);
    Ok(listed)
}

fn read_header<E>(disk: &dyn Disk, path: PathBuf, id: u64) -> Result<Found, ReplayError<E>> {
    let file = disk.open_read(&path)?;
    let len = file.len()?;
    let mut bytes = [0; HEADER_LEN as usize];
    let present = usize::try_from(len).unwrap_or(bytes.len()).min(bytes.len());
    let (bytes, _) = bytes.split_at_mut(present);
    file.read_exact_at(0, bytes)?;
    match Header::decode(bytes, id) {
        Ok(header) => Ok(Found { path, file, len, header }),
        Err(damage) => Err(ReplayError::Damaged { path, offset: 0, damage }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_found_wherever_they_lie() {
        for at in [0, 1, 4080, 4088, 4089, 4095, 4096, 8191, 9992] {
            let mut bytes = vec![0; 10_000];
            bytes[at..at + MARK_NEEDLE.len()].copy_from_slice(&MARK_NEEDLE);
            assert_eq!(needles_in(&bytes).collect::<Vec<_>>(), [at]);
            bytes[at + 4] ^= 1;
            assert_eq!(needles_in(&bytes).count(), 0);
        }
        assert_eq!(needles_in(&MARK_NEEDLE[..7]).count() + needles_in(&[]).count(), 0);
    }
}
