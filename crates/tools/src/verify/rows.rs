//! The extended part: one walk over the data, together with the index.

use helenus_bloom::Filter;
use helenus_rows::{
    Bound, BoundKind, Broken, CellEvent, DeletionTime, Grammar, Header, LivenessInfo, PositionKind, RowRef,
    RowVisitor, Unfiltered, UnfilteredStream,
};
use helenus_sstable::{
    Component, DataFile, Scan, SearchKey, SsTableError, SsTableErrorKind, StatsCollector, TableIndex,
};

use helenus_types::Partitioner;

use super::index::{Blocks, IndexSide};
use super::report::{Finding, Severity, VerifyReport};
use super::values::{BadValue, Values, check_deletion, check_row, check_unfiltered, start_kind};

const LOST_PARTITION: &str = "the partition";
const LOST_REST: &str = "the rest of the partition";
const LOST_ROW: &str = "the row";
const LOST_AFTER: &str = "what follows, unless the index leads on";
const WRONG_ORDER: &str = "reads and merges that go by the order";

/// Partitions between two calls of what shows progress.
const PROGRESS_STEP: u64 = 4 << 20;

/// A walk over all rows.
pub(super) struct Walk<'a> {
    data: &'a DataFile,
    index: Option<IndexSide<'a>>,
    filter: Option<Filter>,
    report: &'a mut VerifyReport,
    values: Values,
    grammar: Grammar,
    stats: StatsCollector,
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
    /// Whether the order of keys and clusterings is known. Tables of indexes are ordered by types
    /// that only the indexed table has.
    is_ordered: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        data: &'a DataFile,
        index: Option<&'a TableIndex>,
        filter: Option<Filter>,
        report: &'a mut VerifyReport,
    ) -> Walk<'a> {
        let format = data.descriptor().format();
        Walk {
            index: index.map(|index| IndexSide::new(index, format, report)),
            filter,
            values: Values::new(data.header()),
            grammar: Grammar::default(),
            stats: StatsCollector::new(data.header().clustering.clone()),
            search: SearchKey::new(data.partitioner().clone()),
            last_comparable: Vec::new(),
            first_key: None,
            first: None,
            first_values: Vec::new(),
            is_whole: true,
            read_again: 0,
            is_ordered: !matches!(data.partitioner(), Partitioner::Local(_)),
            report,
            data,
        }
    }

    /// Reads everything. What was gathered of the rows comes back if all of them could be read.
    pub(super) fn run(mut self, passed: &mut dyn FnMut(u64)) -> Option<StatsCollector> {
        let data_len = self.data.data_len();
        let mut scan = self.data.scan();
        let mut start = 0;
        let mut told = 0;
        loop {
            if start >= told + PROGRESS_STEP {
                told = start;
                passed(start);
            }
            let done = self.partition(&mut scan, &mut told, passed);
            let end = scan.position();
            let next = match done {
                Ok(false) => break,
                Ok(true) => self.after_partition(start, end),
                Err(error) => {
                    self.damage(&error, start);
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
        self.report.bytes = data_len;
        let last = self.search.key();
        let (partitions, is_whole) = (self.report.partitions, self.is_whole);
        if let Some(index) = &mut self.index {
            index.end(partitions, is_whole, self.report);
            if let (true, Some(first)) = (is_whole, &self.first_key) {
                index.ends(first, last, self.report);
            }
        }
        is_whole.then_some(self.stats)
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
                self.report.add(finding.at(end).of_key(self.search.key()));
                self.is_whole = false;
                Some(next)
            }
            _ => Some(end),
        }
    }

    fn behind(&mut self, start: u64) -> Option<u64> {
        self.is_whole = false;
        self.index.as_mut()?.next_behind(start, self.report)
    }

    #[cold]
    fn damage(&mut self, error: &SsTableError, start: u64) {
        let finding = Finding::of_error(Severity::Damage, Component::Data, error, LOST_AFTER);
        // Chunks with wrong checksums were reported when checksums were compared.
        let is_known = self.report.findings.iter().any(|known| {
            known.chunk.is_some() && known.offset == finding.offset && known.component == Component::Data
        });
        if is_known && matches!(error.kind(), SsTableErrorKind::Corrupt(_)) {
            let expected = "rows after the partition's start".to_owned();
            let found = format!("a damaged chunk, read from {start} on");
            self.report
                .add(Finding::new(Severity::Damage, Component::Data, expected, found, LOST_REST).at(start));
        } else {
            self.report.add(finding);
        }
    }

    fn add(&mut self, finding: Finding) {
        let finding = match finding.key {
            None => finding.of_key(self.search.key()),
            Some(_) => finding,
        };
        self.report.add(finding);
    }

    /// Reads one partition; false after the last.
    fn partition(
        &mut self,
        scan: &mut Scan,
        told: &mut u64,
        passed: &mut dyn FnMut(u64),
    ) -> Result<bool, SsTableError> {
        if !scan.next_partition()? {
            return Ok(false);
        }
        let start = scan.partition_position();
        let partition = scan.partition();
        let deletion = partition.deletion;
        self.report.partitions += 1;
        self.search.set(partition.key);
        self.key(start);
        if let Err(bad) = check_deletion(deletion, "a partition") {
            self.is_whole = false;
            self.add(bad_value(bad, start, LOST_PARTITION));
        }
        let mut blocks = match &mut self.index {
            Some(index) if self.is_ordered => index.partition(&self.search, start, deletion, self.report),
            Some(index) => {
                index.pass(start, self.report);
                None
            }
            None => None,
        };
        self.grammar.start_partition();
        self.first = None;
        self.stats.start_partition(self.search.key(), deletion);
        if let Some(row) = scan.static_row() {
            self.report.unfiltereds += 1;
            self.row(scan.header(), row, true, start);
        }
        if let Some(blocks) = &mut blocks {
            // Blocks begin after the partition's head and static row.
            blocks.end = scan.position();
        }
        while scan.advance()? {
            let (Some(at), Some(unfiltered)) = (scan.current_position(), scan.current()) else { continue };
            self.unfiltered(scan, unfiltered, at, blocks.as_mut());
            if let Some(blocks) = &mut blocks {
                blocks.end = scan.position();
            }
            if at >= *told + PROGRESS_STEP {
                *told = at;
                passed(at);
            }
        }
        let end = scan.position();
        self.end_partition(start, end, blocks);
        Ok(true)
    }

    /// Checks the key of the partition that begins at `start`: its order, its values, the filter.
    fn key(&mut self, start: u64) {
        if self.is_ordered && self.report.partitions > 1 && *self.search.comparable() <= *self.last_comparable
        {
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
        if self.filter.as_ref().is_some_and(|filter| !filter.may_contain_hash(self.search.hash())) {
            let lost = "the partition, for reads by key";
            self.add(Finding::new(
                Severity::Hidden,
                Component::Filter,
                "every key of the table",
                "a filter that excludes it",
                lost,
            ));
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
        self.report.unfiltereds += 1;
        let header = scan.header();
        if let (Some(blocks), Some(index)) = (blocks, &mut self.index)
            && blocks.is_checked
            && let Err(finding) = index.item(blocks, &self.grammar, at, &unfiltered)
        {
            blocks.is_checked = false;
            self.add(*finding);
        }
        if let Err(what) = self.grammar.position(header, &unfiltered)
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
                if let Err(what) = self.grammar.marker(&marker) {
                    self.add(rule(what, at));
                }
                self.stats.deletion(marker.close);
                self.stats.deletion(marker.open);
            }
        }
    }

    #[inline]
    fn row(&mut self, header: &Header, row: RowRef<'_>, is_static: bool, at: u64) {
        let mut visit = Visit {
            row: &row,
            values: &self.values,
            stats: &mut self.stats,
            counters: row.columns().get(0).is_some_and(|column| column.counter),
            is_counted: true,
            bad: None,
        };
        let checked = self.grammar.row(header, row, is_static, &mut visit);
        let Visit { bad, is_counted, .. } = visit;
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
            && let Err(finding) = index.end_of_blocks(&mut blocks, &self.grammar, end.saturating_sub(1))
        {
            self.add(*finding);
        }
        if let Err(what) = self.grammar.end_partition() {
            self.add(rule(what, end));
        }
        if let (Some((kind, size)), Some(last)) = (self.first, self.grammar.last_position()) {
            let first = Bound { kind, size, values: &self.first_values };
            let kind = match last.kind {
                PositionKind::Row => BoundKind::InclEnd,
                side => BoundKind::end(side),
            };
            self.stats.cover(first, Bound { kind, size: last.size, values: last.values });
        }
        self.stats.end_partition(end - start);
    }
}

