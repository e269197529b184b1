//! Java's printed forms in the text of metadata: dates, durations, sizes, and maps in the order of
//! their hashes.

use helenus_types::{Day, Type};

/// `SimpleDateFormat("MM/dd/yyyy HH:mm:ss")` of milliseconds since 1970, in UTC:
/// `GregorianCalendar`, which is Julian before 15 October 1582 and counts years before the first
/// backwards.
pub(super) fn date(millis: i64) -> String {
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000) / 1000);
    let Day { year, month, day } =
        if days < GREGORIAN_SINCE { Day::julian(days) } else { Day::gregorian(days) };
    let year = if year > 0 { year } else { 1 - year };
    format!("{month:02}/{day:02}/{year:04} {:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// 15 October 1582 in days since 1970.
const GREGORIAN_SINCE: i64 = -141_427;

/// `DurationFormatUtils.formatDurationWords` without leading and trailing zeros.
pub(super) fn duration_words(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(0);
    let last = parts.iter().rposition(|(count, _)| *count > 0).unwrap_or(0);
    let words: Vec<String> = (parts.iter().take(last + 1).skip(first))
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    words.join(" ")
}

/// `SSTableMetadataViewer.toByteString`; `None` of 0.
#[expect(clippy::cast_precision_loss, reason = "as Java does: one digit behind the point is printed")]
pub(super) fn byte_size(bytes: u64) -> Option<String> {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    match bytes {
        0 => None,
        1..1024 => Some(format!("{bytes} B")),
        _ => {
            let thousands = ((bytes as f64).ln() / 1024_f64.ln()).floor().min(5.0);
            let unit =
                UNITS.iter().zip(1_u8..).take_while(|(_, power)| f64::from(*power) <= thousands).last();
            let (unit, power) = unit.map_or(("kB", 1), |(unit, power)| (*unit, power));
            Some(format!("{} {unit}", tenths(bytes as f64 / 1024_f64.powi(i32::from(power)))))
        }
    }
}

/// `%.1f`: Java rounds the shortest decimal that stands for the double, a half up.
fn tenths(value: f64) -> String {
    let digits = format!("{value}");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut fraction = fraction.bytes().map(|digit| u64::from(digit.saturating_sub(b'0')));
    let (tenth, next) = (fraction.next().unwrap_or(0), fraction.next().unwrap_or(0));
    let tenths = whole.parse::<u64>().unwrap_or(0) * 10 + tenth + u64::from(next >= 5);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// `Double.toString`.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let mut text = String::new();
    match Type::Double.json(&value.to_be_bytes(), &mut text) {
        Ok(()) => text,
        Err(_) => value.to_string(),
    }
}

/// Puts entries into the order in which a `HashMap<String, …>` goes through them that they were put
/// into one by one; bins that Java turns into trees, of nine and more, excepted.
pub(super) fn hash_map_order<T>(entries: &mut [(String, T)]) {
    let mut capacity = 16_usize;
    while entries.len() > capacity / 4 * 3 {
        capacity *= 2;
    }
    entries.sort_by_key(|(name, _)| {
        let hash =
            name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        u64::from(hash ^ (hash >> 16)) & (capacity as u64 - 1)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_calendars() {
        assert_eq!(date(1_700_000_000_000), "11/14/2023 22:13:20");
        assert_eq!(date(-12_219_292_800_000), "10/15/1582 00:00:00");
        assert_eq!(date(-12_219_292_800_001), "10/04/1582 23:59:59");
        assert_eq!(date(-9_223_372_036_854_775), "12/10/290303 19:59:05");
        assert_eq!(date(9_223_372_036_854_775), "01/10/294247 04:00:54");
        assert_eq!(date(-62_135_769_600_001), "12/31/0001 23:59:59");
    }

    #[test]
    fn durations() {
        assert_eq!(duration_words(500_000_000), "5787 days 0 hours 53 minutes 20 seconds");
        assert_eq!(duration_words(86_400_000), "1000 days");
        assert_eq!(duration_words(3661), "1 hour 1 minute 1 second");
        assert_eq!(duration_words(1), "1 second");
    }

    #[test]
    fn sizes() {
        assert_eq!(byte_size(0), None);
        assert_eq!(byte_size(1023).as_deref(), Some("1023 B"));
        assert_eq!(byte_size(1109).as_deref(), Some("1.1 kB"));
        // Exactly half: up, where C goes to the even digit.
        assert_eq!(byte_size(1024 + 256).as_deref(), Some("1.3 kB"));
        assert_eq!(byte_size(1 << 20).as_deref(), Some("1.0 MB"));
        assert_eq!(byte_size(3_520_571_548_412).as_deref(), Some("3.2 TB"));
        assert_eq!(byte_size(u64::MAX).as_deref(), Some("16384.0 PB"));
    }
}
