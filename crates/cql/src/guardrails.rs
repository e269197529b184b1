//! Thresholds beyond which an answer warns, or is refused.

use std::collections::BTreeSet;

use helenus_cql_syntax::BatchKind;
use helenus_engine::parts::BatchExtent;

/// Thresholds of requests; those of a new session are Cassandra's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guardrails {
    /// A batch of more bytes over several partitions warns: 5 KiB.
    pub batch_size_warn_bytes: u64,
    /// A batch of more bytes over several partitions is refused: 50 KiB.
    pub batch_size_fail_bytes: u64,
    /// An unlogged batch over more partitions warns: 10.
    pub unlogged_batch_partitions_warn: usize,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            batch_size_warn_bytes: 5 << 10,
            batch_size_fail_bytes: 50 << 10,
            unlogged_batch_partitions_warn: 10,
        }
    }
}

impl Guardrails {
    /// The thresholds under Cassandra's names.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        // Cassandra shows the unit in which a default was given.
        let kib = |bytes: u64| match bytes % 1024 {
            0 => format!("{}KiB", bytes / 1024),
            _ => format!("{bytes}B"),
        };
        [
            ("batch_size_fail_threshold", kib(self.batch_size_fail_bytes)),
            ("batch_size_warn_threshold", kib(self.batch_size_warn_bytes)),
            (
                "unlogged_batch_across_partitions_warn_threshold",
                self.unlogged_batch_partitions_warn.to_string(),
            ),
        ]
        .into_iter()
    }

    /// What is said of a batch of that extent, or why it is refused
    /// (`BatchStatement.verifyBatchSize`, `verifyBatchType`).
    pub(crate) fn check_batch(&self, kind: BatchKind, extent: &BatchExtent) -> Result<Vec<String>, String> {
        let mut warnings = Vec::new();
        if extent.mutations <= 1 {
            return Ok(warnings);
        }
        let tables = listed(&extent.tables);
        let (size, most) = (extent.data_len, self.batch_size_warn_bytes);
        if size > most && size > self.batch_size_fail_bytes {
            return Err("Batch too large".to_owned());
        }
        if size > most {
            warnings.push(format!(
                "Batch for {tables} is of size {size}, exceeding specified threshold of {most} by {}.",
                size - most
            ));
        }
        if kind != BatchKind::Logged && extent.partitions > self.unlogged_batch_partitions_warn {
            warnings.push(format!(
                "Unlogged batch covering {} partitions detected against table{} {tables}. You should use a logged \
                 batch for atomicity, or asynchronous writes for performance.",
                extent.partitions,
                plural(&extent.tables)
            ));
        }
        Ok(warnings)
    }
}

/// The ending of `table`.
pub(crate) fn plural(tables: &BTreeSet<String>) -> &'static str {
    if tables.len() == 1 { "" } else { "s" }
}

/// As Java prints a set.
pub(crate) fn listed(tables: &BTreeSet<String>) -> String {
    format!("[{}]", tables.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}
