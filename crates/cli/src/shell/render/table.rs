//! Rows as cqlsh prints them.

use std::io::{self, Write};

use super::cell::{Align, Heading, TableCell};

/// Aligned columns under their names.
pub(super) fn aligned(
    columns: &[Heading],
    in_colour: bool,
    rows: &[Vec<TableCell>],
    out: &mut impl Write,
) -> io::Result<()> {
    let width = |(at, heading): (usize, &Heading)| {
        let widths = rows.iter().filter_map(|row| row.get(at)).map(TableCell::width);
        widths.max().unwrap_or(0).max(heading.cell.width())
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(width).collect();
    let headings = columns.iter().map(|heading| &heading.cell);
    let mut text = String::from("\n");
    push_line(headings, Align::Left, &widths, in_colour, &mut text);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    text.push_str(&rules.join("+"));
    text.push('\n');
    for row in rows {
        push_line(row.iter(), Align::Right, &widths, in_colour, &mut text);
    }
    out.write_all(text.as_bytes())
}

fn push_line<'c>(
    cells: impl Iterator<Item = &'c TableCell>,
    side: Align,
    widths: &[usize],
    in_colour: bool,
    text: &mut String,
) {
    for (at, (cell, width)) in cells.zip(widths).enumerate() {
        text.push_str(if at == 0 { " " } else { " | " });
        // Nothing but blanks would follow the last name.
        let is_last = at + 1 == widths.len() && side == Align::Left;
        cell.push(side, if is_last { 0 } else { *width }, in_colour, text);
    }
    text.push('\n');
}

/// A line for each column of each row; the first number is of the rows before.
pub(super) fn expanded(
    columns: &[Heading],
    in_colour: bool,
    (before, rows): (u64, &[Vec<TableCell>]),
    out: &mut impl Write,
) -> io::Result<()> {
    let names = columns.iter().map(|heading| heading.cell.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, row) in (before + 1..).zip(rows) {
        let values = row.iter().map(TableCell::width).max().unwrap_or(0);
        text.push_str(&format!("\n@ Row {number}\n{}+{}\n", "-".repeat(names + 2), "-".repeat(values + 2)));
        for (heading, cell) in columns.iter().zip(row) {
            text.push(' ');
            heading.cell.push(Align::Left, names, in_colour, &mut text);
            text.push_str(" | ");
            cell.push(Align::Left, 0, in_colour, &mut text);
            text.push('\n');
        }
    }
    out.write_all(text.as_bytes())
}
