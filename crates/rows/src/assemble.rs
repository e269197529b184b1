//! The cells of a collection or user type as one value: the form that it has when frozen.

use helenus_types::Type;

use crate::cell::Cell;

/// Puts the cells of a complex column together into the form that its value has when frozen.
#[derive(Debug)]
pub struct Assembler {
    shape: Shape,
    start: usize,
    count: u32,
    fields: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    List,
    Set,
    Map,
    Udt,
}

impl Assembler {
    /// For a column of that type; the value is appended to `out`.
    pub fn new(ty: &Type, out: &[u8]) -> Self {
        let (shape, fields) = match ty {
            Type::List { .. } => (Shape::List, 0),
            Type::Set { .. } => (Shape::Set, 0),
            Type::Udt { definition, .. } => (Shape::Udt, definition.fields.len()),
            _ => (Shape::Map, 0),
        };
        Self { shape, start: out.len(), count: 0, fields }
    }

    /// The next cell, in the order of paths.
    pub fn push(&mut self, cell: &Cell<'_>, out: &mut Vec<u8>) {
        if self.shape == Shape::Udt {
            // Fields without a cell are null.
            let field = cell.path.first_chunk().map_or(0, |path| u32::from(u16::from_be_bytes(*path)));
            while self.count < field {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                self.count += 1;
            }
        } else if self.count == 0 {
            out.extend_from_slice(&[0; 4]);
        }
        self.count += 1;
        let mut element = |bytes: &[u8]| {
            let Ok(len) = u32::try_from(bytes.len()) else { unreachable!("a row's length is a u32") };
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self.shape {
            Shape::Set => element(cell.path),
            Shape::List | Shape::Udt => element(cell.value),
            Shape::Map => {
                element(cell.path);
                element(cell.value);
            }
        }
    }

    /// Ends the value; returns whether there was a cell.
    pub fn finish(mut self, out: &mut Vec<u8>) -> bool {
        if self.count == 0 {
            return false;
        }
        if self.shape == Shape::Udt {
            while (self.count as usize) < self.fields {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                self.count += 1;
            }
        } else {
            let Some(place) = out.get_mut(self.start..self.start + 4) else {
                unreachable!("a collection begins with its count")
            };
            place.copy_from_slice(&self.count.to_be_bytes());
        }
        true
    }
}
