//! Options of strategies as text: reading them, and what Cassandra says of wrong ones.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// Why a table's compaction options are invalid, in Cassandra's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidStrategy(pub(crate) String);

/// Options of every strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonOptions {
    /// Whether the table is compacted without being asked to.
    pub enabled: bool,
    /// A single SSTable is rewritten when more than this share of its cells can be dropped.
    pub tombstone_threshold: f64,
    /// And it is that old, in seconds.
    pub tombstone_compaction_interval_seconds: u64,
    /// Whether that is done without a look at which other SSTables overlap.
    pub unchecked_tombstone_compaction: bool,
    /// Whether tombstones of repaired SSTables alone are purged. There is no repair here, so that
    /// nothing would be: it is kept for Cassandra and doesn't act.
    pub only_purge_repaired_tombstones: bool,
    /// What of other SSTables is looked at for what they shadow.
    pub provide_overlapping_tombstones: OverlappingTombstones,
}

/// How much of overlapping SSTables a compaction may read (`CompactionParams.TombstoneOption`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlappingTombstones {
    /// Nothing.
    #[default]
    None,
    /// Deletions of partitions, ranges and rows.
    Row,
    /// Those of cells too.
    Cell,
}

impl Default for CommonOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            tombstone_threshold: 0.2,
            tombstone_compaction_interval_seconds: 86_400,
            unchecked_tombstone_compaction: false,
            only_purge_repaired_tombstones: false,
            provide_overlapping_tombstones: OverlappingTombstones::None,
        }
    }
}

impl CommonOptions {
    /// `AbstractCompactionStrategy.validateOptions`.
    pub(crate) fn read(options: &mut OptionReader<'_>) -> Result<Self, InvalidStrategy> {
        let default = Self::default();
        let threshold = "tombstone_threshold";
        let tombstone_threshold: f64 = options.number(threshold, INT, default.tombstone_threshold)?;
        if tombstone_threshold < 0.0 {
            let text = format!("{threshold} must be greater than 0, but was {tombstone_threshold:.6}");
            return Err(InvalidStrategy(text));
        }
        let interval = "tombstone_compaction_interval";
        let seconds = options.checked(interval, 86_400, |seconds| match seconds {
            0.. => Ok(()),
            _ => Err(format!("{interval} must be greater than 0, but was {seconds}")),
        })?;
        let unchecked = "unchecked_tombstone_compaction";
        let unchecked_tombstone_compaction = options.boolean(unchecked, false, |text| {
            format!("'{unchecked}' should be either 'true' or 'false', not '{text}'")
        })?;
        // There is no log of compactions to write; Cassandra's is kept in the map.
        options.boolean("log_all", false, |text| {
            format!("'log_all' should either be 'true' or 'false', not {text}")
        })?;
        let enabled = options.boolean("enabled", true, |text| {
            format!("enabled should either be 'true' or 'false', not {text}")
        })?;
        let only_repaired = options.text("only_purge_repaired_tombstones");
        options.text("provide_overlapping_tombstones");
        Ok(Self {
            enabled,
            tombstone_threshold,
            tombstone_compaction_interval_seconds: seconds.unsigned_abs(),
            unchecked_tombstone_compaction,
            only_purge_repaired_tombstones: only_repaired
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
            ..default
        })
    }
}

/// The given options that have not been read yet.
#[derive(Debug)]
pub(crate) struct OptionReader<'a> {
    left: BTreeMap<&'a str, &'a str>,
}

impl<'a> OptionReader<'a> {
    pub(crate) fn new(options: &'a BTreeMap<String, String>) -> Self {
        Self { left: options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect() }
    }

