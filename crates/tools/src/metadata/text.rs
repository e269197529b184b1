//! The lines of `sstablemetadata`.

use helenus_sstable::{Cardinality, Codec, CoveredBound, EstimatedHistogram, push_plain};
use helenus_types::{Hex, LocalDeletionTime, LogPosition, Timestamp, Type};

use super::java::{byte_size, date, double, duration_words, hash_map_order};
use super::{Metadata, MetadataOptions, Overview, TimestampUnit, TopPartition, class_text, histogram};

impl Metadata {
    /// Appends the text that `sstablemetadata` prints, lines in the same order; with what a scan
    /// found, if there was one (`-s`). Dates are in UTC, where Cassandra takes the zone of the
    /// host.
    pub fn push_text(&self, options: MetadataOptions, overview: Option<&Overview>, out: &mut String) {
        let mut text = Text { out };
        text.field("SSTable", self.descriptor.dir.join(self.descriptor.to_string()).display());
        if let Some(overview) = overview {
            self.push_overview(overview, &mut text);
        }
        text.field("Partitioner", &self.statistics.validation.partitioner);
        text.field("Bloom Filter FP chance", double(self.statistics.validation.bloom_filter_fp_chance));
        self.push_bounds(options.timestamps, &mut text);
        self.push_state(options, &mut text);
        self.push_histograms(options, &mut text);
        let coverage = self.statistics.stats.token_space_coverage;
        text.field("Local token space coverage", double(coverage.unwrap_or(f64::NAN)));
        if let Some(partitions) = self.estimated_partitions() {
            text.field("Estimated cardinality", partitions);
        }
        self.push_header(options.timestamps, &mut text);
        text.field("IsTransient", self.statistics.stats.is_transient);
    }

    fn push_overview(&self, overview: &Overview, text: &mut Text<'_>) {
        text.field("Size", overview.bytes);
        text.field("Partitions", overview.partitions);
        text.field("Rows", overview.rows);
        text.field("Tombstones", overview.tombstones);
        text.field("Cells", overview.cells);
        let leader = |top: &TopPartition| format!("  [{}] {}", self.key_text(&top.key), top.value);
        text.field("Widest Partitions", "");
        for top in &overview.widest {
            text.line(&leader(top));
        }
        text.field("Largest Partitions", "");
        for top in &overview.largest {
            let size = byte_size(top.value).unwrap_or_else(|| "null".to_owned());
            text.line(&format!("{} ({size})", leader(top)));
        }
        let leaders: Vec<String> = overview.most_tombstones.iter().map(leader).collect();
        // Cassandra leaves out what has no more than ten characters, all ends of lines among them.
        if leaders.iter().map(|leader| leader.chars().count() + 1).sum::<usize>() > 10 {
            text.field("Tombstone Leaders", "");
            for leader in leaders {
                text.line(&leader);
            }
        }
    }

    /// Prints the bounds of times, keys and clusterings.
    fn push_bounds(&self, unit: TimestampUnit, text: &mut Text<'_>) {
        let stats = &self.statistics.stats;
        text.timestamp("Minimum timestamp", stats.min_timestamp, unit);
        text.timestamp("Maximum timestamp", stats.max_timestamp, unit);
        let seconds = unit.millis(stats.max_timestamp.0.wrapping_sub(stats.min_timestamp.0)) / 1000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let duration = format!("Days: {days} Hours: {hours} Minutes: {minutes} Seconds: {}", seconds % 60);
        text.field("Duration", duration);
        text.deletion("SSTable min local deletion time", stats.min_local_deletion_time);
        text.deletion("SSTable max local deletion time", stats.max_local_deletion_time);
        match &self.compression {
            None => text.field("Compressor", "-"),
            Some(info) => {
                let codec = Codec::from_class(&info.class);
                let class = codec.map_or(info.class.as_str(), |codec| codec.class_name());
                text.field("Compressor", class);
                text.field("Compression ratio", double(stats.compression_ratio.unwrap_or(-1.0)));
            }
        }
        text.ttl("TTL min", stats.min_ttl);
        text.ttl("TTL max", stats.max_ttl);
        if let Some((first, last)) = &self.key_range {
            for (name, key) in [("First token", first), ("Last token", last)] {
                if let Some(token) = self.token_text(key) {
                    text.commented(name, Some(&token), Some(&self.key_text(key)));
                }
            }
        }
        text.field("Covered clusterings", self.covered());
    }

