//! The row codec and the updates of the log.

use helenus_rows::{
    Header, LiveRow, Op, RowRef, Unfiltered, UnfilteredFrame, UpdateBuilder, UpdateRef, read_unfiltered,
    write_marker, write_row, write_static_row,
};

use crate::schema;

/// The rows and markers of one partition, as in Data.db: a byte that chooses the header, then the
/// bytes. What is read is written again and must be read as the same.
pub fn unfiltered(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let header = schema(choice);
    let mut at = 0;
    let mut is_static = !header.statics.is_empty();
    let mut written = Vec::new();
    while let Ok(UnfilteredFrame::Unfiltered(unfiltered, end)) = read_unfiltered(header, bytes, at, is_static)
    {
        assert!(end > at && end <= bytes.len(), "{at} to {end} of {}", bytes.len());
        written.clear();
        match unfiltered {
            Unfiltered::Row(row) => {
                let Some(()) = walk(row) else { return };
                if is_static {
                    write_static_row(header, Some(row), &mut written);
                } else {
                    write_row(row, 0, &mut written);
                }
            }
            Unfiltered::Marker(marker) => write_marker(header, marker, 0, &mut written),
        }
        match read_unfiltered(header, &written, 0, is_static) {
            Ok(UnfilteredFrame::Unfiltered(again, len)) => {
                assert_eq!(len, written.len());
                assert!(same(&unfiltered, &again), "{unfiltered:?} became {again:?}");
            }
            other => panic!("{unfiltered:?} was written and read as {other:?}"),
        }
        at = end;
        is_static = false;
    }
}

/// An update: a byte that chooses the header, then the bytes.
pub fn update(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let header = schema(choice);
    let Ok(mut update) = UpdateRef::new(bytes) else { return };
    let mut builder = UpdateBuilder::default();
    builder.start(update.key());
    let end = loop {
        match update.next(header) {
            Err(_) => return,
            Ok(None) => break update.position(),
            Ok(Some(Op::Row(row))) => {
                let _ = walk(row);
                builder.row(row);
            }
            Ok(Some(Op::Range { start, end, deletion })) => builder.range(start, end, deletion),
            Ok(Some(Op::Partition(deletion))) => builder.partition(deletion),
        }
    };
    let again = builder.finish();
    assert!(end <= bytes.len());
    let mut update = UpdateRef::new(again).unwrap_or_else(|error| panic!("a built update: {error}"));
    for _ in 0.. {
        match update.next(header) {
            Ok(None) => break,
            Ok(Some(_)) => {}
            Err(error) => panic!("a built update: {error}"),
        }
    }
    assert_eq!(update.position(), again.len());
}

/// Reads all of a row, as a merge and as a query does; `None` if its bytes are no row's.
pub(crate) fn walk(row: RowRef<'_>) -> Option<()> {
    let mut cells = row.cells().ok()?;
    while cells.next().ok()?.is_some() {}
    for now in [0, 1_700_000_000, u32::MAX] {
        if let Some(mut live) = LiveRow::new(row, now, false).ok()? {
            while live.next().ok()?.is_some() {}
        }
    }
    let mut packed = Vec::new();
    row.pack(&mut packed);
    assert_eq!(packed.len(), row.packed_len());
    let again = RowRef::unpack(row.header, &packed, row.clustering.len());
    assert!(again.is_some_and(|again| same(&Unfiltered::Row(row), &Unfiltered::Row(again))));
    Some(())
}

fn same(left: &Unfiltered<'_>, right: &Unfiltered<'_>) -> bool {
    let parts = |row: &RowRef<'_>| (row.clustering.to_vec(), row.body.to_vec(), row.is_static(), row.flags);
    match (left, right) {
        (Unfiltered::Row(left), Unfiltered::Row(right)) => parts(left) == parts(right),
        (Unfiltered::Marker(left), Unfiltered::Marker(right)) => {
            (left.bound.kind, left.bound.size, left.bound.values, left.close, left.open)
                == (right.bound.kind, right.bound.size, right.bound.values, right.close, right.open)
        }
        _ => false,
    }
}

/// Checks the invariant of a header from the input: a column is complex exactly if its type is
/// multi-cell.
pub(crate) fn check_header(header: &Header) {
    for column in header.statics.as_slice().iter().chain(header.regulars.as_slice()) {
        assert_eq!(column.complex, column.ty.is_multi_cell());
    }
}
