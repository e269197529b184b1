//! Reading a log back: which records count, where it ends, and whether that is its end or damage.
//!
//! The log ends at the first record that is not whole, at a segment without its end record, or where a
//! later run says that it ended. Nothing tells a torn record from a damaged one but the promise: every sync
//! leaves a mark of what was durable by then. So the end is damage if a mark behind it, in this segment or
//! a later one of the run, or the header of the next run, says that the log was durable beyond it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, IoError, ReadFile};
use helenus_types::LogPosition;

use crate::format::{
    HEADER_LEN, Header, KIND_END, KIND_MARK, MARK_LEN, MARK_NEEDLE, MARK_NEEDLE_OFFSET, RECORD_HEAD_LEN,
    RecordHead, decode_mark, decode_tag,
};
use crate::segment::{Dirty, FileName};
use crate::{Damage, ReplayError, TableTag};

/// Bytes per read.
const PIECE_LEN: usize = 1 << 20;

/// One record as it was appended.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it begins.
    pub start: LogPosition,
    /// Where it ends: what [`CommitLog::append`](crate::CommitLog::append) returned.
    pub end: LogPosition,
    /// The tables it touches.
    pub tags: &'a [TableTag],
    /// The bytes that were appended, in one piece.
    pub payload: &'a [u8],
}

/// What a replay found.
#[derive(Debug, Default)]
pub struct ReplayReport {
    /// Where the log ends: behind the last record that counts.
    pub end: Option<LogPosition>,
    /// Records given to the receiver.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// What lies behind the end, if it is something other than the end of a file that was closed.
    pub dropped: Option<DroppedTail>,
    /// Files of the log that hold nothing that counts: unused, in the making when the log was left, or
    /// behind the end.
    pub void: Vec<PathBuf>,
    /// Files in the directory that are not the log's. They are never touched.
    pub foreign: Vec<PathBuf>,
    pub(crate) segments: Vec<ReplayedSegment>,
    pub(crate) max_id: Option<u64>,
}

impl ReplayReport {
    /// The highest number of a segment that there is, whether it holds anything or not. That segment stays as long
    /// as the log is in use.
    #[must_use]
    pub fn newest_segment(&self) -> Option<u64> {
        self.max_id
    }
}

/// The place where a log ends and bytes follow that were never promised: unused space, a record that was
/// torn when the process or the machine stopped.
#[derive(Debug, Clone)]
pub struct DroppedTail {
    /// The segment's file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// Why these bytes are no record.
    pub reason: Damage,
}

/// A segment with records that count.
#[derive(Debug)]
pub(crate) struct ReplayedSegment {
    pub(crate) id: u64,
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
    pub(crate) dirty: Dirty,
}

/// Reads the log in `dir` from its beginning, and gives every record that counts to `receiver`, in the
/// order in which they were appended. A directory that does not exist is an empty log. Nothing is changed.
pub fn replay<E>(
    disk: &dyn Disk,
    dir: &Path,
    receiver: &mut dyn FnMut(Record<'_>) -> Result<(), E>,
) -> Result<ReplayReport, ReplayError<E>> {
    let mut report = ReplayReport::default();
    let segments = list_segments(disk, dir, &mut report)?;
    let runs: BTreeMap<u64, u64> = segments.iter().map(|s| (s.header.id, s.header.run)).collect();
    let mut replay = Replay { report, receiver, stopped: None, tags: Vec::new(), buf: Vec::new() };
    let mut run = None;
    for (i, segment) in segments.iter().enumerate() {
        let later = segments.get(i..).unwrap_or_default();
        let next_run = later.iter().find(|s| s.header.run != segment.header.run);
        if run != Some(segment.header.run) {
            replay.end_run(segment.header.previous_end, run, &runs)?;
            run = Some(segment.header.run);
        }
        replay.segment(segment, next_run.map(|s| s.header.previous_end))?;
    }
    let Replay { mut report, stopped, .. } = replay;
    report.dropped = stopped.map(|stop| stop.tail);
    Ok(report)
}

/// A segment's file with its header.
struct Found {
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    len: u64,
    header: Header,
}

impl Found {
    fn position(&self, offset: u32) -> LogPosition {
        LogPosition { segment: self.header.id, offset }
    }

    /// Records reach no further than this.
    fn limit(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(u32::MAX).min(self.header.len)
    }
}

/// Where a run was found to end.
struct Stop {
    at: LogPosition,
    tail: DroppedTail,
}

impl Stop {
    fn damaged<E>(self) -> ReplayError<E> {
        let DroppedTail { path, offset, reason } = self.tail;
        ReplayError::Damaged { path, offset, damage: reason }
    }
}

struct Replay<'a, E> {
    report: ReplayReport,
    receiver: &'a mut dyn FnMut(Record<'_>) -> Result<(), E>,
    stopped: Option<Stop>,
    tags: Vec<TableTag>,
    buf: Vec<u8>,
}

