//! Values that callers bind to columns: a value, null, or unset.

use helenus_types::{EncodeValue, Type, Value, ValueError};
use smallvec::SmallVec;

/// Leaves a column unchanged, where null would delete its value.
///
/// ```
/// use helenus::{BindValue, Unset};
/// let values: [&dyn BindValue; 3] = [&1, &None::<&str>, &Unset];
/// # let _ = values;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unset;

/// The result of binding a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Its bytes were appended.
    Value,
    /// Null: the column's value is deleted.
    Null,
    /// [`Unset`]: the column stays unchanged.
    Unset,
}

/// A value that can be bound to a column: every [`EncodeValue`] (null is `None` or
/// [`Value::Null`]), and [`Unset`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be written to a column",
    note = "every `EncodeValue` can, and `Unset`; for types of your own implement `EncodeValue`"
)]
pub trait BindValue {
    /// Appends the serialized value, checked against the column's type.
    ///
    /// # Errors
    /// When it is no value of that type; `out` may hold a part of it then.
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError>;

    /// Whether it is known, without binding it, that there is no value: a row is encoded faster
    /// when its columns are known before.
    #[inline]
    fn is_unset(&self) -> bool {
        false
    }
}

impl<T: EncodeValue> BindValue for T {
    #[inline]
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError> {
        self.encode(ty, out).map(|some| if some { Binding::Value } else { Binding::Null })
    }
}

impl BindValue for Unset {
    fn bind(&self, _: &Type, _: &mut Vec<u8>) -> Result<Binding, ValueError> {
        Ok(Binding::Unset)
    }

    #[inline]
    fn is_unset(&self) -> bool {
        true
    }
}

impl BindValue for &dyn BindValue {
    #[inline]
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError> {
        (**self).bind(ty, out)
    }

    #[inline]
    fn is_unset(&self) -> bool {
        (**self).is_unset()
    }
}

/// The values of a prepared statement, in the order of its columns: a tuple of up to sixteen, or a
/// slice of `&dyn EncodeValue`, of `&dyn BindValue` or of [`Value`].
pub trait BindValues {
    /// Shows the values to `f`.
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R;
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name: BindValue),+> BindValues for ($($name,)+) {
            #[inline]
            #[expect(non_snake_case, reason = "the names of the types serve for the values")]
            fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
                let ($($name,)+) = self;
                f(&[$($name),+])
            }
        }
    )*};
}

tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H) (A, B, C, D, E, F, G, H, I) (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K) (A, B, C, D, E, F, G, H, I, J, K, L)
    (A, B, C, D, E, F, G, H, I, J, K, L, M) (A, B, C, D, E, F, G, H, I, J, K, L, M, N)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O) (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P)
}

impl BindValues for () {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        f(&[])
    }
}

impl BindValues for [&dyn BindValue] {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        f(self)
    }
}

impl BindValues for [&dyn EncodeValue] {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        let values: SmallVec<[&dyn BindValue; 16]> =
            self.iter().map(|value| value as &dyn BindValue).collect();
        f(&values)
    }
}

impl BindValues for [Value] {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        let values: SmallVec<[&dyn BindValue; 16]> =
            self.iter().map(|value| value as &dyn BindValue).collect();
        f(&values)
    }
}

impl BindValues for Vec<Value> {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        self.as_slice().with_values(f)
    }
}

impl<T, const N: usize> BindValues for [T; N]
where
    [T]: BindValues,
{
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        self.as_slice().with_values(f)
    }
}

impl<T: BindValues + ?Sized> BindValues for &T {
    #[inline]
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn BindValue]) -> R) -> R {
        (**self).with_values(f)
    }
}

/// A bound value in the place of a key column, where [`Unset`] may not be.
pub(super) struct KeyPart<'a>(pub(super) &'a dyn BindValue);

impl EncodeValue for KeyPart<'_> {
    #[inline]
    fn encode(&self, ty: &Type, out: &mut Vec<u8>) -> Result<bool, ValueError> {
        match self.0.bind(ty, out)? {
            Binding::Value => Ok(true),
            Binding::Null => Ok(false),
            Binding::Unset => Err(ValueError::new(ty, "a key column can't be left unset")),
        }
    }
}
