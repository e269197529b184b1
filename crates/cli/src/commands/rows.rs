//! `export` and `get`: rows as lines.

use std::cmp::Ordering;
use std::io::Write;
use std::ops::Bound;

use helenus::{EncodeValue, LeftOut, RowPrinter, Select, Serialized, Table, TableSchema, Type};

use crate::args::{Export, ExportFormat, Format, Get};
use crate::failure::Failure;
use crate::open::{self, Literals};
use crate::output::{self, Lines, Progress, counted};
#[cfg(feature = "parquet")]
use crate::parquet::Written;

pub(crate) fn export(args: &Export) -> Result<(), Failure> {
    if args.lossless && args.format != ExportFormat::Jsonl {
        return Err(Failure::usage("--lossless is of jsonl; the other formats lose nothing"));
    }
    let format = match args.format {
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Parquet => {
            check_null(args.null.as_deref(), false)?;
            return parquet(args);
        }
    };
    check_null(args.null.as_deref(), format == Format::Csv)?;
    let Exported { table, damaged } = Exported::open(args)?;
    let rows = table.metrics().rows_estimate;
    let printer = if args.lossless {
        RowPrinter::lossless_json(&table.schema())
    } else {
        printer(&table, format, args.null.as_deref())
    };
    match &args.output {
        None => print(&table.select(), printer, output::stdout(), Progress::beside_output(rows))?,
        Some(path) => {
            output::to_file(path, |file| {
                print(&table.select(), printer, file, Progress::towards_rows(rows))
            })?;
        }
    }
    left_out(&damaged)
}

/// The input of an export.
struct Exported {
    table: Table,
    /// SSTables of it that are damaged and left out.
    damaged: Vec<LeftOut>,
}

impl Exported {
    fn open(args: &Export) -> Result<Self, Failure> {
        if !args.skip_damaged {
            let table = open::table_to_read(&args.dir, &args.source, &args.table)?;
            return Ok(Self { table, damaged: Vec::new() });
        }
        let (table, damaged) = open::salvaged_table(&args.dir, &args.source, &args.table)?;
        Ok(Self { table, damaged })
    }
}

/// Says what was left out; that the rest is there makes it no success.
fn left_out(damaged: &[LeftOut]) -> Result<(), Failure> {
    if damaged.is_empty() {
        return Ok(());
    }
    let verb = if damaged.len() == 1 { "is" } else { "are" };
    let mut text = format!("{} {verb} damaged and left out", counted(damaged.len() as u64, "SSTable"));
    for LeftOut { path, reason } in damaged {
        text.push_str(&format!("\n  {}: {reason}", path.display()));
    }
    Err(Failure::failed(text).or_try("`helenus sstable scrub` saves what can still be read of them"))
}

#[cfg(feature = "parquet")]
fn parquet(args: &Export) -> Result<(), Failure> {
    let Exported { table, damaged } = Exported::open(args)?;
    let progress = Progress::towards_rows(table.metrics().rows_estimate);
    // The command line asks for it with this format.
    let path = args.output.as_deref().unwrap_or(&args.dir);
    let Written { rows, groups, bytes } = crate::parquet::export(&table, path, progress)?;
    let mut out = output::stdout();
    let (rows, groups) = (counted(rows, "row"), counted(groups as u64, "row group"));
    writeln!(out, "{}: {rows} in {groups}, {bytes} bytes", path.display())?;
    out.flush()?;
    left_out(&damaged)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_args: &Export) -> Result<(), Failure> {
    let text = "this helenus was built without Parquet";
    Err(Failure::usage(text).or_try("cargo install --path crates/cli --features parquet"))
}

pub(crate) fn get(args: &Get) -> Result<(), Failure> {
    check_null(args.null.as_deref(), args.format == Format::Csv)?;
    let table = open::table_to_read(&args.dir, &args.source, &args.table)?;
    let select = select(&table, args)?;
    let printer = printer(&table, args.format, args.null.as_deref());
    print(&select, printer, output::stdout(), Progress::beside_output(0))
}

/// Refuses a text for null where nothing would be written as it, or it would be read as something
/// else.
fn check_null(null: Option<&str>, is_csv: bool) -> Result<(), Failure> {
    match null {
        Some(_) if !is_csv => Err(Failure::usage("--null is of CSV")),
        Some(null) if null.contains([',', '"', '\n', '\r']) => Err(Failure::usage(format!(
            "--null {null:?}: null is not in quotes, which a comma, a quote and \
                                        the end of a line need"
        ))),
        _ => Ok(()),
    }
}

fn printer(table: &Table, format: Format, null: Option<&str>) -> RowPrinter {
    match format {
        Format::Jsonl => RowPrinter::json(&table.schema()),
        Format::Csv => RowPrinter::csv(&table.schema(), null.unwrap_or_default()),
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
    // The rows before the damage are good, and printed.
    lines.finish()?;
    progress.finish();
    Ok(outcome?)
}

/// The query of a key: columns of the partition key, then of as many clustering columns as were
/// given; `--from` and `--to` go on where those end.
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
                format!("{option} has more values than the clustering has columns after the key ({names})");
            return Err(Failure::usage(text));
        }
        Literals::parse(texts, clustering().skip(of_clustering.len()))
    };
    let (from, to) = (behind_prefix(&args.from, "--from")?, behind_prefix(&args.to, "--to")?);
    check_ends(&schema, of_clustering.len(), &from, &to)?;
    if !args.from.is_empty() {
        select = with_values(&[&prefix, &from], |values| select.from(Bound::Included(values)));
    }
    if !args.to.is_empty() {
        select = with_values(&[&prefix, &to], |values| select.to(Bound::Included(values)));
    }
    if args.reverse {
        select = select.reverse();
    }
    Ok(args.limit.into_iter().fold(select, Select::limit))
}

/// Refuses ends of a range of which the first comes after the last: nothing is between them.
fn check_ends(schema: &TableSchema, prefix: usize, from: &Literals, to: &Literals) -> Result<(), Failure> {
    let columns = schema.shown_clustering().iter().skip(prefix);
    let mut order = Ordering::Equal;
    for ((column, from), to) in columns.clone().zip(from.values()).zip(to.values()) {
        order = order.then_with(|| column.ty.compare(from.0, to.0));
    }
    if order.is_le() {
        return Ok(());
    }
    let direction = |column: &helenus::ColumnDef| {
        format!("{} {}", column.name, if column.ty.is_reversed() { "DESC" } else { "ASC" })
    };
    let order: Vec<String> = columns.map(direction).collect();
    let text = format!("no row lies between --from and --to: the table's order is {}", order.join(", "));
    Err(Failure::usage(text).or_try("change them over; --reverse prints the last row first"))
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
            Failure::usage(text).or_try(match key.iter().any(|value| value.starts_with("--")) {
                true => "options stand before --, what follows it are values",
                false => "all values of the partition key, then as many of the clustering as wanted",
            })
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
