//! Whether what rows hold is what their types allow.

use helenus_rows::{
    BoundKind, Broken, Cell, CellEvent, Column, Columns, CounterContext, DeletionTime, Grammar, Header,
    LivenessInfo, RowRef, RowVisitor, Unfiltered,
};
use helenus_types::{LocalDeletionTime, Type, ValueError};

/// An invalid value or time, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// The type or kind, and the place.
    pub expected: String,
    /// What is wrong.
    pub found: String,
}

impl BadValue {
    #[cold]
    fn new(what: &str, error: &ValueError) -> BadValue {
        BadValue { expected: format!("a {} in {what}", error.type_name), found: error.problem.to_string() }
    }
}

/// Checks rows of a table: that they follow the grammar of streams and can be decoded, and that
/// they hold what the types of their columns allow.
#[derive(Debug)]
pub struct RowCheck {
    values: Values,
    pub(super) grammar: Grammar,
}

impl RowCheck {
    /// For rows with that header.
    #[must_use]
    pub fn new(header: &Header) -> RowCheck {
        RowCheck { values: Values::new(header), grammar: Grammar::default() }
    }

    /// Decodes a row once: the first invalid value in it, its clustering aside, and whether it is a
    /// row. `visitor` receives what is decoded.
    #[inline]
    pub fn row(
        &mut self,
        header: &Header,
        row: RowRef<'_>,
        is_static: bool,
        visitor: impl RowVisitor,
    ) -> (Option<BadValue>, Result<(), Broken>) {
        let mut visit = Visit { row: &row, values: &self.values, bad: None, visitor };
        let checked = self.grammar.row(header, row, is_static, &mut visit);
        (visit.bad, checked)
    }
}

/// Visits everything in a row.
struct Visit<'a, V> {
    row: &'a RowRef<'a>,
    values: &'a Values,
    /// The first value that is wrong.
    bad: Option<BadValue>,
    visitor: V,
}

impl<V: RowVisitor> RowVisitor for &mut Visit<'_, V> {
    #[inline]
    fn head(&mut self, liveness: LivenessInfo, deletion: DeletionTime) {
        self.bad = check_row(liveness, deletion).err();
        self.visitor.head(liveness, deletion);
    }

    #[inline]
    fn event(&mut self, event: CellEvent<'_>) {
        if let Err(bad) = self.values.check(self.row, &event) {
            self.bad.get_or_insert(bad);
        }
        self.visitor.event(event);
    }
}

/// Types of values, looked up once for a table.
#[derive(Debug)]
struct Values {
    statics: Vec<ColumnValues>,
    regulars: Vec<ColumnValues>,
}

/// The kind of values in the cells of a column.
#[derive(Debug)]
enum ColumnValues {
    Counter,
    /// One type for all cells, and that of their paths.
    Same(Type, Option<Type>),
    /// A user type's fields: the path says which.
    Fields(Vec<Type>),
    /// Anything is allowed.
    Any,
}

impl ColumnValues {
    fn of(column: &Column) -> ColumnValues {
        let ty = column.ty.base();
        match ty {
            _ if column.counter => ColumnValues::Counter,
            Type::Udt { definition, .. } if column.complex => {
                ColumnValues::Fields(definition.fields.iter().map(|(_, field)| field.clone()).collect())
            }
            Type::Blob => ColumnValues::Any,
            _ => match ty.cell_value_type(&[]) {
                Some(value) => ColumnValues::Same(value, column.path_type.clone()),
                None => ColumnValues::Any,
            },
        }
    }
}

impl Values {
    fn new(header: &Header) -> Values {
        let all = |columns: &Columns| columns.as_slice().iter().map(ColumnValues::of).collect();
        Values { statics: all(&header.statics), regulars: all(&header.regulars) }
    }

