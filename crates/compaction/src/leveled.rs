//! Leveled compaction (`LeveledCompactionStrategy`): its options.

use crate::options::{CommonOptions, InvalidStrategy, OptionReader};
use crate::size_tiered::SizeTiered;

/// Options of the strategy, with Cassandra's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Leveled {
    /// Bytes on disk from which on an output of level 1 and above is closed.
    pub sstable_size_bytes: u64,
    /// How many times the bytes of a level the next one may hold.
    pub fanout_size: u32,
    /// Whether a single input goes up a level as it is.
    pub single_sstable_uplevel: bool,
    /// How level 0 is compacted while it holds too many.
    pub level_0: SizeTiered,
}

impl Leveled {
    /// `LeveledCompactionStrategy.validateOptions`.
    pub(crate) fn read(
        options: &mut OptionReader<'_>,
        common: &CommonOptions,
    ) -> Result<Self, InvalidStrategy> {
        let mut at_least_1 = |name: &str, default: i64| {
            options.checked(name, default, |number| match number {
                1..=2_147_483_647 => Ok(()),
                ..1 => Err(format!("{name} must be larger than 0, but was {number}")),
                _ => Err(format!("{number} is not a parsable int (base10) for {name}")),
            })
        };
        let size_mib = at_least_1("sstable_size_in_mb", 160)?;
        let fanout_size = at_least_1("fanout_size", 10)?;
        let uplevel = options.text("single_sstable_uplevel");
        Ok(Self {
            sstable_size_bytes: size_mib.unsigned_abs() << 20,
            fanout_size: u32::try_from(fanout_size).unwrap_or(u32::MAX),
            single_sstable_uplevel: uplevel.is_some_and(|text| text.eq_ignore_ascii_case("true")),
            level_0: SizeTiered::read(options, common)?,
        })
    }
}
