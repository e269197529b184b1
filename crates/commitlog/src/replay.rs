//! Reading a log back: which records count, where it ends, and whether that is its end or damage.
//!
//! The log ends at the first record that is not whole, at a segment without its end record, or
//! where a later run says that it ended. Only the promise distinguishes a torn record from a
//! damaged one: every sync leaves a mark of what was durable by then. So the end is damage if a
//! mark after it, in this segment or a later one of the run, or the header of the next run, says
//! that the log was durable beyond it.
//!
//! From one segment to the next: an end record names the next one, and that one's link names it in
//! turn. Where they don't match, a segment between them is missing; see `format.rs` for when that
//! is no loss.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use helenus_io::Disk;
use helenus_types::LogPosition;

use crate::format::{
    EndsWith, HEADER_LEN, KIND_END, KIND_LINK, KIND_MARK, Link, RECORD_HEAD_LEN, decode_end, decode_tag,
};
use crate::scan::{Found, Listed, Window, list_segments, promised_beyond};
use crate::segment::{Dirty, segment_name};
use crate::{Damage, MissingSegment, ReplayError, TableTag};

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
    /// The version of the format that its segment is of: who wrote it may have meant other things
    /// by a payload.
    pub version: u32,
}

/// What a replay must know about the tables, and what it does about a missing segment.
#[derive(Clone, Copy)]
pub struct ReplayOptions<'a> {
    /// Whether the table's records that end at that position or before are no longer needed: they
    /// are in SSTables, or the table is gone. Where segments are missing whose records are not
    /// needed, they were released.
    pub flushed: &'a dyn Fn(TableTag, LogPosition) -> bool,
    /// No segment after the one of this position was ever released. It matters for segments of the
    /// oldest version only, which don't say what was in the one before.
    pub released_to: LogPosition,
    /// Reads what there is where a segment is missing, instead of giving up.
    pub accept_missing: bool,
}

impl ReplayOptions<'_> {
    /// For logs of which no segment was ever released.
    pub const NONE_RELEASED: ReplayOptions<'static> =
        ReplayOptions { flushed: &|_, _| false, released_to: LogPosition::NONE, accept_missing: false };
}

impl std::fmt::Debug for ReplayOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplayOptions")
            .field("released_to", &self.released_to)
            .field("accept_missing", &self.accept_missing)
            .finish_non_exhaustive()
    }
}

/// The result of a replay.
#[derive(Debug, Default)]
pub struct ReplayReport {
    /// Where the log ends: after the last record that counts.
    pub end: Option<LogPosition>,
    /// Records given to the receiver.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// What lies beyond the end, if it is something other than the end of a file that was closed.
    pub dropped: Option<DroppedTail>,
    /// Segments that are missing, where that is accepted, or was when the log was opened before.
    pub missing: Vec<MissingSegment>,
    /// Files of the log that hold nothing that counts: unused, in the making when the log was left,
    /// or beyond the end.
    pub void: Vec<PathBuf>,
    /// Files in the directory that are not the log's. They are never touched.
    pub foreign: Vec<PathBuf>,
    pub(crate) segments: Vec<ReplayedSegment>,
    /// The highest number of a segment, made or in the making.
    pub(crate) max_id: Option<u64>,
    linked: bool,
    /// The highest number of a segment that was made.
    pub(crate) newest: Option<u64>,
}

impl ReplayReport {
    /// The highest number of a segment that there is, whether it holds anything or not. That
    /// segment stays as long as the log is in use.
    #[must_use]
    pub fn newest_segment(&self) -> Option<u64> {
        self.newest
    }

    /// Whether the last segment with records is of a version that has links: such a log was synced
    /// up to each position that it gave before anyone could keep it.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.linked
    }
}

