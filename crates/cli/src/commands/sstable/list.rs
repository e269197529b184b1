//! `sstable list`.

use std::io::Write;

use helenus::RealDisk;
use helenus_tools::{FileRole, list};
use serde_json::json;

use super::common::refused;
use crate::args::{List, ListType};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &List) -> Result<(), Failure> {
    let mut out = output::stdout();
    for dir in &args.dirs {
        let files = list(&RealDisk, dir).map_err(|error| refused(&error))?;
        for file in files.iter().filter(|file| is_listed(args, file.role)) {
            let path = file.path.display();
            if args.json {
                let (file, role, bytes) = (path.to_string(), file.role.name(), file.len);
                writeln!(out, "{}", json!({ "file": file, "is": role, "bytes": bytes }))?;
            } else if args.long {
                writeln!(out, "{:12} {:>12} {path}", file.role.name(), file.len)?;
            } else {
                writeln!(out, "{path}")?;
            }
        }
    }
    Ok(out.flush()?)
}

fn is_listed(args: &List, role: FileRole) -> bool {
    match (args.kind, role) {
        (_, FileRole::Log) => args.oplog,
        (ListType::All, _) => true,
        (ListType::Tmp, role) => role.is_temporary(),
        (ListType::Final, role) => role == FileRole::Final,
    }
}
