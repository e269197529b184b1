//! One walk over the data, together with the index.

use helenus_bloom::Filter;
use helenus_rows::{
    Bound, BoundKind, Broken, CellEvent, DeletionTime, Header, LivenessInfo, PositionKind, RowRef,
    RowVisitor, Unfiltered, UnfilteredStream,
};
use helenus_types::Partitioner;

use super::finding::{Concern, Finding, FindingSink, Findings, Reported, Severity};
use super::index::{Blocks, IndexParts, IndexSide};
use super::values::{BadValue, RowCheck, check_deletion, check_unfiltered, start_kind};
use crate::data::Scan;
use crate::data_file::DataFile;
use crate::descriptor::Component;
use crate::error::SsTableError;
use crate::index::SearchKey;
use crate::statistics::StatsCollector;
use crate::table::SsTable;
use crate::table_index::TableIndex;

const LOST_PARTITION: &str = "the partition";
const LOST_REST: &str = "the rest of the partition";
const LOST_ROW: &str = "the row";
const LOST_AFTER: &str = "what follows, unless the index leads on";
const WRONG_ORDER: &str = "reads and merges that go by the order";

/// Bytes between two calls of what shows progress.
const PROGRESS_STEP: u64 = 4 << 20;

/// Reads everything in a table's data and compares it with index and filter. After damage it goes
/// on where the index leads.
#[derive(Debug)]
pub struct RowsCheck<'a> {
    data: &'a DataFile,
    index: Option<IndexParts<'a>>,
    filter: Option<&'a Filter>,
    known_damage: &'a [u64],
    gathers_statistics: bool,
}

/// What was read.
#[derive(Debug)]
pub struct CheckedRows {
    /// Partitions.
    pub partitions: u64,
    /// Rows and markers, static rows among them.
    pub unfiltereds: u64,
    /// What was gathered of the rows, where it was asked for and all of them could be read.
    pub statistics: Option<StatsCollector>,
}

impl<'a> RowsCheck<'a> {
    /// Of an open table.
    #[must_use]
    pub fn of_table(table: &'a SsTable) -> RowsCheck<'a> {
        let (data, filter) = (table.data_file(), table.filter());
        let index = Some(IndexParts::new(table.index(), data.header()));
        RowsCheck { data, index, filter, known_damage: &[], gathers_statistics: false }
    }

    /// Of the files of a table, any of which may be damaged; statistics are gathered. Damaged
    /// chunks that begin in `known_damage` of the file are known: the finding names the partition.
    #[must_use]
    pub fn of_files(
        data: &'a DataFile,
        index: Option<&'a TableIndex>,
        filter: Option<&'a Filter>,
        known_damage: &'a [u64],
    ) -> RowsCheck<'a> {
        let index = index.map(|index| IndexParts::new(index.index(), data.header()));
        RowsCheck { data, index, filter, known_damage, gathers_statistics: true }
    }

    /// Walks through everything, until the sink has had enough. `passed` gets positions in the
    /// uncompressed data, from time to time.
    pub fn run(self, sink: FindingSink<'_>, passed: &mut dyn FnMut(u64)) -> CheckedRows {
        let RowsCheck { data, index, filter, known_damage, gathers_statistics } = self;
        let header = data.header();
        let mut findings = Findings::new(sink);
        let walk = Walk {
            index: index.map(|parts| IndexSide::new(parts, &mut findings)),
            filter,
            known_damage,
            check: RowCheck::new(header),
            stats: gathers_statistics.then(|| StatsCollector::new(header.clustering.clone())),
            search: SearchKey::new(data.partitioner().clone()),
            last_comparable: Vec::new(),
            first_key: None,
            first: None,
            first_values: Vec::new(),
            is_whole: true,
            read_again: 0,
            partitions: 0,
            unfiltereds: 0,
            is_ordered: !matches!(data.partitioner(), Partitioner::Local(_)),
            findings,
            data,
        };
        walk.run(&mut Passed { told: 0, passed })
    }
}

