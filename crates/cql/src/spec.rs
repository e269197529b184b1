//! What a value is for: a column, a marker, a part of a collection (`ColumnSpecification`).

use std::sync::Arc;

use helenus_types::Type;

/// A name and a type: the receiver of a term, a marker of a prepared statement, or a column of a
/// result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The keyspace of the statement's table.
    pub keyspace: Arc<str>,
    /// The statement's table.
    pub table: Arc<str>,
    /// The column, or what stands in its place: `key(m)`, `[limit]`, `system.now()`.
    pub name: Arc<str>,
    /// Its type, never reversed.
    pub ty: Type,
}

impl ColumnSpec {
    /// Another name and type in the same table.
    #[must_use]
    pub fn other(&self, name: impl Into<Arc<str>>, ty: &Type) -> Self {
        let (keyspace, table) = (self.keyspace.clone(), self.table.clone());
        Self { keyspace, table, name: name.into(), ty: ty.base().clone() }
    }

    /// The keys of a map.
    pub(crate) fn key(&self, ty: &Type) -> Self {
        self.other(format!("key({})", self.name), ty)
    }

    /// The elements of a collection, or the values of a map.
    pub(crate) fn value(&self, ty: &Type) -> Self {
        self.other(format!("value({})", self.name), ty)
    }

    /// The component of a tuple.
    pub(crate) fn component(&self, index: usize, ty: &Type) -> Self {
        self.other(format!("{}[{index}]", self.name), ty)
    }

    /// The field of a user type.
    pub(crate) fn field(&self, field: &str, ty: &Type) -> Self {
        self.other(format!("{}.{field}", self.name), ty)
    }
}
