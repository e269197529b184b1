//! Slices as ranges of the table's order (`MultiColumnRestriction.SliceRestriction`).
//!
//! A slice compares values column by column, whatever the order of the columns. Where that order
//! turns, as in `(a ASC, b DESC)`, its rows are no single range: `(a, b) > (1, 2)` is first those
//! of `a = 1` before `b = 2`, then all of `a > 1`.

use std::cmp::Ordering;
use std::ops::Bound;

use helenus_rows::ColumnDef;

/// The values of a partition key or of the beginning of a clustering, serialized.
pub(crate) type KeyParts = Vec<Vec<u8>>;

/// An end of a slice: values of its first columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenEnd<'a> {
    pub(super) values: &'a [Vec<u8>],
    pub(super) inclusive: bool,
}

impl<'a> GivenEnd<'a> {
    /// The values of the first columns, and the end among the others, if it says more of those.
    fn split(self, columns: usize) -> (&'a [Vec<u8>], Option<Self>) {
        match self.values.split_at_checked(columns) {
            Some((head, tail)) if !tail.is_empty() => (head, Some(Self { values: tail, ..self })),
            _ => (self.values, None),
        }
    }
}

/// The ranges of values between two ends, in the table's order.
pub(super) fn ranges(
    columns: &[ColumnDef],
    low: Option<GivenEnd<'_>>,
    high: Option<GivenEnd<'_>>,
) -> Vec<[Bound<KeyParts>; 2]> {
    let descends = columns.first().is_some_and(|column| column.ty.is_reversed());
    let alike = columns.iter().take_while(|column| column.ty.is_reversed() == descends).count();
    let (block, others) = columns.split_at(alike);
    let (low_head, low_tail) = low.map(|end| end.split(alike)).unzip();
    let (high_head, high_tail) = high.map(|end| end.split(alike)).unzip();
    let (low_tail, high_tail) = (low_tail.flatten(), high_tail.flatten());
    let order = low_head.zip(high_head).map_or(Ordering::Less, |(low, high)| compare(block, low, high));
    let of_rest = |head: &[Vec<u8>], low, high| {
        let ranges = ranges(others, low, high).into_iter();
        ranges.map(|range| range.map(|end| behind(head, end))).collect::<Vec<_>>()
    };
    if let (Some(head), Some(_), Some(_), Ordering::Equal) = (low_head, low_tail, high_tail, order) {
        return of_rest(head, low_tail, high_tail);
    }
    // An end that says more excludes the values that begin as it does: they are looked at apart.
    let low_inclusive = low.is_some_and(|end| end.inclusive) && low_tail.is_none();
    let high_inclusive = high.is_some_and(|end| end.inclusive) && high_tail.is_none();
    let mut pieces = Vec::new();
    if let (Some(head), Some(_)) = (low_head, low_tail)
        && (order.is_lt() || order.is_eq() && high_inclusive)
    {
        pieces.push(of_rest(head, low_tail, None));
    }
    let is_empty = match (low_head, high_head) {
        (Some(low), Some(high)) => {
            order.is_gt()
                || order.is_eq()
                    && (!low_inclusive && low.len() <= high.len()
                        || !high_inclusive && high.len() <= low.len())
        }
        _ => false,
    };
    if !is_empty {
        let (low, high) = (bound(low_head, low_inclusive), bound(high_head, high_inclusive));
        pieces.push(vec![if descends { [high, low] } else { [low, high] }]);
    }
    if let (Some(head), Some(_)) = (high_head, high_tail)
        && (order.is_lt() || order.is_eq() && low_inclusive)
    {
        pieces.push(of_rest(head, None, high_tail));
    }
    if descends {
        pieces.reverse();
    }
    pieces.concat()
}

/// Compares values in their own order, as far as both go.
fn compare(columns: &[ColumnDef], a: &[Vec<u8>], b: &[Vec<u8>]) -> Ordering {
    let mut each = columns.iter().zip(a.iter().zip(b)).map(|(column, (a, b))| column.ty.base().compare(a, b));
    each.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn bound(head: Option<&[Vec<u8>]>, inclusive: bool) -> Bound<KeyParts> {
    match head {
        None => Bound::Unbounded,
        Some(values) if inclusive => Bound::Included(values.to_vec()),
        Some(values) => Bound::Excluded(values.to_vec()),
    }
}

/// An end among the rows that begin with the prefix.
pub(super) fn behind(prefix: &[Vec<u8>], end: Bound<KeyParts>) -> Bound<KeyParts> {
    match end {
        Bound::Included(values) => Bound::Included([prefix, &values].concat()),
        Bound::Excluded(values) => Bound::Excluded([prefix, &values].concat()),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    }
}
