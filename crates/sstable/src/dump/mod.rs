//! A table as JSON, letter by letter what Cassandra's `sstabledump` prints (`tools.JsonTransformer`).
//!
//! No schema is needed: the serialization header has it all but the names of key columns, which are not printed.
//! Positions are those of the uncompressed data: a partition's is that behind its head, a row's where it begins.
//! Unlike Cassandra's tool this one goes on behind damage, with the next partition that the index knows; what it met
//! stands in place of the rest of the partition's rows and is returned.

mod key_text;
mod text;

use std::io::{self, Write};

use helenus_rows::{
    Bound, BoundKind, Cell, CellEvent, Column, DeletionTime, Header, LivenessInfo, MarkerRef, RowRef,
    Unfiltered, UnfilteredStream,
};
use helenus_types::{DecodeError, LocalDeletionTime, Reader, Timestamp, Type, escape_json, push_identifier};

use crate::data::Scan;
use crate::error::SsTableError;
use crate::table::SsTable;
pub use key_text::push_key_text;
use text::{Instant, push_instant};
pub(crate) use text::{push_hex, push_plain};

/// How times are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DumpTimes {
    /// As ISO 8601 instants.
    #[default]
    Instants,
    /// As numbers of microseconds and seconds (`sstabledump -t`).
    Raw,
}

/// How a table is dumped.
#[derive(Clone, Copy, Debug, Default)]
pub struct DumpOptions {
    /// How times are printed.
    pub times: DumpTimes,
    /// The second since 1970 by which something has expired or not.
    pub now: u32,
}

/// Writes the table to `out`; the damage that was met.
///
/// # Errors
/// Those of `out`.
pub fn dump(table: &SsTable, options: DumpOptions, out: &mut dyn Write) -> io::Result<Vec<SsTableError>> {
    let mut dump = Dump {
        header: table.header(),
        raw: options.times == DumpTimes::Raw,
        now: options.now,
        text: String::new(),
    };
    let mut errors = Vec::new();
    let mut scan = table.scan();
    let mut is_first = true;
    out.write_all(b"[")?;
    loop {
        let moved = scan.next_partition();
        let error = match moved {
            Ok(false) => break,
            Ok(true) => {
                out.write_all(if is_first { b"\n  {" } else { b",\n  {" })?;
                is_first = false;
                let damage = dump.partition(&mut scan, out)?;
                out.write_all(b"\n  }")?;
                damage
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            errors.push(error);
            match next_partition(table, scan.partition_position()) {
                Ok(Some(next)) => scan = table.scan_from(next),
                Ok(None) => break,
                Err(error) => {
                    errors.push(error);
                    break;
                }
            }
        }
    }
    out.write_all(b"\n]\n")?;
    Ok(errors)
}

/// Where the first partition begins that the index knows behind `position`.
fn next_partition(table: &SsTable, position: u64) -> Result<Option<u64>, SsTableError> {
    let mut partitions = table.index().partitions();
    while let Some(at) = partitions.next(table.index())? {
        if at.data > position {
            return Ok(Some(at.data));
        }
    }
    Ok(None)
}

struct Dump<'a> {
    header: &'a Header,
    raw: bool,
    now: u32,
    /// What is printed next.
    text: String,
}

/// Where a row's or marker's members begin.
const MEMBER: &str = "\n        ";

