//! The types of columns: their two spellings, the order of their values, and which bytes are valid.

mod accessors;
mod class_name;
mod comparable;
mod compare;
mod cql_name;
mod elements;
mod prefix;
mod scalars;
mod validate;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use elements::{Element, Elements};

/// The type of a column, or of an element of a column's value. Cloning is cheap.
///
/// Values are bytes; a type says what they mean. Whether a collection or a user type is frozen
/// matters only at the top of a column: values nested in others always have the frozen,
/// single-value form.
///
/// ```
/// use helenus_types::Type;
///
/// let ty = Type::map(Type::Text, Type::Int).freeze();
/// let value = ty.parse_json(r#"{"b": 2, "a": 1}"#)?.unwrap_or_default();
/// let mut literal = String::new();
/// ty.literal(&value, &mut literal)?;
/// assert_eq!(literal, "{'a': 1, 'b': 2}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `ascii`: characters below 128.
    Ascii,
    /// `text` (`varchar`): UTF-8.
    Text,
    /// `blob`: any bytes.
    Blob,
    /// `boolean`: one byte.
    Boolean,
    /// `tinyint`: 8 bits.
    TinyInt,
    /// `smallint`: 16 bits.
    SmallInt,
    /// `int`: 32 bits.
    Int,
    /// `bigint`: 64 bits.
    BigInt,
    /// `varint`: two's complement of any length.
    Varint,
    /// `decimal`: a 32-bit scale and an unscaled `varint`.
    Decimal,
    /// `float`: IEEE 754, 32 bits.
    Float,
    /// `double`: IEEE 754, 64 bits.
    Double,
    /// `timestamp`: milliseconds since 1970, signed.
    Timestamp,
    /// `date`: days, 2^31 being 1970-01-01.
    Date,
    /// `time`: nanoseconds since midnight.
    Time,
    /// `duration`: months, days and nanoseconds as signed vints.
    Duration,
    /// `uuid`.
    Uuid,
    /// `timeuuid`: version 1.
    TimeUuid,
    /// `inet`: 4 or 16 bytes.
    Inet,
    /// `counter`: as a value its total, in cells a context of shards.
    Counter,
    /// `empty`: nothing.
    Empty,
    /// The `timestamp` of old tables, which orders times before 1970 last (`DateType`).
    LegacyDate,
    /// UUIDs in the order of `java.util.UUID` (`LexicalUUIDType`).
    LexicalUuid,
    /// `list<element>`.
    List {
        /// The type of the elements.
        element: Arc<Type>,
        /// Whether a column of this type holds one value.
        frozen: bool,
    },
    /// `set<element>`.
    Set {
        /// The type of the elements.
        element: Arc<Type>,
        /// Whether a column of this type holds one value.
        frozen: bool,
    },
    /// `map<key, value>`.
    Map {
        /// The types of the keys and of the values.
        entry: Arc<(Type, Type)>,
        /// Whether a column of this type holds one value.
        frozen: bool,
    },
    /// `tuple<…>`; always frozen.
    Tuple(Arc<[Type]>),
    /// A user-defined type.
    Udt {
        /// Its definition.
        definition: Arc<UserType>,
        /// Whether a column of this type holds one value.
        frozen: bool,
    },
    /// `vector<element, dimension>`; always frozen.
    Vector {
        /// The type of the elements.
        element: Arc<Type>,
        /// The number of elements, at least one.
        dimension: u32,
    },
    /// The same values in the opposite order: a clustering column declared `DESC`.
    Reversed(Arc<Type>),
    /// Several values in one: partition keys of more than one column.
    Composite(Arc<[Type]>),
    /// Composites whose components name their types by these aliases. Kept as opaque bytes.
    DynamicComposite(Arc<[(char, Type)]>),
    /// Partition keys in the order of a partitioner: what the tables of secondary indexes cluster
    /// by.
    PartitionerDefined {
        /// The partitioner that orders them.
        partitioner: Arc<Partitioner>,
        /// The type of the keys, if the name contains it.
        key_type: Option<Arc<Type>>,
    },
    /// Any other class, as written. Its values are opaque bytes.
    Custom(Arc<str>),
}

/// The order of partitions: maps a key to its place (`org.apache.cassandra.dht.IPartitioner`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Partitioner {
    /// By Murmur3 hash; what every database uses unless someone chose otherwise long ago.
    Murmur3,
    /// By MD5 hash.
    Random,
    /// By the bytes of the key.
    ByteOrdered,
    /// By the characters of the key.
    OrderPreserving,
    /// By the order of a type: tables of secondary indexes and the like.
    Local(Type),
}

/// The definition of a user type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserType {
    /// The keyspace it belongs to.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// Names and types of the fields, in order.
    pub fields: Vec<(String, Type)>,
}

/// A type's name that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("in the type {text:?} at character {offset}: {problem}")]
pub struct TypeError {
    /// The whole name.
    pub text: String,
    /// The offset of the fault in the text, in bytes.
    pub offset: usize,
    /// The fault.
    pub problem: String,
}

/// A type's name is nested at most this deep, which keeps everything that recurses over types off
/// the stack's end.
pub(crate) const MAX_DEPTH: usize = 64;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cql_name())
    }
}
