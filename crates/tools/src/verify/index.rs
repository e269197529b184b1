//! Compares the index with the data.

use helenus_rows::{DeletionTime, Grammar, Position, Unfiltered};
use helenus_sstable::{
    Component, Format, IndexBlock, IndexBlocks, IndexWalk, IndexedPartition, SearchKey, SsTableError,
    TableIndex,
};

use super::report::{Finding, Severity, VerifyReport};
use crate::words::KeyName;

const MISSED: &str = "the partition, for reads by key";
const MISSED_ROWS: &str = "rows of the partition, for reads of slices and single rows";
const STRAY: &str = "nothing by itself; reads of the key that it was made for fail";

/// An index that is walked along with the data.
pub(super) struct IndexSide<'a> {
    index: &'a TableIndex,
    walk: IndexWalk<'a>,
    /// The partition that must come next.
    pending: Option<IndexedPartition>,
    is_broken: bool,
    entries: u64,
    primary: Component,
    rows: Component,
    scratch: Vec<u8>,
}

impl<'a> IndexSide<'a> {
    pub(super) fn new(index: &'a TableIndex, format: Format, report: &mut VerifyReport) -> IndexSide<'a> {
        let (primary, rows) = match format {
            Format::Big => (Component::Index, Component::Index),
            Format::Bti => (Component::Partitions, Component::Rows),
        };
        let mut side = IndexSide {
            walk: index.partitions(),
            index,
            pending: None,
            is_broken: false,
            entries: 0,
            primary,
            rows,
            scratch: Vec::new(),
        };
        side.step(report);
        side
    }

    fn step(&mut self, report: &mut VerifyReport) {
        self.pending = None;
        if self.is_broken {
            return;
        }
        match self.walk.next() {
            Ok(next) => {
                self.entries += u64::from(next.is_some());
                self.pending = next;
            }
            Err(error) => {
                self.is_broken = true;
                report.add(self.damaged(&error));
            }
        }
    }

    #[cold]
    fn damaged(&self, error: &SsTableError) -> Finding {
        let name = error.file().to_string_lossy().into_owned();
        let component = if name.ends_with(self.rows.name()) { &self.rows } else { &self.primary };
        Finding::of_error(Severity::Hidden, component.clone(), error, MISSED)
    }

    /// The start of the first partition after `position` according to the index: a place to
    /// continue after damage.
    pub(super) fn next_behind(&mut self, position: u64, report: &mut VerifyReport) -> Option<u64> {
        while let Some(pending) = self.pending {
            if pending.position() > position {
                return Some(pending.position());
            }
            self.step(report);
        }
        None
    }

    /// The start of the next partition according to the index.
    pub(super) fn pending(&self) -> Option<u64> {
        self.pending.map(|pending| pending.position())
    }

    /// Goes on to the partition that begins at `position`; whether it is in the list.
    pub(super) fn pass(&mut self, position: u64, report: &mut VerifyReport) -> bool {
        while let Some(pending) = self.pending
            && pending.position() < position
        {
            let found = "none begins there".to_owned();
            let finding =
                Finding::new(Severity::Hidden, self.primary.clone(), "partitions in order", found, STRAY);
            report.add(finding.at(pending.position()));
            self.step(report);
        }
        let is_listed = self.pending.is_some_and(|pending| pending.position() == position);
        if is_listed {
            self.step(report);
        }
        is_listed
    }

    /// Compares what the index says of the partition that begins at `position`; the blocks of its
    /// rows, if it has any.
    pub(super) fn partition(
        &mut self,
        key: &SearchKey,
        position: u64,
        deletion: DeletionTime,
        report: &mut VerifyReport,
    ) -> Option<Blocks<'a>> {
        let is_listed = self.pass(position, report);
        let found = match self.index.find(key) {
            Ok(found) => found,
            Err(error) => {
                report.add(self.damaged(&error).of_key(key.key()));
                return None;
            }
        };
        let Some(at) = found.filter(|at| at.position() == position) else {
            let found = match found {
                Some(at) => format!("{}", at.position()),
                None => "nothing".to_owned(),
            };
            let expected = format!("the partition's position {position}");
            let finding = Finding::new(Severity::Hidden, self.primary.clone(), expected, found, MISSED);
            report.add(finding.of_key(key.key()));
            return None;
        };
        if !is_listed && !self.is_broken {
            let expected = format!("the partition at {position} among all");
            let lost = "the partition, for scans of keys";
            let finding = Finding::new(Severity::Hidden, self.primary.clone(), expected, "none", lost);
            report.add(finding.of_key(key.key()));
        }
        if let Some(indexed) = at.deletion().filter(|indexed| *indexed != deletion) {
            let (expected, found) = (format!("{deletion:?}"), format!("{indexed:?}"));
            let lost = "the partition's deletion, for reads by key";
            let finding = Finding::new(Severity::Hidden, self.rows.clone(), expected, found, lost);
            report.add(finding.of_key(key.key()));
        }
        self.blocks(at, key, report)
    }

