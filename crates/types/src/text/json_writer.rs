//! JSON objects of reports, member by member.

use std::fmt::{Display, Write};

use super::escape_json;

/// A JSON object that is being written: what reports consist of. (Values of columns are written by
/// [`Type::json`](crate::Type::json).)
///
/// ```
/// use helenus_types::{JsonObject, push_json_list};
///
/// let mut out = String::new();
/// let mut json = JsonObject::new(&mut out);
/// json.text("name", "a\"b");
/// json.value("rows", 7);
/// push_json_list(json.member("levels"), [0, 1], |level, out| out.push_str(&level.to_string()));
/// json.end();
/// assert_eq!(out, r#"{"name":"a\"b","rows":7,"levels":[0,1]}"#);
/// ```
#[derive(Debug)]
pub struct JsonObject<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> JsonObject<'a> {
    /// Begins an object at the end of `out`.
    #[must_use]
    pub fn new(out: &'a mut String) -> JsonObject<'a> {
        out.push('{');
        JsonObject { out, is_empty: true }
    }

    /// Ends it.
    pub fn end(self) {
        self.out.push('}');
    }

    /// Begins the next member; returns the text to which its value is appended.
    pub fn member(&mut self, name: &str) -> &mut String {
        self.out.push_str(if self.is_empty { "" } else { "," });
        self.is_empty = false;
        push_json_string(name, self.out);
        self.out.push(':');
        self.out
    }

    /// A member that is a text.
    pub fn text(&mut self, name: &str, text: &str) {
        push_json_string(text, self.member(name));
    }

    /// A member that is a number or a truth value.
    pub fn value(&mut self, name: &str, value: impl Display) {
        // Writing to a string doesn't fail.
        write!(self.member(name), "{value}").unwrap_or_default();
    }

    /// A member that is null.
    pub fn null(&mut self, name: &str) {
        self.member(name).push_str("null");
    }

    /// A member that is a number, a truth value or null.
    pub fn optional(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            None => self.null(name),
            Some(value) => self.value(name, value),
        }
    }
}

/// Appends an array; `item` appends one of its elements.
pub fn push_json_list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    item: impl Fn(T, &mut String),
) {
    out.push('[');
    for (index, value) in items.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        item(value, out);
    }
    out.push(']');
}

/// Appends a text as a JSON string.
pub fn push_json_string(text: &str, out: &mut String) {
    out.push('"');
    escape_json(text, out);
    out.push('"');
}
