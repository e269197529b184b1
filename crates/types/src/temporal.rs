//! Dates and times of day: the proleptic Gregorian calendar, and the texts that Cassandra reads and
//! writes.

use crate::text::push_unsigned;

/// Nanoseconds of a day.
pub(crate) const NANOS_PER_DAY: i64 = 86_400_000_000_000;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// 1970-01-01 as a `date`.
const DATE_EPOCH: i64 = 1 << 31;

/// A day of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The year; 0 is the one before the first of our era.
    pub year: i64,
    /// From 1, which is January.
    pub month: i64,
    /// From 1.
    pub day: i64,
}

impl Day {
    /// The day of the Gregorian calendar, extended to all times, that is a number of days after
    /// 1970-01-01.
    #[must_use]
    pub fn gregorian(days: i64) -> Day {
        // Years are counted from March, so that the leap day is a last one.
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        Day::from_march(era * 400 + year_of_era, of_year)
    }

    /// The day of the Julian calendar that is a number of days after 1970-01-01 (of the Gregorian
    /// one).
    #[must_use]
    pub fn julian(days: i64) -> Day {
        let days = days + 719_470;
        let era = days.div_euclid(1461);
        let of_era = days.rem_euclid(1461);
        let year_of_era = (of_era - of_era / 1460) / 365;
        Day::from_march(era * 4 + year_of_era, of_era - 365 * year_of_era)
    }

    /// The day of a year that begins in March.
    fn from_march(year: i64, of_year: i64) -> Day {
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Day { year: year + i64::from(month <= 2), month, day }
    }

    /// The number of days of the month, if there is such a month.
    fn days_of_month(self) -> Option<i64> {
        let Day { year, month, .. } = self;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        Some(match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        })
    }

    /// The last day of the month for one that only other months have (Java's
    /// `ResolverStyle.SMART`).
    fn in_month(self) -> Option<Day> {
        let day = if self.day <= 31 { self.day.min(self.days_of_month()?) } else { self.day };
        Some(Day { day, ..self })
    }

    /// Days after 1970-01-01, if the day exists and is not absurdly far away.
    fn to_epoch(self) -> Option<i64> {
        let Day { year, month, day } = self;
        if !(1..=self.days_of_month()?).contains(&day) || year.abs() > 1_000_000_000 {
            return None;
        }
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (month + 9) % 12;
        let of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        Some(era * 146_097 + of_era - 719_468)
    }
}

/// Days after 1970-01-01 of a day that the calendar has.
pub(crate) fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    Day { year, month, day }.to_epoch()
}

/// Four digits at least; more with a sign, as `java.time` does (`EXCEEDS_PAD`).
fn push_year(year: i64, out: &mut String) {
    match year {
        ..0 => out.push('-'),
        10_000.. => out.push('+'),
        _ => {}
    }
    match year.unsigned_abs() {
        digits @ 10_000.. => push_unsigned(digits, out),
        digits => push_filled(*b"0000", digits, out),
    }
}

/// Appends `pattern` with the digits of `number` in the place of its zeros, as many as there are.
/// `fmt` takes longer for a time than everything else together that is done with the value.
fn push_filled<const N: usize>(mut pattern: [u8; N], mut number: u64, out: &mut String) {
    for place in pattern.iter_mut().rev().filter(|place| **place == b'0') {
        let [digit, ..] = (number % 10).to_le_bytes();
        *place += digit;
        number /= 10;
    }
    // Patterns are ASCII.
    out.push_str(std::str::from_utf8(&pattern).unwrap_or_default());
}

/// Appends a `date`: `2016-02-03`, `-5877641-06-23`.
pub(crate) fn push_date(date: u32, out: &mut String) {
    let Day { year, month, day } = Day::gregorian(i64::from(date) - DATE_EPOCH);
    push_year(year, out);
    push_filled(*b"-00-00", (month * 100 + day).unsigned_abs(), out);
}

/// Appends a `time`: `04:05:06.000000000`.
pub(crate) fn push_time(nanos: i64, out: &mut String) {
    let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    push_filled(*b"00:00:00", clock_digits(seconds), out);
    push_filled(*b".000000000", nanos.unsigned_abs(), out);
}

