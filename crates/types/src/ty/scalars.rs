//! The names of the types without parameters.

use super::Type;

/// A type without parameters, by its names.
#[derive(Debug)]
pub(super) struct Named {
    /// The word of CQL, if it has one.
    pub(super) word: Option<&'static str>,
    /// The class within [`PACKAGE`](super::class_name::PACKAGE).
    pub(super) class: &'static str,
    pub(super) ty: Type,
}

const fn scalar(word: &'static str, class: &'static str, ty: Type) -> Named {
    Named { word: Some(word), class, ty }
}

/// All types without parameters.
pub(super) static SCALARS: [Named; 23] = [
    scalar("ascii", "AsciiType", Type::Ascii),
    scalar("text", "UTF8Type", Type::Text),
    scalar("blob", "BytesType", Type::Blob),
    scalar("boolean", "BooleanType", Type::Boolean),
    scalar("tinyint", "ByteType", Type::TinyInt),
    scalar("smallint", "ShortType", Type::SmallInt),
    scalar("int", "Int32Type", Type::Int),
    scalar("bigint", "LongType", Type::BigInt),
    scalar("varint", "IntegerType", Type::Varint),
    scalar("decimal", "DecimalType", Type::Decimal),
    scalar("float", "FloatType", Type::Float),
    scalar("double", "DoubleType", Type::Double),
    scalar("timestamp", "TimestampType", Type::Timestamp),
    scalar("date", "SimpleDateType", Type::Date),
    scalar("time", "TimeType", Type::Time),
    scalar("duration", "DurationType", Type::Duration),
    scalar("uuid", "UUIDType", Type::Uuid),
    scalar("timeuuid", "TimeUUIDType", Type::TimeUuid),
    scalar("inet", "InetAddressType", Type::Inet),
    scalar("counter", "CounterColumnType", Type::Counter),
    Named { word: None, class: "EmptyType", ty: Type::Empty },
    Named { word: None, class: "DateType", ty: Type::LegacyDate },
    Named { word: None, class: "LexicalUUIDType", ty: Type::LexicalUuid },
];

impl Type {
    /// The words of CQL for types without parameters, and their types. (`varchar`, another word for
    /// `text`, is not among them.)
    pub fn words() -> impl Iterator<Item = (&'static str, &'static Type)> {
        SCALARS.iter().filter_map(|scalar| Some((scalar.word?, &scalar.ty)))
    }
}
