//! Writes as values that can be spelled in CQL and carried out through the engine's API; all values
//! are literals.

/// Stands for a value of no bytes where a literal can't say so, such as an empty `int`.
pub(crate) const EMPTY: &str = "EMPTY";
/// Stands for no value.
pub(crate) const NULL: &str = "null";

/// Literals of several types in one list: `lits![1, "'a'"]`.
macro_rules! lits {
    ($($value:expr),* $(,)?) => {
        vec![$($value.to_string()),*]
    };
}
pub(crate) use lits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
}

/// The change of a column.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(String),
    AddToSet(String),
    RemoveFromSet(String),
    Put(String, String),
    RemoveKey(String),
    Append(String),
    Prepend(String),
    SetAt(u32, String),
    RemoveAt(u32),
    RemoveValue(String),
    SetField(String, String),
    Increment(i64),
    /// Of a DELETE: the whole column.
    Clear,
}

/// One end of a range: values after the prefix, and whether they belong to it.
pub(crate) type End = Option<(Vec<String>, bool)>;

/// The rows of a range deletion.
#[derive(Clone, Debug)]
pub(crate) enum Range {
    /// In CQL's form: the lower and the upper end by value, of the columns after a given prefix.
    ByValue { prefix: Vec<String>, lower: End, upper: End },
    /// In the engine's form: from and to in the table's order, which CQL can't express for mixed
    /// orders.
    ByOrder { from: End, to: End },
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Exists,
    NotExists,
    /// Column, operator, literal.
    If(&'static str, &'static str, String),
}

#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) kind: Kind,
    pub(crate) key: Vec<String>,
    pub(crate) clustering: Vec<String>,
    pub(crate) changes: Vec<(String, Change)>,
    pub(crate) range: Option<Range>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) ttl: Option<u32>,
    pub(crate) conditions: Vec<Condition>,
    /// Whether it depends on the data if it can be carried out: an index into a list.
    pub(crate) may_be_refused: bool,
}

pub(crate) fn insert(key: Vec<String>, clustering: Vec<String>) -> Write {
    Write::new(Kind::Insert, key, clustering)
}

pub(crate) fn update(key: Vec<String>, clustering: Vec<String>) -> Write {
    Write::new(Kind::Update, key, clustering)
}

pub(crate) fn delete(key: Vec<String>, clustering: Vec<String>) -> Write {
    Write::new(Kind::Delete, key, clustering)
}

impl Write {
    fn new(kind: Kind, key: Vec<String>, clustering: Vec<String>) -> Self {
        Self {
            kind,
            key,
            clustering,
            changes: Vec::new(),
            range: None,
            timestamp: None,
            ttl: None,
            conditions: Vec::new(),
            may_be_refused: false,
        }
    }

    pub(crate) fn change(mut self, column: &str, change: Change) -> Self {
        self.may_be_refused |= matches!(change, Change::SetAt(..) | Change::RemoveAt(..));
        self.changes.push((column.to_owned(), change));
        self
    }

    pub(crate) fn set(self, column: &str, value: impl ToString) -> Self {
        self.change(column, Change::Set(value.to_string()))
    }

    pub(crate) fn add(self, column: &str, element: impl ToString) -> Self {
        self.change(column, Change::AddToSet(element.to_string()))
    }

    pub(crate) fn put(self, column: &str, key: impl ToString, value: impl ToString) -> Self {
        self.change(column, Change::Put(key.to_string(), value.to_string()))
    }

    pub(crate) fn append(self, column: &str, element: impl ToString) -> Self {
        self.change(column, Change::Append(element.to_string()))
    }

    pub(crate) fn prepend(self, column: &str, element: impl ToString) -> Self {
        self.change(column, Change::Prepend(element.to_string()))
    }

    pub(crate) fn field(self, column: &str, field: &str, value: impl ToString) -> Self {
        self.change(column, Change::SetField(field.to_owned(), value.to_string()))
    }

    pub(crate) fn increment(self, column: &str, delta: i64) -> Self {
        self.change(column, Change::Increment(delta))
    }

    /// Of a DELETE: a column.
    pub(crate) fn column(self, column: &str) -> Self {
        self.change(column, Change::Clear)
    }

    /// Of a DELETE: an element of a set or an entry of a map.
    pub(crate) fn element(self, column: &str, element: impl ToString) -> Self {
        self.change(column, Change::RemoveKey(element.to_string()))
    }

    /// Of a DELETE: rows with the prefix given as the clustering, between those ends by value.
    /// Without an end it stays a deletion of all rows with the prefix, as in CQL.
    pub(crate) fn between(mut self, lower: End, upper: End) -> Self {
        if lower.is_some() || upper.is_some() {
            let prefix = std::mem::take(&mut self.clustering);
            self.range = Some(Range::ByValue { prefix, lower, upper });
        }
        self
    }

    /// Of a DELETE: rows between those ends in the table's order.
    pub(crate) fn ordered(mut self, from: End, to: End) -> Self {
        self.range = Some(Range::ByOrder { from, to });
        self
    }

    pub(crate) fn at(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    pub(crate) fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = Some(seconds);
        self
    }

    pub(crate) fn only_if(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

pub(crate) fn incl(values: Vec<String>) -> End {
    Some((values, true))
}

pub(crate) fn excl(values: Vec<String>) -> End {
    Some((values, false))
}
