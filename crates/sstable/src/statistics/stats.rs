//! STATS: layout, decoder and encoder.

use helenus_types::{DecodeError, LocalDeletionTime, LogPosition, Reader, Timestamp, vint};
use uuid::Uuid;

use super::tombstone_histogram::PointForm;
use super::{CoveredClusterings, EstimatedHistogram, TombstoneHistogram};
use crate::version::Version;

/// STATS: counts, bounds and histograms (`io.sstable.metadata.StatsMetadata`).
///
/// ```text
/// partition sizes                 EstimatedHistogram
/// cells per partition             EstimatedHistogram
/// commit log upper bound          position
/// min, max timestamp              i64, i64
/// min, max local deletion time    i32, i32; unsigned from `oa` on
/// min, max TTL                    i32, i32
/// compression ratio               f64    -1 when not compressed
/// tombstone drop times            TombstoneHistogram
/// level                           i32
/// repaired at                     i64
/// covered clusterings             CoveredClusterings, in either form
/// has legacy counter shards       bool
/// columns set, rows               i64, i64
/// commit log lower bound          position                              mb
/// commit log intervals            i32 n, n × (position, position)       mc
/// pending repair                  bool, [uuid]                          na
/// is transient                    bool                                  na
/// originating host id             bool, [uuid]                          me, nb
/// has partition level deletions   bool                                  oa
/// first key, last key             uvint bytes, uvint bytes              oa
/// token space coverage            f64                                   oa
///
/// position := segment i64, offset i32
/// ```
///
/// Bytes after the last field are ignored: development versions of 4.1 (`nc`) left some, and so
/// does the tombstone histogram from `oa` on. Where the data ends before `pending repair`, the rest
/// has its default: so development versions of 4.0 (`na`) wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsComponent {
    /// Uncompressed bytes of each partition.
    pub partition_sizes: EstimatedHistogram,
    /// Cells of each partition.
    pub cells_per_partition: EstimatedHistogram,
    /// The intervals of the originating host's commit log that are in the table; sorted, disjoint.
    pub commit_log_intervals: Vec<CommitLogInterval>,
    /// No timestamp in the table is lower. `MIN` if nothing is known.
    pub min_timestamp: Timestamp,
    /// No timestamp in the table is higher. `MAX` if nothing is known.
    pub max_timestamp: Timestamp,
    /// The lowest local deletion time; `NONE` when nothing is deleted or expires.
    pub min_local_deletion_time: LocalDeletionTime,
    /// The highest; `NONE` as soon as anything lives and does not expire.
    pub max_local_deletion_time: LocalDeletionTime,
    /// The lowest TTL in seconds; 0 as soon as anything does not expire.
    pub min_ttl: u32,
    /// The highest TTL in seconds.
    pub max_ttl: u32,
    /// Stored payload by data; `None` when not compressed.
    pub compression_ratio: Option<f64>,
    /// When its tombstones become droppable, but for `gc_grace_seconds`.
    pub tombstone_drop_times: TombstoneHistogram,
    /// Level in leveled compaction; 0 elsewhere.
    pub level: u32,
    /// When it was repaired, in milliseconds since 1970; 0 if it was not.
    pub repaired_at_ms: i64,
    /// Types of the clustering columns; empty before `oa`, where HEADER alone has them.
    pub clustering_types: Vec<String>,
    /// Where its rows and range tombstones lie.
    pub covered_clusterings: CoveredClusterings,
    /// Whether a counter has local or remote shards, of before 2.1.
    pub has_legacy_counter_shards: bool,
    /// Present columns, summed over the rows.
    pub columns_set: u64,
    /// Rows, static ones among them.
    pub rows: u64,
    /// The repair session it takes part in.
    pub pending_repair: Option<Uuid>,
    /// Whether it is a transient replica's.
    pub is_transient: bool,
    /// The node whose commit log the intervals refer to.
    pub originating_host_id: Option<Uuid>,
    /// Whether there may be partition deletions.
    pub has_partition_level_deletions: bool,
    /// First and last partition key, where versions have them.
    pub key_range: Option<(Vec<u8>, Vec<u8>)>,
    /// The share of the locally owned token space between first and last key, if it is known.
    pub token_space_coverage: Option<f64>,
}

/// A stretch of the commit log: from the first position up to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitLogInterval {
    /// Start.
    pub start: LogPosition,
    /// End.
    pub end: LogPosition,
}

/// Bytes of an interval.
const INTERVAL_LEN: usize = 24;

/// "No deletion time" where deletion times are signed.
const LEGACY_NONE: u32 = i32::MAX.cast_unsigned();

/// The ratio of what is not compressed.
const NO_COMPRESSION_RATIO: f64 = -1.0;

