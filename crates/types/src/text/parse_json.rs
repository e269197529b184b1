//! JSON to serialized values, as `INSERT JSON` reads it, and a reader of the members of a JSON
//! object.

use std::borrow::Cow;

use crate::{DecodeError, ElementsWriter, Hex, Type, ValueError};

impl Type {
    /// The serialized form of a value as `SELECT JSON` prints it and `INSERT JSON` takes it
    /// (`AbstractType.fromJSONObject`); `None` for `null`.
    ///
    /// As in Cassandra a string may stand for anything whose text it holds (`"12"` for an int,
    /// `"[1, 2]"` for a list), and the keys of a map always do. An empty string is an empty value
    /// where the type has one, for a boolean `false`. A timestamp may be any integer, in
    /// milliseconds; in Cassandra small ones are refused.
    pub fn parse_json(&self, text: &str) -> Result<Option<Vec<u8>>, ValueError> {
        let mut json = Json::new(text);
        let mut out = Vec::new();
        let some = json.value(self, &mut out)?;
        json.end().map_err(|error| ValueError::decode(self, &error))?;
        Ok(some.then_some(out))
    }

    /// Appends the value that a JSON string stands for.
    fn write_json_string(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Type::Boolean => {
                let value = match text.to_ascii_lowercase().as_str() {
                    "true" => 1,
                    "false" | "" => 0,
                    _ => return Err(wrong(self, text)),
                };
                out.push(value);
                Ok(())
            }
            _ if self.is_quoted() => self.write_text(text, out),
            _ if self.is_opaque() => {
                let bytes = text.strip_prefix("0x").and_then(Hex::parse);
                out.extend_from_slice(&bytes.ok_or_else(|| wrong(self, text))?);
                Ok(())
            }
            _ if text.is_empty() && self.allows_empty() => Ok(()),
            _ => self.write_word(text, out),
        }
    }

    /// Appends the value that a JSON number stands for: of any type whose JSON is one, and of
    /// timestamps.
    fn write_json_number(&self, word: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Type::Timestamp | Type::LegacyDate => self.write_word(word, out),
            Type::Boolean | Type::Duration | Type::Uuid | Type::TimeUuid | Type::LexicalUuid => {
                Err(wrong(self, word))
            }
            _ if self.is_quoted() || self.is_opaque() => Err(wrong(self, word)),
            _ => self.write_word(word, out),
        }
    }
}

/// The members of a JSON object such as a line of `SELECT JSON *`, one after the other: their
/// names, and their values by types that the caller knows.
///
/// ```
/// use helenus_types::{JsonMembers, Type};
///
/// let mut members = JsonMembers::new(r#"{"id": 7, "\"Name\"": "x"}"#).unwrap();
/// assert_eq!(members.next().unwrap().as_deref(), Some("id"));
/// assert_eq!(members.value(&Type::Int).unwrap(), Some(vec![0, 0, 0, 7]));
/// assert_eq!(members.next().unwrap().as_deref(), Some("Name"));
/// assert_eq!(members.value(&Type::Text).unwrap(), Some(b"x".to_vec()));
/// assert_eq!(members.next().unwrap(), None);
/// ```
#[derive(Debug)]
pub struct JsonMembers<'a> {
    json: Json<'a>,
    is_first: bool,
}

impl<'a> JsonMembers<'a> {
    /// Stands before the first member of the object that `text` is.
    pub fn new(text: &'a str) -> Result<JsonMembers<'a>, DecodeError> {
        let mut json = Json::new(text);
        json.expect('{')?;
        Ok(JsonMembers { json, is_first: true })
    }

    /// The next member's name as a column's: a name in double quotes of its own is kept, any other
    /// is put in lower case. `None` at the end. Its value must be read before the next call.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not be asked for values in between")]
    pub fn next(&mut self) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let Some(name) = self.json.member(is_first)? else {
            self.json.end()?;
            return Ok(None);
        };
        Ok(Some(as_name(name)))
    }

    /// The value of the member at hand, serialized; `None` for `null`.
    pub fn value(&mut self, ty: &Type) -> Result<Option<Vec<u8>>, ValueError> {
        let mut out = Vec::new();
        Ok(self.json.value(ty, &mut out)?.then_some(out))
    }
}

