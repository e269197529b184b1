//! `duration`: months, days and nanoseconds; text and bytes (`cql3.Duration`).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::{Reader, vint};

const NANOS_PER_HOUR: i64 = 3600 * NANOS_PER_SECOND;
const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A span of time in three parts that do not convert into one another; none has another sign than
/// the others (`org.apache.cassandra.cql3.Duration`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Nanoseconds.
    pub nanoseconds: i64,
}

/// Not a duration in any of its notations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: {0}")]
pub struct ParseDurationError(&'static str);

impl Duration {
    /// The parts of a `duration`'s bytes, three signed vints. Bytes after them are ignored, as in
    /// Cassandra.
    pub(crate) fn from_bytes(value: &[u8]) -> Result<Duration, Cow<'static, str>> {
        let mut reader = Reader::new(value);
        let mut part = || reader.signed_vint().map_err(|error| Cow::Owned(error.to_string()));
        let (months, days, nanoseconds) = (part()?, part()?, part()?);
        let (Ok(months), Ok(days)) = (months.try_into(), days.try_into()) else {
            return Err("the months and the days must be 32-bit integers".into());
        };
        let duration = Duration { months, days, nanoseconds };
        if duration.is_one_signed() { Ok(duration) } else { Err("the parts must have one sign".into()) }
    }

    pub(crate) fn write(self, out: &mut Vec<u8>) {
        vint::write_signed(out, self.months.into());
        vint::write_signed(out, self.days.into());
        vint::write_signed(out, self.nanoseconds);
    }

    /// Whether all parts have the same sign, as in every duration in a table.
    #[must_use]
    pub fn is_one_signed(self) -> bool {
        let parts = [i64::from(self.months), self.days.into(), self.nanoseconds];
        parts.iter().all(|&part| part >= 0) || parts.iter().all(|&part| part <= 0)
    }
}

/// Cassandra's printed form: `-1y5mo36d1h37m17s102ms565us414ns`; nothing for a duration of zero.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months < 0 || self.days < 0 || self.nanoseconds < 0 {
            f.write_str("-")?;
        }
        let mut units = |mut rest: u64, units: &[(u64, &str)]| {
            units.iter().try_for_each(|&(size, unit)| {
                let count = rest / size;
                rest %= size;
                if count == 0 { Ok(()) } else { write!(f, "{count}{unit}") }
            })
        };
        units(self.months.unsigned_abs().into(), &[(12, "y"), (1, "mo")])?;
        units(self.days.unsigned_abs().into(), &[(1, "d")])?;
        let small = [
            (NANOS_PER_HOUR.cast_unsigned(), "h"),
            (NANOS_PER_MINUTE.cast_unsigned(), "m"),
            (NANOS_PER_SECOND.cast_unsigned(), "s"),
            (1_000_000, "ms"),
            (1000, "us"),
            (1, "ns"),
        ];
        units(self.nanoseconds.unsigned_abs(), &small)
    }
}

/// In any of Cassandra's notations: `1y2mo3w4d5h6m7s8ms9us10ns`, `P1Y2M3DT4H5M6S`, `P5W`,
/// `P0001-02-03T04:05:06`, each perhaps after a minus.
impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Duration, ParseDurationError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut builder = Builder::default();
        match unsigned.strip_prefix('P') {
            Some(iso) if iso.contains('-') => builder.alternative(iso)?,
            Some(iso) => builder.iso(iso)?,
            None if unsigned.is_empty() => return Err(ParseDurationError("nothing there")),
            None => builder.standard(unsigned)?,
        }
        let Builder { months, days, nanoseconds, .. } = builder;
        Ok(if negative {
            Duration { months: -months, days: -days, nanoseconds: -nanoseconds }
        } else {
            Duration { months, days, nanoseconds }
        })
    }
}

/// Units must come from large to small, each at most once.
#[derive(Default)]
struct Builder {
    months: i32,
    days: i32,
    nanoseconds: i64,
    last_unit: u8,
}

impl Builder {
    fn standard(&mut self, text: &str) -> Result<(), ParseDurationError> {
        let mut rest = text;
        while !rest.is_empty() {
            let number = take_number(&mut rest)?;
            let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (unit, after) = rest.split_at_checked(end).unwrap_or_default();
            rest = after;
            self.add(number, &unit.to_lowercase())?;
        }
        Ok(())
    }

