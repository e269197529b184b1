//! Options that mean nothing to this release: checked as Cassandra checks them, kept, and written
//! back. Each function checks a value and returns its printed form.

use std::collections::BTreeMap;

use helenus_cql_syntax::{Identifier, PropertyValue};

use super::options_values::{boolean, boolean_value, literal_map, map_of, number_value, string_value, text};
use crate::error::{CatalogError, Result};

/// The name of the one memtable configuration that a node has without being told of others.
const DEFAULT_MEMTABLE: &str = "default";

/// All of them with their defaults.
pub(super) fn kept_defaults() -> BTreeMap<&'static str, PropertyValue> {
    BTreeMap::from([
        ("additional_write_policy", string_value("99p")),
        ("allow_auto_snapshot", boolean_value(true)),
        ("caching", caching_value("ALL".to_owned(), "NONE".to_owned())),
        ("cdc", boolean_value(false)),
        ("comment", string_value("")),
        ("extensions", PropertyValue::Map(Vec::new())),
        ("incremental_backups", boolean_value(true)),
        ("max_index_interval", number_value("2048".to_owned())),
        ("memtable", string_value(DEFAULT_MEMTABLE)),
        ("min_index_interval", number_value("128".to_owned())),
        ("read_repair", string_value("BLOCKING")),
        ("speculative_retry", string_value("99p")),
    ])
}

pub(super) fn any_text(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    text(name, value).map(string_value)
}

pub(super) fn any_boolean(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    boolean(name, value).map(boolean_value)
}

/// `MemtableParams.get`: what `cassandra.yaml` configures has a name, and nothing else.
pub(super) fn check_memtable(configuration: &PropertyValue) -> Result<()> {
    match configuration {
        PropertyValue::Literal(name) if name.raw_text() != DEFAULT_MEMTABLE => {
            let name = name.raw_text();
            Err(CatalogError::configuration(format!("Memtable configuration \"{name}\" not found.")))
        }
        _ => Ok(()),
    }
}

pub(super) fn read_repair(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let text = text(name, value)?.to_ascii_uppercase();
    match text.as_str() {
        "NONE" | "BLOCKING" => Ok(string_value(text)),
        _ => Err(CatalogError::invalid(format!(
            "Invalid value {text} for option '{name}': expected NONE or BLOCKING"
        ))),
    }
}

/// `CachingParams.fromMap`.
pub(super) fn caching(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let mut map = map_of(name, value)?;
    let mut taken = |option| map.remove(option).unwrap_or_else(|| "NONE".to_owned());
    let (keys, rows) = (taken("keys"), taken("rows_per_partition"));
    let word = |text: &str| Some(text.to_ascii_uppercase()).filter(|text| text == "ALL" || text == "NONE");
    let Some(keys) = word(&keys) else {
        return Err(CatalogError::configuration(format!(
            "Invalid value '{keys}' for caching sub-option 'keys': only 'ALL' and 'NONE' are allowed"
        )));
    };
    let number = rows.parse::<i32>().ok().filter(|_| rows.bytes().all(|byte| byte.is_ascii_digit()));
    let rows = match (word(&rows), number) {
        (Some(word), _) => word,
        (None, Some(0)) => "NONE".to_owned(),
        (None, Some(i32::MAX)) => "ALL".to_owned(),
        (None, Some(count)) => count.to_string(),
        (None, None) => {
            return Err(CatalogError::configuration(format!(
                "Invalid value '{rows}' for caching sub-option 'rows_per_partition': only 'ALL', 'NONE', and \
                 integer values are allowed"
            )));
        }
    };
    if !map.is_empty() {
        let unknown = map.into_keys().collect::<Vec<_>>().join(", ");
        return Err(CatalogError::configuration(format!(
            "Invalid caching sub-options [{unknown}]: only 'keys' and 'rows_per_partition' are allowed"
        )));
    }
    Ok(caching_value(keys, rows))
}

fn caching_value(keys: String, rows: String) -> PropertyValue {
    literal_map([("keys".to_owned(), keys), ("rows_per_partition".to_owned(), rows)])
}

