//! `sstable dump`: one file's content, whatever table it is of.

use std::sync::Arc;

use helenus::{Clock, Disk, RealDisk, SystemClock};
use helenus_sstable::{
    CachedFile, ChunkCache, Descriptor, DumpForm, DumpKeys, DumpOptions, DumpTimes, OpenOptions,
    PageVerification, SsTable, dump_keys,
};
use helenus_tools::parse_key_text;

use super::common::unreadable;
use crate::args::Dump;
use crate::failure::Failure;
use crate::output::Counted;

pub(crate) fn run(args: &Dump) -> Result<(), Failure> {
    let descriptor = Descriptor::of_data_file(&args.file).map_err(|error| unreadable(&error))?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = OpenOptions::new(Arc::new(ChunkCache::new(0)), CachedFile(0), PageVerification::Check);
    let table = SsTable::open(&disk, &descriptor, options).map_err(|error| unreadable(&error))?;
    let keys = keys(args, &table)?;
    let times = if args.timestamps { DumpTimes::Raw } else { DumpTimes::Instants };
    let now = u32::try_from(SystemClock::new().now_seconds()).unwrap_or_default();
    let mut out = Counted::stdout();
    let damage = dump_keys(&table, DumpOptions { times, form: form(args), now }, &keys, &mut out)?;
    out.finish()?;
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

fn form(args: &Dump) -> DumpForm {
    match args {
        Dump { enumerate_keys: true, .. } => DumpForm::Keys,
        Dump { unfiltereds: true, .. } => DumpForm::Lines,
        Dump { lines: true, .. } => DumpForm::JsonLines,
        _ => DumpForm::Json,
    }
}

/// The raw keys that the texts stand for.
fn keys(args: &Dump, table: &SsTable) -> Result<DumpKeys, Failure> {
    let parse = |text: &String| {
        parse_key_text(&table.header().key_type, text).map_err(|why| {
            Failure::usage(format!("key {text}: {why}")).or_try("-e prints the keys there are")
        })
    };
    let parse_all = |texts: &[String]| texts.iter().map(parse).collect::<Result<Vec<_>, _>>();
    let only = if args.keys.is_empty() { None } else { Some(parse_all(&args.keys)?) };
    Ok(DumpKeys { only, except: parse_all(&args.excluded)? })
}
