//! `sstable metadata`.

use std::io::Write;
use std::sync::Arc;

use helenus::{Clock, Disk, RealDisk, SystemClock};
use helenus_sstable::{DataFile, Descriptor, PageVerification, SsTableError};
use helenus_tools::{Bars, Metadata, MetadataOptions, Overview, TimestampUnit, find_tables, overview};

use super::common::{refused, unreadable};
use crate::args::{Metadata as Asked, Unit};
use crate::failure::Failure;
use crate::output::{self, ByteProgress};

pub(crate) fn run(args: &Asked) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let tables = find_tables(&*disk, &args.inputs).map_err(|error| refused(&error))?;
    let options = MetadataOptions {
        now: u32::try_from(SystemClock::new().now_seconds()).unwrap_or_default(),
        gc_grace_s: args.gc_grace_seconds,
        timestamps: match args.timestamp_unit {
            Unit::Nanoseconds => TimestampUnit::Nanoseconds,
            Unit::Microseconds => TimestampUnit::Microseconds,
            Unit::Milliseconds => TimestampUnit::Milliseconds,
            Unit::Seconds => TimestampUnit::Seconds,
        },
        bars: if args.unicode { Bars::Unicode } else { Bars::Ascii },
    };
    let mut out = output::stdout();
    for table in &tables {
        let mut metadata = Metadata::read(&*disk, table).map_err(|error| unreadable(&error))?;
        let overview = match args.scan {
            true => Some(scan(&disk, table).map_err(|error| unreadable(&error))?),
            false => None,
        };
        // Cassandra prints whole paths.
        metadata.descriptor.dir = std::path::absolute(&table.dir)?;
        let mut text = String::new();
        if args.json {
            metadata.push_json(options, overview.as_ref(), &mut text);
            text.push('\n');
        } else {
            metadata.push_text(options, overview.as_ref(), &mut text);
        }
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(())
}

fn scan(disk: &Arc<dyn Disk>, table: &Descriptor) -> Result<Overview, SsTableError> {
    let data = DataFile::open(disk, table, PageVerification::Check)?;
    let mut bar = ByteProgress::default();
    let overview = overview(&data, &mut |position| bar.at(position, data.data_len()));
    bar.finish();
    overview
}
