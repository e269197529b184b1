//! Types as they are written.

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
    Vector(Box<CqlType>, u32),
    /// A user defined type.
    User(QualifiedName),
    /// `'org.example.SomeType'`: the class of a type that CQL has no name for, with its parameters.
    Custom(String),
}

/// A native type; the variants are the words of CQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the type of its own name")]
pub enum NativeType {
    Ascii,
    Bigint,
    Blob,
    Boolean,
    Counter,
    Date,
    Decimal,
    Double,
    Duration,
    Float,
    Inet,
    Int,
    Smallint,
    Text,
    Time,
    Timestamp,
    Timeuuid,
    Tinyint,
    Uuid,
    /// Another word for `text`.
    Varchar,
    Varint,
}

impl CqlType {
    /// The user defined type `name`, without a keyspace.
    #[must_use]
    pub fn user(name: Identifier) -> Self {
        Self::User(QualifiedName::unqualified(name))
    }
}

impl NativeType {
    /// All native types, in the order of their words.
    pub const ALL: [Self; 21] = [
        Self::Ascii,
        Self::Bigint,
        Self::Blob,
        Self::Boolean,
        Self::Counter,
        Self::Date,
        Self::Decimal,
        Self::Double,
        Self::Duration,
        Self::Float,
        Self::Inet,
        Self::Int,
        Self::Smallint,
        Self::Text,
        Self::Time,
        Self::Timestamp,
        Self::Timeuuid,
        Self::Tinyint,
        Self::Uuid,
        Self::Varchar,
        Self::Varint,
    ];

    /// The word of CQL for this type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Bigint => "bigint",
            Self::Blob => "blob",
            Self::Boolean => "boolean",
            Self::Counter => "counter",
            Self::Date => "date",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Float => "float",
            Self::Inet => "inet",
            Self::Int => "int",
            Self::Smallint => "smallint",
            Self::Text => "text",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timeuuid => "timeuuid",
            Self::Tinyint => "tinyint",
            Self::Uuid => "uuid",
            Self::Varchar => "varchar",
            Self::Varint => "varint",
        }
    }

    /// The type with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|native| native.name().eq_ignore_ascii_case(name))
    }
}
