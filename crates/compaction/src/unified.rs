//! Unified compaction (`UnifiedCompactionStrategy`, `unified.Controller`): its options.

use crate::options::{CommonOptions, InvalidStrategy, OptionReader, human_bytes, pretty_bytes, share};
use crate::size_tiered::SizeTiered;

const MIN_TARGET_BYTES: i64 = 1 << 20;
const DEFAULT_TARGET_BYTES: i64 = 1 << 30;
const DEFAULT_MIN_BYTES: i64 = 100 << 20;

/// Options of the strategy, with Cassandra's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Unified {
    /// `W` of each level; the last one is that of all levels above: `T4` is 2, `N` is 0, `L4` is
    /// -2.
    pub scaling_parameters: Vec<i32>,
    /// Shards of the token space that outputs are split into at least, once they are large enough.
    pub base_shard_count: u32,
    /// Size of an output in bytes that sharding aims at.
    pub target_sstable_size_bytes: u64,
    /// Size in bytes below which outputs are not split; 0 for no such limit.
    pub min_sstable_size_bytes: u64,
    /// How much of the growth of density goes into larger SSTables instead of more shards, from 0
    /// to 1.
    pub sstable_growth: f64,
    /// Size of a flush in bytes that levels are counted from, in the place of the one that is
    /// observed.
    pub flush_size_override_bytes: Option<u64>,
    /// Most SSTables to merge at once, where it is limited.
    pub max_sstables_to_compact: Option<usize>,
    /// How often fully expired SSTables are looked for, in seconds.
    pub expired_check_seconds: u64,
    /// Whether expired SSTables are dropped whatever they overlap with.
    pub unsafe_aggressive_sstable_expiration: bool,
    /// Which neighbours join what overlaps.
    pub overlap_inclusion: OverlapInclusion,
    /// How the table is compacted until the strategy's own selection is there.
    pub(crate) stand_in: SizeTiered,
}

/// Which sets of overlapping SSTables are compacted together (`Overlaps.InclusionMethod`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlapInclusion {
    /// Each set alone.
    None,
    /// With those that share an SSTable with it.
    Single,
    /// And with those that share one with them, and so on.
    #[default]
    Transitive,
}

impl Unified {
    /// `Controller.validateOptions`.
    pub(crate) fn read(
        options: &mut OptionReader<'_>,
        common: &CommonOptions,
    ) -> Result<Self, InvalidStrategy> {
        let scaling = options.text("scaling_parameters").unwrap_or("T4");
        let scaling_parameters =
            scaling.split(',').map(|one| scaling_parameter(one.trim())).collect::<Result<_, _>>()?;
        let name = "base_shard_count";
        let base_shard_count = options.checked(name, 4, |number| match number {
            1..=2_147_483_647 => Ok(()),
            ..1 => Err(format!("Invalid configuration, {name} should be positive: {number}")),
            _ => Err(format!("{number} is not a parsable int (base10) for {name}")),
        })?;
        let target = size(options, "target_sstable_size")?.unwrap_or(DEFAULT_TARGET_BYTES);
        let flush_size = size(options, "flush_size_override")?;
        let most: i32 = options.number("max_sstables_to_compact", "int (base10)", 0)?;
        let expired_check_seconds = expired_check(options)?;
        let name = "unsafe_aggressive_sstable_expiration";
        let is_unsafe = options
            .boolean(name, false, |text| format!("{name} should either be 'true' or 'false', not {text}"))?;
        let overlap_inclusion = overlap_inclusion(options.text("overlap_inclusion_method"))?;
        let min_sstable_size = min_size(options, target)?;
        let sstable_growth = growth(options)?;
        Ok(Self {
            scaling_parameters,
            base_shard_count: u32::try_from(base_shard_count).unwrap_or(u32::MAX),
            target_sstable_size_bytes: target.unsigned_abs(),
            min_sstable_size_bytes: min_sstable_size.unsigned_abs(),
            sstable_growth,
            flush_size_override_bytes: flush_size.map(i64::unsigned_abs),
            max_sstables_to_compact: usize::try_from(most).ok().filter(|most| *most > 0),
            expired_check_seconds,
            unsafe_aggressive_sstable_expiration: is_unsafe,
            overlap_inclusion,
            stand_in: SizeTiered::with_common(common),
        })
    }
}

