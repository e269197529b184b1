//! The header that a row's bytes are encoded against: bases of the deltas, and the columns.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use crate::clustering::ClusteringComparator;

/// Differences between releases in the meaning of a row's bytes, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Local deletion times reach to 2106 (unsigned 32 bits); otherwise to 2038, and a negative one
    /// is damage that an old release left.
    pub unsigned_deletion_times: bool,
}

impl Capabilities {
    /// The capabilities of what this release writes.
    pub const CURRENT: Self = Self { unsigned_deletion_times: true };
    /// The capabilities of what releases before 5.0 write.
    pub const LEGACY: Self = Self { unsigned_deletion_times: false };

    /// The latest local deletion time that can be written: 2106-02-07T06:28:13Z, or
    /// 2038-01-19T03:14:06Z (`Cell.MAX_DELETION_TIME` and its legacy cap).
    pub fn latest_deletion_time(self) -> LocalDeletionTime {
        if self.unsigned_deletion_times { LocalDeletionTime::MAX } else { LATEST_SIGNED }
    }

    /// Whether a local deletion time is later than can be written. What is none, or invalid, is
    /// not.
    #[inline]
    pub fn is_late(self, time: LocalDeletionTime) -> bool {
        !self.unsigned_deletion_times && time > LATEST_SIGNED && time < LocalDeletionTime::INVALID
    }
}

/// The second before the one that says "none" where deletion times are signed.
const LATEST_SIGNED: LocalDeletionTime = LocalDeletionTime(i32::MAX.unsigned_abs() - 1);

/// Bases of the deltas (`db.rows.EncodingStats`). Values below them are legal, they only take more
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingBase {
    /// Base of timestamps, µs.
    pub min_timestamp: Timestamp,
    /// Base of local deletion times, seconds.
    pub min_local_deletion_time: LocalDeletionTime,
    /// Base of ttls, seconds.
    pub min_ttl: u32,
}

impl EncodingBase {
    /// 2015-09-22T00:00:00Z, where Cassandra starts when a file has nothing of a kind.
    pub const EPOCH: Self = Self {
        min_timestamp: Timestamp(1_442_880_000_000_000),
        min_local_deletion_time: LocalDeletionTime(1_442_880_000),
        min_ttl: 0,
    };
}

/// A regular or static column as the codec sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, UTF-8 bytes.
    pub name: Arc<str>,
    /// Type of the column.
    pub ty: Type,
    /// Several cells with paths: a collection or user type that is not frozen.
    pub complex: bool,
    /// A counter.
    pub counter: bool,
    /// Length of a value in bytes where the type fixes it and the column is simple.
    pub fixed_len: Option<usize>,
    /// Type of the cells' paths of a complex column.
    pub path_type: Option<Type>,
}

impl Column {
    /// A column of that name and type.
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Self {
        let complex = ty.is_multi_cell();
        Self {
            name: name.into(),
            complex,
            counter: ty.is_counter(),
            fixed_len: if complex { None } else { ty.fixed_len() },
            path_type: if complex { ty.path_type() } else { None },
            ty,
        }
    }
}

/// Columns in the order in which rows hold them: simple before complex, mostly in canonical order
/// (`db.Columns`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    list: Arc<[Column]>,
    /// The kind of each column, close together for the codec.
    kinds: Arc<[ValueKind]>,
    simple: usize,
    is_canonical: bool,
}

/// The encoding of a row's bytes at a column's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// A cell whose value has that length in bytes.
    Fixed(u32),
    /// A cell whose value says its length.
    Variable,
    /// Several cells.
    Complex,
    /// One of these: it has a path, and its value says its length.
    Element,
}

impl Columns {
    /// Sorts the columns into canonical order: simple before complex, each group in the order of
    /// [`compare_names`]. A name given twice stays twice: callers check for that.
    pub fn new(mut columns: Vec<Column>) -> Self {
        columns.sort_by(canonical_order);
        Self::listed(columns)
    }

    /// The columns in the order of `SELECT *`, each with its canonical index. Cassandra merges the
    /// simple and the complex ones by their names' bytes taken as signed
    /// (`Columns.selectOrderIterator`), each in its canonical order. It looks for the first complex
    /// one by the empty name (`Columns.findFirstComplexIdx`), which comes after those that begin
    /// outside ASCII: they count as simple here.
    pub fn select_order(&self) -> Vec<(usize, &Column)> {
        let counts_as_simple = |column: &Column| !column.complex || compare_names(&column.name, "").is_lt();
        let first_complex = self.as_slice().partition_point(counts_as_simple);
        let (simple, complex) = self.as_slice().split_at_checked(first_complex).unwrap_or_default();
        let signed = |column: &Column| column.name.bytes().map(u8::cast_signed).collect::<Vec<_>>();
        let mut simple = simple.iter().enumerate().peekable();
        let mut complex = (first_complex..).zip(complex).peekable();
        let mut merged = Vec::with_capacity(self.len());
        loop {
            let next = match (simple.peek(), complex.peek()) {
                (Some((_, a)), Some((_, b))) if signed(a) <= signed(b) => simple.next(),
                (_, Some(_)) => complex.next(),
                (_, None) => simple.next(),
            };
            match next {
                Some(column) => merged.push(column),
                None => return merged,
            }
        }
    }

