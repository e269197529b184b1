//! Time window compaction (`TimeWindowCompactionStrategy`): its options.

use crate::options::{CommonOptions, InvalidStrategy, OptionReader};
use crate::size_tiered::SizeTiered;

/// Options of the strategy, with Cassandra's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWindow {
    /// Length of a window in seconds.
    pub window_seconds: u64,
    /// Timestamps in one second.
    pub timestamps_per_second: u64,
    /// How often fully expired SSTables are looked for, in seconds.
    pub expired_check_seconds: u64,
    /// How the newest window is compacted.
    pub newest: SizeTiered,
}

const UNITS: [(&str, u64); 3] = [("MINUTES", 60), ("HOURS", 3_600), ("DAYS", 86_400)];
const RESOLUTIONS: [(&str, u64); 4] =
    [("SECONDS", 1), ("MILLISECONDS", 1_000), ("MICROSECONDS", 1_000_000), ("NANOSECONDS", 1_000_000_000)];

impl TimeWindow {
    /// `TimeWindowCompactionStrategyOptions.validateOptions`.
    pub(crate) fn read(
        options: &mut OptionReader<'_>,
        common: &CommonOptions,
    ) -> Result<Self, InvalidStrategy> {
        let mut one_of = |name: &str, words: &[(&str, u64)], default: u64| {
            options.word(name, words, default, |text| format!("{text} is not valid for {name}"))
        };
        let timestamps_per_second = one_of("timestamp_resolution", &RESOLUTIONS, 1_000_000)?;
        let unit_seconds = one_of("compaction_window_unit", &UNITS, 86_400)?;
        let name = "compaction_window_size";
        let size = options.checked(name, 1, |number| match number {
            1..=2_147_483_647 => Ok(()),
            ..1 => Err(format!("{number} must be greater than 1 for {name}")),
            _ => Err(format!("{number} is not a parsable int (base10) for {name}")),
        })?;
        let name = "expired_sstable_check_frequency_seconds";
        let expired_check = options.checked(name, 600, |number| match number {
            0.. => Ok(()),
            _ => Err(format!("{name} must not be negative, but was {number}")),
        })?;
        let name = "unsafe_aggressive_sstable_expiration";
        let is_unsafe =
            options.boolean(name, false, |text| format!("{name} is not 'true' or 'false' ({text})"))?;
        if is_unsafe {
            return Err(InvalidStrategy(format!(
                "{name} is requested but not allowed, restart cassandra with \
                 -Dcassandra.allow_unsafe_aggressive_sstable_expiration=true to allow it"
            )));
        }
        Ok(Self {
            window_seconds: size.unsigned_abs() * unit_seconds,
            timestamps_per_second,
            expired_check_seconds: expired_check.unsigned_abs(),
            newest: SizeTiered::read(options, common)?,
        })
    }
}
