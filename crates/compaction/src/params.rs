//! A table's `compaction` option (`CompactionParams`): the strategy, what all strategies share, and
//! the map as text.

use std::collections::BTreeMap;

use crate::leveled::Leveled;
use crate::options::{CommonOptions, InvalidStrategy, OptionReader, OverlappingTombstones};
use crate::size_tiered::SizeTiered;
use crate::strategy::Strategy;
use crate::time_window::TimeWindow;
use crate::unified::Unified;

/// The package of Cassandra's strategies, with which schemas print them.
const PACKAGE: &str = "org.apache.cassandra.db.compaction.";

const MIN_THRESHOLD: &str = "min_threshold";
const MAX_THRESHOLD: &str = "max_threshold";

/// How a table is compacted.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactionParams {
    strategy: Strategy,
    common: CommonOptions,
    /// As it is printed: the class with its package, thresholds where the strategy has them.
    map: BTreeMap<String, String>,
}

impl Default for CompactionParams {
    /// What a stock Cassandra gives a table: size-tiered, with its defaults.
    fn default() -> Self {
        let map = [
            ("class", format!("{PACKAGE}SizeTieredCompactionStrategy")),
            (MAX_THRESHOLD, "32".to_owned()),
            (MIN_THRESHOLD, "4".to_owned()),
        ];
        Self {
            strategy: Strategy::SizeTiered(SizeTiered::default()),
            common: CommonOptions::default(),
            map: map.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }
}

impl CompactionParams {
    /// What a `compaction` map asks for, checked in the order and with the words of
    /// `CompactionParams.fromMap` and `validate`.
    ///
    /// # Errors
    /// An unknown class or option, or a value that Cassandra refuses.
    pub fn from_map(mut map: BTreeMap<String, String>) -> Result<Self, InvalidStrategy> {
        let Some(class) = map.remove("class") else {
            return Err(InvalidStrategy("Missing sub-option 'class' for the 'compaction' option".to_owned()));
        };
        let name = class.strip_prefix(PACKAGE).unwrap_or(&class);
        let Some(read) = reader_of(name) else {
            let class = if class.contains('.') { class } else { format!("{PACKAGE}{class}") };
            return Err(InvalidStrategy(format!("Unable to find compaction strategy class '{class}'")));
        };
        let overlapping = overlapping_tombstones(&map)?;
        if name != UNIFIED {
            map.entry(MIN_THRESHOLD.to_owned()).or_insert_with(|| "4".to_owned());
            map.entry(MAX_THRESHOLD.to_owned()).or_insert_with(|| "32".to_owned());
        }
        let mut options = OptionReader::new(&map);
        let common = CommonOptions {
            provide_overlapping_tombstones: overlapping,
            ..CommonOptions::read(&mut options)?
        };
        let thresholds = Thresholds::of(&mut options, name != UNIFIED);
        let mut strategy = read(&mut options, &common)?;
        let unknown: Vec<_> = options.unknown().collect();
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            return Err(InvalidStrategy(format!(
                "Properties specified [{unknown}] are not understood by {name}"
            )));
        }
        let (min, max) = thresholds.check()?;
        strategy.set_thresholds(min, max);
        map.insert("class".to_owned(), format!("{PACKAGE}{name}"));
        Ok(Self { strategy, common, map })
    }

    /// The strategy with its options.
    #[must_use]
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// What all strategies have.
    #[must_use]
    pub fn common(&self) -> &CommonOptions {
        &self.common
    }

    /// The map as a schema prints it.
    #[must_use]
    pub fn to_map(&self) -> &BTreeMap<String, String> {
        &self.map
    }

    /// The chance of false positives that the filter of a new table gets where none is given.
    #[must_use]
    pub fn default_bloom_filter_fp_chance(&self) -> f64 {
        if matches!(self.strategy, Strategy::Leveled(_)) { 0.1 } else { 0.01 }
    }
}

const UNIFIED: &str = "UnifiedCompactionStrategy";

type Read = fn(&mut OptionReader<'_>, &CommonOptions) -> Result<Strategy, InvalidStrategy>;

/// What reads the options of the strategy of that name.
fn reader_of(name: &str) -> Option<Read> {
    Some(match name {
        "SizeTieredCompactionStrategy" => {
            |options, common| Ok(Strategy::SizeTiered(SizeTiered::read(options, common)?))
        }
        "LeveledCompactionStrategy" => {
            |options, common| Ok(Strategy::Leveled(Leveled::read(options, common)?))
        }
        "TimeWindowCompactionStrategy" => {
            |options, common| Ok(Strategy::TimeWindow(TimeWindow::read(options, common)?))
        }
        UNIFIED => |options, common| Ok(Strategy::Unified(Unified::read(options, common)?)),
        _ => return None,
    })
}

/// Which overlapping tombstones are provided; the first thing that is checked.
fn overlapping_tombstones(map: &BTreeMap<String, String>) -> Result<OverlappingTombstones, InvalidStrategy> {
    let Some(text) = map.get("provide_overlapping_tombstones") else {
        return Ok(OverlappingTombstones::None);
    };
    match text.to_uppercase().as_str() {
        "NONE" => Ok(OverlappingTombstones::None),
        "ROW" => Ok(OverlappingTombstones::Row),
        "CELL" => Ok(OverlappingTombstones::Cell),
        other => Err(InvalidStrategy(format!(
            "Invalid value {other} for 'provide_overlapping_tombstones' compaction sub-option - must be one of the \
             following [NONE, ROW, CELL]."
        ))),
    }
}

/// The fewest and the most SSTables of a merge, as they are given: they are checked after
/// everything else.
struct Thresholds<'a> {
    min: Option<&'a str>,
    max: Option<&'a str>,
}

impl<'a> Thresholds<'a> {
    fn of(options: &mut OptionReader<'a>, has_thresholds: bool) -> Self {
        if !has_thresholds {
            return Self { min: None, max: None };
        }
        Self { min: options.text(MIN_THRESHOLD), max: options.text(MAX_THRESHOLD) }
    }

    fn check(&self) -> Result<(usize, usize), InvalidStrategy> {
        let read = |name: &str, text: Option<&str>, default: usize| match text {
            None => Ok(default),
            Some(text) => {
                let is_numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse::<i32>().ok().and_then(|number| usize::try_from(number).ok());
                number.filter(|_| is_numeric).ok_or_else(|| {
                    InvalidStrategy(format!(
                        "Invalid value {text} for '{name}' compaction sub-option - must be an integer"
                    ))
                })
            }
        };
        let (min, max) = (read(MIN_THRESHOLD, self.min, 4)?, read(MAX_THRESHOLD, self.max, 32)?);
        let refused = |text: String| Err(InvalidStrategy(text));
        match (min, max) {
            (0, _) | (_, 0) => refused(
                "Disabling compaction by setting compaction thresholds to 0 has been removed, set the compaction option \
                 'enabled' to false instead."
                    .to_owned(),
            ),
            (1, _) => refused(format!("Min compaction threshold cannot be less than 2 (got {min})")),
            _ if min > max => refused(format!(
                "Min compaction threshold (got {min}) cannot be greater than max compaction threshold (got {max})"
            )),
            _ => Ok((min, max)),
        }
    }
}