    fn covered(&self) -> String {
        let covered = &self.statistics.stats.covered_clusterings;
        let (start, end) = (&covered.start, &covered.end);
        // If the slice itself is stored, one without bounds is printed as such.
        let is_stored = self.descriptor.version.has_improved_min_max();
        if !is_stored && start.values.is_empty() && end.values.is_empty() {
            return "ALL".to_owned();
        }
        let mut text = if start.inclusive { "[" } else { "(" }.to_owned();
        self.push_bound(start, &mut text);
        text.push_str(", ");
        self.push_bound(end, &mut text);
        text.push(if end.inclusive { ']' } else { ')' });
        text
    }

    fn push_bound(&self, bound: &CoveredBound, out: &mut String) {
        for (index, text) in self.bound_texts(bound).enumerate() {
            out.push_str(if index == 0 { "" } else { ":" });
            out.push_str(text.as_deref().unwrap_or("null"));
        }
    }

    /// The values of a bound as text, `None` for null.
    pub(super) fn bound_texts(&self, bound: &CoveredBound) -> impl Iterator<Item = Option<String>> {
        let types = self.statistics.header.clustering_types.iter().map(Some).chain(std::iter::repeat(None));
        bound.values.iter().zip(types).map(|(value, class)| {
            let mut text = String::new();
            match class.and_then(|class| Type::parse_class(class).ok()) {
                Some(ty) => push_plain(&ty, value.as_ref()?, &mut text),
                None => Hex(value.as_ref()?).push(&mut text),
            }
            Some(text)
        })
    }

    fn push_state(&self, options: MetadataOptions, text: &mut Text<'_>) {
        let stats = &self.statistics.stats;
        text.field("Estimated droppable tombstones", double(self.droppable_tombstone_ratio(options)));
        text.field("SSTable Level", stats.level);
        let repaired = (stats.repaired_at_ms != 0).then(|| date(stats.repaired_at_ms));
        text.commented("Repaired at", Some(&stats.repaired_at_ms.to_string()), repaired.as_deref());
        let ids = [stats.originating_host_id, stats.pending_repair];
        let [host, repair] = ids.map(|id| id.map_or_else(|| "--".to_owned(), |id| id.to_string()));
        text.field("Originating host id", host);
        text.field("Pending repair", repair);
        let intervals = stats.commit_log_intervals.iter();
        let intervals: Vec<String> = intervals
            .map(|interval| format!("{}={}", position(interval.start), position(interval.end)))
            .collect();
        text.field("Replay positions covered", format!("{{{}}}", intervals.join(", ")));
        text.field("totalColumnsSet", stats.columns_set);
        text.field("totalRows", stats.rows);
    }

    fn push_histograms(&self, options: MetadataOptions, text: &mut Text<'_>) {
        let stats = &self.statistics.stats;
        let bars = options.bars;
        let mut times: Vec<(u64, u64)> = Vec::new();
        for (point, count) in stats.tombstone_drop_times.bins() {
            times.push((u64::from(point.0), u64::from(count)));
        }
        text.field("Estimated tombstone drop times", "");
        let drop_time = |second: u64| {
            let millis = i64::try_from(second).unwrap_or(i64::MAX).saturating_mul(1000);
            in_brackets(second, (second != 0).then(|| date(millis)))
        };
        histogram::push("Drop Time", &times, drop_time, bars, text.out);
        text.field("Partition Size", "");
        let size = |bytes| in_brackets(bytes, byte_size(bytes));
        histogram::push("Size (bytes)", &filled(&stats.partition_sizes), size, bars, text.out);
        text.field("Column Count", "");
        let cells = filled(&stats.cells_per_partition);
        histogram::push("Columns", &cells, |count| count.to_string(), bars, text.out);
    }

