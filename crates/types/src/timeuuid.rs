//! Version 1 UUIDs: the time in the order that [`Type::TimeUuid`](crate::Type::TimeUuid) compares,
//! and how to make them.
//!
//! ```text
//! msb   time_low (32 bits)   time_mid (16)   version 1 (4)   time_high (12)
//! lsb   variant 10 (2 bits)  clock sequence (14)             node (48)
//! ```
//!
//! The time is in ticks of 100 ns since 1582-10-15.

use uuid::Uuid;

/// 1970-01-01 in ticks since 1582-10-15.
pub const UNIX_EPOCH_TICKS: u64 = 0x01B2_1DD2_1381_4000;

/// The smallest clock sequence and node, when their bytes compare as signed ones.
const MIN_LSB: u64 = 0x8080_8080_8080_8080;
/// The greatest clock sequence and node, likewise.
const MAX_LSB: u64 = 0x7F7F_7F7F_7F7F_7F7F;

const TIME_BITS: u64 = (1 << 60) - 1;

/// The most significant half with the version and the time from high to low, so that it compares as
/// the time.
#[inline]
#[must_use]
pub const fn reorder(msb: u64) -> u64 {
    (msb << 48) | ((msb << 16) & 0x0000_FFFF_0000_0000) | (msb >> 32)
}

/// A time UUID of a number of ticks since 1582-10-15 (the low 60 bits) and a least significant
/// half.
#[must_use]
pub const fn from_ticks(ticks: u64, lsb: u64) -> Uuid {
    let ticks = ticks & TIME_BITS;
    let time_low = ticks << 32;
    let time_mid = (ticks >> 16) & 0xFFFF_0000;
    let version_and_high = 0x1000 | (ticks >> 48);
    Uuid::from_u64_pair(time_low | time_mid | version_and_high, lsb)
}

/// A time UUID of a number of microseconds since 1970.
#[must_use]
pub const fn from_micros(micros: i64, lsb: u64) -> Uuid {
    from_ticks(UNIX_EPOCH_TICKS.wrapping_add(micros.cast_unsigned().wrapping_mul(10)), lsb)
}

/// The least significant half with the variant set: 14 bits of clock sequence, 48 of node.
#[must_use]
pub const fn lsb(clock_sequence: u16, node: u64) -> u64 {
    (1 << 63) | ((clock_sequence as u64 & 0x3FFF) << 48) | (node & 0xFFFF_FFFF_FFFF)
}

/// Ticks since 1582-10-15, or `None` unless the version is 1.
#[must_use]
pub fn ticks(uuid: Uuid) -> Option<u64> {
    let (msb, _) = uuid.as_u64_pair();
    ((msb >> 12) & 0xF == 1).then(|| reorder(msb) & TIME_BITS)
}

/// Microseconds since 1970, rounded down, or `None` unless the version is 1.
#[must_use]
pub fn micros(uuid: Uuid) -> Option<i64> {
    ticks(uuid).map(|ticks| ticks.wrapping_sub(UNIX_EPOCH_TICKS).cast_signed().div_euclid(10))
}

/// The first time UUID of a millisecond since 1970, as CQL's `minTimeuuid` gives it.
#[must_use]
pub const fn min_of_millis(millis: i64) -> Uuid {
    from_micros(millis.wrapping_mul(1000), MIN_LSB)
}

/// The last time UUID of a millisecond since 1970, as CQL's `maxTimeuuid` gives it.
#[must_use]
pub const fn max_of_millis(millis: i64) -> Uuid {
    let ticks =
        UNIX_EPOCH_TICKS.wrapping_add(millis.cast_unsigned().wrapping_mul(10_000)).wrapping_add(9_999);
    from_ticks(ticks, MAX_LSB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    #[test]
    fn times_go_in_and_come_out() {
        for micros_in in [0, 1, -1, 1_700_000_000_123_456, -12_219_292_800_000_000] {
            let uuid = from_micros(micros_in, lsb(0x2A5, 0x0102_0304_0506));
            assert_eq!(uuid.get_version_num(), 1);
            assert_eq!(micros(uuid), Some(micros_in));
        }
        assert_eq!(micros(Uuid::nil()), None);
        let known: Uuid = "50554d6e-29bb-11e5-b345-feff819cdc9f".parse().unwrap();
        assert_eq!(micros(known), Some(1_436_832_018_805_899), "2015-07-14 00:00:18.805");
        let (_, half) = known.as_u64_pair();
        assert_eq!(from_ticks(ticks(known).unwrap(), half), known);
    }

    #[test]
    fn bounds_of_a_millisecond() {
        let order = |a: Uuid, b: Uuid| Type::TimeUuid.compare(a.as_bytes(), b.as_bytes());
        let inside = from_micros(5_999, lsb(7, 7));
        assert!(order(min_of_millis(5), inside).is_lt());
        assert!(order(inside, max_of_millis(5)).is_lt());
        assert!(order(max_of_millis(5), min_of_millis(6)).is_lt());
    }
}
