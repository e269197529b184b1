//! The types of the crate `time`: days, times of day, points in time, spans of time.

use ::time::{Duration as Span, OffsetDateTime, Time};

use super::dates::{Millis, by_counterpart};
use super::{Date, TimeOfDay};
use crate::Duration;

const NANOS_PER_MILLI: i128 = 1_000_000;
/// 1970-01-01 as `time` counts days.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;

by_counterpart! {
    ::time::Date, Date,
        |date| Some(Date::from_days(date.to_julian_day() - EPOCH_JULIAN_DAY)),
        |date| ::time::Date::from_julian_day(date.days().checked_add(EPOCH_JULIAN_DAY)?).ok();
    Time, TimeOfDay,
        |time| TimeOfDay::new(time.hour().into(), time.minute().into(), time.second().into(), time.nanosecond()),
        |time| {
            let nanoseconds = time.nanoseconds().unsigned_abs();
            Some(Time::MIDNIGHT + std::time::Duration::from_nanos(nanoseconds))
        };
    // The offset isn't kept: what is read back is in UTC.
    OffsetDateTime, Millis,
        |time| i64::try_from(time.unix_timestamp_nanos().div_euclid(NANOS_PER_MILLI)).ok().map(Millis),
        |millis| OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis.0) * NANOS_PER_MILLI).ok();
    ::time::Duration, Duration,
        |span| {
            let nanoseconds = span.whole_nanoseconds().try_into().ok()?;
            Some(Duration { months: 0, days: 0, nanoseconds })
        },
        |span| (span.months == 0 && span.days == 0).then(|| Span::nanoseconds(span.nanoseconds));
}
