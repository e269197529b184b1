//! Compares the index with the data.

use helenus_rows::{ClusteringComparator, DeletionTime, Grammar, Header, Position, Unfiltered};
use helenus_types::Type;

use super::finding::{Concern, Finding, Findings, Reported, Severity};
use crate::bti::IndexBlock;
use crate::descriptor::Component;
use crate::dump::KeyName;
use crate::error::SsTableError;
use crate::index::{Index, SearchKey};
use crate::table_index::{IndexBlocks, IndexWalk, IndexedPartition};

const MISSED: &str = "the partition, for reads by key";
const MISSED_ROWS: &str = "rows of the partition, for reads of slices and single rows";
const STRAY: &str = "nothing by itself; reads of the key that it was made for fail";

/// What of a table's index is compared with the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexParts<'a> {
    index: &'a Index,
    clustering: &'a ClusteringComparator,
    key_type: &'a Type,
}

impl<'a> IndexParts<'a> {
    pub(super) fn new(index: &'a Index, header: &'a Header) -> IndexParts<'a> {
        IndexParts { index, clustering: &header.clustering, key_type: &header.key_type }
    }
}

/// An index that is walked along with the data.
pub(super) struct IndexSide<'a> {
    parts: IndexParts<'a>,
    /// Stands at the partition that must come next.
    walk: IndexWalk<'a>,
    primary: Component,
    rows: Component,
    scratch: Vec<u8>,
}

impl<'a> IndexSide<'a> {
    pub(super) fn new(parts: IndexParts<'a>, findings: &mut Findings<'_>) -> IndexSide<'a> {
        let index = parts.index;
        let mut side = IndexSide {
            walk: IndexWalk::new(index),
            parts,
            primary: index.partitions_component(),
            rows: index.rows_component(),
            scratch: Vec::new(),
        };
        side.step(findings);
        side
    }

    fn step(&mut self, findings: &mut Findings<'_>) {
        if let Err(error) = self.walk.next() {
            findings.fault(self.damaged(error, Concern::Reads));
        }
    }

    #[cold]
    fn damaged(&self, error: SsTableError, concern: Concern) -> Reported {
        let name = error.file().to_string_lossy().into_owned();
        let component = if name.ends_with(self.rows.name()) { &self.rows } else { &self.primary };
        let finding = Finding::of_error(Severity::Hidden, component.clone(), &error, MISSED);
        Reported::new(finding.met_by(concern), Some(error))
    }

    /// The start of the first partition after `position` according to the index: a place to
    /// continue after damage.
    pub(super) fn next_behind(&mut self, position: u64, findings: &mut Findings<'_>) -> Option<u64> {
        if let Err(error) = self.walk.pass(position.saturating_add(1), |_| {}) {
            findings.fault(self.damaged(error, Concern::Reads));
        }
        self.pending()
    }

    /// The start of the next partition according to the index.
    pub(super) fn pending(&self) -> Option<u64> {
        self.walk.current().map(|pending| pending.position())
    }

    /// Goes on to the partition that begins at `position`; whether it is in the list.
    pub(super) fn pass(&mut self, position: u64, findings: &mut Findings<'_>) -> bool {
        let passed = self.walk.pass(position, |stray| {
            let (expected, found) = ("partitions in order", "none begins there");
            let finding = Finding::new(Severity::Hidden, self.primary.clone(), expected, found, STRAY);
            findings.add(finding.at(stray.position()));
        });
        if let Err(error) = passed {
            findings.fault(self.damaged(error, Concern::Reads));
        }
        let is_listed = self.pending() == Some(position);
        if is_listed {
            self.step(findings);
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
        findings: &mut Findings<'_>,
    ) -> Option<Blocks<'a>> {
        let is_listed = self.pass(position, findings);
        let found = match self.parts.index.find(key) {
            Ok(found) => found.map(IndexedPartition::new),
            Err(error) => {
                findings.fault(self.damaged(error, Concern::Reads).of_key(key.key()));
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
            findings.add(finding.of_key(key.key()));
            return None;
        };
        if !is_listed && self.walk.is_whole() {
            let expected = format!("the partition at {position} among all");
            let lost = "the partition, for scans of keys";
            let finding = Finding::new(Severity::Hidden, self.primary.clone(), expected, "none", lost);
            findings.add(finding.of_key(key.key()));
        }
        if let Some(indexed) = at.deletion().filter(|indexed| *indexed != deletion) {
            let (expected, found) = (format!("{deletion:?}"), format!("{indexed:?}"));
            let lost = "the partition's deletion, for reads by key";
            let finding = Finding::new(Severity::Hidden, self.rows.clone(), expected, found, lost);
            findings.add(finding.of_key(key.key()));
        }
        self.blocks(at, key, findings)
    }

    fn blocks(
        &mut self,
        at: IndexedPartition,
        key: &SearchKey,
        findings: &mut Findings<'_>,
    ) -> Option<Blocks<'a>> {
        let mut cursor = IndexBlocks::new(self.parts.index, at)?;
        match cursor.next() {
            Ok(next) => Some(Blocks { at, cursor, next, now: None, end: at.position(), is_checked: true }),
            Err(error) => {
                findings.fault(self.damaged(error, Concern::Slices).of_key(key.key()));
                None
            }
        }
    }

    /// After the last partition.
    pub(super) fn end(&mut self, partitions: u64, is_whole: bool, findings: &mut Findings<'_>) {
        while let Some(pending) = self.pending() {
            let finding =
                Finding::new(Severity::Hidden, self.primary.clone(), "the end", "one more partition", STRAY);
            findings.add(finding.at(pending));
            self.step(findings);
        }
        let count = self.parts.index.key_count();
        if is_whole && self.walk.is_whole() && count != partitions {
            let expected = format!("a count of {partitions} partitions");
            let lost = "nothing but the estimates made with it";
            findings.add(Finding::new(
                Severity::Cosmetic,
                self.primary.clone(),
                expected,
                count.to_string(),
                lost,
            ));
        }
    }

    /// Compares first and last key.
    pub(super) fn ends(&self, first: &[u8], last: &[u8], findings: &mut Findings<'_>) {
        for (name, stored, found) in
            [("first", self.parts.index.first_key(), first), ("last", self.parts.index.last_key(), last)]
        {
            if stored != found {
                let lost = "partitions outside the keys, for every read";
                let show = |key| KeyName { key_type: Some(self.parts.key_type), key }.to_string();
                let (expected, stored) = (format!("the {name} key {}", show(found)), show(stored));
                findings.add(Finding::new(Severity::Hidden, self.primary.clone(), expected, stored, lost));
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
    ) -> Result<(), Reported> {
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
    ) -> Result<(), Reported> {
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

    fn next_block(&self, cursor: &mut IndexBlocks<'_>) -> Result<Option<IndexBlock>, Reported> {
        cursor.next().map_err(|error| self.damaged(error, Concern::Slices))
    }

    /// Whether a read of the position looks into the block.
    fn leads(
        &mut self,
        at: IndexedPartition,
        position: Position<'_>,
        block: IndexBlock,
    ) -> Result<(), Reported> {
        let IndexParts { index, clustering, .. } = self.parts;
        let found = match at.floor(index, position, clustering, &mut self.scratch) {
            Ok(found) => found,
            Err(error) => return Err(self.damaged(error, Concern::Slices)),
        };
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
    fn rows_finding(&self, expected: String, found: String) -> Reported {
        let finding = Finding::new(Severity::Hidden, self.rows.clone(), expected, found, MISSED_ROWS);
        Reported::new(finding.met_by(Concern::Slices), None)
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
