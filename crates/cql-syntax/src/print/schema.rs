//! Statements of the data definition language, as `DESCRIBE` writes them.

use std::fmt::{self, Display, Formatter};

use super::names::TypeName;
use super::terms::{braces, call, enclosed};
use super::{quoted, separated, words_if};
use crate::ast::{
    AlterKeyspace, AlterTable, AlterTableAction, AlterType, AlterTypeAction, AlterView, ColumnDefinition,
    ColumnMask, CreateIndex, CreateKeyspace, CreateTable, CreateType, CreateView, DropKeyspace,
    FieldDefinition, IndexTarget, IndexTargetKind, Order, PrimaryKey, Property, PropertyValue, Rename,
    TableOptions,
};

const IF_EXISTS: &str = "IF EXISTS ";
const IF_NOT_EXISTS: &str = "IF NOT EXISTS ";

impl Display for CreateKeyspace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CREATE KEYSPACE ")?;
        words_if(f, self.if_not_exists, IF_NOT_EXISTS)?;
        write!(f, "{} WITH ", self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

impl Display for AlterKeyspace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("ALTER KEYSPACE ")?;
        words_if(f, self.if_exists, IF_EXISTS)?;
        write!(f, "{} WITH ", self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

impl Display for DropKeyspace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("DROP KEYSPACE ")?;
        words_if(f, self.if_exists, IF_EXISTS)?;
        self.name.fmt(f)
    }
}

impl Display for CreateType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CREATE TYPE ")?;
        words_if(f, self.if_not_exists, IF_NOT_EXISTS)?;
        write!(f, "{} (\n    ", TypeName(&self.name))?;
        separated(f, &self.fields, ",\n    ")?;
        f.write_str("\n)")
    }
}

impl Display for AlterType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("ALTER TYPE ")?;
        words_if(f, self.if_exists, IF_EXISTS)?;
        write!(f, "{} {}", TypeName(&self.name), self.action)
    }
}

impl Display for AlterTypeAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { if_not_exists, field } => {
                f.write_str("ADD ")?;
                words_if(f, *if_not_exists, IF_NOT_EXISTS)?;
                field.fmt(f)
            }
            Self::Rename { if_exists, renames } => rename(f, *if_exists, renames),
            Self::Alter(field) => write!(f, "ALTER {} TYPE {}", field.name, field.cql_type),
        }
    }
}

impl Display for FieldDefinition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.cql_type)
    }
}

impl Display for Rename {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} TO {}", self.from, self.to)
    }
}

impl Display for CreateTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CREATE TABLE ")?;
        words_if(f, self.if_not_exists, IF_NOT_EXISTS)?;
        write!(f, "{} (", self.name)?;
        let inline = self.inline_key();
        for (index, column) in self.columns.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}\n    {column}")?;
            words_if(f, inline == Some(index), " PRIMARY KEY")?;
        }
        for (index, key) in self.primary_keys.iter().enumerate().skip(usize::from(inline.is_some())) {
            let comma = if index == 0 && self.columns.is_empty() { "" } else { "," };
            write!(f, "{comma}\n    {key}")?;
        }
        f.write_str("\n)")?;
        words_if(f, !self.options.is_empty(), " ")?;
        self.options.fmt(f)
    }
}

impl CreateTable {
    /// The column after which `PRIMARY KEY` is written, if that column is the whole first key.
    fn inline_key(&self) -> Option<usize> {
        let PrimaryKey { partition_key, clustering } = self.primary_keys.first()?;
        match (partition_key.as_slice(), clustering.as_slice()) {
            ([only], []) => self.columns.iter().position(|column| column.name == *only),
            _ => None,
        }
    }
}

impl Display for ColumnDefinition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.cql_type)?;
        words_if(f, self.is_static, " static")?;
        self.mask.as_ref().map_or(Ok(()), |mask| write!(f, " {mask}"))
    }
}

impl Display for ColumnMask {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("MASKED WITH ")?;
        match self {
            Self::Default => f.write_str("DEFAULT"),
            Self::Function { name, arguments } => call(f, name, arguments),
        }
    }
}

impl Display for PrimaryKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("PRIMARY KEY (")?;
        if let [only] = self.partition_key.as_slice() {
            only.fmt(f)?;
        } else {
            enclosed(f, "(", &self.partition_key, ")")?;
        }
        self.clustering.iter().try_for_each(|column| write!(f, ", {column}"))?;
        f.write_str(")")
    }
}

/// Writes `WITH …`, one option a line; nothing where there are no options.
impl Display for TableOptions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut keyword = "WITH ";
        let mut option = |f: &mut Formatter<'_>, text: &dyn Display| {
            let result = write!(f, "{keyword}{text}");
            keyword = "\n    AND ";
            result
        };
        if self.compact_storage {
            option(f, &"COMPACT STORAGE")?;
        }
        // `DESCRIBE` writes the identity before the clustering order; the order of the other
        // options is kept.
        let identity = usize::from(self.properties.first().is_some_and(|property| property.name == "id"));
        let (identity, others) =
            self.properties.split_at_checked(identity).unwrap_or((&[], &self.properties));
        for property in identity {
            option(f, &format_args!("ID = {}", property.value))?;
        }
        if !self.clustering_order.is_empty() {
            option(f, &ClusteringOrder(self))?;
        }
        others.iter().try_for_each(|property| option(f, property))
    }
}

