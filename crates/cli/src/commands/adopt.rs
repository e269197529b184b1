//! `adopt`: makes a database from foreign directories.

use std::io::Write;
use std::path::{Path, PathBuf};

use helenus::{AdoptOptions, Adopted, Clock, ErrorKind, SystemClock, Verification};

use crate::args::Adopt;
use crate::failure::Failure;
use crate::open;
use crate::output::{self, ByteProgress, counted};

pub(crate) fn adopt(args: &Adopt) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let start = clock.elapsed();
    let how = AdoptOptions {
        schema: args.schema.as_deref().map(open::read_text).transpose()?,
        tables: args.table.iter().map(|name| open::split_name(name)).collect::<Result<_, _>>()?,
        copy: args.copy_data,
        verification: match (args.no_verify, args.extended_verify) {
            (true, _) => Verification::None,
            (_, true) => Verification::Extended,
            _ => Verification::Checksums,
        },
        ..AdoptOptions::default()
    };
    // Keyspace and table come from the names above a directory: `.` has none.
    let dirs = args.dirs.iter().map(|dir| absolute(dir)).collect::<Result<Vec<_>, _>>()?;
    dirs.iter().try_for_each(|dir| open::check_present(dir))?;
    let mut bar = ByteProgress::default();
    let done = helenus::adopt(&dirs, absolute(&args.into)?, &how, &mut |progress| {
        bar.at(progress.bytes_done, progress.bytes_total);
    });
    bar.finish();
    let done = done.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::failed(error.to_string())
            .or_try("`helenus open SNAPSHOT` shows what is found; --schema FILE where the schema is not"),
        ErrorKind::AlreadyExists => {
            Failure::failed(error.to_string()).or_try("name a directory that is not there yet, or is empty")
        }
        _ => error.into(),
    })?;
    print(args, &done, (clock.elapsed() - start).as_secs_f64())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::file(path, &error))
}

fn print(args: &Adopt, done: &Adopted, seconds: f64) -> Result<(), Failure> {
    let mut out = output::stdout();
    let mut lines = vec![["table", "SSTables", "bytes"].map(str::to_owned)];
    lines.extend(done.tables.iter().map(|table| {
        [open::spelled(&table.keyspace, &table.name), table.sstables.to_string(), table.bytes.to_string()]
    }));
    output::columns(&mut out, &lines)?;
    writeln!(
        out,
        "\n{} is a database, made in {seconds:.2} s: {} linked, {} copied",
        args.into.display(),
        counted(done.files_linked, "file"),
        done.files_copied
    )?;
    for left in &done.left_out {
        writeln!(out, "left out: {}: {}", left.path.display(), left.reason)?;
    }
    for warning in &done.warnings {
        writeln!(out, "of the schema: {warning}")?;
    }
    Ok(out.flush()?)
}
