//! `sstable split`.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use helenus::{Disk, RealDisk};
use helenus_tools::{find_tables, split as split_tables};

use super::common::refused;
use crate::args::Split;
use crate::failure::Failure;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn run(args: &Split) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let inputs = find_tables(&*disk, &args.inputs).map_err(|error| refused(&error))?;
    let mut bar = ByteProgress::default();
    let max_bytes = u64::from(args.max_size) << 20;
    let done = split_tables(&disk, &inputs, &args.out, max_bytes, &mut |progress| {
        bar.at(progress.bytes_read, progress.bytes_total);
        ControlFlow::Continue(())
    });
    bar.finish();
    let mut out = output::stdout();
    for split in &done.map_err(|error| refused(&error))? {
        let from = &split.from;
        if split.pieces.is_empty() {
            writeln!(out, "{from}: left alone, its Data.db of {} bytes is not larger", split.data_file_len)?;
        }
        for piece in &split.pieces {
            let (keys, rows) = (counted(piece.key_count, "partition"), counted(piece.stats.rows, "row"));
            let data = piece.file_sizes.first().map_or(0, |(_, len)| *len);
            writeln!(out, "{from} -> {}: {keys}, {rows}, Data.db {data} bytes", piece.descriptor)?;
        }
    }
    Ok(out.flush()?)
}
