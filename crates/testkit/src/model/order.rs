//! The order of values, and of rows and bounds within a partition (`ClusteringComparator`).

use std::cmp::Ordering;

use super::facts::Side;
use super::table::{ModelTable, ModelType};

/// Compares two values of a type; an empty value comes first.
#[must_use]
pub fn compare_values(kind: ModelType, a: &[u8], b: &[u8]) -> Ordering {
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    match kind {
        ModelType::Int | ModelType::BigInt => signed(a).cmp(&signed(b)),
        ModelType::Text | ModelType::Blob => a.cmp(b),
        ModelType::TimeUuid => time_uuid(a).cmp(&time_uuid(b)),
    }
}

/// Compares two places in a partition: each is the values of a prefix and the side of it. A row is
/// a whole clustering and [`Side::At`]. Of two places with a common prefix the shorter decides by
/// its own side.
#[must_use]
pub fn compare_positions(table: &ModelTable, a: (&[Vec<u8>], Side), b: (&[Vec<u8>], Side)) -> Ordering {
    for ((column, left), right) in table.clustering.iter().zip(a.0).zip(b.0) {
        let order = compare_values(column.kind, left, right);
        let order = if column.descending { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    match a.0.len().cmp(&b.0.len()) {
        Ordering::Equal => a.1.cmp(&b.1),
        Ordering::Less => a.1.cmp(&Side::At),
        Ordering::Greater => Side::At.cmp(&b.1),
    }
}

fn signed(bytes: &[u8]) -> i128 {
    let sign = if bytes.first().is_some_and(|b| *b >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |n, byte| (n << 8) | i128::from(*byte))
}

/// The time (without the version), then the rest as signed bytes: `TimeUUIDType`.
fn time_uuid(bytes: &[u8]) -> ([u8; 8], Vec<u8>) {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let time = [at(6) & 0x0f, at(7), at(4), at(5), at(0), at(1), at(2), at(3)];
    (time, bytes.iter().skip(8).map(|byte| byte ^ 0x80).collect())
}
