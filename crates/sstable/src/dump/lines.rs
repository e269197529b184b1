//! A line for each deletion of a partition, row and marker, as Cassandra's classes print themselves
//! (`Row.toString`, `RangeTombstoneMarker.toString`, `AbstractCell.toString`).

use std::io::{self, Write};

use helenus_rows::{
    BoundKind, Cell, CellEvent, Column, CounterContext, DeletionTime, Header, LivenessInfo, MarkerRef,
    RowRef, Unfiltered, UnfilteredStream,
};
use helenus_types::{DecodeError, Hex, Type, push_number, push_unsigned};

use super::out::{ENOUGH, hand_on, seconds};
use super::text::{push_cell_value, push_plain};
use crate::data::Scan;
use crate::error::SsTableError;

pub(super) struct Lines<'a> {
    header: &'a Header,
    /// The beginning of each line of the partition: its key, up to the position.
    start: String,
    /// The text to print next.
    pub(super) text: String,
}

impl<'a> Lines<'a> {
    pub(super) fn new(header: &'a Header) -> Lines<'a> {
        Lines { header, start: String::new(), text: String::new() }
    }

    /// Prints a partition; the damage that ended it.
    pub(super) fn partition(
        &mut self,
        scan: &mut Scan,
        out: &mut dyn Write,
    ) -> io::Result<Option<SsTableError>> {
        let partition = scan.partition();
        self.start.clear();
        self.start.push('[');
        push_plain(&self.header.key_type, partition.key, &mut self.start);
        self.start.push_str("]@");
        let mut position = scan.position();
        if !partition.deletion.is_live() {
            self.begin(position);
            self.deletion(partition.deletion);
            self.text.push('\n');
        }
        if let Some(row) = scan.static_row() {
            self.begin(position);
            self.row(row);
        }
        loop {
            match scan.advance() {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => {
                    self.begin(position);
                    self.damage(&error.to_string());
                    return Ok(Some(error));
                }
            }
            self.begin(position);
            match scan.current() {
                Some(Unfiltered::Row(row)) => self.row(row),
                Some(Unfiltered::Marker(marker)) => self.marker(marker),
                None => {}
            }
            position = scan.position();
            hand_on(&mut self.text, ENOUGH, out)?;
        }
        hand_on(&mut self.text, ENOUGH, out)?;
        Ok(None)
    }

    fn begin(&mut self, position: u64) {
        self.text.push_str(&self.start);
        push_unsigned(position, &mut self.text);
        self.text.push(' ');
    }

    fn damage(&mut self, what: &str) {
        self.text.push_str("Damage ");
        self.text.push_str(what);
        self.text.push('\n');
    }

    fn row(&mut self, row: RowRef<'_>) {
        if let Err(error) = self.row_body(row) {
            self.text.push(' ');
            self.damage(&error.to_string());
        } else {
            self.text.push('\n');
        }
    }

    fn row_body(&mut self, row: RowRef<'_>) -> Result<(), DecodeError> {
        let mut cells = row.cells()?;
        self.text.push_str("Row[info=");
        self.liveness(cells.liveness());
        if !cells.deletion().is_live() {
            self.text.push_str(" del=");
            self.deletion(cells.deletion());
            self.text.push_str(if cells.is_shadowable() { "(shadowable)" } else { "" });
        }
        self.text.push_str(" ]: ");
        if row.is_static() {
            self.text.push_str("STATIC");
        } else {
            self.literals(row.clustering);
        }
        self.text.push_str(" | ");
        let mut is_first = true;
        while let Some(event) = cells.next()? {
            match event {
                CellEvent::Simple { column, cell } => {
                    self.separate(&mut is_first);
                    if let Some(column) = row.columns().get(column) {
                        self.cell(column, &cell);
                    }
                }
                // Its elements follow after commas, even if there is nothing before them.
                CellEvent::Complex { column, deletion, .. } => {
                    self.separate(&mut is_first);
                    if !deletion.is_live() {
                        self.text.push_str("del(");
                        self.text.push_str(row.columns().get(column).map_or("", |column| &column.name));
                        self.text.push_str(")=");
                        self.deletion(deletion);
                    }
                }
                CellEvent::Element { column, cell } => {
                    self.text.push_str(", ");
                    if let Some(column) = row.columns().get(column) {
                        self.cell(column, &cell);
                    }
                }
            }
        }
        Ok(())
    }

    fn separate(&mut self, is_first: &mut bool) {
        self.text.push_str(if *is_first { "" } else { ", " });
        *is_first = false;
    }

    /// The values of a row's clustering as CQL.
    fn literals(&mut self, values: &[u8]) {
        let header = self.header;
        let components = header.clustering.components(values, header.clustering.len());
        for (index, (ty, value)) in header.clustering.types().iter().zip(components).enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            match value {
                None => self.text.push_str("null"),
                Some(value) => push_literal(ty, value, &mut self.text),
            }
        }
    }