impl<E> Replay<'_, E> {
    /// A new run begins, which saw the log end at `previous_end`. If that is a place of the run before it,
    /// all up to there was durable.
    fn end_run(
        &mut self,
        previous_end: LogPosition,
        run: Option<u64>,
        runs: &BTreeMap<u64, u64>,
    ) -> Result<(), ReplayError<E>> {
        let Some(stop) = self.stopped.take() else { return Ok(()) };
        let of_this_run = runs.get(&previous_end.segment).is_some_and(|r| Some(*r) == run);
        if of_this_run && previous_end > stop.at { Err(stop.damaged()) } else { Ok(()) }
    }

    /// Reads one segment; `cut` is where a later run saw the log end.
    fn segment(&mut self, segment: &Found, cut: Option<LogPosition>) -> Result<(), ReplayError<E>> {
        let cut = match cut {
            Some(cut) if cut.segment == segment.header.id => cut.offset,
            Some(cut) if cut < segment.position(0) => 0,
            _ => u32::MAX,
        };
        if let Some(stop) = self.stopped.take() {
            self.report.void.push(segment.path.clone());
            return self.stop(stop, segment, HEADER_LEN);
        }
        if cut <= HEADER_LEN && cut != u32::MAX {
            self.report.void.push(segment.path.clone());
            return Ok(());
        }
        let mut dirty = Dirty::default();
        let (end, ended) = self.records(segment, cut, &mut dirty)?;
        let end_position = segment.position(end);
        if end > HEADER_LEN || ended.is_ok() {
            self.report.end = Some(end_position);
            let Found { path, len, header, .. } = segment;
            self.report.segments.push(ReplayedSegment {
                id: header.id,
                path: path.clone(),
                len: *len,
                dirty,
            });
        } else {
            self.report.void.push(segment.path.clone());
        }
        match ended {
            Ok(()) => Ok(()),
            Err(_) if segment.len < u64::from(segment.header.len) && cut == u32::MAX => {
                // A segment has its whole length before it has its name, and is made shorter behind an end only.
                let path = segment.path.clone();
                Err(ReplayError::Damaged { path, offset: segment.len, damage: Damage::RecordCut })
            }
            Err(reason) => {
                let tail = DroppedTail { path: segment.path.clone(), offset: u64::from(end), reason };
                self.stop(Stop { at: end_position, tail }, segment, end)
            }
        }
    }

    /// The run ends at `stop`, if no mark of `segment` behind `from` says otherwise.
    fn stop(&mut self, stop: Stop, segment: &Found, from: u32) -> Result<(), ReplayError<E>> {
        if promised_beyond(segment, from, stop.at, &mut self.buf)? {
            return Err(stop.damaged());
        }
        self.stopped = Some(stop);
        Ok(())
    }

    /// Gives the records before `cut` to the receiver. Returns where they end, and why if it is neither
    /// the segment's end nor the cut.
    fn records(
        &mut self,
        segment: &Found,
        cut: u32,
        dirty: &mut Dirty,
    ) -> Result<(u32, Result<(), Damage>), ReplayError<E>> {
        let mut window = Window::new(segment, std::mem::take(&mut self.buf));
        let mut at = HEADER_LEN;
        let ended = loop {
            if at >= cut {
                break Ok(());
            }
            let (head, record) = match window.record(at)? {
                Ok(record) => record,
                Err(damage) => break Err(damage),
            };
            let end = at + RECORD_HEAD_LEN + head.body_len;
            if end > cut {
                break Ok(());
            }
            let body = record.get(RECORD_HEAD_LEN as usize..).unwrap_or_default();
            match head.kind {
                KIND_END => {
                    at = end;
                    break Ok(());
                }
                KIND_MARK => {}
                _ => {
                    let (tags, payload) =
                        body.split_at_checked(usize::from(head.tags) * 4).unwrap_or((body, &[]));
                    self.tags.clear();
                    self.tags.extend(tags.chunks_exact(4).filter_map(decode_tag));
                    self.tags.iter().for_each(|tag| dirty.note(*tag, end));
                    self.report.records += 1;
                    self.report.payload_bytes += payload.len() as u64;
                    let (start, end) = (segment.position(at), segment.position(end));
                    let record = Record { start, end, tags: &self.tags, payload };
                    (self.receiver)(record).map_err(ReplayError::Receiver)?;
                }
            }
            at = end;
        };
        self.buf = window.buf;
        Ok((at, ended))
    }
}

