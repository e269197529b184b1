//! Statistics.db: what is known of an SSTable without reading its data.
//!
//! ```text
//! count     i32
//! [crc      u32]   CRC32 of count
//! toc       count × (type i32, offset i32)    offsets from the file's start
//! [crc      u32]   CRC32 of count and toc
//! component*       each followed by [its CRC32 u32]
//! ```
//!
//! The checksums are there from `na` on. Types: 0 VALIDATION, 1 COMPACTION, 2 STATS, 3 HEADER.
//! Cassandra writes them in that order without gaps; ScyllaDB does not, so that a component ends
//! where the next higher offset begins. (`io.sstable.metadata.MetadataSerializer`.)
//!
//! `stats.rs` is STATS, `salvage.rs` reads what is left of a damaged file, `covered.rs` its slice
//! of clusterings, `estimated_histogram.rs` and `tombstone_histogram.rs` its histograms,
//! `cardinality.rs` COMPACTION's blob, `header.rs` HEADER, `collector.rs` what a writer feeds,
//! `parts.rs` what several of them are made of.

mod cardinality;
mod collector;
mod covered;
mod estimated_histogram;
mod header;
mod parts;
mod salvage;
mod stats;
mod tombstone_histogram;

use std::path::Path;

use helenus_types::{DecodeError, Reader};

pub use cardinality::Cardinality;
pub use collector::StatsCollector;
pub use covered::{CoveredBound, CoveredClusterings};
pub use estimated_histogram::EstimatedHistogram;
pub use header::HeaderComponent;
pub use stats::{CommitLogInterval, StatsComponent};
pub use tombstone_histogram::{TombstoneHistogram, TombstoneHistogramBuilder};

use self::parts::put_u32;
use crate::error::SsTableError;
use crate::java_utf;
use crate::version::Version;

/// The content of Statistics.db.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Facts that must agree with the node that opens the table.
    pub validation: ValidationComponent,
    /// Estimates for compaction.
    pub compaction: CompactionComponent,
    /// Counts, bounds and histograms.
    pub stats: StatsComponent,
    /// The serialization header.
    pub header: HeaderComponent,
}

/// VALIDATION: partitioner Java UTF, filter chance f64.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationComponent {
    /// Class of the partitioner.
    pub partitioner: String,
    /// The false-positive chance that Filter.db was built for; 1.0 when there is none.
    pub bloom_filter_fp_chance: f64,
}

/// COMPACTION: i32 length and a serialized [`Cardinality`] of the partition keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionComponent {
    /// The estimator's bytes, which are not looked at until they are needed.
    pub cardinality: Vec<u8>,
}

const VALIDATION: u32 = 0;
const COMPACTION: u32 = 1;
const STATS: u32 = 2;
const HEADER: u32 = 3;

const CRC_LEN: usize = size_of::<u32>();

impl Statistics {
    /// Reads the bytes of the file at `path`, of `version`.
    ///
    /// # Errors
    /// When a checksum differs, a component is missing or its bytes say what cannot be.
    pub fn decode(path: &Path, bytes: &[u8], version: Version) -> Result<Statistics, SsTableError> {
        decode(bytes, version).map_err(|error| SsTableError::new(path, error))
    }

    /// The bytes of the file in `version`, as Cassandra writes them. What `version` has no field
    /// for is left out.
    #[must_use]
    pub fn encode(&self, version: Version) -> Vec<u8> {
        let components = [
            (VALIDATION, self.validation.encode()),
            (COMPACTION, self.compaction.encode()),
            (STATS, self.stats.encode(version)),
            (HEADER, self.header.encode()),
        ];
        let checksums = version.has_metadata_checksum();
        let crc_len = if checksums { CRC_LEN } else { 0 };
        let mut out = put_u32(components.len()).to_vec();
        let mut crc = crc32fast::Hasher::new();
        crc.update(&out);
        if checksums {
            out.extend_from_slice(&crc.clone().finalize().to_be_bytes());
        }
        let mut offset = 4 + 8 * components.len() + 2 * crc_len;
        for (kind, component) in &components {
            for word in [kind.to_be_bytes(), put_u32(offset)] {
                crc.update(&word);
                out.extend_from_slice(&word);
            }
            offset += component.len() + crc_len;
        }
        if checksums {
            out.extend_from_slice(&crc.finalize().to_be_bytes());
        }
        for (_, component) in &components {
            out.extend_from_slice(component);
            if checksums {
                out.extend_from_slice(&crc32fast::hash(component).to_be_bytes());
            }
        }
        out
    }
}

