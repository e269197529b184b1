//! Options of tables (`TableParams`): what acts now, and what is kept for Cassandra.

use std::collections::BTreeMap;
use std::time::Duration;

use helenus_compaction::CompactionParams;
use helenus_cql_syntax::{Identifier, Property, PropertyValue};
use helenus_sstable::{CompressionParams, Version, WriterOptions};

use super::extensions::{self, sstable_version};
use super::options_given::{GivenOptions, OptionValue, check_intervals, fp_chance};
use super::options_kept::kept_defaults;
use super::options_values::{integer, literal_map, number_value};
use crate::error::Result;

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
        self.kept_number("min_index_interval").map_or(128, i32::unsigned_abs)
    }

    /// The options of a new table. Of the given ones every option that isn't known is left out.
    ///
    /// # Errors
    /// What Cassandra refuses: values out of range.
    pub(super) fn created(given: GivenOptions) -> Result<Self> {
        given.check_values()?;
        let has_chance = given.has("bloom_filter_fp_chance");
        let mut options = Self::default();
        options.set(given)?;
        if !has_chance {
            options.bloom_filter_fp_chance = options.compaction.default_bloom_filter_fp_chance();
        }
        Ok(options)
    }

    /// The same options with some changed.
    ///
    /// # Errors
    /// As [`Self::created`].
    pub(super) fn altered(&self, given: GivenOptions) -> Result<Self> {
        given.check_values()?;
        let mut options = self.clone();
        options.set(given)?;
        let interval = |name| options.kept_number(name).unwrap_or(0);
        check_intervals(interval("min_index_interval"), interval("max_index_interval"))?;
        Ok(options)
    }

    /// Sets what was checked.
    fn set(&mut self, given: GivenOptions) -> Result<()> {
        let mut chance = self.bloom_filter_fp_chance;
        for (name, value) in given.into_values() {
            match (name, value) {
                (_, OptionValue::Compression(params)) => self.compression = params,
                (_, OptionValue::Compaction(params)) => self.compaction = *params,
                ("bloom_filter_fp_chance", OptionValue::Float(number)) => chance = number,
                (_, OptionValue::Float(number)) => self.crc_check_chance = number,
                ("default_time_to_live", OptionValue::Whole(number)) => {
                    self.default_time_to_live = number.unsigned_abs();
                }
                ("gc_grace_seconds", OptionValue::Whole(number)) => {
                    self.gc_grace_seconds = number.unsigned_abs();
                }
                ("memtable_flush_period_in_ms", OptionValue::Whole(number)) => {
                    let period = Duration::from_millis(u64::from(number.unsigned_abs()));
                    self.memtable_flush_period = (number > 0).then_some(period);
                }
                (name, OptionValue::Whole(number)) => {
                    self.kept.insert(name, number_value(number.to_string()));
                }
                ("extensions", OptionValue::Kept(value)) => {
                    let before = self.kept.get("extensions").cloned();
                    let value = before.map_or(value.clone(), |before| extensions::changed(&before, value));
                    self.sstable_version = sstable_version(&value)?;
                    self.kept.insert(name, value);
                }
                (name, OptionValue::Kept(value)) => {
                    self.kept.insert(name, value);
                }
            }
        }
        let default = || self.compaction.default_bloom_filter_fp_chance();
        self.bloom_filter_fp_chance = fp_chance(chance).unwrap_or_else(default);
        Ok(())
    }

    /// A kept option that is a number; the stored text was checked.
    fn kept_number(&self, name: &'static str) -> Option<i32> {
        let value = self.kept.get(name)?;
        integer(&Identifier::exact(name), value).ok()
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
