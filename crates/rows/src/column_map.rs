//! From the columns of one header to those of another, by name.

use helenus_types::{DecodeError, Timestamp};

use crate::cell::Cell;
use crate::header::{Columns, Header};
use crate::schema::DroppedColumn;

/// Where a source's columns go in a target header, and what a schema change took from them. Made once per
/// source.
///
/// A column that the target lacks, or has as simple where the source has it as complex, is left out. Of a column
/// that was dropped, whether or not it was added again, cells and complex deletions up to that time are left out
/// (`SerializationHelper.isDropped`).
#[derive(Clone, Debug)]
pub struct ColumnMap {
    statics: Vec<Slot>,
    regulars: Vec<Slot>,
    same_encoding: bool,
    same_but_for_capabilities: bool,
}

/// Where one column of the source goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Index in the target; [`Slot::NOWHERE`] when it is left out.
    pub(crate) target: usize,
    /// What has a timestamp up to this is left out.
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
        let statics = slots(&source.statics, &target.statics, dropped);
        let regulars = slots(&source.regulars, &target.regulars, dropped);
        let filters = statics.iter().chain(&regulars).any(|slot| slot.dropped_at != Timestamp::MIN);
        let same_but_for_capabilities = !filters && source.same_but_for_capabilities(target);
        Self {
            statics,
            regulars,
            same_encoding: same_but_for_capabilities && source.capabilities == target.capabilities,
            same_but_for_capabilities,
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

    #[inline]
    pub(crate) fn slots(&self, is_static: bool) -> &[Slot] {
        if is_static { &self.statics } else { &self.regulars }
    }
}

fn slots(source: &Columns, target: &Columns, dropped: &[DroppedColumn]) -> Vec<Slot> {
    let slot = |column: &crate::header::Column| {
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
