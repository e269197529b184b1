//! The same as one JSON object, for programs.
//!
//! Names and meanings stay as they are from release to release; members may be added. Times are
//! numbers in the units of the files: timestamps as the clients sent them, local deletion times and
//! TTLs in seconds, `repaired_at` in milliseconds, all since 1970. What a file doesn't have is
//! `null`.

use helenus_sstable::{CompressionInfo, CoveredBound, EstimatedHistogram};
use helenus_types::{Hex, JsonObject, LocalDeletionTime, LogPosition, push_json_list, push_json_string};

use super::java::double;
use super::{Metadata, MetadataOptions, Overview, TopPartition, class_text};

impl Metadata {
    /// Appends all of it as one JSON object in one line; with what a scan found, if there was one.
    /// Of `options` no more counts than what makes tombstones droppable.
    pub fn push_json(&self, options: MetadataOptions, overview: Option<&Overview>, out: &mut String) {
        let mut json = JsonObject::new(out);
        let path = self.descriptor.dir.join(self.descriptor.to_string());
        json.text("sstable", &path.to_string_lossy());
        json.text("version", &self.descriptor.version.to_string());
        json.text("format", &self.descriptor.version.format().to_string());
        self.json_keys(&mut json);
        self.json_times(&mut json);
        self.json_covered(&mut json);
        self.json_tombstones(options, &mut json);
        self.json_counts(&mut json);
        self.json_history(&mut json);
        match &self.compression {
            None => json.null("compression"),
            Some(info) => self.json_compression(info, json.member("compression")),
        }
        self.json_header(json.member("header"));
        match overview {
            None => json.null("scan"),
            Some(overview) => self.json_overview(overview, json.member("scan")),
        }
        json.end();
    }

    fn json_keys(&self, json: &mut JsonObject<'_>) {
        let validation = &self.statistics.validation;
        json.text("partitioner", &validation.partitioner);
        finite(json, "bloom_filter_fp_chance", Some(validation.bloom_filter_fp_chance));
        let (first, last) = self.key_range.as_ref().map(|(first, last)| (first, last)).unzip();
        for (name, key) in [("first_key", first), ("last_key", last)] {
            match key {
                None => json.null(name),
                Some(key) => self.json_key(key, json.member(name)),
            }
        }
        finite(json, "token_space_coverage", self.statistics.stats.token_space_coverage);
        json.optional("estimated_partitions", self.estimated_partitions());
    }

    fn json_key(&self, key: &[u8], out: &mut String) {
        let mut json = JsonObject::new(out);
        self.json_key_members(key, &mut json);
        json.end();
    }

    fn json_key_members(&self, key: &[u8], json: &mut JsonObject<'_>) {
        json.text("text", &self.key_text(key));
        json.text("hex", &Hex(key).to_string());
        match self.token_text(key) {
            // A number in quotes, as those of RandomPartitioner are too large for most programs.
            Some(token) => json.text("token", &token),
            None => json.null("token"),
        }
    }

    fn json_times(&self, json: &mut JsonObject<'_>) {
        let stats = &self.statistics.stats;
        json.value("min_timestamp", stats.min_timestamp.0);
        json.value("max_timestamp", stats.max_timestamp.0);
        json.optional("min_local_deletion_time", seconds(stats.min_local_deletion_time));
        json.optional("max_local_deletion_time", seconds(stats.max_local_deletion_time));
        json.value("min_ttl", stats.min_ttl);
        json.value("max_ttl", stats.max_ttl);
    }

    fn json_covered(&self, json: &mut JsonObject<'_>) {
        let covered = &self.statistics.stats.covered_clusterings;
        let mut inner = JsonObject::new(json.member("covered_clusterings"));
        self.json_bound(&covered.start, inner.member("start"));
        self.json_bound(&covered.end, inner.member("end"));
        inner.end();
    }

    fn json_bound(&self, bound: &CoveredBound, out: &mut String) {
        let mut json = JsonObject::new(out);
        json.value("inclusive", bound.inclusive);
        push_json_list(json.member("values"), self.bound_texts(bound), |text, out| match text {
            None => out.push_str("null"),
            Some(text) => push_json_string(&text, out),
        });
        json.end();
    }

    fn json_tombstones(&self, options: MetadataOptions, json: &mut JsonObject<'_>) {
        let stats = &self.statistics.stats;
        json.value("has_partition_level_deletions", stats.has_partition_level_deletions);
        finite(json, "estimated_droppable_tombstones", Some(self.droppable_tombstone_ratio(options)));
        let bins = stats.tombstone_drop_times.bins().map(|(time, count)| (time.0, count));
        pairs(json.member("tombstone_drop_times"), bins);
    }

