//! Reads the data, and skips damage.
//!
//! The data itself leads: the next partition begins where one ends. Where it can't be read, the
//! index says where partitions and blocks of their rows begin; between these a row is recognised by
//! its distance to the one before it, which each row stores. Without an index the next partition is
//! searched.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use helenus_rows::{
    Broken, CellEvent, DeletionTime, Header, MarkerRef, OverflowMender, PartitionRef, RowBuf, RowBuilder,
    RowRef, Unfiltered,
};
use helenus_sstable::{
    BadValue, ChunkScratch, ChunkVerification, DataCursor, DataFile, Found, IndexBlock, IndexBlocks,
    RowCheck, SearchKey, SsTableError, check_unfiltered,
};

use super::guide::{Entry, Guide};
use super::keep::Keeper;
use super::report::{Loss, LostPart, Substitute};
use crate::error::ToolError;
use crate::watched::{Meter, Steps};

/// Longest row that is looked for where it isn't known that one begins.
const LONGEST_TRIAL: u64 = 1 << 20;
/// Rows that have to follow each other for the first to be taken for one.
const CHAIN: u32 = 4;

/// A walk through one table.
pub(super) struct Walk<'a, 'm> {
    data: &'a DataFile,
    guide: Guide<'a>,
    keeper: Keeper<'a>,
    cursor: DataCursor,
    /// For looking ahead.
    probe: DataCursor,
    search: SearchKey,
    /// Knows whether a row can be decoded.
    check: RowCheck,
    /// Whether chunks have checksums: what is read is what was written then.
    is_checked: bool,
    damaged: BTreeSet<u32>,
    mender: Option<OverflowMender>,
    builder: RowBuilder,
    mended: RowBuf,
    /// The position after the damage up to which the partition is known to have no marker, so that
    /// it isn't searched again.
    clear_until: u64,
    meter: &'a Meter<'m>,
    steps: Steps,
}

/// The known part of a partition's head.
struct Head {
    key: Vec<u8>,
    deletion: DeletionTime,
    /// Whether its static row was read.
    has_static_row: bool,
    /// The start of its rows, or of the unreadable part with the reason.
    body: Result<u64, (u64, String)>,
}

/// The place to continue after damage.
enum Onwards {
    /// In the same partition, where that range deletion is open.
    Here(u64, DeletionTime),
    /// The start of another partition, or the end of the data.
    Behind(u64),
}

impl<'a, 'm> Walk<'a, 'm> {
    pub(super) fn new(
        data: &'a DataFile,
        is_checked: bool,
        damaged: &[u32],
        guide: Guide<'a>,
        keeper: Keeper<'a>,
        is_mending: bool,
        meter: &'a Meter<'m>,
    ) -> Walk<'a, 'm> {
        Walk {
            guide,
            keeper,
            cursor: data.cursor(),
            probe: data.cursor(),
            search: SearchKey::new(data.partitioner().clone()),
            check: RowCheck::new(data.header()),
            is_checked,
            damaged: damaged.iter().copied().collect(),
            mender: is_mending.then(OverflowMender::default),
            builder: RowBuilder::default(),
            mended: RowBuf::default(),
            clear_until: 0,
            meter,
            steps: Steps::default(),
            data,
        }
    }

