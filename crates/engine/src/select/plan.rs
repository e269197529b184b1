//! The reads of a query: its keys, slices and limits, and the start of a page. Made once, before
//! the first row.

use std::collections::{HashMap, HashSet};
use std::ops::{Bound as RangeEnd, Range, RangeInclusive};
use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, ColumnFilter, Direction, Header, Position, PositionKind, Slice,
    Slices, encode_clustering,
};
use helenus_sstable::StaticRow;
use helenus_types::Token;
use smallvec::SmallVec;

use super::filter::RowFilter;
use super::position::RowPosition;
use super::projection::Projection;
use super::query::{End, Select, ValueRange};
use super::row_key::RowKey;
use crate::engine::View;
use crate::error::{Error, Result};

/// The reads of a query, or of a page of one.
#[derive(Debug)]
pub(super) struct ReadPlan {
    /// Raw keys, and the clustering of `single`.
    bytes: SmallVec<[u8; 64]>,
    partitions: Partitions,
    /// The slices of each partition.
    pub(super) slices: Slices,
    /// The range of the clustering, if each partition is queried for one row.
    single: Option<Range<usize>>,
    pub(super) direction: Direction,
    pub(super) limit: usize,
    pub(super) limit_per_partition: u64,
    pub(super) projection: Option<Arc<Projection>>,
    /// The columns to read: those of the projection and of the filter.
    pub(super) wanted: Option<Arc<ColumnFilter>>,
    pub(super) filter: Option<RowFilter>,
    /// The start of the page: the last row of the one before.
    pub(super) after: Option<RowPosition>,
    /// The rest of the partition of that row.
    pub(super) begun: Option<Slices>,
}

/// The partitions that are read, within the slices.
#[derive(Debug)]
enum Partitions {
    /// In the order in which they come.
    Named(SmallVec<[NamedPartition; 1]>),
    /// All in the range, from the page's beginning on.
    Tokens(RangeInclusive<Token>),
}

/// A partition that is named by its key.
#[derive(Clone, Debug)]
pub(super) struct NamedPartition {
    /// The range of the key in the bytes.
    key: Range<usize>,
    /// Its own slices; `None` for those of each partition.
    slices: Option<Slices>,
}

impl ReadPlan {
    pub(super) fn new(select: &Select, view: &View) -> Result<Self> {
        select.check()?;
        let comparator = &view.state.header.clustering;
        let schema = &view.state.schema;
        let projection = select.columns.as_deref().map(|names| Projection::new(schema, names)).transpose()?;
        let wanted = match (&projection, &select.filter) {
            (None, _) => None,
            (Some(projection), None) => Some(projection.shown.clone()),
            (Some(projection), Some(filter)) => Some(projection.with(schema, &filter.columns)?),
        };
        if let Some(filter) = &select.filter {
            Projection::new(schema, &filter.columns)?;
        }
        let most = if select.distinct { 1 } else { usize::MAX };
        let mut plan = Self {
            bytes: SmallVec::new(),
            partitions: Partitions::Tokens(select.tokens.clone()),
            slices: Slices::ALL,
            single: None,
            direction: select.direction,
            limit: select.limit,
            limit_per_partition: select.limit_per_partition.min(most) as u64,
            projection: projection.map(Arc::new),
            wanted: wanted.map(Arc::new),
            filter: select.filter.clone(),
            after: select.after.clone(),
            begun: None,
        };
        if !select.keys.is_empty() {
            plan.take_keys(select, view);
        }
        if let Some(places) = &select.places {
            plan.take_places(places, select, view)?;
        }
        let single = if select.distinct { None } else { single_row(select, comparator.len()) };
        match single.filter(|_| !select.keys.is_empty() && select.limit_per_partition > 0) {
            Some(values) => plan.single = Some(plan.store(bytes_of(select, &values))),
            None => plan.slices = slices(select, view)?,
        }
        if let Some(position) = &select.after {
            plan.continue_after(position, view)?;
        }
        Ok(plan)
    }