    fn json_counts(&self, json: &mut JsonObject<'_>) {
        let stats = &self.statistics.stats;
        json.value("rows", stats.rows);
        json.value("columns_set", stats.columns_set);
        json_histogram(&stats.partition_sizes, json.member("partition_sizes"));
        json_histogram(&stats.cells_per_partition, json.member("cells_per_partition"));
        json.value("has_legacy_counter_shards", stats.has_legacy_counter_shards);
    }

    fn json_history(&self, json: &mut JsonObject<'_>) {
        let stats = &self.statistics.stats;
        json.value("level", stats.level);
        json.value("repaired_at", stats.repaired_at_ms);
        for (name, id) in
            [("pending_repair", stats.pending_repair), ("originating_host_id", stats.originating_host_id)]
        {
            match id {
                None => json.null(name),
                Some(id) => json.text(name, &id.to_string()),
            }
        }
        json.value("is_transient", stats.is_transient);
        push_json_list(json.member("commit_log_intervals"), &stats.commit_log_intervals, |interval, out| {
            let mut json = JsonObject::new(out);
            position(interval.start, json.member("start"));
            position(interval.end, json.member("end"));
            json.end();
        });
    }

    fn json_compression(&self, info: &CompressionInfo, out: &mut String) {
        let mut json = JsonObject::new(out);
        json.text("class", &info.class);
        let mut options = JsonObject::new(json.member("options"));
        for (name, value) in &info.options {
            options.text(name, value);
        }
        options.end();
        finite(&mut json, "ratio", self.statistics.stats.compression_ratio);
        json.value("chunk_length", info.chunk_len);
        json.value("max_compressed_length", info.max_compressed);
        json.value("data_length", info.data_len);
        json.value("chunks", info.offsets.len());
        json.end();
    }

    fn json_header(&self, out: &mut String) {
        let header = &self.statistics.header;
        let mut json = JsonObject::new(out);
        json.value("min_timestamp", header.min_timestamp.0);
        json.value("min_local_deletion_time", header.min_local_deletion_time.0);
        json.value("min_ttl", header.min_ttl);
        json.text("key_type", &class_text(&header.key_type));
        push_json_list(json.member("clustering_types"), &header.clustering_types, |class, out| {
            push_json_string(&class_text(class), out);
        });
        for (name, columns) in
            [("static_columns", &header.static_columns), ("regular_columns", &header.regular_columns)]
        {
            push_json_list(json.member(name), columns, |(name, class), out| {
                let mut json = JsonObject::new(out);
                json.text("name", &String::from_utf8_lossy(name));
                json.text("type", &class_text(class));
                json.end();
            });
        }
        json.end();
    }

    fn json_overview(&self, overview: &Overview, out: &mut String) {
        let mut json = JsonObject::new(out);
        json.value("bytes", overview.bytes);
        json.value("partitions", overview.partitions);
        json.value("rows", overview.rows);
        json.value("tombstones", overview.tombstones);
        json.value("cells", overview.cells);
        let tops: [(&str, &str, &[TopPartition]); 3] = [
            ("widest_partitions", "rows", &overview.widest),
            ("largest_partitions", "bytes", &overview.largest),
            ("most_tombstones", "tombstones", &overview.most_tombstones),
        ];
        for (name, what, top) in tops {
            push_json_list(json.member(name), top, |top, out| {
                let mut json = JsonObject::new(out);
                self.json_key_members(&top.key, &mut json);
                json.value(what, top.value);
                json.end();
            });
        }
        json.end();
    }
}

/// Seconds, `None` where nothing is deleted or expires.
fn seconds(time: LocalDeletionTime) -> Option<u32> {
    (time != LocalDeletionTime::NONE).then_some(time.0)
}

fn position(position: LogPosition, out: &mut String) {
    let mut json = JsonObject::new(out);
    json.value("segment", position.segment.cast_signed());
    json.value("position", position.offset.cast_signed());
    json.end();
}

/// Pairs of upper end and count, of the buckets that hold something; the end of what lies above all
/// is null.
fn json_histogram(histogram: &EstimatedHistogram, out: &mut String) {
    push_json_list(out, histogram.buckets().filter(|(_, count)| *count > 0), |(end, count), out| match end {
        Some(end) => out.push_str(&format!("[{end},{count}]")),
        None => out.push_str(&format!("[null,{count}]")),
    });
}

fn pairs(out: &mut String, pairs: impl Iterator<Item = (u32, u32)>) {
    push_json_list(out, pairs, |(point, count), out| out.push_str(&format!("[{point},{count}]")));
}

/// A number, or null where JSON has none for it.
fn finite(json: &mut JsonObject<'_>, name: &str, value: Option<f64>) {
    json.optional(name, value.filter(|value| value.is_finite()).map(double));
}
