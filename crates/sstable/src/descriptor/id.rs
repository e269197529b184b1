//! SSTable ids: sequence numbers, and UUIDs in base 36.

use std::fmt;

use helenus_types::Generation;

/// An SSTable's id: a number, or a time-based UUID in base 36.
///
/// ```text
/// sequence  decimal digits, at most 2^31 - 1
/// UUID      DDDD_SSSS_NNNNNLLLLLLLLLLLLL: days and seconds of the day since 1582-10-15, ticks of 100 ns within
///           the second, the UUID's low half; base 36, left padded with 0
/// ```
///
/// Any UUID comes after any number, as in Cassandra (`SSTableIdFactory.COMPARATOR`); UUIDs are
/// ordered by time, then by their low half, signed (`TimeUUID.compareTo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SsTableId {
    /// `SequenceBasedSSTableId`.
    Sequence(u32),
    /// `UUIDBasedSSTableId`.
    Uuid {
        /// Ticks of 100 ns since 1582-10-15.
        ticks: u64,
        /// The low half of the UUID.
        lsb: i64,
    },
}

/// Base-36 digits of days, seconds, ticks and the low half.
const WIDTHS: [usize; 4] = [4, 4, 5, 13];
const UUID_LEN: usize = 28;
const TICKS_PER_SECOND: u64 = 10_000_000;
const SECONDS_PER_DAY: u64 = 86_400;

impl SsTableId {
    /// The id spelled `text`; letters may be of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<SsTableId> {
        parse_uuid(text).or_else(|| parse_sequence(text))
    }

    /// The bytes that Cassandra keeps of it in `system.sstable_activity` and the like.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            SsTableId::Sequence(number) => number.to_be_bytes().to_vec(),
            SsTableId::Uuid { ticks, lsb } => [ticks.to_be_bytes(), lsb.to_be_bytes()].concat(),
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn generation(self) -> Option<Generation> {
        match self {
            SsTableId::Sequence(number) => Some(Generation(u64::from(number))),
            SsTableId::Uuid { .. } => None,
        }
    }

    /// The id with that number, unless it is too large for Cassandra's 31 bits.
    #[must_use]
    pub fn from_generation(generation: Generation) -> Option<SsTableId> {
        u32::try_from(generation.0)
            .ok()
            .filter(|number| i32::try_from(*number).is_ok())
            .map(SsTableId::Sequence)
    }
}

impl fmt::Display for SsTableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SsTableId::Sequence(number) => number.fmt(f),
            SsTableId::Uuid { ticks, lsb } => {
                let (all_seconds, ticks) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
                let [days, seconds, ticks, low] = [
                    base36(all_seconds / SECONDS_PER_DAY),
                    base36(all_seconds % SECONDS_PER_DAY),
                    base36(ticks),
                    base36(lsb.cast_unsigned()),
                ];
                write!(f, "{days:0>4}_{seconds:0>4}_{ticks:0>5}{low:0>13}")
            }
        }
    }
}

fn parse_sequence(text: &str) -> Option<SsTableId> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse::<i32>().ok().filter(|_| digits)?;
    Some(SsTableId::Sequence(number.cast_unsigned()))
}

fn parse_uuid(text: &str) -> Option<SsTableId> {
    if text.len() != UUID_LEN || !text.is_ascii() {
        return None;
    }
    let [days_len, seconds_len, ticks_len, _] = WIDTHS;
    let (days, rest) = text.split_at_checked(days_len)?;
    let (seconds, rest) = rest.strip_prefix('_')?.split_at_checked(seconds_len)?;
    let (ticks, low) = rest.strip_prefix('_')?.split_at_checked(ticks_len)?;
    let number = |digits: &str| {
        let all = digits.bytes().all(|b| b.is_ascii_alphanumeric());
        u64::from_str_radix(digits, 36).ok().filter(|_| all)
    };
    // Four digits of days and of seconds, five of ticks: far below 2^63.
    let seconds = number(days)? * SECONDS_PER_DAY + number(seconds)?;
    let ticks = seconds * TICKS_PER_SECOND + number(ticks)?;
    Some(SsTableId::Uuid { ticks, lsb: number(low)?.cast_signed() })
}

fn base36(mut value: u64) -> String {
    let mut digits = Vec::with_capacity(13);
    loop {
        let digit = u32::try_from(value % 36).ok().and_then(|digit| char::from_digit(digit, 36));
        digits.extend(digit);
        value /= 36;
        if value == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_of_2025() {
        // 2025-08-07T07:48:11.333Z, UUID ddc7bf50-7362-11f0-beaf-3829db282c74.
        let text = "3gsm_0lob_1zdg02we44my8dy25w";
        let id = SsTableId::parse(text).unwrap();
        let SsTableId::Uuid { ticks, lsb } = id else { panic!("{id:?}") };
        assert_eq!(lsb.cast_unsigned(), 0xbeaf_3829_db28_2c74);
        assert_eq!(ticks, 0x1f0_7362_ddc7_bf50);
        assert_eq!(id.to_string(), text);
        assert_eq!(SsTableId::parse(&text.to_uppercase()), Some(id));
        assert_eq!(
            id.to_bytes(),
            [&0x01f0_7362_ddc7_bf50_u64.to_be_bytes()[..], &lsb.to_be_bytes()].concat()
        );
    }

    #[test]
    fn order_and_refusals() {
        let uuid = |ticks, lsb| SsTableId::Uuid { ticks, lsb };
        let mut ids =
            vec![uuid(2, -1), SsTableId::Sequence(9), uuid(1, 7), uuid(2, 1), SsTableId::Sequence(2)];
        ids.sort_unstable();
        assert_eq!(
            ids,
            [SsTableId::Sequence(2), SsTableId::Sequence(9), uuid(1, 7), uuid(2, -1), uuid(2, 1)]
        );
        for text in [
            "",
            "+1",
            "-1",
            "12345678901",
            "3000000000",
            "3gsm_0lob-1zdg02we44my8dy25w",
            "3gsm_0lob_1zdg02we44my8dy25é",
        ] {
            assert_eq!(SsTableId::parse(text), None, "{text}");
        }
        assert_eq!(SsTableId::parse("zzzz_zzzz_zzzzzzzzzzzzzzzzzz"), None, "a low half past 64 bits");
        assert_eq!(SsTableId::from_generation(Generation(1 << 31)), None);
        assert_eq!(
            SsTableId::Sequence(5).generation().and_then(SsTableId::from_generation),
            SsTableId::parse("5")
        );
    }
}
