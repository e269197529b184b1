//! The elements of serialized collections, tuples and user types.

use crate::{DecodeError, Reader, Type, ValueError};

/// One element of a value; `None` is null.
pub type Element<'a> = Option<&'a [u8]>;

/// The elements of a frozen collection, a tuple, a user type or a vector: a list's or a vector's in
/// order, a map's keys and values in turn, a tuple's fields (fewer than the type has where the
/// value is older than its type).
///
/// ```text
/// list, set   i32 count, count × (i32 length, bytes); a negative length is null
/// map         i32 count, count × (i32 length, key, i32 length, value)
/// tuple, UDT  fields × (i32 length, bytes), until the bytes end
/// vector      elements of fixed length: the elements; otherwise each after its vint length
/// ```
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    reader: Reader<'a>,
    framing: Framing,
    left: u64,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Counted,
    Fields,
    Fixed(usize),
    Vint,
}

impl<'a> Elements<'a> {
    /// The elements of `value`, or `None` if values of `ty` have none.
    pub fn new(ty: &Type, value: &'a [u8]) -> Result<Option<Elements<'a>>, DecodeError> {
        let mut reader = Reader::new(value);
        let (framing, left) = match ty.base() {
            Type::List { .. } | Type::Set { .. } => (Framing::Counted, count(&mut reader)?),
            Type::Map { .. } => (Framing::Counted, 2 * count(&mut reader)?),
            Type::Tuple(fields) => (Framing::Fields, fields.len() as u64),
            Type::Udt { definition, .. } => (Framing::Fields, definition.fields.len() as u64),
            Type::Vector { element, dimension } => {
                match element.fixed_len() {
                    // Elements without bytes would come by the billion from none.
                    Some(0) => (Framing::Fixed(0), 0),
                    Some(len) => (Framing::Fixed(len), u64::from(*dimension)),
                    None => (Framing::Vint, u64::from(*dimension)),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(Elements { reader, framing, left }))
    }

    /// Elements still to come, at most.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// An error unless all the value's bytes have been read.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.reader.remaining() {
            0 => Ok(()),
            extra => Err(self.reader.error("the end of the value", format!("{extra} more bytes"))),
        }
    }

    fn read(&mut self) -> Result<Element<'a>, DecodeError> {
        match self.framing {
            Framing::Fixed(len) => self.reader.take(len).map(Some),
            Framing::Vint => self.reader.vint_bytes().map(Some),
            Framing::Counted | Framing::Fields => {
                let len = self.reader.i32()?;
                usize::try_from(len).ok().map(|len| self.reader.take(len)).transpose()
            }
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 || (matches!(self.framing, Framing::Fields) && self.reader.is_empty()) {
            return None;
        }
        let element = self.read();
        // After an error nothing more is known about where elements begin.
        self.left = if element.is_ok() { self.left - 1 } else { 0 };
        Some(element)
    }
}

impl Type {
    /// The elements of a value of a type that has some.
    pub(crate) fn elements<'a>(&self, value: &'a [u8]) -> Result<Elements<'a>, ValueError> {
        // A tuple of no bytes has no fields, but a collection must have its count.
        match Elements::new(self, value) {
            Ok(Some(elements)) => Ok(elements),
            Ok(None) => Err(ValueError::new(self, "a type without elements")),
            Err(error) => Err(ValueError::decode(self, &error)),
        }
    }
}

fn count(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let at = *reader;
    let count = reader.i32()?;
    u64::try_from(count).map_err(|_negative| at.error("a number of elements", format!("{count}")))
}
