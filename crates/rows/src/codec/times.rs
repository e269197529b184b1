//! Times of encoded rows that are not final yet, and their final ones in the same places.

use helenus_types::{LocalDeletionTime, Timestamp, vint};

use super::cell_flag;
use super::write::{seconds_delta, timestamp_delta};
use crate::header::Header;

/// The moment of a write: the timestamp of what it leaves, the second of what it deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteMoment {
    /// Microseconds.
    pub timestamp: Timestamp,
    /// The same moment, as local deletion times count.
    pub second: LocalDeletionTime,
}

impl WriteMoment {
    /// Whether rows encoded against `header` have the same length at both moments, also where a
    /// collection is deleted a microsecond before.
    pub fn fits(self, other: Self, header: &Header) -> bool {
        let timestamp = |micros: i64| vint::unsigned_len(timestamp_delta(header, micros));
        let of = |moment: Self| {
            let seconds = seconds_delta(moment.second.0, header.base.min_local_deletion_time.0);
            (
                timestamp(moment.timestamp.0.wrapping_sub(1)),
                timestamp(moment.timestamp.0),
                vint::unsigned_len(seconds),
            )
        };
        let (own, others) = (of(self), of(other));
        own == others && own.0 == own.1
    }
}

/// The places of times in rows that were encoded before their [`WriteMoment`] was known.
///
/// Each is a difference to the header's base, so that it moves by the difference of two moments.
#[derive(Debug, Default)]
pub struct TimePlaces(Vec<TimePlace>);

#[derive(Clone, Copy, Debug)]
struct TimePlace {
    at: u32,
    kind: TimeKind,
}

#[derive(Clone, Copy, Debug)]
enum TimeKind {
    Timestamp,
    Second,
}

impl TimePlaces {
    /// Forgets all.
    #[inline]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets those from byte `at` on.
    #[inline]
    pub fn cut(&mut self, at: usize) {
        while self.0.pop_if(|place| place.at as usize >= at).is_some() {}
    }

    /// Changes the times in `bytes` from one moment to another, which
    /// [`fits`](WriteMoment::fits) the headers of all rows.
    pub fn change(&self, bytes: &mut [u8], from: WriteMoment, to: WriteMoment) {
        let micros = to.timestamp.0.wrapping_sub(from.timestamp.0).cast_unsigned();
        let seconds = to.second.0.wrapping_sub(from.second.0);
        for place in &self.0 {
            let Some(bytes) = bytes.get_mut(place.at as usize..) else {
                unreachable!("places are among the bytes")
            };
            let Some((old, _)) = vint::read_unsigned(bytes) else { unreachable!("a place has a number") };
            let new = match place.kind {
                TimeKind::Timestamp => old.wrapping_add(micros),
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a number of 32 bits with its sign extended"
                )]
                TimeKind::Second => seconds_delta((old as u32).wrapping_add(seconds), 0),
            };
            assert!(vint::overwrite_unsigned(bytes, new), "moments fit each other");
        }
    }

    #[inline]
    pub(super) fn timestamp(&mut self, at: usize) {
        self.add(at, TimeKind::Timestamp);
    }

    /// A deletion at byte `at` of `bytes`.
    pub(super) fn deletion(&mut self, at: usize, bytes: &[u8]) {
        self.add(at, TimeKind::Timestamp);
        self.add(after(at, bytes), TimeKind::Second);
    }

    /// A cell at byte `at` of `bytes`, which never expires.
    #[inline]
    pub(super) fn cell(&mut self, at: usize, bytes: &[u8]) {
        let Some(&flags) = bytes.get(at) else { unreachable!("the cell was appended") };
        assert!(flags & cell_flag::IS_EXPIRING == 0, "the end of a life depends on more than its moment");
        let mut next = at + 1;
        if flags & cell_flag::USE_ROW_TIMESTAMP == 0 {
            self.add(next, TimeKind::Timestamp);
            next = after(next, bytes);
        }
        if flags & cell_flag::IS_DELETED != 0 {
            self.add(next, TimeKind::Second);
        }
    }

    /// What began at `moved` was moved to another place.
    #[inline]
    pub(super) fn moved(&mut self, moved: usize, to: usize) {
        if moved == to {
            return;
        }
        for place in self.0.iter_mut().rev().take_while(|place| place.at as usize >= moved) {
            place.at = place_of(place.at as usize - moved + to);
        }
    }

    #[inline]
    fn add(&mut self, at: usize, kind: TimeKind) {
        self.0.push(TimePlace { at: place_of(at), kind });
    }
}

#[inline]
fn place_of(at: usize) -> u32 {
    let Ok(at) = u32::try_from(at) else { unreachable!("a mutation has less than 4 GiB") };
    at
}

/// The byte after the number at byte `at`.
fn after(at: usize, bytes: &[u8]) -> usize {
    let Some(first) = bytes.get(at) else { unreachable!("the number was appended") };
    at + 1 + first.leading_ones() as usize
}