    /// Goes through everything.
    pub(super) fn run(mut self) -> Result<Keeper<'a>, ToolError> {
        let data_len = self.data.data_len();
        let mut at = 0;
        while at < data_len {
            self.tell(at)?;
            at = self.partition(at)?.max(at + 1);
        }
        let rest = self.steps.all(data_len);
        self.told(rest)?;
        // An intact index knows of partitions after the end of a file that was cut. The length of
        // compressed data is known.
        let may_be_cut = !self.data.chunks().is_compressed() && self.guide.is_whole_to_the_end();
        while let Some(entry) = self.guide.next().filter(|_| may_be_cut) {
            self.guide.pass(entry.position() + 1);
            let position = entry.position();
            let Entry { key, .. } = entry;
            let why = "it was stored after the end of Data.db".to_owned();
            self.keeper.lose(Loss { part: LostPart::Partition, key, start: position, end: position, why })?;
        }
        let Walk { guide, mut keeper, mender, .. } = self;
        keeper
            .report
            .substitutes
            .extend(guide.damage.map(|damage| Substitute::of_index(self.data.descriptor(), &damage)));
        keeper.report.mended = mender.map_or(0, |mender| mender.mended);
        Ok(keeper)
    }

    fn tell(&mut self, at: u64) -> Result<(), ToolError> {
        self.steps.due(at).map_or(Ok(()), |passed| self.told(passed))
    }

    fn told(&self, passed: u64) -> Result<(), ToolError> {
        match self.meter.add(passed) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ToolError::Stopped),
        }
    }

    /// Keeps what can be kept of the partition that begins at `start`; where the next one does.
    fn partition(&mut self, start: u64) -> Result<u64, ToolError> {
        let data_len = self.data.data_len();
        let (entry, limit) = self.guide.partition(start, data_len);
        let Some(head) = self.head(start, entry.as_ref(), limit)? else {
            let end = match limit {
                Some(limit) => limit,
                None => self.find_partition(start + 1).unwrap_or(data_len),
            };
            let part = if entry.is_some() { LostPart::Partition } else { LostPart::Unknown };
            let why = self.why(start);
            self.lose(part, None, start, end, why)?;
            return Ok(end);
        };
        let Head { key, deletion, has_static_row, body } = head;
        self.search.set(&key);
        let partition = PartitionRef { token: self.search.token(), key: &key, deletion };
        let data = self.data;
        let mut static_row = if has_static_row { self.cursor.static_row() } else { None };
        let mut is_lost = false;
        if let Some(row) = static_row
            && is_overflowed(row)
        {
            static_row = match &mut self.mender {
                Some(mender) => {
                    let mended = mender.row(row, &mut self.builder, &mut self.mended);
                    mended.is_ok().then(|| self.mended.as_ref(data.header()))
                }
                None => None,
            };
            is_lost = static_row.is_none();
        }
        self.keeper.start(partition, static_row)?;
        if is_lost {
            self.keeper.report.overflowed += 1;
            self.lose_static_row(&key, start, start, OVERFLOWED)?;
        }
        let confirmed = limit.filter(|limit| self.is_checked || self.is_confirmed(*limit));
        let end = self.rows(start, body, entry.as_ref(), limit, confirmed)?;
        self.keeper.end(end)?;
        Ok(end)
    }

    /// The reason why the data at `at` can't be read.
    fn why(&mut self, at: u64) -> String {
        match self.cursor.read_key(at) {
            Err(error) => error.to_string(),
            Ok(_) => "no partition begins there".to_owned(),
        }
    }

    fn lose(
        &mut self,
        part: LostPart,
        key: Option<&[u8]>,
        start: u64,
        end: u64,
        why: String,
    ) -> Result<(), ToolError> {
        self.keeper.report.lost_bytes += end.saturating_sub(start);
        self.keeper.lose(Loss { part, key: key.map(<[u8]>::to_vec), start, end, why })
    }

    /// Reads the head of the partition at `start`, with what the index knows of it; nothing if its
    /// key is lost.
    fn head(
        &mut self,
        start: u64,
        entry: Option<&Entry>,
        limit: Option<u64>,
    ) -> Result<Option<Head>, ToolError> {
        let read = self.cursor.read_key(start);
        self.note(start, read.is_err());
        let indexed = entry.and_then(|entry| entry.key.as_deref());
        // Where keys are values of an indexed column, one may be empty.
        let is_key = |key: &[u8]| {
            let may_be = !key.is_empty() || indexed.is_some_and(<[u8]>::is_empty);
            may_be && self.data.header().key_type.validate(key).is_ok()
        };
        let key = match &read {
            Ok(_) if is_key(self.cursor.key()) => Some(self.cursor.key().to_vec()),
            _ => None,
        };
        let key = match (key, indexed) {
            // Without checksums it is the data that may be wrong.
            (Some(key), Some(indexed)) if key != indexed && !self.is_checked => {
                let is_in_order = |key: &[u8]| {
                    let key = SearchKey::of(self.data.partitioner().clone(), key);
                    self.keeper.is_behind_last(&key)
                };
                if is_in_order(indexed) && !is_in_order(&key) { None } else { Some(key) }
            }
            (key, _) => key,
        };
        let (Some(key), Ok(behind)) = (key, &read) else {
            let Some(key) = indexed.filter(|key| is_key(key)).map(<[u8]>::to_vec) else { return Ok(None) };
            let why = read.err().map_or_else(|| "its key is not one".to_owned(), |error| error.to_string());
            let deletion = entry.and_then(Entry::deletion);
            let head_end = start + 2 + key.len() as u64;
            if deletion.is_none() {
                self.lose(LostPart::Deletion, Some(&key), start, head_end, why.clone())?;
            }
            self.lose_static_row(&key, head_end, head_end, &why)?;
            let deletion = deletion.unwrap_or(DeletionTime::LIVE);
            return Ok(Some(Head { key, deletion, has_static_row: false, body: Err((start, why)) }));
        };
        self.behind_key(key, *behind, entry, limit).map(Some)
    }

    /// Deletion and static row, which follow the key.
    fn behind_key(
        &mut self,
        key: Vec<u8>,
        at: u64,
        entry: Option<&Entry>,
        limit: Option<u64>,
    ) -> Result<Head, ToolError> {
        let read = self.cursor.read_deletion(at);
        self.note(at, read.is_err());
        let (mut deletion, body) = match read {
            Ok(read) => read,
            Err(error) => {
                let why = error.to_string();
                let indexed = entry.and_then(Entry::deletion);
                if indexed.is_none() {
                    self.lose(LostPart::Deletion, Some(&key), at, at, why.clone())?;
                }
                self.lose_static_row(&key, at, at, &why)?;
                let deletion = indexed.unwrap_or(DeletionTime::LIVE);
                return Ok(Head { key, deletion, has_static_row: false, body: Err((at, why)) });
            }
        };
        if deletion.is_overflowed() {
            match &mut self.mender {
                Some(mender) => deletion = mender.deletion(deletion),
                None => {
                    self.keeper.report.overflowed += 1;
                    self.lose(LostPart::Deletion, Some(&key), at, body, OVERFLOWED.to_owned())?;
                    deletion = DeletionTime::LIVE;
                }
            }
        }
        if self.data.header().statics.is_empty() {
            return Ok(Head { key, deletion, has_static_row: false, body: Ok(body) });
        }
        let limit = limit.filter(|_| !self.is_checked).unwrap_or(self.data.data_len());
        let read = self.cursor.read_static_row(body, limit);
        self.note(body, read.is_err());
        let end = match read {
            Ok(end) => end,
            Err(error) => {
                let why = error.to_string();
                self.lose_static_row(&key, body, body, &why)?;
                return Ok(Head { key, deletion, has_static_row: false, body: Err((body, why)) });
            }
        };
        let header = self.data.header();
        let checked = self
            .cursor
            .static_row()
            .filter(|row| !is_overflowed(*row))
            .map_or(Ok(()), |row| decode(&mut self.check, header, row, true));
        let has_static_row = checked.is_ok();
        if let Err(why) = checked {
            self.lose_static_row(&key, body, end, &why)?;
        }
        Ok(Head { key, deletion, has_static_row, body: Ok(end) })
    }

    fn lose_static_row(&mut self, key: &[u8], start: u64, end: u64, why: &str) -> Result<(), ToolError> {
        if self.data.header().statics.is_empty() {
            return Ok(());
        }
        self.lose(LostPart::StaticRow, Some(key), start, end, why.to_owned())
    }

    /// Keeps the rows of the partition that begins at `start`; where it ends.
    fn rows(
        &mut self,
        start: u64,
        body: Result<u64, (u64, String)>,
        entry: Option<&Entry>,
        limit: Option<u64>,
        confirmed: Option<u64>,
    ) -> Result<u64, ToolError> {
        // The end of the rows according to the index; data with checksums does not need it.
        let said = confirmed.filter(|_| !self.is_checked);
        let bound = said.unwrap_or(self.data.data_len());
        let mut blocks = entry.and_then(|entry| self.guide.blocks(entry));
        let mut state = body;
        loop {
            let (at, why) = match state {
                Ok(at) => match self.row(at, bound)? {
                    Ok(Found::Unfiltered(next)) => {
                        self.tell(next)?;
                        state = Ok(next);
                        continue;
                    }
                    Ok(Found::EndOfPartition(end)) if said.is_none_or(|said| said == end) => return Ok(end),
                    Ok(Found::EndOfPartition(end)) => {
                        (at, format!("the partition ends at {end}, and by the index at {bound}"))
                    }
                    Ok(Found::TooLong) => (at, self.too_long(at, bound)),
                    Err(error) => (at, error.to_string()),
                },
                Err(damage) => damage,
            };
            let key = self.search.key().to_vec();
            match self.onwards(start, at, limit, blocks.as_mut()) {
                Onwards::Here(next, open) => {
                    if next > at {
                        self.lose(LostPart::Rows, Some(&key), at, next, why)?;
                    }
                    self.keeper.turn(open, next)?;
                    state = Ok(next);
                }
                Onwards::Behind(next) => {
                    self.lose(LostPart::Rows, Some(&key), at, next, why)?;
                    return Ok(next);
                }
            }
        }
    }

    fn too_long(&self, at: u64, bound: u64) -> String {
        match self.next_damaged(at) {
            Some((chunk, _)) => format!("chunk {chunk} is damaged"),
            None => format!("a row that extends past {bound}, where its partition ends"),
        }
    }

    /// Keeps the row or marker at `at`, which ends by `bound`.
    fn row(&mut self, at: u64, bound: u64) -> Result<Result<Found, SsTableError>, ToolError> {
        let stop = self.next_damaged(at).map_or(bound, |(_, position)| position.min(bound));
        if stop <= at && stop < bound {
            return Ok(Ok(Found::TooLong));
        }
        let found = self.cursor.unfiltered(at, stop);
        self.note(at, found.is_err());
        let next = match found {
            Ok(Found::Unfiltered(next)) => next,
            other => return Ok(other),
        };
        let data = self.data;
        let header = data.header();
        let lost = match self.cursor.current() {
            // Its columns were dropped before it was written.
            Some(Unfiltered::Row(row)) if row.is_empty().unwrap_or(false) => None,
            Some(Unfiltered::Row(mut row)) => {
                let mut checked = Ok(());
                if is_overflowed(row) {
                    checked = Err(OVERFLOWED.to_owned());
                    if let Some(mender) = &mut self.mender
                        && mender.row(row, &mut self.builder, &mut self.mended).is_ok()
                    {
                        row = self.mended.as_ref(header);
                        checked = Ok(());
                    }
                    self.keeper.report.overflowed += u64::from(checked.is_err());
                }
                let checked = checked.and_then(|()| decode(&mut self.check, header, row, false));
                if checked.is_ok() {
                    self.keeper.push(Unfiltered::Row(row), at)?;
                }
                checked.err().map(|why| (LostPart::Row, why))
            }
            Some(Unfiltered::Marker(marker)) => {
                let mut valid = |deletion: DeletionTime| match &mut self.mender {
                    Some(mender) => mender.deletion(deletion),
                    None if deletion.is_overflowed() => DeletionTime::LIVE,
                    None => deletion,
                };
                let kept = MarkerRef { close: valid(marker.close), open: valid(marker.open), ..marker };
                let is_lost = kept.open.is_live() && !marker.open.is_live();
                match check_unfiltered(header, &Unfiltered::Marker(kept)) {
                    Ok(()) => {
                        self.keeper.push(Unfiltered::Marker(kept), at)?;
                        self.keeper.report.overflowed += u64::from(is_lost);
                        is_lost.then(|| (LostPart::RangeDeletion, OVERFLOWED.to_owned()))
                    }
                    Err(bad) => Some((LostPart::RangeDeletion, text(&bad))),
                }
            }
            None => None,
        };
        if let Some((part, why)) = lost {
            let key = self.search.key().to_vec();
            self.lose(part, Some(&key), at, next, why)?;
        }
        Ok(Ok(Found::Unfiltered(next)))
    }

    /// The place to continue after unreadable data at `at`, in a partition that begins at `start`
    /// and ends where `limit` says.
    fn onwards(
        &mut self,
        start: u64,
        at: u64,
        limit: Option<u64>,
        mut blocks: Option<&mut IndexBlocks<'a>>,
    ) -> Onwards {
        let data_len = self.data.data_len();
        let from = match self.damage_behind(at) {
            Some(end) => end,
            None => at + 1,
        };
        let Some(limit) = limit else {
            return Onwards::Behind(self.find_partition(from).unwrap_or(data_len));
        };
        let mut from = from;
        while from < limit {
            let block = Self::next_block(start, from, blocks.as_deref_mut()).filter(|(at, _)| *at < limit);
            let until = block.map_or(limit, |(position, _)| position);
            if let Some(found) = self.find_row(from, until, at, limit) {
                let open = self.open_at(found, until, limit, block.map(|(_, open)| open));
                return Onwards::Here(found, open);
            }
            let Some((position, open)) = block else { break };
            if !self.is_damaged(position) && self.is_row(position, limit) {
                return Onwards::Here(position, open);
            }
            from = self.damage_behind(position).unwrap_or(position + 1);
        }
        Onwards::Behind(limit.max(at + 1))
    }

    /// The first block of rows that begins at or after `from`, and the range deletion that is open
    /// there.
    fn next_block(
        start: u64,
        from: u64,
        blocks: Option<&mut IndexBlocks<'a>>,
    ) -> Option<(u64, DeletionTime)> {
        let blocks = blocks?;
        // Where the index is damaged, it leads no further.
        while let Some(IndexBlock { offset, open_deletion }) = blocks.next().ok().flatten() {
            let position = start.saturating_add(offset);
            if position >= from {
                return Some((position, open_deletion));
            }
        }
        None
    }

    /// The first place from `from` on and before `until` with a probable row, marker or end of the
    /// partition: it decodes as one, the one before it begins at `lost` or later, and others follow
    /// it, up to `limit`.
    fn find_row(&mut self, from: u64, until: u64, lost: u64, limit: u64) -> Option<u64> {
        let mut at = from;
        while at < until {
            if let Some(end) = self.damage_behind(at) {
                at = end;
                continue;
            }
            self.probe.hold(Some(at));
            if self.is_chain(at, lost, limit) {
                self.probe.hold(None);
                return Some(at);
            }
            at += 1;
        }
        self.probe.hold(None);
        None
    }

    fn is_chain(&mut self, first: u64, lost: u64, limit: u64) -> bool {
        let mut at = first;
        let mut last = None;
        for _ in 0..CHAIN {
            let stop = limit.min(at.saturating_add(LONGEST_TRIAL));
            let stop = self.next_damaged(at).map_or(stop, |(_, position)| position.min(stop));
            if stop <= at {
                return last.is_some();
            }
            match self.probe.unfiltered(at, stop) {
                Ok(Found::EndOfPartition(end)) => return end == limit,
                // It may go on into what is damaged.
                Ok(Found::TooLong) => return last.is_some() && stop < limit,
                Err(_) => return false,
                Ok(Found::Unfiltered(next)) => {
                    let before = self.probe.previous_size().and_then(|size| at.checked_sub(size));
                    let fits = match (before, last) {
                        (Some(before), None) => (lost..at).contains(&before),
                        (before, Some(last)) => before == Some(last),
                        (None, None) => false,
                    };
                    if !fits || !self.is_valid_probe() {
                        return false;
                    }
                    last = Some(at);
                    at = next;
                }
            }
        }
        true
    }

    /// Whether what the probe stands on can be decoded.
    fn is_valid_probe(&mut self) -> bool {
        let header = self.data.header();
        match self.probe.current() {
            Some(Unfiltered::Row(row)) => decode(&mut self.check, header, row, false).is_ok(),
            Some(marker) => check_unfiltered(header, &marker).is_ok(),
            None => false,
        }
    }

    /// Whether a row, marker or the end of the partition stands at `at`.
    fn is_row(&mut self, at: u64, limit: u64) -> bool {
        match self.probe.unfiltered(at, limit) {
            Ok(Found::Unfiltered(_)) => self.is_valid_probe(),
            Ok(Found::EndOfPartition(_)) => true,
            Ok(Found::TooLong) | Err(_) => false,
        }
    }

    /// The range deletion that is open at `at`, known from the first marker after it, or from the
    /// block that begins at `until`.
    fn open_at(
        &mut self,
        mut at: u64,
        until: u64,
        limit: u64,
        at_block: Option<DeletionTime>,
    ) -> DeletionTime {
        at = at.max(self.clear_until);
        while at < until {
            let stop = self.next_damaged(at).map_or(limit, |(_, position)| position.min(limit));
            match self.probe.unfiltered(at, stop) {
                Ok(Found::Unfiltered(next)) => {
                    if let Some(Unfiltered::Marker(marker)) = self.probe.current() {
                        return marker.close;
                    }
                    at = next;
                    self.clear_until = at;
                }
                _ => return DeletionTime::LIVE,
            }
        }
        at_block.unwrap_or(DeletionTime::LIVE)
    }

    /// The first place from `from` on with a probable partition: a key after the last one, a
    /// deletion, and rows.
    fn find_partition(&mut self, from: u64) -> Option<u64> {
        let data_len = self.data.data_len();
        let mut at = self.damage_behind(from.saturating_sub(1)).unwrap_or(from);
        while at < data_len {
            if let Some(end) = self.damage_behind(at) {
                at = end;
                continue;
            }
            self.probe.hold(Some(at));
            if self.is_partition(at) {
                self.probe.hold(None);
                return Some(at);
            }
            at += 1;
        }
        self.probe.hold(None);
        None
    }

    fn is_partition(&mut self, start: u64) -> bool {
        let Ok(at) = self.probe.read_key(start) else { return false };
        let header = self.data.header();
        if self.probe.key().is_empty() || header.key_type.validate(self.probe.key()).is_err() {
            return false;
        }
        self.search.set(self.probe.key());
        if !self.keeper.is_behind_last(&self.search) {
            return false;
        }
        let Ok((deletion, mut at)) = self.probe.read_deletion(at) else { return false };
        if deletion.is_overflowed() {
            return false;
        }
        let mut has_content = !deletion.is_live();
        if !header.statics.is_empty() {
            match self.probe.read_static_row(at, at.saturating_add(LONGEST_TRIAL)) {
                Ok(end) => at = end,
                Err(_) => return false,
            }
            if let Some(row) = self.probe.static_row() {
                has_content = true;
                if decode(&mut self.check, header, row, true).is_err() {
                    return false;
                }
            }
        }
        let mut last = start;
        for _ in 0..CHAIN {
            let stop = self.data.data_len().min(at.saturating_add(LONGEST_TRIAL));
            let stop = self.next_damaged(at).map_or(stop, |(_, position)| position.min(stop));
            match self.probe.unfiltered(at, stop) {
                Ok(Found::EndOfPartition(_)) => return has_content,
                Ok(Found::Unfiltered(next)) => {
                    let before = self.probe.previous_size().and_then(|size| at.checked_sub(size));
                    if before != Some(last) || !self.is_valid_probe() {
                        return false;
                    }
                    has_content = true;
                    last = at;
                    at = next;
                }
                Ok(Found::TooLong) => return has_content,
                Err(_) => return false,
            }
        }
        true
    }

    /// Whether data and index agree that a partition begins at `position`, or the data ends there.
    fn is_confirmed(&mut self, position: u64) -> bool {
        if position >= self.data.data_len() {
            return true;
        }
        if self.probe.read_key(position).is_err() {
            return false;
        }
        let key = SearchKey::of(self.data.partitioner().clone(), self.probe.key());
        self.guide.confirms(&key, position)
    }

    /// After a failed read at `at`: finds out whether a chunk there can't be read.
    fn note(&mut self, at: u64, is_failed: bool) {
        if !is_failed {
            return;
        }
        let reader = self.data.chunk_reader();
        let chunks = reader.chunks();
        let first = chunks.chunk_at(at);
        for chunk in [first, first.saturating_add(1)] {
            let is_there = chunks.chunk_position(chunk) < self.data.data_len();
            let mut scratch = ChunkScratch::default();
            if is_there
                && !self.damaged.contains(&chunk)
                && reader.read(chunk, ChunkVerification::Check, &mut scratch, &mut Vec::new()).is_err()
            {
                self.damaged.insert(chunk);
                self.keeper.report.damaged_chunk(chunk);
            }
        }
    }

    fn is_damaged(&self, at: u64) -> bool {
        self.damaged.contains(&self.data.chunks().chunk_at(at))
    }

    /// The first damaged chunk that holds `at` or is after it, and its start.
    fn next_damaged(&self, at: u64) -> Option<(u32, u64)> {
        let chunks = self.data.chunks();
        let chunk = *self.damaged.range(chunks.chunk_at(at)..).next()?;
        Some((chunk, chunks.chunk_position(chunk)))
    }

    /// The end of the run of damaged chunks that holds `at`.
    fn damage_behind(&self, at: u64) -> Option<u64> {
        let chunks = self.data.chunks();
        let mut chunk = chunks.chunk_at(at);
        if !self.damaged.contains(&chunk) {
            return None;
        }
        while self.damaged.contains(&chunk) {
            chunk += 1;
        }
        Some(chunks.chunk_position(chunk).min(self.data.data_len()))
    }
}

/// The reason that is reported for negative local times.
const OVERFLOWED: &str = "a local deletion time in it overflowed";

fn is_overflowed(row: RowRef<'_>) -> bool {
    row.is_overflowed().unwrap_or(false)
}

fn text(bad: &BadValue) -> String {
    format!("expected {}, found {}", bad.expected, bad.found)
}

/// Whether a row can be decoded and holds what the types of its columns allow.
fn decode(check: &mut RowCheck, header: &Header, row: RowRef<'_>, is_static: bool) -> Result<(), String> {
    if row.is_empty().unwrap_or(false) {
        return Ok(());
    }
    // A row that cannot be decoded is found when its cells are read.
    let (bad, checked) = check.row(header, row, is_static, |_: CellEvent<'_>| {});
    match checked {
        Err(Broken::Rule(what)) => Err(what.to_owned()),
        Err(Broken::Row(error)) => Err(format!("in the row's body {error}")),
        Ok(()) if !is_static && bad.is_none() => {
            check_unfiltered(header, &Unfiltered::Row(row)).map_err(|bad| text(&bad))
        }
        Ok(()) => bad.map_or(Ok(()), |bad| Err(text(&bad))),
    }
}
