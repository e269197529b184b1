//! Values of options: from the tree and back (`PropertyDefinitions`). What is no value of an
//! option's type is a syntax error to Cassandra.

use std::collections::BTreeMap;

use helenus_cql_syntax::{Identifier, Literal, PropertyValue};

use crate::error::{CatalogError, Result};

/// Where options stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionSource {
    /// In a statement that is executed now.
    Statement,
    /// In the text of a schema, which another release or node may have written.
    Text,
}

/// The text of a value that isn't a map; quotes make no difference.
pub(super) fn text(name: &Identifier, value: &PropertyValue) -> Result<String> {
    match value {
        PropertyValue::Literal(literal) => Ok(literal.raw_text().into_owned()),
        PropertyValue::Word(word) => Ok(word.as_str().to_owned()),
        PropertyValue::Map(_) => {
            Err(CatalogError::syntax(format!("Invalid value for property '{name}'. It should be a string")))
        }
    }
}

/// The texts of a map.
pub(super) fn map_of(name: &Identifier, value: &PropertyValue) -> Result<BTreeMap<String, String>> {
    let PropertyValue::Map(entries) = value else {
        return Err(CatalogError::syntax(format!(
            "Invalid value for property '{name}'. It should be a map."
        )));
    };
    let texts =
        |(key, value): &(Literal, Literal)| (key.raw_text().into_owned(), value.raw_text().into_owned());
    Ok(entries.iter().map(texts).collect())
}

/// A whole number of 32 bits.
pub(super) fn integer(name: &Identifier, value: &PropertyValue) -> Result<i32> {
    let text = text(name, value)?;
    let number = text.parse().ok();
    number.ok_or_else(|| CatalogError::syntax(format!("Invalid integer value {text} for '{name}'")))
}

pub(super) fn float(name: &Identifier, value: &PropertyValue) -> Result<f64> {
    let text = text(name, value)?;
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(CatalogError::syntax(format!("Invalid double value {text} for '{name}'"))),
    }
}

pub(super) fn boolean(name: &Identifier, value: &PropertyValue) -> Result<bool> {
    let text = text(name, value)?;
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(CatalogError::syntax(format!(
            "Invalid boolean value {text} for '{name}'. Positive values can be '1', 'true' or 'yes'. \
             Negative values can be '0', 'false' or 'no'."
        ))),
    }
}

pub(super) fn unknown_property(name: &str) -> CatalogError {
    CatalogError::syntax(format!("Unknown property '{name}'"))
}

pub(super) fn string_value(text: impl Into<String>) -> PropertyValue {
    PropertyValue::Literal(Literal::String(text.into()))
}

pub(super) fn boolean_value(value: bool) -> PropertyValue {
    PropertyValue::Literal(Literal::Boolean(value))
}

/// A number with the spelling of the statement.
pub(super) fn number_value(text: String) -> PropertyValue {
    let whole = text.bytes().all(|byte| byte.is_ascii_digit());
    PropertyValue::Literal(if whole { Literal::Integer(text) } else { Literal::Float(text) })
}

/// A map whose keys and values are strings.
pub(super) fn literal_map(entries: impl IntoIterator<Item = (String, String)>) -> PropertyValue {
    let strings = |(key, value)| (Literal::String(key), Literal::String(value));
    PropertyValue::Map(entries.into_iter().map(strings).collect())
}
