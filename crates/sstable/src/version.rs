//! The ledger of SSTable versions: which releases wrote them and what each changed on disk.
//!
//! This is the only place that knows version letters. Everything else asks a [`Version`] for a
//! capability, in Cassandra's words (`io.sstable.format.Version`, `BigVersion`, `BtiVersion`).
//!
//! | version | release | introduced |
//! |---|---|---|
//! | `ma` | 3.0.0 | native rows, promoted index with offsets |
//! | `mb` | 3.0.7, 3.7 | commit log lower bound |
//! | `mc` | 3.0.8, 3.9 | commit log intervals |
//! | `md` | 3.0.18, 3.11.4 | min and max clustering values can be trusted (CASSANDRA-14861) |
//! | `me` | 3.0.25, 3.11.11 | originating host id |
//! | `na` | 4.0-rc1 | chunks left raw, pending repair, transient, checksummed Statistics.db, new filter byte order |
//! | `nb` | 4.0.0 | originating host id, in the n line |
//! | `nc` | 4.1 in development | read as `nb`; STATS may hold more fields at its end |
//! | `oa` | 5.0 | slices as min and max, deletion marker, key range, unsigned deletion times, token space coverage |
//! | `da` | 5.0, bti | trie indexes; otherwise as `oa` |
//!
//! A minor version that is not listed is read like the newest listed one before it, as Cassandra
//! does.

use std::fmt;

use thiserror::Error;

/// The two families of index files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `big`: Index.db and Summary.db.
    Big,
    /// `bti`: Partitions.db and Rows.db, tries.
    Bti,
}

impl Format {
    /// The format of that name in file names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Format> {
        match name {
            "big" => Some(Format::Big),
            "bti" => Some(Format::Bti),
            _ => None,
        }
    }

    /// Its name in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Big => "big",
            Format::Bti => "bti",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A version that cannot be read here, with the programs that write it and the step to take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("version {version} ({format}) was written by {written_by}; {next_step}")]
pub struct UnsupportedVersion {
    /// The letters, as in the file's name.
    pub version: String,
    /// The format in the file's name.
    pub format: Format,
    /// The releases known to write it.
    pub written_by: &'static str,
    /// The step that makes the data readable.
    pub next_step: &'static str,
}

/// A version of the SSTable format that this crate reads: two letters and a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    format: Format,
    letters: [u8; 2],
}

impl Version {
    /// What ScyllaDB reads, and Cassandra 3.0 to 5.0.
    pub const ME: Version = Version { format: Format::Big, letters: *b"me" };
    /// What Cassandra 4.x and a default 5.0 write.
    pub const NB: Version = Version { format: Format::Big, letters: *b"nb" };
    /// What Cassandra 5.0 writes with `storage_compatibility_mode: NONE`.
    pub const OA: Version = Version { format: Format::Big, letters: *b"oa" };
    /// What Cassandra 5.0 writes with `sstable.selected_format: bti`; the engine's own.
    pub const DA: Version = Version { format: Format::Bti, letters: *b"da" };

    /// The version of tables that name none.
    pub const DEFAULT: Version = Version::DA;

    /// The versions that are written here, the newest first.
    pub const WRITABLE: [Version; 4] = [Version::DA, Version::OA, Version::NB, Version::ME];

    /// The version of those letters, if it is written here.
    #[must_use]
    pub fn writable(letters: &str) -> Option<Version> {
        Version::WRITABLE.into_iter().find(|version| version.letters == letters.as_bytes())
    }

    /// This version if it is written here, else the last one of its line, which every release of
    /// the line's end reads.
    #[must_use]
    pub fn writable_in_line(self) -> Version {
        let same_line =
            |version: &Version| version.format == self.format && version.letters[0] == self.letters[0];
        Version::WRITABLE.into_iter().find(same_line).unwrap_or(self)
    }

