//! Keys as callers give them: one value, a tuple, a list.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use helenus_rows::{ColumnDef, TableSchema};
use helenus_types::{Date, Decimal, EncodeValue, Serialized, TimeOfDay, Value, Varint};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::error::{Error, Result};

/// The values of a partition key, or of a clustering or the beginning of one, in the order of the
/// columns.
///
/// * One value: every [`EncodeValue`] of Rust's own types, `Uuid`, [`Value`] and the like. A
///   vector, an array, a set or a map is one value too, of a frozen collection (bytes are a blob).
/// * Several: a tuple of up to eight, or a slice of `&dyn EncodeValue` or of [`Value`].
/// * None: `()`.
///
/// References to any of them will do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a value of a key column nor a tuple of such",
    note = "a value of your own type: implement `EncodeValue` and pass it in a tuple: `(value,)`"
)]
pub trait IntoKey {
    /// Shows the values to `f`.
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R;
}

macro_rules! single {
    ($($ty:ty),*) => {$(
        impl IntoKey for $ty {
            fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
                f(&[self])
            }
        }
    )*};
}

single!(i8, i16, i32, i64, i128, isize, u16, u32, u64, u128, usize, bool, f32, f64);
single!(String, Uuid, IpAddr, Ipv4Addr, Ipv6Addr, SystemTime, Duration);
single!(Value, Serialized<'_>, Varint, Decimal, Date, TimeOfDay);
#[cfg(feature = "chrono")]
single!(
    chrono::NaiveDate,
    chrono::NaiveTime,
    chrono::DateTime<chrono::Utc>,
    chrono::DateTime<chrono::FixedOffset>
);
#[cfg(feature = "time")]
single!(time::Date, time::Time, time::OffsetDateTime);

/// One value wherever it is one of a column.
macro_rules! single_of {
    ($([$($parameter:tt)*] $ty:ty;)*) => {$(
        impl<$($parameter)*> IntoKey for $ty
        where
            $ty: EncodeValue,
        {
            fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
                f(&[self])
            }
        }
    )*};
}

single_of! {
    [T] Vec<T>;
    [T, const N: usize] [T; N];
    [T] Option<T>;
    ['a, T: ToOwned + ?Sized] Cow<'a, T>;
    [T: ?Sized] Box<T>;
    [T: ?Sized] Arc<T>;
    [T: ?Sized] Rc<T>;
    [T] BTreeSet<T>;
    [T, S] HashSet<T, S>;
    [K, V] BTreeMap<K, V>;
    [K, V, S] HashMap<K, V, S>;
}

macro_rules! unsized_single {
    ($($ty:ty),*) => {$(
        impl IntoKey for $ty {
            fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
                f(&[&self])
            }
        }
    )*};
}

unsized_single!(str, [u8]);

impl<K: IntoKey + ?Sized> IntoKey for &K {
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
        (**self).with_values(f)
    }
}

macro_rules! tuple {
    ($($name:ident),*) => {
        impl<$($name: EncodeValue),*> IntoKey for ($($name,)*) {
            #[expect(non_snake_case, reason = "the names of the types serve for the values")]
            fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
                let ($($name,)*) = self;
                f(&[$($name),*])
            }
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);
tuple!(A, B, C, D, E, F, G);
tuple!(A, B, C, D, E, F, G, H);

impl IntoKey for () {
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
        f(&[])
    }
}

impl IntoKey for [&dyn EncodeValue] {
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
        f(self)
    }
}

impl IntoKey for [Value] {
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
        let values: SmallVec<[&dyn EncodeValue; 8]> =
            self.iter().map(|value| value as &dyn EncodeValue).collect();
        f(&values)
    }
}

/// Longest key, and longest component of one, in bytes.
const MAX_KEY_BYTES: usize = u16::MAX as usize;

