//! `helenus sstable …`: tools over files, whatever tables they are of.

mod bulk_write;
mod common;
mod convert;
mod diff;
mod dump;
mod expired_blockers;
mod levels;
mod list;
mod metadata;
mod partitions;
mod rebuild;
mod scrub;
mod split;
mod verify;

use crate::args::{Sstable, SstableCommand};
use crate::failure::Failure;

pub(crate) fn run(args: &Sstable) -> Result<(), Failure> {
    match &args.command {
        SstableCommand::Dump(args) => dump::run(args),
        SstableCommand::Metadata(args) => metadata::run(args),
        SstableCommand::Verify(args) => verify::run(args),
        SstableCommand::Scrub(args) => scrub::run(args),
        SstableCommand::Rebuild(args) => rebuild::run(args),
        SstableCommand::BulkWrite(args) => bulk_write::run(args),
        SstableCommand::Convert(args) => convert::convert(args),
        SstableCommand::Upgrade(args) => convert::upgrade(args),
        SstableCommand::Split(args) => split::run(args),
        SstableCommand::Diff(args) => diff::run(args),
        SstableCommand::Partitions(args) => partitions::run(args),
        SstableCommand::List(args) => list::run(args),
        SstableCommand::Levels(args) => levels::run(args),
        SstableCommand::ExpiredBlockers(args) => expired_blockers::run(args),
    }
}
