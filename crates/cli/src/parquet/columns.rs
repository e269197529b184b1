//! Rows of a group, laid flat: for each leaf its values and, of every place where one may stand,
//! the levels.
//!
//! A *definition level* says how many of the optional and repeated things above a value are there;
//! the value itself stands in the leaf only where all are. A *repetition level* says at which depth
//! of lists a new element begins, 0 being a new row. For `tags list<text>`, of which each list and
//! each text is optional:
//!
//! ```text
//! tags                 definition, repetition; values
//! null                 0 0
//! []                   1 0
//! ['a', null, 'b']     3 0, 2 1, 3 1; a b
//! ```

use helenus::{Elements, Scalar, Type, ValueError};

use super::shape::{Kind, LeafKind, Shape};

/// What one row may come to in memory. Bytes of a value that make more than this out of little are
/// not a table's.
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
    /// The part of them of complete rows.
    complete_bytes: usize,
    text: String,
}

/// The place of a value in the tree.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The definition level of the place.
    definition: i16,
    repetition: i16,
    /// The number of lists and maps above.
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
    /// Adds a value that has bytes, or of whose type no bytes are a value; how many bytes that
    /// takes.
    fn push(&mut self, ty: &Type, value: &[u8], text: &mut String) -> Result<usize, Misfit> {
        Ok(match (self, ty.scalar(value)?) {
            (Self::Boolean(values), Scalar::Boolean(value)) => {
                values.push(value);
                1
            }
            (Self::Int32(values), scalar) => {
                let value = match scalar {
                    Scalar::Integer(number) => i32::try_from(number).ok(),
                    // Days from 2^31 on, which in CQL is 1970-01-01.
                    Scalar::Date(days) => Some((days ^ (1 << 31)).cast_signed()),
                    _ => None,
                };
                values.push(value.ok_or_else(|| wrong_leaf(ty))?);
                4
            }
            (
                Self::Int64(values),
                Scalar::Integer(value) | Scalar::Timestamp(value) | Scalar::Time(value),
            ) => {
                values.push(value);
                8
            }
            (Self::Float(values), Scalar::Float(value)) => {
                values.push(value);
                4
            }
            (Self::Double(values), Scalar::Double(value)) => {
                values.push(value);
                8
            }
            (Self::Uuid(values), Scalar::Uuid(uuid)) => {
                values.extend_from_slice(uuid.as_bytes());
                16
            }
            (Self::Bytes { bytes, ends }, scalar) => {
                let before = bytes.len();
                match scalar {
                    Scalar::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                    Scalar::Opaque(opaque) => bytes.extend_from_slice(opaque),
                    // What Parquet has no lossless type for.
                    other => {
                        text.clear();
                        other.push(text);
                        bytes.extend_from_slice(text.as_bytes());
                    }
                }
                ends.push(bytes.len());
                bytes.len() - before + size_of::<usize>()
            }
            _ => return Err(wrong_leaf(ty)),
        })
    }
}

#[cold]
fn wrong_leaf(ty: &Type) -> Misfit {
    Misfit::Other(format!("{ty} in a column of another type"))
}

/// Whether a value of no bytes is one that Parquet distinguishes from null.
fn has_empty_value(ty: &Type) -> bool {
    // A tuple or user type without any field is there, and all its fields are null. A collection
    // has not even a count: that is no value, and the error says so.
    ty.has_elements() || ty.is_opaque() || matches!(ty, Type::Ascii | Type::Text | Type::Empty)
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
