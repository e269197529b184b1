//! A table's schema for the storage: keys, columns, and dropped columns.

use std::collections::HashMap;
use std::sync::Arc;

use helenus_types::{DecodeError, Partitioner, Reader, TableId, Timestamp, Type};

use crate::clustering::ClusteringComparator;
use crate::header::{Capabilities, Column, Columns, EncodingBase, Header};

/// The role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Part of the partition key.
    PartitionKey,
    /// Part of the clustering.
    Clustering,
    /// One value for the whole partition.
    Static,
    /// One value for each row.
    Regular,
}

/// How a table `WITH COMPACT STORAGE` stores the columns of its definition
/// (`schema.TableMetadata.CompactTableMetadata`). Since 4.0 Cassandra refuses to create such
/// tables, and still serves those that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompactStorage {
    /// A primary key without clustering: the columns are stored as static ones, with a hidden
    /// clustering column and a hidden regular one. A partition is one row.
    Static,
    /// Rows without markers, of one value. If the definition has no value column, a hidden column
    /// of no bytes takes its place.
    Dense,
}

/// A column's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    /// Name.
    pub name: Arc<str>,
    /// Type; a clustering column in descending order has a reversed one.
    pub ty: Type,
    /// Its role.
    pub kind: ColumnKind,
    /// Place among the key columns of its kind, or in canonical order among the static or regular
    /// ones.
    pub index: usize,
}

/// A column that the table had (`schema.DroppedColumn`): files may still hold its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedColumn {
    /// Name.
    pub name: Arc<str>,
    /// Type that it had.
    pub ty: Type,
    /// Whether it was static.
    pub is_static: bool,
    /// Cells with a timestamp up to and including this are gone, also when the column was added
    /// again.
    pub dropped_at: Timestamp,
}

/// Why a schema is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No partition key column.
    #[error("table {0} has no partition key")]
    NoPartitionKey(Arc<str>),
    /// The same name twice.
    #[error("column {0} is defined twice")]
    DuplicateColumn(Arc<str>),
    /// A type that a column of that kind can't have.
    #[error("column {column}: type {ty} is not allowed for {place}")]
    BadType {
        /// The column.
        column: Arc<str>,
        /// Its type in CQL.
        ty: String,
        /// The column's role.
        place: &'static str,
    },
    /// Static columns need clustering columns.
    #[error("static column {0} in a table without clustering columns")]
    StaticWithoutClustering(Arc<str>),
    /// Counters live with counters only.
    #[error("column {0}: counters and other types can't be mixed in one table")]
    MixedCounters(Arc<str>),
}

/// A table's schema (`schema.TableMetadata`, the part that the storage needs).
#[derive(Clone, Debug, PartialEq)]
pub struct TableSchema {
    keyspace: Arc<str>,
    name: Arc<str>,
    id: TableId,
    partition_key: Vec<ColumnDef>,
    clustering: Vec<ColumnDef>,
    statics: Columns,
    regulars: Columns,
    dropped: Vec<DroppedColumn>,
    is_counter: bool,
    strict_liveness: bool,
    compact: Option<CompactStorage>,
    by_name: HashMap<Arc<str>, (ColumnKind, usize)>,
}

impl TableSchema {
    /// A table with those columns: key columns in key order, the others in any.
    ///
    /// # Errors
    /// When Cassandra would refuse such a table.
    pub fn new(
        keyspace: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
        id: TableId,
        columns: Vec<(Arc<str>, Type, ColumnKind)>,
    ) -> Result<Self, SchemaError> {
        let name = name.into();
        let of = |kind| columns.iter().filter(move |c| c.2 == kind);
        let keys = |kind| {
            let defs = of(kind).enumerate();
            defs.map(|(index, (name, ty, kind))| ColumnDef {
                name: name.clone(),
                ty: ty.clone(),
                kind: *kind,
                index,
            })
        };
        let others = |kind| {
            Columns::new(of(kind).map(|(name, ty, _)| Column::new(name.clone(), ty.clone())).collect())
        };
        let (statics, regulars) = (others(ColumnKind::Static), others(ColumnKind::Regular));
        let mut schema = Self {
            keyspace: keyspace.into(),
            name,
            id,
            partition_key: keys(ColumnKind::PartitionKey).collect(),
            clustering: keys(ColumnKind::Clustering).collect(),
            is_counter: statics.as_slice().iter().chain(regulars.as_slice()).any(|c| c.counter),
            statics,
            regulars,
            dropped: Vec::new(),
            strict_liveness: false,
            compact: None,
            by_name: HashMap::new(),
        };
        schema.index_names()?;
        schema.check(&columns)?;
        Ok(schema)
    }

    /// The same table with those columns remembered as dropped.
    #[must_use]
    pub fn with_dropped(self, dropped: Vec<DroppedColumn>) -> Self {
        Self { dropped, ..self }
    }

    /// The same table, whose rows live by their liveness alone (a materialized view).
    #[must_use]
    pub fn with_strict_liveness(self, strict_liveness: bool) -> Self {
        Self { strict_liveness, ..self }
    }

    /// The same table, with compact storage or without.
    #[must_use]
    pub fn with_compact(self, compact: Option<CompactStorage>) -> Self {
        Self { compact, ..self }
    }

    /// Keyspace's name.
    pub fn keyspace(&self) -> &Arc<str> {
        &self.keyspace
    }

    /// Table's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The table's identity.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Columns of the partition key.
    pub fn partition_key(&self) -> &[ColumnDef] {
        &self.partition_key
    }

