//! The log that is written: append, the switch to the next segment, preparing and releasing
//! segments.
//!
//! Locks, in the order in which they may be taken: `writer` (the turn to hand bytes over; held for
//! one write), `tail` (the place where bytes go; held for one copy), `preparing` (held while a
//! segment is made, so that they are made in the order of their ids), `pool` (what is ready; held
//! for a moment). `syncing` (sync.rs) is never held together with any of them.

use std::collections::{BTreeMap, VecDeque};
use std::iter::once;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use helenus_io::{Clock, Disk, IoError, WriteFile, remove_if_exists};
use helenus_types::LogPosition;
use parking_lot::{Condvar, Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::format::{
    END_LEN, HEADER_LEN, Header, KIND_RECORD, Link, MARK_LEN, RECORD_HEAD_LEN, VERSION, encode_end,
    encode_mark, encode_record_head, mask, mix,
};
use crate::pending::{Pending, Writer};
use crate::segment::{Dirty, Segment, is_filled, segment_name, temporary_name};
use crate::{LogError, LogOptions, ReplayReport, TableTag};

/// The commit log of a database, open for writing. One at a time may have a directory: the caller
/// holds its lock.
#[derive(Debug)]
pub struct CommitLog {
    pub(crate) disk: Arc<dyn Disk>,
    dir: PathBuf,
    pub(crate) options: LogOptions,
    pub(crate) clock: Arc<dyn Clock>,
    /// The run that every segment since the log was opened belongs to.
    run: u64,
    previous_end: LogPosition,
    gaps_accepted: bool,
    pub(crate) tail: Mutex<Tail>,
    /// Whose turn it is to hand bytes over.
    pub(crate) writer: Mutex<Writer>,
    preparing: Mutex<Next>,
    pool: Mutex<Pool>,
    pub(crate) syncing: Mutex<SyncState>,
    pub(crate) synced: Condvar,
    /// When the last completed sync began, in nanoseconds of the clock: what periodic writers look
    /// at.
    pub(crate) sync_began_nanos: AtomicU64,
    /// The first failed write or sync.
    stopped: OnceLock<IoError>,
}

/// The segment that is written, and what was written before.
#[derive(Debug)]
pub(crate) struct Tail {
    /// None once the log is closed.
    pub(crate) active: Option<Segment>,
    /// Full segments and replayed ones that are not released yet, in the order of their ids.
    pub(crate) full: VecDeque<Full>,
    /// The end of the last record; sync marks may follow.
    pub(crate) records_end: LogPosition,
    /// Bytes that were not handed over to the operating system yet.
    pub(crate) pending: Pending,
}

impl Tail {
    /// Where the next record goes, if the segment has room for it.
    pub(crate) fn end(&self) -> LogPosition {
        self.active.as_ref().map_or(self.records_end, Segment::position)
    }

    /// The tables that have unflushed records, and where the last of them ends.
    fn unflushed(&self) -> Vec<(TableTag, LogPosition)> {
        let full = self.full.iter().map(|full| (full.id, &full.dirty));
        last_of_each(full.chain(self.active.as_ref().map(|active| (active.header.id, &active.dirty))))
    }
}

/// The last position of each table in segments that are given in their order.
fn last_of_each<'a>(segments: impl Iterator<Item = (u64, &'a Dirty)>) -> Vec<(TableTag, LogPosition)> {
    let mut last = BTreeMap::new();
    for (segment, dirty) in segments {
        last.extend(dirty.iter().map(|(tag, offset)| (tag, LogPosition { segment, offset })));
    }
    last.into_iter().collect()
}

/// A segment that takes no more records.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) id: u64,
    path: PathBuf,
    len: u64,
    dirty: Dirty,
    replayed: bool,
    /// Not known to be durable.
    pub(crate) unsynced: Option<Arc<dyn WriteFile>>,
}

impl Full {
    fn new(segment: Segment) -> Self {
        Self {
            id: segment.header.id,
            len: u64::from(segment.header.len),
            path: segment.path,
            dirty: segment.dirty,
            replayed: false,
            unsynced: Some(segment.file),
        }
    }
}

/// The properties of the next segment.
#[derive(Debug)]
struct Next {
    id: u64,
    len: u32,
    /// The segment that was made last.
    made_after: u64,
}

#[derive(Debug, Default)]
struct Pool {
    spares: VecDeque<Segment>,
    /// Files of segments that are not needed any more, of full length and all written.
    reusable: Vec<PathBuf>,
    closed: bool,
}

impl Pool {
    const CLOSED: Self = Self { spares: VecDeque::new(), reusable: Vec::new(), closed: true };
}

