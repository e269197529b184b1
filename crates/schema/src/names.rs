//! Names that become names of directories and files.

use helenus_cql_syntax::{Identifier, QualifiedName};

use crate::error::{CatalogError, Result};

/// The longest name of a keyspace or table, in characters: with `-`, an identity and the suffixes
/// of temporary files, names of directories stay within 255 bytes.
const MAX_NAME_CHARS: usize = 222;

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

/// Refuses a name that is not made of 1 to 222 letters, digits and underscores
/// (`SchemaConstants.isValidName`).
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.len() <= MAX_NAME_CHARS && name.bytes().all(word) {
        return Ok(());
    }
    Err(CatalogError::invalid(format!(
        "{what} name must not be empty, more than {MAX_NAME_CHARS} characters long, or contain \
         non-alphanumeric-underscore characters (got \"{}\")",
        name.escape_default()
    )))
}

/// Whether a keyspace is Cassandra's own.
pub fn is_system_keyspace(keyspace: &str) -> bool {
    SYSTEM_KEYSPACES.iter().any(|system| system.eq_ignore_ascii_case(keyspace))
}

/// Refuses the keyspaces of Cassandra itself.
pub(super) fn check_not_system(keyspace: &str) -> Result<()> {
    if is_system_keyspace(keyspace) {
        return Err(CatalogError::invalid(format!("System keyspace '{keyspace}' is not user-modifiable")));
    }
    Ok(())
}

/// The name with the keyspace that it has or is in.
pub(super) fn qualified(keyspace: &str, name: &str) -> QualifiedName {
    QualifiedName::qualified(Identifier::exact(keyspace), Identifier::exact(name))
}