/// `SpeculativeRetryPolicy.fromString`: `ALWAYS`, `NEVER`, `99p`, `50ms`, `MIN(99p,50ms)`,
/// `MAX(…)`. Where Cassandra refuses one, it names the option for reads, also for that of writes.
pub(super) fn retry(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let given = text(name, value)?;
    Ok(string_value(RetryPolicy::read(&given)?.to_string()))
}

/// When a request is sent to one more replica.
#[derive(Clone, Copy, Debug, PartialEq)]
enum RetryPolicy {
    Always,
    Never,
    Percentile(f64),
    FixedMillis(i32),
    Hybrid { function: &'static str, percentile: f64, millis: i32 },
}

impl RetryPolicy {
    fn read(text: &str) -> Result<Self> {
        let folded = text.to_ascii_lowercase();
        match folded.as_str() {
            "always" => return Ok(Self::Always),
            "never" | "none" => return Ok(Self::Never),
            _ => {}
        }
        let invalid =
            || CatalogError::configuration(format!("Invalid value {text} for option 'speculative_retry'"));
        let is_number =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percentile = folded.strip_suffix("percentile").or_else(|| folded.strip_suffix('p'));
        if let Some(number) = percentile.filter(is_number) {
            let number: f64 = number.parse().ok().ok_or_else(invalid)?;
            return if number > 0.0 && number < 100.0 {
                Ok(Self::Percentile(number))
            } else {
                Err(CatalogError::configuration(format!(
                    "Invalid value {text} for PERCENTILE option 'speculative_retry': must be between (0.0 and 100.0)"
                )))
            };
        }
        if let Some(number) = folded.strip_suffix("ms").filter(is_number) {
            let number: f64 = number.parse().ok().ok_or_else(invalid)?;
            #[expect(clippy::cast_possible_truncation, reason = "Java's conversion saturates too")]
            return Ok(Self::FixedMillis(number as i32));
        }
        Self::hybrid(text, &folded).unwrap_or_else(|| Err(invalid()))
    }

    /// The smaller or the larger of two, which must be of different kinds.
    fn hybrid(text: &str, folded: &str) -> Option<Result<Self>> {
        let function = ["min", "max"].into_iter().find(|function| folded.starts_with(function))?;
        let arguments = folded.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')')?;
        let (first, second) = arguments.split_once(',')?;
        let function = if function == "min" { "MIN" } else { "MAX" };
        let invalid = |why: &str| {
            Some(Err(CatalogError::configuration(format!(
                "Invalid value {text} for option 'speculative_retry'{why}"
            ))))
        };
        let alike = |kind: &str| {
            invalid(&format!(
                ": MIN()/MAX() arguments should be of different types, but both are of type {kind}"
            ))
        };
        match (Self::read(first.trim_end()), Self::read(second.trim_start())) {
            (Ok(Self::Percentile(percentile)), Ok(Self::FixedMillis(millis)))
            | (Ok(Self::FixedMillis(millis)), Ok(Self::Percentile(percentile))) => {
                Some(Ok(Self::Hybrid { function, percentile, millis }))
            }
            (Ok(Self::Percentile(_)), Ok(Self::Percentile(_))) => alike("PERCENTILE"),
            (Ok(Self::FixedMillis(_)), Ok(Self::FixedMillis(_))) => alike("FIXED"),
            _ => invalid(""),
        }
    }
}

impl std::fmt::Display for RetryPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Four digits after the point at most, and none that say nothing.
        let percentile = |number: &f64| {
            let text = format!("{number:.4}");
            format!("{}p", text.trim_end_matches('0').trim_end_matches('.'))
        };
        match self {
            Self::Always => f.write_str("ALWAYS"),
            Self::Never => f.write_str("NEVER"),
            Self::Percentile(number) => f.write_str(&percentile(number)),
            Self::FixedMillis(number) => write!(f, "{number}ms"),
            Self::Hybrid { function, percentile: number, millis } => {
                write!(f, "{function}({},{millis}ms)", percentile(number))
            }
        }
    }
}
