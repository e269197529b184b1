//! Updates of earlier releases, encoded anew.

use std::convert::Infallible;

use helenus_types::DecodeError;

use crate::codec::RowBuf;
use crate::column_map::ColumnMap;
use crate::header::{Columns, Header};
use crate::merge::RowMerger;
use crate::update::{Op, UpdateRef, UpdateWriter};

/// Brings updates into the order of a table's columns that were encoded when columns stood in the
/// order of their names' bytes, as earlier releases of ours had it. It differs for tables with a
/// name that begins outside ASCII.
#[derive(Debug)]
pub struct FormerOrder {
    source: Header,
    map: ColumnMap,
    merger: RowMerger,
    row: RowBuf,
    out: Vec<u8>,
}

impl FormerOrder {
    /// For updates of a table whose columns `target` has; `None` where both orders are the same.
    pub fn of(target: &Header) -> Option<Self> {
        let (statics, regulars) = (by_bytes(&target.statics), by_bytes(&target.regulars));
        if statics == target.statics && regulars == target.regulars {
            return None;
        }
        let source = Header { statics, regulars, ..target.clone() };
        Some(Self {
            map: ColumnMap::new(&source, target, &[]),
            source,
            merger: RowMerger::default(),
            row: RowBuf::default(),
            out: Vec::new(),
        })
    }

    /// The bytes of the same update, encoded against `target`.
    ///
    /// # Errors
    /// Where the bytes are no update.
    pub fn encode(&mut self, mut update: UpdateRef<'_>, target: &Header) -> Result<&[u8], DecodeError> {
        self.out.clear();
        let key = update.key();
        let append = |out: &mut Vec<u8>| {
            out.extend_from_slice(key);
            Ok::<_, Infallible>(())
        };
        let mut writer = UpdateWriter(&mut self.out);
        let Ok(()) = writer.key(append);
        while let Some(op) = update.next(&self.source)? {
            match op {
                Op::Partition(deletion) => writer.partition(deletion),
                Op::Range { start, end, deletion } => writer.range(start, end, deletion),
                Op::Row(row) => {
                    if self.merger.transcode(row, &self.map, target, &mut self.row)? {
                        writer.row(self.row.as_ref(target));
                    }
                }
            }
        }
        writer.finish();
        Ok(&self.out)
    }
}

fn by_bytes(columns: &Columns) -> Columns {
    let mut list = columns.as_slice().to_vec();
    list.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    Columns::listed(list)
}