    /// Names that nothing has asked for.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &'a str> {
        self.left.keys().copied()
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<&'a str> {
        self.left.remove(name)
    }

    /// A number, or `default` where none is given. Cassandra calls whatever isn't one "int", and a
    /// float where it says so.
    pub(crate) fn number<T: FromStr>(
        &mut self,
        name: &str,
        kind: &str,
        default: T,
    ) -> Result<T, InvalidStrategy> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .ok_or_else(|| InvalidStrategy(format!("{text} is not a parsable {kind} for {name}"))),
        }
    }

    /// A whole number that has to be as `check` says.
    pub(crate) fn checked(
        &mut self,
        name: &str,
        default: i64,
        check: impl FnOnce(i64) -> Result<(), String>,
    ) -> Result<i64, InvalidStrategy> {
        let number = self.number(name, INT, default)?;
        check(number).map_err(InvalidStrategy)?;
        Ok(number)
    }

    /// `true` or `false`, in any case; `refused` says what is wrong with anything else.
    pub(crate) fn boolean(
        &mut self,
        name: &str,
        default: bool,
        refused: impl FnOnce(&str) -> String,
    ) -> Result<bool, InvalidStrategy> {
        match self.text(name) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(InvalidStrategy(refused(text))),
        }
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
        default: T,
        refused: impl FnOnce(&str) -> String,
    ) -> Result<T, InvalidStrategy> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.ok_or_else(|| InvalidStrategy(refused(text)))
    }
}

/// What Cassandra calls a whole number.
pub(crate) const INT: &str = "int (base10)";
/// What it calls the others.
pub(crate) const FLOAT: &str = "float";

/// Bytes as people write them (`FBUtilities.parseHumanReadableBytes`): a number, a prefix of
/// `kMGTPE` with or without `i`, and a `B`. `Ki` counts as `ki`.
pub(crate) fn human_bytes(text: &str) -> Result<i64, String> {
    let Some(rest) = text.strip_suffix('B') else {
        return Err(format!("{text} does not end in unit B"));
    };
    let digits_end = rest.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(rest.len());
    let (number, prefix) = rest.split_at_checked(digits_end).unwrap_or((rest, ""));
    let number: f64 = number.parse().map_err(|error| format!("{text}: {error}"))?;
    let (prefix, base) = match prefix.trim_start().strip_suffix('i') {
        Some(prefix) => (prefix, 1024.0_f64),
        None => (prefix.trim_start(), 1000.0),
    };
    let power = match prefix {
        "" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return Err(format!("Unexpected characters in {text}")),
    };
    // Saturates, as Java's conversion does.
    #[expect(clippy::cast_possible_truncation, reason = "Java's conversion saturates too")]
    Ok((number * base.powi(power)) as i64)
}

/// A share: a number, or one with a percent sign (`FBUtilities.parsePercent`).
pub(crate) fn share(text: &str) -> Result<f64, impl Display> {
    let text = text.trim();
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    }
}

/// Bytes as `FBUtilities.prettyPrintMemory` prints them: `1.000MiB`.
pub(crate) fn pretty_bytes(bytes: i64) -> String {
    const PREFIXES: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut value = bytes as f64;
    let mut prefix = None;
    for next in PREFIXES {
        if value.abs() < 1024.0 {
            break;
        }
        value /= 1024.0;
        prefix = Some(next);
    }
    prefix.map_or_else(|| format!("{bytes}B"), |prefix| format!("{value:.3}{prefix}B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("100MiB", 100 << 20), ("1GiB", 1 << 30), ("0B", 0), ("1.5 KiB", 1536), ("2kB", 2000)]
        {
            assert_eq!(human_bytes(text), Ok(bytes), "{text}");
        }
        for (power, prefix) in (1..).zip(["k", "M", "G", "T", "P", "E"]) {
            assert_eq!(human_bytes(&format!("1{prefix}B")), Ok(1000_i64.pow(power)), "{prefix}");
            assert_eq!(human_bytes(&format!("2{prefix}iB")), Ok(2 << (10 * power)), "{prefix}");
        }
        assert_eq!(human_bytes("100"), Err("100 does not end in unit B".to_owned()));
        assert!(human_bytes("muchB").is_err() && human_bytes("1XiB").is_err() && human_bytes("B").is_err());
        assert_eq!(human_bytes("9999999EiB"), Ok(i64::MAX));
    }

    #[test]
    fn bytes_are_printed_as_cassandra_does() {
        for (bytes, text) in
            [(1 << 20, "1.000MiB"), (1023, "1023B"), (1536, "1.500KiB"), (-2048, "-2.000KiB")]
        {
            assert_eq!(pretty_bytes(bytes), text);
        }
    }
}
