//! The metadata of a table, read without its rows: as text that is letter by letter that of
//! Cassandra's `sstablemetadata` (`tools.SSTableMetadataViewer`), or as JSON; on request with the
//! results of a scan of the rows.
//!
//! `java.rs` holds Java's ways to print numbers and dates, `histogram.rs` the tables with bars,
//! `text.rs` the lines, `json.rs` the JSON, `overview.rs` the scan.

mod histogram;
mod java;
mod json;
mod overview;
mod text;

use helenus_io::Disk;
use helenus_sstable::{
    Component, ComponentReader, CompressionInfo, Descriptor, PageVerification, SsTableError, Statistics,
    Summary, push_plain,
};
use helenus_types::{Hex, LocalDeletionTime, Partitioner, Type};

pub use histogram::Bars;
use overview::TopPartition;
pub use overview::{Overview, overview};

/// Statistics.db and the other metadata of a table.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The table's descriptor.
    pub descriptor: Descriptor,
    /// Statistics.db.
    pub statistics: Statistics,
    /// CompressionInfo.db, if there is one.
    pub compression: Option<CompressionInfo>,
    /// First and last partition key: of Statistics.db or, in versions where that lacks them, of
    /// Summary.db. `None` if neither has them.
    pub key_range: Option<(Vec<u8>, Vec<u8>)>,
}

/// Options of printing metadata.
#[derive(Clone, Copy, Debug)]
pub struct MetadataOptions {
    /// The second since 1970 as of which tombstones are droppable.
    pub now: u32,
    /// Seconds that tombstones are kept (`sstablemetadata -g`).
    pub gc_grace_s: u32,
    /// The unit of the clients' timestamps (`sstablemetadata -t`, which Cassandra accepts and then
    /// ignores).
    pub timestamps: TimestampUnit,
    /// The characters of bars (`sstablemetadata -u`).
    pub bars: Bars,
}

/// The unit of timestamps of cells, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimestampUnit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds, as CQL's own clock does.
    #[default]
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl TimestampUnit {
    /// A number of these in milliseconds, cut towards zero or to what fits (`TimeUnit.toMillis`).
    fn millis(self, number: i64) -> i64 {
        match self {
            TimestampUnit::Nanoseconds => number / 1_000_000,
            TimestampUnit::Microseconds => number / 1000,
            TimestampUnit::Milliseconds => number,
            TimestampUnit::Seconds => number.saturating_mul(1000),
        }
    }
}

impl Metadata {
    /// Reads the metadata of the table of that name.
    ///
    /// # Errors
    /// When Statistics.db is missing, or a component cannot be read or is damaged. A damaged
    /// Summary.db is none.
    pub fn read(disk: &dyn Disk, descriptor: &Descriptor) -> Result<Metadata, SsTableError> {
        let version = descriptor.version;
        let mut files = ComponentReader::new(disk, descriptor, PageVerification::Check)?;
        let path = |component| descriptor.path(&component);
        let statistics = files.read(&Component::Statistics)?;
        let statistics = Statistics::decode(&path(Component::Statistics), &statistics, version)?;
        let compression = match files.read_optional(&Component::CompressionInfo)? {
            Some(bytes) => Some(CompressionInfo::decode(&path(Component::CompressionInfo), &bytes, version)?),
            None => None,
        };
        let key_range = match version.has_key_range() {
            true => statistics.stats.key_range.clone(),
            false => files
                .read_rewritable(&Component::Summary)?
                .and_then(|bytes| Summary::decode(&bytes).ok())
                .map(|summary| (summary.first_key.to_vec(), summary.last_key.to_vec())),
        };
        Ok(Metadata { descriptor: descriptor.clone(), statistics, compression, key_range })
    }

    /// The share of cells whose tombstones may be dropped, by estimate
    /// (`StatsMetadata.getEstimatedDroppableTombstoneRatio`).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "as Java divides")]
    pub fn droppable_tombstone_ratio(&self, options: MetadataOptions) -> f64 {
        let stats = &self.statistics.stats;
        let cells = &stats.cells_per_partition;
        let partitions = cells.count() - cells.overflow_count();
        let cells = cells.mean().saturating_mul(partitions);
        if cells == 0 {
            return 0.0;
        }
        let before = options.now.saturating_sub(options.gc_grace_s);
        stats.tombstone_drop_times.sum(LocalDeletionTime(before)) / cells as f64
    }

    /// A key as text, as `AbstractType.getString` prints it.
    fn key_text(&self, key: &[u8]) -> String {
        let mut text = String::new();
        match Type::parse_class(&self.statistics.header.key_type) {
            Ok(ty) => push_plain(&ty, key, &mut text),
            Err(_) => Hex(key).push(&mut text),
        }
        text
    }

    /// A key's token, as the partitioner's class prints it.
    fn token_text(&self, key: &[u8]) -> Option<String> {
        let mut text = String::new();
        match Partitioner::from_class_name(&self.statistics.validation.partitioner)? {
            Partitioner::Murmur3 => text = Partitioner::murmur3_token(key).0.to_string(),
            Partitioner::Random => text = Partitioner::random_token(key).to_string(),
            Partitioner::ByteOrdered => Hex(key).push(&mut text),
            Partitioner::OrderPreserving => push_plain(&Type::Text, key, &mut text),
            // Its tokens are keys, of a type that only the key's own can be here.
            Partitioner::Local(_) => text = self.key_text(key),
        }
        Some(text)
    }
}

/// A type's class as Cassandra prints it, whatever spelling the file has.
fn class_text(class: &str) -> String {
    Type::parse_class(class).map_or_else(|_| class.to_owned(), |ty| ty.class_name())
}