/// The progress of syncs.
#[derive(Debug)]
pub(crate) struct SyncState {
    /// All before it is durable.
    pub(crate) synced: LogPosition,
    /// Someone leads.
    pub(crate) running: bool,
}

impl CommitLog {
    /// Opens the log for appending after what `report` found in the same directory. What was
    /// replayed is made durable; the rest is dropped for ever. The replayed segments stay until
    /// their tables are flushed ([`CommitLog::mark_flushed`]), or all of them are
    /// ([`CommitLog::discard_replayed`]).
    pub fn resume(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
        report: ReplayReport,
    ) -> Result<Self, LogError> {
        let dir = dir.into();
        let options = LogOptions {
            segment_len: options.segment_len.clamp(LogOptions::MIN_SEGMENT_LEN, LogOptions::MAX_SEGMENT_LEN),
            ..options
        };
        disk.create_dir_all(&dir)?;
        let ReplayReport { end, void, segments, max_id, missing, .. } = report;
        // The next run's header says that all of this is durable.
        for segment in &segments {
            disk.open_write(&segment.path)?.sync_data()?;
        }
        let run = max_id.map_or(0, |id| id + 1).max(options.first_segment).max(1);
        let previous = end.unwrap_or(LogPosition::NONE);
        let link = Link { previous, unflushed: last_of_each(segments.iter().map(|s| (s.id, &s.dirty))) };
        let least = HEADER_LEN.saturating_add(Link::len(link.unflushed.len())).saturating_add(END_LEN);
        let len = LogOptions::FIRST_SEGMENT_LEN.min(options.segment_len).max(least);
        let header = Header {
            version: VERSION,
            len,
            id: run,
            salt: salt(&options, &*clock, run),
            run,
            previous_end: previous,
            made_after: run,
            gaps_accepted: !missing.is_empty(),
        };
        let first = Segment::prepare_first(&*disk, &dir, header, &link, options.durability)?;
        let reusable = clear_void(&*disk, &dir, void, &options)?;
        let full = segments.into_iter().map(|s| Full {
            id: s.id,
            path: s.path,
            len: s.len,
            dirty: s.dirty,
            replayed: true,
            unsynced: None,
        });
        let position = first.position();
        let began = clock.elapsed();
        Ok(Self {
            disk,
            dir,
            options,
            run,
            previous_end: previous,
            gaps_accepted: header.gaps_accepted,
            tail: Mutex::new(Tail {
                active: Some(first),
                full: full.collect(),
                records_end: position,
                pending: Pending::default(),
            }),
            writer: Mutex::new(Writer::new(position)),
            preparing: Mutex::new(Next { id: run + 1, len: grown(len, &options), made_after: run }),
            pool: Mutex::new(Pool { reusable, ..Pool::default() }),
            syncing: Mutex::new(SyncState { synced: position, running: false }),
            synced: Condvar::new(),
            sync_began_nanos: AtomicU64::new(u64::try_from(began.as_nanos()).unwrap_or(u64::MAX)),
            stopped: OnceLock::new(),
            clock,
        })
    }

    /// The longest record that fits, tags (4 bytes each) and payload together.
    #[must_use]
    pub fn max_record_len(&self) -> usize {
        (self.options.segment_len / 2 - RECORD_HEAD_LEN) as usize
    }

    /// Appends one record, its payload in parts, and returns where it ends. It is in the process's
    /// memory then: [`CommitLog::commit`] of the position must return before it may be
    /// acknowledged. A record without tags keeps no segment from being released.
    pub fn append(&self, tags: &[TableTag], payload: &[&[u8]]) -> Result<LogPosition, LogError> {
        // All that can be refused or computed is done before the lock.
        let mut head = RecordBytes::new(tags, payload, self.max_record_len())?;
        let mut tail = self.tail.lock();
        let tail = &mut *tail;
        self.check()?;
        self.make_room(tail, head.len)?;
        let Some(segment) = &mut tail.active else { return Err(LogError::Closed) };
        head.seal(segment.header.salt, segment.offset);
        let parts = once(head.bytes.as_slice()).chain(payload.iter().copied());
        tail.pending.add(segment, head.len, parts);
        let end = segment.position();
        tags.iter().for_each(|tag| segment.dirty.note(*tag, end.offset));
        tail.records_end = end;
        Ok(end)
    }

