//! `export` and `get`: rows as lines.

use std::io::Write;
use std::ops::Bound;

use helenus::{EncodeValue, RowPrinter, Select, Serialized, Table, TableSchema, Type};

use crate::args::{Export, ExportFormat, Format, Get};
use crate::failure::Failure;
use crate::open::{self, Literals};
use crate::output::{self, Lines, Progress};
#[cfg(feature = "parquet")]
use crate::parquet::Written;

pub(crate) fn export(args: &Export) -> Result<(), Failure> {
    let format = match args.format {
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Parquet => return parquet(args),
    };
    let table = open::table_to_read(&args.dir, &args.source, &args.table)?;
    let rows = table.metrics().rows_estimate;
    let printer = printer(&table, format, &args.null);
    match &args.output {
        None => print(&table.select(), printer, output::stdout(), Progress::beside_output(rows)),
        Some(path) => {
            output::to_file(path, |file| print(&table.select(), printer, file, Progress::towards_rows(rows)))
        }
    }
}

#[cfg(feature = "parquet")]
fn parquet(args: &Export) -> Result<(), Failure> {
    let table = open::table_to_read(&args.dir, &args.source, &args.table)?;
    let progress = Progress::towards_rows(table.metrics().rows_estimate);
    // The command line asks for it with this format.
    let path = args.output.as_deref().unwrap_or(&args.dir);
    let Written { rows, groups, bytes } = crate::parquet::export(&table, path, progress)?;
    let mut out = output::stdout();
    writeln!(out, "{}: {rows} rows in {groups} row groups, {bytes} bytes", path.display())?;
    Ok(out.flush()?)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_args: &Export) -> Result<(), Failure> {
    let text = "this helenus was built without Parquet";
    Err(Failure::usage(text).or_try("cargo install --path crates/cli --features parquet"))
}

pub(crate) fn get(args: &Get) -> Result<(), Failure> {
    let table = open::table_to_read(&args.dir, &args.source, &args.table)?;
    let select = select(&table, args)?;
    print(&select, printer(&table, args.format, &args.null), output::stdout(), Progress::beside_output(0))
}

fn printer(table: &Table, format: Format, null: &str) -> RowPrinter {
    match format {
        Format::Jsonl => RowPrinter::json(&table.schema()),
        Format::Csv => RowPrinter::csv(&table.schema(), null),
    }
}

fn print(
    select: &Select,
    mut printer: RowPrinter,
    out: impl Write,
    mut progress: Progress,
) -> Result<(), Failure> {
    let mut lines = Lines::new(out);
    printer.header(lines.text());
    let mut rows = select.rows()?;
    let outcome = loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let start = lines.text().len();
        if let Err(error) = printer.row(&row, lines.text()) {
            lines.text().truncate(start);
            break Err(error);
        }
        lines.end_line()?;
        progress.row();
    };
    // What was read before damage is good, and shown.
    lines.finish()?;
    progress.finish();
    Ok(outcome?)
}

/// The query of a key: columns of the partition key, then of as many clustering columns as were given; `--from` and
/// `--to` go on where those end.
fn select(table: &Table, args: &Get) -> Result<Select, Failure> {
    let schema = table.schema();
    let (of_partition, of_clustering) = split_key(&schema, &args.key)?;
    let clustering = || schema.shown_clustering().iter().map(|column| (&*column.name, &column.ty));
    let key = Literals::parse(of_partition, schema.partition_key().iter().map(|c| (&*c.name, &c.ty)))?;
    let prefix = Literals::parse(of_clustering, clustering())?;
    let mut select = with_values(&[&key], |values| table.select().key(values));
    if !of_clustering.is_empty() {
        select = with_values(&[&prefix], |values| select.prefix(values));
    }
    let behind_prefix = |texts: &[String], option: &str| {
        if of_clustering.len() + texts.len() > schema.shown_clustering().len() {
            let names = names(clustering());
            let text =
                format!("{option} has more values than the clustering has columns behind the key ({names})");
            return Err(Failure::usage(text));
        }
        Literals::parse(texts, clustering().skip(of_clustering.len()))
    };
    if !args.from.is_empty() {
        let from = behind_prefix(&args.from, "--from")?;
        select = with_values(&[&prefix, &from], |values| select.from(Bound::Included(values)));
    }
    if !args.to.is_empty() {
        let to = behind_prefix(&args.to, "--to")?;
        select = with_values(&[&prefix, &to], |values| select.to(Bound::Included(values)));
    }
    if args.reverse {
        select = select.reverse();
    }
    Ok(args.limit.into_iter().fold(select, Select::limit))
}

/// The literals of the partition key and those of the clustering.
fn split_key<'a>(schema: &TableSchema, key: &'a [String]) -> Result<(&'a [String], &'a [String]), Failure> {
    let partition = || schema.partition_key().iter().map(|column| (&*column.name, &column.ty));
    let clustering = || schema.shown_clustering().iter().map(|column| (&*column.name, &column.ty));
    let split = key.split_at_checked(schema.partition_key().len());
    split.filter(|(_, of_clustering)| of_clustering.len() <= schema.shown_clustering().len()).ok_or_else(
        || {
            let text = format!(
                "{} can't be a key of {}.{}: its partition key is {}{}",
                if key.len() == 1 { "1 value".to_owned() } else { format!("{} values", key.len()) },
                schema.keyspace(),
                schema.name(),
                names(partition()),
                match names(clustering()) {
                    none if none.is_empty() => ", and it has no clustering".to_owned(),
                    names => format!(", its clustering {names}"),
                }
            );
            Failure::usage(text)
                .or_try("all values of the partition key, then as many of the clustering as wanted")
        },
    )
}

fn names<'a>(columns: impl Iterator<Item = (&'a str, &'a Type)>) -> String {
    columns.map(|(name, ty)| format!("{name} {}", ty.base())).collect::<Vec<_>>().join(", ")
}

/// Shows the values of several lists of literals as one.
fn with_values<R>(lists: &[&Literals], f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
    let values: Vec<Serialized<'_>> = lists.iter().flat_map(|list| list.values()).collect();
    let values: Vec<&dyn EncodeValue> = values.iter().map(|value| value as &dyn EncodeValue).collect();
    f(&values)
}
