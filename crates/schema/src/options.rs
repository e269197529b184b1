//! Options of tables (`TableParams`): what acts now, and what is kept for Cassandra.

use std::collections::BTreeMap;
use std::time::Duration;

use helenus_bloom::MIN_FP_CHANCE;
use helenus_compaction::CompactionParams;
use helenus_cql_syntax::{Identifier, Property, PropertyValue};
use helenus_sstable::{CompressionParams, Version, WriterOptions};

use super::extensions::sstable_version;
use super::options_kept::{KEPT, kept_defaults};
use super::options_values::{float, integer, literal_map, map_of, number_value};
use crate::error::{CatalogError, Result};

/// The longest time to live, in seconds: 20 years (`Attributes.MAX_TTL`).
pub const MAX_TTL_SECONDS: u32 = 20 * 365 * 24 * 60 * 60;

const DEFAULT_GC_GRACE_SECONDS: u32 = 10 * 24 * 60 * 60;

/// The options of a table, all with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct TableOptions {
    /// How Data.db is compressed; `None`: not at all.
    pub compression: Option<CompressionParams>,
    /// Chance that the filter says yes to a partition that isn't there.
    pub bloom_filter_fp_chance: f64,
    /// Chance that the checksum of a chunk is verified when it is read.
    pub crc_check_chance: f64,
    /// Time to live of writes that bring none, in seconds; 0: for ever.
    pub default_time_to_live: u32,
    /// How long tombstones are kept, in seconds.
    pub gc_grace_seconds: u32,
    /// How the table is compacted.
    pub compaction: CompactionParams,
    /// How long writes may stay in the memtable; `None`: until it is full.
    pub memtable_flush_period: Option<Duration>,
    /// The version in which its SSTables are written, by the extension `helenus_sstable_version`;
    /// `None`: the database's version.
    pub sstable_version: Option<Version>,
    /// All other options, by name, as they are printed.
    kept: BTreeMap<&'static str, PropertyValue>,
}

impl Default for TableOptions {
    /// Cassandra's defaults.
    fn default() -> Self {
        Self {
            compression: Some(CompressionParams::default()),
            bloom_filter_fp_chance: 0.01,
            crc_check_chance: 1.0,
            default_time_to_live: 0,
            gc_grace_seconds: DEFAULT_GC_GRACE_SECONDS,
            compaction: CompactionParams::default(),
            memtable_flush_period: None,
            sstable_version: None,
            kept: kept_defaults(),
        }
    }
}

impl TableOptions {
    /// How SSTables of the table are written, as far as its options say.
    #[must_use]
    pub fn writer_options(&self) -> WriterOptions {
        WriterOptions {
            compression: self.compression.clone(),
            bloom_filter_fp_chance: self.bloom_filter_fp_chance,
            min_index_interval: self.min_index_interval(),
            ..WriterOptions::default()
        }
    }