/// A piece of a segment's file, read as records are asked for.
struct Window<'a> {
    segment: &'a Found,
    buf: Vec<u8>,
    /// Where in the file the buffer begins, and how many of its bytes are read.
    start: u32,
    filled: usize,
}

impl<'a> Window<'a> {
    fn new(segment: &'a Found, buf: Vec<u8>) -> Self {
        Self { segment, buf, start: 0, filled: 0 }
    }

    /// The record at `at`, whole and verified.
    fn record(&mut self, at: u32) -> Result<Result<(RecordHead, &[u8]), Damage>, IoError> {
        // The space that records may take ends with the segment, not with the file: a file that was cut is
        // another reason to stop.
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
        Ok(head.verify(bytes, salt, at).map(|()| (head, bytes)))
    }

    /// `len` bytes at `at`, which lies not before the last one asked for; `None` if the file ends before.
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
            let space = self.buf.get_mut(kept..wanted).unwrap_or_default();
            self.segment.file.read_exact_at(u64::from(at) + kept as u64, space)?;
            self.filled = wanted;
        }
        let from = (at - self.start) as usize;
        Ok(self.buf.get(from..from + len as usize))
    }
}

/// Whether a mark of the segment, not before `from`, says that the log was durable beyond `stop`.
fn promised_beyond(
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
        let piece = buf.get_mut(..len).unwrap_or_default();
        segment.file.read_exact_at(at as u64, piece)?;
        for found in memchr::memmem::find_iter(piece, &MARK_NEEDLE) {
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

/// The segments in the order of their ids, each with a header that is whole.
fn list_segments<E>(
    disk: &dyn Disk,
    dir: &Path,
    report: &mut ReplayReport,
) -> Result<Vec<Found>, ReplayError<E>> {
    let entries = match disk.list(dir) {
        Ok(entries) => entries,
        Err(e) if e.is_not_found() => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = dir.join(&entry.name);
        let name = if entry.is_file() { FileName::parse(entry.utf8()) } else { FileName::Foreign };
        match name {
            FileName::Segment(id) => {
                segments.push(read_header(disk, path, id)?);
                report.max_id = report.max_id.max(Some(id));
            }
            FileName::Temporary(id) => {
                report.max_id = report.max_id.max(Some(id));
                report.void.push(path);
            }
            FileName::Foreign => report.foreign.push(path),
        }
    }
    segments.sort_by_key(|segment| segment.header.id);
    Ok(segments)
}

fn read_header<E>(disk: &dyn Disk, path: PathBuf, id: u64) -> Result<Found, ReplayError<E>> {
    let file = disk.open_read(&path)?;
    let len = file.len()?;
    let mut bytes = [0; HEADER_LEN as usize];
    let present = usize::try_from(len).unwrap_or(bytes.len()).min(bytes.len());
    let bytes = bytes.get_mut(..present).unwrap_or_default();
    file.read_exact_at(0, bytes)?;
    match Header::decode(bytes, id) {
        Ok(header) => Ok(Found { path, file, len, header }),
        Err(damage) => Err(ReplayError::Damaged { path, offset: 0, damage }),
    }
}
