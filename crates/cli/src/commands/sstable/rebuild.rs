//! `sstable rebuild`.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{RebuildOptions, Rebuilt, find_tables, rebuild};

use super::common::refused;
use crate::args::Rebuild;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn run(args: &Rebuild) -> Result<(), Failure> {
    let kib = args.column_index_size.map(u64::from);
    let options = RebuildOptions { row_index_granularity: kib.map(|kib| kib << 10) };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = find_tables(&*disk, &args.inputs).map_err(|error| refused(&error))?;
    let mut bar = ByteProgress::default();
    let done = rebuild(&disk, &inputs, &args.out, &options, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    let done = done.map_err(|error| refused(&error))?;
    let mut out = output::stdout();
    for rebuilt in &done {
        let Rebuilt { from, to, substitutes, is_linked } = rebuilt;
        let how = if *is_linked { "linked" } else { "copied" };
        writeln!(
            out,
            "{from} -> {}: {}, {}, Data.db {how}",
            to.descriptor,
            counted(to.key_count, "partition"),
            counted(to.stats.rows, "row")
        )?;
        for substitute in substitutes {
            writeln!(
                out,
                "  {}: {}; {}",
                substitute.component.name(),
                substitute.problem,
                substitute.instead
            )?;
        }
    }
    Ok(out.flush()?)
}
