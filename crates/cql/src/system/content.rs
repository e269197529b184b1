//! Rows of a table.

use helenus_types::Value;

/// Rows of a table: the values of some of its columns.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Content {
    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// The same with one more row.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        let row: Vec<_> = row.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "a value for each column");
        self.rows.push(row);
    }
}

/// A text.
pub(super) fn text(text: impl AsRef<str>) -> Value {
    Value::Text(text.as_ref().to_owned())
}

/// A list of texts.
pub(super) fn texts<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> Value {
    Value::List(all.into_iter().map(text).collect())
}

/// A map of texts, sorted by its keys.
pub(super) fn text_map(entries: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort();
    Value::Map(entries.into_iter().map(|(key, value)| (Value::Text(key), Value::Text(value))).collect())
}