    /// Where the last record ends, or, before the first, a position between all replayed and all
    /// coming records.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.tail.lock().records_end
    }

    /// All records of `tag` that end at `up_to` or before are in SSTables that are visible and
    /// durable. Segments without other records are released: removed, or kept for reuse.
    pub fn mark_flushed(&self, tag: TableTag, up_to: LogPosition) -> Result<(), LogError> {
        let mut tail = self.tail.lock();
        let up_to_in = |id: u64| match up_to.segment.cast_signed().cmp(&id.cast_signed()) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => up_to.offset,
            std::cmp::Ordering::Greater => u32::MAX,
        };
        for full in &mut tail.full {
            full.dirty.flushed(tag, up_to_in(full.id));
        }
        if let Some(active) = &mut tail.active {
            active.dirty.flushed(tag, up_to_in(active.header.id));
        }
        self.release(tail)
    }

    /// Whether the log takes records: no write or sync of it has failed.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self) -> Result<(), LogError> {
        match self.stopped.get() {
            Some(error) => Err(LogError::Stopped(error.clone())),
            None => Ok(()),
        }
    }

    /// Everything that was replayed is in SSTables that are visible and durable, or not wanted any
    /// more.
    pub fn discard_replayed(&self) -> Result<(), LogError> {
        let mut tail = self.tail.lock();
        for full in tail.full.iter_mut().filter(|full| full.replayed) {
            full.dirty.clear();
        }
        self.release(tail)
    }

    /// The tables whose flush would release the oldest segment that holds unflushed records.
    #[must_use]
    pub fn dirty_tags_of_oldest(&self) -> Vec<TableTag> {
        let tail = self.tail.lock();
        let full = tail.full.iter().map(|full| &full.dirty);
        let mut all = full.chain(tail.active.as_ref().map(|active| &active.dirty));
        all.find(|dirty| !dirty.is_empty()).map(Dirty::tags).unwrap_or_default()
    }

    /// Bytes of the segments that are not released, the one that is written to included. Spares are
    /// not.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let tail = self.tail.lock();
        let active = tail.active.as_ref().map_or(0, |active| u64::from(active.header.len));
        tail.full.iter().map(|full| full.len).sum::<u64>() + active
    }

    /// Whether the log holds more than [`LogOptions::max_total_bytes`]: time to flush
    /// [`CommitLog::dirty_tags_of_oldest`].
    #[must_use]
    pub fn over_cap(&self) -> bool {
        self.total_bytes() > self.options.max_total_bytes
    }

    /// One piece of background work: makes a spare segment if too few are ready. True if there may
    /// be more to do. Without such calls a writer makes its segment itself. A log that is written
    /// little needs no spare.
    pub fn prepare_step(&self) -> Result<bool, LogError> {
        self.check()?;
        let wanted = {
            let tail = self.tail.lock();
            match &tail.active {
                Some(active) if active.header.len >= self.options.segment_len => self.options.spare_segments,
                Some(active) => {
                    usize::from(active.header.id != self.run || active.offset >= active.header.len / 4)
                }
                None => 0,
            }
        };
        let mut next = self.preparing.lock();
        let enough = |pool: &Pool| pool.closed || pool.spares.len() >= wanted;
        if enough(&self.pool.lock()) {
            return Ok(false);
        }
        let segment = self.prepare(&mut next, 0)?;
        let mut pool = self.pool.lock();
        pool.spares.push_back(segment);
        Ok(!enough(&pool))
    }

    /// Makes everything durable and leaves no more on the disk than is needed. Later appends are
    /// refused.
    pub fn close(&self) -> Result<(), LogError> {
        self.sync()?;
        let mut writer = self.writer.lock();
        self.write_pending(&mut writer)?;
        let mut tail = self.tail.lock();
        let Some(mut active) = tail.active.take() else { return Ok(()) };
        // The end record is made durable first: a file that is short without one was cut by another
        // program, and spares are removed only after an end.
        let end = encode_end(None, active.header.salt, active.offset);
        tail.pending.add(&mut active, END_LEN, once(end.as_slice()));
        tail.pending.write().map_err(|e| self.stop(e))?;
        for file in tail.full.iter().filter_map(|full| full.unsynced.as_ref()).chain([&active.file]) {
            file.sync_data().map_err(|e| self.stop(e))?;
        }
        tail.full.iter_mut().for_each(|full| full.unsynced = None);
        active.file.set_len(u64::from(active.offset))?;
        active.file.sync_all()?;
        tail.full.push_back(Full { unsynced: None, ..Full::new(active) });
        // Waits for a segment in the making.
        let next = self.preparing.lock();
        let Pool { spares, reusable, .. } = std::mem::replace(&mut *self.pool.lock(), Pool::CLOSED);
        drop(next);
        for path in spares.into_iter().map(|spare| spare.path).chain(reusable) {
            remove_if_exists(&*self.disk, &path)?;
        }
        self.release(tail)
    }

    /// Remembers the first failure for all later calls.
    pub(crate) fn stop(&self, error: IoError) -> LogError {
        let first = self.stopped.get_or_init(|| {
            tracing::error!(%error, "the commit log stops");
            error
        });
        LogError::Stopped(first.clone())
    }

    /// Adds a mark that all before `durable_to` is durable, if there is room: the next one says
    /// more.
    pub(crate) fn append_mark(&self, tail: &mut Tail, durable_to: LogPosition) {
        let Some(segment) = &mut tail.active else { return };
        if segment.fits(MARK_LEN) {
            let mark = encode_mark(durable_to, segment.header.salt, segment.offset);
            tail.pending.add(segment, MARK_LEN, once(mark.as_slice()));
        }
    }

    /// Makes the active segment one that a record of `len` bytes fits into.
    fn make_room(&self, tail: &mut Tail, len: u32) -> Result<(), LogError> {
        let Some(active) = &tail.active else { return Err(LogError::Closed) };
        if active.fits(len) {
            return Ok(());
        }
        let link = Link { previous: active.position_after_end(), unflushed: tail.unflushed() };
        let len = len.saturating_add(Link::len(link.unflushed.len()));
        // First what may fail without harm: the old segment ends only once there is a next one.
        let mut next = self.take_spare(len)?;
        let Some(mut active) = tail.active.take() else { return Err(LogError::Closed) };
        let end = encode_end(Some(next.header.id), active.header.salt, active.offset);
        tail.pending.add(&mut active, END_LEN, once(end.as_slice()));
        tail.full.push_back(Full::new(active));
        let link_bytes = link.encode(next.header.salt);
        tail.pending.add(&mut next, Link::len(link.unflushed.len()), once(link_bytes.as_slice()));
        tail.active = Some(next);
        Ok(())
    }

    /// A spare in which `len` bytes fit, or a segment made on the spot.
    fn take_spare(&self, len: u32) -> Result<Segment, LogError> {
        if let Some(spare) = self.ready_spare(len) {
            return Ok(spare);
        }
        let mut next = self.preparing.lock();
        // One may have become ready while we waited; a later one must not be used before it.
        match self.ready_spare(len) {
            Some(spare) => Ok(spare),
            None => self.prepare(&mut next, len),
        }
    }

    /// The first spare in which `len` bytes fit. Those before it are too short for a record that is
    /// longer than most: they are removed, since segments are used in the order of their ids.
    fn ready_spare(&self, len: u32) -> Option<Segment> {
        loop {
            let spare = self.pool.lock().spares.pop_front()?;
            if spare.fits(len) {
                return Some(spare);
            }
            self.remove_unused(&spare.path);
        }
    }

    /// Makes a segment in which `len` bytes fit. Its number is used up even if that fails.
    fn prepare(&self, next: &mut Next, len: u32) -> Result<Segment, LogError> {
        let id = next.id;
        next.id += 1;
        // With room for the mark that follows a sync of it.
        let least = len.saturating_add(HEADER_LEN + MARK_LEN + END_LEN);
        let header = Header {
            version: VERSION,
            len: next.len.max(least),
            id,
            salt: salt(&self.options, &*self.clock, id),
            run: self.run,
            previous_end: self.previous_end,
            made_after: next.made_after,
            gaps_accepted: self.gaps_accepted,
        };
        let is_usual = header.len == self.options.segment_len;
        let old = is_usual.then(|| self.pool.lock().reusable.pop()).flatten();
        let made = Segment::prepare(&*self.disk, &self.dir, header, old.as_deref(), self.options.durability);
        match made {
            Ok(segment) => {
                next.made_after = id;
                next.len = grown(header.len, &self.options);
                Ok(segment)
            }
            Err(error) => {
                // Its name may be either by now.
                self.remove_unused(&self.dir.join(temporary_name(id)));
                self.remove_unused(&self.dir.join(segment_name(id)));
                Err(LogError::Io(error))
            }
        }
    }

    /// Removes a segment that nothing was written to. A file that can't be removed now is removed
    /// when the log is opened.
    fn remove_unused(&self, path: &Path) {
        if let Err(error) = remove_if_exists(&*self.disk, path) {
            tracing::warn!(%error, "an unused segment of the commit log stays for now");
        }
    }

    /// Removes, or keeps for reuse, what holds no unflushed record. The newest segment stays in any
    /// case: it keeps ids from being used again. What was never synced (its table was dropped) is
    /// synced first: a power cut may give the file its name back, and then it must be whole, or it
    /// would look damaged to a replay that reads a later sync mark.
    fn release<'a>(&'a self, mut tail: MutexGuard<'a, Tail>) -> Result<(), LogError> {
        if tail.full.iter().any(|full| full.dirty.is_empty() && full.unsynced.is_some()) {
            drop(tail);
            self.sync()?;
            tail = self.tail.lock();
        }
        let newest = tail.active.is_none().then(|| tail.full.back().map(|full| full.id)).flatten();
        let kept = |full: &Full| !full.dirty.is_empty() || full.unsynced.is_some() || Some(full.id) == newest;
        let (kept, released): (VecDeque<Full>, VecDeque<Full>) = tail.full.drain(..).partition(kept);
        tail.full = kept;
        drop(tail);
        let mut first_error = None;
        for full in released {
            let mut pool = self.pool.lock();
            if !pool.closed
                && is_filled(self.options.durability)
                && full.len == u64::from(self.options.segment_len)
                && pool.reusable.len() < self.max_reusable()
            {
                pool.reusable.push(full.path);
                continue;
            }
            drop(pool);
            if let Err(e) = remove_if_exists(&*self.disk, &full.path) {
                first_error.get_or_insert(e);
            }
        }
        first_error.map_or(Ok(()), |e| Err(LogError::Io(e)))
    }

    fn max_reusable(&self) -> usize {
        self.options.spare_segments * 2
    }
}