/// The place where a log ends and bytes follow that were never promised: unused space, a record
/// that was torn when the process or the machine stopped.
#[derive(Debug, Clone)]
pub struct DroppedTail {
    /// The segment's file.
    pub path: PathBuf,
    /// The offset in it.
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

/// Reads the log in `dir` from its beginning, and gives every record that counts to `receiver`, in
/// the order in which they were appended. A directory that does not exist is an empty log. Nothing
/// is changed. Where a segment is missing, nothing of those after it is given before that was
/// accepted.
pub fn replay<E>(
    disk: &dyn Disk,
    dir: &Path,
    options: ReplayOptions<'_>,
    receiver: &mut dyn FnMut(Record<'_>) -> Result<(), E>,
) -> Result<ReplayReport, ReplayError<E>> {
    let Listed { segments, void, foreign, max_id, newest } = list_segments(disk, dir)?;
    let report = ReplayReport { void, foreign, max_id, newest, ..ReplayReport::default() };
    let runs: BTreeMap<u64, u64> = segments.iter().map(|s| (s.header.id, s.header.run)).collect();
    let accepted = segments.iter().filter(|s| s.header.gaps_accepted).map(|s| s.header.run).max();
    let mut replay = Replay {
        dir,
        accepted,
        options,
        report,
        receiver,
        runs: &runs,
        stopped: None,
        last: None,
        next: Expected::Anything,
        tags: Vec::new(),
        buf: Vec::new(),
    };
    let mut run = None;
    for (i, segment) in segments.iter().enumerate() {
        let later = segments.get(i..).unwrap_or_default();
        let next_run = later.iter().find(|s| s.header.run != segment.header.run);
        if run != Some(segment.header.run) {
            replay.end_run(segment.header.previous_end, run)?;
            run = Some(segment.header.run);
        }
        replay.segment(segment, next_run.map(|s| s.header.previous_end))?;
    }
    replay.end_log()?;
    let Replay { mut report, stopped, .. } = replay;
    report.dropped = stopped.map(|stop| stop.tail);
    Ok(report)
}

/// The place where a run ends.
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

/// How the run continues after what was read of it.
enum Expected {
    /// Nothing is known: nothing of the run was read yet, or its segments don't say.
    Anything,
    /// With that segment.
    Segment { id: u64, witness: PathBuf },
    /// Nothing of the run was read, but a segment that was not in use says that this one was made
    /// before.
    Made { id: u64, witness: PathBuf },
    /// The run has ended.
    Nothing,
}

struct Replay<'a, E> {
    dir: &'a Path,
    /// What is missing before this segment was accepted when it was made.
    accepted: Option<u64>,
    options: ReplayOptions<'a>,
    report: ReplayReport,
    receiver: &'a mut dyn FnMut(Record<'_>) -> Result<(), E>,
    /// The run of each segment that is there.
    runs: &'a BTreeMap<u64, u64>,
    stopped: Option<Stop>,
    /// The last segment that was read.
    last: Option<u64>,
    next: Expected,
    tags: Vec<TableTag>,
    buf: Vec<u8>,
}

