//! Appending rows and markers as Data.db has them.

use helenus_types::vint;

use super::{MarkerRef, RowRef, extended, flag};
use crate::deletion::DeletionTime;
use crate::header::Header;

/// Appends a row. `prev_size` is the distance in bytes to the start of the unfiltered before it, or
/// of the partition for the first one (`UnfilteredSerializer`: every reader skips it).
#[inline]
pub fn write_row(row: RowRef<'_>, prev_size: u64, out: &mut Vec<u8>) {
    out.push(row.flags);
    if row.flags & flag::EXTENSION != 0 {
        out.push(row.extended);
    }
    out.extend_from_slice(row.clustering);
    vint::write_unsigned(out, (vint::unsigned_len(prev_size) + row.body.len()) as u64);
    vint::write_unsigned(out, prev_size);
    out.extend_from_slice(row.body);
}

/// Appends a partition's static row; an empty one where the partition has none but the header has
/// static columns. Nothing where it has not.
pub fn write_static_row(header: &Header, row: Option<RowRef<'_>>, out: &mut Vec<u8>) {
    if header.statics.is_empty() {
        return;
    }
    if let Some(row) = row {
        write_row(row, 0, out);
        return;
    }
    // The body is the subset of no columns: a bitmap, or from 64 columns on the number of missing
    // ones.
    let total = header.statics.len();
    let subset = if total < 64 { (1 << total) - 1 } else { total as u64 };
    out.extend_from_slice(&[flag::EXTENSION, extended::IS_STATIC]);
    vint::write_unsigned(out, (vint::unsigned_len(0) + vint::unsigned_len(subset)) as u64);
    vint::write_unsigned(out, 0);
    vint::write_unsigned(out, subset);
}

/// Appends a marker; `prev_size` as for [`write_row`].
pub fn write_marker(header: &Header, marker: MarkerRef<'_>, prev_size: u64, out: &mut Vec<u8>) {
    out.push(flag::IS_MARKER);
    out.push(marker.bound.kind as u8);
    let Ok(size) = u16::try_from(marker.bound.size) else {
        unreachable!("a table has fewer than 65,536 clustering columns")
    };
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(marker.bound.values);
    let kind = marker.bound.kind;
    let deletions =
        [(kind.closes(), marker.close), (kind.opens(), marker.open)].into_iter().filter(|(there, _)| *there);
    let len: usize = deletions.clone().map(|(_, deletion)| deletion_len(header, deletion)).sum();
    vint::write_unsigned(out, (vint::unsigned_len(prev_size) + len) as u64);
    vint::write_unsigned(out, prev_size);
    for (_, deletion) in deletions {
        write_deletion(header, deletion, out);
    }
}

/// Appends a deletion time as deltas against the header's bases.
pub(super) fn write_deletion(header: &Header, deletion: DeletionTime, out: &mut Vec<u8>) {
    let [timestamp, seconds] = deletion_deltas(header, deletion);
    vint::write_unsigned(out, timestamp);
    vint::write_unsigned(out, seconds);
}

fn deletion_len(header: &Header, deletion: DeletionTime) -> usize {
    deletion_deltas(header, deletion).into_iter().map(vint::unsigned_len).sum()
}

fn deletion_deltas(header: &Header, deletion: DeletionTime) -> [u64; 2] {
    let mut seconds = deletion.local_deletion_time.0;
    if deletion.is_live() && !header.capabilities.unsigned_deletion_times {
        // Releases before 5.0 recognise a live complex deletion, next to a real one, by both of its
        // numbers.
        seconds = i32::MAX.unsigned_abs();
    }
    [
        timestamp_delta(header, deletion.marked_for_delete_at.0),
        seconds_delta(seconds, header.base.min_local_deletion_time.0),
    ]
}

/// Delta of a timestamp, modulo 2^64.
#[inline]
pub(super) fn timestamp_delta(header: &Header, timestamp: i64) -> u64 {
    timestamp.wrapping_sub(header.base.min_timestamp.0).cast_unsigned()
}

/// Delta of a local deletion time or ttl: modulo 2^32, then with its sign extended.
#[inline]
pub(super) fn seconds_delta(seconds: u32, base: u32) -> u64 {
    i64::from(seconds.wrapping_sub(base).cast_signed()).cast_unsigned()
}
