//! Histograms as bars of characters, with percentiles (`tools.Util.TermHistogram`).

use std::fmt::Write;

use helenus_sstable::EstimatedHistogram;

/// The characters of bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Bars {
    /// `O`, `o` and `.`.
    #[default]
    Ascii,
    /// Block elements, in eighths (`sstablemetadata -u`).
    Unicode,
}

impl Bars {
    fn full(self) -> char {
        match self {
            Bars::Ascii => 'O',
            Bars::Unicode => '\u{2589}',
        }
    }

    /// The character for a remainder that is less than a whole.
    fn part(self, rest: f64) -> Option<char> {
        const ASCII: [(f64, char); 2] = [(0.75, 'o'), (0.30, '.')];
        // Three eighths stand in for a half too, as in Cassandra.
        const UNICODE: [(f64, char); 6] = [
            (7.0 / 8.0, '\u{2589}'),
            (3.0 / 4.0, '\u{258A}'),
            (5.0 / 8.0, '\u{258B}'),
            (3.0 / 8.0, '\u{258D}'),
            (1.0 / 4.0, '\u{258E}'),
            (1.0 / 8.0, '\u{258F}'),
        ];
        let parts: &[(f64, char)] = if self == Bars::Ascii { &ASCII } else { &UNICODE };
        parts.iter().find(|(least, _)| *least <= rest).map(|(_, part)| *part)
    }
}

/// Characters of the longest bar.
const WIDTH: f64 = 30.0;

/// Offsets of the histogram that percentiles are taken of.
const PERCENTILE_OFFSETS: usize = 165;

/// Appends a table of offsets, counts, shares and bars, and percentiles.
pub(super) fn push(
    title: &str,
    entries: &[(u64, u64)],
    name: impl Fn(u64) -> String,
    bars: Bars,
    out: &mut String,
) {
    let names: Vec<String> = entries.iter().map(|(offset, _)| name(*offset)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(title.len());
    let counts = || entries.iter().map(|(_, count)| *count);
    let count_width = counts().map(|count| count.to_string().len()).max().unwrap_or(0).max("Count".len());
    line(out, format_args!("   {title:name_width$} | {:count_width$}  (%)  Histogram ", "Count"));
    let most = counts().max().unwrap_or(0);
    let sum = counts().fold(0_u64, u64::saturating_add);
    for (name, count) in names.iter().zip(counts()) {
        let percent = percent(count, sum);
        let bar = bar(count, most, bars);
        line(out, format_args!("   {name:name_width$} | {count:count_width$} ({percent:>3}) {bar}"));
    }
    let mut histogram = EstimatedHistogram::with_offsets(PERCENTILE_OFFSETS);
    for (offset, count) in entries {
        histogram.add_times(*offset, *count);
    }
    line(out, format_args!("   Percentiles"));
    let percentiles = [("50th", 0.5), ("75th", 0.75), ("95th", 0.95), ("98th", 0.98), ("99th", 0.99)];
    for (title, fraction) in percentiles {
        let value = histogram.percentile(fraction).unwrap_or(JAVA_MAX);
        line(out, format_args!("   {title:<10}{}", name(value)));
    }
    let (least, most) = ends(&histogram);
    line(out, format_args!("   {:<10}{}", "Min", name(least)));
    line(out, format_args!("   {:<10}{}", "Max", name(most)));
}

/// Java's largest number, which stands for everything above the last offset.
const JAVA_MAX: u64 = i64::MAX.cast_unsigned();

/// The least and the greatest value that may have been counted (`EstimatedHistogram.min`, `max`).
fn ends(histogram: &EstimatedHistogram) -> (u64, u64) {
    let (mut least, mut most, mut end_before) = (None, 0, None);
    for (end, count) in histogram.buckets() {
        if count > 0 {
            least.get_or_insert(end_before.map_or(0, |before: u64| before.saturating_add(1)));
            most = end.unwrap_or(JAVA_MAX);
        }
        end_before = end;
    }
    (least.unwrap_or(0), most)
}

#[expect(clippy::cast_precision_loss, reason = "as Java divides")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(count: u64, sum: u64) -> u8 {
    (100.0 * (count as f64 / sum as f64)) as u8
}

#[expect(clippy::cast_precision_loss, reason = "as Java draws it")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 30")]
fn bar(count: u64, most: u64, bars: Bars) -> String {
    let length = count as f64 / most.max(1) as f64 * WIDTH;
    let whole = length.floor();
    let mut bar: String = std::iter::repeat_n(bars.full(), whole as usize).collect();
    bar.extend(bars.part(length - whole));
    bar
}

fn line(out: &mut String, line: std::fmt::Arguments<'_>) {
    // A string takes everything.
    if out.write_fmt(line).is_ok() {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_end_in_parts() {
        assert_eq!(bar(30, 30, Bars::Ascii), "O".repeat(30));
        assert_eq!(bar(1, 60, Bars::Ascii), ".");
        assert_eq!(bar(1, 36, Bars::Ascii), "o");
        assert_eq!(bar(1, 300, Bars::Ascii), "");
        assert_eq!(bar(3, 60, Bars::Unicode), "\u{2589}\u{258D}");
        assert_eq!(bar(1, 200, Bars::Unicode), "\u{258F}");
    }

    #[test]
    fn an_empty_one_has_its_frame() {
        let mut out = String::new();
        push("Columns", &[], |offset| offset.to_string(), Bars::Ascii, &mut out);
        assert!(
            out.starts_with("   Columns | Count  (%)  Histogram \n   Percentiles\n   50th      0\n"),
            "{out}"
        );
        assert!(out.ends_with("   Min       0\n   Max       0\n"), "{out}");
    }
}
