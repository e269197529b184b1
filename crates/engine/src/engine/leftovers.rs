//! Removes the files that a crash left in a database's directory, when it is opened.

use std::collections::HashMap;
use std::path::Path;

use helenus_io::{Disk, EntryKind, parent_of, remove_if_exists};
use helenus_sstable::{Component, Descriptor, Listing};
use helenus_types::Generation;

use super::flush::stem;
use super::layout::{not_own, table_dir};
use super::set::Tables;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{ManifestState, SsTableFacts};

/// Removes files of generations that the manifest reserved and that are not live: a crash left
/// them. Any other file is a user's and stays.
pub(super) fn remove_leftovers(
    disk: &dyn Disk,
    dir: &Path,
    state: &ManifestState,
    tables: &Tables,
) -> Result<()> {
    for (tag, entry) in &state.tables {
        let Some(core) = tables.by_tag.get(tag) else { continue };
        let schema = core.view.load().state.schema.clone();
        let relative = table_dir(schema.keyspace(), schema.name(), entry.id)?;
        let is_there = relative.own(disk, dir).map_err(not_own)?.is_some();
        let names = if is_there { disk.names(&core.dir)? } else { Vec::new() };
        let mut live: HashMap<&str, bool> =
            entry.sstables.values().map(|sstable| (&*sstable.stem, false)).collect();
        // For most files it is enough to see that they belong to a live table.
        let names = names.iter().filter(|(_, kind)| *kind == EntryKind::File);
        let (mut strange, mut unnamed) = (Vec::new(), Vec::new());
        for name in names.filter_map(|(name, _)| name.to_str()) {
            let (stem, component) = name.rsplit_once('-').unwrap_or_default();
            match live.get_mut(stem) {
                Some(has_data) if component == Component::Data.name() => *has_data = true,
                Some(_) if Component::from_name(component).is_own() => {}
                Some(_) => unnamed.push((name, stem, component)),
                None => strange.push(name),
            }
        }
        if let Some((stem, _)) = live.iter().find(|(_, has_data)| !**has_data) {
            let path = core.dir.join(format!("{stem}-{}", Component::Data.name()));
            let text = format!("{} is missing: restore the file from a backup", path.display());
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
        let facts = entry
            .sstables
            .values()
            .filter_map(|sstable| sstable.facts.as_ref().map(|facts| (&*sstable.stem, &**facts)));
        let facts: HashMap<&str, &SsTableFacts> = facts.collect();
        // What an attachment was making or dropping beside its SSTable.
        unnamed.retain(|(_, stem, component)| {
            let is_named =
                |facts: &&SsTableFacts| facts.attached().any(|known| known.component.name() == *component);
            facts.get(stem).is_some_and(|facts| !is_named(facts))
        });
        for (name, ..) in &unnamed {
            remove_if_exists(disk, &core.dir.join(name))?;
        }
        if !unnamed.is_empty() {
            disk.sync_dir(&core.dir)?;
        }
        remove_strange(disk, state, &core.dir, &Listing::new(&core.dir, strange))?;
    }
    Ok(())
}

/// Removes those of the files that are ours.
fn remove_strange(disk: &dyn Disk, state: &ManifestState, dir: &Path, listing: &Listing) -> Result<()> {
    let mut removed = false;
    for found in &listing.tables {
        if generation_of_ours(state, &found.descriptor).is_some() {
            for component in &found.components {
                removed |= remove_if_exists(disk, &found.descriptor.path(component))?;
            }
        } else {
            tracing::warn!(path = %dir.display(), id = %found.descriptor.id, "not ours: left alone");
        }
    }
    if removed {
        disk.sync_dir(dir)?;
    }
    Ok(())
}

/// The generation of a file that is ours, going by its name: of the version that is ours, or
/// written down before it was made.
fn generation_of_ours(state: &ManifestState, descriptor: &Descriptor) -> Option<Generation> {
    let generation = descriptor.id.generation().filter(|g| g.0 < state.next_generation)?;
    let is_named = || state.named.get(&generation).is_some_and(|name| *name == stem(descriptor));
    (descriptor.version.is_known_by_name() || is_named()).then_some(generation)
}

/// Removes the leftovers of dropped tables: files of generations that the manifest
/// reserved, and their directories once they are empty.
pub(super) fn remove_dropped(disk: &dyn Disk, dir: &Path, state: &ManifestState) -> Result<()> {
    for relative in state.dropped.values() {
        if let Some(path) = relative.own(disk, dir).map_err(not_own)? {
            let names = disk.list(&path)?;
            let listing = Listing::new(&path, names.iter().filter(|e| e.is_file()).filter_map(|e| e.utf8()));
            for found in listing.tables.iter().filter(|t| generation_of_ours(state, &t.descriptor).is_some())
            {
                for component in &found.components {
                    remove_if_exists(disk, &found.descriptor.path(component))?;
                }
            }
            disk.sync_dir(&path)?;
            if !disk.list(&path)?.is_empty() {
                tracing::warn!(path = %path.display(), "not all is ours in the directory of a dropped table");
                continue;
            }
            disk.remove_dir(&path)?;
        }
        let path = relative.below(dir);
        let keyspace = parent_of(&path);
        if disk.exists(keyspace)? {
            if disk.list(keyspace)?.is_empty() {
                disk.remove_dir(keyspace)?;
                disk.sync_dir(parent_of(keyspace))?;
            } else {
                disk.sync_dir(keyspace)?;
            }
        }
    }
    Ok(())
}
