//! The frames around nested values: lengths written before their end is known, counts, the order of
//! sets and maps.

use crate::{Reader, Type, ValueError, vint};

/// Writes the elements of a value, as [`Elements`](crate::Elements) reads them: a collection's, a
/// tuple's or user type's fields, a vector's elements, a map's keys and values in turn.
///
/// A set's elements and a map's entries may come in any order and several times; of entries with
/// one key the last stays.
///
/// ```
/// use helenus_types::{ElementsWriter, Type, ValueError};
///
/// let (ty, mut bytes) = (Type::list(Type::Text), Vec::new());
/// let mut elements = ElementsWriter::new(&ty, &mut bytes)?;
/// for text in ["a", "bc"] {
///     elements.push(&mut bytes, |_, bytes| {
///         bytes.extend_from_slice(text.as_bytes());
///         Ok::<_, ValueError>(true)
///     })?;
/// }
/// elements.finish(&mut bytes)?;
/// assert_eq!(bytes, b"\0\0\0\x02\0\0\0\x01a\0\0\0\x02bc");
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Debug)]
pub struct ElementsWriter<'t> {
    ty: &'t Type,
    /// Where the value begins.
    start: usize,
    count: usize,
}

impl<'t> ElementsWriter<'t> {
    /// Begins a value of `ty` at the end of `out`.
    ///
    /// # Errors
    /// If values of the type have no elements.
    pub fn new(ty: &'t Type, out: &mut Vec<u8>) -> Result<ElementsWriter<'t>, ValueError> {
        let (ty, start) = (ty.base(), out.len());
        match ty {
            Type::List { .. } | Type::Set { .. } | Type::Map { .. } => out.extend_from_slice(&[0; 4]),
            Type::Tuple(_) | Type::Udt { .. } | Type::Vector { .. } => {}
            _ => return Err(ValueError::new(ty, "a type without elements")),
        }
        Ok(ElementsWriter { ty, start, count: 0 })
    }

    /// Appends the next element. `write` gets its type and appends its bytes, or returns false for
    /// null, which only fields of tuples and user types can be.
    ///
    /// # Errors
    /// Those of `write`, null where it can't stand, an element longer than 2 GiB, and more fields
    /// than the type has.
    pub fn push<E: From<ValueError>>(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&Type, &mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let Some(ty) = self.ty.element_type_at(self.count) else {
            return Err(ValueError::new(self.ty, "too many fields").into());
        };
        self.count += 1;
        let start = out.len();
        if let Type::Vector { .. } = self.ty {
            return match write(ty, out)? {
                true => Ok(self.frame_in_vector(ty, start, out)?),
                false => Err(self.null().into()),
            };
        }
        out.extend_from_slice(&[0; 4]);
        if write(ty, out)? {
            let len = i32::try_from(out.len() - start - 4);
            patch(out, start, len.map_err(|_too_long| ValueError::new(ty, "longer than 2 GiB"))?);
        } else if matches!(self.ty, Type::Tuple(_) | Type::Udt { .. }) {
            out.truncate(start);
            out.extend_from_slice(&(-1_i32).to_be_bytes());
        } else {
            return Err(self.null().into());
        }
        Ok(())
    }

    /// Ends the value.
    ///
    /// # Errors
    /// If a vector got another number of elements than its type says, or a collection more than
    /// 2^31.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let parts = match self.ty {
            Type::Vector { dimension, .. } if u32::try_from(self.count) != Ok(*dimension) => {
                let problem = format!("{} elements instead of {dimension}", self.count);
                return Err(ValueError::new(self.ty, problem));
            }
            Type::List { .. } | Type::Set { .. } => 1,
            Type::Map { .. } => 2,
            _ => return Ok(()),
        };
        let count = i32::try_from(self.count / parts);
        patch(out, self.start, count.map_err(|_too_many| ValueError::new(self.ty, "too many elements"))?);
        if let (Type::Set { .. } | Type::Map { .. }, Some(key)) = (self.ty, self.ty.element_type_at(0)) {
            sort(key, parts, out, self.start);
        }
        Ok(())
    }

    fn null(&self) -> ValueError {
        ValueError::new(self.ty, "null among the elements")
    }

    /// A vector's element is bare if all have one length, otherwise after its length.
    fn frame_in_vector(&self, element: &Type, start: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let len = out.len() - start;
        match element.fixed_len() {
            Some(fixed) if fixed != len => return Err(ValueError::new(self.ty, "an empty element")),
            Some(_) => {}
            None => {
                let mut prefix = Vec::new();
                vint::write_unsigned(&mut prefix, len as u64);
                out.splice(start..start, prefix);
            }
        }
        Ok(())
    }
}

fn patch(out: &mut [u8], start: usize, number: i32) {
    if let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *room = number.to_be_bytes();
    }
}

/// Puts the elements of the set, or the entries of the map, that begins at `start` into their
/// order, each key once. An entry has `parts`.
fn sort(key: &Type, parts: usize, out: &mut Vec<u8>, start: usize) {
    let body = start + 4;
    let sorted = Entries { reader: Reader::new(out.get(body..).unwrap_or_default()), parts };
    if sorted.is_sorted_by(|a, b| key.compare(a.key, b.key).is_lt()) {
        return;
    }
    let copy = out.split_off(body);
    let mut entries: Vec<Entry<'_>> = Entries { reader: Reader::new(&copy), parts }.collect();
    // The sort is stable: the last of equal ones is the last written.
    entries.sort_by(|a, b| key.compare(a.key, b.key));
    let mut count = 0;
    let mut rest = entries.iter().peekable();
    while let Some(entry) = rest.next() {
        if rest.peek().is_none_or(|next| key.compare(entry.key, next.key).is_ne()) {
            out.extend_from_slice(entry.whole);
            count += 1;
        }
    }
    patch(out, start, count);
}

struct Entry<'a> {
    key: &'a [u8],
    whole: &'a [u8],
}

struct Entries<'a> {
    reader: Reader<'a>,
    parts: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        // Reading on would make an error, which costs more than the rest.
        if self.reader.is_empty() {
            return None;
        }
        let before = self.reader;
        let key = self.reader.i32_bytes().ok()?;
        for _ in 1..self.parts {
            self.reader.i32_bytes().ok()?;
        }
        let whole = before.rest().get(..self.reader.position() - before.position())?;
        Some(Entry { key, whole })
    }
}
