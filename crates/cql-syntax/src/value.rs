//! Literals to the bytes of values: constants, and collections, tuples and user types of them
//! (`Term.Raw.prepare`).
//!
//! Which constant may stand for a value of which type, and the texts of errors, are Cassandra's.
//! Whatever has to be evaluated (bind markers, functions, arithmetic) is left to the caller.

use std::fmt;

use helenus_types::{ElementsWriter, Type, ValueError};
use thiserror::Error;

use crate::ast::{Identifier, Literal, Term};
use crate::parse::parse_text_term;

/// Why a term isn't a value of a type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LiteralError {
    /// Cassandra refuses it; in its words.
    #[error("{0}")]
    Refused(String),
    /// There is a term in it that isn't a literal, which is shown.
    #[error("{0} is not a literal")]
    NotLiteral(String),
}

impl From<ValueError> for LiteralError {
    fn from(error: ValueError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// The serialized value of one literal in a text: `'text'`, `12`, `1.5e3`, `true`, `0xcafe`,
/// `'2016-02-03'`, `[1, 2]`, `{'a': 1}`, `(1, null)`, `{field: 1}`.
///
/// This reads back what [`Type::literal`] prints, and what cqlsh writes to files: other than in a
/// statement, `''` stands for the empty value of every type that has one, and names of fields need
/// no quotes for being reserved. `null` is a literal inside tuples and user types only.
///
/// # Errors
/// If the text is not one literal, or not one of the type.
pub fn parse_literal(ty: &Type, text: &str) -> Result<Vec<u8>, ValueError> {
    let term = parse_text_term(text).map_err(|error| ValueError::new(ty, error.to_string()))?;
    // A value is rarely longer than its text and the lengths of its elements.
    let mut value = Vec::with_capacity(2 * text.len().min(64));
    match (LiteralEncoder { rules: Rules::Text }).term(&term, Receiver::column("the value", ty), &mut value) {
        Ok(true) => Ok(value),
        Ok(false) => Err(ValueError::new(ty, "null has no bytes")),
        Err(error) => Err(ValueError::new(ty, error.to_string())),
    }
}

/// The serialized value of a field of a CSV file, as cqlsh's `COPY TO` writes it: a
/// [literal](parse_literal), but without quotes around a text, a time or an address that is not
/// inside something.
///
/// # Errors
/// If the text stands for no value of the type.
pub fn parse_text(ty: &Type, text: &str) -> Result<Vec<u8>, ValueError> {
    let ty = ty.base();
    if ty.has_elements() || text.trim_start().starts_with('\'') && !ty.is_quoted() {
        return parse_literal(ty, text);
    }
    let mut value = Vec::new();
    if ty.is_quoted() { ty.write_text(text, &mut value) } else { ty.write_word(text.trim(), &mut value) }?;
    Ok(value)
}

impl Term {
    /// Appends the serialized value of a literal for the column `name` of type `ty`; false, and
    /// nothing appended, for `null`. After an error `out` may hold a part.
    ///
    /// # Errors
    /// What Cassandra refuses, and terms that are not literals.
    pub fn encode(&self, name: &str, ty: &Type, out: &mut Vec<u8>) -> Result<bool, LiteralError> {
        (LiteralEncoder { rules: Rules::Cassandra }).term(self, Receiver::column(name, ty), out)
    }
}

/// What a value is for (`ColumnSpecification`).
#[derive(Clone, Copy)]
struct Receiver<'a> {
    name: Name<'a>,
    ty: &'a Type,
}

/// The column, or what of its value, as Cassandra's errors name it.
#[derive(Clone, Copy)]
enum Name<'a> {
    Column(&'a str),
    Key(&'a Name<'a>),
    Value(&'a Name<'a>),
    Component(&'a Name<'a>, usize),
    Field(&'a Name<'a>, &'a str),
}

impl<'a> Receiver<'a> {
    fn column(name: &'a str, ty: &'a Type) -> Self {
        Self { name: Name::Column(name), ty: ty.base() }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => f.write_str(name),
            Self::Key(of) => write!(f, "key({of})"),
            Self::Value(of) => write!(f, "value({of})"),
            Self::Component(of, index) => write!(f, "{of}[{index}]"),
            Self::Field(of, name) => write!(f, "{of}.{name}"),
        }
    }
}

/// Whose literals they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// Statements', as Cassandra has them.
    Cassandra,
    /// Those of texts that values were printed as.
    Text,
}

