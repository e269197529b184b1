//! Which of Parquet's types a CQL type becomes.
//!
//! ```text
//! tinyint, smallint, int       INT32 as Integer(8, 16, 32)      text, ascii                 BYTE_ARRAY as String
//! bigint, counter              INT64 as Integer(64)             varint, decimal, inet,
//! float, double, boolean       FLOAT, DOUBLE, BOOLEAN           duration                    BYTE_ARRAY as String
//! timestamp                    INT64 as Timestamp(ms, UTC)      blob, and what only its
//! date                         INT32 as Date                    own class understands       BYTE_ARRAY
//! time                         INT64 as Time(ns)                list, set, vector           List
//! uuid, timeuuid               FIXED_LEN_BYTE_ARRAY(16) as UUID map                         Map
//!                                                               user type, tuple            group
//! ```
//!
//! Everything is optional but a map's keys, as Parquet demands it of them.

use std::ops::Range;
use std::sync::Arc;

use helenus::Type;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type as ParquetType, TypePtr};

/// The layout of a column's values: a tree like that of Parquet's schema.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) ty: Type,
    /// Whether null is a value here. What is not counts no definition level.
    pub(super) optional: bool,
    /// The leaves below, among all of the file.
    pub(super) leaves: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// One value.
    Scalar,
    /// Any number of elements.
    List(Box<Shape>),
    /// Keys and values.
    Map(Box<(Shape, Shape)>),
    /// Fields in order.
    Group(Vec<Shape>),
}

/// A leaf's values in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    Boolean,
    Int32,
    Int64,
    Float,
    Double,
    Bytes,
    Uuid,
}

/// Builds the shapes of columns and their schema, one column after the other.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) columns: Vec<Shape>,
    pub(super) fields: Vec<TypePtr>,
    pub(super) leaves: Vec<LeafKind>,
}

impl Shapes {
    /// The next column.
    pub(super) fn push(&mut self, name: &str, ty: &Type) -> Result<(), ParquetError> {
        let (shape, field) = self.shape(name, ty.base(), true)?;
        self.columns.push(shape);
        self.fields.push(field);
        Ok(())
    }

    fn shape(&mut self, name: &str, ty: &Type, optional: bool) -> Result<(Shape, TypePtr), ParquetError> {
        let first = self.leaves.len();
        let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let group = |logical: Option<LogicalType>, fields: Vec<TypePtr>| {
            let builder = ParquetType::group_type_builder(name).with_repetition(repetition);
            builder.with_logical_type(logical).with_fields(fields).build()
        };
        let (kind, field) = match ty {
            Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
                let (shape, element) = self.shape("element", element, true)?;
                let list = repeated("list", vec![element])?;
                (Kind::List(Box::new(shape)), group(Some(LogicalType::List), vec![list])?)
            }
            Type::Map { entry, .. } => {
                let (key, key_field) = self.shape("key", &entry.0, false)?;
                let (value, value_field) = self.shape("value", &entry.1, true)?;
                let entries = repeated("key_value", vec![key_field, value_field])?;
                (Kind::Map(Box::new((key, value))), group(Some(LogicalType::Map), vec![entries])?)
            }
            Type::Udt { definition, .. } if !definition.fields.is_empty() => {
                let named = definition.fields.iter().map(|(name, ty)| (name.clone(), ty));
                let (shapes, fields) = self.fields_of(named)?;
                (Kind::Group(shapes), group(None, fields)?)
            }
            Type::Tuple(types) if !types.is_empty() => {
                let named = (1..).zip(types.iter()).map(|(at, ty)| (format!("field_{at}"), ty));
                let (shapes, fields) = self.fields_of(named)?;
                (Kind::Group(shapes), group(None, fields)?)
            }
            _ => {
                let (kind, physical, logical) = scalar(ty);
                self.leaves.push(kind);
                let builder = ParquetType::primitive_type_builder(name, physical).with_repetition(repetition);
                let builder = builder.with_logical_type(logical);
                let builder = if kind == LeafKind::Uuid { builder.with_length(16) } else { builder };
                (Kind::Scalar, builder.build()?)
            }
        };
        let leaves = first..self.leaves.len();
        Ok((Shape { ty: ty.clone(), optional, leaves, kind }, Arc::new(field)))
    }

    fn fields_of<'t>(
        &mut self,
        named: impl Iterator<Item = (String, &'t Type)>,
    ) -> Result<(Vec<Shape>, Vec<TypePtr>), ParquetError> {
        let fields = named.map(|(name, ty)| self.shape(&name, ty, true));
        Ok(fields.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
    }
}

/// The group that stands for any number of elements in a list or a map.
fn repeated(name: &str, fields: Vec<TypePtr>) -> Result<TypePtr, ParquetError> {
    let builder = ParquetType::group_type_builder(name).with_repetition(Repetition::REPEATED);
    Ok(Arc::new(builder.with_fields(fields).build()?))
}

fn scalar(ty: &Type) -> (LeafKind, Physical, Option<LogicalType>) {
    let integer = |bits| Some(LogicalType::integer(bits, true));
    match ty {
        Type::Boolean => (LeafKind::Boolean, Physical::BOOLEAN, None),
        Type::TinyInt => (LeafKind::Int32, Physical::INT32, integer(8)),
        Type::SmallInt => (LeafKind::Int32, Physical::INT32, integer(16)),
        Type::Int => (LeafKind::Int32, Physical::INT32, integer(32)),
        Type::BigInt | Type::Counter => (LeafKind::Int64, Physical::INT64, integer(64)),
        Type::Float => (LeafKind::Float, Physical::FLOAT, None),
        Type::Double => (LeafKind::Double, Physical::DOUBLE, None),
        Type::Timestamp | Type::LegacyDate => {
            let logical = LogicalType::timestamp(true, TimeUnit::MILLIS);
            (LeafKind::Int64, Physical::INT64, Some(logical))
        }
        Type::Date => (LeafKind::Int32, Physical::INT32, Some(LogicalType::Date)),
        Type::Time => {
            let logical = LogicalType::time(false, TimeUnit::NANOS);
            (LeafKind::Int64, Physical::INT64, Some(logical))
        }
        Type::Uuid | Type::TimeUuid | Type::LexicalUuid => {
            (LeafKind::Uuid, Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid))
        }
        Type::Ascii | Type::Text | Type::Varint | Type::Decimal | Type::Inet | Type::Duration => {
            (LeafKind::Bytes, Physical::BYTE_ARRAY, Some(LogicalType::String))
        }
        _ => (LeafKind::Bytes, Physical::BYTE_ARRAY, None),
    }
}
