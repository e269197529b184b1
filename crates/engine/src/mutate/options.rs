//! When a write happened and how long it lives.

use helenus_rows::TableSchema;
use helenus_types::Timestamp;

use super::errors::table_problem;
use crate::error::Result;
use helenus_schema::MAX_TTL_SECONDS;

/// Timestamp and time to live of a write, where they are not to be the database's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) ttl: Option<u32>,
    pub(super) now: Option<u32>,
}

impl WriteOptions {
    /// The database's own timestamp, the table's `default_time_to_live`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Microseconds since 1970. The write with the larger timestamp wins, whichever comes first.
    #[must_use]
    pub fn timestamp(mut self, micros: i64) -> Self {
        self.timestamp = Some(Timestamp(micros));
        self
    }

    /// Seconds after which the written data expires; 0 for never, whatever the table's default.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = Some(seconds);
        self
    }

    /// The second (since 1970) at which the write is carried out, instead of the clock's: what
    /// expires does so a time to live later, and conditions see what hasn't expired then. Of writes
    /// in one batch the first that has one decides.
    #[must_use]
    pub fn now_seconds(mut self, seconds: u32) -> Self {
        self.now = Some(seconds);
        self
    }

    /// These options; those that are not set are taken from `others`.
    #[inline]
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            timestamp: self.timestamp.or(others.timestamp),
            ttl: self.ttl.or(others.ttl),
            now: self.now.or(others.now),
        }
    }

    /// The options that are set.
    pub(crate) fn given(&self) -> (Option<Timestamp>, Option<u32>) {
        (self.timestamp, self.ttl)
    }

    /// Rejects invalid options.
    #[inline]
    pub(crate) fn check(&self, schema: &TableSchema) -> Result<()> {
        if self.timestamp.is_none() && self.ttl.is_none() { Ok(()) } else { self.check_given(schema) }
    }

    #[cold]
    fn check_given(&self, schema: &TableSchema) -> Result<()> {
        if self.timestamp == Some(Timestamp::MIN) {
            return Err(table_problem(
                schema,
                "the smallest timestamp is not one: it stands for no write at all",
            ));
        }
        if let Some(ttl) = self.ttl.filter(|ttl| *ttl > MAX_TTL_SECONDS) {
            let text = format_args!(
                "a time to live of at most {MAX_TTL_SECONDS} s (20 years) was expected, {ttl} found"
            );
            return Err(table_problem(schema, text));
        }
        if schema.is_counter() {
            return Err(table_problem(schema, "a write of counters takes no timestamp and no time to live"));
        }
        Ok(())
    }

    /// Refuses timestamps that SSTables can't keep for the deletion of a partition: its sign bit
    /// says something else there.
    pub(super) fn check_partition_deletion(&self, schema: &TableSchema) -> Result<()> {
        match self.timestamp {
            Some(timestamp) if timestamp.0 < 0 => {
                let text = format_args!(
                    "a partition can't be deleted with a negative timestamp, {} was given",
                    timestamp.0
                );
                Err(table_problem(schema, text))
            }
            _ => Ok(()),
        }
    }
}
