//! `INSERT JSON`, `SELECT JSON` and `from_json` (`cql3/Json`).
//!
//! Values are made by [`Type::parse_json`]; what stands here is the object around them, and what
//! Cassandra says where a value is none of its type.

use std::collections::BTreeMap;

use helenus_types::{Scalar, Type, UserType};

use crate::error::{CqlError, CqlResult, refuse};
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// A value of JSON; numbers as they were written.
#[derive(Clone, Debug, PartialEq)]
enum JsonTree {
    Null,
    Boolean(bool),
    Number(String),
    String(String),
    Array(Vec<JsonTree>),
    /// Members in their order, each with its own text.
    Object(Vec<(String, JsonTree)>),
}

/// Why a text is no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonProblem {
    /// It isn't JSON.
    Malformed(String),
    /// It is a value of another type.
    Mismatch(String),
    /// It is a text that stands for no duration, which Cassandra says without a frame.
    Duration(String),
}

impl JsonProblem {
    /// What `from_json` says.
    pub(crate) fn in_function(&self, function: &str, text: &str) -> String {
        match self {
            Self::Malformed(problem) => format!(
                "execution of 'system.{function}[text]' failed: Could not decode JSON string '{text}': {problem}"
            ),
            Self::Mismatch(problem) | Self::Duration(problem) => {
                format!("org.apache.cassandra.serializers.MarshalException: {problem}")
            }
        }
    }
}

/// The serialized value of a type in JSON; none for `null`.
pub(crate) fn parse_value(ty: &Type, text: &str) -> Result<Option<Vec<u8>>, JsonProblem> {
    let (json, _rest) = parse(text).map_err(JsonProblem::Malformed)?;
    value_of(ty, &json).map_err(|problem| match (ty.base(), &json) {
        (Type::Duration, JsonTree::String(_)) => JsonProblem::Duration(problem),
        _ => JsonProblem::Mismatch(problem),
    })
}

/// A value with its explanation where it is none.
fn value_of(ty: &Type, json: &JsonTree) -> Result<Option<Vec<u8>>, String> {
    if *json == JsonTree::Null {
        return Ok(None);
    }
    check(ty, json)?;
    let mut text = String::new();
    print_json(json, &mut text);
    ty.parse_json(&text).map_err(|error| error.to_string())
}

/// The values of an `INSERT JSON`: of each column what the object gives, or what stands for
/// columns that it lacks.
pub(crate) fn columns(
    text: &str,
    columns: &[ColumnSpec],
    default: &BoundValue,
) -> CqlResult<Vec<BoundValue>> {
    let undecodable = |problem: &str| {
        refuse(format!("Could not decode JSON string as a map: {problem}. (String was: {text})"))
    };
    let members = match parse(text) {
        Err(problem) => return undecodable(&problem),
        Ok((JsonTree::Null, _)) => return refuse("Got null for INSERT JSON values"),
        Ok((JsonTree::Object(members), _)) => members,
        Ok((other, _)) => return undecodable(&no_map(&other)),
    };
    let mut by_name = by_column(members);
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        values.push(match by_name.remove(&*column.name) {
            None => default.clone(),
            Some(json) => value_of(&column.ty, &json).map(BoundValue::from).map_err(|problem| {
                let is_plain = matches!((column.ty.base(), &json), (Type::Duration, JsonTree::String(_)));
                let frame = if is_plain {
                    String::new()
                } else {
                    format!("Error decoding JSON value for {}: ", column.name)
                };
                CqlError::invalid(frame + &problem)
            })?,
        });
    }
    match by_name.keys().next() {
        Some(unknown) => refuse(format!("JSON values map contains unrecognized column: {unknown}")),
        None => Ok(values),
    }
}