struct ClusteringOrder<'a>(&'a TableOptions);

impl Display for ClusteringOrder<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CLUSTERING ORDER BY (")?;
        for (index, (column, order)) in self.0.clustering_order.iter().enumerate() {
            words_if(f, index > 0, ", ")?;
            write!(f, "{column} {order}")?;
        }
        f.write_str(")")
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        })
    }
}

impl Display for Property {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.name, self.value)
    }
}

impl Display for PropertyValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Word(word) => word.fmt(f),
            Self::Map(entries) => braces(f, entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl Display for AlterTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("ALTER TABLE ")?;
        words_if(f, self.if_exists, IF_EXISTS)?;
        write!(f, "{} {}", self.name, self.action)
    }
}

impl Display for AlterTableAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { if_not_exists, columns } => {
                f.write_str("ADD ")?;
                words_if(f, *if_not_exists, IF_NOT_EXISTS)?;
                maybe_enclosed(f, columns)
            }
            Self::Drop { if_exists, columns, timestamp_us } => {
                f.write_str("DROP ")?;
                words_if(f, *if_exists, IF_EXISTS)?;
                maybe_enclosed(f, columns)?;
                timestamp_us.map_or(Ok(()), |at| write!(f, " USING TIMESTAMP {at}"))
            }
            Self::Rename { if_exists, renames } => rename(f, *if_exists, renames),
            Self::AlterType { column, cql_type } => write!(f, "ALTER {column} TYPE {cql_type}"),
            Self::Mask { if_exists, column, mask } => {
                f.write_str("ALTER ")?;
                words_if(f, *if_exists, IF_EXISTS)?;
                write!(f, "{column} ")?;
                match mask {
                    Some(mask) => mask.fmt(f),
                    None => f.write_str("DROP MASKED"),
                }
            }
            Self::DropCompactStorage => f.write_str("DROP COMPACT STORAGE"),
            Self::With(properties) => {
                f.write_str("WITH ")?;
                separated(f, properties, " AND ")
            }
        }
    }
}

impl Display for CreateIndex {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.custom { "CREATE CUSTOM INDEX " } else { "CREATE INDEX " })?;
        words_if(f, self.if_not_exists, IF_NOT_EXISTS)?;
        if let Some(name) = &self.name {
            write!(f, "{name} ")?;
        }
        write!(f, "ON {} ", self.table)?;
        enclosed(f, "(", &self.targets, ")")?;
        if let Some(class) = &self.class {
            f.write_str(" USING ")?;
            quoted(f, class, '\'')?;
        }
        for (index, Property { name, value }) in self.properties.iter().enumerate() {
            f.write_str(if index == 0 { " WITH " } else { " AND " })?;
            // As Cassandra writes the one that it knows.
            if *name == "options" { write!(f, "OPTIONS = {value}") } else { write!(f, "{name} = {value}") }?;
        }
        Ok(())
    }
}

impl Display for IndexTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let function = match self.kind {
            IndexTargetKind::Simple => return self.column.fmt(f),
            IndexTargetKind::Keys => "keys",
            IndexTargetKind::Values => "values",
            IndexTargetKind::Entries => "entries",
            IndexTargetKind::Full => "full",
        };
        write!(f, "{function}({})", self.column)
    }
}

impl Display for CreateView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CREATE MATERIALIZED VIEW ")?;
        words_if(f, self.if_not_exists, IF_NOT_EXISTS)?;
        write!(f, "{} AS\n    SELECT {}\n    FROM {}", self.name, self.selection, self.base)?;
        words_if(f, !self.where_clause.is_empty(), "\n    WHERE ")?;
        separated(f, &self.where_clause, " AND ")?;
        write!(f, "\n    {}", self.primary_key)?;
        // As it comes out in Cassandra, too.
        words_if(f, !self.options.is_empty(), "\n ")?;
        self.options.fmt(f)
    }
}

impl Display for AlterView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("ALTER MATERIALIZED VIEW ")?;
        words_if(f, self.if_exists, IF_EXISTS)?;
        write!(f, "{} WITH ", self.name)?;
        separated(f, &self.properties, " AND ")
    }
}

fn rename(f: &mut Formatter<'_>, if_exists: bool, renames: &[Rename]) -> fmt::Result {
    f.write_str("RENAME ")?;
    words_if(f, if_exists, IF_EXISTS)?;
    separated(f, renames, " AND ")
}

/// Writes one item without parentheses, several in them.
fn maybe_enclosed<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    if let [only] = items { only.fmt(f) } else { enclosed(f, "(", items, ")") }
}
