//! `sstable partitions`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus::{Disk, Hex, RealDisk};
use helenus_sstable::{Component, Descriptor};
use helenus_tools::{
    Below, Detail, Distribution, Origin, PartitionFigures, PartitionLimits, PartitionsOptions, TableFigures,
    ToolError, find_tables, find_tables_below, partitions,
};

use serde_json::{Value, json};

use super::common::{refused, second};
use crate::args::Partitions;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

/// The columns that Cassandra's tool has.
const CSV_HEADER: &str = "key,keyBinary,live,offset,size,rowCount,cellCount,tombstoneCount,rowTombstoneCount,\
                          rangeTombstoneCount,complexTombstoneCount,cellTombstoneCount,rowTtlExpired,cellTtlExpired,\
                          directory,keyspace,table,index,snapshot,backup,generation,format,version";

pub(crate) fn run(args: &Partitions) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let tables = if args.recursive {
        find_tables_below(&*disk, &args.inputs, Below { snapshots: args.snapshots, backups: args.backups })
    } else {
        find_tables(&*disk, &args.inputs)
    };
    let tables = tables.map_err(|error| refused(&error))?;
    let options = options(args);
    let mut out = output::stdout();
    if args.csv {
        writeln!(out, "{CSV_HEADER}")?;
    }
    let mut failures = Vec::new();
    for table in &tables {
        match one(&disk, table, args, &options, &mut out)? {
            Ok(()) => {}
            // The others are read all the same.
            Err(error) => failures.push(error),
        }
    }
    out.flush()?;
    let count = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) if count == 1 => Err(refused(&first)),
        Some(first) => {
            Err(Failure::failed(format!("{count} SSTables can't be read to the end, among them: {first}")))
        }
    }
}

fn options(args: &Partitions) -> PartitionsOptions {
    PartitionsOptions {
        limits: PartitionLimits {
            size: args.min_size,
            rows: args.min_rows,
            cells: args.min_cells,
            tombstones: args.min_tombstones,
        },
        detail: if args.partitions_only { Detail::Sizes } else { Detail::Rows },
        now_s: second(args.current_timestamp),
        keys: args.keys.clone(),
        excluded: args.excluded.clone(),
    }
}

