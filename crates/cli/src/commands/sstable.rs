//! `sstable dump`: one file's content, whatever table it is of.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use helenus::{Clock, Disk, RealDisk, SystemClock};
use helenus_sstable::{
    CachedFile, ChunkCache, Component, Descriptor, DumpOptions, DumpTimes, OpenOptions, PageVerification,
    SsTable, SsTableError, dump,
};

use crate::args::{Dump, Sstable, SstableCommand};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Sstable) -> Result<(), Failure> {
    let SstableCommand::Dump(args) = &args.command;
    print_dump(args)
}

fn print_dump(args: &Dump) -> Result<(), Failure> {
    let descriptor = descriptor_of(&args.file)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = OpenOptions {
        chunk_cache: Arc::new(ChunkCache::new(0)),
        cached_file: CachedFile(0),
        page_checksums: PageVerification::Check,
    };
    let table = SsTable::open(&disk, &descriptor, options).map_err(|error| unreadable(&error))?;
    let times = if args.timestamps { DumpTimes::Raw } else { DumpTimes::Instants };
    let now = u32::try_from(SystemClock::new().now_seconds()).unwrap_or_default();
    let mut out = output::stdout();
    let damage = dump(&table, DumpOptions { times, now }, &mut out)?;
    out.flush()?;
    match damage.first() {
        None => Ok(()),
        Some(first) => {
            let more = match damage.len() {
                1 => String::new(),
                all => format!(" (and {} more, all of them in the dump)", all - 1),
            };
            Err(Failure::failed(format!("{first}{more}"))
                .or_try("what could be read was printed; restore the file from a backup or a replica"))
        }
    }
}

/// Which SSTable a path names.
fn descriptor_of(path: &Path) -> Result<Descriptor, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wrong = |why: String| {
        Failure::failed(format!("{}: {why}", path.display())).or_try("name a file such as da-1-bti-Data.db")
    };
    match Descriptor::parse(dir, name) {
        Ok((descriptor, Component::Data)) => Ok(descriptor),
        Ok((_, component)) => Err(wrong(format!("is the component {}, not Data.db", component.name()))),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn unreadable(error: &SsTableError) -> Failure {
    let failure = Failure::failed(error.to_string());
    if error.is_corruption() {
        failure.or_try("restore the file from a backup or a replica")
    } else {
        failure
    }
}