    /// Clustering columns.
    pub fn clustering(&self) -> &[ColumnDef] {
        &self.clustering
    }

    /// Static columns, in canonical order.
    pub fn statics(&self) -> &Columns {
        &self.statics
    }

    /// Regular columns, in canonical order.
    pub fn regulars(&self) -> &Columns {
        &self.regulars
    }

    /// Columns that were dropped.
    pub fn dropped(&self) -> &[DroppedColumn] {
        &self.dropped
    }

    /// The record of that name's drop, for a static or a regular column.
    pub fn dropped_column(&self, name: &str) -> Option<&DroppedColumn> {
        self.dropped.iter().find(|d| &*d.name == name)
    }

    /// Whether only a row's liveness makes it visible.
    pub fn strict_liveness(&self) -> bool {
        self.strict_liveness
    }

    /// Whether the table's columns are counters.
    #[inline]
    pub fn is_counter(&self) -> bool {
        self.is_counter
    }

    /// The kind of compact storage, if the table has it.
    pub fn compact(&self) -> Option<CompactStorage> {
        self.compact
    }

    /// The clustering columns that a query shows and restricts: all, but in a
    /// [`CompactStorage::Static`] table.
    pub fn shown_clustering(&self) -> &[ColumnDef] {
        if self.compact == Some(CompactStorage::Static) { &[] } else { &self.clustering }
    }

    /// Whether a query shows the regular columns of that type: all, but those that compact storage
    /// added.
    pub fn shows_regular(&self, ty: &Type) -> bool {
        match self.compact {
            None => true,
            Some(CompactStorage::Static) => false,
            Some(CompactStorage::Dense) => *ty != Type::Empty,
        }
    }

    /// Kind of the column of that name, and its index in its kind.
    pub fn column(&self, name: &str) -> Option<(ColumnKind, usize)> {
        self.by_name.get(name).copied()
    }

    /// Type of the column of that kind and index.
    pub fn column_type(&self, kind: ColumnKind, index: usize) -> Option<&Type> {
        match kind {
            ColumnKind::PartitionKey => self.partition_key.get(index).map(|c| &c.ty),
            ColumnKind::Clustering => self.clustering.get(index).map(|c| &c.ty),
            ColumnKind::Static => self.statics.get(index).map(|c| &c.ty),
            ColumnKind::Regular => self.regulars.get(index).map(|c| &c.ty),
        }
    }

    /// Type of the whole partition key: its column's, or a composite.
    pub fn key_type(&self) -> Type {
        match self.partition_key.as_slice() {
            [one] => one.ty.clone(),
            several => Type::composite(several.iter().map(|c| c.ty.clone()).collect()),
        }
    }

    /// The header that rows of this table are encoded against by us.
    pub fn header(&self, base: EncodingBase) -> Header {
        Header {
            base,
            key_type: self.key_type(),
            partitioner: Partitioner::Murmur3,
            clustering: ClusteringComparator::new(self.clustering.iter().map(|c| c.ty.clone()).collect()),
            statics: self.statics.clone(),
            regulars: self.regulars.clone(),
            capabilities: Capabilities::CURRENT,
        }
    }

    /// The values of a partition key, one for each column.
    ///
    /// # Errors
    /// When the bytes are not such a key.
    pub fn split_partition_key<'a>(&self, key: &'a [u8]) -> Result<Vec<&'a [u8]>, DecodeError> {
        if self.partition_key.len() == 1 {
            return Ok(vec![key]);
        }
        let mut reader = Reader::new(key);
        let mut values = Vec::with_capacity(self.partition_key.len());
        for _ in &self.partition_key {
            values.push(reader.u16_bytes()?);
            reader.u8()?;
        }
        if reader.is_empty() {
            Ok(values)
        } else {
            Err(reader.error("the end of the key", "more components"))
        }
    }

    fn index_names(&mut self) -> Result<(), SchemaError> {
        let keys =
            self.partition_key.iter().chain(&self.clustering).map(|c| (c.name.clone(), c.kind, c.index));
        let others = [(ColumnKind::Static, &self.statics), (ColumnKind::Regular, &self.regulars)];
        let others = others.into_iter().flat_map(|(kind, columns)| {
            columns.as_slice().iter().enumerate().map(move |(index, c)| (c.name.clone(), kind, index))
        });
        let mut by_name = HashMap::new();
        for (name, kind, index) in keys.chain(others) {
            if by_name.insert(name.clone(), (kind, index)).is_some() {
                return Err(SchemaError::DuplicateColumn(name));
            }
        }
        self.by_name = by_name;
        Ok(())
    }

    fn check(&self, columns: &[(Arc<str>, Type, ColumnKind)]) -> Result<(), SchemaError> {
        if self.partition_key.is_empty() {
            return Err(SchemaError::NoPartitionKey(self.name.clone()));
        }
        for (name, ty, kind) in columns {
            let is_key = matches!(kind, ColumnKind::PartitionKey | ColumnKind::Clustering);
            if is_key && (ty.is_multi_cell() || ty.is_counter() || ty.contains_duration()) {
                return Err(SchemaError::BadType {
                    column: name.clone(),
                    ty: ty.cql_name(),
                    place: "a primary key column",
                });
            }
            if *kind == ColumnKind::Static && self.clustering.is_empty() {
                return Err(SchemaError::StaticWithoutClustering(name.clone()));
            }
            if !is_key && ty.is_counter() != self.is_counter() {
                return Err(SchemaError::MixedCounters(name.clone()));
            }
        }
        Ok(())
    }
}