    /// The partitions that are named by their keys, in the order in which they come; `None` for a
    /// scan.
    pub(super) fn named(&self) -> Option<&[NamedPartition]> {
        match &self.partitions {
            Partitions::Named(named) => Some(named),
            Partitions::Tokens(_) => None,
        }
    }

    /// The key of a named partition.
    pub(super) fn key_of(&self, named: &NamedPartition) -> &[u8] {
        self.bytes_of(&named.key)
    }

    /// The slices of a named partition.
    pub(super) fn slices_of<'a>(&'a self, named: &'a NamedPartition) -> &'a Slices {
        named.slices.as_ref().unwrap_or(&self.slices)
    }

    /// The tokens of a scan.
    pub(super) fn tokens(&self) -> Option<&RangeInclusive<Token>> {
        match &self.partitions {
            Partitions::Named(_) => None,
            Partitions::Tokens(tokens) => Some(tokens),
        }
    }

    /// The clustering, if each partition is queried for one row.
    pub(super) fn single(&self) -> Option<&[u8]> {
        self.single.as_ref().map(|span| self.bytes_of(span))
    }

    /// Whether a scan leaves rows out by their clustering.
    pub(super) fn is_scan_of_slices(&self) -> bool {
        self.named().is_none() && !self.slices.is_all()
    }

    /// Whether the static row of a partition must be read; `may_stand_alone` says whether a
    /// partition may be shown for it alone.
    pub(super) fn static_row(&self, may_stand_alone: bool) -> StaticRow {
        let is_shown = self.wanted.as_ref().is_none_or(|wanted| wanted.wants_static());
        if is_shown || may_stand_alone { StaticRow::Wanted } else { StaticRow::Unwanted }
    }

    #[inline]
    fn bytes_of(&self, span: &Range<usize>) -> &[u8] {
        let bytes = self.bytes.get(span.clone());
        debug_assert!(bytes.is_some(), "a span is of the plan's bytes");
        bytes.unwrap_or_default()
    }

