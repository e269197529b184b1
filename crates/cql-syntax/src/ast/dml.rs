//! Statements of the data manipulation language.

use super::{Identifier, Marker, QualifiedName, Term};

/// `SELECT …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// `JSON`
    pub json: bool,
    /// `DISTINCT`
    pub distinct: bool,
    /// The selection: everything, or terms.
    pub selection: Selection,
    /// The table or view.
    pub table: QualifiedName,
    /// All must hold.
    pub where_clause: Vec<Relation>,
    /// `GROUP BY …`
    pub group_by: Vec<Term>,
    /// `ORDER BY …`
    pub order_by: Vec<Ordering>,
    /// `PER PARTITION LIMIT n`
    pub per_partition_limit: Option<IntValue>,
    /// `LIMIT n`
    pub limit: Option<IntValue>,
    /// `ALLOW FILTERING`
    pub allow_filtering: bool,
}

/// The selection: everything, or terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// `*`
    All,
    /// At least one.
    Selectors(Vec<Selector>),
}

/// `term [AS alias]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The term whose value is returned.
    pub term: Term,
    /// The name of the result.
    pub alias: Option<Identifier>,
}

/// `column [ANN OF vector] [ASC | DESC]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Ordering {
    pub column: Identifier,
    /// `ANN OF …`: nearest to this vector first.
    pub ann_of: Option<Term>,
    /// Ascending unless said otherwise.
    pub order: Order,
}

/// A number or a marker, where nothing else may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IntValue {
    /// Decimal digits, with `-` before them where negative: only their receiver says how many may
    /// be.
    Literal(String),
    /// `?` or `:name`
    Marker(Marker),
}

/// A condition on rows, of a `WHERE` clause or after `IF`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum Relation {
    /// `target operator value`
    Comparison {
        /// The left side.
        target: RelationTarget,
        /// The comparison.
        operator: Comparison,
        /// With what.
        value: Term,
    },
    /// `target IN values`
    In {
        /// The left side: its value must be among the values.
        target: RelationTarget,
        values: InValues,
    },
    /// `column CONTAINS value`
    Contains {
        column: Identifier,
        /// The element or value.
        value: Term,
    },
    /// `column CONTAINS KEY value`
    ContainsKey { column: Identifier, key: Term },
    /// `column LIKE pattern`; only of a `WHERE` clause.
    Like { column: Identifier, pattern: Term },
    /// `column IS NOT NULL`; only of a `WHERE` clause.
    IsNotNull(Identifier),
    /// `expr(index, value)`; only of a `WHERE` clause.
    Expression {
        /// A custom index.
        index: Identifier,
        /// The query of the index expression.
        value: Term,
    },
}

/// The left side of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum RelationTarget {
    /// `column`
    Column(Identifier),
    /// `column[key]`
    Element {
        column: Identifier,
        /// The key or index.
        key: Term,
    },
    /// `column.field`; only after `IF`.
    Field { column: Identifier, field: Identifier },
    /// `(a, b)`; only of a `WHERE` clause.
    Tuple(Vec<Identifier>),
    /// `token(a, b)`; only of a `WHERE` clause.
    Token(Vec<Identifier>),
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// The right side of `IN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InValues {
    /// `(a, b)`, may be empty.
    List(Vec<Term>),
    /// `?` or `:name`, all values at once.
    Marker(Marker),
}

/// `USING TIMESTAMP t AND TTL s`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Using {
    /// `TIMESTAMP`, in microseconds since 1970.
    pub timestamp_us: Option<IntValue>,
    /// `TTL`, in seconds.
    pub ttl_s: Option<IntValue>,
}

/// The condition under which `UPDATE` and `DELETE` are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `IF EXISTS`
    Exists,
    /// `IF relation AND …`, at least one.
    If(Vec<Relation>),
}

/// `INSERT INTO table … [IF NOT EXISTS] [USING …]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Insert {
    pub table: QualifiedName,
    /// The row to write.
    pub values: InsertValues,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// `USING …`
    pub using: Using,
}

/// The row that `INSERT` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum InsertValues {
    /// `(columns) VALUES (values)`; both at least one, not necessarily as many.
    Columns { columns: Vec<Identifier>, values: Vec<Term> },
    /// `JSON '…' [DEFAULT NULL | DEFAULT UNSET]`
    Json {
        /// The object.
        value: JsonValue,
        /// `DEFAULT UNSET`: columns that the object lacks are left as they are.
        default_unset: bool,
    },
}

/// The operand of `JSON`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonValue {
    /// A string.
    Text(String),
    /// `?` or `:name`
    Marker(Marker),
}

/// `UPDATE table [USING …] SET … WHERE … [IF …]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Update {
    pub table: QualifiedName,
    /// `USING …`
    pub using: Using,
    /// At least one. Whether two of them contradict each other is not looked at.
    pub assignments: Vec<Assignment>,
    /// All must hold; at least one.
    pub where_clause: Vec<Relation>,
    /// `IF …`
    pub condition: Option<Condition>,
}

/// One assignment of `SET`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Assignment {
    pub column: Identifier,
    /// The change of the column.
    pub operation: AssignmentOperation,
}

/// The change that an assignment makes to its column `c`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum AssignmentOperation {
    /// `c = value`
    Set(Term),
    /// `c = c + value` or `c += value`
    Add(Term),
    /// `c = c - value` or `c -= value`
    Subtract(Term),
    /// `c = value + c`
    Prepend(Term),
    /// `c[key] = value`
    SetElement {
        /// The key or index.
        key: Term,
        value: Term,
    },
    /// `c.field = value`
    SetField { field: Identifier, value: Term },
}

/// `DELETE … FROM table [USING TIMESTAMP t] WHERE … [IF …]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct Delete {
    /// The columns, elements or fields to delete; none means whole rows.
    pub targets: Vec<DeleteTarget>,
    pub table: QualifiedName,
    /// `USING TIMESTAMP`, in microseconds since 1970.
    pub timestamp_us: Option<IntValue>,
    /// All must hold; at least one.
    pub where_clause: Vec<Relation>,
    /// `IF …`
    pub condition: Option<Condition>,
}

/// A part of a row that `DELETE` deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum DeleteTarget {
    /// `column`
    Column(Identifier),
    /// `column[key]`
    Element {
        column: Identifier,
        /// The key or index.
        key: Term,
    },
    /// `column.field`
    Field { column: Identifier, field: Identifier },
}

/// `BEGIN [UNLOGGED | COUNTER] BATCH [USING …] … APPLY BATCH`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The kind of the batch.
    pub kind: BatchKind,
    /// `USING …`
    pub using: Using,
    /// May be none.
    pub statements: Vec<Modification>,
}

/// The guarantee of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// `BEGIN BATCH`
    #[default]
    Logged,
    /// `BEGIN UNLOGGED BATCH`
    Unlogged,
    /// `BEGIN COUNTER BATCH`
    Counter,
}

/// A statement within a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Modification {
    /// `INSERT`
    Insert(Box<Insert>),
    /// `UPDATE`
    Update(Box<Update>),
    /// `DELETE`
    Delete(Box<Delete>),
}

impl Comparison {
    /// The sign.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Using {
    /// Whether there is no `USING`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamp_us.is_none() && self.ttl_s.is_none()
    }
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// `ASC`
    #[default]
    Ascending,
    /// `DESC`
    Descending,
}
