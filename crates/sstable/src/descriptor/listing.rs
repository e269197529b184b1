//! A directory's files by SSTable, from their names alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::descriptor::transaction_log::TransactionLogName;
use crate::descriptor::{Component, Descriptor, TEMPORARY};
use crate::error::{SsTableError, SsTableErrorKind};

/// The SSTables in a table's directory, by file names alone.
#[derive(Debug, Default)]
pub struct Listing {
    /// The SSTables, by id.
    pub tables: Vec<FoundTable>,
    /// Names of transaction logs (`db.lifecycle.LogFile`), which say what of the rest is unfinished
    /// or obsolete.
    pub transaction_logs: Vec<String>,
    /// Names of files that were being written.
    pub temporary: Vec<String>,
    /// Files of SSTables whose version is not read here, each with the reason.
    pub refused: Vec<SsTableError>,
    /// All other names: subdirectories, `manifest.json`, `schema.cql`, unknown files.
    pub other: Vec<String>,
}

/// An SSTable of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Its components.
    pub components: BTreeSet<Component>,
}

impl Listing {
    /// Sorts out the names in `dir`.
    pub fn new<'a>(dir: &Path, names: impl IntoIterator<Item = &'a str>) -> Listing {
        let mut listing = Listing::default();
        let mut tables: BTreeMap<Descriptor, BTreeSet<Component>> = BTreeMap::new();
        for name in names {
            if name.ends_with(TEMPORARY) {
                listing.temporary.push(name.to_owned());
                continue;
            }
            if TransactionLogName::parse(name).is_some() {
                listing.transaction_logs.push(name.to_owned());
                continue;
            }
            match Descriptor::parse(dir, name) {
                Ok((descriptor, component)) => {
                    tables.entry(descriptor).or_default().insert(component);
                }
                Err(SsTableErrorKind::UnsupportedVersion(error)) => {
                    listing.refused.push(SsTableError::new(dir.join(name), error));
                }
                Err(_) => listing.other.push(name.to_owned()),
            }
        }
        listing.tables = tables
            .into_iter()
            .map(|(descriptor, components)| FoundTable { descriptor, components })
            .collect();
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_sorted_out() {
        let names = [
            "nb-10-big-Data.db",
            "nb-2-big-TOC.txt",
            "nb-10-big-TOC.txt",
            "nb-2-big-Data.db",
            "da-3gsm_0lob_1zdg02we44my8dy25w-bti-Data.db",
            "nb-2-big-Statistics.db.tmp",
            "nb_txn_compaction_5bc52802-de25-35ed-aeab-188eecebb090.log",
            "bti-da_txn_flush_5bc52802-de25-35ed-aeab-188eecebb090.log",
            "txn_write_5bc52802-de25-35ed-aeab-188eecebb090.log",
            "ka-1-big-Data.db",
            "manifest.json",
            "snapshots",
            "some.log",
        ];
        let listing = Listing::new(Path::new("d"), names);
        let tables: Vec<String> = listing.tables.iter().map(|table| table.descriptor.to_string()).collect();
        assert_eq!(tables, ["nb-2-big", "nb-10-big", "da-3gsm_0lob_1zdg02we44my8dy25w-bti"]);
        let first: Vec<&Component> = listing.tables[0].components.iter().collect();
        assert_eq!(first, [&Component::Data, &Component::Toc]);
        assert_eq!(listing.transaction_logs.len(), 3);
        assert_eq!(listing.temporary, ["nb-2-big-Statistics.db.tmp"]);
        assert!(listing.refused[0].to_string().starts_with("d/ka-1-big-Data.db: cannot be read"));
        assert_eq!(listing.other, ["manifest.json", "snapshots", "some.log"]);
    }
}
