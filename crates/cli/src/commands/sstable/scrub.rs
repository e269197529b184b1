//! `sstable scrub`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{ScrubOptions, ScrubReport, ToolError, find_tables, scrub};

use super::common::refused;
use crate::args::Scrub;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn run(args: &Scrub) -> Result<(), Failure> {
    let options = ScrubOptions {
        version: args.to,
        skip_corrupted: args.skip_corrupted,
        reinsert_overflowed_ttl: args.reinsert_overflowed_ttl,
        cap_expirations: args.cap_expirations,
        ..ScrubOptions::default()
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    if let Some(path) = &args.report {
        check_free(&*disk, path)?;
    }
    let inputs = find_tables(&*disk, &args.inputs).map_err(|error| impossible(&error))?;
    let mut bar = ByteProgress::default();
    let done = scrub(&disk, &inputs, &args.out, &options, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    let reports = done.map_err(|error| impossible(&error))?;
    let mut json = String::new();
    for report in &reports {
        report.write_json(&mut json);
        json.push('\n');
    }
    let mut out = output::stdout();
    if args.json {
        out.write_all(json.as_bytes())?;
    } else {
        reports.iter().try_for_each(|report| writeln!(out, "{report}"))?;
    }
    out.flush()?;
    if let Some(path) = &args.report {
        write_report(&*disk, path, &json)?;
    }
    let lossy = reports.iter().filter(|report| report.is_lossy()).count();
    if lossy == 0 {
        return Ok(());
    }
    let losses: u64 = reports.iter().map(ScrubReport::loss_count).sum();
    let lost = if losses == 1 { "1 loss".to_owned() } else { format!("{losses} losses") };
    let text = format!("{lost} in {lossy} of {}", counted(reports.len() as u64, "SSTable"));
    Err(Failure::failed(text).or_try("repair the table once the outputs are in place"))
}

/// A report is not written over anything; better said before a scrub than after it.
fn check_free(disk: &dyn Disk, path: &Path) -> Result<(), Failure> {
    match disk.exists(path) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::usage(format!("--report {}: there is such a file", path.display()))
            .or_try("name one that isn't there yet, or remove it")),
        Err(error) => Err(Failure::failed(error.to_string())),
    }
}

fn write_report(disk: &dyn Disk, path: &Path, json: &str) -> Result<(), Failure> {
    let written = disk.create_new(path).and_then(|file| {
        file.write_at(0, json.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| Failure::failed(error.to_string()))
}

/// There is no output.
fn impossible(error: &ToolError) -> Failure {
    let failure = match error {
        ToolError::CounterLoss { .. } => Failure::failed(error.to_string())
            .or_try("--skip-corrupted, or restore the files from a backup or a replica"),
        _ => refused(error),
    };
    match failure {
        Failure::Failed { text, next_step } => Failure::Usage { text, next_step },
        other => other,
    }
}
