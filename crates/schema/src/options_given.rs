//! Options as a statement gives them (`TableAttributes`): read in Cassandra's order, then checked
//! as one (`TableParams.validate`), and only then made a table's.

use std::collections::BTreeMap;

use helenus_bloom::MIN_FP_CHANCE;
use helenus_compaction::CompactionParams;
use helenus_cql_syntax::{Identifier, Property, PropertyValue};
use helenus_sstable::CompressionParams;
use helenus_types::Type;

use super::extensions::extensions;
use super::options_kept::{any_boolean, any_text, caching, check_memtable, read_repair, retry};
use super::options_values::{OptionSource, float, integer, map_of, unknown_property};
use crate::error::{CatalogError, Result};

/// The longest time to live, in seconds: 20 years (`Attributes.MAX_TTL`).
pub const MAX_TTL_SECONDS: u32 = 20 * 365 * 24 * 60 * 60;

/// The value that stands for the default of the table's compaction strategy.
const UNSET_FP_CHANCE: f64 = -1.0;

/// The value of an option.
#[derive(Clone, Debug)]
pub(super) enum OptionValue {
    /// One that means nothing here, as it is printed.
    Kept(PropertyValue),
    Whole(i32),
    Float(f64),
    Compression(Option<CompressionParams>),
    Compaction(Box<CompactionParams>),
}

/// What reads the value of an option.
type Read = fn(&Identifier, &PropertyValue, OptionSource) -> Result<OptionValue>;

/// The options of a table, in the order in which Cassandra reads them (`TableParams.Option`).
const OPTIONS: [(&str, Read); 19] = [
    ("allow_auto_snapshot", |name, value, _| any_boolean(name, value).map(OptionValue::Kept)),
    ("bloom_filter_fp_chance", read_float),
    ("caching", |name, value, _| caching(name, value).map(OptionValue::Kept)),
    ("comment", |name, value, _| any_text(name, value).map(OptionValue::Kept)),
    ("compaction", read_compaction),
    ("compression", read_compression),
    ("memtable", |name, value, _| any_text(name, value).map(OptionValue::Kept)),
    ("default_time_to_live", read_whole),
    ("extensions", |name, value, origin| extensions(name, value, origin).map(OptionValue::Kept)),
    ("gc_grace_seconds", read_whole),
    ("incremental_backups", |name, value, _| any_boolean(name, value).map(OptionValue::Kept)),
    ("max_index_interval", read_whole),
    ("memtable_flush_period_in_ms", read_whole),
    ("min_index_interval", read_whole),
    ("speculative_retry", |name, value, _| retry(name, value).map(OptionValue::Kept)),
    ("additional_write_policy", |name, value, _| retry(name, value).map(OptionValue::Kept)),
    ("crc_check_chance", read_float),
    ("cdc", |name, value, _| any_boolean(name, value).map(OptionValue::Kept)),
    ("read_repair", |name, value, _| read_repair(name, value).map(OptionValue::Kept)),
];

/// The names of a table's options, in alphabetical order: in `system_schema.tables` they are
/// columns of these names.
#[must_use]
pub fn option_names() -> [&'static str; OPTIONS.len()] {
    let mut names = OPTIONS.map(|(name, _)| name);
    names.sort_unstable();
    names
}

/// The options that a statement gives, each of them a value of its type.
#[derive(Debug)]
pub(super) struct GivenOptions {
    values: BTreeMap<&'static str, OptionValue>,
    unknown: Vec<String>,
    origin: OptionSource,
}

impl GivenOptions {
    /// The values of those that Cassandra has; `id`, which is no option of the table, is left out.
    ///
    /// # Errors
    /// What is no value of its option.
    pub(super) fn read(properties: &[Property], origin: OptionSource) -> Result<Self> {
        let mut given = Self { values: BTreeMap::new(), unknown: Vec::new(), origin };
        for (option, read) in OPTIONS {
            if let Some(Property { name, value }) = properties.iter().find(|property| property.name == option)
            {
                given.values.insert(option, read(name, value, origin)?);
            }
        }
        let is_known = |name: &Identifier| *name == "id" || OPTIONS.iter().any(|(known, _)| *name == *known);
        let unknown = properties.iter().filter(|property| !is_known(&property.name));
        given.unknown = unknown.map(|property| property.name.as_str().to_owned()).collect();
        Ok(given)
    }

