//! Functions of times: `now` and its kin, conversions, `floor`, and adding durations (`TimeFcts`,
//! `Duration`).

use std::sync::atomic::{AtomicU64, Ordering};

use helenus_engine::parts;
use helenus_types::{Day, Duration, Scalar, Type, timeuuid};
use uuid::Uuid;

use super::Function;
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;

const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// The first day of the Gregorian calendar, 1582-10-15, as `java.util.Calendar` has it.
const FIRST_GREGORIAN: i64 = -141_427;

/// 1970-01-01 as a `date`.
const EPOCH_DATE: i64 = 1 << 31;

/// The milliseconds since 1970 of a value; none of an empty one (`TemporalType.toTimeInMillis`).
pub(super) fn millis(ty: &Type, bytes: &[u8]) -> Option<i64> {
    match ty.scalar(bytes).ok()? {
        Scalar::Timestamp(millis) => Some(millis),
        Scalar::Date(days) => Some((i64::from(days) - EPOCH_DATE) * MILLIS_PER_DAY),
        Scalar::Uuid(uuid) => timeuuid::ticks(uuid).map(|ticks| {
            // Towards 1970, as Java divides.
            ticks.wrapping_sub(timeuuid::UNIX_EPOCH_TICKS).cast_signed() / 10_000
        }),
        _ => None,
    }
}

/// The duration in a value; none in an empty one.
pub(super) fn duration(bytes: &[u8]) -> Option<Duration> {
    match Type::Duration.scalar(bytes).ok()? {
        Scalar::Duration(duration) => Some(duration),
        _ => None,
    }
}

/// Appends the value at those milliseconds (`TemporalType.fromTimeInMillis`).
pub(super) fn write_millis(ty: &Type, millis: i64, out: &mut Vec<u8>) {
    if *ty == Type::Date {
        // The seconds are rounded down, the days towards 1970.
        let days = millis.div_euclid(1000) / 86_400;
        let date = (days + EPOCH_DATE).to_be_bytes();
        out.extend_from_slice(date.last_chunk::<4>().unwrap_or(&[0; 4]));
    } else {
        out.extend_from_slice(&millis.to_be_bytes());
    }
}

/// Refuses durations finer than the type (`TemporalType.validateDuration`).
pub(super) fn check_duration(ty: &Type, duration: Duration) -> Result<(), String> {
    if *ty == Type::Date && duration.nanoseconds != 0 {
        return Err(format!("The duration must have a day precision. Was: {duration}"));
    }
    if duration.nanoseconds % NANOS_PER_MILLI != 0 {
        return Err(format!("The duration must have a millisecond precision. Was: {duration}"));
    }
    Ok(())
}

/// The milliseconds, a duration later or earlier (`Duration.addTo`, `substractFrom`).
pub(super) fn add(millis: i64, duration: Duration, sign: i32) -> i64 {
    let months = duration.months.wrapping_mul(sign);
    let days = i64::from(duration.days.wrapping_mul(sign));
    let fine = duration.nanoseconds.wrapping_mul(sign.into()) / NANOS_PER_MILLI;
    let start = if months == 0 { millis } else { add_months(millis, months.into()) };
    start.wrapping_add(days * MILLIS_PER_DAY).wrapping_add(fine)
}

/// The same day and time of another month, or the month's last day.
fn add_months(millis: i64, months: i64) -> i64 {
    let (days, of_day) = (millis.div_euclid(MILLIS_PER_DAY), millis.rem_euclid(MILLIS_PER_DAY));
    let date = day(days);
    let month = date.year * 12 + date.month - 1 + months;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let gregorian = days_of(year, month, date.day, true);
    let moved = if gregorian >= FIRST_GREGORIAN { gregorian } else { days_of(year, month, date.day, false) };
    moved.wrapping_mul(MILLIS_PER_DAY).wrapping_add(of_day)
}