fn refused<T>(text: String) -> Result<T, LiteralError> {
    Err(LiteralError::Refused(text))
}

struct LiteralEncoder {
    rules: Rules,
}

impl LiteralEncoder {
    fn term(&self, term: &Term, to: Receiver<'_>, out: &mut Vec<u8>) -> Result<bool, LiteralError> {
        match (term, to.ty) {
            (Term::Null, Type::Counter) => {
                return refused("Invalid null value for counter increment/decrement".to_owned());
            }
            (Term::Null, _) => return Ok(false),
            (Term::Literal(literal), _) => self.constant(literal, to, out)?,
            (Term::List(terms), Type::List { element, .. }) => {
                self.collection(
                    "list",
                    terms.iter().map(|term| (EntryPart::Value, term, &**element)),
                    to,
                    out,
                )?;
            }
            (Term::List(terms), Type::Vector { element, dimension }) => {
                self.vector(terms, element, *dimension, to, out)?;
            }
            (Term::Set(terms), Type::Set { element, .. }) => {
                self.collection(
                    "set",
                    terms.iter().map(|term| (EntryPart::Value, term, &**element)),
                    to,
                    out,
                )?;
            }
            (Term::Set(terms), Type::Map { .. }) if terms.is_empty() => {
                self.collection("map", std::iter::empty(), to, out)?;
            }
            (Term::Map(entries), Type::Map { entry, .. }) => {
                let both =
                    |(key, value)| [(EntryPart::Key, key, &entry.0), (EntryPart::Value, value, &entry.1)];
                self.collection("map", entries.iter().map(|(k, v)| (k, v)).flat_map(both), to, out)?;
            }
            (Term::Tuple(terms), Type::Tuple(_) | Type::Udt { .. }) => self.tuple(terms, to, out)?,
            (Term::Tuple(terms), _) if let [term] = terms.as_slice() => return self.term(term, to, out),
            (Term::Udt(fields), Type::Udt { definition, .. }) => {
                self.user_type(fields, &definition.name, &definition.fields, to, out)?;
            }
            (Term::List(_), _) => return unexpected_list(to.ty),
            (Term::Set(_), _) => return wrong_literal("set", to),
            (Term::Map(_), _) => return wrong_literal("map", to),
            (Term::Udt(_), _) => return wrong_literal("user type", to),
            (Term::Tuple(_), _) => return wrong_literal("tuple type", to),
            _ => return Err(LiteralError::NotLiteral(term.to_string())),
        }
        Ok(true)
    }

    fn constant(&self, literal: &Literal, to: Receiver<'_>, out: &mut Vec<u8>) -> Result<(), LiteralError> {
        let ty = to.ty;
        if self.is_empty(literal, ty) {
            return Ok(());
        }
        if self.is_tuple_text(ty) {
            return tuple_text(&literal.raw_text(), to, out);
        }
        if !takes(ty, literal) {
            let (kind, text) = (kind(literal), literal.raw_text());
            return refused(format!("Invalid {kind} constant ({text}) for \"{}\" of type {ty}", to.name));
        }
        let unreadable = |text: &str| LiteralError::Refused(unreadable(ty, text));
        match literal {
            // For a `tinyint`, which takes them too, any number of them.
            Literal::Blob(bytes) => {
                ty.validate(bytes)?;
                out.extend_from_slice(bytes);
            }
            Literal::OddBlob(digits) => return refused(format!("cannot parse '{digits}' as hex bytes")),
            // It's the clock that says what this is.
            Literal::String(text)
                if matches!(ty, Type::Timestamp | Type::LegacyDate) && text.eq_ignore_ascii_case("now") =>
            {
                return Err(LiteralError::NotLiteral(text.clone()));
            }
            Literal::String(text) if matches!(ty, Type::Inet) => {
                let address = short_address(text);
                ty.write_text(address.as_deref().unwrap_or(text), out).map_err(|_none| unreadable(text))?;
            }
            Literal::String(text) => {
                ty.write_text(text, out).map_err(|_none| unreadable(text))?;
            }
            Literal::Uuid(value) => {
                let bytes = value.to_be_bytes();
                ty.validate(&bytes).map_err(|_other_version| unreadable(&literal.raw_text()))?;
                out.extend_from_slice(&bytes);
            }
            _ => {
                let text = literal.raw_text();
                ty.write_word(&text, out).map_err(|_none| unreadable(&text))?;
            }
        }
        Ok(())
    }

