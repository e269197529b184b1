//! As much schema as the semantics need.

/// The types that keys, clusterings, values and collection paths of the model have. Their order is
/// written here again, so that the model does not inherit a mistake from the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    /// Four bytes, signed.
    Int,
    /// Eight bytes, signed.
    BigInt,
    /// UTF-8, ordered by bytes.
    Text,
    /// Bytes.
    Blob,
    /// A version 1 UUID, ordered by time: the path of a list's cell.
    TimeUuid,
}

impl ModelType {
    /// The type's name in CQL.
    #[must_use]
    pub fn cql(self) -> &'static str {
        match self {
            ModelType::Int => "int",
            ModelType::BigInt => "bigint",
            ModelType::Text => "text",
            ModelType::Blob => "blob",
            ModelType::TimeUuid => "timeuuid",
        }
    }
}

/// One component of the clustering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusteringColumn {
    /// The column's name.
    pub name: String,
    /// The type of its values.
    pub kind: ModelType,
    /// Declared `DESC`: the order of its values is turned round (`ReversedType`).
    pub descending: bool,
}

/// The kind of data that a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// One cell.
    Simple(ModelType),
    /// A list: cells by a time UUID. The type is the elements'.
    List(ModelType),
    /// A set: cells without value, by their element.
    Set(ModelType),
    /// A map: cells by key; the types are the keys' and the values'.
    Map(ModelType, ModelType),
    /// One counter cell.
    Counter,
}

impl ColumnKind {
    /// The type of the paths by which a complex column's cells are ordered; none for one that has a
    /// single cell.
    #[must_use]
    pub fn path(self) -> Option<ModelType> {
        match self {
            ColumnKind::Simple(_) | ColumnKind::Counter => None,
            ColumnKind::List(_) => Some(ModelType::TimeUuid),
            ColumnKind::Set(element) => Some(element),
            ColumnKind::Map(key, _) => Some(key),
        }
    }

    /// The type's name in CQL.
    #[must_use]
    pub fn cql(self) -> String {
        match self {
            ColumnKind::Simple(kind) => kind.cql().to_owned(),
            ColumnKind::List(element) => format!("list<{}>", element.cql()),
            ColumnKind::Set(element) => format!("set<{}>", element.cql()),
            ColumnKind::Map(key, value) => format!("map<{}, {}>", key.cql(), value.cql()),
            ColumnKind::Counter => "counter".to_owned(),
        }
    }
}

/// A static or regular column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The kind of its data.
    pub kind: ColumnKind,
    /// When it was dropped (µs), whether or not it was added again since: cells and complex
    /// deletions with a timestamp up to this are discarded.
    pub dropped_at: Option<i64>,
}

/// A table: what its partitions may hold. The partition key is one `int` named `pk`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelTable {
    /// The components of the clustering; may be none.
    pub clustering: Vec<ClusteringColumn>,
    /// The static columns in Cassandra's order: simple before complex, each by name.
    pub statics: Vec<Column>,
    /// The regular columns, in the same order.
    pub regulars: Vec<Column>,
}

impl ModelTable {
    /// The table's CQL, as `CREATE TABLE`.
    #[must_use]
    pub fn cql(&self, name: &str) -> String {
        let mut columns = vec!["pk int".to_owned()];
        columns.extend(self.clustering.iter().map(|c| format!("{} {}", c.name, c.kind.cql())));
        columns.extend(self.statics.iter().map(|c| format!("{} {} STATIC", c.name, c.kind.cql())));
        columns.extend(self.regulars.iter().map(|c| format!("{} {}", c.name, c.kind.cql())));
        let mut key = vec!["pk".to_owned()];
        key.extend(self.clustering.iter().map(|c| c.name.clone()));
        let order: Vec<_> = self
            .clustering
            .iter()
            .map(|c| format!("{} {}", c.name, if c.descending { "DESC" } else { "ASC" }))
            .collect();
        let order = match order.is_empty() {
            true => String::new(),
            false => format!(" WITH CLUSTERING ORDER BY ({})", order.join(", ")),
        };
        format!("CREATE TABLE {name} ({}, PRIMARY KEY ({})){order}", columns.join(", "), key.join(", "))
    }
}
