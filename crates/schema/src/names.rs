//! Names that become names of directories and files.

use helenus_cql_syntax::{Identifier, QualifiedName};

use crate::error::{CatalogError, CatalogErrorKind, Result};

/// The longest name of a table, in characters: with `-`, an identity and the suffixes of temporary
/// files, names of directories stay within 255 bytes.
pub(super) const MAX_NAME_CHARS: usize = 222;

/// The longest name that Cassandra gives a keyspace.
pub(super) const MAX_KEYSPACE_CHARS: usize = 48;

/// Keyspaces that belong to Cassandra itself.
const SYSTEM_KEYSPACES: [&str; 7] = [
    "system",
    "system_auth",
    "system_distributed",
    "system_schema",
    "system_traces",
    "system_views",
    "system_virtual_schema",
];

/// Cassandra's keyspaces that every node has for itself: the others can be replicated otherwise.
const LOCAL_KEYSPACES: [&str; 4] = ["system", "system_schema", "system_views", "system_virtual_schema"];

/// Refuses a name of a keyspace that is not made of letters, digits and underscores, up to `most`
/// of them.
pub(super) fn check_keyspace_name(name: &str, most: usize) -> Result<()> {
    if name.is_empty() {
        return Err(no_identifier());
    }
    if !is_word(name) {
        return Err(CatalogError::invalid(format!(
            "Keyspace name must not be empty and must contain alphanumeric or underscore characters only (got \"{}\")",
            shown(name)
        )));
    }
    if name.len() > most {
        return Err(CatalogError::invalid(format!(
            "Keyspace name must not be more than {most} characters long (got {} characters for \"{name}\")",
            name.len()
        )));
    }
    Ok(())
}

/// Refuses a name of a table or view that is not made of 1 to 222 letters, digits and underscores
/// (`TableMetadata.validate`).
pub(super) fn check_table_name(keyspace: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(no_identifier());
    }
    let refused = |text: String| {
        Err(CatalogError::configuration(format!("{keyspace}.{}: Table name must not be {text}", shown(name))))
    };
    if !is_word(name) {
        return refused(format!(
            "empty or not contain non-alphanumeric-underscore characters (got \"{}\")",
            shown(name)
        ));
    }
    if name.len() > MAX_NAME_CHARS {
        return refused(format!(
            "more than {MAX_NAME_CHARS} characters long (got {} characters for \"{name}\")",
            name.len()
        ));
    }
    Ok(())
}

/// Refuses the empty name of a column, for which CQL has no word.
pub(super) fn check_column_name(name: &str) -> Result<()> {
    if name.is_empty() { Err(no_identifier()) } else { Ok(()) }
}

fn no_identifier() -> CatalogError {
    CatalogError::syntax("an empty name, \"\", is no identifier")
}

/// Whether a name is made of letters, digits and underscores
/// (`SchemaConstants.PATTERN_WORD_CHARS`).
pub(super) fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name as a message shows it, which may be one of control characters.
fn shown(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Whether a keyspace is Cassandra's own.
pub fn is_system_keyspace(keyspace: &str) -> bool {
    SYSTEM_KEYSPACES.iter().any(|system| system.eq_ignore_ascii_case(keyspace))
}

/// Refuses to make a keyspace of Cassandra's, or what a node checks after who may do what.
pub(super) fn check_not_system(keyspace: &str) -> Result<()> {
    if is_system_keyspace(keyspace) {
        return Err(CatalogError::invalid(format!("System keyspace '{keyspace}' is not user-modifiable")));
    }
    Ok(())
}

/// Refuses to change the keyspaces of Cassandra itself
/// (`ClientState.preventSystemKSSchemaModification`).
pub(super) fn check_modifiable(keyspace: &str) -> Result<()> {
    if LOCAL_KEYSPACES.iter().any(|local| local.eq_ignore_ascii_case(keyspace)) {
        let text = format!("{keyspace} keyspace is not user-modifiable.");
        return Err(CatalogError::new(CatalogErrorKind::Unauthorized, text));
    }
    check_not_system(keyspace)
}

/// The name with the keyspace that it has or is in.
pub(super) fn qualified(keyspace: &str, name: &str) -> QualifiedName {
    QualifiedName::qualified(Identifier::exact(keyspace), Identifier::exact(name))
}