    /// Whether any constant stands for a value of the type: that of a tuple is read as the text of
    /// one, in statements.
    fn is_tuple_text(&self, ty: &Type) -> bool {
        self.rules == Rules::Cassandra && matches!(ty, Type::Tuple(_))
    }

    /// Whether a literal is the empty value of a type that has no other text for it.
    fn is_empty(&self, literal: &Literal, ty: &Type) -> bool {
        self.rules == Rules::Text
            && matches!(literal, Literal::String(text) if text.is_empty())
            && ty.allows_empty()
    }

    /// The elements of a list or set, or a map's keys and values in turn.
    fn collection<'t>(
        &self,
        kind: &str,
        parts: impl Iterator<Item = (EntryPart, &'t Term, &'t Type)> + Clone,
        to: Receiver<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), LiteralError> {
        for (part, term, ty) in parts.clone() {
            if !self.is_assignable(term, ty)? {
                let part = if part == EntryPart::Key { "key" } else { "value" };
                return refused(format!(
                    "Invalid {kind} literal for {}: {part} {term} is not of type {ty}",
                    to.name
                ));
            }
        }
        let mut elements = ElementsWriter::new(to.ty, out)?;
        for (part, term, _) in parts {
            let name = if part == EntryPart::Key { Name::Key(&to.name) } else { Name::Value(&to.name) };
            elements.push(out, |ty, out| {
                match self.term(term, Receiver { name, ty: ty.base() }, out)? {
                    true => Ok(true),
                    false => refused("null is not supported inside collections".to_owned()),
                }
            })?;
        }
        Ok(elements.finish(out)?)
    }

    fn vector(
        &self,
        terms: &[Term],
        element: &Type,
        dimension: u32,
        to: Receiver<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), LiteralError> {
        if u32::try_from(terms.len()) != Ok(dimension) {
            return refused(format!(
                "Invalid vector literal for {} of type {}; expected {dimension} elements, but given {}",
                to.name,
                to.ty,
                terms.len()
            ));
        }
        let mut elements = ElementsWriter::new(to.ty, out)?;
        for term in terms {
            if !self.is_assignable(term, element)? {
                return refused(format!(
                    "Invalid vector literal for {}: value {term} is not of type {element}",
                    to.name
                ));
            }
            let name = Name::Value(&to.name);
            elements.push(out, |ty, out| {
                match self.term(term, Receiver { name, ty: ty.base() }, out)? {
                    true => Ok(true),
                    false => refused("null is not supported inside vectors".to_owned()),
                }
            })?;
        }
        Ok(elements.finish(out)?)
    }

    fn tuple(&self, terms: &[Term], to: Receiver<'_>, out: &mut Vec<u8>) -> Result<(), LiteralError> {
        let fields: Vec<&Type> = to.ty.children().collect();
        if terms.len() > fields.len() {
            return refused(format!(
                "Invalid tuple literal for {}: too many elements. Type {} expects {} but got {}",
                to.name,
                to.ty,
                fields.len(),
                terms.len()
            ));
        }
        for (index, (term, ty)) in terms.iter().zip(&fields).enumerate() {
            if !self.is_assignable(term, ty)? {
                return refused(format!(
                    "Invalid tuple literal for {}: component {index} is not of type {ty}",
                    to.name
                ));
            }
        }
        // Fields may be left out at the end; the bytes then end early too.
        let mut elements = ElementsWriter::new(to.ty, out)?;
        for (index, term) in terms.iter().enumerate() {
            let name = Name::Component(&to.name, index);
            elements.push(out, |ty, out| self.term(term, Receiver { name, ty: ty.base() }, out))?;
        }
        Ok(elements.finish(out)?)
    }

    fn user_type(
        &self,
        given: &[(Identifier, Term)],
        type_name: &str,
        fields: &[(String, Type)],
        to: Receiver<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), LiteralError> {
        // Of several for one field the last stays.
        let term_of =
            |field: &str| given.iter().rev().find(|(name, _)| *name == *field).map(|(_, term)| term);
        for (field, ty) in fields {
            if let Some(term) = term_of(field)
                && !self.is_assignable(term, ty)?
            {
                return refused(format!(
                    "Invalid user type literal for {}: field {field} is not of type {ty}",
                    to.name
                ));
            }
        }
        if let Some((name, _)) =
            given.iter().find(|(name, _)| !fields.iter().any(|(field, _)| *name == **field))
        {
            let name = name.as_str();
            return refused(format!("Unknown field '{name}' in value of user defined type {type_name}"));
        }
        let mut elements = ElementsWriter::new(to.ty, out)?;
        for (field, _) in fields {
            let name = Name::Field(&to.name, field);
            elements.push(out, |ty, out| {
                self.term(term_of(field).unwrap_or(&Term::Null), Receiver { name, ty: ty.base() }, out)
            })?;
        }
        Ok(elements.finish(out)?)
    }

    /// Whether a term can stand for a value of that type by its kind (`testAssignment`). What isn't
    /// a literal can.
    fn is_assignable(&self, term: &Term, ty: &Type) -> Result<bool, LiteralError> {
        let ty = ty.base();
        Ok(match (term, ty) {
            (Term::Null, _) => !ty.is_counter(),
            (Term::Literal(literal), _) => {
                takes(ty, literal) || self.is_empty(literal, ty) || self.is_tuple_text(ty)
            }
            (Term::List(terms), Type::List { element, .. })
            | (Term::Set(terms), Type::Set { element, .. }) => {
                self.all_assignable(terms.iter().map(|term| (term, &**element)))?
            }
            (Term::List(terms), Type::Vector { element, dimension }) => {
                u32::try_from(terms.len()) == Ok(*dimension)
                    && self.all_assignable(terms.iter().map(|term| (term, &**element)))?
            }
            (Term::List(_), _) => return unexpected_list(ty),
            (Term::Set(terms), Type::Map { .. }) => terms.is_empty(),
            (Term::Map(entries), Type::Map { entry, .. }) => {
                let both = |(key, value)| [(key, &entry.0), (value, &entry.1)];
                self.all_assignable(entries.iter().map(|(k, v)| (k, v)).flat_map(both))?
            }
            // Whatever is wrong inside of these, Cassandra says no more here than that they are
            // not.
            (Term::Tuple(terms), Type::Tuple(_) | Type::Udt { .. }) => {
                terms.len() <= ty.children().count()
                    && self.all_assignable(terms.iter().zip(ty.children())).unwrap_or(false)
            }
            (Term::Udt(given), Type::Udt { definition, .. }) => {
                let mut fields = given.iter().filter_map(|(name, term)| {
                    let field = definition.fields.iter().find(|(field, _)| *name == **field);
                    field.map(|(_, ty)| (term, ty))
                });
                self.all_assignable(&mut fields).unwrap_or(false)
            }
            (Term::Tuple(terms), _) => match terms.as_slice() {
                [term] => self.is_assignable(term, ty)?,
                _ => false,
            },
            (Term::Set(_) | Term::Map(_) | Term::Udt(_), _) => false,
            _ => true,
        })
    }

    fn all_assignable<'t>(
        &self,
        mut terms: impl Iterator<Item = (&'t Term, &'t Type)>,
    ) -> Result<bool, LiteralError> {
        terms.try_fold(true, |all, (term, ty)| Ok(all && self.is_assignable(term, ty)?))
    }
}