impl Dump<'_> {
    /// Prints what stands between a partition's braces; the damage that ended it.
    fn partition(&mut self, scan: &mut Scan, out: &mut dyn Write) -> io::Result<Option<SsTableError>> {
        let partition = scan.partition();
        self.text.clear();
        self.text.push_str("\n    \"table kind\" : \"REGULAR\",\n    \"partition\" : {\n      \"key\" : [ ");
        self.key(partition.key);
        let mut position = scan.position();
        self.text.push_str(&format!(" ],\n      \"position\" : {position}"));
        if !partition.deletion.is_live() {
            self.text.push_str(",\n      ");
            self.deletion(partition.deletion);
        }
        self.text.push_str("\n    },\n    \"rows\" : [");
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
                    self.text.push_str(MEMBER);
                    self.text.push_str("\"type\" : \"damage\",");
                    self.text.push_str(MEMBER);
                    self.text.push_str("\"message\" : \"");
                    escape_json(&error.to_string(), &mut self.text);
                    self.text.push_str("\"\n      }");
                    is_empty = false;
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
            out.write_all(self.text.as_bytes())?;
            self.text.clear();
        };
        self.text.push_str(if is_empty { " ]" } else { "\n    ]" });
        out.write_all(self.text.as_bytes())?;
        Ok(damage)
    }

    fn begin(&mut self, is_first: bool) {
        self.text.push_str(if is_first { "\n      {" } else { ",\n      {" });
    }

    /// The components of a partition key, as strings.
    fn key(&mut self, key: &[u8]) {
        let Type::Composite(types) = &self.header.key_type else {
            return self.plain(&self.header.key_type, key);
        };
        let mut reader = Reader::new(key);
        for (index, ty) in types.iter().enumerate() {
            let Ok(component) = reader.u16_bytes() else { break };
            self.text.push_str(if index == 0 { "" } else { ", " });
            self.plain(ty, component);
            if reader.u8() != Ok(0) {
                break;
            }
        }
    }

    fn row(&mut self, row: RowRef<'_>, position: u64) {
        let kind = if row.is_static() { "static_block" } else { "row" };
        self.text.push_str(&format!("{MEMBER}\"type\" : \"{kind}\",{MEMBER}\"position\" : {position}"));
        if !row.is_static() {
            self.clustering(row.clustering, self.header.clustering.len(), MEMBER);
        }
        let printed = self.row_body(row);
        if let Err(error) = printed {
            self.text.push_str(&format!("{MEMBER}],{MEMBER}\"damage\" : \""));
            escape_json(&error.to_string(), &mut self.text);
            self.text.push('"');
        }
        self.text.push_str("\n      }");
    }

    /// Liveness, deletion and cells. On damage what could be read stands there, the list of cells open.
    fn row_body(&mut self, row: RowRef<'_>) -> Result<(), DecodeError> {
        let mut cells = row.cells().inspect_err(|_| {
            self.text.push_str(&format!(",{MEMBER}\"cells\" : ["));
        })?;
        let liveness = cells.liveness();
        if !liveness.is_empty() {
            self.text.push_str(&format!(",{MEMBER}\"liveness_info\" : {{ \"tstamp\" : "));
            self.instant(micros(liveness.timestamp));
            if liveness.is_expiring() {
                let expired = seconds_number(liveness.local_expiration_time) < i64::from(self.now);
                self.expiry(liveness.ttl, liveness.local_expiration_time, expired);
            }
            self.text.push_str(" }");
        }
        if !cells.deletion().is_live() {
            self.text.push_str(",\n        ");
            self.deletion(cells.deletion());
        }
        self.text.push_str(&format!(",{MEMBER}\"cells\" : ["));
        let mut is_empty = true;
        while let Some(event) = cells.next()? {
            let column = |index| row.columns().get(index);
            match event {
                CellEvent::Complex { deletion, .. } if deletion.is_live() => continue,
                CellEvent::Complex { column: index, deletion, .. } => {
                    self.begin_cell(column(index), is_empty);
                    self.text.push_str(", ");
                    self.deletion(deletion);
                    self.text.push_str(" }");
                }
                CellEvent::Simple { column: index, cell } | CellEvent::Element { column: index, cell } => {
                    self.begin_cell(column(index), is_empty);
                    self.cell(column(index), &cell, liveness);
                }
            }
            is_empty = false;
        }
        self.text.push_str(if is_empty { " ]" } else { "\n        ]" });
        Ok(())
    }

    fn begin_cell(&mut self, column: Option<&Column>, is_first: bool) {
        self.text.push_str(if is_first {
            "\n          { \"name\" : \""
        } else {
            ",\n          { \"name\" : \""
        });
        let mut name = String::new();
        push_identifier(column.map_or("", |column| &column.name), &mut name);
        escape_json(&name, &mut self.text);
        self.text.push('"');
    }

    /// The rest of a cell. Behind the braces in a tombstone the tool forgets that it writes in one line.
    fn cell(&mut self, column: Option<&Column>, cell: &Cell<'_>, liveness: LivenessInfo) {
        let Some(column) = column else { return };
        let (behind, close) =
            if cell.is_tombstone() { ("\n            ", "\n          }") } else { (" ", " }") };
        if column.complex {
            self.text.push_str(", \"path\" : [ ");
            self.path(column, cell.path);
            self.text.push_str(" ]");
        }
        if cell.is_tombstone() {
            self.text.push_str(", \"deletion_info\" : { \"local_delete_time\" : ");
            self.instant(seconds(cell.local_deletion_time));
            self.text.push_str(" }");
        } else {
            self.text.push_str(", \"value\" : ");
            match column.ty.cell_value_type(cell.path) {
                // The tool takes a counter's context for a bigint and prints its first bytes.
                Some(Type::Counter) => self.json(&Type::BigInt, cell.value.get(..8).unwrap_or(cell.value)),
                Some(ty) => self.json(&ty, cell.value),
                None => self.json(&Type::Blob, cell.value),
            }
        }
        if liveness.is_empty() || cell.timestamp != liveness.timestamp {
            self.text.push_str(&format!(",{behind}\"tstamp\" : "));
            self.instant(micros(cell.timestamp));
        }
        if cell.is_expiring() && (liveness.is_empty() || cell.ttl != liveness.ttl) {
            self.expiry(cell.ttl, cell.local_deletion_time, !cell.is_live(self.now));
        }
        self.text.push_str(close);
    }

    fn path(&mut self, column: &Column, path: &[u8]) {
        let field = match (&column.ty, <[u8; 2]>::try_from(path)) {
            (Type::Udt { definition, .. }, Ok(index)) => {
                definition.fields.get(usize::from(u16::from_be_bytes(index)))
            }
            _ => None,
        };
        match (field, &column.path_type) {
            (Some((name, _)), _) => {
                self.text.push('"');
                escape_json(name, &mut self.text);
                self.text.push('"');
            }
            (None, Some(ty)) => self.plain(ty, path),
            (None, None) => self.plain(&Type::Blob, path),
        }
    }

    fn marker(&mut self, marker: MarkerRef<'_>) {
        let kind = if marker.bound.kind.is_boundary() { "boundary" } else { "bound" };
        self.text.push_str(&format!("{MEMBER}\"type\" : \"range_tombstone_{kind}\""));
        let side = marker.bound.kind.side();
        if marker.bound.kind.opens() {
            self.bound(Bound { kind: BoundKind::start(side), ..marker.bound }, marker.open);
        }
        if marker.bound.kind.closes() {
            self.bound(Bound { kind: BoundKind::end(side), ..marker.bound }, marker.close);
        }
        self.text.push_str("\n      }");
    }

    fn bound(&mut self, bound: Bound<'_>, deletion: DeletionTime) {
        const INNER: &str = "\n          ";
        let end = if bound.kind.opens() { "start" } else { "end" };
        let kind = match bound.kind {
            BoundKind::InclStart | BoundKind::InclEnd => "inclusive",
            _ => "exclusive",
        };
        self.text.push_str(&format!(",{MEMBER}\"{end}\" : {{{INNER}\"type\" : \"{kind}\""));
        self.clustering(bound.values, bound.size, INNER);
        self.text.push_str(",\n          ");
        self.deletion(deletion);
        self.text.push_str(&format!("{MEMBER}}}"));
    }

    /// The values of a clustering, and a star for each that a bound lacks. Nothing for none at all.
    fn clustering(&mut self, values: &[u8], size: usize, indent: &str) {
        if size == 0 {
            return;
        }
        self.text.push_str(&format!(",{indent}\"clustering\" : [ "));
        let mut components = self.header.clustering.components(values, size);
        for (index, ty) in self.header.clustering.types().iter().enumerate() {
            self.text.push_str(if index == 0 { "" } else { ", " });
            match components.next() {
                None => self.text.push_str("\"*\""),
                Some(None) => self.text.push_str("null"),
                Some(Some(value)) => self.json(ty, value),
            }
        }
        self.text.push_str(" ]");
    }

    fn deletion(&mut self, deletion: DeletionTime) {
        self.text.push_str("\"deletion_info\" : { \"marked_deleted\" : ");
        self.instant(micros(deletion.marked_for_delete_at));
        self.text.push_str(", \"local_delete_time\" : ");
        self.instant(seconds(deletion.local_deletion_time));
        self.text.push_str(" }");
    }

    fn expiry(&mut self, ttl: u32, at: LocalDeletionTime, expired: bool) {
        self.text.push_str(&format!(", \"ttl\" : {ttl}, \"expires_at\" : "));
        self.instant(seconds(at));
        self.text.push_str(&format!(", \"expired\" : {expired}"));
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
            push_hex(value, &mut self.text);
            self.text.push('"');
        }
    }

    /// A value as a string.
    fn plain(&mut self, ty: &Type, value: &[u8]) {
        let mut plain = String::new();
        push_plain(ty, value, &mut plain);
        self.text.push('"');
        escape_json(&plain, &mut self.text);
        self.text.push('"');
    }
}

fn micros(timestamp: Timestamp) -> Instant {
    Instant::Micros(timestamp.0)
}

fn seconds(time: LocalDeletionTime) -> Instant {
    Instant::Seconds(seconds_number(time))
}

/// The number that Cassandra has in memory.
fn seconds_number(time: LocalDeletionTime) -> i64 {
    if time == LocalDeletionTime::NONE { i64::MAX } else { i64::from(time.0) }
}
