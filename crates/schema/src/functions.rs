//! Functions and aggregates: kept as text where a whole schema is read, because Cassandra needs
//! them back.

use helenus_cql_syntax::{Identifier, QualifiedName, parse_qualified_name};

use super::apply::Applier;
use super::change::SchemaChange;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    /// A statement that the grammar knows by its first words only.
    pub(super) fn other(&mut self, text: &str) -> Result<()> {
        let Some(name) = created_function(text).filter(|_| self.reading) else {
            let words: Vec<_> = text.split_whitespace().take(2).collect();
            let text = format!("{} is not supported", words.join(" ").to_ascii_uppercase());
            return Err(CatalogError::new(CatalogErrorKind::Unsupported, text));
        };
        let keyspace = self.keyspace_of(&name)?;
        self.keyspace_for_new(&keyspace)?;
        self.catalog.keyspace_mut(&keyspace)?.functions.push(with_keyspace(text, &name, &keyspace));
        self.changes.push(SchemaChange::FunctionKept(keyspace));
        Ok(())
    }
}

/// The name in `CREATE [OR REPLACE] FUNCTION | AGGREGATE [IF NOT EXISTS] name (…`.
fn created_function(text: &str) -> Option<QualifiedName> {
    let (_, rest) = text.split_at_checked(name_offset(text)?)?;
    let (name, _) = rest.split_once('(')?;
    parse_qualified_name(name).ok()
}

/// Where the name begins.
fn name_offset(text: &str) -> Option<usize> {
    let mut rest = after_word(text, "create")?;
    if let Some(replace) = after_word(rest, "or") {
        rest = after_word(replace, "replace")?;
    }
    rest = after_word(rest, "function").or_else(|| after_word(rest, "aggregate"))?;
    if let Some(condition) = after_word(rest, "if") {
        rest = after_word(after_word(condition, "not")?, "exists")?;
    }
    Some(text.len() - rest.len())
}

/// The rest after a word and its blanks.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.split_once(|c: char| c.is_whitespace())?;
    first.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

/// The statement with the keyspace written out, so that it means the same without `USE`.
fn with_keyspace(text: &str, name: &QualifiedName, keyspace: &str) -> String {
    match name_offset(text).and_then(|offset| text.split_at_checked(offset)) {
        Some((before, after)) if name.keyspace.is_none() => {
            format!("{before}{}.{after}", Identifier::exact(keyspace))
        }
        _ => text.to_owned(),
    }
}