/// Appends the value of a tuple or user type that a text stands for: its fields with `:` between
/// them, `@` for null, and a backslash before either where it is meant itself
/// (`TupleType.fromString`).
fn tuple_text(text: &str, to: Receiver<'_>, out: &mut Vec<u8>) -> Result<(), LiteralError> {
    let mut fields = vec![String::new()];
    let mut before = None;
    for char in text.chars() {
        match (char, fields.last_mut()) {
            (':', _) if before != Some('\\') => fields.push(String::new()),
            (_, Some(last)) => last.push(char),
            (_, None) => {}
        }
        before = Some(char);
    }
    let types: Vec<&Type> = to.ty.children().collect();
    if fields.len() > types.len() {
        return refused(format!(
            "Invalid tuple literal: too many elements. Type {} expects {} but got {}",
            to.ty,
            types.len(),
            fields.len()
        ));
    }
    let mut elements = ElementsWriter::new(to.ty, out)?;
    for field in fields {
        elements.push(out, |ty, out| {
            let ty = ty.base();
            if field == "@" {
                return Ok(false);
            }
            let field = field.replace("\\:", ":").replace("\\@", "@");
            let written = match ty {
                Type::Tuple(_) | Type::Udt { .. } => {
                    tuple_text(&field, Receiver { name: to.name, ty }, out)?;
                    return Ok::<_, LiteralError>(true);
                }
                _ if field.is_empty() && ty.allows_empty() => Ok(()),
                _ if ty.is_quoted() => ty.write_text(&field, out),
                _ if ty.is_opaque() => ty.write_word(&format!("0x{field}"), out),
                _ => ty.write_word(&field, out),
            };
            written.map_err(|_none| LiteralError::Refused(unreadable(ty, &field)))?;
            Ok(true)
        })?;
    }
    Ok(elements.finish(out)?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryPart {
    Key,
    Value,
}

fn wrong_literal<T>(kind: &str, to: Receiver<'_>) -> Result<T, LiteralError> {
    refused(format!("Invalid {kind} literal for {} of type {}", to.name, to.ty))
}

fn unexpected_list<T>(ty: &Type) -> Result<T, LiteralError> {
    refused(format!("Unexpected receiver type '{ty}'; only list and vector are expected"))
}

/// Whether a constant may stand for a value of that type (`Constants.Literal.testAssignment`).
fn takes(ty: &Type, literal: &Literal) -> bool {
    match literal {
        Literal::String(_) => ty.is_quoted(),
        Literal::Integer(_) => matches!(
            ty,
            Type::TinyInt
                | Type::SmallInt
                | Type::Int
                | Type::BigInt
                | Type::Counter
                | Type::Varint
                | Type::Decimal
                | Type::Float
                | Type::Double
                | Type::Timestamp
                | Type::LegacyDate
                | Type::Date
                | Type::Time
                | Type::Duration
        ),
        Literal::Float(_) => matches!(ty, Type::Decimal | Type::Float | Type::Double),
        Literal::Boolean(_) => matches!(ty, Type::Boolean),
        Literal::Uuid(_) => matches!(ty, Type::Uuid | Type::TimeUuid | Type::LexicalUuid),
        // The type that Cassandra takes them for by themselves is `tinyint`, by mistake; here they
        // must be one.
        Literal::Blob(_) | Literal::OddBlob(_) => ty.is_opaque() || matches!(ty, Type::TinyInt),
        Literal::Duration(_) => matches!(ty, Type::Duration),
    }
}

/// The address that Java makes of fewer than four numbers, of which the last one fills what is
/// left, and of the one name that means the same everywhere. Other names are not looked up.
fn short_address(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Some("127.0.0.1".to_owned());
    }
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (last, first) = parts.split_last().filter(|_| parts.len() < 4 && parts.iter().all(is_number))?;
    let mut address = 0_u32;
    for (part, shift) in first.iter().zip([24, 16, 8]) {
        address |= u32::from(part.parse::<u8>().ok()?) << shift;
    }
    let rest: u32 = last.parse().ok()?;
    let bits = 32 - 8 * u32::try_from(first.len()).ok()?;
    if bits < 32 && rest >> bits != 0 {
        return None;
    }
    Some(std::net::Ipv4Addr::from(address | rest).to_string())
}

/// The units of durations in their order: what they are called in errors, how many they are of the
/// smallest of their kind, and which kind that is.
const UNITS: [(&str, &str, u64, usize); 11] = [
    ("y", "years", 12, 0),
    ("mo", "months", 1, 0),
    ("w", "weeks", 7, 1),
    ("d", "days", 1, 1),
    ("h", "hours", 3_600_000_000_000, 2),
    ("m", "minutes", 60_000_000_000, 2),
    ("s", "seconds", 1_000_000_000, 2),
    ("ms", "milliseconds", 1_000_000, 2),
    ("us", "microseconds", 1_000, 2),
    ("µs", "microseconds", 1_000, 2),
    ("ns", "nanoseconds", 1, 2),
];

/// What is wrong with a duration that has numbers and units, but can't be one (`Duration.Builder`).
fn duration_problem(text: &str) -> Option<String> {
    const KINDS: [(&str, u64); 3] =
        [("months", i32::MAX as u64), ("days", i32::MAX as u64), ("nanoseconds", i64::MAX as u64)];
    let mut sums = [0_u64; 3];
    let mut before: Option<usize> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let (number, after) = rest.split_at_checked(digits)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let at = UNITS.iter().position(|(known, ..)| unit.eq_ignore_ascii_case(known))?;
        let (_, name, each, kind) = UNITS.get(at)?;
        if let Some((_, last, ..)) = before.and_then(|before| UNITS.get(before)) {
            if last == name {
                return Some(format!("Invalid duration. The {name} are specified multiple times"));
            }
            if before > Some(at) {
                return Some(format!("Invalid duration. The {last} should be after {name}"));
            }
        }
        before = Some(at);
        let (what, most) = KINDS.get(*kind)?;
        let sum = sums.get_mut(*kind)?;
        let number: u64 = number.parse().ok()?;
        if number > (most - *sum) / each {
            let bound = i32::MAX;
            return Some(format!(
                "Invalid duration. The total number of {what} must be less or equal to {bound}"
            ));
        }
        *sum += number * each;
        rest = after;
    }
    None
}