/// Members by the names that their keys stand for. One that is renamed takes the place of another
/// that has the name; of two keys that are the same the last counts
/// (`JsonUtils.handleCaseSensitivity`).
fn by_column(members: Vec<(String, JsonTree)>) -> BTreeMap<String, JsonTree> {
    let mut keys = Vec::with_capacity(members.len());
    let mut by_key = BTreeMap::new();
    for (key, json) in members {
        if by_key.insert(key.clone(), json).is_none() {
            keys.push(key);
        }
    }
    for key in keys {
        let name = column_name(&key);
        if name != key
            && let Some(json) = by_key.remove(&key)
        {
            by_key.insert(name, json);
        }
    }
    by_key
}

/// The name that a key stands for: in lower case unless it has double quotes of its own.
fn column_name(key: &str) -> String {
    let quoted = key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or_else(|| key.to_lowercase(), str::to_owned)
}

/// Jackson's words for something else in place of an object.
fn no_map(json: &JsonTree) -> String {
    const MAP: &str = "`java.util.LinkedHashMap<java.lang.Object,java.lang.Object>`";
    const PLACE: &str =
        "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]";
    let name = "com.fasterxml.jackson.databind.exc.MismatchedInputException";
    let kind = match json {
        JsonTree::Array(_) => "Array value (token `JsonToken.START_ARRAY`)",
        JsonTree::Number(digits) if is_integer(digits) => {
            "Integer value (token `JsonToken.VALUE_NUMBER_INT`)"
        }
        JsonTree::Number(_) => "Floating-point value (token `JsonToken.VALUE_NUMBER_FLOAT`)",
        JsonTree::Boolean(true) => "Boolean value (token `JsonToken.VALUE_TRUE`)",
        JsonTree::Boolean(false) => "Boolean value (token `JsonToken.VALUE_FALSE`)",
        JsonTree::String(text) => {
            return format!(
                "{name}: Cannot construct instance of `java.util.LinkedHashMap` (although at least one Creator exists): \
                 no String-argument constructor/factory method to deserialize from String value ('{text}')\n {PLACE}"
            );
        }
        JsonTree::Null | JsonTree::Object(_) => "Object value",
    };
    format!("{name}: Cannot deserialize value of type {MAP} from {kind}\n {PLACE}")
}

/// How Java prints a number that is too large for a double.
const INFINITY: &str = "Infinity";

/// Whether a number is one without a fraction: of others Java makes doubles.
fn is_integer(digits: &str) -> bool {
    !digits.contains(['.', 'e', 'E']) && !digits.ends_with(INFINITY)
}

/// A number with a fraction or an exponent as the double that Java makes of it.
fn as_double(digits: &str) -> String {
    match digits.parse::<f64>() {
        Ok(number) if number.is_infinite() => {
            format!("{}{INFINITY}", if number < 0.0 { "-" } else { "" })
        }
        Ok(number) => {
            let mut text = String::new();
            Scalar::Double(number).push(&mut text);
            text
        }
        Err(_) => digits.to_owned(),
    }
}

/// Appends a value as JSON.
fn print_json(json: &JsonTree, out: &mut String) {
    match json {
        JsonTree::Null => out.push_str("null"),
        JsonTree::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        JsonTree::Number(digits) if digits.ends_with(INFINITY) => {
            helenus_types::push_json_string(digits, out)
        }
        JsonTree::Number(digits) => out.push_str(digits),
        JsonTree::String(text) => helenus_types::push_json_string(text, out),
        JsonTree::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                print_json(element, out);
            }
            out.push(']');
        }
        JsonTree::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                helenus_types::push_json_string(name, out);
                out.push_str(": ");
                print_json(value, out);
            }
            out.push('}');
        }
    }
}

/// The class that Java reads a value as, and its text.
fn java(json: &JsonTree) -> String {
    let class = match json {
        JsonTree::Null => "null",
        JsonTree::Boolean(_) => "Boolean",
        JsonTree::Number(digits) if !is_integer(digits) => "Double",
        JsonTree::Number(digits) if digits.parse::<i32>().is_ok() => "Integer",
        JsonTree::Number(digits) if digits.parse::<i64>().is_ok() => "Long",
        JsonTree::Number(_) => "BigInteger",
        JsonTree::String(_) => "String",
        JsonTree::Array(_) => "ArrayList",
        JsonTree::Object(_) => "LinkedHashMap",
    };
    format!("{class}: {}", java_text(json))
}

