//! `sstable verify`.

use std::io::Write;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_sstable::Descriptor;
use helenus_tools::{Below, Depth, ToolError, find_tables, find_tables_below, verify};

use super::common::refused;
use crate::args::Verify;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn run(args: &Verify) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = inputs(&*disk, args)?;
    let depth = if args.quick { Depth::Quick } else { Depth::Extended };
    let mut out = output::stdout();
    let (mut wrong, mut findings) = (0, 0);
    for table in &inputs {
        let mut bar = ByteProgress::default();
        let report = verify(&disk, table, depth, &mut |progress| {
            bar.at(progress.bytes_read, progress.bytes_total);
        });
        bar.finish();
        wrong += u64::from(!report.is_clean());
        findings += report.findings.len() as u64 + report.more;
        if args.json {
            let mut text = String::new();
            report.write_json(&mut text);
            writeln!(out, "{text}")?;
        } else {
            writeln!(out, "{report}")?;
        }
    }
    out.flush()?;
    if wrong == 0 {
        return Ok(());
    }
    let all = inputs.len();
    let text = format!("{} in {wrong} of {}", counted(findings, "finding"), counted(all as u64, "SSTable"));
    Err(Failure::failed(text).or_try("restore the files from a backup or a replica"))
}

/// The SSTables that are meant.
fn inputs(disk: &dyn Disk, args: &Verify) -> Result<Vec<Descriptor>, Failure> {
    let found = if args.recursive {
        find_tables_below(disk, &args.inputs, Below { snapshots: args.snapshots, backups: args.backups })
    } else {
        find_tables(disk, &args.inputs)
    };
    found.map_err(|error| match &error {
        ToolError::Table(error) if error.is_no_tables() && !args.recursive => {
            Failure::failed(error.to_string())
                .or_try("-r searches subdirectories, as of a database or a node")
        }
        _ => refused(&error),
    })
}
