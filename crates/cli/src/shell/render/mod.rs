//! Rows as text: tables for people, lines for machines.

mod cell;
mod lines;
mod table;

use std::io::Write;

use helenus::Catalog;
use helenus::cql::{ColumnSpec, ResultRows};

use super::problem::Problem;
use crate::args::ShellFormat;
use crate::output::counted;
use cell::{Heading, Look, TableCell};

/// The rows of one answer, printed page by page.
pub(super) struct PrintedRows {
    format: ShellFormat,
    columns: Vec<Heading>,
    in_colour: bool,
    rows: u64,
    pages: u64,
}

impl PrintedRows {
    pub(super) fn new(
        format: ShellFormat,
        catalog: &Catalog,
        columns: &[ColumnSpec],
        in_colour: bool,
    ) -> Self {
        let heading = |spec: &ColumnSpec| {
            let table = catalog.table(&spec.keyspace, &spec.table).ok();
            let kind = table.and_then(|table| table.column(&spec.name)).map(|column| column.kind);
            Heading { spec: spec.clone(), cell: TableCell::new(&spec.name, Look::of_column(kind)) }
        };
        Self { format, columns: columns.iter().map(heading).collect(), in_colour, rows: 0, pages: 0 }
    }

    /// Prints a page.
    pub(super) fn page(&mut self, rows: &mut ResultRows, out: &mut impl Write) -> Result<(), Problem> {
        self.pages += 1;
        match self.format {
            ShellFormat::Json => lines::json(&self.columns, rows, out)?,
            ShellFormat::Csv => lines::csv(&self.columns, self.pages == 1, rows, out)?,
            ShellFormat::Table | ShellFormat::Expanded => {
                let mut cells = Vec::new();
                while let Some(row) = rows.next()? {
                    let columns = self.columns.iter().enumerate();
                    let cell = |(at, column): (usize, &Heading)| TableCell::of(&column.spec.ty, row.cell(at));
                    cells.push(columns.map(cell).collect::<Result<Vec<_>, _>>()?);
                }
                match self.format {
                    ShellFormat::Expanded => {
                        table::expanded(&self.columns, self.in_colour, (self.rows, cells.as_slice()), out)?
                    }
                    _ if self.pages > 1 && cells.is_empty() => {}
                    _ => table::aligned(&self.columns, self.in_colour, &cells, out)?,
                }
                self.rows += cells.len() as u64;
            }
        }
        Ok(())
    }

    /// Prints how many there were.
    pub(super) fn end(self, out: &mut impl Write) -> std::io::Result<()> {
        match self.format {
            ShellFormat::Table | ShellFormat::Expanded => {
                writeln!(out, "\n({})\n", counted(self.rows, "row"))
            }
            ShellFormat::Json | ShellFormat::Csv => Ok(()),
        }
    }
}