impl StatsComponent {
    pub(super) fn decode(bytes: &[u8], version: Version) -> Result<StatsComponent, DecodeError> {
        let reader = &mut Reader::new(bytes);
        let partition_sizes = EstimatedHistogram::decode(reader)?;
        let cells_per_partition = EstimatedHistogram::decode(reader)?;
        let upper_bound = decode_position(reader)?;
        let (min_timestamp, max_timestamp) = (Timestamp(reader.i64()?), Timestamp(reader.i64()?));
        let min_local_deletion_time = decode_deletion_time(reader, version, LocalDeletionTime(0))?;
        let max_local_deletion_time = decode_deletion_time(reader, version, LocalDeletionTime::INVALID)?;
        let (min_ttl, max_ttl) = (decode_int(reader)?, decode_int(reader)?);
        let compression_ratio = Some(reader.f64()?).filter(|ratio| *ratio != NO_COMPRESSION_RATIO);
        let tombstone_drop_times = TombstoneHistogram::decode(reader, point_form(version))?;
        let level = decode_int(reader)?;
        let repaired_at_ms = reader.i64()?;
        let (clustering_types, covered_clusterings) = decode_covered(reader, version)?;
        let has_legacy_counter_shards = reader.bool()?;
        // -1 is Cassandra's word for figures that nobody gathered.
        let [columns_set, rows] =
            [reader.i64()?, reader.i64()?].map(|count| u64::try_from(count).unwrap_or(0));
        let commit_log_intervals = decode_intervals(reader, version, upper_bound)?;
        let tail = Tail::decode(reader, version)?;
        Ok(StatsComponent {
            partition_sizes,
            cells_per_partition,
            commit_log_intervals,
            min_timestamp,
            max_timestamp,
            min_local_deletion_time,
            max_local_deletion_time,
            min_ttl,
            max_ttl,
            compression_ratio,
            tombstone_drop_times,
            level,
            repaired_at_ms,
            clustering_types,
            covered_clusterings,
            has_legacy_counter_shards,
            columns_set,
            rows,
            pending_repair: tail.pending_repair,
            is_transient: tail.is_transient,
            originating_host_id: tail.originating_host_id,
            // Without the marker only a table without any deletion surely has none.
            has_partition_level_deletions: tail
                .has_partition_level_deletions
                .unwrap_or(min_local_deletion_time != LocalDeletionTime::NONE),
            key_range: tail.key_range,
            token_space_coverage: tail.token_space_coverage,
        })
    }

    pub(super) fn encode(&self, version: Version) -> Vec<u8> {
        let mut out = Vec::with_capacity(6000);
        self.partition_sizes.encode(&mut out);
        self.cells_per_partition.encode(&mut out);
        let intervals = &self.commit_log_intervals;
        put_position(&mut out, intervals.last().map_or(LogPosition::NONE, |interval| interval.end));
        out.extend_from_slice(&self.min_timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.0.to_be_bytes());
        for time in [self.min_local_deletion_time, self.max_local_deletion_time] {
            out.extend_from_slice(&stored_deletion_time(time, version).to_be_bytes());
        }
        out.extend_from_slice(&self.min_ttl.to_be_bytes());
        out.extend_from_slice(&self.max_ttl.to_be_bytes());
        out.extend_from_slice(&self.compression_ratio.unwrap_or(NO_COMPRESSION_RATIO).to_be_bytes());
        self.tombstone_drop_times.encode(&mut out, point_form(version));
        out.extend_from_slice(&self.level.to_be_bytes());
        out.extend_from_slice(&self.repaired_at_ms.to_be_bytes());
        if version.has_improved_min_max() {
            self.covered_clusterings.encode_slice(&mut out, &self.clustering_types);
        } else {
            self.covered_clusterings.encode_values(&mut out);
        }
        out.push(u8::from(self.has_legacy_counter_shards));
        out.extend_from_slice(&self.columns_set.to_be_bytes());
        out.extend_from_slice(&self.rows.to_be_bytes());
        if version.has_commit_log_lower_bound() {
            put_position(&mut out, intervals.first().map_or(LogPosition::NONE, |interval| interval.start));
        }
        if version.has_commit_log_intervals() {
            out.extend_from_slice(&super::parts::put_u32(intervals.len()));
            for interval in intervals {
                put_position(&mut out, interval.start);
                put_position(&mut out, interval.end);
            }
        }
        self.encode_tail(&mut out, version);
        out
    }

    fn encode_tail(&self, out: &mut Vec<u8>, version: Version) {
        if version.has_pending_repair() {
            put_uuid(out, self.pending_repair);
        }
        if version.has_is_transient() {
            out.push(u8::from(self.is_transient));
        }
        if version.has_originating_host_id() {
            put_uuid(out, self.originating_host_id);
        }
        if version.has_partition_level_deletions_presence_marker() {
            out.push(u8::from(self.has_partition_level_deletions));
        }
        if version.has_key_range() {
            let (first, last) =
                self.key_range.as_ref().map_or((&[][..], &[][..]), |(first, last)| (first, last));
            for key in [first, last] {
                vint::write_unsigned(out, key.len() as u64);
                out.extend_from_slice(key);
            }
        }
        if version.has_token_space_coverage() {
            out.extend_from_slice(&self.token_space_coverage.unwrap_or(f64::NAN).to_be_bytes());
        }
        if point_form(version) == PointForm::Unsigned {
            out.resize(out.len() + 4 * self.tombstone_drop_times.len(), 0);
        }
    }
}

