//! Types as they are written.

use helenus_types::Type;

use super::{Identifier, QualifiedName};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CqlType {
    /// A native type.
    Native(NativeType),
    /// `frozen<…>`
    Frozen(Box<CqlType>),
    /// `list<…>`
    List(Box<CqlType>),
    /// `set<…>`
    Set(Box<CqlType>),
    /// `map<key, value>`
    Map(Box<CqlType>, Box<CqlType>),
    /// `tuple<…, …>`
    Tuple(Vec<CqlType>),
    /// `vector<element, dimension>`
    Vector(Box<CqlType>, i32),
    /// A user defined type.
    User(QualifiedName),
    /// `'org.example.SomeType'`: the class of a type that CQL has no name for, with its parameters.
    Custom(String),
}

/// A native type, by its word of CQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NativeType(&'static str);

impl CqlType {
    /// The user defined type `name`, without a keyspace.
    #[must_use]
    pub fn user(name: Identifier) -> Self {
        Self::User(QualifiedName::unqualified(name))
    }
}

impl NativeType {
    /// `counter`
    pub const COUNTER: Self = Self("counter");
    /// `varchar`, another word for `text`.
    pub const VARCHAR: Self = Self("varchar");

    /// All native types.
    pub fn all() -> impl Iterator<Item = Self> {
        Type::words().map(|(word, _)| Self(word)).chain([Self::VARCHAR])
    }

    /// The native type of values of the storage's type, if there is one.
    #[must_use]
    pub fn of(ty: &Type) -> Option<Self> {
        Type::words().find(|(_, known)| *known == ty).map(|(word, _)| Self(word))
    }

    /// The word of CQL for this type.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The type with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|native| native.0.eq_ignore_ascii_case(name))
    }

    /// The type that the word stands for.
    #[must_use]
    pub fn ty(self) -> Type {
        // The only word that isn't the type's own is `varchar`.
        Type::words().find(|(word, _)| *word == self.0).map_or(Type::Text, |(_, ty)| ty.clone())
    }
}