    /// This version if it holds local deletion times past 2038, else the first newer one of its
    /// format that does.
    #[must_use]
    pub fn holding_late_deletion_times(self) -> Version {
        if self.has_uint_deletion_time() { self } else { Version::OA }
    }

    /// Whether a file of this version with a reserved generation is known by its name to be the
    /// database's own. A file of another version could be a user's, so that its name is recorded
    /// before it is made.
    #[must_use]
    pub fn is_known_by_name(self) -> bool {
        self == Version::DEFAULT
    }

    /// Whether tables of this version can be written here.
    #[must_use]
    pub fn is_writable(self) -> bool {
        Version::WRITABLE.contains(&self)
    }

    /// The version `letters` of `format`.
    ///
    /// # Errors
    /// When the letters are not those of a version, or name one this crate does not read.
    pub fn parse(letters: &str, format: Format) -> Result<Version, UnsupportedVersion> {
        let refuse = |(written_by, next_step)| UnsupportedVersion {
            version: letters.to_owned(),
            format,
            written_by,
            next_step,
        };
        let &[major, minor] = letters.as_bytes() else {
            return Err(refuse(NO_VERSION));
        };
        if !major.is_ascii_lowercase() || !minor.is_ascii_lowercase() {
            return Err(refuse(NO_VERSION));
        }
        match refusal(format, major, minor) {
            Some(reason) => Err(refuse(reason)),
            None => Ok(Version { format, letters: [major, minor] }),
        }
    }

    /// The format of its index files.
    #[must_use]
    pub const fn format(self) -> Format {
        self.format
    }

    /// STATS holds the position from which on the commit log is covered.
    #[must_use]
    pub fn has_commit_log_lower_bound(self) -> bool {
        self.since(*b"mb")
    }

    /// STATS holds the set of covered commit log intervals.
    #[must_use]
    pub fn has_commit_log_intervals(self) -> bool {
        self.since(*b"mc")
    }

    /// The min and max clustering values of STATS can be trusted (CASSANDRA-14861).
    #[must_use]
    pub fn has_accurate_min_max(self) -> bool {
        self.since(*b"md") && self.has_legacy_min_max()
    }

    /// STATS holds min and max clusterings as two lists of values.
    #[must_use]
    pub fn has_legacy_min_max(self) -> bool {
        !self.since(*b"oa")
    }

    /// STATS holds min and max clusterings as a slice with its types.
    #[must_use]
    pub fn has_improved_min_max(self) -> bool {
        self.since(*b"oa")
    }

    /// STATS holds the id of the node whose commit log its intervals refer to.
    #[must_use]
    pub fn has_originating_host_id(self) -> bool {
        self.since(*b"nb") || (self.since(*b"me") && !self.since(*b"na"))
    }

    /// CompressionInfo.db holds the payload length from which on a chunk is stored raw.
    #[must_use]
    pub fn has_max_compressed_length(self) -> bool {
        self.since(*b"na")
    }

    /// STATS holds the repair session in which the table takes part.
    #[must_use]
    pub fn has_pending_repair(self) -> bool {
        self.since(*b"na")
    }

    /// STATS says whether the data is a transient replica's.
    #[must_use]
    pub fn has_is_transient(self) -> bool {
        self.since(*b"na")
    }

    /// Statistics.db carries checksums.
    #[must_use]
    pub fn has_metadata_checksum(self) -> bool {
        self.since(*b"na")
    }

    /// The bytes of Filter.db are reversed inside each 8-byte word.
    #[must_use]
    pub fn has_old_bloom_filter_format(self) -> bool {
        !self.since(*b"na")
    }

    /// Filter.db may have its bytes in either order: development builds of 4.0 named tables by
    /// their coming version before that changed.
    #[must_use]
    pub fn may_have_either_bloom_filter_format(self) -> bool {
        self.format == Format::Big && self.letters == *b"na"
    }

    /// STATS says whether any partition deletion is present.
    #[must_use]
    pub fn has_partition_level_deletions_presence_marker(self) -> bool {
        self.since(*b"oa")
    }