    /// Whether the option is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The names of options that Cassandra doesn't have.
    pub(super) fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The values by name.
    pub(super) fn into_values(self) -> BTreeMap<&'static str, OptionValue> {
        self.values
    }

    /// Rejects options that Cassandra doesn't have.
    pub(super) fn check_known(&self) -> Result<()> {
        self.unknown.first().map_or(Ok(()), |unknown| Err(unknown_property(unknown)))
    }

    /// Rejects values that a new table could not have. `ALTER` is checked like that too, whatever
    /// the table has.
    pub(super) fn check_values(&self) -> Result<()> {
        if let (OptionSource::Statement, Some(OptionValue::Kept(name))) =
            (self.origin, self.values.get("memtable"))
        {
            check_memtable(name)?;
        }
        if let Some(chance) = self.float("bloom_filter_fp_chance").filter(|chance| *chance != UNSET_FP_CHANCE)
            && !(chance > MIN_FP_CHANCE && chance <= 1.0)
        {
            return Err(CatalogError::configuration(format!(
                "bloom_filter_fp_chance must be larger than {} and less than or equal to 1.0 (got {})",
                java_double(MIN_FP_CHANCE),
                java_double(chance)
            )));
        }
        if let Some(chance) = self.float("crc_check_chance")
            && !(0.0..=1.0).contains(&chance)
        {
            return Err(CatalogError::configuration(format!(
                "crc_check_chance must be larger than or equal to 0 and smaller than or equal to 1.0 (got {})",
                java_double(chance)
            )));
        }
        self.at_least("default_time_to_live", 0)?;
        if let Some(ttl) = self.whole("default_time_to_live")
            && i64::from(ttl) > i64::from(MAX_TTL_SECONDS)
        {
            return Err(CatalogError::configuration(format!(
                "default_time_to_live must be less than or equal to {MAX_TTL_SECONDS} (got {ttl})"
            )));
        }
        self.at_least("gc_grace_seconds", 0)?;
        self.at_least("min_index_interval", 1)?;
        let min = self.whole("min_index_interval").unwrap_or(128);
        check_intervals(min, self.whole("max_index_interval").unwrap_or(2048))?;
        self.at_least("memtable_flush_period_in_ms", 0)
    }

    fn at_least(&self, name: &str, min: i32) -> Result<()> {
        match self.whole(name).filter(|number| *number < min) {
            Some(number) => Err(CatalogError::configuration(format!(
                "{name} must be greater than or equal to {min} (got {number})"
            ))),
            None => Ok(()),
        }
    }

    fn whole(&self, name: &str) -> Option<i32> {
        if let Some(OptionValue::Whole(number)) = self.values.get(name) { Some(*number) } else { None }
    }

    fn float(&self, name: &str) -> Option<f64> {
        if let Some(OptionValue::Float(number)) = self.values.get(name) { Some(*number) } else { None }
    }
}

/// Rejects samples of an index that could not become fewer.
pub(super) fn check_intervals(min: i32, max: i32) -> Result<()> {
    if max < min {
        return Err(CatalogError::configuration(format!(
            "max_index_interval must be greater than or equal to min_index_interval ({min}) (got {max})"
        )));
    }
    Ok(())
}

/// The chance of false positives, unless it is left to the strategy.
pub(super) fn fp_chance(given: f64) -> Option<f64> {
    (given != UNSET_FP_CHANCE).then_some(given)
}

fn read_whole(name: &Identifier, value: &PropertyValue, _: OptionSource) -> Result<OptionValue> {
    integer(name, value).map(OptionValue::Whole)
}

fn read_float(name: &Identifier, value: &PropertyValue, _: OptionSource) -> Result<OptionValue> {
    float(name, value).map(OptionValue::Float)
}

fn read_compaction(name: &Identifier, value: &PropertyValue, _: OptionSource) -> Result<OptionValue> {
    let params = CompactionParams::from_map(map_of(name, value)?);
    let params = params.map_err(|error| CatalogError::configuration(error.to_string()))?;
    Ok(OptionValue::Compaction(Box::new(params)))
}

fn read_compression(name: &Identifier, value: &PropertyValue, origin: OptionSource) -> Result<OptionValue> {
    let map = map_of(name, value)?;
    let entries = map.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let params = match origin {
        OptionSource::Statement => CompressionParams::from_options(entries),
        OptionSource::Text => CompressionParams::from_options_of_any_release(entries),
    };
    params.map(OptionValue::Compression).map_err(|error| CatalogError::configuration(error.to_string()))
}

/// A number as Java prints it.
fn java_double(number: f64) -> String {
    let mut out = String::new();
    // A double has eight bytes, which is all that is asked of it.
    Type::Double.text(&number.to_be_bytes(), &mut out).unwrap_or_default();
    out
}