    fn store(&mut self, bytes: &[u8]) -> Range<usize> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        begin..self.bytes.len()
    }

    /// The keys whose tokens are in the range, each once.
    fn take_keys(&mut self, select: &Select, view: &View) {
        let partitioner = &view.state.header.partitioner;
        let has_tokens = select.tokens != (Token::MIN..=Token::MAX);
        let mut seen = HashSet::new();
        let mut keys = SmallVec::with_capacity(select.keys.len());
        for span in &select.keys {
            let key = bytes_of(select, span);
            let is_new = select.keys.len() == 1 || seen.insert(key);
            if is_new && (!has_tokens || select.tokens.contains(&partitioner.prefix(key))) {
                keys.push(NamedPartition { key: self.store(key), slices: None });
            }
        }
        self.partitions = Partitions::Named(keys);
    }

    /// The partitions of those places whose tokens are in the range, each once, with the named rows
    /// of each.
    fn take_places(&mut self, places: &[RowKey], select: &Select, view: &View) -> Result<()> {
        let Header { partitioner, clustering: comparator, .. } = &*view.state.header;
        let mut found: Vec<(&[u8], Vec<Slice<'_>>)> = Vec::new();
        let mut seen = HashMap::new();
        for place in places {
            let key = place.partition_key();
            if !select.tokens.contains(&partitioner.prefix(key)) {
                continue;
            }
            let at = *seen.entry(key).or_insert(found.len());
            if at == found.len() {
                found.push((key, Vec::new()));
            }
            let Some((_, rows)) = found.get_mut(at) else { unreachable!("a key that was seen has a place") };
            let (start, end) = match place.clustering() {
                None => (Bound::BOTTOM, Bound::TOP),
                Some(values) if is_clustering(comparator, values) => {
                    let bound = |kind| Bound { kind, size: comparator.len(), values };
                    (bound(BoundKind::InclStart), bound(BoundKind::InclEnd))
                }
                Some(_) => {
                    let schema = &view.state.schema;
                    return Err(Error::invalid(format!(
                        "{}.{}: a row is named whose clustering columns are another table's",
                        schema.keyspace(),
                        schema.name()
                    )));
                }
            };
            rows.push(Slice { start, end });
        }
        let named = |(key, rows): (&[u8], Vec<Slice<'_>>)| NamedPartition {
            key: self.store(key),
            slices: Some(Slices::new(comparator, rows)),
        };
        self.partitions = Partitions::Named(found.into_iter().map(named).collect());
        Ok(())
    }

    /// Narrows the query to the rows after one that it showed.
    fn continue_after(&mut self, position: &RowPosition, view: &View) -> Result<()> {
        let comparator = &view.state.header.clustering;
        let key = position.partition_key();
        let foreign = |what| Err(Error::invalid(format!("the position is not one of this query: {what}")));
        if let Some(clustering) = position.clustering()
            && !is_clustering(comparator, clustering)
        {
            return foreign("its row has other clustering columns");
        }
        let bytes = &self.bytes;
        let mut slices = self.slices.clone();
        match &mut self.partitions {
            Partitions::Named(named) => {
                let is_there = |named: &NamedPartition| bytes.get(named.key.clone()) == Some(key);
                let Some(at) = named.iter().position(is_there) else {
                    return foreign("its partition is not among the keys");
                };
                if let Some(own) = named.drain(..=at).next_back().and_then(|named| named.slices) {
                    slices = own;
                }
            }
            Partitions::Tokens(tokens) => {
                let token = view.state.header.partitioner.prefix(key);
                if !tokens.contains(&token) {
                    return foreign("its partition is not among the tokens");
                }
                *tokens = token..=*tokens.end();
            }
        }
        let has_more = self.single.is_none() && position.shown_of_partition() < self.limit_per_partition;
        if let Some(clustering) = position.clustering().filter(|_| has_more) {
            let rest = slices.after(comparator, clustering, self.direction);
            self.begun = Some(rest).filter(|rest| !rest.is_empty());
        }
        Ok(())
    }
}

fn bytes_of<'a>(select: &'a Select, span: &Range<usize>) -> &'a [u8] {
    let bytes = select.bytes.get(span.clone());
    debug_assert!(bytes.is_some(), "a span is of the query's bytes");
    bytes.unwrap_or_default()
}

fn bound<'a>(select: &'a Select, end: &End) -> Bound<'a> {
    Bound { kind: end.kind, size: end.size, values: bytes_of(select, &end.values) }
}

/// The range of the clustering, if the query is for one row by its whole key.
fn single_row(select: &Select, clustering_len: usize) -> Option<Range<usize>> {
    let is_unbounded = (select.from.size, select.to.size) == (0, 0) && select.range.is_none();
    match select.slices.as_slice() {
        [[start, end]] if is_unbounded && start.size == clustering_len => {
            // A prefix: both its ends are the same bytes.
            let is_prefix = (start.kind, end.kind) == (BoundKind::InclStart, BoundKind::InclEnd)
                && start.values == end.values
                && start.size == end.size;
            is_prefix.then(|| start.values.clone())
        }
        [] if is_unbounded && clustering_len == 0 => Some(0..0),
        _ => None,
    }
}

fn is_clustering(comparator: &ClusteringComparator, values: &[u8]) -> bool {
    comparator.frame(values, 0, comparator.len()) == Ok(Some(values.len()))
}

/// The slices of each partition that the query wants.
fn slices(select: &Select, view: &View) -> Result<Slices> {
    let comparator = &view.state.header.clustering;
    let slice = |[start, end]: &[End; 2]| Slice { start: bound(select, start), end: bound(select, end) };
    let outer = Slice { start: bound(select, &select.from), end: bound(select, &select.to) };
    for slice in select.slices.iter().map(slice).chain([outer]) {
        check_order(&slice, comparator, view)?;
    }
    let any = match &select.range {
        Some(range) => in_range(select, range, view)?,
        None if select.slices.is_empty() => Slices::ALL,
        None => Slices::new(comparator, select.slices.iter().map(slice)),
    };
    Ok(if (outer.start.size, outer.end.size) == (0, 0) { any } else { any.within(comparator, outer) })
}