    /// STATS holds the first and the last partition key.
    #[must_use]
    pub fn has_key_range(self) -> bool {
        self.since(*b"oa")
    }

    /// Local deletion times are unsigned 32-bit seconds, and deletion times have the short live
    /// form.
    #[must_use]
    pub fn has_uint_deletion_time(self) -> bool {
        self.since(*b"oa")
    }

    /// STATS holds the share of the token space that the table covers.
    #[must_use]
    pub fn has_token_space_coverage(self) -> bool {
        self.since(*b"oa")
    }

    /// The histograms of STATS say what is in the table. Earlier releases counted cells twice on
    /// their way, and took what never expires for tombstones.
    #[must_use]
    pub fn has_exact_histograms(self) -> bool {
        self.since(*b"nb")
    }

    /// Whether everything `big` had introduced by `letters` is present; `bti` began with all of
    /// `oa`.
    fn since(self, letters: [u8; 2]) -> bool {
        match self.format {
            Format::Big => self.letters >= letters,
            Format::Bti => true,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor] = self.letters.map(char::from);
        write!(f, "{major}{minor}")
    }
}

/// The programs that write a version, and the step that makes it readable.
type Refusal = (&'static str, &'static str);

const NO_VERSION: Refusal = ("nobody: it is not two lower-case letters", "check the file's name");

/// Cassandra 3.x is the last that reads what 2.1 and 2.2 wrote.
const UPGRADE: &str = "rewrite it with `nodetool upgradesstables` of Cassandra 3.x";

