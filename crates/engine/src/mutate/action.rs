//! Statements without their values: operations on columns, and conditions.

use std::fmt;
use std::sync::Arc;

use helenus_types::{Type, ValueError};

use crate::error::Error;

/// The kind of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// INSERT: the row exists from then on even without values.
    Insert,
    /// UPDATE: the row exists as long as one of its columns has a value.
    Update,
    /// DELETE: of columns, or of rows where no operation says which.
    Delete,
}

/// An operation on a column. `V` is the type of values: in a [`StatementPlan`] the place of each
/// among the bound ones.
///
/// Operations of one statement take effect one after the other on lists; on everything else they
/// have one timestamp, at which a deletion wins, then the larger value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<V = usize> {
    /// `c = ?`: the whole column gets a value; null deletes it, unset leaves it.
    Set(V),
    /// `DELETE c`: the whole column is deleted.
    Delete,
    /// `c = c + ?`: a counter counts; a set or map gets all elements of one; a list's are appended.
    /// Null and unset add nothing to a collection; null is no number to count.
    Add(V),
    /// `c = c - ?`: a counter counts down; all elements of a set, or keys of a map (a set of them),
    /// are deleted; of a list all elements that equal one of a list's.
    Subtract(V),
    /// `c = ? + c`: the elements of a list are put before those of the column, in their order.
    Prepend(V),
    /// A list's new last element.
    AppendElement(V),
    /// A list's new first element.
    PrependElement(V),
    /// All elements of a list that equal a value are deleted.
    RemoveValue(V),
    /// `c[?] = ?` of a list: null deletes the element, unset leaves it.
    SetAt {
        /// The index, an `int`.
        index: V,
        /// The element.
        value: V,
    },
    /// `DELETE c[?]` of a list; unset deletes nothing.
    RemoveAt(V),
    /// A set gets an element.
    AddKey(V),
    /// `c[?] = ?` of a map: null deletes the entry, unset leaves it.
    PutKey {
        /// The key.
        key: V,
        /// The value.
        value: V,
    },
    /// `DELETE c[?]` of a set or map.
    RemoveKey(V),
    /// `c = c + ?` of a column with one value: it becomes what a function makes of both. A column
    /// without a value stays so.
    Combine {
        /// The other value.
        value: V,
        /// The function.
        with: Combine,
    },
    /// `c.f = ?` of a user type: null deletes the field, unset leaves it.
    SetField {
        /// The field's name.
        field: Arc<str>,
        /// Its value.
        value: V,
    },
    /// `DELETE c.f` of a user type.
    RemoveField(Arc<str>),
}

impl<V> Action<V> {
    /// The same with other values.
    pub(super) fn map<'s, W>(
        &'s self,
        mut f: impl FnMut(&'s V) -> Result<W, Error>,
    ) -> Result<Action<W>, Error> {
        Ok(match self {
            Self::Set(v) => Action::Set(f(v)?),
            Self::Delete => Action::Delete,
            Self::Add(v) => Action::Add(f(v)?),
            Self::Subtract(v) => Action::Subtract(f(v)?),
            Self::Prepend(v) => Action::Prepend(f(v)?),
            Self::AppendElement(v) => Action::AppendElement(f(v)?),
            Self::PrependElement(v) => Action::PrependElement(f(v)?),
            Self::RemoveValue(v) => Action::RemoveValue(f(v)?),
            Self::SetAt { index, value } => Action::SetAt { index: f(index)?, value: f(value)? },
            Self::RemoveAt(v) => Action::RemoveAt(f(v)?),
            Self::AddKey(v) => Action::AddKey(f(v)?),
            Self::PutKey { key, value } => Action::PutKey { key: f(key)?, value: f(value)? },
            Self::RemoveKey(v) => Action::RemoveKey(f(v)?),
            Self::Combine { value, with } => Action::Combine { value: f(value)?, with: *with },
            Self::SetField { field, value } => Action::SetField { field: field.clone(), value: f(value)? },
            Self::RemoveField(field) => Action::RemoveField(field.clone()),
        })
    }

    /// The part of the column that it affects.
    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::Set(_) | Self::Delete => Extent::Whole,
            Self::SetField { field, .. } | Self::RemoveField(field) => Extent::Field(field.clone()),
            _ => Extent::Elements,
        }
    }
}