/// Refuses a slice whose ends were exchanged. One that is merely empty shows nothing.
fn check_order(slice: &Slice<'_>, comparator: &ClusteringComparator, view: &View) -> Result<()> {
    let size = slice.start.size.min(slice.end.size);
    let place = |values| Position { kind: PositionKind::Row, size, values };
    if comparator.compare(place(slice.start.values), place(slice.end.values)).is_le() {
        return Ok(());
    }
    let schema = &view.state.schema;
    let order: Vec<_> = schema
        .clustering()
        .iter()
        .map(|column| format!("{} {}", column.name, if column.ty.is_reversed() { "DESC" } else { "ASC" }))
        .collect();
    Err(Error::invalid(format!(
        "{}.{}: the range of rows ends before it starts in the table's order ({}): exchange its ends, or give a range of \
         values, which doesn't depend on the order",
        schema.keyspace(),
        schema.name(),
        order.join(", ")
    )))
}

/// The rows that begin with one of the prefixes and have the next column's value in the range.
fn in_range(select: &Select, range: &ValueRange, view: &View) -> Result<Slices> {
    let (schema, comparator) = (&view.state.schema, &view.state.header.clustering);
    let [least, greatest] = range.ends.each_ref().map(|end| end.as_ref().map(|span| bytes_of(select, span)));
    let Some(column) = schema.clustering().get(range.column) else {
        return Err(Error::invalid("a range of values needs a clustering column"));
    };
    if let (
        RangeEnd::Included(least) | RangeEnd::Excluded(least),
        RangeEnd::Included(greatest) | RangeEnd::Excluded(greatest),
    ) = (least, greatest)
        && column.ty.base().compare(least, greatest).is_gt()
    {
        let place = format!("{}.{}", schema.keyspace(), schema.name());
        return Err(Error::invalid(format!("{place}: the range of {} ends below its start", column.name)));
    }
    let (first, last) = if column.ty.is_reversed() { (greatest, least) } else { (least, greatest) };
    let all = [End::BOTTOM, End::TOP];
    let prefixes = if select.slices.is_empty() { std::slice::from_ref(&all) } else { &select.slices };
    let mut ends = Vec::with_capacity(prefixes.len());
    for [start, end] in prefixes {
        if (start.size, &start.values) != (range.column, &end.values) {
            return Err(Error::invalid(format!(
                "{}.{}: a range of values comes after prefixes of the {} clustering columns before it, and beside no \
                 other slice",
                schema.keyspace(),
                schema.name(),
                range.column
            )));
        }
        let prefix = bound(select, start);
        let (before, after) = (PositionKind::Before, PositionKind::After);
        let start = match first {
            RangeEnd::Included(value) => (BoundKind::start(before), Some(value)),
            RangeEnd::Excluded(value) => (BoundKind::start(after), Some(value)),
            RangeEnd::Unbounded => (BoundKind::start(before), None),
        };
        let end = match last {
            RangeEnd::Included(value) => (BoundKind::end(after), Some(value)),
            RangeEnd::Excluded(value) => (BoundKind::end(before), Some(value)),
            RangeEnd::Unbounded => (BoundKind::end(after), None),
        };
        ends.push([start, end].map(|(kind, value)| {
            let values: Vec<_> =
                comparator.components(prefix.values, prefix.size).chain(value.map(Some)).collect();
            let mut encoded = Vec::new();
            encode_clustering(comparator.types(), &values, &mut encoded);
            (kind, values.len(), encoded)
        }));
    }
    Ok(Slices::new(
        comparator,
        ends.iter().map(|[start, end]| Slice {
            start: Bound { kind: start.0, size: start.1, values: &start.2 },
            end: Bound { kind: end.0, size: end.1, values: &end.2 },
        }),
    ))
}