/// The date of a day since 1970.
fn day(days: i64) -> Day {
    if days >= FIRST_GREGORIAN { Day::gregorian(days) } else { Day::julian(days) }
}

/// Days since 1970 of a date, whose day may be beyond the month's last.
fn days_of(year: i64, month: i64, day: i64, gregorian: bool) -> i64 {
    let is_leap =
        year.rem_euclid(4) == 0 && (!gregorian || year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let last = match month {
        2 => {
            if is_leap {
                29
            } else {
                28
            }
        }
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = day.min(last);
    // Years that begin in March have their leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4);
    if gregorian {
        365 * year + leap_days - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
    } else {
        365 * year + leap_days + of_year - 719_470
    }
}

/// `now()`, `current_date()` and their kin.
pub(super) fn now(name: &str, ty: &Type) -> Function {
    let of = ty.clone();
    Function::scalar(
        name,
        Vec::new(),
        ty.clone(),
        move |run: &StatementRun<'_>, _: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let micros = parts::now_micros(run.database);
            match of {
                Type::TimeUuid => out.extend_from_slice(time_uuid(micros).as_bytes()),
                Type::Time => {
                    let nanos = micros.rem_euclid(MILLIS_PER_DAY * 1000) * 1000;
                    out.extend_from_slice(&nanos.to_be_bytes());
                }
                _ => write_millis(&of, micros.div_euclid(1000), out),
            }
            Ok(true)
        },
    )
}

/// A time UUID that no other call has returned, of those microseconds or a little later.
fn time_uuid(micros: i64) -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = timeuuid::UNIX_EPOCH_TICKS.wrapping_add(micros.cast_unsigned().wrapping_mul(10));
    let next = |last: u64| Some(now.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(now);
    let random = parts::random_uuid().as_u64_pair().1;
    timeuuid::from_ticks(now.max(last + 1), timeuuid::lsb(0, random))
}

/// `uuid()`
pub(super) fn random_uuid() -> Function {
    let body = |_: &StatementRun<'_>, _: &[Option<&[u8]>], out: &mut Vec<u8>| {
        out.extend_from_slice(parts::random_uuid().as_bytes());
        Ok(true)
    };
    Function::scalar("uuid", Vec::new(), Type::Uuid, body)
}

/// `min_timeuuid` and `max_timeuuid`.
pub(super) fn bound(name: &str, bound: fn(i64) -> Uuid) -> Function {
    Function::scalar(
        name,
        vec![Type::Timestamp],
        Type::TimeUuid,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let millis = argument(arguments, 0).and_then(|bytes| millis(&Type::Timestamp, bytes));
            let Some(millis) = millis else { return Ok(false) };
            let mut uuid = *bound(millis).as_bytes();
            // Cassandra doesn't keep what is beyond 60 bits out of the version.
            let ticks = timeuuid::UNIX_EPOCH_TICKS.wrapping_add(millis.wrapping_mul(10_000).cast_unsigned());
            let [high, _] = u16::try_from(ticks >> 48).unwrap_or(u16::MAX).to_be_bytes();
            uuid[6] |= high & 0xF0;
            out.extend_from_slice(&uuid);
            Ok(true)
        },
    )
}

/// From one type of times to another, or to its milliseconds.
pub(super) fn conversion(name: &str, from: &Type, to: &Type) -> Function {
    let (of, result) = (from.clone(), to.clone());
    Function::scalar(
        name,
        vec![from.clone()],
        to.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(millis) = argument(arguments, 0).and_then(|bytes| millis(&of, bytes)) else {
                return Ok(false);
            };
            write_millis(&result, millis, out);
            Ok(true)
        },
    )
}

/// The overloads of `floor`.
pub(super) fn floors(out: &mut Vec<Function>) {
    let points = [
        (Type::Timestamp, Type::Timestamp, Type::Timestamp),
        (Type::TimeUuid, Type::Timestamp, Type::Timestamp),
        (Type::Date, Type::Date, Type::Date),
    ];
    for (of, start, result) in points {
        out.push(floor(vec![of.clone(), Type::Duration], &result));
        out.push(floor(vec![of, Type::Duration, start], &result));
    }
    out.push(Function::scalar("floor", vec![Type::Time, Type::Duration], Type::Time, floor_of_time));
}

