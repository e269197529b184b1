//! Values as text: JSON, CQL literals, the fields of CSV files.

mod identifier;
mod java_float;
mod json;
mod json_writer;
mod number;
mod parse;
mod parse_json;
mod print;
mod visit;

pub use identifier::{is_reserved, push_identifier};
pub(crate) use java_float::{push_double, push_float};
pub use json::{escape_json, push_json_key, push_json_name};
pub use json_writer::{JsonObject, push_json_list, push_json_string};
pub use number::{push_number, push_unsigned};
pub use parse_json::JsonMembers;
pub use visit::ValueSink;

/// Appends a text between quotes, those inside doubled.
pub(crate) fn push_quoted(text: &str, quote: char, out: &mut String) {
    for part in text.split(quote) {
        out.push(quote);
        out.push_str(part);
        out.push(quote);
    }
}
