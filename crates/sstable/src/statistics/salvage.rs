//! What can still be read of a damaged Statistics.db.

use helenus_bloom::Filter;
use helenus_rows::ClusteringComparator;
use helenus_types::{DecodeError, Partitioner};

use super::{
    COMPACTION, CRC_LEN, CompactionComponent, HEADER, HeaderComponent, STATS, Statistics, StatsCollector,
    StatsComponent, VALIDATION, ValidationComponent, component, decode_toc,
};
use crate::version::Version;

/// A component that is lost, and what stands in its place.
pub(crate) type LostComponent = (DecodeError, &'static str);

/// Types of components; the table of contents has an entry for each.
const KINDS: [u32; 4] = [VALIDATION, COMPACTION, STATS, HEADER];

impl Statistics {
    /// Reads the undamaged parts of the file. The header is indispensable: `is_header` decides
    /// whether a decoded one can be the table's.
    pub(crate) fn salvage(
        bytes: &[u8],
        version: Version,
        is_header: &dyn Fn(&HeaderComponent) -> bool,
    ) -> Result<(Statistics, Vec<LostComponent>), DecodeError> {
        let mut lost = Vec::new();
        let toc = decode_toc(bytes, version).unwrap_or_else(|error| {
            lost.push((error, "where its components are was found out"));
            entries(bytes, version)
        });
        let header = component(bytes, &toc, version, HEADER, HeaderComponent::decode);
        let header = match header.and_then(|header| match is_header(&header) {
            true => Ok(header),
            false => Err(DecodeError::new(0, "types and columns of a table", "others")),
        }) {
            Ok(header) => header,
            Err(error) => {
                let found = last_header(bytes, version, is_header).ok_or_else(|| error.clone())?;
                lost.push((error, "the header was found at the end of the file"));
                found
            }
        };
        let mut or_lost = |error: DecodeError, instead| lost.push((error, instead));
        let validation = component(bytes, &toc, version, VALIDATION, ValidationComponent::decode);
        let validation = validation.and_then(|found| {
            let chance = found.bloom_filter_fp_chance;
            if Partitioner::from_class_name(&found.partitioner).is_none() {
                Err(DecodeError::new(0, "one of Cassandra's partitioners", found.partitioner))
            } else if Filter::for_keys(1, chance).is_err() {
                Err(DecodeError::new(0, "the chance of a filter", chance.to_string()))
            } else {
                Ok(found)
            }
        });
        let validation = validation.unwrap_or_else(|error| {
            or_lost(error, "keys are taken to be ordered by Murmur3Partitioner");
            ValidationComponent {
                partitioner: Partitioner::Murmur3.class_name().to_owned(),
                bloom_filter_fp_chance: DEFAULT_CHANCE,
            }
        });
        let compaction = component(bytes, &toc, version, COMPACTION, CompactionComponent::decode);
        let compaction = compaction.unwrap_or_else(|error| {
            or_lost(error, "keys are counted again");
            CompactionComponent { cardinality: Vec::new() }
        });
        let stats = component(bytes, &toc, version, STATS, |bytes| StatsComponent::decode(bytes, version));
        let stats = stats.unwrap_or_else(|error| {
            or_lost(error, "figures are gathered again; level, repair state and origin are lost");
            StatsCollector::new(ClusteringComparator::new(Vec::new())).finish().0
        });
        Ok((Statistics { validation, compaction, stats, header }, lost))
    }
}

/// Cassandra's default chance of a false positive of the filter.
const DEFAULT_CHANCE: f64 = 0.01;

/// The valid part of the table of contents: entries whose type is known and whose offset lies in
/// the file.
fn entries(bytes: &[u8], version: Version) -> Vec<(u32, usize)> {
    let first = if version.has_metadata_checksum() { 2 * size_of::<u32>() } else { size_of::<u32>() };
    let rest = bytes.get(first..).unwrap_or_default();
    let (entries, _) = rest.as_chunks::<8>();
    let entry = |entry: &[u8; 8]| {
        let [kind, offset] = [0, 4].map(|at| {
            entry.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_be_bytes(*word))
        });
        (kind, usize::try_from(offset).unwrap_or(usize::MAX))
    };
    let known = |(kind, offset): &(u32, usize)| KINDS.contains(kind) && *offset <= bytes.len();
    entries.iter().take(KINDS.len()).map(entry).filter(known).collect()
}

/// Looks for a header that ends where the file does, as Cassandra writes it.
fn last_header(
    bytes: &[u8],
    version: Version,
    is_header: &dyn Fn(&HeaderComponent) -> bool,
) -> Option<HeaderComponent> {
    let crc_len = if version.has_metadata_checksum() { CRC_LEN } else { 0 };
    let (content, crc) = bytes.split_at_checked(bytes.len().checked_sub(crc_len)?)?;
    let stored = crc.first_chunk().map(|crc| u32::from_be_bytes(*crc));
    (0..content.len()).find_map(|start| {
        let from_here = content.get(start..)?;
        let header = HeaderComponent::decode_whole(from_here).ok()?;
        let is_it = is_header(&header) && stored.is_none_or(|stored| crc32fast::hash(from_here) == stored);
        is_it.then_some(header)
    })
}
