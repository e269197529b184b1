//! The files of a database's directory other than its SSTables and its log: identity, manifest,
//! marks.

use std::path::Path;

use helenus_io::{Disk, IoError, RelativePath, read_to_vec, remove_if_exists, write_atomically};
use helenus_types::TableId;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::random::random_uuid;

pub(super) const IDENTITY: &str = "IDENTITY";
pub(super) const MANIFEST: &str = "MANIFEST";
pub(super) const SCHEMA: &str = "schema.cql";
pub(super) const LOG_DIR: &str = "commitlog";
/// Version of the directory's layout. A newer one is refused by name.
const DIRECTORY_VERSION: u32 = 1;
const MAX_IDENTITY_BYTES: usize = 4096;
/// The file that marks a directory in which a database is being made from foreign SSTables.
pub(super) const MARK: &str = "ADOPTING";
pub(super) const MARK_TEXT: &str = "A database was to be made here of other SSTables, and is not complete. Adopt into this directory again, \
                         or remove it: what it was made of is not changed by either.\n";

/// Directory of a table, below the database's.
pub(super) fn table_dir(keyspace: &str, table: &str, id: TableId) -> Result<RelativePath> {
    crate::manifest::table_dir(keyspace, table, id).map_err(|error| Error::with(ErrorKind::Corrupt, error))
}

/// Whether a directory is a database's.
///
/// # Errors
/// When it can't be read.
pub fn is_database(disk: &dyn Disk, dir: &Path) -> Result<bool> {
    Ok(disk.exists(&dir.join(MANIFEST))? && disk.exists(&dir.join(IDENTITY))?)
}

/// Refuses a directory in which a database is being made, or was.
///
/// # Errors
/// If it is such a directory, and when the directory can't be read.
pub fn check_complete(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if disk.exists(&dir.join(MARK))? && !disk.exists(&dir.join(MANIFEST))? {
        let text = format!(
            "{}: adopting SSTables into it was not completed; adopt them again, or remove the directory",
            dir.display()
        );
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Removes the mark from a database that is complete.
pub(super) fn remove_mark(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if remove_if_exists(disk, &dir.join(MARK))? {
        disk.sync_dir(dir)?;
    }
    Ok(())
}

/// Reads `IDENTITY`, or makes one: version of the directory, host id and CRC32 of the lines before,
/// a line each.
pub(super) fn identity(disk: &dyn Disk, dir: &Path, read_only: bool, exists: bool) -> Result<Uuid> {
    let path = dir.join(IDENTITY);
    if disk.exists(&path)? {
        if !exists {
            // The process that made it may have been killed before its name was durable, and the
            // manifest must not be first.
            disk.sync_dir(dir)?;
        }
        let bytes = read_to_vec(disk, &path, MAX_IDENTITY_BYTES)?;
        return parse_identity(&String::from_utf8_lossy(&bytes))
            .map_err(|(kind, text)| Error::new(kind, format!("{}: {text}", path.display())));
    }
    if exists || read_only {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("{} is missing beside {MANIFEST}", path.display()),
        ));
    }
    let host_id = random_uuid();
    let text = format!("helenus directory {DIRECTORY_VERSION}\nhost {host_id}\n");
    let text = format!("{text}check {:08x}\n", crc32fast::hash(text.as_bytes()));
    write_atomically(disk, &path, text.as_bytes())?;
    Ok(host_id)
}

fn parse_identity(text: &str) -> std::result::Result<Uuid, (ErrorKind, String)> {
    let expected =
        |what: &str, found: &str| (ErrorKind::Corrupt, format!("expected \"{what}\", found {found:?}"));
    let unparsed = |what, found, why: &dyn std::fmt::Display| {
        let (kind, text) = expected(what, found);
        (kind, format!("{text} ({why})"))
    };
    let mut lines = text.lines();
    let mut line = |prefix: &str| lines.next().and_then(|line| line.strip_prefix(prefix)).unwrap_or_default();
    let version = line("helenus directory ");
    let version: u32 = version.parse().map_err(|e| unparsed("helenus directory N", version, &e))?;
    if version > DIRECTORY_VERSION {
        let text = format!("version {version} is a newer release's; this one knows {DIRECTORY_VERSION}");
        return Err((ErrorKind::Unsupported, text));
    }
    let host = line("host ");
    let host_id: Uuid = host.parse().map_err(|e| unparsed("host UUID", host, &e))?;
    let (checked, check) = text.split_once("check ").unwrap_or((text, ""));
    let sum = format!("{:08x}\n", crc32fast::hash(checked.as_bytes()));
    if sum == check { Ok(host_id) } else { Err(expected(&format!("check {sum}"), check)) }
}

/// A directory or file of ours that is a link: its target may be another database's.
pub(super) fn not_own(error: IoError) -> Error {
    match error.kind() {
        std::io::ErrorKind::InvalidInput => Error::invalid(error.to_string()),
        _ => error.into(),
    }
}