impl<E> Replay<'_, E> {
    /// A new run begins, which saw the log end at `previous_end`. If that is a place of the run
    /// before it, all up to there was durable.
    fn end_run(&mut self, previous_end: LogPosition, run: Option<u64>) -> Result<(), ReplayError<E>> {
        // Segments that are missing at the end of a run are known from the next run's links.
        self.next = Expected::Anything;
        let Some(stop) = self.stopped.take() else { return Ok(()) };
        let of_this_run = self.runs.get(&previous_end.segment).is_some_and(|r| Some(*r) == run);
        if of_this_run && previous_end > stop.at { Err(stop.damaged()) } else { Ok(()) }
    }

    /// All segments were read: the newest ones must not be missing.
    fn end_log(&mut self) -> Result<(), ReplayError<E>> {
        match std::mem::replace(&mut self.next, Expected::Nothing) {
            Expected::Segment { id, witness } | Expected::Made { id, witness } => self.missing(id, witness),
            Expected::Anything | Expected::Nothing => Ok(()),
        }
    }

    /// A segment is not there and was not released.
    fn missing(&mut self, id: u64, witness: PathBuf) -> Result<(), ReplayError<E>> {
        let missing = MissingSegment { path: self.dir.join(segment_name(id)), witness };
        if !self.options.accept_missing && Some(id) >= self.accepted {
            return Err(ReplayError::Missing(missing));
        }
        self.report.missing.push(missing);
        Ok(())
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
        if !self.joins(segment)? {
            self.report.void.push(segment.path.clone());
            return Ok(());
        }
        self.read(segment, cut)
    }

    /// Whether the log goes on with this segment, if nothing between the last one and this is
    /// missing.
    fn joins(&mut self, segment: &Found) -> Result<bool, ReplayError<E>> {
        let (id, run) = (segment.header.id, segment.header.run);
        if !segment.header.is_linked() {
            let after = self.last.filter(|last| self.runs.get(last) == Some(&run)).unwrap_or(run);
            let before = LogPosition { segment: id.saturating_sub(1), offset: 0 };
            if after < before.segment && before > self.options.released_to {
                self.missing(before.segment, segment.path.clone())?;
            }
            return Ok(true);
        }
        let link = match segment.link(&mut self.buf)? {
            Ok(link) => link,
            // It was durable with the header.
            Err(damage) if id == run => {
                let (path, offset) = (segment.path.clone(), u64::from(HEADER_LEN));
                return Err(ReplayError::Damaged { path, offset, damage });
            }
            // Nothing was ever read of it, or its bytes were lost.
            Err(_) => {
                return Ok(match &self.next {
                    Expected::Segment { id: expected, .. } => *expected == id,
                    Expected::Anything | Expected::Made { .. } => {
                        let before = segment.header.made_after;
                        if !self.runs.contains_key(&before) {
                            self.next = Expected::Made { id: before, witness: segment.path.clone() };
                        }
                        false
                    }
                    Expected::Nothing => false,
                });
            }
        };
        let previous = (link.previous != LogPosition::NONE).then_some(link.previous.segment);
        if previous.is_some() && previous != self.last {
            self.check_gap(&link, &segment.path)?;
        }
        Ok(true)
    }

    /// Segments between the last one that was read and the one that `link` begins are not there:
    /// they were released, if all that was in them is flushed by now.
    fn check_gap(&mut self, link: &Link, witness: &Path) -> Result<(), ReplayError<E>> {
        let is_before_gap = |end: &LogPosition| self.last.is_some_and(|last| end.segment <= last);
        let needed = link
            .unflushed
            .iter()
            .filter(|(_, end)| !is_before_gap(end))
            .find(|(tag, end)| !(self.options.flushed)(*tag, *end));
        match needed {
            Some((_, end)) => self.missing(end.segment, witness.to_owned()),
            None => Ok(()),
        }
    }

    fn read(&mut self, segment: &Found, cut: u32) -> Result<(), ReplayError<E>> {
        self.last = Some(segment.header.id);
        self.next = Expected::Anything;
        let mut dirty = Dirty::default();
        let (mut end, mut ended) = self.records(segment, HEADER_LEN, cut, &mut dirty)?;
        let mut is_promised = false;
        while ended.is_err() {
            is_promised = promised_beyond(segment, end, segment.position(end), &mut self.buf)?;
            if !is_promised || !self.is_whole(segment, end)? {
                break;
            }
            // The log is read beside its writer, which went on after this piece of the file was
            // read, and before the promise was.
            (end, ended) = self.records(segment, end, cut, &mut dirty)?;
        }
        let end_position = segment.position(end);
        if end > HEADER_LEN || ended.is_ok() {
            self.report.end = Some(end_position);
            self.report.linked = segment.header.is_linked();
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
            Ok(Ended::Record(EndsWith::Next(id))) if end < cut => {
                self.next = Expected::Segment { id, witness: segment.path.clone() };
                Ok(())
            }
            Ok(Ended::Record(EndsWith::Close)) => {
                self.next = Expected::Nothing;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) if segment.len < u64::from(segment.header.len) && cut == u32::MAX => {
                // A segment has its whole length before it has its name, and is made shorter after
                // an end only.
                let path = segment.path.clone();
                Err(ReplayError::Damaged { path, offset: segment.len, damage: Damage::RecordCut })
            }
            Err(reason) => {
                let tail = DroppedTail { path: segment.path.clone(), offset: u64::from(end), reason };
                let stop = Stop { at: end_position, tail };
                if is_promised {
                    return Err(stop.damaged());
                }
                self.stopped = Some(stop);
                Ok(())
            }
        }
    }

    /// The run ends at `stop`, if no mark of `segment` after `from` says otherwise.
    fn stop(&mut self, stop: Stop, segment: &Found, from: u32) -> Result<(), ReplayError<E>> {
        if promised_beyond(segment, from, stop.at, &mut self.buf)? {
            return Err(stop.damaged());
        }
        self.stopped = Some(stop);
        Ok(())
    }

    /// Whether a record is at `at`, by the file as it is now.
    fn is_whole(&mut self, segment: &Found, at: u32) -> Result<bool, ReplayError<E>> {
        let mut window = Window::new(segment, std::mem::take(&mut self.buf));
        let is_whole = window.record(at)?.is_ok();
        self.buf = window.into_buf();
        Ok(is_whole)
    }

    /// Gives the records from `from` to `cut` to the receiver. Returns where they end, and how, or
    /// why it is neither the segment's end nor the cut.
    fn records(
        &mut self,
        segment: &Found,
        from: u32,
        cut: u32,
        dirty: &mut Dirty,
    ) -> Result<(u32, Result<Ended, Damage>), ReplayError<E>> {
        let mut window = Window::new(segment, std::mem::take(&mut self.buf));
        let mut at = from;
        let ended = loop {
            if at >= cut {
                break Ok(Ended::Cut);
            }
            let (head, body) = match window.record(at)? {
                Ok(record) => record,
                Err(damage) => break Err(damage),
            };
            let end = at + RECORD_HEAD_LEN + head.body_len;
            if end > cut {
                break Ok(Ended::Cut);
            }
            match head.kind {
                KIND_END => {
                    let next = match decode_end(body) {
                        Ok(next) => next,
                        Err(damage) => break Err(damage),
                    };
                    at = end;
                    break Ok(Ended::Record(next));
                }
                KIND_MARK | KIND_LINK => {}
                _ => {
                    let (tags, payload) = body.split_at(usize::from(head.tags) * 4);
                    self.tags.clear();
                    self.tags.extend(tags.chunks_exact(4).filter_map(decode_tag));
                    self.tags.iter().for_each(|tag| dirty.note(*tag, end));
                    self.report.records += 1;
                    self.report.payload_bytes += payload.len() as u64;
                    let (start, end) = (segment.position(at), segment.position(end));
                    let record =
                        Record { start, end, tags: &self.tags, payload, version: segment.header.version };
                    (self.receiver)(record).map_err(ReplayError::Receiver)?;
                }
            }
            at = end;
        };
        self.buf = window.into_buf();
        Ok((at, ended))
    }
}

/// Where the records of a segment end.
enum Ended {
    /// At its end record.
    Record(EndsWith),
    /// At the place where a later run saw the log end.
    Cut,
}