/// The full name of the class that Java reads a value as.
fn java_class(json: &JsonTree) -> String {
    let of = java(json);
    let class = of.split(':').next().unwrap_or_default();
    let package = match class {
        "BigInteger" => "math",
        "ArrayList" | "LinkedHashMap" => "util",
        _ => "lang",
    };
    format!("java.{package}.{class}")
}

fn java_text(json: &JsonTree) -> String {
    match json {
        JsonTree::Null => "null".to_owned(),
        JsonTree::Boolean(value) => value.to_string(),
        JsonTree::Number(text) | JsonTree::String(text) => text.clone(),
        JsonTree::Array(elements) => {
            format!("[{}]", elements.iter().map(java_text).collect::<Vec<_>>().join(", "))
        }
        JsonTree::Object(members) => {
            let each = members.iter().map(|(name, value)| format!("{name}={}", java_text(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Refuses a value that is none of the type (`AbstractType.fromJSONObject`).
fn check(ty: &Type, json: &JsonTree) -> Result<(), String> {
    match (ty.base(), json) {
        (ty, JsonTree::String(text)) if ty.has_elements() => {
            let (inner, _) = parse(text).map_err(|problem| {
                let detail = problem.split_once(": ").map_or(&*problem, |(_, detail)| detail);
                format!("Error decoding JSON string: {detail}")
            })?;
            check(ty, &inner)
        }
        (Type::List { element, .. }, JsonTree::Array(elements)) => check_elements(element, elements, "list"),
        (Type::Set { element, .. }, JsonTree::Array(elements)) => check_elements(element, elements, "set"),
        (Type::List { .. } | Type::Vector { .. }, other) if !matches!(other, JsonTree::Array(_)) => {
            Err(format!("Expected a list, but got a {}", java(other)))
        }
        (Type::Set { .. }, other) => {
            Err(format!("Expected a list (representing a set), but got a {}", java(other)))
        }
        (Type::Vector { element, dimension }, JsonTree::Array(elements)) => {
            if u32::try_from(elements.len()) != Ok(*dimension) {
                return Err(format!(
                    "List had incorrect size: expected {dimension} but given {}; {}",
                    elements.len(),
                    java_text(json)
                ));
            }
            check_elements(element, elements, "vector")
        }
        (Type::Map { entry, .. }, JsonTree::Object(members)) => {
            for (key, value) in members {
                if *value == JsonTree::Null {
                    return Err("Invalid null value in map".to_owned());
                }
                check(&entry.0, &JsonTree::String(key.clone()))?;
                check(&entry.1, value)?;
            }
            Ok(())
        }
        (Type::Udt { definition, .. }, JsonTree::Object(members)) => check_fields(definition, members),
        (Type::Map { .. } | Type::Udt { .. }, other) => {
            Err(format!("Expected a map, but got a {}", java(other)))
        }
        (Type::Tuple(fields), JsonTree::Array(elements)) => {
            let many = if elements.len() > fields.len() {
                "contains extra items"
            } else if elements.len() < fields.len() {
                "is missing items"
            } else {
                let mut each = fields.iter().zip(elements).filter(|(_, json)| **json != JsonTree::Null);
                return each.try_for_each(|(ty, json)| check(ty, json));
            };
            Err(format!("Tuple {many} (expected {}): {}", fields.len(), java_text(json)))
        }
        (Type::Tuple(_), other) => {
            Err(format!("Expected a list representation of a tuple, but got a {}", java(other)))
        }
        (ty, json) => check_scalar(ty, json),
    }
}

fn check_elements(ty: &Type, elements: &[JsonTree], kind: &str) -> Result<(), String> {
    elements.iter().try_for_each(|element| match element {
        JsonTree::Null => Err(format!("Invalid null element in {kind}")),
        element => check(ty, element),
    })
}

fn check_fields(definition: &UserType, members: &[(String, JsonTree)]) -> Result<(), String> {
    let mut left = by_column(members.to_vec());
    for (field, ty) in &definition.fields {
        if let Some(json) = left.remove(field.as_str()).filter(|json| *json != JsonTree::Null) {
            check(ty, &json)?;
        }
    }
    left.keys().next().map_or(Ok(()), |unknown| {
        Err(format!("Unknown field '{unknown}' in value of user defined type {}", definition.name))
    })
}

/// The words for values of a type in JSON: what was expected of other values, what is said of a
/// string or a number that is none.
fn check_scalar(ty: &Type, json: &JsonTree) -> Result<(), String> {
    let expected = |what: &str| Err(format!("Expected {what}, but got a {}", java(json)));
    let mut text = String::new();
    print_json(json, &mut text);
    let is_value = ty.parse_json(&text).is_ok();
    let numbers = |what: &str, name: &str| match json {
        _ if is_value && !matches!(json, JsonTree::Number(digits) if !is_integer(digits)) => Ok(()),
        JsonTree::String(text) => Err(format!("Unable to make {name} from '{text}'")),
        other => Err(format!("Expected {what} value, but got a {}", java(other))),
    };
    let short = |name: &str| match json {
        _ if is_value => Ok(()),
        JsonTree::String(_) | JsonTree::Number(_) => {
            Err(format!("Unable to make {name} from '{}'", java_text(json)))
        }
        other => Err(format!("Expected a {name} value, but got a {}", java(other))),
    };
    let big = |name: &str| {
        // Of both only a decimal may be an empty string.
        if is_value && (*ty == Type::Decimal || *json != JsonTree::String(String::new())) {
            Ok(())
        } else {
            Err(format!("Value '{}' is not a valid representation of a {name} value", java_text(json)))
        }
    };
    let floating = |name: &str| match json {
        _ if is_value => Ok(()),
        JsonTree::String(text) => Err(format!("Unable to make {name} from '{text}'")),
        other => Err(format!("Expected a {name} value, but got a {}", java(other))),
    };
    match ty {
        Type::Int => numbers("an int", "int"),
        Type::BigInt | Type::Counter => numbers("a bigint", "long"),
        Type::SmallInt => short("short"),
        Type::TinyInt => short("byte"),
        Type::Float => floating("float"),
        Type::Double => floating("double"),
        Type::Decimal => big("decimal"),
        Type::Varint => big("varint"),
        Type::Boolean => match json {
            _ if is_value => Ok(()),
            JsonTree::String(text) => Err(format!("Unable to make boolean from '{text}'")),
            _ => expected("a boolean value"),
        },
        Type::Timestamp => match json {
            JsonTree::Number(digits) if is_integer(digits) && is_value => Ok(()),
            JsonTree::String(_) if is_value => Ok(()),
            JsonTree::String(text) => Err(format!("Unable to parse a date/time from '{text}'")),
            _ => expected("a long or a datestring representation of a timestamp value"),
        },
        _ => check_string(ty, json, is_value),
    }
}

/// The words for values that are strings in JSON.
fn check_string(ty: &Type, json: &JsonTree, is_value: bool) -> Result<(), String> {
    let string = |what: &str, otherwise: &dyn Fn(&str) -> String| match json {
        JsonTree::String(_) if is_value => Ok(()),
        JsonTree::String(text) => Err(otherwise(text)),
        _ => Err(format!("Expected {what}, but got a {}", java(json))),
    };
    match ty {
        Type::Text | Type::Ascii => {
            let what = if *ty == Type::Text { "a UTF-8 string" } else { "an ASCII string" };
            string(what, &|text| {
                let first = text.chars().find(|char| !char.is_ascii()).map_or(0, char::len_utf16);
                format!(
                    "Invalid ASCII character in string literal: java.nio.charset.UnmappableCharacterException: Input \
                     length = {first}"
                )
            })
        }
        Type::Uuid => {
            string("a string representation of a uuid", &|text| format!("Unable to make UUID from '{text}'"))
        }
        Type::TimeUuid => string("a string representation of a timeuuid", &|text| {
            let mut quoted = String::new();
            helenus_types::push_json_string(text, &mut quoted);
            if Type::Uuid.parse_json(&quoted).is_ok() {
                "TimeUUID supports only version 1 UUIDs".to_owned()
            } else {
                format!("Unknown timeuuid representation: {text}")
            }
        }),
        Type::Inet => string("a string representation of an inet value", &|text| {
            format!("Unable to make inet address from '{text}'")
        }),
        Type::Date => string("a string representation of a date value", &|text| {
            format!("Unable to coerce '{text}' to a formatted date (long)")
        }),
        Type::Time => string("a string representation of a time value", &|text| {
            format!("(TimeType) Unable to coerce '{text}' to a formatted time (long)")
        }),
        Type::Duration => string("a string representation of a duration", &|text| {
            format!("Unable to convert '{text}' to a duration")
        }),
        _ => match json {
            _ if is_value => Ok(()),
            JsonTree::String(text) if text.starts_with("0x") => Err(format!(
                "Value '{text}' is not a valid blob representation: cannot parse '{}' as hex bytes",
                text.strip_prefix("0x").unwrap_or_default()
            )),
            JsonTree::String(text) => Err(format!(
                "Value '{text}' is not a valid blob representation: String representation of blob is missing 0x \
                 prefix: {text}"
            )),
            other => {
                let class = java_class(other);
                Err(format!(
                    "Value '{}' is not a valid blob representation: class {class} cannot be cast to class \
                     java.lang.String ({class} and java.lang.String are in module java.base of loader 'bootstrap')",
                    java_text(other)
                ))
            }
        },
    }
}

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 1000;

/// The value at the beginning of a text, and the text behind it, which Cassandra doesn't look at.
fn parse(text: &str) -> Result<(JsonTree, &str), String> {
    let mut parser = TreeReader { rest: text.trim_start_matches(is_blank), depth: 0 };
    if parser.rest.is_empty() {
        return Err("com.fasterxml.jackson.databind.exc.MismatchedInputException: No content to map due to \
                    end-of-input\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
                    line: 1]"
            .to_owned());
    }
    let json = parser.value()?;
    Ok((json, parser.rest))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

struct TreeReader<'a> {
    rest: &'a str,
    depth: usize,
}

fn malformed(problem: &str) -> String {
    format!(
        "com.fasterxml.jackson.core.JsonParseException: {problem}\n at [Source: REDACTED \
         (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
    )
}

fn ended(kind: &str) -> String {
    let place =
        "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]";
    format!(
        "com.fasterxml.jackson.core.io.JsonEOFException: Unexpected end-of-input: expected close marker for {kind} \
         (start marker at {place})\n at {place}"
    )
}

fn unexpected(found: char, expected: &str) -> String {
    malformed(&format!(
        "Unexpected character ('{found}' (code {})): was expecting {expected}",
        u32::from(found)
    ))
}

impl TreeReader<'_> {
    fn skip_blanks(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(is_blank);
        self.rest.chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Result<JsonTree, String> {
        match self.skip_blanks() {
            None => Err(ended("Root")),
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some('"') => self.string().map(JsonTree::String),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            Some(c) if c.is_alphanumeric() || c == '_' => self.word(),
            Some(c) => Err(unexpected(
                c,
                "a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            )),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<JsonTree, String>) -> Result<JsonTree, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("Document nesting depth exceeds the maximum allowed (1000)"));
        }
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
        let json = read(self)?;
        self.depth -= 1;
        Ok(json)
    }

    fn object(&mut self) -> Result<JsonTree, String> {
        let mut members = Vec::new();
        if self.eat('}') {
            return Ok(JsonTree::Object(members));
        }
        loop {
            match self.skip_blanks() {
                None => return Err(ended("Object")),
                Some('"') => {}
                Some(c) => return Err(unexpected(c, "double-quote to start field name")),
            }
            let name = self.string()?;
            match self.skip_blanks() {
                None => return Err(ended("Object")),
                Some(':') => self.eat(':'),
                Some(c) => return Err(unexpected(c, "a colon to separate field name and value")),
            };
            members.push((name, self.value()?));
            if self.eat('}') {
                return Ok(JsonTree::Object(members));
            }
            match self.skip_blanks() {
                None => return Err(ended("Object")),
                Some(',') => self.eat(','),
                Some(c) => return Err(unexpected(c, "comma to separate Object entries")),
            };
        }
    }

    fn array(&mut self) -> Result<JsonTree, String> {
        let mut elements = Vec::new();
        if self.eat(']') {
            return Ok(JsonTree::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.eat(']') {
                return Ok(JsonTree::Array(elements));
            }
            match self.skip_blanks() {
                None => return Err(ended("Array")),
                Some(',') => self.eat(','),
                Some(c) => return Err(unexpected(c, "comma to separate Array entries")),
            };
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let mut chars = self.rest.chars();
        chars.next();
        let mut text = String::new();
        loop {
            let Some(c) = chars.next() else {
                return Err(
                    ended("String").replace("close marker for String", "closing quote for a string value")
                );
            };
            match c {
                '"' => break,
                '\\' => escaped(&mut chars, &mut text)?,
                c if c < ' ' => {
                    return Err(malformed(&format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped using backslash to be \
                         included in string value",
                        u32::from(c)
                    )));
                }
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(text)
    }

    fn number(&mut self) -> Result<JsonTree, String> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let unsigned = digits.strip_prefix('-').unwrap_or(digits);
        if digits.parse::<f64>().is_err() || unsigned.starts_with(['.', '+']) {
            let found = unsigned.chars().next().or_else(|| rest.chars().next()).unwrap_or(' ');
            return Err(unexpected(found, "digit (0-9) to follow minus sign, for valid numeric value"));
        }
        if unsigned.len() > 1
            && unsigned.starts_with('0')
            && unsigned.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
        {
            return Err(malformed("Invalid numeric value: Leading zeroes not allowed"));
        }
        self.rest = rest;
        Ok(JsonTree::Number(if is_integer(digits) { digits.to_owned() } else { as_double(digits) }))
    }

    fn word(&mut self) -> Result<JsonTree, String> {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let json = match word {
            "null" => JsonTree::Null,
            "true" => JsonTree::Boolean(true),
            "false" => JsonTree::Boolean(false),
            "NaN" | "Infinity" => {
                return Err(malformed(&format!(
                    "Non-standard token '{word}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
                )));
            }
            _ => {
                return Err(malformed(&format!(
                    "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', \
                     'true' or 'false')"
                )));
            }
        };
        self.rest = rest;
        Ok(json)
    }
}

/// Appends what a backslash and the characters after it stand for.
fn escaped(chars: &mut std::str::Chars<'_>, text: &mut String) -> Result<(), String> {
    let simple = match chars.next() {
        Some('u') => return unicode(chars, text),
        Some(c @ ('"' | '\\' | '/')) => c,
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some(c) => {
            return Err(malformed(&format!("Unrecognized character escape '{c}' (code {})", u32::from(c))));
        }
        None => return Err(ended("String")),
    };
    text.push(simple);
    Ok(())
}

fn unicode(chars: &mut std::str::Chars<'_>, text: &mut String) -> Result<(), String> {
    let unit = |chars: &mut std::str::Chars<'_>| -> Result<u16, String> {
        let digits: String = chars.by_ref().take(4).collect();
        // A sign is no digit.
        let is_number = digits.chars().all(|c| c.is_ascii_hexdigit());
        u16::from_str_radix(&digits, 16).ok().filter(|_| is_number).ok_or_else(|| {
            malformed("Unexpected character: expected a hex-digit for character escape sequence")
        })
    };
    let first = unit(chars)?;
    let mut units = vec![first];
    if (0xD800..0xDC00).contains(&first) && chars.as_str().starts_with("\\u") {
        let mut behind = chars.clone();
        behind.nth(1);
        let second = unit(&mut behind)?;
        if (0xDC00..0xE000).contains(&second) {
            units.push(second);
            *chars = behind;
        }
    }
    // Java writes so what is half of a pair.
    text.extend(char::decode_utf16(units).map(|c| c.unwrap_or('?')));
    Ok(())
}
