//! Extensions of tables (`TableParams.extensions`): blobs by name. Cassandra's CQL takes them and
//! doesn't act on them, so a setting of ours that stands there does no harm in cqlsh.

use helenus_cql_syntax::{Identifier, Literal, Property, PropertyValue};
use helenus_sstable::Version;

use super::options_values::{OptionSource, map_of};
use crate::error::{CatalogError, Result};

/// The version in which the table's SSTables are written: its letters, as a blob.
const SSTABLE_VERSION: &str = "helenus_sstable_version";

/// The map in its printed form, sorted by name: of a statement ours alone, as CQL sets no others.
/// The values are blobs, which are kept; our own may be text as well.
pub(super) fn extensions(
    name: &Identifier,
    value: &PropertyValue,
    origin: OptionSource,
) -> Result<PropertyValue> {
    map_of(name, value)?;
    let PropertyValue::Map(entries) = value else { return Ok(value.clone()) };
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let key = key.raw_text().into_owned();
        let value = match (key.as_str(), origin) {
            (SSTABLE_VERSION, _) => Literal::Blob(version_of(value)?.to_string().into_bytes()),
            (_, OptionSource::Statement) => continue,
            (_, OptionSource::Text) => value.clone(),
        };
        kept.push((Literal::String(key), value));
    }
    kept.sort_by_cached_key(|(key, _)| key.raw_text().into_owned());
    Ok(PropertyValue::Map(kept))
}

/// The extensions of a table after a statement that gives some: those of others stay.
pub(super) fn changed(before: &PropertyValue, given: PropertyValue) -> PropertyValue {
    let (PropertyValue::Map(before), PropertyValue::Map(given)) = (before, &given) else { return given };
    let is_kept = |key: &Literal| {
        let key = key.raw_text();
        key != SSTABLE_VERSION && !given.iter().any(|(other, _)| other.raw_text() == key)
    };
    let mut entries: Vec<_> = before.iter().filter(|(key, _)| is_kept(key)).cloned().collect();
    entries.extend(given.iter().cloned());
    entries.sort_by_cached_key(|(key, _)| key.raw_text().into_owned());
    PropertyValue::Map(entries)
}

/// The properties of a statement as they are stored, which is what they come to.
pub(super) fn as_stored(properties: &mut [Property]) {
    for Property { name, value } in properties.iter_mut().filter(|property| property.name == "extensions") {
        if let Ok(stored) = extensions(name, value, OptionSource::Statement) {
            *value = stored;
        }
    }
}

/// The version that they name.
pub(super) fn sstable_version(extensions: &PropertyValue) -> Result<Option<Version>> {
    let PropertyValue::Map(entries) = extensions else { return Ok(None) };
    let named = entries.iter().find(|(key, _)| key.raw_text() == SSTABLE_VERSION);
    named.map(|(_, value)| version_of(value)).transpose()
}

fn version_of(value: &Literal) -> Result<Version> {
    let letters = match value {
        Literal::Blob(bytes) => std::str::from_utf8(bytes).ok(),
        Literal::String(text) => Some(text.as_str()),
        _ => None,
    };
    letters.and_then(Version::writable).ok_or_else(|| {
        let possible: Vec<_> = Version::WRITABLE.into_iter().map(spelled).collect();
        CatalogError::configuration(format!(
            "Invalid value {value} for extension '{SSTABLE_VERSION}': expected one of {}",
            possible.join(", ")
        ))
    })
}

/// A version as a blob, and its letters.
fn spelled(version: Version) -> String {
    format!("{} ({version})", Literal::Blob(version.to_string().into_bytes()))
}
