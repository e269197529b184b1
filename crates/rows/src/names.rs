//! Names of partitions and rows in errors.

use std::fmt;

use helenus_types::{Hex, Reader, Type};

use crate::header::Header;

/// A partition's key as errors show it: the CQL literals of its values, and its bytes as they are
/// in files: `5 (0x00000005)`, `('a', 1) (0x0001610000040000000100)`. What is no key of the type is
/// shown as bytes alone.
#[derive(Clone, Copy, Debug)]
pub struct ShownKey<'a> {
    key_type: &'a Type,
    /// The raw key.
    pub key: &'a [u8],
}

impl<'a> ShownKey<'a> {
    /// The name of a key of the table that has that header.
    #[inline]
    pub fn new(header: &'a Header, key: &'a [u8]) -> Self {
        Self { key_type: &header.key_type, key }
    }
}

impl fmt::Display for ShownKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match literal_of_key(self.key_type, self.key) {
            Some(literal) => write!(f, "{literal} (0x{})", Hex(self.key)),
            None => write!(f, "0x{}", Hex(self.key)),
        }
    }
}

/// A row's clustering as errors show it: CQL literals, `(1, 'a')`, or its bytes where they are no
/// clustering.
pub(crate) struct ShownClustering<'a> {
    pub(crate) header: &'a Header,
    pub(crate) clustering: &'a [u8],
}

impl fmt::Display for ShownClustering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.header.clustering.types();
        let mut literals = LiteralList::new();
        let values = self.header.clustering.components(self.clustering, types.len());
        for (ty, value) in types.iter().zip(values) {
            if !literals.add(ty, value) {
                return write!(f, "0x{}", Hex(self.clustering));
            }
        }
        f.write_str(&literals.finish())
    }
}

/// `None` if the bytes are no key of the type.
fn literal_of_key(ty: &Type, key: &[u8]) -> Option<String> {
    let Type::Composite(types) = ty else {
        let mut literal = String::new();
        return ty.literal(key, &mut literal).is_ok().then_some(literal);
    };
    let mut reader = Reader::new(key);
    let mut literals = LiteralList::new();
    for ty in types.iter() {
        let value = reader.u16_bytes().ok()?;
        if reader.u8().ok()? != 0 || !literals.add(ty, Some(value)) {
            return None;
        }
    }
    reader.is_empty().then(|| literals.finish())
}

/// LiteralList between parentheses.
struct LiteralList(String);

impl LiteralList {
    fn new() -> Self {
        Self(String::from("("))
    }

    fn add(&mut self, ty: &Type, value: Option<&[u8]>) -> bool {
        if self.0.len() > 1 {
            self.0.push_str(", ");
        }
        match value {
            Some(value) => ty.literal(value, &mut self.0).is_ok(),
            None => {
                self.0.push_str("null");
                true
            }
        }
    }

    fn finish(mut self) -> String {
        self.0.push(')');
        self.0
    }
}