/// How many of Java's characters the first one is that isn't ASCII.
fn unmappable(text: &str) -> usize {
    text.chars().find(|char| !char.is_ascii()).map_or(0, char::len_utf16)
}

/// What Cassandra calls a constant of that kind (`Constants.Type`).
fn kind(literal: &Literal) -> &'static str {
    match literal {
        Literal::String(_) => "STRING",
        Literal::Integer(_) => "INTEGER",
        Literal::Float(_) => "FLOAT",
        Literal::Boolean(_) => "BOOLEAN",
        Literal::Uuid(_) => "UUID",
        Literal::Blob(_) | Literal::OddBlob(_) => "HEX",
        Literal::Duration(_) => "DURATION",
    }
}

/// What Cassandra says of a constant of the right kind that is no value of the type (`fromString`).
fn unreadable(ty: &Type, text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match ty {
        Type::TinyInt => format!("Unable to make byte from '{text}'"),
        Type::SmallInt => format!("Unable to make short from '{text}'"),
        Type::Int => format!("Unable to make int from '{text}'"),
        Type::BigInt | Type::Counter => format!("Unable to make long from '{text}'"),
        Type::Varint => format!("unable to make int from '{text}'"),
        Type::Decimal => format!("unable to make BigDecimal from '{text}'"),
        Type::Timestamp | Type::LegacyDate if is_number => {
            format!("Unable to make long (for date) from: '{text}'")
        }
        Type::Timestamp | Type::LegacyDate => format!("Unable to parse a date/time from '{text}'"),
        Type::Date if is_number => format!("Unable to make unsigned int (for date) from: '{text}'"),
        Type::Date => format!("Unable to coerce '{text}' to a formatted date (long)"),
        Type::Time if is_number => format!("Unable to make long (for time) from: '{text}'"),
        Type::Time => format!("(TimeType) Unable to coerce '{text}' to a formatted time (long)"),
        Type::Inet => format!("Unable to make inet address from '{text}'"),
        // The sign is taken off first.
        Type::Duration => {
            let text = text.strip_prefix('-').unwrap_or(text);
            duration_problem(text).unwrap_or_else(|| format!("Unable to convert '{text}' to a duration"))
        }
        Type::Ascii => format!(
            "Invalid ASCII character in string literal: \
             java.nio.charset.UnmappableCharacterException: Input length = {}",
            unmappable(text)
        ),
        Type::TimeUuid => "TimeUUID supports only version 1 UUIDs".to_owned(),
        other if other.is_opaque() => format!("cannot parse '{text}' as hex bytes"),
        other => format!("Unable to make {other} from '{text}'"),
    }
}
