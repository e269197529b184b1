//! A table as text, letter by letter what Cassandra's `sstabledump` prints (`tools.SSTableExport`):
//! JSON (`tools.JsonTransformer`), JSON a line for each partition, keys alone, or a line for each
//! row and marker.
//!
//! No schema is needed: the serialization header has it all but the names of key columns, which are
//! not printed. Positions are those of the uncompressed data: a partition's is the one after its
//! head, a row's that of its start. Unlike Cassandra's tool this one continues after damage, with
//! the next partition that the index knows; the damage is printed in place of the rest of the
//! partition's rows and is returned.
//!
//! This file walks over the partitions; `json.rs` and `lines.rs` print one, `text.rs` values,
//! `structure.rs` the structure between them.

mod json;
mod lines;
mod options;
mod out;
mod structure;
mod text;

use std::io::{self, Write};

use crate::data::{Head, Scan};
use crate::error::SsTableError;
use crate::index::SearchKey;
use crate::table::SsTable;
use crate::table_index::IndexWalk;
use json::Json;
use lines::Lines;
pub use options::{DumpForm, DumpKeys, DumpOptions, DumpTimes};
use out::{ENOUGH, hand_on};
pub use text::{KeyName, push_key_text, push_plain};

/// Writes the whole table to `out`; the damage that was met.
///
/// # Errors
/// Those of `out`.
pub fn dump(table: &SsTable, options: DumpOptions, out: &mut dyn Write) -> io::Result<Vec<SsTableError>> {
    dump_keys(table, options, &DumpKeys::default(), out)
}

/// Writes some partitions of the table to `out`, in the table's order; the damage that was met.
///
/// # Errors
/// Those of `out`.
pub fn dump_keys(
    table: &SsTable,
    options: DumpOptions,
    keys: &DumpKeys,
    out: &mut dyn Write,
) -> io::Result<Vec<SsTableError>> {
    let header = table.header();
    let printer = match options.form {
        DumpForm::Lines => Printer::Lines(Lines::new(header)),
        DumpForm::JsonLines => Printer::JsonLines(Json::new(header, options)),
        DumpForm::Json | DumpForm::Keys => Printer::Json(Json::new(header, options)),
    };
    let mut dump = Dump { table, keys, form: options.form, printer, is_empty: true, errors: Vec::new(), out };
    match (&keys.only, options.form) {
        (Some(only), _) => dump.found(only)?,
        (None, DumpForm::Keys) => dump.all_keys()?,
        (None, _) => dump.all()?,
    }
    dump.end()?;
    Ok(dump.errors)
}

