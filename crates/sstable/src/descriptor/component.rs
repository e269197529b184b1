//! The components of an SSTable and their file names.

use crate::page_checksums::PAGE_CHECKSUMS_COMPONENT;

/// One of the files of an SSTable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The partitions.
    Data,
    /// `big`: the partition index.
    Index,
    /// `big`: a sample of the index.
    Summary,
    /// `bti`: the trie of partitions.
    Partitions,
    /// `bti`: the tries of rows.
    Rows,
    /// The Bloom filter; absent when the table has none.
    Filter,
    /// Metadata.
    Statistics,
    /// Chunk offsets; present only when Data.db is compressed.
    CompressionInfo,
    /// Checksums of Data.db; present only when it is not compressed.
    Crc,
    /// Checksum of the whole Data.db.
    Digest,
    /// The list of components; written last.
    Toc,
    /// A file of an index or of another program, with its name; not read here.
    Custom(Box<str>),
}

/// Components and their names, the part of the file's name after the last `-`.
static NAMES: [(Component, &str); 11] = [
    (Component::Data, "Data.db"),
    (Component::Index, "Index.db"),
    (Component::Summary, "Summary.db"),
    (Component::Partitions, "Partitions.db"),
    (Component::Rows, "Rows.db"),
    (Component::Filter, "Filter.db"),
    (Component::Statistics, "Statistics.db"),
    (Component::CompressionInfo, "CompressionInfo.db"),
    (Component::Crc, "CRC.db"),
    (Component::Digest, "Digest.crc32"),
    (Component::Toc, "TOC.txt"),
];

impl Component {
    /// All components that Cassandra's tables can have, Data.db first.
    pub fn known() -> impl Iterator<Item = &'static Component> {
        NAMES.iter().map(|(component, _)| component)
    }

    /// All components that a writer here makes by itself, in one version or another, Data.db first:
    /// those of Cassandra's tables, and the checksums of pages.
    pub fn own() -> impl Iterator<Item = Component> {
        Self::known().cloned().chain([Self::from_name(PAGE_CHECKSUMS_COMPONENT)])
    }

    /// Whether a writer here makes it by itself.
    #[must_use]
    pub fn is_own(&self) -> bool {
        !matches!(self, Component::Custom(name) if **name != *PAGE_CHECKSUMS_COMPONENT)
    }

    /// The component of that name; unknown names are custom ones.
    #[must_use]
    pub fn from_name(name: &str) -> Component {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Component::Custom(name.into()), |(component, _)| component.clone())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Component::Custom(name) => name,
            known => NAMES.iter().find(|(component, _)| component == known).map_or("", |(_, name)| name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_both_ways() {
        for (component, name) in &NAMES {
            assert_eq!(component.name(), *name);
            assert_eq!(Component::from_name(name), *component);
        }
        let custom = Component::from_name("SAI+aa.db");
        assert_eq!(custom.name(), "SAI+aa.db");
        assert!(matches!(custom, Component::Custom(_)));
    }
}
