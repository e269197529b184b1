//! The types of the crate `chrono`: days, times of day, points in time, spans of time.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};

use super::dates::{Millis, by_counterpart};
use super::{Date, TimeOfDay};
use crate::Duration;

fn millis_of<Z: TimeZone>(time: &DateTime<Z>) -> Option<Millis> {
    Some(Millis(time.timestamp_millis()))
}

by_counterpart! {
    NaiveDate, Date,
        |date| Some(Date::from_days(date.to_epoch_days())),
        |date| NaiveDate::from_epoch_days(date.days());
    NaiveTime, TimeOfDay,
        // A leap second is a nanosecond beyond the second's last, and none of a `time`.
        |time| TimeOfDay::new(time.hour(), time.minute(), time.second(), time.nanosecond()),
        |time| {
            let nanoseconds = time.nanoseconds().unsigned_abs();
            let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
            NaiveTime::from_num_seconds_from_midnight_opt(seconds.try_into().ok()?, rest.try_into().ok()?)
        };
    DateTime<Utc>, Millis, millis_of, |millis| DateTime::from_timestamp_millis(millis.0);
    // The zone isn't kept: what is read back is in UTC.
    DateTime<FixedOffset>, Millis, millis_of,
        |millis| DateTime::from_timestamp_millis(millis.0).map(Into::into);
    TimeDelta, Duration,
        |span| Some(Duration { months: 0, days: 0, nanoseconds: span.num_nanoseconds()? }),
        |span| (span.months == 0 && span.days == 0).then(|| TimeDelta::nanoseconds(span.nanoseconds));
}