/// Prints one table; what kept it from being read to the end, or the error of the output.
fn one(
    disk: &Arc<dyn Disk>,
    table: &Descriptor,
    args: &Partitions,
    options: &PartitionsOptions,
    out: &mut impl Write,
) -> io::Result<Result<(), ToolError>> {
    // Keyspace and table come from the names above the directory: `.` has none.
    let dir = std::path::absolute(&table.dir);
    let origin = Origin::of(dir.as_deref().unwrap_or(Path::new("")));
    let mut bar = ByteProgress::default();
    let mut printed = Ok(());
    let mut matches = 0_u64;
    let mut told = |figures: &PartitionFigures| {
        matches += 1;
        printed = match (args.csv, matches) {
            _ if args.json => writeln!(out, "{}", as_json(&origin, table, figures)),
            (true, _) => csv_line(out, &origin, table, figures),
            (false, 1) => {
                writeln!(out, "\n{}", origin.name_of(table)).and_then(|()| line(out, figures, options))
            }
            (false, _) => line(out, figures, options),
        };
        if printed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let done = partitions(disk, table, options, &mut told, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    printed?;
    match done {
        Err(error) => Ok(Err(error)),
        Ok(_) if args.csv => Ok(Ok(())),
        Ok(figures) if args.json => writeln!(out, "{}", summary_json(&figures, options, matches)).map(Ok),
        Ok(figures) => summary(out, &origin, &figures, options, matches).map(Ok),
    }
}

fn line(out: &mut impl Write, figures: &PartitionFigures, options: &PartitionsOptions) -> io::Result<()> {
    let PartitionFigures { key_text, rows, cells, .. } = figures;
    let live = if figures.is_live { "live" } else { "not live" };
    let (key, size) = (Hex(&figures.key), size(figures.size));
    write!(out, "  Partition: '{key_text}' ({key}) {live}, size: {size}")?;
    if options.detail == Detail::Sizes {
        return writeln!(out);
    }
    let tombstones = [
        ("row", figures.row_tombstones),
        ("range", figures.range_tombstones),
        ("complex", figures.complex_tombstones),
        ("cell", figures.cell_tombstones),
        ("row-TTLd", figures.expired_rows),
        ("cell-TTLd", figures.expired_cells),
    ];
    let kinds: Vec<String> = tombstones.iter().map(|(name, count)| format!("{name}:{count}")).collect();
    let (all, kinds) = (figures.tombstones(), kinds.join(", "));
    writeln!(out, ", rows: {rows}, cells: {cells}, tombstones: {all} ({kinds})")
}

/// A partition, with the names that the columns of the CSV have.
fn as_json(origin: &Origin, table: &Descriptor, figures: &PartitionFigures) -> Value {
    json!({
        "key": figures.key_text,
        "keyBinary": Hex(&figures.key).to_string(),
        "live": figures.is_live,
        "offset": figures.offset,
        "size": figures.size,
        "rowCount": figures.rows,
        "cellCount": figures.cells,
        "tombstoneCount": figures.tombstones(),
        "rowTombstoneCount": figures.row_tombstones,
        "rangeTombstoneCount": figures.range_tombstones,
        "complexTombstoneCount": figures.complex_tombstones,
        "cellTombstoneCount": figures.cell_tombstones,
        "rowTtlExpired": figures.expired_rows,
        "cellTtlExpired": figures.expired_cells,
        "sstable": table.path(&Component::Data).display().to_string(),
        "keyspace": origin.keyspace,
        "table": origin.table,
        "index": origin.index,
        "snapshot": origin.snapshot,
        "backup": origin.backup,
    })
}

/// The figures of an SSTable.
fn summary_json(figures: &TableFigures, options: &PartitionsOptions, matches: u64) -> Value {
    let distribution = |of: &Distribution| {
        let mut percentiles = serde_json::Map::new();
        for (name, part) in PERCENTILES {
            percentiles.insert(name.trim_start_matches('~').to_owned(), of.per_mille(part).into());
        }
        percentiles.insert("min".to_owned(), of.min().into());
        percentiles.insert("max".to_owned(), of.max().into());
        Value::Object(percentiles)
    };
    let mut json = json!({
        "sstable": figures.table.path(&Component::Data).display().to_string(),
        "uncompressed_bytes": figures.data_len,
        "disk_bytes": figures.file_len,
        "partitions": figures.sizes.count(),
        "matches": matches,
        "size": distribution(&figures.sizes),
    });
    if let (Value::Object(json), Detail::Rows) = (&mut json, options.detail) {
        let counts =
            [("rows", &figures.rows), ("cells", &figures.cells), ("tombstones", &figures.tombstones)];
        json.extend(counts.map(|(name, of)| (name.to_owned(), distribution(of))));
    }
    json
}

fn csv_line(
    out: &mut impl Write,
    origin: &Origin,
    table: &Descriptor,
    figures: &PartitionFigures,
) -> io::Result<()> {
    let counts = [
        figures.offset,
        figures.size,
        figures.rows,
        figures.cells,
        figures.tombstones(),
        figures.row_tombstones,
        figures.range_tombstones,
        figures.complex_tombstones,
        figures.cell_tombstones,
        figures.expired_rows,
        figures.expired_cells,
    ];
    write!(out, "\"{}\",{},{}", figures.key_text.replace('"', "\"\""), Hex(&figures.key), figures.is_live)?;
    for count in counts {
        write!(out, ",{count}")?;
    }
    let file = table.path(&Component::Data).to_string_lossy().into_owned();
    let names = [&origin.keyspace, &origin.table, &origin.index, &origin.snapshot, &origin.backup];
    for text in std::iter::once(Some(&file)).chain(names.into_iter().map(Option::as_ref)) {
        write!(out, ",{}", text.map_or_else(String::new, |text| field(text)))?;
    }
    writeln!(out, ",{},{},{}", table.id, table.format(), table.version)
}

/// A field of CSV, in quotes where it needs them.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

const PERCENTILES: [(&str, u64); 6] =
    [("~p50", 500), ("~p75", 750), ("~p90", 900), ("~p95", 950), ("~p99", 990), ("~p999", 999)];

fn summary(
    out: &mut impl Write,
    origin: &Origin,
    figures: &TableFigures,
    options: &PartitionsOptions,
    matches: u64,
) -> io::Result<()> {
    let name = origin.name_of(&figures.table);
    writeln!(
        out,
        "\nSummary of {name} ({} uncompressed, {} on disk):",
        size(figures.data_len),
        size(figures.file_len)
    )?;
    writeln!(out, "  File: {}", figures.table.path(&Component::Data).display())?;
    if matches > 0 {
        let verb = if matches == 1 { "matches" } else { "match" };
        writeln!(out, "  {} {verb}", counted(matches, "partition"))?;
    }
    let counts = [&figures.rows, &figures.cells, &figures.tombstones];
    let counts: &[&Distribution] = if options.detail == Detail::Sizes { &[] } else { &counts };
    write!(out, "         {:>20}", "Partition size")?;
    for (title, _) in ["Row count", "Cell count", "Tombstone count"].iter().zip(counts) {
        write!(out, " {title:>20}")?;
    }
    writeln!(out)?;
    let mut row = |name: &str, figure: &dyn Fn(&Distribution) -> u64| {
        write!(out, "  {name:5}  {:>20}", size(figure(&figures.sizes)))?;
        counts.iter().try_for_each(|count| write!(out, " {:>20}", figure(count)))?;
        writeln!(out)
    };
    for (name, part) in PERCENTILES {
        row(name, &|figures| figures.per_mille(part))?;
    }
    row("min", &Distribution::min)?;
    row("max", &Distribution::max)?;
    writeln!(out, "  count  {:>20}", figures.sizes.count())
}

/// Bytes with a unit of 1024 and three places, rounded half up (`FBUtilities.prettyPrintMemory`).
fn size(bytes: u64) -> String {
    let unit = bytes.checked_ilog2().unwrap_or(0) / 10;
    let Some(letter) = "KMGTPE".chars().nth((unit as usize).wrapping_sub(1)) else {
        return format!("{bytes} B");
    };
    let divisor = 1_u128 << (10 * unit);
    let thousandths = (u128::from(bytes) * 1000 + divisor / 2) / divisor;
    format!("{}.{:03} {letter}iB", thousandths / 1000, thousandths % 1000)
}
