//! Several streams into one (`db.rows.UnfilteredRowIterators`,
//! `db.partitions.UnfilteredPartitionIterators`).

use std::cmp::Ordering;
use std::sync::Arc;

use smallvec::SmallVec;

use helenus_types::Token;

use super::row::{RowMerger, RowSource};
use crate::clustering::{BoundKind, ClusteringComparator, Position, PositionKind};
use crate::codec::{MarkerRef, RowBuf, RowRef, Unfiltered};
use crate::column_filter::ColumnFilter;
use crate::column_map::ColumnMap;
use crate::deletion::DeletionTime;
use crate::header::Header;
use crate::schema::DroppedColumn;
use crate::stream::{Direction, PartitionRef, RowError, StreamError, UnfilteredStream};

/// Merges streams of one table that run in one direction; the output is encoded against the target
/// header.
///
/// Shadowed data is not in the output: rows, cells and range deletions under a partition deletion,
/// rows and cells under an open range, also where only one source has the partition. A partition
/// that held nothing but shadowed or dropped data still comes, empty: [`crate::Purge`] skips it.
///
/// A row with one version, under no deletion and in the target's encoding, is passed on without
/// decoding its body. Nothing is allocated per partition or row.
#[derive(Debug)]
pub struct Merge<S> {
    target: Arc<Header>,
    direction: Direction,
    inputs: Vec<Input<S>>,
    /// Inputs that stand in a partition after the current one, with its token.
    waiting: Vec<(Token, usize)>,
    /// Inputs that have the current partition.
    members: Vec<usize>,
    /// Members that stand at a position after the current one, the next one last.
    heads: Vec<Head>,
    /// Members that stand at the current position; before the first one, all.
    at: Vec<usize>,
    /// The partition's deletion.
    deletion: DeletionTime,
    /// The open range's deletion where it supersedes the partition's, else live.
    open: DeletionTime,
    static_shown: Shown,
    shown: Shown,
    merger: RowMerger,
    static_row: RowBuf,
    row: RowBuf,
}

#[derive(Debug)]
struct Input<S> {
    stream: S,
    map: Option<Arc<ColumnMap>>,
    /// The deletion of the range that is open in the stream.
    open: DeletionTime,
}

/// The place at which an input is.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// The first eight bytes of an order-preserving form of the position.
    prefix: u64,
    input: usize,
    /// Whether the head before it in the list is at the same position.
    is_shared: bool,
}

/// The current item.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    /// The current item of that input.
    Input(usize),
    /// The row in the buffer.
    Merged,
    /// A marker at that input's position.
    Marker {
        input: usize,
        kind: BoundKind,
        close: DeletionTime,
        open: DeletionTime,
    },
}

impl<S: UnfilteredStream> Merge<S> {
    /// Merges `sources` into rows of `target`, for a table that dropped those columns.
    pub fn new(target: Arc<Header>, sources: Vec<S>, dropped: &[DroppedColumn]) -> Self {
        let map = |source: &S| {
            let is_target = dropped.is_empty() && Arc::ptr_eq(source.header(), &target);
            (!is_target).then(|| Arc::new(ColumnMap::new(source.header(), &target, dropped)))
        };
        let sources: Vec<_> = sources.into_iter().map(|source| (map(&source), source)).collect();
        Self::with_maps(target, sources)
    }

    /// As [`Merge::new`], with maps that were made before; `None` for a source that is encoded
    /// against `target` and holds nothing of a dropped column.
    pub fn with_maps(
        target: Arc<Header>,
        sources: impl IntoIterator<Item = (Option<Arc<ColumnMap>>, S)>,
    ) -> Self {
        let input = |(map, stream): (Option<Arc<ColumnMap>>, S)| {
            let map = map.filter(|map| !map.passes_through());
            Input { stream, map, open: DeletionTime::LIVE }
        };
        let inputs: Vec<Input<S>> = sources.into_iter().map(input).collect();
        let direction = inputs.first().map_or(Direction::Forward, |input| input.stream.direction());
        debug_assert!(
            inputs.iter().all(|input| input.stream.direction() == direction),
            "streams run in one direction"
        );
        Self {
            target,
            direction,
            waiting: Vec::with_capacity(inputs.len()),
            members: (0..inputs.len()).collect(),
            heads: Vec::with_capacity(inputs.len()),
            at: Vec::with_capacity(inputs.len()),
            inputs,
            deletion: DeletionTime::LIVE,
            open: DeletionTime::LIVE,
            static_shown: Shown::Nothing,
            shown: Shown::Nothing,
            merger: RowMerger::default(),
            static_row: RowBuf::default(),
            row: RowBuf::default(),
        }
    }

