//! Partitions as JSON (`tools.JsonTransformer`).

use std::io::{self, Write};

use helenus_rows::{
    Bound, BoundKind, Cell, CellEvent, Column, DeletionTime, Header, LivenessInfo, MarkerRef, RowRef,
    Unfiltered, UnfilteredStream,
};
use helenus_types::{
    DecodeError, Hex, LocalDeletionTime, Reader, Timestamp, Type, escape_json, push_identifier, push_unsigned,
};

use super::options::{DumpOptions, DumpTimes};
use super::out::{ENOUGH, hand_on, seconds};
use super::structure::push;
use super::text::{Instant, push_instant, push_plain};
use crate::data::Scan;
use crate::error::SsTableError;

/// JSON laid out for people, or `COMPACT`: a partition in a line, its structure without blanks.
pub(super) struct Json<'a, const COMPACT: bool> {
    header: &'a Header,
    /// Static columns, then regular ones: where a cell of each begins.
    cells: [Vec<String>; 2],
    raw: bool,
    now: u32,
    /// The text to print next.
    pub(super) text: String,
}

impl<'a, const COMPACT: bool> Json<'a, COMPACT> {
    pub(super) fn new(header: &'a Header, options: DumpOptions) -> Json<'a, COMPACT> {
        let mut json = Json {
            header,
            cells: [Vec::new(), Vec::new()],
            raw: options.times == DumpTimes::Raw,
            now: options.now,
            text: String::new(),
        };
        json.cells = [&header.statics, &header.regulars]
            .map(|columns| columns.as_slice().iter().map(|column| json.cell_start(column)).collect());
        json
    }

    fn cell_start(&mut self, column: &Column) -> String {
        push!(self, "\n          { \"name\" : ");
        self.text.push('"');
        let mut name = String::new();
        match column.name.as_ref() {
            // `ColumnIdentifier.maybeQuote` doesn't know that its lexer takes these for no
            // identifiers.
            "true" | "false" => name.push_str(&column.name),
            _ => push_identifier(&column.name, &mut name),
        }
        escape_json(&name, &mut self.text);
        self.text.push('"');
        std::mem::take(&mut self.text)
    }

    /// Prints a partition; the damage that ended it.
    pub(super) fn partition(
        &mut self,
        scan: &mut Scan,
        out: &mut dyn Write,
    ) -> io::Result<Option<SsTableError>> {
        let partition = scan.partition();
        push!(self, "{\n    \"table kind\" : \"REGULAR\",\n    \"partition\" : {\n      \"key\" : [ ");
        self.key(partition.key);
        push!(self, " ],\n      \"position\" : ");
        let mut position = scan.position();
        push_unsigned(position, &mut self.text);
        if !partition.deletion.is_live() {
            push!(self, ",\n      ");
            self.deletion(partition.deletion);
        }
        push!(self, "\n    },\n    \"rows\" : [");
        let mut is_empty = true;
        if let Some(row) = scan.static_row() {
            is_empty = false;
            self.begin(true);
            self.row(row, position);
        }
        let damage = loop {
            match scan.advance() {
                Ok(false) => break None,
                Ok(true) => {}
                Err(error) => {
                    self.begin(is_empty);
                    is_empty = false;
                    push!(self, "\n        \"type\" : \"damage\",\n        \"message\" : ");
                    self.quoted(&error.to_string());
                    push!(self, "\n      }");
                    break Some(error);
                }
            }
            self.begin(is_empty);
            is_empty = false;
            match scan.current() {
                Some(Unfiltered::Row(row)) => self.row(row, position),
                Some(Unfiltered::Marker(marker)) => self.marker(marker),
                None => {}
            }
            position = scan.position();
            hand_on(&mut self.text, ENOUGH, out)?;
        };
        if is_empty {
            push!(self, " ]");
        } else {
            push!(self, "\n    ]");
        }
        push!(self, "\n  }");
        hand_on(&mut self.text, ENOUGH, out)?;
        Ok(damage)
    }

    fn begin(&mut self, is_first: bool) {
        if is_first {
            push!(self, "\n      {");
        } else {
            push!(self, ",\n      {");
        }
    }

    /// The components of a partition key, as strings.
    pub(super) fn key(&mut self, key: &[u8]) {
        let header = self.header;
        let Type::Composite(types) = &header.key_type else {
            return self.plain(&header.key_type, key);
        };
        let mut reader = Reader::new(key);
        for (index, ty) in types.iter().enumerate() {
            let Ok(component) = reader.u16_bytes() else { break };
            if index > 0 {
                push!(self, ", ");
            }
            self.plain(ty, component);
            if reader.u8() != Ok(0) {
                break;
            }
        }
    }

    fn row(&mut self, row: RowRef<'_>, position: u64) {
        if row.is_static() {
            push!(self, "\n        \"type\" : \"static_block\",\n        \"position\" : ");
        } else {
            push!(self, "\n        \"type\" : \"row\",\n        \"position\" : ");
        }
        push_unsigned(position, &mut self.text);
        if !row.is_static() && !self.header.clustering.is_empty() {
            push!(self, ",\n        \"clustering\" : [ ");
            self.clustering(row.clustering, self.header.clustering.len());
        }
        let printed = self.row_body(row);
        if let Err(error) = printed {
            push!(self, "\n        ],\n        \"damage\" : ");
            self.quoted(&error.to_string());
        }
        push!(self, "\n      }");
    }

    /// Liveness, deletion and cells. On damage what could be read stands there, the list of cells
    /// open.
    fn row_body(&mut self, row: RowRef<'_>) -> Result<(), DecodeError> {
        let mut cells = match row.cells() {
            Ok(cells) => cells,
            Err(error) => {
                push!(self, ",\n        \"cells\" : [");
                return Err(error);
            }
        };
        let liveness = cells.liveness();
        if !liveness.is_empty() {
            push!(self, ",\n        \"liveness_info\" : { \"tstamp\" : ");
            self.micros(liveness.timestamp);
            if liveness.is_expiring() {
                let expired = seconds(liveness.local_expiration_time) < i64::from(self.now);
                self.expiry(liveness.ttl, liveness.local_expiration_time, expired);
            }
            push!(self, " }");
        }
        if !cells.deletion().is_live() {
            push!(self, ",\n        ");
            self.deletion(cells.deletion());
        }
        push!(self, ",\n        \"cells\" : [");
        let mut is_empty = true;
        while let Some(event) = cells.next()? {
            match event {
                CellEvent::Complex { deletion, .. } if deletion.is_live() => continue,
                CellEvent::Complex { column, deletion, .. } => {
                    self.begin_cell(row, column, is_empty);
                    push!(self, ", ");
                    self.deletion(deletion);
                    push!(self, " }");
                }
                CellEvent::Simple { column, cell } | CellEvent::Element { column, cell } => {
                    self.begin_cell(row, column, is_empty);
                    if let Some(column) = row.columns().get(column) {
                        self.cell(column, &cell, liveness);
                    }
                }
            }
            is_empty = false;
        }
        if is_empty {
            push!(self, " ]");
        } else {
            push!(self, "\n        ]");
        }
        Ok(())
    }

    fn begin_cell(&mut self, row: RowRef<'_>, column: usize, is_first: bool) {
        if !is_first {
            self.text.push(',');
        }
        let [statics, regulars] = &self.cells;
        let starts = if row.is_static() { statics } else { regulars };
        self.text.push_str(starts.get(column).map_or("", String::as_str));
    }

    /// The rest of a cell. After the braces in a tombstone the tool forgets that it writes in one
    /// line.
    fn cell(&mut self, column: &Column, cell: &Cell<'_>, liveness: LivenessInfo) {
        if column.complex {
            push!(self, ", \"path\" : [ ");
            self.path(column, cell.path);
            push!(self, " ]");
        }
        let is_tombstone = cell.is_tombstone();
        if is_tombstone {
            push!(self, ", \"deletion_info\" : { \"local_delete_time\" : ");
            self.seconds(cell.local_deletion_time);
            push!(self, " }");
        } else {
            push!(self, ", \"value\" : ");
            self.value(column, cell);
        }
        if liveness.is_empty() || cell.timestamp != liveness.timestamp {
            if is_tombstone {
                push!(self, ",\n            \"tstamp\" : ");
            } else {
                push!(self, ", \"tstamp\" : ");
            }
            self.micros(cell.timestamp);
        }
        if cell.is_expiring() && (liveness.is_empty() || cell.ttl != liveness.ttl) {
            self.expiry(cell.ttl, cell.local_deletion_time, !cell.is_live(self.now));
        }
        if is_tombstone {
            push!(self, "\n          }");
        } else {
            push!(self, " }");
        }
    }

    fn value(&mut self, column: &Column, cell: &Cell<'_>) {
        if column.counter {
            // The tool takes a counter's context for a bigint and prints its first bytes.
            return self.json(&Type::BigInt, cell.value.get(..8).unwrap_or(cell.value));
        }
        if !column.complex {
            return self.json(&column.ty, cell.value);
        }
        match column.ty.cell_value_type(cell.path) {
            Some(ty) => self.json(&ty, cell.value),
            None => self.json(&Type::Blob, cell.value),
        }
    }

    fn path(&mut self, column: &Column, path: &[u8]) {
        let field = match (&column.ty, <[u8; 2]>::try_from(path)) {
            (Type::Udt { definition, .. }, Ok(index)) => {
                definition.fields.get(usize::from(u16::from_be_bytes(index)))
            }
            _ => None,
        };
        match (field, &column.path_type) {
            (Some((name, _)), _) => self.quoted(name),
            (None, Some(ty)) => self.plain(ty, path),
            (None, None) => self.plain(&Type::Blob, path),
        }
    }

    fn marker(&mut self, marker: MarkerRef<'_>) {
        if marker.bound.kind.is_boundary() {
            push!(self, "\n        \"type\" : \"range_tombstone_boundary\"");
        } else {
            push!(self, "\n        \"type\" : \"range_tombstone_bound\"");
        }
        let side = marker.bound.kind.side();
        if marker.bound.kind.opens() {
            self.bound(Bound { kind: BoundKind::start(side), ..marker.bound }, marker.open);
        }
        if marker.bound.kind.closes() {
            self.bound(Bound { kind: BoundKind::end(side), ..marker.bound }, marker.close);
        }
        push!(self, "\n      }");
    }

    fn bound(&mut self, bound: Bound<'_>, deletion: DeletionTime) {
        if bound.kind.opens() {
            push!(self, ",\n        \"start\" : {");
        } else {
            push!(self, ",\n        \"end\" : {");
        }
        match bound.kind {
            BoundKind::InclStart | BoundKind::InclEnd => {
                push!(self, "\n          \"type\" : \"inclusive\"");
            }
            _ => push!(self, "\n          \"type\" : \"exclusive\""),
        }
        if bound.size > 0 {
            push!(self, ",\n          \"clustering\" : [ ");
            self.clustering(bound.values, bound.size);
        }
        push!(self, ",\n          ");
        self.deletion(deletion);
        push!(self, "\n        }");
    }

    /// The values of a clustering, and a star for each that a bound lacks.
    fn clustering(&mut self, values: &[u8], size: usize) {
        let header = self.header;
        let mut components = header.clustering.components(values, size);
        for (index, ty) in header.clustering.types().iter().enumerate() {
            if index > 0 {
                push!(self, ", ");
            }
            match components.next() {
                None => self.text.push_str("\"*\""),
                Some(None) => self.text.push_str("null"),
                Some(Some(value)) => self.json(ty, value),
            }
        }
        push!(self, " ]");
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        push!(self, "\"deletion_info\" : { \"marked_deleted\" : ");
        self.micros(deletion.marked_for_delete_at);
        push!(self, ", \"local_delete_time\" : ");
        self.seconds(deletion.local_deletion_time);
        push!(self, " }");
    }

    fn expiry(&mut self, ttl: u32, at: LocalDeletionTime, expired: bool) {
        push!(self, ", \"ttl\" : ");
        push_unsigned(u64::from(ttl), &mut self.text);
        push!(self, ", \"expires_at\" : ");
        self.seconds(at);
        push!(self, ", \"expired\" : ");
        self.text.push_str(if expired { "true" } else { "false" });
    }

    fn micros(&mut self, timestamp: Timestamp) {
        self.instant(Instant::Micros(timestamp.0));
    }

    fn seconds(&mut self, time: LocalDeletionTime) {
        self.instant(Instant::Seconds(seconds(time)));
    }

    fn instant(&mut self, instant: Instant) {
        self.text.push('"');
        push_instant(instant, self.raw, &mut self.text);
        self.text.push('"');
    }

    /// A value as JSON; what is not one of the type as the JSON of a blob.
    fn json(&mut self, ty: &Type, value: &[u8]) {
        let start = self.text.len();
        if ty.json(value, &mut self.text).is_err() {
            self.text.truncate(start);
            self.text.push_str("\"0x");
            Hex(value).push(&mut self.text);
            self.text.push('"');
        }
    }

    /// A value as a string.
    fn plain(&mut self, ty: &Type, value: &[u8]) {
        let mut plain = String::new();
        push_plain(ty, value, &mut plain);
        self.quoted(&plain);
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        escape_json(text, &mut self.text);
        self.text.push('"');
    }
}