/// Visits everything in a row, which is decoded once.
struct Visit<'a> {
    row: &'a RowRef<'a>,
    values: &'a Values,
    stats: &'a mut StatsCollector,
    counters: bool,
    is_counted: bool,
    /// The first value that is wrong.
    bad: Option<BadValue>,
}

impl RowVisitor for &mut Visit<'_> {
    #[inline]
    fn head(&mut self, liveness: LivenessInfo, deletion: DeletionTime) {
        self.bad = check_row(liveness, deletion).err();
        self.stats.row_head(liveness, deletion);
    }

    #[inline]
    fn event(&mut self, event: CellEvent<'_>) {
        if let Err(value) = self.values.check(self.row, &event) {
            self.bad.get_or_insert(value);
        }
        self.is_counted &= self.stats.event(&event, self.counters).is_ok();
    }
}

#[cold]
fn rule(what: &'static str, at: u64) -> Finding {
    let expected = "rows and markers in order, ranges opened and closed";
    Finding::new(Severity::Damage, Component::Data, expected, what, WRONG_ORDER).at(at)
}

#[cold]
fn bad_value(bad: BadValue, at: u64, lost: &'static str) -> Finding {
    Finding::new(Severity::Damage, Component::Data, bad.expected, bad.found, lost).at(at)
}
