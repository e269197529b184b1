//! Whether what rows hold is what their types allow.

use helenus_rows::{
    BoundKind, Cell, CellEvent, Column, Columns, CounterContext, DeletionTime, Header, LivenessInfo, RowRef,
    Unfiltered,
};
use helenus_types::{LocalDeletionTime, Type, ValueError};

/// An invalid value: its column and the fault.
pub(crate) struct BadValue {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl BadValue {
    #[cold]
    fn new(what: &str, error: &ValueError) -> BadValue {
        BadValue { expected: format!("a {} in {what}", error.type_name), found: error.problem.to_string() }
    }
}

/// Types of values, looked up once for a table.
pub(crate) struct Values {
    statics: Vec<ColumnValues>,
    regulars: Vec<ColumnValues>,
}

/// The kind of values in the cells of a column.
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
    pub(crate) fn new(header: &Header) -> Values {
        let all = |columns: &Columns| columns.as_slice().iter().map(ColumnValues::of).collect();
        Values { statics: all(&header.statics), regulars: all(&header.regulars) }
    }

    /// Checks one event of a row.
    #[inline]
    pub(crate) fn check(&self, row: &RowRef<'_>, event: &CellEvent<'_>) -> Result<(), BadValue> {
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
#[inline]
pub(crate) fn check_unfiltered(header: &Header, unfiltered: &Unfiltered<'_>) -> Result<(), BadValue> {
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
pub(crate) fn check_row(liveness: LivenessInfo, deletion: DeletionTime) -> Result<(), BadValue> {
    if liveness.local_expiration_time == LocalDeletionTime::INVALID {
        return Err(bad_time("a row", liveness.local_expiration_time));
    }
    check_deletion(deletion, "a row")
}

/// Checks a deletion's local time: negative ones in old files are damage (CASSANDRA-14092, -17506).
pub(crate) fn check_deletion(deletion: DeletionTime, what: &str) -> Result<(), BadValue> {
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
pub(crate) fn start_kind(unfiltered: &Unfiltered<'_>) -> BoundKind {
    match unfiltered {
        Unfiltered::Row(_) => BoundKind::InclStart,
        Unfiltered::Marker(marker) => BoundKind::start(marker.bound.kind.side()),
    }
}