/// A value of a type, made of two others: their bytes, and where its own are appended.
type CombineFn = fn(&Type, &[u8], &[u8], &mut Vec<u8>) -> Result<(), ValueError>;

/// A function that makes a value of a type of two others: appends its bytes.
#[derive(Clone, Copy)]
pub struct Combine(pub CombineFn);

impl PartialEq for Combine {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Combine {}

impl fmt::Debug for Combine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Combine")
    }
}

/// The part of a column that an operation affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Field(Arc<str>),
    Elements,
}

/// A comparison of a column, or a part of it, with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal. Null equals null.
    Eq,
    /// Not equal.
    Ne,
    /// Less, in the order of the column's type. Null is not.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Equal to one of a list's elements.
    In,
    /// A collection that has that element, or value of a map.
    Contains,
    /// A map that has that key.
    ContainsKey,
}

/// The part of a column that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<V = usize> {
    /// The column, a collection as a whole.
    Whole,
    /// `c[?]`: a map's value at a key, a list's element at an index.
    Element(V),
    /// `c.f`: a field of a user type.
    Field(Arc<str>),
}

/// The operand of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand<V = usize> {
    /// One value: of [`Op::In`] a list of them, as in `IN ?`.
    One(V),
    /// Several for [`Op::In`], as in `IN (?, ?)`; those that are unset don't count.
    Several(Vec<V>),
}

/// A comparison that a conditional write waits upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition<V = usize> {
    /// A static or regular column.
    pub column: Arc<str>,
    /// The part of the column.
    pub part: Part<V>,
    /// The comparison.
    pub op: Op,
    /// With what.
    pub operand: Operand<V>,
}

impl<V> Condition<V> {
    /// The same with other values.
    pub(super) fn map<'s, W>(
        &'s self,
        mut f: impl FnMut(&'s V) -> Result<W, Error>,
    ) -> Result<Condition<W>, Error> {
        Ok(Condition {
            column: self.column.clone(),
            part: match &self.part {
                Part::Whole => Part::Whole,
                Part::Element(key) => Part::Element(f(key)?),
                Part::Field(field) => Part::Field(field.clone()),
            },
            op: self.op,
            operand: match &self.operand {
                Operand::One(value) => Operand::One(f(value)?),
                Operand::Several(values) => {
                    Operand::Several(values.iter().map(f).collect::<Result<_, Error>>()?)
                }
            },
        })
    }
}

/// The conditions of a statement: none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conditions<V = usize> {
    /// Nothing: it is carried out.
    #[default]
    None,
    /// `IF EXISTS`: the row must be there; the static one where only static columns are written.
    Exists,
    /// `IF NOT EXISTS`.
    NotExists,
    /// `IF …`: all of these must hold.
    Columns(Vec<Condition<V>>),
}

/// The ends of a range of rows that is deleted: values for the beginning of the clustering,
/// included or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangePlan {
    /// The lower end in the table's order: its values, and whether they are included. None is no
    /// end.
    pub from: Option<(Vec<usize>, bool)>,
    /// The upper end.
    pub to: Option<(Vec<usize>, bool)>,
}

/// A statement without its values, each of which is an index into those passed to
/// [`Prepared::execute`](crate::Prepared::execute): what CQL's INSERT, UPDATE and DELETE compile
/// to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementPlan {
    /// INSERT, UPDATE or DELETE.
    pub kind: StatementKind,
    /// The number of values that it takes.
    pub values: usize,
    /// Columns of the primary key and the places of their values, in any order.
    pub key: Vec<(Arc<str>, usize)>,
    /// The range of rows to delete, in addition to the partition key.
    pub range: Option<RangePlan>,
    /// Operations on columns, in their order.
    pub operations: Vec<(Arc<str>, Action)>,
    /// Its conditions.
    pub conditions: Conditions,
}

impl StatementPlan {
    /// A statement of that kind that takes `values` values and does nothing yet.
    #[must_use]
    pub fn new(kind: StatementKind, values: usize) -> Self {
        Self {
            kind,
            values,
            key: Vec::new(),
            range: None,
            operations: Vec::new(),
            conditions: Conditions::None,
        }
    }
}