/// Appends a `timestamp` in UTC: `2016-02-03 04:05:06.000Z`. Years are those of their era, without
/// a sign before it: a quirk of the pattern that Cassandra uses.
pub(crate) fn push_timestamp(millis: i64, out: &mut String) {
    let Day { year, month, day } = Day::gregorian(millis.div_euclid(MILLIS_PER_DAY));
    push_year(if year > 0 { year } else { 1 - year }, out);
    let of_day = millis.rem_euclid(MILLIS_PER_DAY);
    let date = (month * 100 + day).unsigned_abs();
    let time = clock_digits(of_day / 1000) * 1000 + (of_day % 1000).unsigned_abs();
    push_filled(*b"-00-00 00:00:00.000Z", date * 1_000_000_000 + time, out);
}

/// Hours, minutes and seconds as the six digits of one number.
fn clock_digits(seconds: i64) -> u64 {
    (seconds / 3600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60).unsigned_abs()
}

/// Whether a timestamp's text can be read back: years of one to four digits of our era.
pub(crate) fn is_printable_timestamp(millis: i64) -> bool {
    (1..=9999).contains(&Day::gregorian(millis.div_euclid(MILLIS_PER_DAY)).year)
}

/// A `date` from its text: `2016-02-03`, or a number of days with 1970-01-01 as 2^31.
pub(crate) fn parse_date(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut scanner = Scanner(text);
    let day = scanner.date(4)?;
    scanner.end()?;
    u32::try_from(day.to_epoch()? + DATE_EPOCH).ok()
}

/// A `time` from its text: `4:05:06.7`, or a number of nanoseconds.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return text.parse().ok().filter(|nanos| (0..NANOS_PER_DAY).contains(nanos));
    }
    let mut scanner = Scanner(text.trim());
    let hour = scanner.number(1, 9)?;
    scanner.eat(':')?;
    let minute = scanner.number(1, 9)?;
    scanner.eat(':')?;
    let second = scanner.number(1, 9)?;
    let nanos = if scanner.eat('.').is_some() { scanner.fraction(1)? } else { 0 };
    scanner.end()?;
    Some(clock_seconds(hour, minute, second)? * 1_000_000_000 + nanos)
}

/// A `timestamp` from its text: milliseconds since 1970, or a date with or without a time, with or
/// without a zone. Without one it is UTC: Cassandra takes its machine's zone there. 30 February is
/// the last day of February, and 24:00 the next day's beginning (`TimestampSerializer`).
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut scanner = Scanner(text);
    let day = scanner.date(1)?.in_month()?.to_epoch()?;
    let mut millis = day.checked_mul(MILLIS_PER_DAY)?;
    let before = scanner.0;
    if scanner.eat('T').or_else(|| scanner.eat(' ')).is_some() {
        match scanner.time_millis() {
            Some(of_day) => millis = millis.checked_add(of_day)?,
            // A date and a zone after a blank.
            None => scanner.0 = before,
        }
    }
    // Only with a time of day may the numbers of a date be shorter.
    if scanner.0.len() == before.len() {
        Scanner(text).date(4)?;
    }
    let offset_seconds = scanner.zone()?;
    scanner.end()?;
    millis.checked_sub(offset_seconds * 1000)
}

fn clock_seconds(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let is_valid = hour < 24 && minute < 60 && second < 60;
    is_valid.then_some(hour * 3600 + minute * 60 + second)
}

struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn eat(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn digits(&mut self, most: usize) -> &str {
        let len = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(len).unwrap_or_default();
        self.0 = rest;
        digits
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.digits(most);
        if digits.len() < least { None } else { digits.parse().ok() }
    }

    /// A fraction of a second in nanoseconds.
    fn fraction(&mut self, least: usize) -> Option<i64> {
        let digits = self.digits(9);
        if digits.len() < least {
            return None;
        }
        let padded = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
        Some(padded.fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0')))
    }

    fn date(&mut self, least_of_year: usize) -> Option<Day> {
        let negative = self.eat('-').is_some();
        // Java puts a plus before years of more than four digits, and wants one where it wants
        // four.
        let has_plus = !negative && self.eat('+').is_some();
        let digits = self.digits(10);
        if digits.len() < least_of_year || (least_of_year == 4 && digits.len() > 4 && !negative && !has_plus)
        {
            return None;
        }
        let year: i64 = digits.parse().ok()?;
        self.eat('-')?;
        let month = self.number(least_of_year.min(2), 2)?;
        self.eat('-')?;
        let day = self.number(least_of_year.min(2), 2)?;
        Some(Day { year: if negative { -year } else { year }, month, day })
    }

    /// Hours and minutes, perhaps seconds, perhaps a fraction.
    fn time_millis(&mut self) -> Option<i64> {
        let hour = self.number(1, 2)?;
        self.eat(':')?;
        let minute = self.number(1, 2)?;
        let second = if self.eat(':').is_some() { self.number(1, 2)? } else { 0 };
        let nanos = if self.eat('.').is_some() { self.fraction(0)? } else { 0 };
        let is_end_of_day = (hour, minute, second, nanos) == (24, 0, 0, 0);
        let seconds = if is_end_of_day { 86_400 } else { clock_seconds(hour, minute, second)? };
        Some(seconds * 1000 + nanos / 1_000_000)
    }

    /// Seconds east of UTC: nothing, `Z`, `UTC`, `GMT`, `+01`, `+0100` or `+01:00`, perhaps after a
    /// blank.
    fn zone(&mut self) -> Option<i64> {
        let text = self.0.strip_prefix(' ').unwrap_or(self.0);
        if ["", "Z", "z", "UTC", "GMT", "UT"].contains(&text) {
            self.0 = "";
            return Some(0);
        }
        self.0 = text;
        let sign = if self.eat('+').is_some() {
            1
        } else {
            self.eat('-')?;
            -1
        };
        let hours = self.number(2, 2)?;
        let has_colon = self.eat(':').is_some();
        let minutes = if has_colon || !self.0.is_empty() { self.number(2, 2)? } else { 0 };
        (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(push: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn timestamps_in_every_pattern() {
        for (text, millis) in [
            ("1454472306000", 1_454_472_306_000),
            ("-5", -5),
            ("2016-02-03 04:05:06.000Z", 1_454_472_306_000),
            ("2016-02-03 04:05:06.000+0000", 1_454_472_306_000),
            ("2016-2-3 4:5:6", 1_454_472_306_000),
            ("2016-02-03T04:05:06.123456Z", 1_454_472_306_123),
            ("2016-02-03 05:05:06+01", 1_454_472_306_000),
            ("2016-02-03 05:05:06 +01:00", 1_454_472_306_000),
            ("2016-02-03 04:05", 1_454_472_300_000),
            ("2016-02-03 04:05 UTC", 1_454_472_300_000),
            ("2016-02-03", 1_454_457_600_000),
            ("2016-02-03+0100", 1_454_454_000_000),
            ("2016-02-03 Z", 1_454_457_600_000),
            ("2016-02-30", 1_456_704_000_000),
            ("2016-02-29 24:00", 1_456_790_400_000),
        ] {
            assert_eq!(parse_timestamp(text), Some(millis), "{text}");
        }
        for text in [
            "",
            "now",
            "2016-13-01",
            "2016-02-32",
            "2016-2-3",
            "12016-02-03",
            "2016-02-03 25:00",
            "2016-02-03 24:01",
            "2016-02-03 4:5:6 PST",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn extremes() {
        assert_eq!(printed(|out| push_date(0, out)), "-5877641-06-23");
        assert_eq!(printed(|out| push_date(u32::MAX, out)), "+5881580-07-11");
        assert_eq!(printed(|out| push_timestamp(i64::MAX, out)), "+292278994-08-17 07:12:55.807Z");
        assert_eq!(printed(|out| push_timestamp(i64::MIN, out)), "+292275056-05-16 16:47:04.192Z");
        assert_eq!(printed(|out| push_time(NANOS_PER_DAY - 1, out)), "23:59:59.999999999");
        assert_eq!(parse_date("4294967295"), Some(u32::MAX));
        assert_eq!(parse_date("4294967296"), None);
        assert_eq!(parse_date("2015-2-3"), None);
        assert_eq!(parse_date("2015-02-29"), None);
        assert_eq!(parse_date("12015-02-03"), None);
        assert_eq!(parse_time("1:2:3.5"), Some(3_723_500_000_000));
        assert_eq!(parse_time("24:00:00"), None);
        assert_eq!(parse_time("86400000000000"), None);
    }

    proptest! {
        #[test]
        fn texts_are_read_back(date in any::<u32>(), nanos in 0..NANOS_PER_DAY, millis in -62_135_596_800_000i64..253_402_300_800_000) {
            prop_assert_eq!(parse_date(&printed(|out| push_date(date, out))), Some(date));
            prop_assert_eq!(parse_time(&printed(|out| push_time(nanos, out))), Some(nanos));
            prop_assert!(is_printable_timestamp(millis));
            prop_assert_eq!(parse_timestamp(&printed(|out| push_timestamp(millis, out))), Some(millis));
        }

        #[test]
        fn any_text_is_safe(text in "[-+0-9:. TZ]{0,30}") {
            let _ = (parse_date(&text), parse_time(&text), parse_timestamp(&text));
        }
    }
}
