//! Brings the files of a foreign SSTable into a directory of ours under a new name.

use std::collections::BTreeSet;
use std::path::Path;

use helenus_engine::Result;
use helenus_io::{Disk, EntryKind, ReadFile, read_to_vec, remove_if_exists};
use helenus_sstable::{
    Component, Descriptor, PAGE_CHECKSUMS_COMPONENT, PageChecksums, PageHasher, SsTable, SsTableError,
};

/// Bytes that are copied, or read for a checksum, at a time.
const COPY_BYTES: usize = 1 << 20;
/// Components that the format leaves without a checksum, or with one of their own that nothing
/// vouches for.
const CHECKED: [Component; 7] = [
    Component::Partitions,
    Component::Rows,
    Component::Index,
    Component::Summary,
    Component::Filter,
    Component::Crc,
    Component::CompressionInfo,
];

/// The way in which files come into a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Transfer {
    /// By a second name of the same file, which takes no space; copied if that is impossible, as on
    /// another file system.
    #[default]
    Link,
    /// As copies, of which nothing outside the database knows.
    Copy,
    /// By a second name, or a copy; what was brought in is removed where it was, once it is in the
    /// database. Never out of a database of Helenus, which needs its files.
    Move,
}

/// The progress of bringing SSTables in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files that were looked at.
    pub bytes_done: u64,
    /// Bytes of all of them.
    pub bytes_total: u64,
}

/// The work of bringing one SSTable in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Brought {
    /// Files that have a second name now.
    pub(crate) linked: u64,
    /// Files that were copied.
    pub(crate) copied: u64,
}

/// The metadata of an SSTable that is kept and not reset (by default `SSTableImporter` resets it).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) level: bool,
    pub(crate) repaired: bool,
}

/// The files of an SSTable that come along: what the format has, and our checksums.
pub(crate) fn coming(components: &BTreeSet<Component>) -> impl Iterator<Item = &Component> {
    components.iter().filter(|component| match component {
        Component::Custom(name) => &**name == PAGE_CHECKSUMS_COMPONENT,
        _ => true,
    })
}

/// Brings the files in and makes them durable, but for the directory's names. After an error some
/// may be there.
pub(crate) fn bring(
    disk: &dyn Disk,
    sstable: &SsTable,
    components: &BTreeSet<Component>,
    to: &Descriptor,
    transfer: Transfer,
    kept: Kept,
) -> Result<Brought> {
    let from = sstable.descriptor();
    let mut brought = Brought::default();
    let statistics = rewritten_statistics(sstable, kept);
    let ours = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
    // What isn't used there would be damage in a database.
    let ignored = sstable.ignored();
    let checksums = match components.contains(&ours) && !ignored.is_empty() {
        true => Some(checksums_without(disk, &from.path(&ours), ignored)?),
        false => None,
    };
    for component in coming(components).filter(|component| !ignored.contains(component)) {
        let target = to.path(component);
        let rewritten = match component {
            Component::Statistics => &statistics,
            _ if *component == ours => &checksums,
            _ => &None,
        };
        match rewritten {
            Some(bytes) => {
                write_new(disk, &target, bytes)?;
                brought.copied += 1;
            }
            _ if transfer != Transfer::Copy && link(disk, &from.path(component), &target)? => {
                brought.linked += 1;
            }
            _ => {
                copy(disk, &from.path(component), &target)?;
                brought.copied += 1;
            }
        }
    }
    if !components.contains(&ours) {
        let mut checksums = PageChecksums::default();
        for component in CHECKED.iter().filter(|component| components.contains(component)) {
            let mut hasher = PageHasher::new(component.name());
            each_piece(&*disk.open_read(&to.path(component))?, |_, bytes| {
                hasher.update(bytes);
                Ok(())
            })?;
            checksums.add(hasher.finish());
        }
        let mut bytes = Vec::new();
        checksums.encode(&mut bytes);
        write_new(disk, &to.path(&ours), &bytes)?;
    }
    Ok(brought)
}

/// Removes the files that [`bring`] made of an SSTable, if possible.
pub(crate) fn take_back(disk: &dyn Disk, components: &BTreeSet<Component>, to: &Descriptor) {
    let ours = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
    for component in coming(components).chain([&ours]) {
        if let Err(error) = remove_if_exists(disk, &to.path(component)) {
            tracing::warn!(%error, "left for the next time that the database is opened");
        }
    }
}

/// Our checksums of the other components.
fn checksums_without(disk: &dyn Disk, path: &Path, ignored: &[Component]) -> Result<Vec<u8>> {
    let stored = PageChecksums::decode(&read_to_vec(disk, path, usize::MAX)?)
        .map_err(|error| SsTableError::new(path, error))?;
    let mut kept = PageChecksums::default();
    let others = stored.files().filter(|file| !ignored.contains(&Component::from_name(file.name())));
    others.cloned().for_each(|file| kept.add(file));
    let mut bytes = Vec::new();
    kept.encode(&mut bytes);
    Ok(bytes)
}

/// Statistics.db without what the file was elsewhere: repaired there, or in a level of a compaction
/// there. `None` where it says nothing of the kind.
fn rewritten_statistics(sstable: &SsTable, kept: Kept) -> Option<Vec<u8>> {
    let mut statistics = sstable.statistics().clone();
    let stats = &mut statistics.stats;
    if !kept.repaired {
        stats.repaired_at_ms = 0;
        stats.pending_repair = None;
        stats.is_transient = false;
    }
    if !kept.level {
        stats.level = 0;
    }
    (*stats != sstable.statistics().stats).then(|| statistics.encode(sstable.descriptor().version))
}

/// Gives a file a second name and makes its bytes durable: their writer may not have done that.
/// False, with nothing done, if either is impossible.
fn link(disk: &dyn Disk, from: &Path, to: &Path) -> Result<bool> {
    if disk.name_kind(from)? != EntryKind::File {
        // A second name of a symbolic link would lead out of the database.
        return Ok(false);
    }
    if let Err(error) = disk.hard_link(from, to) {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Err(error.into());
        }
        tracing::debug!(%error, "copied instead");
        return Ok(false);
    }
    match disk.open_write(to).and_then(|file| file.sync_all()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            disk.remove_file(to)?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    let target = disk.create_new(to)?;
    each_piece(&*disk.open_read(from)?, |at, bytes| Ok(target.write_at(at, bytes)?))?;
    Ok(target.sync_all()?)
}

fn write_new(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = disk.create_new(path)?;
    file.write_at(0, bytes)?;
    Ok(file.sync_all()?)
}

/// Shows a file's bytes piece by piece.
pub(crate) fn each_piece(file: &dyn ReadFile, mut piece: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
    let len = file.len()?;
    let mut buffer = vec![0; COPY_BYTES.min(usize::try_from(len).unwrap_or(COPY_BYTES))];
    let mut at = 0;
    while at < len {
        let wanted = usize::try_from(len - at).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        let Some(part) = buffer.get_mut(..wanted) else { unreachable!("the buffer has room for a piece") };
        file.read_exact_at(at, part)?;
        piece(at, part)?;
        at += wanted as u64;
    }
    Ok(())
}