/// The name of a column or field that a key of an object stands for
/// (`JsonUtils.handleCaseSensitivity`).
fn as_name(key: Cow<'_, str>) -> Cow<'_, str> {
    if key.len() >= 2 && key.starts_with('"') && key.ends_with('"') {
        let inside = |key: &str| key.get(1..key.len() - 1).unwrap_or_default().to_owned();
        return Cow::Owned(inside(&key));
    }
    if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { key }
}

fn wrong(ty: &Type, text: &str) -> ValueError {
    let shown: String = text.chars().take(40).collect();
    ValueError::new(ty, format!("{shown:?} is none"))
}

/// JSON text, read from the front.
#[derive(Debug)]
struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    fn new(text: &'a str) -> Json<'a> {
        Json { text, at: 0 }
    }

    /// The rest, without the blanks before it.
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn eat(&mut self, token: char) -> bool {
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len_utf8() } else { 0 };
        is_there
    }

    fn expect(&mut self, token: char) -> Result<(), DecodeError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(format!("`{token}`"))) }
    }

    /// An error unless all was read.
    fn end(&mut self) -> Result<(), DecodeError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.error("the end of the text")) }
    }

    #[cold]
    fn error(&mut self, expected: impl Into<Cow<'static, str>>) -> DecodeError {
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("{found:?}") };
        DecodeError::new(self.at as u64, expected, found)
    }

    /// A number, `true`, `false` or `null`, in its spelling.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, _) = rest.split_at_checked(len).unwrap_or_default();
        self.at += len;
        word
    }

    /// A string, which mostly has no escapes and is borrowed then.
    fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.expect('"')?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let special = |text: &str| text.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        let mut owned = String::new();
        let mut left = rest;
        loop {
            let Some(at) = special(left) else {
                self.at = self.text.len();
                return Err(self.error("the end of a string"));
            };
            let (piece, behind) = left.split_at_checked(at).unwrap_or_default();
            self.at += piece.len();
            match behind.as_bytes() {
                [b'"', ..] => {
                    self.at += 1;
                    if owned.is_empty() {
                        return Ok(Cow::Borrowed(rest.get(..piece.len()).unwrap_or_default()));
                    }
                    owned.push_str(piece);
                    return Ok(Cow::Owned(owned));
                }
                [b'\\', ..] => {
                    owned.push_str(piece);
                    owned.push(self.escape(behind)?);
                    left = self.text.get(self.at..).unwrap_or_default();
                }
                _ => return Err(self.error("a character, or an escape such as \\n")),
            }
        }
    }

    /// The character that the escape at the start of `text` stands for.
    fn escape(&mut self, text: &str) -> Result<char, DecodeError> {
        let unit = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
            u16::from_str_radix(digits, 16).ok()
        };
        let simple = match text.as_bytes().get(1) {
            Some(b'"') => Some('"'),
            Some(b'\\') => Some('\\'),
            Some(b'/') => Some('/'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            _ => None,
        };
        if let Some(character) = simple {
            self.at += 2;
            return Ok(character);
        }
        let units = [unit(text), text.get(6..).and_then(unit)];
        let decoded = match units {
            [Some(high), Some(low)] if (0xD800..0xDC00).contains(&high) => {
                char::decode_utf16([high, low]).next().and_then(Result::ok).map(|character| (character, 12))
            }
            [Some(one), _] => char::from_u32(u32::from(one)).map(|character| (character, 6)),
            _ => None,
        };
        let Some((character, len)) = decoded else { return Err(self.error("an escape")) };
        self.at += len;
        Ok(character)
    }

    /// The next key of an object, and the colon after it; `None` at the object's end.
    fn member(&mut self, is_first: bool) -> Result<Option<Cow<'a, str>>, DecodeError> {
        if self.eat('}') {
            return Ok(None);
        }
        if !is_first {
            self.expect(',')?;
        }
        let name = self.string()?;
        self.expect(':')?;
        Ok(Some(name))
    }

    /// Appends the value at hand, serialized; false for `null`.
    fn value(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        let ty = ty.base();
        let nested = ty.has_elements();
        match self.rest().as_bytes() {
            [b'"', ..] => {
                let text = self.string().map_err(|error| ValueError::decode(ty, &error))?;
                match nested {
                    true => string_as_json(ty, &text, out)?,
                    false => ty.write_json_string(&text, out)?,
                }
            }
            [b'[' | b'{', ..] if nested => self.nested(ty, out)?,
            [b'[' | b'{', ..] => return Err(wrong(ty, self.rest())),
            _ => {
                let at = self.at;
                match self.word() {
                    "null" => return Ok(false),
                    "true" if *ty == Type::Boolean => out.push(1),
                    "false" if *ty == Type::Boolean => out.push(0),
                    word if is_json_number(word) && !nested => ty.write_json_number(word, out)?,
                    _ => {
                        self.at = at;
                        return Err(ValueError::decode(ty, &self.error("a value in JSON")));
                    }
                }
            }
        }
        Ok(true)
    }

    fn nested(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match ty {
            Type::Map { entry, .. } => self.map(ty, &entry.0, out),
            Type::Udt { definition, .. } => self.user_type(ty, &definition.fields, out),
            _ => self.array(ty, out),
        }
    }

    fn array(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let syntax = |error: DecodeError| ValueError::decode(ty, &error);
        self.expect('[').map_err(syntax)?;
        let mut elements = ElementsWriter::new(ty, out)?;
        let mut count = 0;
        while !self.eat(']') {
            if count > 0 {
                self.expect(',').map_err(syntax)?;
            }
            elements.push(out, |ty, out| self.value(ty, out))?;
            count += 1;
        }
        match ty {
            // A literal may leave fields out, JSON may not.
            Type::Tuple(fields) if count != fields.len() => {
                Err(ValueError::new(ty, format!("{count} fields instead of {}", fields.len())))
            }
            _ => elements.finish(out),
        }
    }

    fn map(&mut self, ty: &Type, key: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let syntax = |error: DecodeError| ValueError::decode(ty, &error);
        self.expect('{').map_err(syntax)?;
        let mut elements = ElementsWriter::new(ty, out)?;
        let mut is_first = true;
        while let Some(text) = self.member(is_first).map_err(syntax)? {
            is_first = false;
            elements.push(out, |_, out| {
                match key.base() {
                    nested if nested.has_elements() => string_as_json(nested, &text, out)?,
                    scalar => scalar.write_json_string(&text, out)?,
                }
                Ok::<_, ValueError>(true)
            })?;
            elements.push(out, |ty, out| self.value(ty, out))?;
        }
        elements.finish(out)
    }

    fn user_type(
        &mut self,
        ty: &Type,
        fields: &[(String, Type)],
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let syntax = |error: DecodeError| ValueError::decode(ty, &error);
        self.expect('{').map_err(syntax)?;
        let mut values: Vec<Option<Vec<u8>>> = vec![None; fields.len()];
        let mut is_first = true;
        while let Some(key) = self.member(is_first).map_err(syntax)? {
            is_first = false;
            let name = as_name(key);
            let found = fields.iter().zip(&mut values).find(|((field, _), _)| *field == name);
            let Some(((_, field), slot)) = found else {
                return Err(ValueError::new(ty, format!("no field is called {name:?}")));
            };
            let mut value = Vec::new();
            *slot = self.value(field, &mut value)?.then_some(value);
        }
        let mut elements = ElementsWriter::new(ty, out)?;
        for value in values {
            elements.push(out, |_, out| {
                out.extend_from_slice(value.as_deref().unwrap_or_default());
                Ok::<_, ValueError>(value.is_some())
            })?;
        }
        elements.finish(out)
    }
}

/// Appends the value of a collection, tuple, user type or vector that a string holds as JSON.
fn string_as_json(ty: &Type, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let mut json = Json::new(text);
    // A string in the string would open another one: the text of such a value is an array or an
    // object.
    json.nested(ty, out)?;
    json.end().map_err(|error| ValueError::decode(ty, &error))
}

/// JSON's numbers: no plus, no leading zeros, digits on both sides of the point.
fn is_json_number(word: &str) -> bool {
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}
