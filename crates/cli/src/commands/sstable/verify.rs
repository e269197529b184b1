//! `sstable verify`.

use std::io::Write;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{Depth, find_tables, verify};

use super::refused;
use crate::args::Verify;
use crate::failure::Failure;
use crate::output::{self, ByteProgress};

pub(crate) fn run(args: &Verify) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = find_tables(&*disk, &args.inputs).map_err(|error| refused(&error))?;
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
    let text = format!("{findings} findings in {wrong} of {all} SSTables");
    Err(Failure::failed(text).or_try("restore the files from a backup or a replica"))
}