enum Printer<'a> {
    Json(Json<'a, false>),
    JsonLines(Json<'a, true>),
    Lines(Lines<'a>),
}

struct Dump<'a> {
    table: &'a SsTable,
    keys: &'a DumpKeys,
    form: DumpForm,
    printer: Printer<'a>,
    is_empty: bool,
    errors: Vec<SsTableError>,
    out: &'a mut dyn Write,
}

impl Dump<'_> {
    fn all(&mut self) -> io::Result<()> {
        let mut scan = self.table.scan();
        loop {
            let damage = match scan.next_partition() {
                Ok(false) => return Ok(()),
                Ok(true) => self.partition(&mut scan)?,
                Err(error) => Some(error),
            };
            if let Some(error) = damage {
                self.errors.push(error);
                match next_partition(self.table, scan.partition_position()) {
                    Ok(Some(next)) => scan = self.table.scan_from(next),
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        self.errors.push(error);
                        return Ok(());
                    }
                }
            }
        }
    }

    fn found(&mut self, only: &[Vec<u8>]) -> io::Result<()> {
        let partitioner = self.table.partitioner();
        let mut only: Vec<&[u8]> = only.iter().map(Vec::as_slice).collect();
        only.sort_by(|a, b| partitioner.compare(a, b));
        only.dedup();
        for key in only {
            let found = match self.table.index().find(&SearchKey::of(partitioner.clone(), key)) {
                Ok(None) => continue,
                Ok(Some(at)) => self.found_at(key, at.data)?,
                Err(error) => Some(error),
            };
            self.errors.extend(found);
        }
        Ok(())
    }

    /// Prints the partition that begins there if it is the one of that key: indexes don't know
    /// whole keys.
    fn found_at(&mut self, key: &[u8], start: u64) -> io::Result<Option<SsTableError>> {
        let mut scan = self.table.data_file().scan_between(start, start.saturating_add(1));
        match scan.next_partition() {
            Ok(true) if helenus_rows::UnfilteredStream::partition(&scan).key == key => {
                self.partition(&mut scan)
            }
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(error)),
        }
    }

    /// Keys alone need no rows: the index knows where they are.
    fn all_keys(&mut self) -> io::Result<()> {
        let mut partitions = self.table.index().partitions();
        let mut window = self.table.data_file().ahead_window();
        let mut head = Head::default();
        loop {
            let at = match partitions.next(self.table.index()) {
                Ok(Some(at)) => at,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.errors.push(error);
                    return Ok(());
                }
            };
            match head.read_key(&mut window, self.table.header(), &[], at.data) {
                Ok(()) => self.key(&head.key)?,
                Err(error) => self.errors.push(error),
            }
        }
    }

    fn is_left_out(&self, key: &[u8]) -> bool {
        self.keys.except.iter().any(|except| except == key)
    }

    fn key(&mut self, key: &[u8]) -> io::Result<()> {
        if self.is_left_out(key) {
            return Ok(());
        }
        if let Printer::Json(json) = &mut self.printer {
            json.text.push_str(if self.is_empty { "[ [ " } else { ", [ " });
            json.key(key);
            json.text.push_str(" ]");
            hand_on(&mut json.text, ENOUGH, self.out)?;
        }
        self.is_empty = false;
        Ok(())
    }

    /// Prints the partition that the scan has come to; the damage that ended it.
    fn partition(&mut self, scan: &mut Scan) -> io::Result<Option<SsTableError>> {
        let key = helenus_rows::UnfilteredStream::partition(scan).key;
        if self.is_left_out(key) {
            // Damage in a partition that is not printed ends the scan all the same.
            return Ok(skip(scan).err());
        }
        match (&mut self.printer, self.form) {
            (_, DumpForm::Keys) => {
                let key = key.to_vec();
                self.key(&key)?;
                Ok(None)
            }
            (Printer::Json(json), _) => {
                json.text.push_str(if self.is_empty { "[\n  " } else { ",\n  " });
                self.is_empty = false;
                json.partition(scan, self.out)
            }
            (Printer::JsonLines(json), _) => {
                let damage = json.partition(scan, self.out)?;
                json.text.push('\n');
                Ok(damage)
            }
            (Printer::Lines(lines), _) => lines.partition(scan, self.out),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        let text = match &mut self.printer {
            Printer::Json(json) => &mut json.text,
            Printer::JsonLines(json) => &mut json.text,
            Printer::Lines(lines) => &mut lines.text,
        };
        text.push_str(match self.form {
            DumpForm::Json | DumpForm::Keys if self.is_empty => "[\n]\n",
            DumpForm::Json | DumpForm::Keys => "\n]\n",
            DumpForm::JsonLines | DumpForm::Lines => "",
        });
        hand_on(text, 0, self.out)
    }
}

/// Goes to the end of the partition.
fn skip(scan: &mut Scan) -> Result<(), SsTableError> {
    while scan.advance()? {}
    Ok(())
}

/// The start of the first partition after `position` that the index knows.
fn next_partition(table: &SsTable, position: u64) -> Result<Option<u64>, SsTableError> {
    let mut walk = IndexWalk::new(table.index());
    walk.next()?;
    walk.pass(position.saturating_add(1), |_| {})?;
    Ok(walk.current().map(|found| found.position()))
}
