//! Rows encoded again with other times.

use helenus_types::DecodeError;

use crate::cell::Cell;
use crate::codec::{CellEvent, RowBuf, RowBuilder, RowRef};
use crate::deletion::DeletionTime;
use crate::liveness::LivenessInfo;

/// How the times of a row's parts change.
pub(crate) trait Retime {
    fn liveness(&mut self, liveness: LivenessInfo) -> LivenessInfo;
    fn deletion(&mut self, deletion: DeletionTime) -> DeletionTime;
    fn cell<'a>(&mut self, cell: Cell<'a>) -> Cell<'a>;
}

/// Encodes `row` into `out`, against its own header, with what its parts become.
pub(crate) fn encode_retimed(
    row: RowRef<'_>,
    times: &mut impl Retime,
    builder: &mut RowBuilder,
    out: &mut RowBuf,
) -> Result<(), DecodeError> {
    let mut events = row.cells()?;
    let (header, columns) = (row.header, row.columns());
    let liveness = times.liveness(events.liveness());
    builder.start(liveness, times.deletion(events.deletion()), events.is_shadowable());
    while let Some(event) = events.next()? {
        match event {
            CellEvent::Simple { column, cell } => builder.simple(header, columns, column, &times.cell(cell)),
            CellEvent::Complex { column, deletion, .. } => builder.complex(column, times.deletion(deletion)),
            CellEvent::Element { cell, .. } => builder.element(header, &times.cell(cell)),
        }
    }
    out.clustering.clear();
    out.clustering.extend_from_slice(row.clustering);
    builder.finish(header, row.is_static(), out);
    Ok(())
}
