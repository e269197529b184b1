//! The log that is written: append, the switch to the next segment, preparing and releasing segments.
//!
//! Locks, in the order in which they may be taken: `tail` (the place where bytes go; held for one copy),
//! `preparing` (whoever makes a segment, so that they are made in the order of their ids), `pool` (what
//! is ready; held for a moment). `syncing` (sync.rs) is never held together with any of them.

use std::collections::VecDeque;
use std::iter::once;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use helenus_io::{Clock, Disk, IoError, WriteFile, remove_if_exists};
use helenus_types::LogPosition;
use parking_lot::{Condvar, Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::format::{
    END_LEN, HEADER_LEN, Header, KIND_RECORD, RECORD_HEAD_LEN, encode_end, encode_mark, encode_record_head,
    mask, mix,
};
use crate::segment::{Dirty, Segment, segment_name, temporary_name};
use crate::sync::SyncState;
use crate::{LogError, LogOptions, ReplayError, ReplayReport, TableTag, replay};

/// The commit log of a database, open for writing. One at a time may have a directory: the caller holds
/// its lock.
#[derive(Debug)]
pub struct CommitLog {
    pub(crate) disk: Arc<dyn Disk>,
    dir: PathBuf,
    pub(crate) options: LogOptions,
    pub(crate) clock: Arc<dyn Clock>,
    /// Of every segment since the log was opened.
    run: u64,
    previous_end: LogPosition,
    pub(crate) tail: Mutex<Tail>,
    /// The id of the next segment that is made.
    preparing: Mutex<u64>,
    pool: Mutex<Pool>,
    pub(crate) syncing: Mutex<SyncState>,
    pub(crate) synced: Condvar,
    /// When the last completed sync began, in nanoseconds of the clock: what periodic writers look at.
    pub(crate) sync_began_nanos: AtomicU64,
    /// The first failed write or sync.
    stopped: OnceLock<IoError>,
}

/// Where bytes go, and what was written before.
#[derive(Debug)]
pub(crate) struct Tail {
    /// None until the first record.
    pub(crate) active: Option<Segment>,
    /// Full segments and replayed ones that are not released yet, in the order of their ids.
    pub(crate) full: VecDeque<Full>,
    /// Where the next record begins, or the segment it will be in.
    position: LogPosition,
    /// The end of the last record; sync marks may follow.
    pub(crate) records_end: LogPosition,
    /// For disks without maps: the parts of a record in one piece.
    gathered: Vec<u8>,
    closed: bool,
}

impl Tail {
    /// Where the next record begins, or the segment it will be in.
    pub(crate) fn position(&self) -> LogPosition {
        self.position
    }
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
    /// The segment's map, until someone has the time to drop it.
    map: Option<Box<dyn helenus_io::WritableMap>>,
}

impl Full {
    fn new(mut segment: Segment) -> Self {
        Self {
            id: segment.header.id,
            len: u64::from(segment.header.len),
            map: segment.take_map(),
            path: segment.path,
            dirty: segment.dirty,
            replayed: false,
            unsynced: Some(segment.file),
        }
    }
}

#[derive(Debug, Default)]
struct Pool {
    spares: VecDeque<Segment>,
    /// Files of segments that are not needed any more, of the usual length.
    reusable: Vec<PathBuf>,
    closed: bool,
}

impl Pool {
    const CLOSED: Self = Self { spares: VecDeque::new(), reusable: Vec::new(), closed: true };
}

impl CommitLog {
    /// Opens the log in `dir` for appending, after reading what is there without looking at it. Those who
    /// want the records call [`replay`] first and [`CommitLog::resume`] then.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        options: LogOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ReplayError<LogError>> {
        let dir = dir.into();
        let report = replay(&*disk, &dir, &mut |_| Ok(()))?;
        Self::resume(disk, dir, options, clock, report).map_err(|e| match e {
            LogError::Io(e) => ReplayError::Io(e),
            other => ReplayError::Receiver(other),
        })
    }

    /// Opens the log for appending behind what `report` found in the same directory. What was replayed is
    /// made durable; the rest is dropped for ever. The replayed segments stay until their tables are
    /// flushed ([`CommitLog::mark_flushed`]), or all of them are ([`CommitLog::discard_replayed`]).
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
        let ReplayReport { end, void, segments, max_id, .. } = report;
        // The next run's header says that all of this is durable.
        for segment in &segments {
            disk.open_write(&segment.path)?.sync_data()?;
        }
        let run = max_id.map_or(0, |id| id + 1).max(options.first_segment);
        let previous_end = end.unwrap_or(LogPosition::NONE);
        let salt = salt(&options, &*clock, run);
        let header = Header { len: HEADER_LEN + END_LEN, id: run, salt, run, previous_end };
        let anchor = Segment::prepare_anchor(&*disk, &dir, &header)?;
        let reusable = clear_void(&*disk, &dir, void, &options)?;
        let mut full: VecDeque<Full> = segments
            .into_iter()
            .map(|s| Full {
                id: s.id,
                path: s.path,
                len: s.len,
                dirty: s.dirty,
                replayed: true,
                unsynced: None,
                map: None,
            })
            .collect();
        full.push_back(Full {
            id: run,
            path: anchor,
            len: u64::from(header.len),
            dirty: Dirty::default(),
            replayed: false,
            unsynced: None,
            map: None,
        });
        let position = LogPosition { segment: run, offset: header.len };
        let began = clock.elapsed();
        Ok(Self {
            disk,
            dir,
            options,
            run,
            previous_end,
            tail: Mutex::new(Tail {
                active: None,
                full,
                position,
                records_end: position,
                gathered: Vec::new(),
                closed: false,
            }),
            preparing: Mutex::new(run + 1),
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

    /// Appends one record, its payload in parts, and returns where it ends. The operating system has it on
    /// return; wait for [`CommitLog::commit`] of the position before acknowledging it. A record without
    /// tags keeps no segment from being released.
    pub fn append(&self, tags: &[TableTag], payload: &[&[u8]]) -> Result<LogPosition, LogError> {
        // All that can be refused or computed is done before the lock.
        let mut head = RecordBytes::new(tags, payload, self.max_record_len())?;
        let mut tail = self.tail.lock();
        let tail = &mut *tail;
        self.accepting(tail)?;
        self.make_room(tail, head.len)?;
        let Some(segment) = &mut tail.active else { return Err(LogError::Closed) };
        head.seal(segment.header.salt, segment.offset);
        let parts = once(head.bytes.as_slice()).chain(payload.iter().copied());
        segment.append(head.len, parts, &mut tail.gathered).map_err(|e| self.stop(e))?;
        let end = segment.position();
        tags.iter().for_each(|tag| segment.dirty.note(*tag, end.offset));
        tail.position = end;
        tail.records_end = end;
        Ok(end)
    }

    /// Where the next record begins, or, before the first, a position between all replayed and all coming
    /// records.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.tail.lock().position
    }

    /// All records of `tag` that end at `up_to` or before are in SSTables that are visible and durable.
    /// Segments without other records are released: removed, or kept for reuse.
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
        self.running()
    }

    /// Everything that was replayed is in SSTables that are visible and durable, or not wanted any more.
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

    /// Bytes of the segments that are not released, the one that is written to included. Spares are not.
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

    /// One piece of background work: makes a spare segment if too few are ready. True if there may be more
    /// to do. Without such calls a writer makes its segment itself.
    pub fn prepare_step(&self) -> Result<bool, LogError> {
        // Unmapping takes long enough not to be done where writers wait.
        let maps: Vec<_> = self.tail.lock().full.iter_mut().filter_map(|full| full.map.take()).collect();
        drop(maps);
        let mut next_id = self.preparing.lock();
        self.running()?;
        let enough = |pool: &Pool| pool.closed || pool.spares.len() >= self.options.spare_segments;
        if enough(&self.pool.lock()) {
            return Ok(false);
        }
        let segment = self.prepare(&mut next_id)?;
        let mut pool = self.pool.lock();
        pool.spares.push_back(segment);
        Ok(!enough(&pool))
    }

    /// Makes everything durable and leaves no more on the disk than is needed. Later appends are refused.
    pub fn close(&self) -> Result<(), LogError> {
        self.sync()?;
        let mut tail = self.tail.lock();
        tail.closed = true;
        // Waits for a segment in the making.
        let next_id = self.preparing.lock();
        let Pool { spares, reusable, .. } = std::mem::replace(&mut *self.pool.lock(), Pool::CLOSED);
        drop(next_id);
        for path in spares.into_iter().map(|spare| spare.path).chain(reusable) {
            remove_if_exists(&*self.disk, &path)?;
        }
        if let Some(mut active) = tail.active.take() {
            // A file that is cut must not be mapped.
            drop(active.take_map());
            // It ends with an end record, durable first: a file that is short without one was cut by somebody else.
            let end = encode_end(active.header.salt, active.offset);
            active.file.write_at(u64::from(active.offset), &end)?;
            active.file.sync_data()?;
            active.file.set_len(u64::from(active.offset + END_LEN))?;
            active.file.sync_all()?;
            tail.full.push_back(Full { unsynced: None, ..Full::new(active) });
        }
        self.release(tail)
    }

    /// Refuses what comes after the first failure, or the end.
    fn accepting(&self, tail: &Tail) -> Result<(), LogError> {
        self.running()?;
        if tail.closed { Err(LogError::Closed) } else { Ok(()) }
    }

    /// Whether no write or sync has failed yet.
    pub(crate) fn running(&self) -> Result<(), LogError> {
        match self.stopped.get() {
            Some(error) => Err(LogError::Stopped(error.clone())),
            None => Ok(()),
        }
    }

    /// Remembers the first failure for all who come later.
    pub(crate) fn stop(&self, error: IoError) -> LogError {
        let first = self.stopped.get_or_init(|| {
            tracing::error!(%error, "the commit log stops");
            error
        });
        LogError::Stopped(first.clone())
    }

    /// Adds a mark that all before `durable_to` is durable, if there is room: the next one says more.
    pub(crate) fn append_mark(&self, tail: &mut Tail, durable_to: LogPosition) -> Result<(), LogError> {
        let Some(segment) = &mut tail.active else { return Ok(()) };
        let mark = encode_mark(durable_to, segment.header.salt, segment.offset);
        let len = crate::format::MARK_LEN;
        if !segment.fits(len) {
            return Ok(());
        }
        segment.append(len, once(mark.as_slice()), &mut tail.gathered).map_err(|e| self.stop(e))?;
        tail.position = segment.position();
        Ok(())
    }

    /// Makes the active segment one that a record of `len` bytes fits into.
    fn make_room(&self, tail: &mut Tail, len: u32) -> Result<(), LogError> {
        if tail.active.as_ref().is_some_and(|active| active.fits(len)) {
            return Ok(());
        }
        // First what may fail without harm: the old segment ends only once there is a next one.
        let next = self.take_spare()?;
        if let Some(mut active) = tail.active.replace(next) {
            let end = encode_end(active.header.salt, active.offset);
            let ended = active.append(END_LEN, once(end.as_slice()), &mut tail.gathered);
            tail.full.push_back(Full::new(active));
            ended.map_err(|e| self.stop(e))?;
        }
        Ok(())
    }

    /// A spare, or a segment made on the spot.
    fn take_spare(&self) -> Result<Segment, LogError> {
        if let Some(spare) = self.pool.lock().spares.pop_front() {
            return Ok(spare);
        }
        let mut next_id = self.preparing.lock();
        // One may have become ready while we waited; a later one must not be used before it.
        let ready = self.pool.lock().spares.pop_front();
        match ready {
            Some(spare) => Ok(spare),
            None => self.prepare(&mut next_id),
        }
    }

    /// Makes a segment. Its number is used up even if that fails.
    fn prepare(&self, next_id: &mut MutexGuard<'_, u64>) -> Result<Segment, LogError> {
        let id = **next_id;
        **next_id += 1;
        let header = Header {
            len: self.options.segment_len,
            id,
            salt: salt(&self.options, &*self.clock, id),
            run: self.run,
            previous_end: self.previous_end,
        };
        let old = self.pool.lock().reusable.pop();
        let made = Segment::prepare(&*self.disk, &self.dir, header, old.as_deref(), self.options.durability);
        made.map_err(|error| {
            // Its name may be either by now. What cannot be removed is removed when the log is opened.
            for name in [temporary_name(id), segment_name(id)] {
                if let Err(error) = remove_if_exists(&*self.disk, &self.dir.join(name)) {
                    tracing::warn!(%error, "an unfinished segment of the commit log stays for now");
                }
            }
            LogError::Io(error)
        })
    }

    /// Removes, or keeps for reuse, what holds no unflushed record. The newest file stays in any case: it
    /// keeps ids from being used again. What was never synced (its table was dropped) is synced first: a
    /// power cut may give the file its name back, and then it must be whole, or it would look damaged to
    /// those who read a later sync mark.
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
            drop(full.map);
            let mut pool = self.pool.lock();
            if !pool.closed
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

/// A record's head and tags as they are written, checksummed with the payload, still without a place.
struct RecordBytes {
    bytes: SmallVec<[u8; 32]>,
    checksum: u32,
    /// Of the whole record.
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
        if let Some((head, places)) = bytes.split_first_chunk_mut::<{ RECORD_HEAD_LEN as usize }>() {
            *head = encode_record_head(body, KIND_RECORD, tag_count);
            for (place, tag) in places.as_chunks_mut::<4>().0.iter_mut().zip(tags) {
                *place = tag.0.to_le_bytes();
            }
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(bytes.get(4..).unwrap_or_default());
        payload.iter().for_each(|part| hasher.update(part));
        Ok(Self { bytes, checksum: hasher.finalize(), len: RECORD_HEAD_LEN + body })
    }

    /// Completes the checksum for a place.
    fn seal(&mut self, salt: u64, offset: u32) {
        if let Some(checksum) = self.bytes.first_chunk_mut::<4>() {
            *checksum = (self.checksum ^ mask(salt, offset)).to_le_bytes();
        }
    }
}

/// Different for each segment, also when a number is used twice because a directory was copied.
fn salt(options: &LogOptions, clock: &dyn Clock, id: u64) -> u64 {
    mix(mix(options.salt_seed ^ mix(clock.now_micros().cast_unsigned())) ^ id)
}

/// Takes the names of void segments from them, durably, so that no later replay can find them; some of
/// the usual length stay as files to reuse.
fn clear_void(
    disk: &dyn Disk,
    dir: &std::path::Path,
    void: Vec<PathBuf>,
    options: &LogOptions,
) -> Result<Vec<PathBuf>, LogError> {
    let mut reusable = Vec::new();
    for path in &void {
        let usual = disk.metadata(path)?.len == u64::from(options.segment_len);
        let temporary = path.with_extension("tmp");
        if usual && reusable.len() < options.spare_segments && temporary != *path {
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