    /// The difference between the options and their effect, in words.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.compaction.strategy().warning()
    }

    /// Partitions from one sample of Summary.db to the next.
    pub fn min_index_interval(&self) -> u32 {
        let interval = self.kept.get("min_index_interval");
        // The stored text was checked.
        interval
            .and_then(|value| integer(&Identifier::exact("min_index_interval"), value, 1).ok())
            .unwrap_or(128)
    }

    /// The options of a new table.
    ///
    /// # Errors
    /// What Cassandra refuses: unknown options, values out of range. `unknown` decides about the
    /// former.
    pub(super) fn created(
        properties: &[Property],
        unknown: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<Self> {
        let mut options = Self::default();
        options.set(properties, unknown)?;
        let given = properties.iter().any(|property| property.name == "bloom_filter_fp_chance");
        if !given {
            options.bloom_filter_fp_chance = options.compaction.default_bloom_filter_fp_chance();
        }
        Ok(options)
    }

    /// The same options with some changed.
    ///
    /// # Errors
    /// As [`Self::created`].
    pub(super) fn altered(&self, properties: &[Property]) -> Result<Self> {
        let mut options = self.clone();
        options.set(properties, &mut |name| Err(unknown_property(name)))?;
        Ok(options)
    }

    fn set(&mut self, properties: &[Property], unknown: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        for Property { name, value } in properties {
            match name.as_str() {
                "compression" => {
                    let map = map_of(name, value)?;
                    let entries = map.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    self.compression = CompressionParams::from_options(entries)
                        .map_err(|e| CatalogError::invalid(e.to_string()))?;
                }
                "compaction" => {
                    self.compaction = CompactionParams::from_map(map_of(name, value)?)
                        .map_err(|e| CatalogError::invalid(e.to_string()))?;
                }
                "bloom_filter_fp_chance" => self.bloom_filter_fp_chance = float(name, value)?,
                "crc_check_chance" => self.crc_check_chance = float(name, value)?,
                "default_time_to_live" => self.default_time_to_live = integer(name, value, 0)?,
                "gc_grace_seconds" => self.gc_grace_seconds = integer(name, value, 0)?,
                "memtable_flush_period_in_ms" => {
                    let millis = u64::from(integer(name, value, 0)?);
                    self.memtable_flush_period = (millis > 0).then(|| Duration::from_millis(millis));
                }
                other => match KEPT.iter().find(|kept| kept.name == other) {
                    Some(kept) => {
                        let value = (kept.check)(name, value)?;
                        if kept.name == "extensions" {
                            self.sstable_version = sstable_version(&value)?;
                        }
                        self.kept.insert(kept.name, value);
                    }
                    None => unknown(other)?,
                },
            }
        }
        self.check()
    }

    /// Rejects what `TableParams.validate` refuses.
    fn check(&self) -> Result<()> {
        let fp_chance = self.bloom_filter_fp_chance;
        if !(fp_chance > MIN_FP_CHANCE && fp_chance <= 1.0) {
            return Err(CatalogError::invalid(format!(
                "bloom_filter_fp_chance must be larger than {MIN_FP_CHANCE} and less than or equal to 1.0 (got {fp_chance})"
            )));
        }
        if !(0.0..=1.0).contains(&self.crc_check_chance) {
            return Err(CatalogError::invalid(format!(
                "crc_check_chance must be larger than or equal to 0 and smaller than or equal to 1.0 (got {})",
                self.crc_check_chance
            )));
        }
        if self.default_time_to_live > MAX_TTL_SECONDS {
            return Err(CatalogError::invalid(format!(
                "default_time_to_live must be less than or equal to {MAX_TTL_SECONDS} (got {})",
                self.default_time_to_live
            )));
        }
        let interval =
            |name| self.kept.get(name).map_or(Ok(0), |value| integer(&Identifier::exact(name), value, 1));
        let (min, max) = (interval("min_index_interval")?, interval("max_index_interval")?);
        if max < min {
            return Err(CatalogError::invalid(format!(
                "max_index_interval must be greater than or equal to min_index_interval ({min}) (got {max})"
            )));
        }
        Ok(())
    }

    /// All options as `DESCRIBE` prints them, in its order.
    pub(super) fn to_properties(&self) -> Vec<Property> {
        let compression = match &self.compression {
            Some(params) => literal_map(params.to_options()),
            None => literal_map([("enabled".to_owned(), "false".to_owned())]),
        };
        let flush_period = self.memtable_flush_period.map_or(0, |period| period.as_millis());
        let acting = [
            ("bloom_filter_fp_chance", number_value(format!("{:?}", self.bloom_filter_fp_chance))),
            ("compaction", literal_map(self.compaction.to_map().clone())),
            ("compression", compression),
            ("crc_check_chance", number_value(format!("{:?}", self.crc_check_chance))),
            ("default_time_to_live", number_value(self.default_time_to_live.to_string())),
            ("gc_grace_seconds", number_value(self.gc_grace_seconds.to_string())),
            ("memtable_flush_period_in_ms", number_value(flush_period.to_string())),
        ];
        let mut all: BTreeMap<&str, PropertyValue> = acting.into_iter().collect();
        all.extend(self.kept.iter().map(|(name, value)| (*name, value.clone())));
        let memtable = all.remove_entry("memtable");
        let property = |(name, value)| Property { name: Identifier::exact(name), value };
        let mut properties: Vec<_> = all.into_iter().map(property).collect();
        // Cassandra prints this one out of order.
        let after_compression =
            properties.partition_point(|property| property.name.as_str() <= "compression");
        properties.splice(after_compression..after_compression, memtable.map(property));
        properties
    }
}

pub(super) fn unknown_property(name: &str) -> CatalogError {
    CatalogError::invalid(format!("Unknown property '{name}'"))
}
