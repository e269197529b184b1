//! `date` and `time`: days and nanoseconds, and their text.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::Value;
use crate::{DecodeValue, EncodeValue, Type, ValueError, temporal};

/// 1970-01-01 in the bytes of a `date`, whose days are unsigned.
const EPOCH: u32 = 1 << 31;

/// A day of the Gregorian calendar, a value of a `date`. Parsed from and displayed as `2016-02-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days: i32,
}

impl Date {
    /// The day with this number of the year, the month and the day of the month, both from 1;
    /// `None` if the calendar has no such day or a `date` can't hold it.
    #[must_use]
    pub fn new(year: i32, month: u32, day: u32) -> Option<Date> {
        let days = temporal::days_since_epoch(year.into(), month.into(), day.into())?;
        days.try_into().ok().map(Date::from_days)
    }

    /// The day `days` days after 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Date {
        Date { days }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.days
    }

    pub(crate) const fn from_raw(raw: u32) -> Date {
        Date { days: (raw ^ EPOCH).cast_signed() }
    }

    /// Days with 1970-01-01 as 2^31: the number in [`Value::Date`] and in a `date`'s bytes.
    pub(crate) const fn raw(self) -> u32 {
        self.days.cast_unsigned() ^ EPOCH
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        temporal::push_date(self.raw(), &mut text);
        f.pad(&text)
    }
}

impl FromStr for Date {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Date, ValueError> {
        let wrong =
            || ValueError::new(&Type::Date, format!("expected a day such as 2016-02-03, found {text:?}"));
        temporal::parse_date(text).map(Date::from_raw).ok_or_else(wrong)
    }
}

impl EncodeValue for Date {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Date => self.raw().encode(ty, out),
            other => Err(ValueError::new(other, "a day cannot be one")),
        }
    }
}

impl DecodeValue<'_> for Date {
    fn decode(ty: &Type, value: Option<&[u8]>) -> Result<Date, ValueError> {
        match ty.base() {
            Type::Date => u32::decode(ty, value).map(Date::from_raw),
            other => Err(ValueError::new(other, "it can't be read as a day")),
        }
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Value {
        Value::Date(date.raw())
    }
}

/// A time of day, a value of a `time`. Parsed from `4:05:06.7`, displayed as `04:05:06.700000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    nanoseconds: i64,
}

impl TimeOfDay {
    /// The time of these hours, minutes, seconds and nanoseconds; `None` if no day has it.
    #[must_use]
    pub fn new(hour: u32, minute: u32, second: u32, nanosecond: u32) -> Option<TimeOfDay> {
        if hour > 23 || minute > 59 || second > 59 || nanosecond > 999_999_999 {
            return None;
        }
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        TimeOfDay::from_nanoseconds(seconds * 1_000_000_000 + i64::from(nanosecond))
    }

    /// The time that many nanoseconds after midnight, if it is before the next.
    #[must_use]
    pub fn from_nanoseconds(nanoseconds: i64) -> Option<TimeOfDay> {
        (0..temporal::NANOS_PER_DAY).contains(&nanoseconds).then_some(TimeOfDay { nanoseconds })
    }

    /// Nanoseconds since midnight.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        temporal::push_time(self.nanoseconds, &mut text);
        f.pad(&text)
    }
}

impl FromStr for TimeOfDay {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<TimeOfDay, ValueError> {
        let wrong =
            || ValueError::new(&Type::Time, format!("expected a time such as 4:05:06, found {text:?}"));
        temporal::parse_time(text).and_then(TimeOfDay::from_nanoseconds).ok_or_else(wrong)
    }
}

impl EncodeValue for TimeOfDay {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Time => self.nanoseconds.encode(ty, out),
            other => Err(ValueError::new(other, "a time of day cannot be one")),
        }
    }
}

impl DecodeValue<'_> for TimeOfDay {
    fn decode(ty: &Type, value: Option<&[u8]>) -> Result<TimeOfDay, ValueError> {
        match ty.base() {
            Type::Time => i64::decode(ty, value).map(|nanoseconds| TimeOfDay { nanoseconds }),
            other => Err(ValueError::new(other, "it can't be read as a time of day")),
        }
    }
}