    /// The columns of rows that another program wrote, as the header lists them: its order says
    /// what the rows mean, whatever the canonical order is. Simple columns come before complex ones
    /// in every row, also where a header mixes them.
    pub fn listed(mut columns: Vec<Column>) -> Self {
        columns.sort_by_key(|column| column.complex);
        let simple = columns.iter().filter(|c| !c.complex).count();
        let kind = |column: &Column| match column.fixed_len.map(u32::try_from) {
            _ if column.complex => ValueKind::Complex,
            Some(Ok(len)) => ValueKind::Fixed(len),
            _ => ValueKind::Variable,
        };
        Self {
            kinds: columns.iter().map(kind).collect(),
            is_canonical: columns.is_sorted_by(|one, next| canonical_order(one, next).is_le()),
            list: columns.into(),
            simple,
        }
    }

    /// No columns.
    pub fn empty() -> Self {
        Self::new(Vec::new())
    }

    /// Whether they are in canonical order, as all that Cassandra and this release write.
    #[inline]
    pub fn is_canonical(&self) -> bool {
        self.is_canonical
    }

    /// The same columns in canonical order.
    #[must_use]
    pub fn canonical(&self) -> Self {
        if self.is_canonical { self.clone() } else { Self::new(self.list.to_vec()) }
    }

    /// All of them, in their order.
    #[inline]
    pub fn as_slice(&self) -> &[Column] {
        &self.list
    }

    /// Column `index` in that order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Column> {
        self.list.get(index)
    }

    /// The encoding of column `index`, which is less than [`Columns::len`].
    #[inline]
    pub(crate) fn value_kind(&self, index: usize) -> ValueKind {
        let Some(kind) = self.kinds.get(index) else { unreachable!("there is a kind for each column") };
        *kind
    }

    /// Number of columns.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Index of the column of that name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        if !self.is_canonical {
            return self.list.iter().position(|column| &*column.name == name);
        }
        let (simple, complex) = self.list.split_at_checked(self.simple)?;
        let find = |group: &[Column]| group.binary_search_by(|column| compare_names(&column.name, name)).ok();
        find(simple).or_else(|| Some(self.simple + find(complex)?))
    }
}

/// Order of the names of a row's columns (`ColumnMetadata.comparisonOrder`): by their bytes, of
/// which the first counts as signed. So a name that begins outside ASCII comes before all that
/// begin in it, and the end of a name sorts as a zero byte.
pub fn compare_names(a: &str, b: &str) -> Ordering {
    let first = |name: &str| name.as_bytes().first().map_or(0, |byte| byte.cast_signed());
    first(a).cmp(&first(b)).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

fn canonical_order(a: &Column, b: &Column) -> Ordering {
    a.complex.cmp(&b.complex).then_with(|| compare_names(&a.name, &b.name))
}

/// The serialization header (`db.SerializationHeader`): all that is needed to read a row's bytes.
#[derive(Clone, Debug)]
pub struct Header {
    /// Bases of the deltas.
    pub base: EncodingBase,
    /// Type of the whole partition key (a composite type where it has several columns).
    pub key_type: Type,
    /// The partitioner, which orders the partitions.
    pub partitioner: Partitioner,
    /// Types of the clustering columns, and their order.
    pub clustering: ClusteringComparator,
    /// Static columns.
    pub statics: Columns,
    /// Regular columns.
    pub regulars: Columns,
    /// The properties of the bytes that depend on the writer's release.
    pub capabilities: Capabilities,
}

impl Header {
    /// The columns that a row of that kind is encoded against.
    #[inline]
    pub fn columns(&self, is_static: bool) -> &Columns {
        if is_static { &self.statics } else { &self.regulars }
    }

    /// Whether the columns are in canonical order, so that Cassandra can read rows that are encoded
    /// against this header.
    pub fn is_canonical(&self) -> bool {
        self.statics.is_canonical() && self.regulars.is_canonical()
    }

    /// The same header with its columns in canonical order.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self { statics: self.statics.canonical(), regulars: self.regulars.canonical(), ..self.clone() }
    }

    /// Whether a row's bytes mean the same under both headers, so that they may be copied.
    pub fn same_encoding(&self, other: &Self) -> bool {
        self.capabilities == other.capabilities && self.same_but_for_capabilities(other)
    }

    /// Whether a [portable](crate::RowRef::is_portable) row's bytes mean the same under both
    /// headers.
    pub fn same_but_for_capabilities(&self, other: &Self) -> bool {
        self.base == other.base
            && self.clustering.types() == other.clustering.types()
            && self.statics == other.statics
            && self.regulars == other.regulars
    }
}
