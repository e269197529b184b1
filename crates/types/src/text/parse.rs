//! CQL literals to serialized values.

use std::borrow::Cow;
use std::net::IpAddr;

use uuid::Uuid;

use super::{parse_hex, quoted};
use crate::value::{begin_element, end_element, finish_map, finish_set, null_element};
use crate::{Decimal, Duration, Type, ValueError, Varint, temporal};

impl Type {
    /// The serialized form of one CQL literal: `'text'`, `$$text$$`, `12`, `1.5e3`, `true`,
    /// `0xcafe`, `2016-…` in quotes, a duration, a UUID, `[1, 2]`, `{1, 2}`, `{'a': 1}`,
    /// `(1, 'a')`, `{field: 1}`.
    ///
    /// `null` is a literal inside tuples and user types only. A timestamp without a zone is in UTC,
    /// and host names are not addresses.
    pub fn parse_literal(&self, text: &str) -> Result<Vec<u8>, ValueError> {
        let mut parser = Parser { rest: text };
        let mut out = Vec::new();
        parser.value(self, &mut out)?;
        parser.skip_blanks();
        if parser.rest.is_empty() { Ok(out) } else { Err(unexpected(self, parser.rest)) }
    }

    /// The serialized form of a field of a CSV file, as cqlsh's `COPY TO` writes it: as
    /// [`parse_literal`](Type::parse_literal), but without quotes around a text, a time or an
    /// address that is not inside something.
    pub fn parse_text(&self, text: &str) -> Result<Vec<u8>, ValueError> {
        let base = self.base();
        match base {
            Type::Ascii
            | Type::Text
            | Type::Timestamp
            | Type::LegacyDate
            | Type::Date
            | Type::Time
            | Type::Inet => {
                let mut out = Vec::new();
                base.write_quoted(text, &mut out)?;
                Ok(out)
            }
            _ => base.parse_literal(text),
        }
    }

    /// Appends the value that a quoted literal stands for.
    pub(super) fn write_quoted(&self, text: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let some = match self {
            Type::Text => {
                out.extend_from_slice(text.as_bytes());
                Some(())
            }
            Type::Ascii => text.is_ascii().then(|| out.extend_from_slice(text.as_bytes())),
            _ if text.is_empty() && self.allows_empty() => Some(()),
            Type::Timestamp | Type::LegacyDate => {
                temporal::parse_timestamp(text).map(|millis| out.extend_from_slice(&millis.to_be_bytes()))
            }
            Type::Date => temporal::parse_date(text).map(|days| out.extend_from_slice(&days.to_be_bytes())),
            Type::Time => temporal::parse_time(text).map(|nanos| out.extend_from_slice(&nanos.to_be_bytes())),
            Type::Inet => match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
                Ok(IpAddr::V4(address)) => {
                    out.extend_from_slice(&address.octets());
                    Some(())
                }
                Ok(IpAddr::V6(address)) => {
                    out.extend_from_slice(&address.octets());
                    Some(())
                }
                Err(_) => None,
            },
            _ => None,
        };
        some.ok_or_else(|| ValueError::new(self, format!("{text:?} is none")))
    }

    /// Appends the value that a literal without quotes and brackets stands for.
    pub(super) fn write_bare(&self, word: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
        self.try_write_bare(word, out).ok_or_else(|| unexpected(self, word))
    }

    fn try_write_bare(&self, word: &str, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Type::Boolean if word.eq_ignore_ascii_case("true") => out.push(1),
            Type::Boolean if word.eq_ignore_ascii_case("false") => out.push(0),
            Type::TinyInt => out.extend_from_slice(&integer::<i8>(word)?.to_be_bytes()),
            Type::SmallInt => out.extend_from_slice(&integer::<i16>(word)?.to_be_bytes()),
            Type::Int => out.extend_from_slice(&integer::<i32>(word)?.to_be_bytes()),
            Type::BigInt | Type::Counter | Type::Timestamp | Type::LegacyDate => {
                out.extend_from_slice(&integer::<i64>(word)?.to_be_bytes());
            }
            Type::Date => out.extend_from_slice(&integer::<u32>(word)?.to_be_bytes()),
            Type::Time => {
                let nanos = integer(word).filter(|nanos| (0..temporal::NANOS_PER_DAY).contains(nanos))?;
                out.extend_from_slice(&nanos.to_be_bytes());
            }
            Type::Varint => out.extend_from_slice(&integer::<Varint>(word)?.to_be_bytes()),
            Type::Decimal => is_number(word).then(|| word.parse::<Decimal>().ok())??.write(out),
            Type::Float => out.extend_from_slice(&float::<f32>(word, f32::NAN)?.to_be_bytes()),
            Type::Double => out.extend_from_slice(&float::<f64>(word, f64::NAN)?.to_be_bytes()),
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => {
                let uuid = (word.len() == 36).then(|| Uuid::parse_str(word).ok())??;
                if matches!(self, Type::TimeUuid) && uuid.get_version_num() != 1 {
                    return None;
                }
                out.extend_from_slice(uuid.as_bytes());
            }
            Type::Duration => word.parse::<Duration>().ok()?.write(out),
            Type::Blob
            | Type::Custom(_)
            | Type::Composite(_)
            | Type::DynamicComposite(_)
            | Type::PartitionerDefined { .. } => {
                let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"))?;
                out.extend_from_slice(&parse_hex(digits)?);
            }
            _ => return None,
        }
        Some(())
    }
}

