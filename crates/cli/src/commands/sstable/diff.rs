//! `sstable diff`.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{
    DiffSummary, Difference, Place, RowName, RowPart, View, diff as diff_tables, find_tables,
};

use super::common::{refused, second};
use crate::args::Diff;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn run(args: &Diff) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let tables = |path| find_tables(&*disk, std::slice::from_ref(path)).map_err(|error| refused(&error));
    let (left, right) = (tables(&args.left)?, tables(&args.right)?);
    let view = match (args.expired, args.live) {
        (Some(at), _) => View::Expired(second(at)),
        (None, Some(at)) => View::Live(second(at)),
        (None, None) => View::Exact,
    };
    let mut out = output::stdout();
    let mut bar = ByteProgress::default();
    let mut printed = Ok(());
    let mut count = 0;
    let mut told = |difference: Difference| {
        let text = if args.json { json(&difference) } else { lines(&difference) };
        printed = writeln!(out, "{text}");
        count += 1;
        if printed.is_err() || count == args.max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let done = diff_tables(&disk, &left, &right, view, &mut told, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    printed?;
    out.flush()?;
    let summary = done.map_err(|error| refused(&error))?;
    let DiffSummary { partitions, rows, differences, is_stopped } = summary;
    match differences {
        0 if args.json => Ok(()),
        0 => {
            let (partitions, rows) = (counted(partitions, "partition"), counted(rows, "row"));
            writeln!(out, "the same: {partitions}, {rows}")?;
            Ok(out.flush()?)
        }
        _ if is_stopped => {
            Err(Failure::failed(format!("{}, and there may be more", counted(differences, "difference")))
                .or_try("--max 0 goes on to the end"))
        }
        _ => Err(Failure::failed(format!(
            "{} in {} and {}",
            counted(differences, "difference"),
            counted(partitions, "partition"),
            counted(rows, "row")
        ))),
    }
}

/// A difference as three lines: where, and what each side has.
fn lines(difference: &Difference) -> String {
    let Difference { partition, place, left, right } = difference;
    let partition = partition.as_ref().map_or_else(String::new, |key| format!("partition {key}: "));
    let place = match place {
        Place::Column(name) => format!("type of column {name}"),
        Place::Partition => "as a whole".to_owned(),
        Place::PartitionDeletion => "deletion".to_owned(),
        Place::RangeDeletion(from) => format!("range deletion from {from}"),
        Place::Row(RowName::Static, part) => format!("static row, {}", part_text(part)),
        Place::Row(RowName::At(at), part) => format!("row {at}, {}", part_text(part)),
    };
    let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{partition}{place}\n  A: {}\n  B: {}", side(left), side(right))
}

fn part_text(part: &RowPart) -> String {
    match part {
        RowPart::Whole => "as a whole".to_owned(),
        RowPart::Liveness => "marker".to_owned(),
        RowPart::Deletion => "deletion".to_owned(),
        RowPart::ComplexDeletion(column) => format!("deletion of all of {column}"),
        RowPart::Cell(column, None) => format!("cell {column}"),
        RowPart::Cell(column, Some(path)) => format!("cell {column}[{path}]"),
    }
}

/// A difference as an object; members that say nothing are null.
fn json(difference: &Difference) -> String {
    let Difference { partition, place, left, right } = difference;
    let (kind, row, column, path) = match place {
        Place::Column(name) => ("column", None, Some(name), None),
        Place::Partition => ("partition", None, None, None),
        Place::PartitionDeletion => ("partition_deletion", None, None, None),
        Place::RangeDeletion(from) => ("range_deletion", Some(from.clone()), None, None),
        Place::Row(name, part) => {
            let (kind, column, path) = match part {
                RowPart::Whole => ("row", None, None),
                RowPart::Liveness => ("liveness", None, None),
                RowPart::Deletion => ("row_deletion", None, None),
                RowPart::ComplexDeletion(column) => ("complex_deletion", Some(column), None),
                RowPart::Cell(column, path) => ("cell", Some(column), path.as_ref()),
            };
            let row = match name {
                RowName::Static => "static".to_owned(),
                RowName::At(at) => at.clone(),
            };
            (kind, Some(row), column, path)
        }
    };
    serde_json::json!({
        "kind": kind,
        "partition": partition,
        "row": row,
        "column": column,
        "path": path,
        "a": left,
        "b": right,
    })
    .to_string()
}