/// `UnifiedCompactionStrategy.parseScalingParameter`.
fn scaling_parameter(text: &str) -> Result<i32, InvalidStrategy> {
    let wrong =
        || InvalidStrategy(format!("Scaling parameter {text} must match N|L[0-9]+|T[0-9]+|[+-]?[0-9]+"));
    let fan_factor = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: i32 = digits.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let too_low = || InvalidStrategy(format!("Fan factor cannot be lower than 2 in {text}"));
        if number < 2 { Err(too_low()) } else { Ok(number) }
    };
    if text == "N" {
        Ok(0)
    } else if let Some(digits) = text.strip_prefix('L') {
        Ok(2 - fan_factor(digits)?)
    } else if let Some(digits) = text.strip_prefix('T') {
        Ok(fan_factor(digits)? - 2)
    } else {
        text.parse().ok().ok_or_else(wrong)
    }
}

/// A size that must not be below the least target.
fn size(options: &mut OptionReader<'_>, name: &str) -> Result<Option<i64>, InvalidStrategy> {
    let Some(text) = options.text(name) else { return Ok(None) };
    let bytes = human_bytes(text)
        .map_err(|why| InvalidStrategy(format!("{name} {text} is not a valid size in bytes: {why}")))?;
    if bytes < MIN_TARGET_BYTES {
        let least = pretty_bytes(MIN_TARGET_BYTES);
        return Err(InvalidStrategy(format!(
            "{name} {text} is not acceptable, size must be at least {least}"
        )));
    }
    Ok(Some(bytes))
}

fn expired_check(options: &mut OptionReader<'_>) -> Result<u64, InvalidStrategy> {
    let name = "expired_sstable_check_frequency_seconds";
    let seconds: i64 = options.number(name, "long (base10)", 600)?;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(InvalidStrategy(format!("Invalid configuration, {name} should be positive: {seconds}"))),
    }
}

fn overlap_inclusion(text: Option<&str>) -> Result<OverlapInclusion, InvalidStrategy> {
    match text.map(str::to_uppercase).as_deref() {
        None | Some("TRANSITIVE") => Ok(OverlapInclusion::Transitive),
        Some("SINGLE") => Ok(OverlapInclusion::Single),
        Some("NONE") => Ok(OverlapInclusion::None),
        Some(_) => Err(InvalidStrategy(format!(
            "Invalid overlap inclusion method {}. The valid options are [NONE, SINGLE, TRANSITIVE].",
            text.unwrap_or_default()
        ))),
    }
}

fn min_size(options: &mut OptionReader<'_>, target: i64) -> Result<i64, InvalidStrategy> {
    let name = "min_sstable_size";
    let Some(text) = options.text(name) else { return Ok(DEFAULT_MIN_BYTES) };
    let bytes = human_bytes(text)
        .ok()
        .ok_or_else(|| InvalidStrategy(format!("{text} is not a valid size in bytes for {name}")))?;
    if bytes < 0 {
        let what = "should be greater than or equal to 0 (zero)";
        return Err(InvalidStrategy(format!("Invalid configuration, {name} {what}")));
    }
    // Cassandra keeps the limit in 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, as Java's conversion does")]
    let limit = i64::from((target as f64 * std::f64::consts::FRAC_1_SQRT_2).ceil() as i32);
    if bytes >= limit {
        return Err(InvalidStrategy(format!(
            "Invalid configuration, {name} ({}) should be less than the target size minimum: {}",
            pretty_bytes(bytes),
            pretty_bytes(limit)
        )));
    }
    Ok(bytes)
}

fn growth(options: &mut OptionReader<'_>) -> Result<f64, InvalidStrategy> {
    let name = "sstable_growth";
    let Some(text) = options.text(name) else { return Ok(0.333) };
    let growth = share(text)
        .map_err(|why| InvalidStrategy(format!("{name} is not a valid number between 0 and 1: {why}")))?;
    if (0.0..=1.0).contains(&growth) {
        Ok(growth)
    } else {
        Err(InvalidStrategy(format!("{name} {text} must be between 0 and 1")))
    }
}