/// Passes positions on, from time to time.
struct Passed<'p> {
    told: u64,
    passed: &'p mut dyn FnMut(u64),
}

impl Passed<'_> {
    #[inline]
    fn pass(&mut self, position: u64) {
        if position >= self.told + PROGRESS_STEP {
            self.told = position;
            (self.passed)(position);
        }
    }
}

/// A walk over all rows.
struct Walk<'a, 's> {
    data: &'a DataFile,
    index: Option<IndexSide<'a>>,
    filter: Option<&'a Filter>,
    known_damage: &'a [u64],
    findings: Findings<'s>,
    check: RowCheck,
    stats: Option<StatsCollector>,
    search: SearchKey,
    last_comparable: Vec<u8>,
    first_key: Option<Vec<u8>>,
    /// First row or marker of the partition.
    first: Option<(BoundKind, usize)>,
    first_values: Vec<u8>,
    /// Whether everything was read and is what it should be: only then do counts compare.
    is_whole: bool,
    /// Bytes that were read again, for partitions inside others.
    read_again: u64,
    partitions: u64,
    unfiltereds: u64,
    /// Whether the order of keys and clusterings is known. Tables of indexes are ordered by types
    /// that only the indexed table has.
    is_ordered: bool,
}

impl Walk<'_, '_> {
    fn run(mut self, steps: &mut Passed<'_>) -> CheckedRows {
        let data_len = self.data.data_len();
        let mut scan = self.data.scan();
        let mut start = 0;
        while !self.findings.is_stopped {
            steps.pass(start);
            let done = self.partition(&mut scan, steps);
            let end = scan.position();
            let next = match done {
                Ok(false) => break,
                Ok(true) => self.after_partition(start, end),
                Err(error) => {
                    self.damage(error, start);
                    self.behind(start)
                }
            };
            match next {
                Some(next) if next == end => start = end,
                Some(next) => {
                    start = next;
                    scan = self.data.scan_between(next, data_len);
                }
                None => break,
            }
        }
        let last = self.search.key();
        if let Some(index) = &mut self.index
            && !self.findings.is_stopped
        {
            index.end(self.partitions, self.is_whole, &mut self.findings);
            if let (true, Some(first)) = (self.is_whole, &self.first_key) {
                index.ends(first, last, &mut self.findings);
            }
        }
        let is_whole = self.is_whole && !self.findings.is_stopped;
        let Walk { partitions, unfiltereds, stats, .. } = self;
        CheckedRows { partitions, unfiltereds, statistics: stats.filter(|_| is_whole) }
    }

    /// The place to continue after a partition from `start` to `end`: its end, unless the index
    /// contradicts.
    fn after_partition(&mut self, start: u64, end: u64) -> Option<u64> {
        let Some(index) = &self.index else { return Some(end) };
        match index.pending() {
            // The partition swallowed the start of the next one. An index of lies has nothing read
            // more than twice.
            Some(next)
                if start < next && next < end && self.read_again + (end - next) <= self.data.data_len() =>
            {
                self.read_again += end - next;
                let expected = format!("the next partition at {next}, as the index says");
                let found = format!("the end of this one at {end}");
                let finding =
                    Finding::new(Severity::Damage, Component::Data, expected, found, LOST_PARTITION);
                self.findings.add(finding.at(end).of_key(self.search.key()));
                self.is_whole = false;
                Some(next)
            }
            _ => Some(end),
        }
    }

    fn behind(&mut self, start: u64) -> Option<u64> {
        self.is_whole = false;
        self.index.as_mut()?.next_behind(start, &mut self.findings)
    }

    #[cold]
    fn damage(&mut self, error: SsTableError, start: u64) {
        let finding = Finding::of_error(Severity::Damage, Component::Data, &error, LOST_AFTER);
        let is_known = finding.offset.is_some_and(|offset| self.known_damage.contains(&offset));
        let finding = if is_known {
            let (expected, found) =
                ("rows after the partition's start", format!("a damaged chunk, read from {start} on"));
            Finding::new(Severity::Damage, Component::Data, expected, found, LOST_REST).at(start)
        } else {
            finding
        };
        self.findings.fault(Reported::new(finding, Some(error)));
    }

