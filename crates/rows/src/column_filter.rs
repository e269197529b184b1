//! The columns that a read wants (`db.filter.ColumnFilter`).

use crate::schema::{ColumnKind, TableSchema};

/// The static and regular columns that a read wants of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFilter {
    statics: Box<[bool]>,
    regulars: Box<[bool]>,
}

impl ColumnFilter {
    /// Those of the columns that are static or regular.
    pub fn new(schema: &TableSchema, columns: &[(ColumnKind, usize)]) -> Self {
        let of = |kind, len| {
            let mut wanted = vec![false; len].into_boxed_slice();
            for (_, index) in columns.iter().filter(|(of, _)| *of == kind) {
                debug_assert!(*index < len, "the column is the table's");
                if let Some(place) = wanted.get_mut(*index) {
                    *place = true;
                }
            }
            wanted
        };
        Self {
            statics: of(ColumnKind::Static, schema.statics().len()),
            regulars: of(ColumnKind::Regular, schema.regulars().len()),
        }
    }

    /// Whether column `index` is wanted; it counts static columns or regular ones.
    #[inline]
    pub fn wants(&self, is_static: bool, index: usize) -> bool {
        let columns = if is_static { &self.statics } else { &self.regulars };
        columns.get(index).is_some_and(|wanted| *wanted)
    }

    /// Whether any static column is wanted.
    pub fn wants_static(&self) -> bool {
        self.statics.iter().any(|wanted| *wanted)
    }
}