/// CQL's INTEGER, which knows no plus.
fn integer<N: std::str::FromStr>(word: &str) -> Option<N> {
    if word.starts_with('+') { None } else { word.parse().ok() }
}

fn is_number(word: &str) -> bool {
    word.strip_prefix('-').unwrap_or(word).starts_with(|c: char| c.is_ascii_digit())
}

fn float<N: std::str::FromStr + std::ops::Neg<Output = N>>(word: &str, nan: N) -> Option<N> {
    match word.to_ascii_lowercase().as_str() {
        "nan" | "-nan" => Some(nan),
        "infinity" => "inf".parse().ok(),
        "-infinity" => "-inf".parse().ok(),
        _ if is_number(word) => word.parse().ok(),
        _ => None,
    }
}

fn unexpected(ty: &Type, text: &str) -> ValueError {
    let shown: String = text.chars().take(40).collect();
    ValueError::new(
        ty,
        if shown.is_empty() { "the text ends".into() } else { Cow::from(format!("unexpected {shown:?}")) },
    )
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, ty: &Type, token: char) -> Result<(), ValueError> {
        if self.eat(token) { Ok(()) } else { Err(unexpected(ty, self.rest)) }
    }

    fn string(&mut self) -> Option<String> {
        self.skip_blanks();
        if let Some((text, rest)) = quoted(self.rest, '\'') {
            self.rest = rest;
            return Some(text);
        }
        let (text, rest) = self.rest.strip_prefix("$$")?.split_once("$$")?;
        self.rest = rest;
        Some(text.to_owned())
    }

    /// Everything up to what ends a literal. A time of day between colons is always in quotes, but
    /// the ISO notation of a duration is not.
    fn word(&mut self, ty: &Type) -> &'a str {
        self.skip_blanks();
        let in_duration = matches!(ty, Type::Duration) && self.rest.trim_start_matches('-').starts_with('P');
        let ends = |c: char| c.is_whitespace() || ",]})".contains(c) || (c == ':' && !in_duration);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        word
    }

    fn value(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match ty {
            Type::Reversed(base) => self.value(base, out),
            Type::List { element, .. } => self.collection(ty, element, ['[', ']'], out),
            Type::Set { element, .. } => {
                let start = out.len();
                self.collection(ty, element, ['{', '}'], out)?;
                finish_set(element, out, start);
                Ok(())
            }
            Type::Map { entry, .. } => self.map(ty, &entry.0, &entry.1, out),
            Type::Tuple(fields) => self.tuple(ty, fields, out),
            Type::Udt { definition, .. } => self.user_type(ty, &definition.fields, out),
            Type::Vector { element, dimension } => self.vector(ty, element, *dimension, out),
            _ => match self.string() {
                Some(text) => ty.write_quoted(&text, out),
                None => {
                    let word = self.word(ty);
                    ty.write_bare(word, out)
                }
            },
        }
    }

    /// Calls `item` for each of the items between the brackets, which are separated by commas.
    fn items(
        &mut self,
        ty: &Type,
        [open, close]: [char; 2],
        mut item: impl FnMut(&mut Parser<'a>, usize) -> Result<(), ValueError>,
    ) -> Result<usize, ValueError> {
        self.expect(ty, open)?;
        let mut count = 0;
        while !self.eat(close) {
            if count > 0 {
                self.expect(ty, ',')?;
            }
            item(self, count)?;
            count += 1;
        }
        Ok(count)
    }

    fn collection(
        &mut self,
        ty: &Type,
        element: &Type,
        brackets: [char; 2],
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let start = begin_element(out);
        let count = self.items(ty, brackets, |parser, _| parser.element(element, out))?;
        write_count(ty, out, start, count)
    }

    fn element(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let start = begin_element(out);
        self.value(ty, out)?;
        end_element(ty, out, start)
    }

    fn map(&mut self, ty: &Type, key: &Type, value: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let start = begin_element(out);
        let count = self.items(ty, ['{', '}'], |parser, _| {
            parser.element(key, out)?;
            parser.expect(ty, ':')?;
            parser.element(value, out)
        })?;
        write_count(ty, out, start, count)?;
        finish_map(key, out, start);
        Ok(())
    }

    fn nullable(&mut self, ty: &Type, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let before = self.rest;
        if self.word(&Type::Blob).eq_ignore_ascii_case("null") {
            null_element(out);
            return Ok(());
        }
        self.rest = before;
        self.element(ty, out)
    }

    fn tuple(&mut self, ty: &Type, fields: &[Type], out: &mut Vec<u8>) -> Result<(), ValueError> {
        let count = self.items(ty, ['(', ')'], |parser, index| match fields.get(index) {
            Some(field) => parser.nullable(field, out),
            None => Err(ValueError::new(ty, "too many fields")),
        })?;
        // Fields may be left out at the end; the bytes then end early too.
        if count == 0 { Err(ValueError::new(ty, "no fields")) } else { Ok(()) }
    }

    fn user_type(
        &mut self,
        ty: &Type,
        fields: &[(String, Type)],
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let mut values: Vec<Option<Vec<u8>>> = vec![None; fields.len()];
        self.items(ty, ['{', '}'], |parser, _| {
            let name = parser.identifier();
            let index = fields.iter().position(|(field, _)| *field == name);
            let Some((index, (_, field))) = index.and_then(|index| Some((index, fields.get(index)?))) else {
                return Err(ValueError::new(ty, format!("no field is called {name:?}")));
            };
            parser.expect(ty, ':')?;
            let mut value = Vec::new();
            parser.nullable(field, &mut value)?;
            if let Some(slot) = values.get_mut(index) {
                *slot = Some(value);
            }
            Ok(())
        })?;
        for value in values {
            match value {
                Some(framed) => out.extend_from_slice(&framed),
                None => null_element(out),
            }
        }
        Ok(())
    }

    fn identifier(&mut self) -> String {
        self.skip_blanks();
        if let Some((name, rest)) = quoted(self.rest, '"') {
            self.rest = rest;
            return name;
        }
        self.word(&Type::Blob).to_ascii_lowercase()
    }

    fn vector(
        &mut self,
        ty: &Type,
        element: &Type,
        dimension: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueError> {
        let mut value = Vec::new();
        let count = self.items(ty, ['[', ']'], |parser, _| {
            value.clear();
            parser.value(element, &mut value)?;
            crate::value::vector_element(ty, element, &value, out)
        })?;
        if u32::try_from(count) == Ok(dimension) {
            return Ok(());
        }
        Err(ValueError::new(ty, format!("{count} elements instead of {dimension}")))
    }
}

fn write_count(ty: &Type, out: &mut [u8], start: usize, count: usize) -> Result<(), ValueError> {
    let count = i32::try_from(count).map_err(|_too_many| ValueError::new(ty, "too many elements"))?;
    crate::value::patch(out, start, count);
    Ok(())
}
