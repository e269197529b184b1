//! The winner of two cells of the same row, column and path (`db.rows.Cells`).
//!
//! None of the rules depends on the current time, so that the outcome never depends on when it is
//! decided (CASSANDRA-14592).

use helenus_types::{DecodeError, LocalDeletionTime};

use crate::cell::Cell;
use crate::counter::CounterContext;

/// The winner of two cells, neither of a counter (`Cells.resolveRegular`): the later; at
/// equal times what is deleted or expires against what does not, of these the tombstone, the later
/// to go, the one with the smaller ttl (it was written later); then the larger value.
#[inline]
#[must_use]
pub fn reconcile<'a>(left: Cell<'a>, right: Cell<'a>) -> Cell<'a> {
    if right_stands(&left, &right) { right } else { left }
}

/// Whether [`reconcile`] gives the right one; false where both are the same.
#[inline]
pub(crate) fn right_stands(left: &Cell<'_>, right: &Cell<'_>) -> bool {
    right.timestamp > left.timestamp || (right.timestamp == left.timestamp && right_wins_tie(left, right))
}

fn right_wins_tie(left: &Cell<'_>, right: &Cell<'_>) -> bool {
    let goes = |cell: &Cell<'_>| cell.local_deletion_time != LocalDeletionTime::NONE;
    if goes(left) != goes(right) {
        return goes(right);
    }
    if goes(left) {
        if left.is_expiring() != right.is_expiring() {
            return left.is_expiring();
        }
        if left.local_deletion_time != right.local_deletion_time {
            return right.local_deletion_time > left.local_deletion_time;
        }
        if left.ttl != right.ttl {
            return right.ttl < left.ttl;
        }
    }
    right.value > left.value
}

/// The winner of two cells of the same counter (`Cells.resolveCounter`). If both count, `scratch`
/// is cleared and takes the merged context, which is the result's value; otherwise `scratch` is not
/// touched.
///
/// # Errors
/// Where a value is no counter context.
pub fn reconcile_counters<'a>(
    left: Cell<'a>,
    right: Cell<'a>,
    scratch: &'a mut Vec<u8>,
) -> Result<Cell<'a>, DecodeError> {
    match resolve_counters(&left, &right) {
        CounterWinner::Left => Ok(left),
        CounterWinner::Right => Ok(right),
        CounterWinner::Both => {
            scratch.clear();
            CounterContext::parse(left.value)?.merge(&CounterContext::parse(right.value)?, scratch);
            let timestamp = left.timestamp.max(right.timestamp);
            Ok(Cell { timestamp, value: scratch, ..left })
        }
    }
}

/// The outcome for two cells of the same counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CounterWinner {
    Left,
    Right,
    Both,
}

/// A tombstone wins whatever the timestamps: an increment has none that could be known to be later.
/// An empty value, which only a read that skipped values leaves, wins against a count.
#[inline]
pub(crate) fn resolve_counters(left: &Cell<'_>, right: &Cell<'_>) -> CounterWinner {
    let right_stands = match (left.is_tombstone(), right.is_tombstone()) {
        (true, true) if left.timestamp == right.timestamp => right_wins_tie(left, right),
        (true, true) => right.timestamp > left.timestamp,
        (true, false) => false,
        (false, true) => true,
        (false, false) => match (left.value.is_empty(), right.value.is_empty()) {
            (false, false) => return CounterWinner::Both,
            (true, true) => right.timestamp > left.timestamp,
            (left_empty, _) => !left_empty,
        },
    };
    if right_stands { CounterWinner::Right } else { CounterWinner::Left }
}