fn floor(types: Vec<Type>, result: &Type) -> Function {
    let (of, to) = (types.clone(), result.clone());
    Function::scalar(
        "floor",
        types,
        result.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let at = |index: usize| millis(of.get(index)?, argument(arguments, index)?);
            let duration = argument(arguments, 1).and_then(duration);
            let start = if of.len() > 2 { at(2) } else { Some(0) };
            let (Some(millis), Some(duration), Some(start)) = (at(0), duration, start) else {
                return Ok(false);
            };
            check_floor(&to, duration)?;
            write_millis(&to, floor_millis(millis, duration, start)?, out);
            Ok(true)
        },
    )
}

fn check_floor(ty: &Type, duration: Duration) -> CqlResult<()> {
    if *ty == Type::Date && duration.nanoseconds != 0 {
        return refuse(format!(
            "The floor on date values cannot be computed for the {duration} duration as precision is below 1 day"
        ));
    }
    if duration.nanoseconds % NANOS_PER_MILLI != 0 {
        return refuse(format!(
            "The floor cannot be computed for the {duration} duration as precision is below 1 millisecond"
        ));
    }
    Ok(())
}

fn is_negative(duration: Duration) -> bool {
    duration.months < 0 || duration.days < 0 || duration.nanoseconds < 0
}

/// The last of the points `start + n × duration` that isn't after the milliseconds.
fn floor_millis(millis: i64, duration: Duration, start: i64) -> CqlResult<i64> {
    if start > millis {
        return refuse("The floor function starting time is greater than the provided time");
    }
    if is_negative(duration) {
        return refuse("Negative durations are not supported by the floor function");
    }
    let fine = i64::from(duration.days) * MILLIS_PER_DAY + duration.nanoseconds / NANOS_PER_MILLI;
    let months = i64::from(duration.months);
    if months == 0 {
        return Ok(if fine == 0 { millis } else { millis.wrapping_sub(millis.wrapping_sub(start) % fine) });
    }
    let (to, from) = (day(millis.div_euclid(MILLIS_PER_DAY)), day(start.div_euclid(MILLIS_PER_DAY)));
    let mut steps = ((to.year - from.year) * 12 + to.month - from.month) / months;
    let mut calendar = add_months(start, steps * months);
    if fine == 0 {
        return Ok(calendar);
    }
    let mut floor = calendar.wrapping_add(steps.wrapping_mul(fine));
    while floor > millis && steps > 0 {
        steps -= 1;
        calendar = add_months(calendar, -months);
        floor = calendar.wrapping_add(steps.wrapping_mul(fine));
    }
    Ok(start.max(floor))
}

fn floor_of_time(_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>) -> CqlResult<bool> {
    let time = argument(arguments, 0).and_then(|bytes| Type::Time.scalar(bytes).ok());
    let (Some(Scalar::Time(nanos)), Some(duration)) = (time, argument(arguments, 1).and_then(duration))
    else {
        return Ok(false);
    };
    if is_negative(duration) {
        return refuse("Negative durations are not supported by the floor function");
    }
    if duration.months != 0 || duration.days != 0 || duration.nanoseconds > NANOS_PER_DAY {
        return refuse("For time values, the floor can only be computed for durations smaller that a day");
    }
    let rest = if duration.nanoseconds == 0 { 0 } else { nanos % duration.nanoseconds };
    out.extend_from_slice(&(nanos - rest).to_be_bytes());
    Ok(true)
}

fn argument<'v>(arguments: &[Option<&'v [u8]>], index: usize) -> Option<&'v [u8]> {
    arguments.get(index).copied().flatten()
}