    /// About how many partitions there are; `None` if that is not in the file or not readable.
    #[must_use]
    pub fn estimated_partitions(&self) -> Option<u64> {
        let cardinality = &self.statistics.compaction.cardinality;
        Cardinality::decode(cardinality).ok().map(|cardinality| cardinality.estimate())
    }

    fn push_header(&self, unit: TimestampUnit, text: &mut Text<'_>) {
        let header = &self.statistics.header;
        text.ttl("EncodingStats minTTL", header.min_ttl);
        let base = header.min_local_deletion_time.0;
        let base = match self.descriptor.version.has_uint_deletion_time() {
            true => i64::from(base),
            // Old files hold negative ones (CASSANDRA-14092).
            false => i64::from(base.cast_signed()),
        };
        text.dated("EncodingStats minLocalDeletionTime", base);
        text.timestamp("EncodingStats minTimestamp", header.min_timestamp, unit);
        text.field("KeyType", class_text(&header.key_type));
        let clustering: Vec<String> = header.clustering_types.iter().map(|class| class_text(class)).collect();
        text.field("ClusteringTypes", format!("[{}]", clustering.join(", ")));
        text.field("StaticColumns", columns(&header.static_columns));
        text.field("RegularColumns", columns(&header.regular_columns));
    }
}

/// Columns with their types, in the order of a Java map.
fn columns(columns: &[(Vec<u8>, String)]) -> String {
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let mut columns: Vec<(String, String)> =
        columns.iter().map(|(column, class)| (name(column), class_text(class))).collect();
    hash_map_order(&mut columns);
    let columns: Vec<String> = columns.into_iter().map(|(name, class)| format!("{name}:{class}")).collect();
    columns.join(", ")
}

/// The buckets that hold something, but for what lies above all offsets.
fn filled(histogram: &EstimatedHistogram) -> Vec<(u64, u64)> {
    histogram.buckets().filter_map(|(end, count)| end.filter(|_| count > 0).map(|end| (end, count))).collect()
}

fn in_brackets(number: u64, comment: Option<String>) -> String {
    comment.map_or_else(|| format!("{number} "), |comment| format!("{number} ({comment})"))
}

fn position(position: LogPosition) -> String {
    let (segment, offset) = (position.segment.cast_signed(), position.offset.cast_signed());
    format!("CommitLogPosition(segmentId={segment}, position={offset})")
}

struct Text<'a> {
    out: &'a mut String,
}

impl Text<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.line(&format!("{name}: {value}"));
    }

    /// A null value is printed as two dashes.
    fn commented(&mut self, name: &str, value: Option<&str>, comment: Option<&str>) {
        let value = value.unwrap_or("--");
        match comment {
            None => self.field(name, value),
            Some(comment) => self.field(name, format_args!("{value} ({comment})")),
        }
    }

    fn timestamp(&mut self, name: &str, timestamp: Timestamp, unit: TimestampUnit) {
        let date = (timestamp.0 != 0).then(|| date(unit.millis(timestamp.0)));
        self.commented(name, date.as_deref(), Some(&timestamp.0.to_string()));
    }

    fn deletion(&mut self, name: &str, time: LocalDeletionTime) {
        match time {
            LocalDeletionTime::NONE => self.field(name, format_args!("no tombstones ({})", i64::MAX)),
            LocalDeletionTime(0) => self.field(name, "no tombstones (0)"),
            _ => self.dated(name, i64::from(time.0)),
        }
    }

    fn dated(&mut self, name: &str, second: i64) {
        let date = (second != 0).then(|| date(second * 1000));
        self.commented(name, date.as_deref(), Some(&second.to_string()));
    }

    fn ttl(&mut self, name: &str, seconds: u32) {
        const NEVER: u32 = i32::MAX.cast_unsigned();
        let words = match seconds {
            0 => None,
            NEVER => Some("never".to_owned()),
            _ => Some(duration_words(u64::from(seconds))),
        };
        self.commented(name, Some(&seconds.to_string()), words.as_deref());
    }
}
