//! Names of files: `<version>-<id>-<format>-<component>`, and the SSTables of a directory.
//!
//! A directory also holds transaction logs, temporary files, `manifest.json` and `schema.cql` (in
//! snapshots); [`Listing`] sorts them out (`io.sstable.Descriptor`, `io.sstable.Component`), and
//! [`Folder`] reads the logs.

mod component;
mod folder;
mod id;
mod listing;
mod toc;
mod transaction_log;

use std::fmt;
use std::path::{Path, PathBuf};

use helenus_io::parent_of;

pub use component::Component;
pub use folder::{Folder, LeftOut};
pub use id::SsTableId;
pub use listing::{FoundTable, Listing};
pub use toc::Toc;
pub use transaction_log::{LogRecord, LogRecordKind, TransactionLog, TransactionLogName};

use crate::error::{SsTableError, SsTableErrorKind};
use crate::version::{Format, Version};

/// Which SSTable: the directory and the common part of its files' names.
///
/// Ordered by directory, then by id as Cassandra orders ids, then by version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Descriptor {
    /// Directory that holds the components.
    pub dir: PathBuf,
    /// Id within the directory.
    pub id: SsTableId,
    /// Version and with it the format.
    pub version: Version,
}

impl Descriptor {
    /// The SSTable `id` of `version` in `dir`.
    pub fn new(dir: impl Into<PathBuf>, version: Version, id: SsTableId) -> Descriptor {
        Descriptor { dir: dir.into(), id, version }
    }

    /// What the file `name` in `dir` belongs to, and which component it is.
    ///
    /// # Errors
    /// `FileName` when the name does not have the form of a component's, `UnsupportedVersion` when
    /// it does but the version is not read here.
    pub fn parse(dir: &Path, name: &str) -> Result<(Descriptor, Component), SsTableErrorKind> {
        let wrong = |expected, found: &str| SsTableErrorKind::FileName { expected, found: found.to_owned() };
        let mut tokens = name.split('-');
        let (Some(version), Some(id), Some(format), Some(component), None) =
            (tokens.next(), tokens.next(), tokens.next(), tokens.next(), tokens.next())
        else {
            return Err(pre_3_0(name).unwrap_or_else(|| wrong("<version>-<id>-<format>-<component>", name)));
        };
        let format = Format::from_name(format).ok_or_else(|| wrong("the format `big` or `bti`", format))?;
        let parsed = SsTableId::parse(id).ok_or_else(|| wrong("a number or a 28 character id", id))?;
        if parsed.to_string() != id {
            return Err(wrong("an id as Cassandra spells it", id));
        }
        if !component.contains('.') {
            return Err(wrong("a component with an extension", component));
        }
        let version = Version::parse(version, format)?;
        Ok((Descriptor::new(dir, version, parsed), Component::from_name(component)))
    }

    /// The SSTable that the file at `path` belongs to by its name, and which component it is.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn of_file(path: &Path) -> Result<(Descriptor, Component), SsTableError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Descriptor::parse(parent_of(path), name).map_err(|error| SsTableError::new(path, error))
    }

    /// The SSTable whose Data.db is at `path`, by its name alone.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and `FileName` for another component.
    pub fn of_data_file(path: &Path) -> Result<Descriptor, SsTableError> {
        match Descriptor::of_file(path)? {
            (descriptor, Component::Data) => Ok(descriptor),
            (_, other) => {
                let found = other.name().to_owned();
                Err(SsTableError::new(path, SsTableErrorKind::FileName { expected: "Data.db", found }))
            }
        }
    }

    /// Which of its components the file at `path` is, as of an error; `None` if it is none of them.
    #[must_use]
    pub fn component_at(&self, path: &Path) -> Option<Component> {
        let name = path.file_name()?.to_str()?;
        let component = name.strip_prefix(&*self.to_string())?.strip_prefix('-')?;
        Some(Component::from_name(component))
    }

    /// The format of its index files.
    #[must_use]
    pub fn format(&self) -> Format {
        self.version.format()
    }

    /// The file's name, without the directory.
    #[must_use]
    pub fn file_name(&self, component: &Component) -> String {
        format!("{self}-{}", component.name())
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self, component: &Component) -> PathBuf {
        self.dir.join(self.file_name(component))
    }
}

/// The common part of the files' names, as the tools print it.
impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.version, self.id, self.version.format())
    }
}

/// The extension of files that are not finished.
const TEMPORARY: &str = ".tmp";

/// The refusal for `<keyspace>-<table>[-tmp]-<version>-<id>-<component>`, the names before 3.0, and
/// for `<version>-<id>-<component>` of 1.2 to 2.1 snapshots.
fn pre_3_0(name: &str) -> Option<SsTableErrorKind> {
    let tokens: Vec<&str> = name.split('-').collect();
    let [.., version, id, component] = tokens.as_slice() else {
        return None;
    };
    let looks_old = version.len() == 2 && component.contains('.') && id.bytes().all(|b| b.is_ascii_digit());
    if !looks_old {
        return None;
    }
    Version::parse(version, Format::Big).err().map(SsTableErrorKind::UnsupportedVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_printed() {
        let dir = Path::new("d");
        for name in [
            "nb-1-big-Data.db",
            "da-3gvq_1b1q_1c1pc2mmmmmmmmmmmm-bti-Partitions.db",
            "ma-2147483647-big-Digest.crc32",
            "oa-7-big-SI_by_author.db",
            "da-7-bti-SAI+aa+GroupMeta.db",
        ] {
            let (descriptor, component) = Descriptor::parse(dir, name).unwrap();
            assert_eq!(descriptor.path(&component), dir.join(name));
        }
        let (descriptor, component) = Descriptor::parse(dir, "nb-1-big-Statistics.db").unwrap();
        assert_eq!(descriptor.to_string(), "nb-1-big");
        assert_eq!(component, Component::Statistics);
    }

    #[test]
    fn a_path_names_the_sstable_of_its_data_file() {
        let named = Descriptor::of_data_file(Path::new("nb-1-big-Data.db")).unwrap();
        assert_eq!((named.to_string().as_str(), &*named.dir), ("nb-1-big", Path::new(".")));
        let error = |path: &str| Descriptor::of_data_file(Path::new(path)).unwrap_err().to_string();
        assert_eq!(
            error("d/nb-1-big-TOC.txt"),
            "d/nb-1-big-TOC.txt: does not name an SSTable: expected Data.db, found TOC.txt"
        );
        assert!(error("d/..").contains("<version>-<id>-<format>-<component>"));
    }

    #[test]
    fn other_names_are_refused_with_a_reason() {
        let check = |name: &str, reason: &str| {
            let error = Descriptor::parse(Path::new("d"), name).unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
        };
        check("manifest.json", "<version>-<id>-<format>-<component>");
        check("nb-01-big-Data.db", "as Cassandra spells it");
        check("nb-2147483648-big-Data.db", "a number");
        check("nb-x-big-Data.db", "a number");
        check("nb-1-small-Data.db", "`big` or `bti`");
        check("nb-1-big-Data", "an extension");
        check("ks-table-ka-1-Data.db", "Cassandra 2.1");
        check("Keyspace1-Standard1-ic-0-Data.db", "Cassandra 1.2");
        check("ka-1-big-Data.db", "Cassandra 2.1");
        check("ms-1-big-Data.db", "ScyllaDB");
        check("eb-1-bti-Data.db", "Cassandra 6.0");
    }
}
