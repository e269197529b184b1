//! Values that are assembled from several cells, kept as long as their row is lent.

use std::sync::OnceLock;

use helenus_rows::ColumnKind;

/// A list that only grows while it is shared, so that its items can be borrowed.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    first: OnceLock<Box<AssembledValue>>,
}

#[derive(Debug)]
struct AssembledValue {
    column: (ColumnKind, usize),
    /// `None` is null.
    value: Option<Vec<u8>>,
    next: OnceLock<Box<AssembledValue>>,
}

impl Scratch {
    /// The value of a column, made at the first call for it.
    pub(super) fn value<E>(
        &self,
        column: (ColumnKind, usize),
        make: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<Option<&[u8]>, E> {
        let mut place = &self.first;
        while let Some(node) = place.get() {
            if node.column == column {
                return Ok(node.value.as_deref());
            }
            place = &node.next;
        }
        let mut bytes = Vec::new();
        let mut value = Some(make(&mut bytes)?.then_some(bytes));
        loop {
            let new =
                || Box::new(AssembledValue { column, value: value.take().flatten(), next: OnceLock::new() });
            // Another thread may have put its own there meanwhile.
            let node = place.get_or_init(new);
            if node.column == column {
                return Ok(node.value.as_deref());
            }
            place = &node.next;
        }
    }

    /// Forgets the values of the row before.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.first.get().is_some() {
            self.first.take();
        }
    }
}
