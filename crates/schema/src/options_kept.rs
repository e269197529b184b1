//! Options that mean nothing to this release: checked as Cassandra checks them, kept, and written
//! back.

use std::collections::BTreeMap;

use helenus_cql_syntax::{Identifier, PropertyValue};

use super::extensions::extensions;
use super::options_values::{
    boolean, boolean_value, integer, literal_map, map_of, number_value, string_value, text,
};
use crate::error::{CatalogError, Result};

/// An option, and what its value may be.
pub(super) struct Kept {
    pub(super) name: &'static str,
    default: Default,
    /// Checks the value and returns its printed form.
    pub(super) check: fn(&Identifier, &PropertyValue) -> Result<PropertyValue>,
}

enum Default {
    Text(&'static str),
    Number(&'static str),
    Boolean(bool),
    Caching,
    Empty,
}

/// The options, sorted by name.
pub(super) const KEPT: [Kept; 12] = [
    Kept { name: "additional_write_policy", default: Default::Text("99p"), check: retry_policy },
    Kept { name: "allow_auto_snapshot", default: Default::Boolean(true), check: any_boolean },
    Kept { name: "caching", default: Default::Caching, check: caching },
    Kept { name: "cdc", default: Default::Boolean(false), check: any_boolean },
    Kept { name: "comment", default: Default::Text(""), check: any_text },
    Kept { name: "extensions", default: Default::Empty, check: extensions },
    Kept { name: "incremental_backups", default: Default::Boolean(true), check: any_boolean },
    Kept { name: "max_index_interval", default: Default::Number("2048"), check: interval },
    Kept { name: "memtable", default: Default::Text("default"), check: any_text },
    Kept { name: "min_index_interval", default: Default::Number("128"), check: interval },
    Kept { name: "read_repair", default: Default::Text("BLOCKING"), check: read_repair },
    Kept { name: "speculative_retry", default: Default::Text("99p"), check: retry_policy },
];

/// All of them with their defaults.
pub(super) fn kept_defaults() -> BTreeMap<&'static str, PropertyValue> {
    let value = |default: &Default| match default {
        Default::Text(text) => string_value(*text),
        Default::Number(number) => number_value((*number).to_owned()),
        Default::Boolean(value) => boolean_value(*value),
        Default::Caching => caching_value("ALL".to_owned(), "NONE".to_owned()),
        Default::Empty => PropertyValue::Map(Vec::new()),
    };
    KEPT.iter().map(|kept| (kept.name, value(&kept.default))).collect()
}

fn any_text(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    text(name, value).map(string_value)
}

fn any_boolean(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    boolean(name, value).map(boolean_value)
}

fn interval(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    integer(name, value, 1).map(|number| number_value(number.to_string()))
}

fn read_repair(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let text = text(name, value)?.to_ascii_uppercase();
    match text.as_str() {
        "NONE" | "BLOCKING" => Ok(string_value(text)),
        _ => Err(CatalogError::invalid(format!(
            "Invalid value {text} for option '{name}': expected NONE or BLOCKING"
        ))),
    }
}

/// `CachingParams.fromMap`.
fn caching(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let mut map = map_of(name, value)?;
    let keys = map.remove("keys").unwrap_or_else(|| "NONE".to_owned()).to_ascii_uppercase();
    if keys != "ALL" && keys != "NONE" {
        return Err(CatalogError::invalid(format!(
            "Invalid value '{keys}' for caching sub-option 'keys': only 'ALL' and 'NONE' are allowed"
        )));
    }
    let rows = map.remove("rows_per_partition").unwrap_or_else(|| "NONE".to_owned()).to_ascii_uppercase();
    let rows = match (rows.as_str(), rows.parse::<u32>()) {
        ("ALL" | "NONE", _) => rows,
        (_, Ok(0)) => "NONE".to_owned(),
        (_, Ok(count)) if i32::try_from(count).is_ok() => count.to_string(),
        _ => {
            return Err(CatalogError::invalid(format!(
                "Invalid value '{rows}' for caching sub-option 'rows_per_partition': only 'ALL', 'NONE', and \
                 integer values are allowed"
            )));
        }
    };
    if !map.is_empty() {
        let unknown = map.into_keys().collect::<Vec<_>>().join(", ");
        return Err(CatalogError::invalid(format!(
            "Invalid caching sub-options [{unknown}]: only 'keys' and 'rows_per_partition' are allowed"
        )));
    }
    Ok(caching_value(keys, rows))
}

fn caching_value(keys: String, rows: String) -> PropertyValue {
    literal_map([("keys".to_owned(), keys), ("rows_per_partition".to_owned(), rows)])
}

/// `SpeculativeRetryPolicy.fromString`: `ALWAYS`, `NEVER`, `99p`, `50ms`, `MIN(99p,50ms)`,
/// `MAX(…)`.
fn retry_policy(name: &Identifier, value: &PropertyValue) -> Result<PropertyValue> {
    let given = text(name, value)?;
    let invalid = || CatalogError::invalid(format!("Invalid value {given} for option '{name}'"));
    let policy = given.trim().to_ascii_lowercase();
    if policy == "always" || policy == "never" {
        return Ok(string_value(policy.to_ascii_uppercase()));
    }
    if simple_policy(&policy).is_some() {
        return Ok(string_value(policy));
    }
    let function =
        ["min", "max"].into_iter().find(|function| policy.starts_with(function)).ok_or_else(invalid)?;
    let arguments = policy.strip_prefix(function).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
    let (first, second) = arguments.and_then(|text| text.split_once(',')).ok_or_else(invalid)?;
    let (first, second) = (first.trim(), second.trim());
    match (simple_policy(first), simple_policy(second)) {
        (Some(a), Some(b)) if a != b => {
            Ok(string_value(format!("{}({first},{second})", function.to_ascii_uppercase())))
        }
        _ => Err(invalid()),
    }
}

#[derive(PartialEq)]
enum SimplePolicy {
    Percentile,
    Millis,
}

fn simple_policy(text: &str) -> Option<SimplePolicy> {
    if let Some(number) = text.strip_suffix("percentile").or_else(|| text.strip_suffix('p')) {
        let number: f64 = number.parse().ok()?;
        return (number > 0.0 && number < 100.0).then_some(SimplePolicy::Percentile);
    }
    let number: f64 = text.strip_suffix("ms")?.parse().ok()?;
    (number >= 0.0).then_some(SimplePolicy::Millis)
}