    fn iso(&mut self, text: &str) -> Result<(), ParseDurationError> {
        if let Some(weeks) = text.strip_suffix('W') {
            let mut rest = weeks;
            let number = take_number(&mut rest)?;
            return if rest.is_empty() {
                self.add(number, "w")
            } else {
                Err(ParseDurationError("weeks stand alone"))
            };
        }
        let (date, time) = text.split_once('T').unwrap_or((text, ""));
        for (part, units) in
            [(date, [('Y', "y"), ('M', "mo"), ('D', "d")]), (time, [('H', "h"), ('M', "m"), ('S', "s")])]
        {
            let mut rest = part;
            while !rest.is_empty() {
                let number = take_number(&mut rest)?;
                let mut letters = rest.chars();
                let letter = letters.next();
                rest = letters.as_str();
                let unit = units.iter().find(|(name, _)| Some(*name) == letter);
                self.add(number, unit.ok_or(ParseDurationError("an unknown unit"))?.1)?;
            }
        }
        Ok(())
    }

    fn alternative(&mut self, text: &str) -> Result<(), ParseDurationError> {
        let mut rest = text;
        for (index, (unit, width)) in
            [("y", 4), ("mo", 2), ("d", 2), ("h", 2), ("m", 2), ("s", 2)].into_iter().enumerate()
        {
            let before = rest.len();
            let number = take_number(&mut rest)?;
            if before - rest.len() != width {
                return Err(ParseDurationError("PYYYY-MM-DDThh:mm:ss expected"));
            }
            self.add(number, unit)?;
            let separator = ["-", "-", "T", ":", ":", ""].get(index).copied().unwrap_or_default();
            rest = rest.strip_prefix(separator).ok_or(ParseDurationError("PYYYY-MM-DDThh:mm:ss expected"))?;
        }
        if rest.is_empty() { Ok(()) } else { Err(ParseDurationError("something behind the seconds")) }
    }

    fn add(&mut self, number: i64, unit: &str) -> Result<(), ParseDurationError> {
        let (place, factor) = match unit {
            "y" => (1, 12),
            "mo" => (2, 1),
            "w" => (3, 7),
            "d" => (4, 1),
            "h" => (5, NANOS_PER_HOUR),
            "m" => (6, NANOS_PER_MINUTE),
            "s" => (7, NANOS_PER_SECOND),
            "ms" => (8, 1_000_000),
            "us" | "µs" => (9, 1000),
            "ns" => (10, 1),
            _ => return Err(ParseDurationError("an unknown unit")),
        };
        if place <= self.last_unit {
            return Err(ParseDurationError("units must come once each, from large to small"));
        }
        self.last_unit = place;
        let too_large = ParseDurationError("too large a number");
        let amount = number.checked_mul(factor).ok_or(too_large.clone())?;
        let sum = |part: i32| i32::try_from(amount).ok().and_then(|amount| part.checked_add(amount));
        match place {
            1 | 2 => self.months = sum(self.months).ok_or(too_large)?,
            3 | 4 => self.days = sum(self.days).ok_or(too_large)?,
            _ => self.nanoseconds = self.nanoseconds.checked_add(amount).ok_or(too_large)?,
        }
        Ok(())
    }
}

fn take_number(rest: &mut &str) -> Result<i64, ParseDurationError> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end).unwrap_or_default();
    *rest = after;
    digits.parse().map_err(|_not_a_number: std::num::ParseIntError| ParseDurationError("a number expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(i32, i32, i64)> {
        text.parse().ok().map(|Duration { months, days, nanoseconds }| (months, days, nanoseconds))
    }

    #[test]
    fn notations() {
        for (text, parts) in [
            ("1y2mo3w4d5h6m7s8ms9us10ns", (14, 25, 18_367_008_009_010)),
            ("-12H30M", (0, 0, -45_000_000_000_000)),
            ("5µs", (0, 0, 5000)),
            ("P1Y2M3DT4H5M6S", (14, 3, 14_706_000_000_000)),
            ("-PT5S", (0, 0, -5_000_000_000)),
            ("P5W", (0, 35, 0)),
            ("P0001-02-03T04:05:06", (14, 3, 14_706_000_000_000)),
            ("0s", (0, 0, 0)),
        ] {
            assert_eq!(parsed(text), Some(parts), "{text}");
        }
        for text in [
            "",
            "-",
            "5",
            "5x",
            "1d1y",
            "1d1d",
            "P1W1D",
            "P1",
            "P1-2-3T4:5:6",
            "179769313y",
            "9999999999mo",
            "1m2",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn printing() {
        let duration = Duration { months: -17, days: -36, nanoseconds: -5_837_102_565_414 };
        assert_eq!(duration.to_string(), "-1y5mo36d1h37m17s102ms565us414ns");
        assert_eq!(duration.to_string().parse(), Ok(duration));
        assert_eq!(Duration { months: 0, days: 0, nanoseconds: 0 }.to_string(), "");
        let least = Duration { months: i32::MIN, days: i32::MIN, nanoseconds: i64::MIN };
        assert!(least.to_string().starts_with("-178956970y8mo2147483648d"));
    }
}
