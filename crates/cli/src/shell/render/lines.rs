//! Rows as lines that programs read.

use std::io::Write;

use helenus::cql::ResultRows;

use super::cell::Heading;
use crate::csv::{self, CsvLayout};
use crate::shell::problem::Problem;

/// A JSON object per row: values as SELECT JSON has them, under the columns' names.
pub(super) fn json(columns: &[Heading], rows: &mut ResultRows, out: &mut impl Write) -> Result<(), Problem> {
    let names: Vec<String> =
        columns.iter().map(|column| serde_json::Value::from(&*column.spec.name).to_string()).collect();
    let mut line = String::new();
    while let Some(row) = rows.next()? {
        line.clear();
        for (at, (column, name)) in columns.iter().zip(&names).enumerate() {
            line.push_str(if at == 0 { "{" } else { ", " });
            line.push_str(name);
            line.push_str(": ");
            match row.cell(at) {
                Some(value) => column
                    .spec
                    .ty
                    .json(value, &mut line)
                    .map_err(|error| Problem::command(error.to_string()))?,
                None => line.push_str("null"),
            }
        }
        line.push_str("}\n");
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// CSV under a line of the columns' names; null is the empty field, an empty text is in quotes.
pub(super) fn csv(
    columns: &[Heading],
    with_names: bool,
    rows: &mut ResultRows,
    out: &mut impl Write,
) -> Result<(), Problem> {
    let layout = CsvLayout::default();
    let mut line = String::new();
    if with_names {
        let names = columns.iter().map(|column| Some(&*column.spec.name));
        csv::push_record(&layout, names, &mut line);
        out.write_all(line.as_bytes())?;
    }
    while let Some(row) = rows.next()? {
        line.clear();
        let mut texts = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            let mut text = String::new();
            if let Some(value) = row.cell(at) {
                column.spec.ty.text(value, &mut text).map_err(|error| Problem::command(error.to_string()))?;
            }
            texts.push(row.cell(at).map(|_| text));
        }
        csv::push_record(&layout, texts.iter().map(Option::as_deref), &mut line);
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}