    /// The same merge for a read that wants no other columns than the filter's. Where it merges
    /// versions of a row it may leave the others out; which rows are visible doesn't change.
    #[must_use]
    pub fn wanting(mut self, wanted: Option<Arc<ColumnFilter>>) -> Self {
        self.merger.set_wanted(wanted);
        self
    }

    fn find_partition(&mut self) -> Result<bool, StreamError> {
        for index in self.members.drain(..) {
            let input = input_mut(&mut self.inputs, index);
            input.open = DeletionTime::LIVE;
            if input.stream.next_partition()? {
                self.waiting.push((input.stream.partition().token, index));
            }
        }
        let Some(token) = self.waiting.iter().map(|(token, _)| *token).min() else { return Ok(false) };
        for &(_, index) in self.waiting.iter().filter(|(other, _)| *other == token) {
            let Some(&least) = self.members.first() else {
                self.members.push(index);
                continue;
            };
            // Different keys with one token are rare, but they exist.
            let [key, least] = [index, least].map(|index| key_of(&self.inputs, index));
            match self.target.partitioner.compare_tied(key, least) {
                Ordering::Less => {
                    self.members.clear();
                    self.members.push(index);
                }
                Ordering::Equal => self.members.push(index),
                Ordering::Greater => {}
            }
        }
        let members = &self.members;
        self.waiting.retain(|(other, index)| *other != token || !members.contains(index));
        Ok(true)
    }

