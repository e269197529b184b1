//! Properties of a type: frozen or not, fixed length, element types.

use std::slice::from_ref;
use std::sync::Arc;

use super::{Type, UserType};

impl Type {
    /// A multi-cell `list`.
    #[must_use]
    pub fn list(element: Type) -> Type {
        Type::List { element: Arc::new(element), frozen: false }
    }

    /// A multi-cell `set`.
    #[must_use]
    pub fn set(element: Type) -> Type {
        Type::Set { element: Arc::new(element), frozen: false }
    }

    /// A multi-cell `map`.
    #[must_use]
    pub fn map(key: Type, value: Type) -> Type {
        Type::Map { entry: Arc::new((key, value)), frozen: false }
    }

    /// A tuple, whose fields are frozen.
    #[must_use]
    pub fn tuple(fields: impl IntoIterator<Item = Type>) -> Type {
        Type::Tuple(fields.into_iter().map(|field| field.freeze()).collect())
    }

    /// A multi-cell user type.
    #[must_use]
    pub fn udt(definition: UserType) -> Type {
        Type::Udt { definition: Arc::new(definition), frozen: false }
    }

    /// A vector of `dimension` elements, which is at least one.
    #[must_use]
    pub fn vector(element: Type, dimension: u32) -> Type {
        Type::Vector { element: Arc::new(element), dimension: dimension.max(1) }
    }

    /// Several values in one: a partition key of several columns.
    #[must_use]
    pub fn composite(components: Vec<Type>) -> Type {
        Type::Composite(components.into())
    }

    /// The same values in the opposite order; of a reversed type the original.
    #[must_use]
    pub fn reversed(self) -> Type {
        match self {
            Type::Reversed(base) => (*base).clone(),
            other => Type::Reversed(Arc::new(other)),
        }
    }

    /// The length of every value but the empty one, where cells leave it out
    /// (`valueLengthIfFixed`).
    ///
    /// `tinyint`, `smallint`, `date` and `time` would be fixed but are not: Cassandra stores their
    /// length.
    #[inline]
    #[must_use]
    pub fn fixed_len(&self) -> Option<usize> {
        match self {
            Type::Boolean => Some(1),
            Type::Int | Type::Float => Some(4),
            Type::BigInt | Type::Double | Type::Timestamp | Type::LegacyDate => Some(8),
            Type::Uuid | Type::TimeUuid | Type::LexicalUuid => Some(16),
            Type::Empty => Some(0),
            Type::Vector { element, dimension } => {
                element.fixed_len()?.checked_mul(usize::try_from(*dimension).ok()?)
            }
            Type::Reversed(base) => base.fixed_len(),
            _ => None,
        }
    }

    /// Whether a column of this type is spread over several cells.
    #[inline]
    #[must_use]
    pub fn is_multi_cell(&self) -> bool {
        matches!(
            self,
            Type::List { frozen: false, .. }
                | Type::Set { frozen: false, .. }
                | Type::Map { frozen: false, .. }
                | Type::Udt { frozen: false, .. }
        )
    }

    /// The frozen form of this type and of everything in it.
    #[must_use]
    pub fn freeze(&self) -> Type {
        match self {
            Type::List { element, .. } => Type::List { element: Arc::new(element.freeze()), frozen: true },
            Type::Set { element, .. } => Type::Set { element: Arc::new(element.freeze()), frozen: true },
            Type::Map { entry, .. } => {
                Type::Map { entry: Arc::new((entry.0.freeze(), entry.1.freeze())), frozen: true }
            }
            Type::Udt { definition, .. } => {
                let fields =
                    definition.fields.iter().map(|(name, field)| (name.clone(), field.freeze())).collect();
                let definition =
                    UserType { keyspace: definition.keyspace.clone(), name: definition.name.clone(), fields };
                Type::Udt { definition: Arc::new(definition), frozen: true }
            }
            Type::Tuple(fields) => Type::Tuple(fields.iter().map(Type::freeze).collect()),
            Type::Vector { element, dimension } => {
                Type::Vector { element: Arc::new(element.freeze()), dimension: *dimension }
            }
            Type::Reversed(base) => Type::Reversed(Arc::new(base.freeze())),
            other => other.clone(),
        }
    }

    /// Whether the order is the opposite of the values' own.
    #[inline]
    #[must_use]
    pub const fn is_reversed(&self) -> bool {
        matches!(self, Type::Reversed(_))
    }

    /// The type without [`Reversed`](Type::Reversed) around it.
    #[inline]
    #[must_use]
    pub fn base(&self) -> &Type {
        match self {
            Type::Reversed(base) => base,
            other => other,
        }
    }

    /// Whether this is `counter`.
    #[inline]
    #[must_use]
    pub const fn is_counter(&self) -> bool {
        matches!(self, Type::Counter)
    }