    fn add(&mut self, finding: Finding) {
        self.findings.add(finding.of_key(self.search.key()));
    }

    /// Reads one partition; false after the last.
    fn partition(&mut self, scan: &mut Scan, steps: &mut Passed<'_>) -> Result<bool, SsTableError> {
        if !scan.next_partition()? {
            return Ok(false);
        }
        let start = scan.partition_position();
        let partition = scan.partition();
        let deletion = partition.deletion;
        self.partitions += 1;
        self.search.set(partition.key);
        self.key(start);
        if let Err(bad) = check_deletion(deletion, "a partition") {
            self.is_whole = false;
            self.add(bad_value(bad, start, LOST_PARTITION));
        }
        let mut blocks = match &mut self.index {
            Some(index) if self.is_ordered => {
                index.partition(&self.search, start, deletion, &mut self.findings)
            }
            Some(index) => {
                index.pass(start, &mut self.findings);
                None
            }
            None => None,
        };
        self.check.grammar.start_partition();
        self.first = None;
        if let Some(stats) = &mut self.stats {
            stats.start_partition(self.search.key(), deletion);
        }
        if let Some(row) = scan.static_row() {
            self.unfiltereds += 1;
            self.row(scan.header(), row, true, start);
        }
        if let Some(blocks) = &mut blocks {
            // Blocks begin after the partition's head and static row.
            blocks.end = scan.position();
        }
        while !self.findings.is_stopped && scan.advance()? {
            let (Some(at), Some(unfiltered)) = (scan.current_position(), scan.current()) else {
                unreachable!("a scan that advanced stands at a row or marker")
            };
            self.unfiltered(scan, unfiltered, at, blocks.as_mut());
            if let Some(blocks) = &mut blocks {
                blocks.end = scan.position();
            }
            steps.pass(at);
        }
        if !self.findings.is_stopped {
            self.end_partition(start, scan.position(), blocks);
        }
        Ok(true)
    }

    /// Checks the key of the partition that begins at `start`: its order, its values, the filter.
    fn key(&mut self, start: u64) {
        if self.is_ordered && self.partitions > 1 && *self.search.comparable() <= *self.last_comparable {
            self.add(
                Finding::new(
                    Severity::Damage,
                    Component::Data,
                    "a partition after the last one",
                    "one that belongs before it",
                    WRONG_ORDER,
                )
                .at(start),
            );
        }
        self.last_comparable.clear();
        self.last_comparable.extend_from_slice(self.search.comparable());
        if self.first_key.is_none() {
            self.first_key = Some(self.search.key().to_vec());
        }
        if let Err(error) = self.data.header().key_type.validate(self.search.key()) {
            let (expected, found) = (format!("a key of type {}", error.type_name), error.problem.to_string());
            let finding = Finding::new(Severity::Damage, Component::Data, expected, found, LOST_PARTITION);
            self.add(finding.at(start));
        }
        if self.filter.is_some_and(|filter| !filter.may_contain_hash(self.search.hash())) {
            self.add(Finding::of_filter(self.search.key()));
        }
    }

    #[inline]
    fn unfiltered(
        &mut self,
        scan: &Scan,
        unfiltered: Unfiltered<'_>,
        at: u64,
        blocks: Option<&mut Blocks<'_>>,
    ) {
        self.unfiltereds += 1;
        let header = scan.header();
        if let (Some(blocks), Some(index)) = (blocks, &mut self.index)
            && blocks.is_checked
            && let Err(fault) = index.item(blocks, &self.check.grammar, at, &unfiltered)
        {
            blocks.is_checked = false;
            self.findings.fault(fault.of_key(self.search.key()));
        }
        if let Err(what) = self.check.grammar.position(header, &unfiltered)
            && self.is_ordered
        {
            self.add(rule(what, at));
        }
        if self.first.is_none() {
            let position = unfiltered.position();
            self.first = Some((start_kind(&unfiltered), position.size));
            self.first_values.clear();
            self.first_values.extend_from_slice(position.values);
        }
        if let Err(bad) = check_unfiltered(header, &unfiltered) {
            self.is_whole = false;
            self.add(bad_value(bad, at, LOST_ROW));
        }
        match unfiltered {
            Unfiltered::Row(row) => self.row(header, row, false, at),
            Unfiltered::Marker(marker) => {
                if let Err(what) = self.check.grammar.marker(&marker) {
                    self.add(rule(what, at));
                }
                if let Some(stats) = &mut self.stats {
                    stats.deletion(marker.close);
                    stats.deletion(marker.open);
                }
            }
        }
    }