    fn begin_partition(&mut self) -> Result<(), StreamError> {
        let members = || self.members.iter().map(|&index| (index, input(&self.inputs, index)));
        self.deletion = members()
            .fold(DeletionTime::LIVE, |merged, (_, input)| merged.merge(input.stream.partition().deletion));
        self.open = DeletionTime::LIVE;
        self.heads.clear();
        self.at.clear();
        self.at.extend_from_slice(&self.members);
        self.shown = Shown::Nothing;
        self.static_shown = Shown::Nothing;
        let mut versions = SmallVec::<[RowSource<'_>; 8]>::new();
        let mut last = 0;
        for (index, input) in members() {
            if let Some(row) = input.stream.static_row() {
                versions.push(RowSource { row, map: input.map.as_deref() });
                last = index;
            }
        }
        match versions.as_slice() {
            [] => {}
            [one] if self.deletion.is_live() && one.map.is_none() => self.static_shown = Shown::Input(last),
            versions => {
                let merged =
                    self.merger.merge(versions, self.deletion, &self.target, &mut self.static_row).map_err(
                        |error| RowError::new(&self.target, key_of(&self.inputs, last), &[], error),
                    )?;
                if merged {
                    self.static_shown = Shown::Merged;
                }
            }
        }
        Ok(())
    }

    fn find_unfiltered(&mut self) -> Result<bool, StreamError> {
        loop {
            if let ([one], true) = (self.at.as_slice(), self.heads.is_empty()) {
                // The only one left needs no comparing.
                let input = input_mut(&mut self.inputs, *one);
                if !input.stream.advance()? {
                    self.at.clear();
                    return Ok(false);
                }
            } else {
                self.advance_members()?;
                self.find_least();
            }
            let Some(&first) = self.at.first() else { return Ok(false) };
            if self.show(first)? {
                return Ok(true);
            }
        }
    }

    fn advance_members(&mut self) -> Result<(), StreamError> {
        let mut at = std::mem::take(&mut self.at);
        for index in at.drain(..) {
            let input = input_mut(&mut self.inputs, index);
            if !input.stream.advance()? {
                continue;
            }
            let prefix = prefix(&self.target.clustering, &input.current().position());
            self.insert(if self.direction == Direction::Reverse { !prefix } else { prefix }, index);
        }
        self.at = at;
        Ok(())
    }

    /// Puts a member among the heads. The smallest one is compared first: mostly one source
    /// continues for a while.
    fn insert(&mut self, prefix: u64, input: usize) {
        let (mut low, mut high) = (0, self.heads.len());
        let mut probe = high.wrapping_sub(1);
        while low < high
            && let Some(&head) = self.heads.get(probe)
        {
            match prefix.cmp(&head.prefix).then_with(|| self.compare(input, head.input)) {
                Ordering::Less => low = probe + 1,
                Ordering::Greater => high = probe,
                Ordering::Equal => {
                    let Some(equal) = self.heads.get_mut(probe) else {
                        unreachable!("it was compared with a head")
                    };
                    equal.is_shared = true;
                    self.heads.insert(probe, Head { input, ..head });
                    return;
                }
            }
            probe = low.midpoint(high);
        }
        self.heads.insert(low, Head { prefix, input, is_shared: false });
    }

    /// Moves the members with the least position from the heads to the current ones.
    fn find_least(&mut self) {
        while let Some(head) = self.heads.pop() {
            self.at.push(head.input);
            if !head.is_shared {
                break;
            }
        }
    }

    fn compare(&self, left: usize, right: usize) -> Ordering {
        let [left, right] = [left, right].map(|index| input(&self.inputs, index).current());
        let order = self.target.clustering.compare(left.position(), right.position());
        if self.direction == Direction::Reverse { order.reverse() } else { order }
    }

    /// Merges the items at the current position; false if nothing is left.
    #[inline]
    fn show(&mut self, first: usize) -> Result<bool, StreamError> {
        let input = input(&self.inputs, first);
        if input.stream.is_at_row() {
            let active = if self.open.is_live() { self.deletion } else { self.open };
            if self.at.len() == 1 && active.is_live() && input.map.is_none() {
                debug_assert!(
                    input.stream.header().same_encoding(&self.target),
                    "a row in another encoding has a map"
                );
                self.shown = Shown::Input(first);
                return Ok(true);
            }
            return self.merge_row(active);
        }
        let Unfiltered::Marker(marker) = input.current() else { unreachable!("what is no row is a marker") };
        let side = marker.bound.kind.side();
        Ok(self.show_marker(first, side))
    }

    fn merge_row(&mut self, active: DeletionTime) -> Result<bool, StreamError> {
        let mut versions = SmallVec::<[RowSource<'_>; 8]>::new();
        let mut last = 0;
        for &index in &self.at {
            let input = input(&self.inputs, index);
            let Unfiltered::Row(row) = input.current() else { unreachable!("a marker where rows are") };
            versions.push(RowSource { row, map: input.map.as_deref() });
            last = index;
        }
        let merged = self.merger.merge(&versions, active, &self.target, &mut self.row);
        let clustering = versions.first().map_or(&[][..], |version| version.row.clustering);
        let merged = merged
            .map_err(|error| RowError::new(&self.target, key_of(&self.inputs, last), clustering, error))?;
        self.shown = Shown::Merged;
        Ok(merged)
    }

    /// A marker where the deletion that is open over all sources changes.
    fn show_marker(&mut self, first: usize, side: PositionKind) -> bool {
        for &index in &self.at {
            let input = input_mut(&mut self.inputs, index);
            let Unfiltered::Marker(marker) = input.current() else { unreachable!("a row where markers are") };
            // In reverse a range is entered at its end.
            input.open = if self.direction == Direction::Forward { marker.open } else { marker.close };
        }
        let before = self.open;
        let opens = self.members.iter().map(|&index| input(&self.inputs, index).open);
        let merged = opens.fold(DeletionTime::LIVE, DeletionTime::merge);
        let after = if merged.supersedes(&self.deletion) { merged } else { DeletionTime::LIVE };
        self.open = after;
        let (close, open) =
            if self.direction == Direction::Forward { (before, after) } else { (after, before) };
        let kind = match (close.is_live(), open.is_live()) {
            (true, true) => return false,
            (false, false) if close == open => return false,
            (false, false) => BoundKind::boundary(side),
            (true, false) => BoundKind::start(side),
            (false, true) => BoundKind::end(side),
        };
        self.shown = Shown::Marker { input: first, kind, close, open };
        true
    }

    fn end(&mut self) {
        self.waiting.clear();
        self.members.clear();
        self.end_partition();
        self.static_shown = Shown::Nothing;
    }

    fn end_partition(&mut self) {
        self.heads.clear();
        self.at.clear();
        self.shown = Shown::Nothing;
    }

    fn in_target<'a>(&'a self, row: RowRef<'a>) -> RowRef<'a> {
        RowRef { header: &self.target, ..row }
    }
}

impl<S: UnfilteredStream> UnfilteredStream for Merge<S> {
    fn header(&self) -> &Arc<Header> {
        &self.target
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        let found = self.find_partition().and_then(|found| {
            if found {
                self.begin_partition()?;
            }
            Ok(found)
        });
        if !matches!(found, Ok(true)) {
            self.end();
        }
        found
    }

    fn partition(&self) -> PartitionRef<'_> {
        match self.members.first() {
            Some(&first) => {
                PartitionRef { deletion: self.deletion, ..input(&self.inputs, first).stream.partition() }
            }
            None => PartitionRef { token: Token::MIN, key: &[], deletion: DeletionTime::LIVE },
        }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        match self.static_shown {
            Shown::Input(index) => {
                input(&self.inputs, index).stream.static_row().map(|row| self.in_target(row))
            }
            Shown::Merged => Some(self.static_row.as_ref(&self.target)),
            Shown::Nothing | Shown::Marker { .. } => None,
        }
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, StreamError> {
        let found = self.find_unfiltered();
        match found {
            Ok(true) => {}
            Ok(false) => self.end_partition(),
            Err(_) => self.end(),
        }
        found
    }

    #[inline]
    fn current(&self) -> Option<Unfiltered<'_>> {
        match self.shown {
            Shown::Nothing => None,
            Shown::Input(index) => match input(&self.inputs, index).current() {
                Unfiltered::Row(row) => Some(Unfiltered::Row(self.in_target(row))),
                marker => Some(marker),
            },
            Shown::Merged => Some(Unfiltered::Row(self.row.as_ref(&self.target))),
            Shown::Marker { input: index, kind, close, open } => {
                let Unfiltered::Marker(marker) = input(&self.inputs, index).current() else {
                    unreachable!("a row where a marker was")
                };
                let bound = crate::clustering::Bound { kind, ..marker.bound };
                Some(Unfiltered::Marker(MarkerRef { bound, close, open }))
            }
        }
    }
}

impl<S: UnfilteredStream> Input<S> {
    /// The current unfiltered; valid only after `next` has returned that there is one.
    #[expect(clippy::inline_always, reason = "what is shown is not to be moved once more")]
    #[inline(always)]
    fn current(&self) -> Unfiltered<'_> {
        let Some(current) = self.stream.current() else {
            unreachable!("no unfiltered where one was announced")
        };
        current
    }
}

#[inline]
fn input<S>(inputs: &[Input<S>], index: usize) -> &Input<S> {
    let Some(input) = inputs.get(index) else { unreachable!("members are inputs") };
    input
}

#[inline]
fn input_mut<S>(inputs: &mut [Input<S>], index: usize) -> &mut Input<S> {
    let Some(input) = inputs.get_mut(index) else { unreachable!("members are inputs") };
    input
}

fn key_of<S: UnfilteredStream>(inputs: &[Input<S>], index: usize) -> &[u8] {
    input(inputs, index).stream.partition().key
}

#[inline]
fn prefix(comparator: &ClusteringComparator, position: &Position<'_>) -> u64 {
    match position {
        Position { size: 0, kind: PositionKind::After, .. } => u64::MAX,
        Position { values, .. } => comparator.prefix64(values),
    }
}
