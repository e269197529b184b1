//! Values of user types from named parts, with which structs are written and read.

use super::encode::fields_by_name;
use super::{DecodeValue, EncodeValue};
use crate::{Type, UserType, ValueError};

/// Appends a user type's value of fields by name, in any order; those of the type that aren't named
/// are null.
///
/// # Errors
/// When `ty` is no user type, has no field of a name, or a value is none of its field's type.
pub fn encode_udt(
    ty: &Type,
    fields: &[(&str, &dyn EncodeValue)],
    out: &mut Vec<u8>,
) -> Result<bool, ValueError> {
    let find = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    fields_by_name(fields.iter().map(|(name, _)| *name), find, ty, out)
}

/// The fields of a user type's value, to be read by name.
#[derive(Debug)]
pub struct UdtFields<'t, 'a> {
    ty: &'t Type,
    definition: &'t UserType,
    /// As many as the value has.
    values: Vec<Option<&'a [u8]>>,
}

impl<'t, 'a> UdtFields<'t, 'a> {
    /// Takes a value apart.
    ///
    /// # Errors
    /// When `ty` is no user type, or the value is null or damaged.
    pub fn new(ty: &'t Type, value: Option<&'a [u8]>) -> Result<Self, ValueError> {
        let Type::Udt { definition, .. } = ty.base() else {
            return Err(ValueError::new(ty, "it can't be read as a user type's value"));
        };
        let null = || ValueError::new(ty, "the value is null; to allow for that, read it as an Option");
        let elements = ty.base().elements(value.ok_or_else(null)?)?;
        let values = elements.collect::<Result<_, _>>().map_err(|error| ValueError::decode(ty, &error))?;
        Ok(Self { ty, definition, values })
    }

    /// The field of that name. One that the value is too old to have is null.
    ///
    /// # Errors
    /// When the type has no such field, or its value doesn't fit.
    pub fn get<T: DecodeValue<'a>>(&self, name: &str) -> Result<T, ValueError> {
        let mut fields = self.definition.fields.iter().zip(0..);
        let Some(((_, ty), at)) = fields.find(|((field, _), _)| field == name) else {
            return Err(ValueError::new(self.ty, format!("no field is called {name:?}")));
        };
        T::decode(ty, self.values.get::<usize>(at).copied().flatten())
    }
}
