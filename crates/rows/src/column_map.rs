//! Maps the columns of one header to those of another, by name.

use helenus_types::{DecodeError, Timestamp};

use crate::cell::Cell;
use crate::codec::{CellEvent, RowBuf, RowBuilder, RowRef};
use crate::header::{Column, Columns, Header};
use crate::schema::DroppedColumn;

/// The places of a source's columns in a target header, and the data that schema changes took from
/// them. Made once per source.
///
/// A column that the target lacks, or has as simple where the source has it as complex, is left
/// out. Of a column that was dropped, whether or not it was added again, cells and complex
/// deletions up to that time are left out (`SerializationHelper.isDropped`).
///
/// A source may hold its columns in another order than the target: ScyllaDB and earlier releases of
/// Helenus wrote such an order for names outside ASCII.
#[derive(Clone, Debug)]
pub struct ColumnMap {
    /// Slots of the source's static columns, or of those of `reordering`.
    statics: Vec<Slot>,
    regulars: Vec<Slot>,
    reordering: Option<Box<Reordering>>,
    same_encoding: bool,
    same_but_for_capabilities: bool,
}

/// The place of one column of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Index in the target; [`Slot::NOWHERE`] when it is left out.
    pub(crate) target: usize,
    /// Data with a timestamp up to this one is left out.
    pub(crate) dropped_at: Timestamp,
    /// Length that the target's type calls for and the source's type doesn't vouch for.
    must_have_len: Option<usize>,
}

impl Slot {
    /// After all columns.
    pub(crate) const NOWHERE: usize = usize::MAX;

    /// A column of the target itself.
    #[inline]
    pub(crate) fn identity(column: usize) -> Self {
        Self { target: column, dropped_at: Timestamp::MIN, must_have_len: None }
    }

    /// Fails for a value that the target's type can't hold.
    #[inline]
    pub(crate) fn check(&self, cell: &Cell<'_>) -> Result<(), DecodeError> {
        match self.must_have_len {
            Some(len) if !cell.value.is_empty() && cell.value.len() != len => {
                let found = format!("{} bytes in column {}", cell.value.len(), self.target);
                Err(DecodeError::new(0, format!("a value of {len} bytes"), found))
            }
            _ => Ok(()),
        }
    }
}

impl ColumnMap {
    /// The way from `source` to `target` in a table that dropped those columns.
    pub fn new(source: &Header, target: &Header, dropped: &[DroppedColumn]) -> Self {
        let reordering = Reordering::new(source, target).map(Box::new);
        let source = reordering.as_ref().map_or(source, |reordering| &reordering.header);
        let statics = slots(&source.statics, &target.statics, dropped);
        let regulars = slots(&source.regulars, &target.regulars, dropped);
        let filters = statics.iter().chain(&regulars).any(|slot| slot.dropped_at != Timestamp::MIN);
        let same_but_for_capabilities =
            !filters && reordering.is_none() && source.same_but_for_capabilities(target);
        Self {
            same_encoding: same_but_for_capabilities && source.capabilities == target.capabilities,
            same_but_for_capabilities,
            statics,
            regulars,
            reordering,
        }
    }

    /// Whether a row's bytes may be copied as they are.
    #[inline]
    pub fn passes_through(&self) -> bool {
        self.same_encoding
    }

    /// Whether the bytes of a [portable](crate::RowRef::is_portable) row may be copied as they are.
    #[inline]
    pub fn passes_portable_through(&self) -> bool {
        self.same_but_for_capabilities
    }

    /// The step that first brings the source's rows into the target's order, if theirs differs.
    #[inline]
    pub(crate) fn reordering(&self) -> Option<&Reordering> {
        self.reordering.as_deref()
    }

    #[inline]
    pub(crate) fn slots(&self, is_static: bool) -> &[Slot] {
        if is_static { &self.statics } else { &self.regulars }
    }
}