fn decode(bytes: &[u8], version: Version) -> Result<Statistics, DecodeError> {
    let toc = decode_toc(bytes, version)?;
    Ok(Statistics {
        validation: component(bytes, &toc, version, VALIDATION, ValidationComponent::decode)?,
        compaction: component(bytes, &toc, version, COMPACTION, CompactionComponent::decode)?,
        stats: component(bytes, &toc, version, STATS, |bytes| StatsComponent::decode(bytes, version))?,
        header: component(bytes, &toc, version, HEADER, HeaderComponent::decode)?,
    })
}

/// An entry of the table of contents: type and offset.
type Entry = (u32, usize);

fn decode_toc(bytes: &[u8], version: Version) -> Result<Vec<Entry>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut crc = crc32fast::Hasher::new();
    let start = reader;
    let count = reader.u32()?;
    let most = reader.remaining() / 8;
    if usize::try_from(count).map_or(true, |count| count > most) {
        return Err(start.error(format!("at most {most} components"), format!("{count}")));
    }
    crc.update(&count.to_be_bytes());
    if version.has_metadata_checksum() {
        check_crc(&mut reader, crc.clone().finalize(), "the number of components")?;
    }
    let mut toc = Vec::new();
    for _ in 0..count {
        let at = reader;
        let (kind, offset) = (reader.u32()?, reader.u32()?);
        crc.update(&kind.to_be_bytes());
        crc.update(&offset.to_be_bytes());
        match usize::try_from(offset) {
            Ok(offset) if offset <= bytes.len() => toc.push((kind, offset)),
            _ => return Err(at.error(format!("an offset up to {}", bytes.len()), format!("{offset}"))),
        }
    }
    if version.has_metadata_checksum() {
        check_crc(&mut reader, crc.finalize(), "the table of contents")?;
    }
    Ok(toc)
}

fn check_crc(reader: &mut Reader<'_>, computed: u32, what: &'static str) -> Result<(), DecodeError> {
    let at = *reader;
    let stored = reader.u32()?;
    if stored == computed {
        return Ok(());
    }
    Err(at.error(format!("the checksum {computed:08x} of {what}"), format!("{stored:08x}")))
}

/// Finds the component of type `kind`, compares its checksum and decodes it.
fn component<T>(
    bytes: &[u8],
    toc: &[Entry],
    version: Version,
    kind: u32,
    decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let Some(&(_, start)) = toc.iter().find(|(found, _)| *found == kind) else {
        return Err(DecodeError::new(0, format!("a component of type {kind}"), "none"));
    };
    let ends = toc.iter().map(|(_, offset)| *offset).filter(|offset| *offset > start);
    let end = ends.min().unwrap_or(bytes.len());
    let mut whole = bytes.get(start..end).unwrap_or_default();
    if version.has_metadata_checksum() {
        let Some((content, stored)) = whole.split_last_chunk::<CRC_LEN>() else {
            return Err(DecodeError::new(start as u64, "a component with its checksum", "no room for one"));
        };
        let mut crc = Reader::at(bytes, start + content.len());
        debug_assert_eq!(crc.rest().first_chunk(), Some(stored), "the checksum follows the content");
        check_crc(&mut crc, crc32fast::hash(content), "the component")?;
        whole = content;
    }
    decode(whole).map_err(|error| error.shifted(start as u64))
}

impl ValidationComponent {
    fn decode(bytes: &[u8]) -> Result<ValidationComponent, DecodeError> {
        let mut reader = Reader::new(bytes);
        Ok(ValidationComponent { partitioner: reader.java_utf()?, bloom_filter_fp_chance: reader.f64()? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        java_utf::write(&mut out, &self.partitioner);
        out.extend_from_slice(&self.bloom_filter_fp_chance.to_be_bytes());
        out
    }
}

impl CompactionComponent {
    fn decode(bytes: &[u8]) -> Result<CompactionComponent, DecodeError> {
        Ok(CompactionComponent { cardinality: Reader::new(bytes).i32_bytes()?.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        [&put_u32(self.cardinality.len())[..], &self.cardinality].concat()
    }
}

#[cfg(test)]
mod tests;