    #[inline]
    fn row(&mut self, header: &Header, row: RowRef<'_>, is_static: bool, at: u64) {
        let counters = row.columns().get(0).is_some_and(|column| column.counter);
        let mut counting = Counting { stats: self.stats.as_mut(), counters, is_counted: true };
        let (bad, checked) = self.check.row(header, row, is_static, &mut counting);
        let is_counted = counting.is_counted;
        if let Some(bad) = bad {
            self.is_whole = false;
            self.add(bad_value(bad, at, LOST_ROW));
        }
        match checked {
            Err(Broken::Rule(what)) => {
                self.is_whole = false;
                self.add(rule(what, at));
            }
            Err(Broken::Row(error)) => {
                self.is_whole = false;
                let finding = Finding::new(
                    Severity::Damage,
                    Component::Data,
                    error.expected.into_owned(),
                    format!("{} ({} bytes into the row's body)", error.found, error.offset),
                    LOST_ROW,
                );
                self.add(finding.at(at));
            }
            // Values that counting cannot decode have been reported already.
            Ok(()) => self.is_whole &= is_counted,
        }
    }

    fn end_partition(&mut self, start: u64, end: u64, blocks: Option<Blocks<'_>>) {
        if let (Some(mut blocks), Some(index)) = (blocks, &mut self.index)
            && blocks.is_checked
            && let Err(fault) = index.end_of_blocks(&mut blocks, &self.check.grammar, end.saturating_sub(1))
        {
            self.findings.fault(fault.of_key(self.search.key()));
        }
        if let Err(what) = self.check.grammar.end_partition() {
            self.add(rule(what, end));
        }
        let Some(stats) = &mut self.stats else { return };
        if let (Some((kind, size)), Some(last)) = (self.first, self.check.grammar.last_position()) {
            let first = Bound { kind, size, values: &self.first_values };
            let kind = match last.kind {
                PositionKind::Row => BoundKind::InclEnd,
                side => BoundKind::end(side),
            };
            stats.cover(first, Bound { kind, size: last.size, values: last.values });
        }
        stats.end_partition(end - start);
    }
}

/// Counts what is in a row, where statistics are gathered.
struct Counting<'a> {
    stats: Option<&'a mut StatsCollector>,
    counters: bool,
    is_counted: bool,
}

impl RowVisitor for &mut Counting<'_> {
    #[inline]
    fn head(&mut self, liveness: LivenessInfo, deletion: DeletionTime) {
        if let Some(stats) = &mut self.stats {
            stats.row_head(liveness, deletion);
        }
    }

    #[inline]
    fn event(&mut self, event: CellEvent<'_>) {
        if let Some(stats) = &mut self.stats {
            self.is_counted &= stats.event(&event, self.counters).is_ok();
        }
    }
}

#[cold]
fn rule(what: &'static str, at: u64) -> Finding {
    let expected = "rows and markers in order, ranges opened and closed";
    Finding::new(Severity::Damage, Component::Data, expected, what, WRONG_ORDER).at(at)
}

#[cold]
fn bad_value(bad: BadValue, at: u64, lost: &'static str) -> Finding {
    let finding = Finding::new(Severity::Damage, Component::Data, bad.expected, bad.found, lost);
    finding.at(at).met_by(Concern::Value)
}