    fn liveness(&mut self, liveness: LivenessInfo) {
        self.text.push_str("[ts=");
        push_number(liveness.timestamp.0, &mut self.text);
        if liveness.is_expiring() {
            self.text.push_str(" ttl=");
            push_unsigned(u64::from(liveness.ttl), &mut self.text);
            self.text.push_str(", let=");
            push_number(seconds(liveness.local_expiration_time), &mut self.text);
        }
        self.text.push(']');
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        self.text.push_str("deletedAt=");
        push_number(deletion.marked_for_delete_at.0, &mut self.text);
        self.text.push_str(", localDeletion=");
        push_number(seconds(deletion.local_deletion_time), &mut self.text);
    }

    fn cell(&mut self, column: &Column, cell: &Cell<'_>) {
        self.text.push('[');
        self.text.push_str(&column.name);
        if column.counter && !cell.is_tombstone() {
            self.text.push('=');
            match CounterContext::parse(cell.value) {
                Ok(context) => push_number(context.total(), &mut self.text),
                Err(_) => push_cell_value(&Type::Blob, cell.value, &mut self.text),
            }
            self.text.push_str(" ts=");
            push_number(cell.timestamp.0, &mut self.text);
            return self.text.push(']');
        }
        let is_collection = column.complex && !matches!(column.ty, Type::Udt { .. });
        if let (true, Some(path_type)) = (is_collection, &column.path_type) {
            self.text.push('[');
            push_plain(path_type, cell.path, &mut self.text);
            self.text.push(']');
        }
        self.text.push('=');
        match column.ty.cell_value_type(cell.path) {
            _ if cell.is_tombstone() => self.text.push_str("<tombstone>"),
            Some(ty) if is_collection => push_plain(&ty, cell.value, &mut self.text),
            // Of a user type Cassandra prints a field's value as if it were the whole.
            _ => push_cell_value(&column.ty, cell.value, &mut self.text),
        }
        self.text.push_str(" ts=");
        push_number(cell.timestamp.0, &mut self.text);
        if cell.is_expiring() {
            self.text.push_str(" ttl=");
            push_unsigned(u64::from(cell.ttl), &mut self.text);
        }
        if cell.is_expiring() || cell.is_tombstone() {
            self.text.push_str(" ldt=");
            push_number(seconds(cell.local_deletion_time), &mut self.text);
        }
        self.text.push(']');
    }

    fn marker(&mut self, marker: MarkerRef<'_>) {
        self.text.push_str("Marker ");
        self.text.push_str(kind_name(marker.bound.kind));
        self.text.push('(');
        let header = self.header;
        let components = header.clustering.components(marker.bound.values, marker.bound.size);
        for (index, (ty, value)) in header.clustering.types().iter().zip(components).enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            match value {
                None => self.text.push_str("null"),
                Some(value) => push_plain(ty, value, &mut self.text),
            }
        }
        self.text.push_str(")@");
        let (closes, opens) = (marker.bound.kind.closes(), marker.bound.kind.opens());
        if closes {
            self.times(marker.close);
        }
        if closes && opens {
            self.text.push('-');
        }
        if opens {
            self.times(marker.open);
        }
        self.text.push('\n');
    }

    fn times(&mut self, deletion: DeletionTime) {
        push_number(deletion.marked_for_delete_at.0, &mut self.text);
        self.text.push('/');
        push_number(seconds(deletion.local_deletion_time), &mut self.text);
    }
}

/// Appends a value as `CQL3Type.toCQLLiteral` prints it: of what CQL has more than one spelling
/// for, Cassandra's.
fn push_literal(ty: &Type, value: &[u8], out: &mut String) {
    let start = out.len();
    match ty.base() {
        Type::Timestamp | Type::LegacyDate if !value.is_empty() => {
            out.push('\'');
            push_plain(ty, value, out);
            out.push('\'');
        }
        _ if ty.literal(value, out).is_ok() => {}
        _ => {
            out.truncate(start);
            out.push_str("0x");
            Hex(value).push(out);
        }
    }
}

/// Cassandra's name for it (`ClusteringPrefix.Kind`).
fn kind_name(kind: BoundKind) -> &'static str {
    match kind {
        BoundKind::ExclEnd => "EXCL_END_BOUND",
        BoundKind::InclStart => "INCL_START_BOUND",
        BoundKind::ExclEndInclStart => "EXCL_END_INCL_START_BOUNDARY",
        BoundKind::InclEndExclStart => "INCL_END_EXCL_START_BOUNDARY",
        BoundKind::InclEnd => "INCL_END_BOUND",
        BoundKind::ExclStart => "EXCL_START_BOUND",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_spelled_as_by_cassandra() {
        let check = |ty: Type, value: &[u8], expected: &str| {
            let mut text = String::new();
            push_literal(&ty, value, &mut text);
            assert_eq!(text, expected);
        };
        check(
            Type::Timestamp.reversed(),
            &253_402_300_799_999_i64.to_be_bytes(),
            "'9999-12-31T23:59:59.999Z'",
        );
        check(Type::Text, b"it's", "'it''s'");
        check(Type::Blob, &[0xab], "0xab");
        check(Type::Int, &[1], "0x01");
    }
}