    /// Checks one event of a row.
    #[inline]
    fn check(&self, row: &RowRef<'_>, event: &CellEvent<'_>) -> Result<(), BadValue> {
        let (column, cell) = match event {
            CellEvent::Simple { column, cell } | CellEvent::Element { column, cell } => (*column, cell),
            CellEvent::Complex { deletion, .. } => return check_deletion(*deletion, "a collection"),
        };
        if cell.local_deletion_time == LocalDeletionTime::INVALID
            || (cell.ttl != 0 && cell.local_deletion_time == LocalDeletionTime::NONE)
        {
            return Err(bad_time("a cell", cell.local_deletion_time));
        }
        let all = if row.is_static() { &self.statics } else { &self.regulars };
        let Some(values) = all.get(column) else { return Ok(()) };
        check_value(values, cell).map_err(|error| {
            let name = row.columns().get(column).map_or("?", |column| &*column.name);
            BadValue::new(&format!("column {name}"), &error)
        })
    }
}

#[inline]
fn check_value(values: &ColumnValues, cell: &Cell<'_>) -> Result<(), ValueError> {
    if let ColumnValues::Same(_, Some(ty)) = values {
        ty.validate(cell.path)?;
    }
    if cell.is_tombstone() {
        return Ok(());
    }
    match values {
        ColumnValues::Same(ty, _) => ty.validate(cell.value),
        ColumnValues::Fields(fields) => {
            let index = <[u8; 2]>::try_from(cell.path).map(u16::from_be_bytes).map(usize::from);
            match index.ok().and_then(|index| fields.get(index)) {
                Some(ty) => ty.validate(cell.value),
                None => Err(ValueError::new(&Type::SmallInt, "not the number of a field")),
            }
        }
        ColumnValues::Counter => CounterContext::parse(cell.value)
            .map(|_| ())
            .map_err(|error| ValueError::new(&Type::Counter, error.to_string())),
        ColumnValues::Any => Ok(()),
    }
}

/// Checks what a row or marker has besides cells: its clustering and deletions.
///
/// # Errors
/// What is invalid.
#[inline]
pub fn check_unfiltered(header: &Header, unfiltered: &Unfiltered<'_>) -> Result<(), BadValue> {
    let position = unfiltered.position();
    let values = header.clustering.components(position.values, position.size);
    for (index, value) in values.enumerate() {
        if let (Some(value), Some(ty)) = (value, header.clustering.types().get(index)) {
            ty.validate(value)
                .map_err(|error| BadValue::new(&format!("clustering column {index}"), &error))?;
        }
    }
    match unfiltered {
        Unfiltered::Row(_) => Ok(()),
        Unfiltered::Marker(marker) => {
            check_deletion(marker.close, "a range")?;
            check_deletion(marker.open, "a range")
        }
    }
}

/// Checks a row's own liveness and deletion.
#[inline]
fn check_row(liveness: LivenessInfo, deletion: DeletionTime) -> Result<(), BadValue> {
    if liveness.local_expiration_time == LocalDeletionTime::INVALID {
        return Err(bad_time("a row", liveness.local_expiration_time));
    }
    check_deletion(deletion, "a row")
}

/// Checks a deletion's local time: negative ones in old files are damage (CASSANDRA-14092, -17506).
pub(super) fn check_deletion(deletion: DeletionTime, what: &str) -> Result<(), BadValue> {
    let time = deletion.local_deletion_time;
    let is_wrong =
        !deletion.is_live() && (time == LocalDeletionTime::INVALID || time == LocalDeletionTime::NONE);
    if is_wrong { Err(bad_time(what, time)) } else { Ok(()) }
}

#[cold]
fn bad_time(what: &str, time: LocalDeletionTime) -> BadValue {
    let found = match time {
        LocalDeletionTime::INVALID => "a negative one".to_owned(),
        other => other.0.to_string(),
    };
    BadValue { expected: format!("a local deletion time of {what}"), found }
}

/// The kind of bound that a row or marker is the start of.
pub(super) fn start_kind(unfiltered: &Unfiltered<'_>) -> BoundKind {
    match unfiltered {
        Unfiltered::Row(_) => BoundKind::InclStart,
        Unfiltered::Marker(marker) => BoundKind::start(marker.bound.kind.side()),
    }
}
