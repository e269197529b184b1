//! The `helenus` command.
//!
//! **Knows** how the library's answers look on a terminal and in files: options, texts, CSV,
//! progress, exit codes. **Must not know** how anything is stored: what a command shows goes
//! through `helenus`, and the dump of a single file through `helenus-sstable`.
//!
//! Start reading at `args.rs` (what can be asked for), then `commands/` (a file for each group of
//! commands).

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod args;
mod commands;
mod csv;
mod failure;
mod input;
mod open;
mod output;
#[cfg(feature = "parquet")]
mod parquet;
mod shell;

use std::io::Write;
use std::process::ExitCode;

use args::Command;
use failure::Failure;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os()) {
        Ok(command) => command,
        // Help and version come this way too; clap knows where each belongs and which code it
        // means.
        Err(error) => error.exit(),
    };
    match run(&command) {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(failure) => {
            // A failure here can't be reported.
            writeln!(std::io::stderr(), "{failure}").unwrap_or_default();
            failure.exit_code()
        }
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Shell(args) => shell::shell(args),
        Command::Export(args) => commands::rows::export(args),
        Command::Get(args) => commands::rows::get(args),
        Command::Import(args) => commands::import::import(args),
        Command::Tables(args) => commands::inspect::tables(args),
        Command::Adopt(args) => commands::adopt::adopt(args),
        Command::Ingest(args) => commands::ingest::ingest(args),
        Command::Open(args) => commands::open::open(args),
        Command::Stats(args) => commands::inspect::stats(args),
        Command::Flush(args) => commands::maintain::flush(args),
        Command::Compact(args) => commands::maintain::compact(args),
        Command::Sstable(args) => commands::sstable::run(args),
        Command::Completions(args) => commands::manuals::completions(args),
        Command::Man(args) => commands::manuals::man(args),
    }
}