/// In a `duration` as its nanoseconds, in a `time` as the time since midnight.
impl EncodeValue for Duration {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        let nanoseconds = i64::try_from(self.as_nanos())
            .map_err(|_too_long| ValueError::new(ty, format!("{self:?} is too long")))?;
        match ty.base() {
            Type::Duration => crate::Duration { months: 0, days: 0, nanoseconds }.encode(ty, out),
            Type::Time => match TimeOfDay::from_nanoseconds(nanoseconds) {
                Some(time) => time.encode(ty, out),
                None => Err(ValueError::new(ty, format!("{self:?} is not a time of day"))),
            },
            other => Err(ValueError::new(other, "a std::time::Duration cannot be one")),
        }
    }
}

impl From<TimeOfDay> for Value {
    fn from(time: TimeOfDay) -> Value {
        Value::Time(time.nanoseconds)
    }
}

/// A point in time, a value of a `timestamp`: milliseconds since 1970. What the types of points in
/// time that people have are converted to and from.
pub(super) struct Millis(pub(super) i64);

impl EncodeValue for Millis {
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match ty.base() {
            Type::Timestamp | Type::LegacyDate => self.0.encode(ty, out),
            other => Err(ValueError::new(other, "a point in time cannot be one")),
        }
    }
}

impl DecodeValue<'_> for Millis {
    fn decode(ty: &Type, value: Option<&[u8]>) -> Result<Millis, ValueError> {
        match ty.base() {
            Type::Timestamp | Type::LegacyDate => i64::decode(ty, value).map(Millis),
            other => Err(ValueError::new(other, "it can't be read as a point in time")),
        }
    }
}

impl From<Millis> for Value {
    fn from(millis: Millis) -> Value {
        Value::Timestamp(millis.0)
    }
}

/// Makes values of types that have a counterpart above: `$to` and `$from` convert to it and back
/// where that is possible.
macro_rules! by_counterpart {
    ($($target:ty, $counterpart:ty, $to:expr, $from:expr;)*) => {$(
        impl $crate::EncodeValue for $target {
            fn encode(&self, ty: &$crate::Type, out: &mut Vec<u8>) -> Result<bool, $crate::ValueError> {
                let to: fn(&$target) -> Option<$counterpart> = $to;
                match to(self) {
                    Some(counterpart) => counterpart.encode(ty, out),
                    None => Err($crate::ValueError::new(ty, format!("{self:?} is out of range"))),
                }
            }
        }

        impl $crate::DecodeValue<'_> for $target {
            fn decode(ty: &$crate::Type, value: Option<&[u8]>) -> Result<Self, $crate::ValueError> {
                let from: fn($counterpart) -> Option<$target> = $from;
                from(<$counterpart>::decode(ty, value)?).ok_or_else(|| {
                    let problem = concat!("the value is out of the range of ", stringify!($target));
                    $crate::ValueError::new(ty, problem)
                })
            }
        }

        impl TryFrom<$target> for $crate::Value {
            type Error = $crate::ValueError;

            fn try_from(value: $target) -> Result<$crate::Value, $crate::ValueError> {
                let to: fn(&$target) -> Option<$counterpart> = $to;
                to(&value).map(Into::into).ok_or_else(|| $crate::ValueError {
                    type_name: stringify!($target).to_owned(),
                    problem: format!("{value:?} is out of the range of every type").into(),
                })
            }
        }
    )*};
}
#[cfg(any(feature = "chrono", feature = "time"))]
pub(super) use by_counterpart;

fn millis_of(time: &SystemTime) -> Option<Millis> {
    let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).ok(),
        Err(before) => {
            i64::try_from(before.duration().as_nanos().div_ceil(1_000_000)).ok().map(|millis| -millis)
        }
    };
    millis.map(Millis)
}

fn system_time(Millis(millis): Millis) -> Option<SystemTime> {
    let distance = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

// Whole milliseconds; the rest is cut off, towards the past.
by_counterpart! {
    SystemTime, Millis, millis_of, system_time;
}