    fn blocks(
        &mut self,
        at: IndexedPartition,
        key: &SearchKey,
        report: &mut VerifyReport,
    ) -> Option<Blocks<'a>> {
        let opened = self.index.blocks(at).and_then(|cursor| {
            let Some(mut cursor) = cursor else { return Ok(None) };
            let next = cursor.next()?;
            Ok(Some(Blocks { at, cursor, next, now: None, end: at.position(), is_checked: true }))
        });
        match opened {
            Ok(blocks) => blocks,
            Err(error) => {
                report.add(self.damaged(&error).of_key(key.key()));
                None
            }
        }
    }

    /// After the last partition.
    pub(super) fn end(&mut self, partitions: u64, is_whole: bool, report: &mut VerifyReport) {
        while let Some(pending) = self.pending {
            let finding =
                Finding::new(Severity::Hidden, self.primary.clone(), "the end", "one more partition", STRAY);
            report.add(finding.at(pending.position()));
            self.step(report);
        }
        let count = self.index.key_count();
        if is_whole && !self.is_broken && count != partitions {
            let expected = format!("a count of {partitions} partitions");
            let lost = "nothing but the estimates made with it";
            report.add(Finding::new(
                Severity::Cosmetic,
                self.primary.clone(),
                expected,
                count.to_string(),
                lost,
            ));
        }
    }

    /// Compares first and last key.
    pub(super) fn ends(&self, first: &[u8], last: &[u8], report: &mut VerifyReport) {
        for (name, stored, found) in
            [("first", self.index.first_key(), first), ("last", self.index.last_key(), last)]
        {
            if stored != found {
                let lost = "partitions outside the keys, for every read";
                let key_type = report.key_type.clone();
                let show = |key| KeyName { key_type: key_type.as_ref(), key }.to_string();
                let (expected, stored) = (format!("the {name} key {}", show(found)), show(stored));
                report.add(Finding::new(Severity::Hidden, self.primary.clone(), expected, stored, lost));
            }
        }
    }

    /// Compares the blocks with a row or marker that begins at `start`; the one before it ended at
    /// the blocks' `end`.
    pub(super) fn item(
        &mut self,
        blocks: &mut Blocks<'_>,
        grammar: &Grammar,
        start: u64,
        unfiltered: &Unfiltered<'_>,
    ) -> Result<(), Box<Finding>> {
        while let Some(next) =
            blocks.next.filter(|next| blocks.at.position().saturating_add(next.offset) <= start)
        {
            let at = blocks.at.position().saturating_add(next.offset);
            // Rows with nothing in them are passed over: a block may begin with one.
            if at < blocks.end {
                let expected = format!("a block at the start of a row or marker, such as {start}");
                return Err(self.rows_finding(expected, format!("one at {at}")));
            }
            if next.open_deletion != grammar.open() {
                let expected = format!("{:?} open at the block at {at}", grammar.open());
                return Err(self.rows_finding(expected, format!("{:?}", next.open_deletion)));
            }
            if let (Some(now), Some(last)) = (blocks.now, grammar.last_position()) {
                self.leads(blocks.at, last, now)?;
            }
            self.leads(blocks.at, unfiltered.position(), next)?;
            blocks.now = Some(next);
            blocks.next = self.next_block(&mut blocks.cursor)?;
        }
        if blocks.now.is_none() {
            return Err(self.rows_finding(format!("a first block at {start}"), "none so early".to_owned()));
        }
        Ok(())
    }

    /// Compares the end of the last block with the end of the partition, whose last byte is at
    /// `end`.
    pub(super) fn end_of_blocks(
        &mut self,
        blocks: &mut Blocks<'_>,
        grammar: &Grammar,
        end: u64,
    ) -> Result<(), Box<Finding>> {
        if let (Some(now), Some(last)) = (blocks.now, grammar.last_position()) {
            self.leads(blocks.at, last, now)?;
        }
        match blocks.next {
            Some(next) if blocks.at.position().saturating_add(next.offset) == end => {}
            None if self.rows == Component::Index => {}
            other => {
                let found = other.map_or("none".to_owned(), |next| {
                    format!("a block at {}", blocks.at.position().saturating_add(next.offset))
                });
                return Err(self.rows_finding(format!("the end of the blocks at {end}"), found));
            }
        }
        if blocks.next.is_some() && self.next_block(&mut blocks.cursor)?.is_some() {
            return Err(self.rows_finding("no block after the last".to_owned(), "one".to_owned()));
        }
        Ok(())
    }

    fn next_block(&self, cursor: &mut IndexBlocks<'_>) -> Result<Option<IndexBlock>, Box<Finding>> {
        cursor.next().map_err(|error| Box::new(self.damaged(&error)))
    }

    /// Whether a read of the position looks into the block.
    fn leads(
        &mut self,
        at: IndexedPartition,
        position: Position<'_>,
        block: IndexBlock,
    ) -> Result<(), Box<Finding>> {
        let found = self
            .index
            .floor(at, position, &mut self.scratch)
            .map_err(|error| Box::new(self.damaged(&error)))?;
        match found {
            Some(found) if found == block => Ok(()),
            _ => {
                let expected = format!("the block at {} for one of its rows", at.position() + block.offset);
                let found = found.map_or("none".to_owned(), |found| {
                    format!("the one at {}", at.position().saturating_add(found.offset))
                });
                Err(self.rows_finding(expected, found))
            }
        }
    }

    #[cold]
    fn rows_finding(&self, expected: String, found: String) -> Box<Finding> {
        Box::new(Finding::new(Severity::Hidden, self.rows.clone(), expected, found, MISSED_ROWS))
    }
}

/// The blocks of a partition, walked along with its rows.
pub(super) struct Blocks<'a> {
    at: IndexedPartition,
    cursor: IndexBlocks<'a>,
    /// The block that must begin next.
    next: Option<IndexBlock>,
    now: Option<IndexBlock>,
    /// Where the last row or marker ended.
    pub(super) end: u64,
    /// Whether nothing was wrong with them so far.
    pub(super) is_checked: bool,
}