/// The map from the order of a source's columns to that of the target, the order in which merging
/// reads columns.
#[derive(Clone, Debug)]
pub(crate) struct Reordering {
    /// The source's header with its columns as they follow one another in the target.
    pub(crate) header: Header,
    /// For each column of the source its index in `header`.
    statics: Vec<usize>,
    regulars: Vec<usize>,
}

impl Reordering {
    /// `None` for the usual source, whose columns are in the target's order.
    fn new(source: &Header, target: &Header) -> Option<Self> {
        if in_order(&source.statics, &target.statics) && in_order(&source.regulars, &target.regulars) {
            return None;
        }
        let (statics, static_places) = reordered(&source.statics, &target.statics);
        let (regulars, regular_places) = reordered(&source.regulars, &target.regulars);
        let header = Header { statics, regulars, ..source.clone() };
        Some(Self { header, statics: static_places, regulars: regular_places })
    }

    /// Encodes a row of the source against [`Reordering::header`].
    pub(crate) fn row(
        &self,
        row: RowRef<'_>,
        builder: &mut RowBuilder,
        out: &mut RowBuf,
    ) -> Result<(), DecodeError> {
        let places = if row.is_static() { &self.statics } else { &self.regulars };
        let columns = self.header.columns(row.is_static());
        let mut cells = row.cells()?;
        builder.start(cells.liveness(), cells.deletion(), cells.is_shadowable());
        let mut events = Vec::new();
        while let Some(event) = cells.next()? {
            let (CellEvent::Simple { column, .. }
            | CellEvent::Complex { column, .. }
            | CellEvent::Element { column, .. }) = event;
            let Some(&place) = places.get(column) else {
                return Err(DecodeError::new(0, "a row of the map's source", format!("column {column}")));
            };
            events.push((place, event));
        }
        // Stable: the elements of a column stay after its beginning, in their order.
        events.sort_by_key(|(place, _)| *place);
        for (place, event) in events {
            match event {
                CellEvent::Simple { cell, .. } => builder.simple(&self.header, columns, place, &cell),
                CellEvent::Complex { deletion, .. } => builder.complex(place, deletion),
                CellEvent::Element { cell, .. } => builder.element(&self.header, &cell),
            }
        }
        out.clustering.clear();
        out.clustering.extend_from_slice(row.clustering);
        builder.finish(&self.header, row.is_static(), out);
        Ok(())
    }
}

fn in_order(source: &Columns, target: &Columns) -> bool {
    if source.is_canonical() && target.is_canonical() {
        return true;
    }
    source.as_slice().iter().filter_map(|column| target.index_of(&column.name)).is_sorted()
}

/// The columns of `source` in the order of `target`, and for each of them its place there.
fn reordered(source: &Columns, target: &Columns) -> (Columns, Vec<usize>) {
    let mut order: Vec<(usize, &Column)> = source.as_slice().iter().enumerate().collect();
    // Columns that the target lacks are left out later, wherever they are.
    order.sort_by_key(|(_, column)| (column.complex, target.index_of(&column.name)));
    let mut places = vec![0; order.len()];
    for (place, (column, _)) in order.iter().enumerate() {
        let Some(entry) = places.get_mut(*column) else { unreachable!("each column has a place") };
        *entry = place;
    }
    (Columns::listed(order.into_iter().map(|(_, column)| column.clone()).collect()), places)
}

fn slots(source: &Columns, target: &Columns, dropped: &[DroppedColumn]) -> Vec<Slot> {
    let slot = |column: &Column| {
        let found = target.index_of(&column.name);
        let found =
            found.and_then(|i| Some((i, target.get(i)?))).filter(|(_, to)| to.complex == column.complex);
        let must_have_len =
            found.and_then(|(_, to)| to.fixed_len.filter(|len| column.fixed_len != Some(*len)));
        let drop = dropped.iter().filter(|d| d.name == column.name).map(|d| d.dropped_at).max();
        Slot {
            target: found.map_or(Slot::NOWHERE, |(index, _)| index),
            dropped_at: drop.unwrap_or(Timestamp::MIN),
            must_have_len,
        }
    };
    source.as_slice().iter().map(slot).collect()
}
