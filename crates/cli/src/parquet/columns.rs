//! Rows of a group, laid flat: for each leaf its values and, of every place where one may stand, the levels.
//!
//! A *definition level* says how many of the optional and repeated things above a value are there; the value itself stands
//! in the leaf only where all are. A *repetition level* says at which depth of lists a new element begins, 0 being a new
//! row. For `tags list<text>`, of which each list and each text is optional:
//!
//! ```text
//! tags                 definition, repetition; values
//! null                 0 0
//! []                   1 0
//! ['a', null, 'b']     3 0, 2 1, 3 1; a b
//! ```

use helenus::{Elements, Type, ValueError};

use super::shape::{Kind, LeafKind, Shape};

/// What one row may come to in memory. Bytes of a value that make more than this out of little are not a table's.
const MAX_ROW_BYTES: usize = 1 << 30;

/// Why a value has no place in a Parquet file.
#[derive(Debug)]
pub(super) enum Misfit {
    /// The bytes are not of the type.
    Value(ValueError),
    /// Anything else.
    Other(String),
}

impl From<ValueError> for Misfit {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// One leaf's part of the group.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) values: Values,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
}

#[derive(Debug)]
pub(super) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Bytes, and where each value ends.
    Bytes {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    /// As `Bytes`, each of 16.
    Uuid(Vec<u8>),
}

/// All leaves of the group.
#[derive(Debug)]
pub(super) struct Leaves {
    leaves: Vec<Leaf>,
    /// Bytes in memory.
    bytes: usize,
    /// Of those, of rows that are complete.
    complete_bytes: usize,
    text: String,
}

/// Where in the tree a value stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Of what is above and there.
    definition: i16,
    repetition: i16,
    /// How many lists and maps are above.
    depth: i16,
}

impl Leaves {
    pub(super) fn new(kinds: &[LeafKind]) -> Self {
        let leaf = |kind: &LeafKind| Leaf {
            values: match kind {
                LeafKind::Boolean => Values::Boolean(Vec::new()),
                LeafKind::Int32 => Values::Int32(Vec::new()),
                LeafKind::Int64 => Values::Int64(Vec::new()),
                LeafKind::Float => Values::Float(Vec::new()),
                LeafKind::Double => Values::Double(Vec::new()),
                LeafKind::Bytes => Values::Bytes { bytes: Vec::new(), ends: Vec::new() },
                LeafKind::Uuid => Values::Uuid(Vec::new()),
            },
            definitions: Vec::new(),
            repetitions: Vec::new(),
        };
        Self { leaves: kinds.iter().map(leaf).collect(), bytes: 0, complete_bytes: 0, text: String::new() }
    }

    /// Bytes that the group has in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The leaves, which are empty once more when they come back.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = &mut Leaf> {
        self.bytes = 0;
        self.complete_bytes = 0;
        self.leaves.iter_mut()
    }

    /// All columns of a row have their value.
    pub(super) fn end_row(&mut self) {
        self.complete_bytes = self.bytes;
    }

    /// A row's value of a column, null or serialized.
    pub(super) fn push(&mut self, shape: &Shape, value: Option<&[u8]>) -> Result<(), Misfit> {
        self.value(shape, value, Place { definition: 0, repetition: 0, depth: 0 })
    }

    fn value(&mut self, shape: &Shape, value: Option<&[u8]>, place: Place) -> Result<(), Misfit> {
        if self.bytes - self.complete_bytes > MAX_ROW_BYTES {
            let text = format!("the row takes more than {} MiB", MAX_ROW_BYTES >> 20);
            return Err(Misfit::Other(text));
        }
        let there = Place { definition: place.definition + i16::from(shape.optional), ..place };
        let Some(value) = value.filter(|value| !value.is_empty() || has_empty_value(&shape.ty)) else {
            if !shape.optional {
                let text = format!("a map's key of type {} is empty, which Parquet doesn't know", shape.ty);
                return Err(Misfit::Other(text));
            }
            self.absent(shape, place);
            return Ok(());
        };
        match &shape.kind {
            Kind::Scalar => self.scalar(shape, value, there),
            Kind::Group(fields) => {
                let mut elements = elements(&shape.ty, value)?;
                for field in fields {
                    let element = elements.next().transpose().map_err(|error| not(&shape.ty, error))?;
                    self.value(field, element.flatten(), there)?;
                }
                elements.finish().map_err(|error| not(&shape.ty, error))
            }
            Kind::List(element) => self.repeated(shape, value, there, |_| element),
            Kind::Map(entry) => {
                self.repeated(shape, value, there, |at| if at % 2 == 0 { &entry.0 } else { &entry.1 })
            }
        }
    }

    /// The elements of a list, or keys and values of a map in turn.
    fn repeated<'s>(
        &mut self,
        shape: &Shape,
        value: &[u8],
        there: Place,
        of: impl Fn(usize) -> &'s Shape,
    ) -> Result<(), Misfit> {
        let wrong = |error| not(&shape.ty, error);
        let mut elements = elements(&shape.ty, value)?;
        let in_turn = if matches!(shape.kind, Kind::Map(_)) { 2 } else { 1 };
        let mut at = 0;
        for element in elements.by_ref() {
            let is_first = at < in_turn;
            let repetition = if is_first { there.repetition } else { there.depth + 1 };
            let place = Place { definition: there.definition + 1, repetition, depth: there.depth + 1 };
            self.value(of(at), element.map_err(wrong)?, place)?;
            at += 1;
        }
        if at == 0 {
            self.absent(shape, there);
        }
        elements.finish().map_err(wrong)
    }

    /// Nothing is there from `place` on.
    fn absent(&mut self, shape: &Shape, place: Place) {
        for leaf in self.leaves.get_mut(shape.leaves.clone()).unwrap_or_default() {
            leaf.definitions.push(place.definition);
            leaf.repetitions.push(place.repetition);
        }
        self.bytes += 4 * shape.leaves.len();
    }

    fn scalar(&mut self, shape: &Shape, value: &[u8], place: Place) -> Result<(), Misfit> {
        let Some(leaf) = self.leaves.get_mut(shape.leaves.start) else { return Ok(()) };
        let added = leaf.values.push(&shape.ty, value, &mut self.text)?;
        leaf.definitions.push(place.definition);
        leaf.repetitions.push(place.repetition);
        self.bytes += 4 + added;
        Ok(())
    }
}

