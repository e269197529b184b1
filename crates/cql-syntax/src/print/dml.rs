//! Statements of the data manipulation language, each on one line.

use std::fmt::{self, Display, Formatter};

use super::terms::enclosed;
use super::{quoted, separated, words_if};
use crate::ast::{
    Assignment, AssignmentOperation, Batch, BatchKind, Condition, Delete, DeleteTarget, Insert, InsertValues,
    IntValue, JsonValue, Modification, Order, Ordering, Relation, Select, Selection, Selector, Update, Using,
};

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        words_if(f, self.json, "JSON ")?;
        words_if(f, self.distinct, "DISTINCT ")?;
        write!(f, "{} FROM {}", self.selection, self.table)?;
        where_clause(f, &self.where_clause)?;
        words_if(f, !self.group_by.is_empty(), " GROUP BY ")?;
        separated(f, &self.group_by, ", ")?;
        words_if(f, !self.order_by.is_empty(), " ORDER BY ")?;
        separated(f, &self.order_by, ", ")?;
        if let Some(limit) = &self.per_partition_limit {
            write!(f, " PER PARTITION LIMIT {limit}")?;
        }
        if let Some(limit) = &self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        words_if(f, self.allow_filtering, " ALLOW FILTERING")
    }
}

impl Display for Selection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Selectors(selectors) => separated(f, selectors, ", "),
        }
    }
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.term.fmt(f)?;
        self.alias.as_ref().map_or(Ok(()), |alias| write!(f, " AS {alias}"))
    }
}

impl Display for Ordering {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.column.fmt(f)?;
        if let Some(vector) = &self.ann_of {
            write!(f, " ANN OF {vector}")?;
        }
        words_if(f, self.order == Order::Descending, " DESC")
    }
}

impl Display for Insert {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "INSERT INTO {} {}", self.table, self.values)?;
        words_if(f, self.if_not_exists, " IF NOT EXISTS")?;
        self.using.fmt(f)
    }
}

impl Display for InsertValues {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns { columns, values } => {
                enclosed(f, "(", columns, ") VALUES ")?;
                enclosed(f, "(", values, ")")
            }
            Self::Json { value, default_unset } => {
                f.write_str("JSON ")?;
                match value {
                    JsonValue::Text(text) => quoted(f, text, '\'')?,
                    JsonValue::Marker(marker) => marker.fmt(f)?,
                }
                words_if(f, *default_unset, " DEFAULT UNSET")
            }
        }
    }
}

/// Writes ` USING …`; nothing where there is nothing.
impl Display for Using {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&self.timestamp_us, &self.ttl_s) {
            (None, None) => Ok(()),
            (Some(timestamp), None) => write!(f, " USING TIMESTAMP {timestamp}"),
            (None, Some(ttl)) => write!(f, " USING TTL {ttl}"),
            // Markers keep their order.
            (Some(IntValue::Marker(timestamp)), Some(IntValue::Marker(ttl)))
                if ttl.index < timestamp.index =>
            {
                write!(f, " USING TTL {ttl} AND TIMESTAMP {timestamp}")
            }
            (Some(timestamp), Some(ttl)) => write!(f, " USING TIMESTAMP {timestamp} AND TTL {ttl}"),
        }
    }
}

impl Display for Update {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "UPDATE {}{} SET ", self.table, self.using)?;
        separated(f, &self.assignments, ", ")?;
        where_clause(f, &self.where_clause)?;
        condition(f, self.condition.as_ref())
    }
}

impl Display for Assignment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let column = &self.column;
        match &self.operation {
            AssignmentOperation::Set(value) => write!(f, "{column} = {value}"),
            AssignmentOperation::Add(value) => write!(f, "{column} = {column} + {value}"),
            AssignmentOperation::Subtract(value) => write!(f, "{column} = {column} - {value}"),
            AssignmentOperation::Prepend(value) => write!(f, "{column} = {value} + {column}"),
            AssignmentOperation::SetElement { key, value } => write!(f, "{column}[{key}] = {value}"),
            AssignmentOperation::SetField { field, value } => write!(f, "{column}.{field} = {value}"),
        }
    }
}

impl Display for Delete {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("DELETE ")?;
        separated(f, &self.targets, ", ")?;
        words_if(f, !self.targets.is_empty(), " ")?;
        write!(f, "FROM {}", self.table)?;
        if let Some(timestamp) = &self.timestamp_us {
            write!(f, " USING TIMESTAMP {timestamp}")?;
        }
        where_clause(f, &self.where_clause)?;
        condition(f, self.condition.as_ref())
    }
}

impl Display for DeleteTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => column.fmt(f),
            Self::Element { column, key } => write!(f, "{column}[{key}]"),
            Self::Field { column, field } => write!(f, "{column}.{field}"),
        }
    }
}

impl Display for Batch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            BatchKind::Logged => "",
            BatchKind::Unlogged => "UNLOGGED ",
            BatchKind::Counter => "COUNTER ",
        };
        write!(f, "BEGIN {kind}BATCH{}", self.using)?;
        self.statements.iter().try_for_each(|statement| write!(f, " {statement};"))?;
        f.write_str(" APPLY BATCH")
    }
}

impl Display for Modification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert(statement) => statement.fmt(f),
            Self::Update(statement) => statement.fmt(f),
            Self::Delete(statement) => statement.fmt(f),
        }
    }
}

fn where_clause(f: &mut Formatter<'_>, relations: &[Relation]) -> fmt::Result {
    words_if(f, !relations.is_empty(), " WHERE ")?;
    separated(f, relations, " AND ")
}

fn condition(f: &mut Formatter<'_>, condition: Option<&Condition>) -> fmt::Result {
    condition.map_or(Ok(()), |condition| write!(f, " IF {condition}"))
}
