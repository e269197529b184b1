//! Types.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{CqlType, NativeType};
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn cql_type(&mut self) -> Parsed<CqlType> {
        self.nested(Self::cql_type_here)
    }

    /// The word of a native type.
    pub(super) fn native_type(&mut self) -> Parsed<NativeType> {
        let native = self.native_type_at(0).ok_or_else(|| self.unexpected("a native type"))?;
        self.advance();
        Ok(native)
    }

    fn native_type_at(&self, ahead: usize) -> Option<NativeType> {
        let token = self.peek(ahead);
        if token.kind == TokenKind::Word { NativeType::from_name(self.text_of(token)) } else { None }
    }

    fn cql_type_here(&mut self) -> Parsed<CqlType> {
        if let Some(class) = self.string_at(0) {
            self.advance();
            return Ok(CqlType::Custom(class));
        }
        // `date.t` is the type `t` of a keyspace `date`.
        if let (Some(native), false) = (self.native_type_at(0), self.is_symbol(1, b'.')) {
            self.advance();
            return Ok(CqlType::Native(native));
        }
        if self.kind(0) == TokenKind::Word && self.is_symbol(1, b'<') {
            return self.parameterized_type();
        }
        if !self.is_identifier(0) {
            return Err(self.unexpected("a type"));
        }
        self.user_type_name().map(CqlType::User)
    }

    fn parameterized_type(&mut self) -> Parsed<CqlType> {
        let name = self.text_of(self.peek(0)).to_ascii_lowercase();
        let shape =
            ["frozen", "list", "set", "map", "tuple", "vector"].into_iter().find(|known| *known == name);
        let shape = shape.ok_or_else(|| {
            self.unexpected("one of the types with parameters: frozen, list, set, map, tuple, vector")
        })?;
        self.advance();
        self.symbol(b'<')?;
        let first = self.cql_type()?;
        let result = match shape {
            "frozen" => CqlType::Frozen(Box::new(first)),
            "list" => CqlType::List(Box::new(first)),
            "set" => CqlType::Set(Box::new(first)),
            "map" => {
                self.symbol(b',')?;
                CqlType::Map(Box::new(first), Box::new(self.cql_type()?))
            }
            "vector" => {
                self.symbol(b',')?;
                CqlType::Vector(Box::new(first), self.dimension()?)
            }
            _ => {
                let mut members = vec![first];
                while self.take_symbol(b',') {
                    members.push(self.cql_type()?);
                }
                CqlType::Tuple(members)
            }
        };
        self.symbol(b'>')?;
        Ok(result)
    }

    /// What is no dimension is for those to refuse who resolve the type.
    fn dimension(&mut self) -> Parsed<i32> {
        let start = self.peek(0);
        let dimension = self.integer().ok().and_then(|dimension| i32::try_from(dimension).ok());
        dimension.ok_or_else(|| self.error_at(start, "the dimension of a vector"))
    }
}
