//! Names of partitions and counts of things in reports.

use std::fmt;

use helenus_sstable::push_key_text;
use helenus_types::{Hex, Type};

/// A partition, for people: its key as `sstabledump` and `sstablepartitions` print it, with its
/// bytes; the bytes alone where the key's type is not known.
pub(crate) struct KeyName<'a> {
    pub(crate) key_type: Option<&'a Type>,
    pub(crate) key: &'a [u8],
}

impl KeyName<'_> {
    /// The text of the key, if its type is known.
    pub(crate) fn text(&self) -> Option<String> {
        self.key_type.map(|key_type| {
            let mut text = String::new();
            push_key_text(key_type, self.key, &mut text);
            text
        })
    }
}

impl fmt::Display for KeyName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "'{text}' (0x{})", Hex(self.key)),
            None => write!(f, "0x{}", Hex(self.key)),
        }
    }
}

/// A number of things, `one` of which is called so: `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}