/// Why a well-formed version is refused, if it is.
fn refusal(format: Format, major: u8, minor: u8) -> Option<Refusal> {
    Some(match (format, major, minor) {
        (_, b'm', b's' | b't') => {
            ("ScyllaDB, with its own trie indexes", "let ScyllaDB write `me`, or restore it there and export")
        }
        (Format::Big, b'm'..=b'o', _) | (Format::Bti, b'd', _) => return None,
        (Format::Big, b'p'..=b'z', _) | (Format::Bti, b'e'..=b'z', _) => (
            "Cassandra 6.0 or later",
            "write it with `storage_compatibility_mode: CASSANDRA_5` or read it there",
        ),
        (Format::Bti, ..) => ("DataStax Enterprise", "load it into Cassandra 5.0 with `sstableloader`"),
        (Format::Big, b'l', _) => ("Cassandra 2.2, a Cassandra 2.x", UPGRADE),
        (Format::Big, b'k', _) => ("Cassandra 2.1, a Cassandra 2.x", UPGRADE),
        (Format::Big, b'j', _) => {
            ("Cassandra 2.0, a Cassandra 2.x", "upgrade it through Cassandra 2.1 and 3.x")
        }
        (Format::Big, b'i', _) => ("Cassandra 1.2", "upgrade it through Cassandra 2.0, 2.1 and 3.x"),
        (Format::Big, ..) => {
            ("Cassandra 1.1 or earlier", "upgrade it through Cassandra 1.2, 2.0, 2.1 and 3.x")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Flag = fn(Version) -> bool;

    /// One row a flag, one column a version, `Y` where the flag is set.
    const MATRIX: &[(&str, Flag, &str)] = &[
        ("versions", |_| true, "ma mb mc md me na nb nc oa da"),
        ("lower bound", Version::has_commit_log_lower_bound, "- Y Y Y Y Y Y Y Y Y"),
        ("intervals", Version::has_commit_log_intervals, "- - Y Y Y Y Y Y Y Y"),
        ("legacy min max", Version::has_legacy_min_max, "Y Y Y Y Y Y Y Y - -"),
        ("accurate min max", Version::has_accurate_min_max, "- - - Y Y Y Y Y - -"),
        ("improved min max", Version::has_improved_min_max, "- - - - - - - - Y Y"),
        ("host id", Version::has_originating_host_id, "- - - - Y - Y Y Y Y"),
        ("max compressed", Version::has_max_compressed_length, "- - - - - Y Y Y Y Y"),
        ("pending repair", Version::has_pending_repair, "- - - - - Y Y Y Y Y"),
        ("transient", Version::has_is_transient, "- - - - - Y Y Y Y Y"),
        ("checksum", Version::has_metadata_checksum, "- - - - - Y Y Y Y Y"),
        ("old filter", Version::has_old_bloom_filter_format, "Y Y Y Y Y - - - - -"),
        ("either filter", Version::may_have_either_bloom_filter_format, "- - - - - Y - - - -"),
        ("marker", Version::has_partition_level_deletions_presence_marker, "- - - - - - - - Y Y"),
        ("key range", Version::has_key_range, "- - - - - - - - Y Y"),
        ("uint", Version::has_uint_deletion_time, "- - - - - - - - Y Y"),
        ("histograms", Version::has_exact_histograms, "- - - - - - Y Y Y Y"),
        ("coverage", Version::has_token_space_coverage, "- - - - - - - - Y Y"),
    ];

    #[test]
    fn the_matrix_of_capabilities() {
        let versions: Vec<Version> = MATRIX[0]
            .2
            .split(' ')
            .map(|letters| {
                let format = if letters == "da" { Format::Bti } else { Format::Big };
                Version::parse(letters, format).unwrap()
            })
            .collect();
        for (name, flag, expected) in &MATRIX[1..] {
            let found: Vec<&str> =
                versions.iter().map(|version| if flag(*version) { "Y" } else { "-" }).collect();
            assert_eq!(found.join(" "), *expected, "{name}");
        }
    }

    #[test]
    fn writable_versions_are_found_by_their_letters() {
        assert!(
            Version::WRITABLE.into_iter().all(|known| Version::writable(&known.to_string()) == Some(known))
        );
        assert_eq!(Version::writable("na"), None);
        let in_line = |letters| Version::parse(letters, Format::Big).unwrap().writable_in_line();
        assert_eq!(
            ["ma", "na", "nc", "oa"].map(in_line),
            [Version::ME, Version::NB, Version::NB, Version::OA]
        );
    }

    #[test]
    fn late_deletion_times_have_a_version() {
        let holding = Version::WRITABLE.map(Version::holding_late_deletion_times);
        assert_eq!(holding, [Version::DA, Version::OA, Version::OA, Version::OA]);
        assert!(holding.into_iter().all(Version::has_uint_deletion_time));
    }

    #[test]
    fn unknown_minor_versions_are_read_like_the_one_before() {
        assert!(Version::parse("nz", Format::Big).unwrap().has_originating_host_id());
        assert!(Version::parse("mz", Format::Big).unwrap().has_originating_host_id());
        assert!(Version::parse("ob", Format::Big).unwrap().has_key_range());
        assert_eq!(Version::parse("db", Format::Bti).unwrap().to_string(), "db");
        assert_eq!(Version::parse("nb", Format::Big), Ok(Version::NB));
    }

    #[test]
    fn others_are_refused_by_name() {
        let check = |letters: &str, format, by: &str| {
            let error = Version::parse(letters, format).unwrap_err();
            assert!(error.written_by.contains(by), "{letters}: {error}");
        };
        for letters in ["jb", "ka", "la", "lb"] {
            check(letters, Format::Big, "Cassandra 2.x");
        }
        check("ic", Format::Big, "Cassandra 1.2");
        check("hf", Format::Big, "Cassandra 1.1");
        check("pa", Format::Big, "Cassandra 6.0");
        check("ea", Format::Bti, "Cassandra 6.0");
        check("eb", Format::Bti, "Cassandra 6.0");
        check("aa", Format::Bti, "DataStax");
        for letters in ["ms", "mt"] {
            check(letters, Format::Big, "ScyllaDB");
            check(letters, Format::Bti, "ScyllaDB");
        }
        for letters in ["", "n", "nbb", "NB", "n1", "é"] {
            check(letters, Format::Big, "nobody");
        }
    }
}