    /// Whether values are bytes that nothing but a class of their own understands: `blob`, classes
    /// that are not Cassandra's, and the composites of keys.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(
            self.base(),
            Type::Blob
                | Type::Custom(_)
                | Type::Composite(_)
                | Type::DynamicComposite(_)
                | Type::PartitionerDefined { .. }
        )
    }

    /// Whether values have [`Elements`](crate::Elements): collections, tuples, user types and
    /// vectors.
    #[inline]
    #[must_use]
    pub fn has_elements(&self) -> bool {
        matches!(
            self.base(),
            Type::List { .. }
                | Type::Set { .. }
                | Type::Map { .. }
                | Type::Tuple(_)
                | Type::Udt { .. }
                | Type::Vector { .. }
        )
    }

    /// The type of a list's, set's or vector's elements.
    #[must_use]
    pub fn element(&self) -> Option<&Type> {
        match self.base() {
            Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
                Some(element)
            }
            _ => None,
        }
    }

    /// The type of a map's keys.
    #[must_use]
    pub fn key(&self) -> Option<&Type> {
        match self.base() {
            Type::Map { entry, .. } => Some(&entry.0),
            _ => None,
        }
    }

    /// The type of a map's values.
    #[must_use]
    pub fn value(&self) -> Option<&Type> {
        match self.base() {
            Type::Map { entry, .. } => Some(&entry.1),
            _ => None,
        }
    }

    /// The type of the cells' paths in a multi-cell column (`nameComparator`): a list's are time
    /// UUIDs, a set's its elements, a map's its keys, a user type's the numbers of the fields.
    #[must_use]
    pub fn path_type(&self) -> Option<Type> {
        Some(match self {
            Type::List { .. } => Type::TimeUuid,
            Type::Set { element, .. } => (**element).clone(),
            Type::Map { entry, .. } => entry.0.clone(),
            Type::Udt { .. } => Type::SmallInt,
            _ => return None,
        })
    }

    /// The type of the value in a cell at `path` of a multi-cell column; of any other column the
    /// type itself. A set's cells have no value. `None` if the path is not one of a user type's
    /// fields.
    #[must_use]
    pub fn cell_value_type(&self, path: &[u8]) -> Option<Type> {
        match self {
            Type::List { element, frozen: false } => Some((**element).clone()),
            Type::Set { frozen: false, .. } => Some(Type::Empty),
            Type::Map { entry, frozen: false } => Some(entry.1.clone()),
            Type::Udt { definition, frozen: false } => {
                let index = u16::from_be_bytes(path.try_into().ok()?);
                definition.fields.get(usize::from(index)).map(|(_, field)| field.clone())
            }
            other => Some(other.clone()),
        }
    }

    /// The types directly inside of this one: of elements, keys and values, fields, components, the
    /// type that is reversed.
    pub fn children(&self) -> impl Iterator<Item = &Type> {
        let (first, second, fields): (&[Type], &[Type], &[(String, Type)]) = match self {
            Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
                (from_ref(&**element), &[], &[])
            }
            Type::Map { entry, .. } => (from_ref(&entry.0), from_ref(&entry.1), &[]),
            Type::Tuple(types) | Type::Composite(types) => (types, &[], &[]),
            Type::Udt { definition, .. } => (&[], &[], &definition.fields),
            Type::Reversed(base) => (from_ref(&**base), &[], &[]),
            _ => (&[], &[], &[]),
        };
        first.iter().chain(second).chain(fields.iter().map(|(_, ty)| ty))
    }

    /// Whether there is a `duration` anywhere in it, which has no order that keys could follow
    /// (`AbstractType.referencesDuration`).
    #[must_use]
    pub fn contains_duration(&self) -> bool {
        matches!(self, Type::Duration) || self.children().any(Type::contains_duration)
    }

    /// Whether values of no bytes are valid.
    #[must_use]
    pub fn allows_empty(&self) -> bool {
        match self {
            Type::TinyInt | Type::SmallInt | Type::Date | Type::Time | Type::Duration => false,
            Type::List { .. } | Type::Set { .. } | Type::Map { .. } | Type::Vector { .. } => false,
            Type::Reversed(base) => base.allows_empty(),
            _ => true,
        }
    }

    /// Whether unsigned byte order is the order of the values.
    #[inline]
    #[must_use]
    pub fn is_byte_ordered(&self) -> bool {
        matches!(
            self,
            Type::Ascii
                | Type::Text
                | Type::Blob
                | Type::Inet
                | Type::Duration
                | Type::Date
                | Type::Time
                | Type::LegacyDate
                | Type::Counter
                | Type::DynamicComposite(_)
                | Type::Custom(_)
        )
    }
}
