//! Closing: memory is flushed, and the directory is released.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::write_side::WriteSide;
use crate::error::{Error, ErrorKind, Result};

/// Closing that has begun: it ends with this, however that comes about.
struct Closing<'a>(&'a WriteSide);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.lock.lock().take();
        self.0.calls.end_closing();
    }
}

impl WriteSide {
    /// Refuses all later calls, waits for those in flight, flushes, syncs, and lets others open the
    /// directory. If another thread is closing it already, waits for that to end.
    pub(crate) fn close(&self) -> Result<()> {
        if !self.calls.begin_closing() {
            self.calls.wait_until_closed();
            return Ok(());
        }
        self.set.close();
        let closing = Closing(self);
        self.end_calls();
        let outcome = match self.check_sound() {
            Ok(()) => self.put_away(),
            Err(error) => {
                // The memtables are in doubt: the log has their data, and is made durable if
                // possible.
                let synced = catch_unwind(AssertUnwindSafe(|| self.log().map(|log| log.sync())));
                if !matches!(synced, Ok(None | Some(Ok(_)))) {
                    tracing::error!("the log could not be synced");
                }
                Err(error)
            }
        };
        drop(closing);
        match &outcome {
            Ok(()) => tracing::info!(dir = %self.set.dir.display(), "closed"),
            Err(error) => tracing::warn!(dir = %self.set.dir.display(), %error, "closed"),
        }
        outcome
    }

    /// Drops the last handle. Nothing is written: the log has everything acknowledged.
    pub(crate) fn shut(&self) {
        if self.calls.begin_closing() {
            self.set.close();
            self.end_calls();
            self.calls.end_closing();
        }
    }

    /// Ends the calls in flight and the threads. From then on only the closing caller changes
    /// anything on the disk.
    fn end_calls(&self) {
        self.scheduler.stop();
        self.pressure.wake();
        self.calls.wait_for_those_in_flight();
        self.scheduler.join();
    }

    fn put_away(&self) -> Result<()> {
        let flushed = self.flush_tables(&self.set.all_tables());
        let closed = self.log().map_or(Ok(()), |log| log.close());
        if let Err(error) = self.write_stale_schema_copy() {
            tracing::warn!(%error, "schema.cql is not what the schema is");
        }
        let rewritten = self.close_manifest();
        flushed?;
        closed?;
        rewritten?;
        self.check_suspects()
    }

    /// Writes into the manifest that the log holds nothing any more, if that is so.
    fn close_manifest(&self) -> Result<()> {
        self.check_lock()?;
        let is_needed = self.log().is_some_and(|log| !log.dirty_tags_of_oldest().is_empty());
        if is_needed { Ok(()) } else { Ok(self.manifest.lock().close()?) }
    }

    /// Says which SSTables compactions found damaged.
    fn check_suspects(&self) -> Result<()> {
        let tables = self.set.all_tables();
        let suspects = tables.iter().flat_map(|core| self.suspects_of(core));
        let damaged: Vec<String> = suspects
            .filter(|(_, failure)| failure.error.kind() == ErrorKind::Corrupt)
            .map(|(_, failure)| failure.error.to_string())
            .collect();
        if damaged.is_empty() {
            return Ok(());
        }
        let text = format!("the database is closed; SSTables in it are damaged: {}", damaged.join("; "));
        Err(Error::new(ErrorKind::Corrupt, text))
    }
}
