//! Serialized values between the rooms, and into the engine.

use helenus_engine::{BindValue, Binding};
use helenus_types::{EncodeValue, Serialized, Type, ValueError};

/// A value of a statement: serialized bytes, null, or unset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum BoundValue {
    /// No value.
    #[default]
    Null,
    /// A column is left as it is.
    Unset,
    /// The serialized value.
    Bytes(Vec<u8>),
}

impl BoundValue {
    /// The bytes, if there are any.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Null | Self::Unset => None,
        }
    }
}

impl From<Option<Vec<u8>>> for BoundValue {
    fn from(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::Null, Self::Bytes)
    }
}

impl BindValue for BoundValue {
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError> {
        match self {
            Self::Null => Ok(Binding::Null),
            Self::Unset => Ok(Binding::Unset),
            Self::Bytes(bytes) => Serialized(bytes).encode(ty, out).map(|_some| Binding::Value),
        }
    }

    fn is_unset(&self) -> bool {
        *self == Self::Unset
    }
}