/// A record's head and tags as they are written, checksummed with the payload, still without a
/// place.
struct RecordBytes {
    bytes: SmallVec<[u8; 32]>,
    checksum: u32,
    /// Length of the whole record in bytes.
    len: u32,
}

impl RecordBytes {
    fn new(tags: &[TableTag], payload: &[&[u8]], max: usize) -> Result<Self, LogError> {
        let body =
            payload.iter().fold(tags.len() as u64 * 4, |sum, part| sum.saturating_add(part.len() as u64));
        let too_large = LogError::TooLarge { len: body, max: max as u64 };
        let (Ok(body), Ok(tag_count)) = (u32::try_from(body), u16::try_from(tags.len())) else {
            return Err(too_large);
        };
        if body as usize > max {
            return Err(too_large);
        }
        let mut bytes = SmallVec::from_elem(0, RECORD_HEAD_LEN as usize + tags.len() * 4);
        let Some((head, places)) = bytes.split_first_chunk_mut::<{ RECORD_HEAD_LEN as usize }>() else {
            unreachable!("a record begins with its head")
        };
        *head = encode_record_head(body, KIND_RECORD, tag_count);
        for (place, tag) in places.as_chunks_mut::<4>().0.iter_mut().zip(tags) {
            *place = tag.0.to_le_bytes();
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(bytes.split_at(size_of::<u32>()).1);
        payload.iter().for_each(|part| hasher.update(part));
        Ok(Self { bytes, checksum: hasher.finalize(), len: RECORD_HEAD_LEN + body })
    }

    /// Completes the checksum for a place.
    fn seal(&mut self, salt: u64, offset: u32) {
        let Some(checksum) = self.bytes.first_chunk_mut::<4>() else {
            unreachable!("a record begins with its checksum")
        };
        *checksum = (self.checksum ^ mask(salt, offset)).to_le_bytes();
    }
}

/// Different for each segment, also when a number is used twice because a directory was copied.
fn salt(options: &LogOptions, clock: &dyn Clock, id: u64) -> u64 {
    mix(mix(options.salt_seed ^ mix(clock.now_micros().cast_unsigned())) ^ id)
}

/// Bytes of the segment after one of `len` bytes.
fn grown(len: u32, options: &LogOptions) -> u32 {
    len.saturating_mul(LogOptions::SEGMENT_GROWTH).min(options.segment_len)
}

/// Takes the names of void segments from them, durably, so that no later replay can find them; some
/// of the usual length stay as files to reuse.
fn clear_void(
    disk: &dyn Disk,
    dir: &Path,
    void: Vec<PathBuf>,
    options: &LogOptions,
) -> Result<Vec<PathBuf>, LogError> {
    let mut reusable = Vec::new();
    for path in &void {
        let usual = disk.metadata(path)?.len == u64::from(options.segment_len);
        let temporary = path.with_extension("tmp");
        if usual
            && is_filled(options.durability)
            && reusable.len() < options.spare_segments
            && temporary != *path
        {
            disk.rename(path, &temporary)?;
            reusable.push(temporary);
        } else {
            disk.remove_file(path)?;
        }
    }
    if !void.is_empty() {
        disk.sync_dir(dir)?;
    }
    Ok(reusable)
}