/// Appends the serialized partition key made of those values, checked as Cassandra does.
#[inline]
pub(crate) fn encode_partition_key<V: EncodeValue>(
    schema: &TableSchema,
    mut values: impl ExactSizeIterator<Item = V>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let columns = schema.partition_key();
    if values.len() != columns.len() {
        let names: Vec<_> = columns.iter().map(|c| &*c.name).collect();
        return Err(Error::invalid(format!(
            "{}.{}: the partition key has {} columns ({}), {} values were given",
            schema.keyspace(),
            schema.name(),
            columns.len(),
            names.join(", "),
            values.len()
        )));
    }
    let start = out.len();
    if let [column] = columns
        && let Some(value) = values.next()
    {
        encode_component(schema, column, &value, out)?;
        if out.len() == start {
            return Err(problem(schema, column, "a partition key can't be empty"));
        }
    } else {
        for (column, value) in columns.iter().zip(values) {
            let len_at = out.len();
            out.extend_from_slice(&[0, 0]);
            encode_component(schema, column, &value, out)?;
            let Ok(len) = u16::try_from(out.len() - len_at - 2) else {
                return Err(problem(schema, column, "a key column's value can't exceed 65535 bytes"));
            };
            if let Some(place) = out.get_mut(len_at..len_at + 2) {
                place.copy_from_slice(&len.to_be_bytes());
            }
            out.push(0);
        }
    }
    if out.len() - start > MAX_KEY_BYTES {
        let len = out.len() - start;
        return Err(Error::invalid(format!(
            "{}.{}: a partition key can't exceed 65535 bytes, this one has {len}",
            schema.keyspace(),
            schema.name()
        )));
    }
    Ok(())
}

/// Appends the encoded beginning of a clustering made of those values, at most one for each
/// clustering column.
#[inline]
pub(crate) fn encode_clustering_prefix<V: EncodeValue>(
    schema: &TableSchema,
    mut values: impl ExactSizeIterator<Item = V>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let columns = schema.clustering();
    if values.len() > columns.len() {
        return Err(Error::invalid(format!(
            "{}.{}: there are {} clustering columns, {} values were given",
            schema.keyspace(),
            schema.name(),
            columns.len(),
            values.len()
        )));
    }
    for columns in columns.chunks(32) {
        if values.len() == 0 {
            break;
        }
        encode_batch(schema, &mut values, columns, out)?;
    }
    Ok(())
}

/// Up to 32 values after their header, as [`helenus_rows::encode_clustering`] writes them.
#[inline]
fn encode_batch<V: EncodeValue>(
    schema: &TableSchema,
    values: impl Iterator<Item = V>,
    columns: &[ColumnDef],
    out: &mut Vec<u8>,
) -> Result<()> {
    let start = out.len();
    let mut header = 0u64;
    // Empty values are rare, so the header is written as zero first: one byte that is right almost
    // always.
    out.push(0);
    for (i, (column, value)) in columns.iter().zip(values).enumerate() {
        let at = out.len();
        encode_component(schema, column, &value, out)?;
        let len = out.len() - at;
        if len > MAX_KEY_BYTES {
            return Err(problem(schema, column, "a clustering column's value can't exceed 65535 bytes"));
        }
        if len == 0 {
            header |= 1 << (2 * i);
        } else if column.ty.fixed_len().is_none() {
            insert_len(out, at, len);
        }
    }
    if header != 0 {
        let values = out.split_off(start + 1);
        out.truncate(start);
        helenus_types::vint::write_unsigned(out, header);
        out.extend_from_slice(&values);
    }
    Ok(())
}

/// Puts a length before the value that begins at `at`.
fn insert_len(out: &mut Vec<u8>, at: usize, len: usize) {
    let before = out.len();
    helenus_types::vint::write_unsigned(out, len as u64);
    let len_size = out.len() - before;
    if let Some(tail) = out.get_mut(at..) {
        tail.rotate_right(len_size);
    }
}

/// Appends the serialized value of one clustering column.
pub(crate) fn encode_key_value(
    schema: &TableSchema,
    column: &ColumnDef,
    value: &dyn EncodeValue,
    out: &mut Vec<u8>,
) -> Result<()> {
    let begin = out.len();
    encode_component(schema, column, value, out)?;
    if out.len() - begin > MAX_KEY_BYTES {
        return Err(problem(schema, column, "a clustering column's value can't exceed 65535 bytes"));
    }
    Ok(())
}

#[inline]
fn encode_component<V: EncodeValue + ?Sized>(
    schema: &TableSchema,
    column: &ColumnDef,
    value: &V,
    out: &mut Vec<u8>,
) -> Result<()> {
    match value.encode(&column.ty, out) {
        Ok(true) => Ok(()),
        Ok(false) => Err(problem(schema, column, "null is not allowed in a key")),
        Err(error) => Err(problem(schema, column, &error.to_string())),
    }
}

#[cold]
fn problem(schema: &TableSchema, column: &ColumnDef, text: &str) -> Error {
    Error::invalid(format!("{}.{}, column {}: {text}", schema.keyspace(), schema.name(), column.name))
}
