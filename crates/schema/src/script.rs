//! A whole schema from text.

use helenus_cql_syntax::{Spanned, Statement, parse_statements};
use helenus_types::{TableId, Timestamp, Type, murmur3};
use uuid::Builder;

use super::apply::{Applier, HeaderTypes};
use super::catalog::Catalog;
use super::rules::SchemaRules;
use crate::error::{CatalogError, CatalogErrorKind, Result};

/// A catalog that was read from a file of another program.
#[derive(Clone, Debug)]
pub struct LoadedSchema {
    /// The catalog that the file defines.
    pub catalog: Catalog,
    /// Parts that were left out or act differently, in words.
    pub warnings: Vec<String>,
}

impl Catalog {
    /// The schema that statements define, as [`Catalog::to_cql`] and `DESCRIBE … WITH INTERNALS`
    /// print them. A table without `ID` gets one that depends on its name alone.
    ///
    /// # Errors
    /// Where the text is not CQL, or says what Cassandra refuses; with the line of the statement.
    pub fn parse(text: &str) -> Result<Self> {
        read(text, None).map(|loaded| loaded.catalog)
    }

    /// The same for a file of another program, such as a snapshot's `schema.cql`: a keyspace that
    /// it doesn't create is made with defaults, a user type that it doesn't define comes from
    /// `header_types` (keyspace, name), which knows the SSTables' headers; options that Cassandra
    /// doesn't have are left out with a warning.
    ///
    /// # Errors
    /// As [`Catalog::parse`].
    pub fn parse_lenient(
        text: &str,
        header_types: &dyn Fn(&str, &str) -> Option<Type>,
    ) -> Result<LoadedSchema> {
        read(text, Some(header_types))
    }

    /// Adds what another such text defines, all of it or, where it is wrong, nothing; returns
    /// warnings.
    ///
    /// # Errors
    /// As [`Catalog::parse`].
    pub fn extend_lenient(
        &mut self,
        text: &str,
        header_types: &dyn Fn(&str, &str) -> Option<Type>,
    ) -> Result<Vec<String>> {
        let mut extended = self.clone();
        let warnings = extend(&mut extended, text, Some(header_types))?;
        *self = extended;
        Ok(warnings)
    }

    /// The same for statements, of which no user type may be missing.
    ///
    /// # Errors
    /// What Cassandra refuses.
    pub fn extend_with(&mut self, statements: &[Statement]) -> Result<Vec<String>> {
        let mut extended = self.clone();
        let warnings = carry_out(&mut extended, statements, Some(&|_, _| None));
        let warnings = warnings.map_err(|(_, error)| error)?;
        *self = extended;
        Ok(warnings)
    }
}

fn read(text: &str, lenient: Option<HeaderTypes<'_>>) -> Result<LoadedSchema> {
    let mut catalog = Catalog::default();
    let warnings = extend(&mut catalog, text, lenient)?;
    Ok(LoadedSchema { catalog, warnings })
}

fn extend(catalog: &mut Catalog, text: &str, lenient: Option<HeaderTypes<'_>>) -> Result<Vec<String>> {
    let statements =
        parse_statements(text).map_err(|error| CatalogError::with(CatalogErrorKind::Syntax, error))?;
    let nodes = statements.iter().map(|statement| &statement.node);
    carry_out(catalog, nodes, lenient).map_err(|(at, error)| match statements.get(at) {
        Some(statement) => at_statement(error, text, statement),
        None => error,
    })
}

/// Carries the statements out; returns warnings, or the error and which statement it is about.
fn carry_out<'a>(
    catalog: &mut Catalog,
    statements: impl IntoIterator<Item = &'a Statement>,
    lenient: Option<HeaderTypes<'_>>,
) -> std::result::Result<Vec<String>, (usize, CatalogError)> {
    let mut applier = Applier {
        catalog,
        default_keyspace: None,
        // A drop without a time, which no program prints, hides everything written.
        now: Timestamp::MAX,
        new_id: &mut id_of_name,
        lenient,
        reading: true,
        rules: SchemaRules { views_enabled: true, ..SchemaRules::default() },
        changes: Vec::new(),
        warnings: Vec::new(),
    };
    for (at, statement) in statements.into_iter().enumerate() {
        applier.statement(statement).map_err(|error| (at, error))?;
        applier.changes.clear();
    }
    Ok(applier.warnings.iter().map(ToString::to_string).collect())
}

fn at_statement(error: CatalogError, text: &str, statement: &Spanned<Statement>) -> CatalogError {
    let before = text.get(..statement.span.start).unwrap_or_default();
    error.context(format_args!("line {}", 1 + before.matches('\n').count()))
}

/// The identity of a table whose file has none.
fn id_of_name(keyspace: &str, table: &str) -> TableId {
    let [high, low] = murmur3(format!("{keyspace}.{table}").as_bytes());
    let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    TableId(Builder::from_custom_bytes(bytes).into_uuid())
}
