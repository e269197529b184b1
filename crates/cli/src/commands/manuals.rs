//! `completions` and `man`: what is made of the command line's own description.

use std::io::Write;

use helenus::{Disk, RealDisk};

use crate::args::{self, Completions, Man};
use crate::failure::Failure;
use crate::output;

pub(crate) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "helenus", &mut script);
    let mut out = output::stdout();
    out.write_all(&script)?;
    Ok(out.flush()?)
}

pub(crate) fn man(args: &Man) -> Result<(), Failure> {
    RealDisk.create_dir_all(&args.dir).map_err(|error| Failure::failed(error.to_string()))?;
    clap_mangen::generate_to(args::command(), &args.dir).map_err(|error| Failure::file(&args.dir, &error))
}