impl Values {
    /// Adds a value that has bytes, or of whose type no bytes are a value; how many bytes that takes.
    fn push(&mut self, ty: &Type, value: &[u8], text: &mut String) -> Result<usize, Misfit> {
        let wrong = || Misfit::Other(format!("{} bytes are no {ty}", value.len()));
        Ok(match self {
            Self::Boolean(values) => {
                let [byte] = value else { return Err(wrong()) };
                values.push(*byte != 0);
                1
            }
            Self::Int32(values) => {
                values.push(int32(ty, value).ok_or_else(wrong)?);
                4
            }
            Self::Int64(values) => {
                let value = i64::from_be_bytes(value.try_into().map_err(|_length| wrong())?);
                if *ty == Type::Time && !(0..NANOS_PER_DAY).contains(&value) {
                    return Err(Misfit::Other(format!("{value} ns is no time of a day")));
                }
                values.push(value);
                8
            }
            Self::Float(values) => {
                values.push(f32::from_be_bytes(value.try_into().map_err(|_length| wrong())?));
                4
            }
            Self::Double(values) => {
                values.push(f64::from_be_bytes(value.try_into().map_err(|_length| wrong())?));
                8
            }
            Self::Uuid(values) => {
                let value: &[u8; 16] = value.try_into().map_err(|_length| wrong())?;
                values.extend_from_slice(value);
                16
            }
            Self::Bytes { bytes, ends } => {
                let before = bytes.len();
                bytes.extend_from_slice(as_bytes(ty, value, text)?);
                ends.push(bytes.len());
                bytes.len() - before + size_of::<usize>()
            }
        })
    }
}

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// Whether a value of no bytes is one that Parquet can tell from null.
fn has_empty_value(ty: &Type) -> bool {
    match ty {
        // A tuple or user type without any field is there, and all its fields are null.
        Type::Tuple(_) | Type::Udt { .. } => true,
        // Not even a count: that is no value, and the error says so.
        Type::List { .. } | Type::Set { .. } | Type::Map { .. } | Type::Vector { .. } => true,
        Type::Boolean
        | Type::TinyInt
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
        | Type::Uuid
        | Type::TimeUuid
        | Type::LexicalUuid
        | Type::Inet => false,
        _ => true,
    }
}

fn int32(ty: &Type, value: &[u8]) -> Option<i32> {
    Some(match ty {
        Type::TinyInt => i8::from_be_bytes(value.try_into().ok()?).into(),
        Type::SmallInt => i16::from_be_bytes(value.try_into().ok()?).into(),
        // Days from 2^31 on, which in CQL is 1970-01-01.
        Type::Date => (u32::from_be_bytes(value.try_into().ok()?) ^ (1 << 31)).cast_signed(),
        _ => i32::from_be_bytes(value.try_into().ok()?),
    })
}

/// What a column of bytes holds of a value: texts, and texts of what Parquet has no lossless type for, as they are in JSON.
fn as_bytes<'v>(ty: &Type, value: &'v [u8], text: &'v mut String) -> Result<&'v [u8], Misfit> {
    match ty {
        Type::Varint | Type::Decimal | Type::Inet | Type::Duration => {
            text.clear();
            ty.json(value, text)?;
            Ok(text.trim_matches('"').as_bytes())
        }
        Type::Ascii if !value.is_ascii() => Err(Misfit::Other("not ASCII".to_owned())),
        Type::Text => match std::str::from_utf8(value) {
            Ok(text) => Ok(text.as_bytes()),
            Err(error) => Err(Misfit::Other(format!("not UTF-8: {error}"))),
        },
        _ => Ok(value),
    }
}

fn elements<'v>(ty: &Type, value: &'v [u8]) -> Result<Elements<'v>, Misfit> {
    match Elements::new(ty, value) {
        Ok(Some(elements)) => Ok(elements),
        Ok(None) => Err(Misfit::Other(format!("{ty} has no elements"))),
        Err(error) => Err(not(ty, error)),
    }
}

fn not(ty: &Type, error: impl std::fmt::Display) -> Misfit {
    Misfit::Other(format!("not a value of {ty}: {error}"))
}