/// The fields that may be missing at the end.
#[derive(Default)]
struct Tail {
    pending_repair: Option<Uuid>,
    is_transient: bool,
    originating_host_id: Option<Uuid>,
    has_partition_level_deletions: Option<bool>,
    key_range: Option<(Vec<u8>, Vec<u8>)>,
    token_space_coverage: Option<f64>,
}

impl Tail {
    fn decode(reader: &mut Reader<'_>, version: Version) -> Result<Tail, DecodeError> {
        let mut tail = Tail::default();
        if version.has_pending_repair() && !reader.is_empty() {
            tail.pending_repair = decode_uuid(reader)?;
        }
        if version.has_is_transient() && !reader.is_empty() {
            tail.is_transient = reader.bool()?;
        }
        if version.has_originating_host_id() && !reader.is_empty() {
            tail.originating_host_id = decode_uuid(reader)?;
        }
        if version.has_partition_level_deletions_presence_marker() && !reader.is_empty() {
            tail.has_partition_level_deletions = Some(reader.bool()?);
        }
        if version.has_key_range() && !reader.is_empty() {
            tail.key_range = Some((reader.vint_bytes()?.to_vec(), reader.vint_bytes()?.to_vec()));
        }
        if version.has_token_space_coverage() && !reader.is_empty() {
            tail.token_space_coverage = Some(reader.f64()?).filter(|coverage| !coverage.is_nan());
        }
        Ok(tail)
    }
}

fn point_form(version: Version) -> PointForm {
    if version.has_uint_deletion_time() { PointForm::Unsigned } else { PointForm::Legacy }
}

/// A Java `int` that is not negative.
fn decode_int(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let at = *reader;
    let value = reader.i32()?;
    u32::try_from(value).ok().ok_or_else(|| at.error("a number that is not negative", format!("{value}")))
}

/// A local deletion time; `bound` for the negative ones that overflowed expirations left in old
/// files (CASSANDRA-14092), so that the interval holds whatever they mean.
fn decode_deletion_time(
    reader: &mut Reader<'_>,
    version: Version,
    bound: LocalDeletionTime,
) -> Result<LocalDeletionTime, DecodeError> {
    let stored = reader.u32()?;
    Ok(match stored {
        _ if version.has_uint_deletion_time() => LocalDeletionTime(stored),
        LEGACY_NONE => LocalDeletionTime::NONE,
        _ if stored.cast_signed() < 0 => bound,
        _ => LocalDeletionTime(stored),
    })
}

fn stored_deletion_time(time: LocalDeletionTime, version: Version) -> u32 {
    match time {
        _ if version.has_uint_deletion_time() => time.0,
        LocalDeletionTime::NONE => LEGACY_NONE,
        _ => time.0.min(LEGACY_NONE - 1),
    }
}

fn decode_position(reader: &mut Reader<'_>) -> Result<LogPosition, DecodeError> {
    Ok(LogPosition { segment: reader.u64()?, offset: reader.u32()? })
}

fn put_position(out: &mut Vec<u8>, position: LogPosition) {
    out.extend_from_slice(&position.segment.to_be_bytes());
    out.extend_from_slice(&position.offset.to_be_bytes());
}

/// Without the set, everything from the lower bound, if it is known, up to the upper one.
fn decode_intervals(
    reader: &mut Reader<'_>,
    version: Version,
    upper_bound: LogPosition,
) -> Result<Vec<CommitLogInterval>, DecodeError> {
    let lower_bound = match version.has_commit_log_lower_bound() {
        true => decode_position(reader)?,
        false => LogPosition::NONE,
    };
    if !version.has_commit_log_intervals() {
        let interval = CommitLogInterval { start: lower_bound, end: upper_bound };
        return Ok(if upper_bound == LogPosition::NONE { Vec::new() } else { vec![interval] });
    }
    let count = u64::from(reader.u32()?);
    let count = super::parts::count(reader, count, INTERVAL_LEN)?;
    (0..count)
        .map(|_| Ok(CommitLogInterval { start: decode_position(reader)?, end: decode_position(reader)? }))
        .collect()
}

fn decode_covered(
    reader: &mut Reader<'_>,
    version: Version,
) -> Result<(Vec<String>, CoveredClusterings), DecodeError> {
    if version.has_improved_min_max() {
        return CoveredClusterings::decode_slice(reader);
    }
    let covered = CoveredClusterings::decode_values(reader)?;
    // Range tombstones could make the older ones too narrow (CASSANDRA-14861).
    Ok((Vec::new(), if version.has_accurate_min_max() { covered } else { CoveredClusterings::all() }))
}

fn decode_uuid(reader: &mut Reader<'_>) -> Result<Option<Uuid>, DecodeError> {
    match reader.bool()? {
        true => Ok(Some(Uuid::from_bytes(*reader.take_array()?))),
        false => Ok(None),
    }
}

fn put_uuid(out: &mut Vec<u8>, id: Option<Uuid>) {
    out.push(u8::from(id.is_some()));
    if let Some(id) = id {
        out.extend_from_slice(id.as_bytes());
    }
}
