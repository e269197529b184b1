//! Closing: what is in memory is flushed, and the directory is somebody else's afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::inner::Inner;
use crate::error::{Error, ErrorKind, Result};

/// Closing that has begun: it ends with this, however that comes about.
struct Closing<'a>(&'a Inner);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.lock.lock().take();
        self.0.calls.end_closing();
    }
}

impl Inner {
    /// Refuses all later calls, waits for those in flight, flushes, syncs, and lets others open the directory.
    pub(crate) fn close(&self) -> Result<()> {
        if !self.calls.begin_closing() {
            self.calls.wait_until_closed();
            return Ok(());
        }
        let closing = Closing(self);
        self.end_calls();
        let outcome = match self.check_sound() {
            _ if self.options.read_only => Ok(()),
            Ok(()) => self.put_away(),
            Err(error) => {
                // What is in memory is in doubt: the log has it, and is made durable if that can be done.
                let synced = catch_unwind(AssertUnwindSafe(|| self.log().map(|log| log.sync())));
                if !matches!(synced, Ok(None | Some(Ok(_)))) {
                    tracing::error!("the log could not be synced");
                }
                Err(error)
            }
        };
        drop(closing);
        self.let_go();
        match &outcome {
            Ok(()) => tracing::info!(dir = %self.dir.display(), "closed"),
            Err(error) => tracing::warn!(dir = %self.dir.display(), %error, "closed"),
        }
        outcome
    }

    /// The last handle goes. Nothing is written: what was acknowledged is in the log.
    pub(crate) fn shut(&self) {
        if self.calls.begin_closing() {
            self.end_calls();
            self.calls.end_closing();
        }
    }

    /// Ends the calls in flight and the threads. Nothing of this database changes anything on the disk from then on, but
    /// who closes it.
    fn end_calls(&self) {
        self.scheduler.stop();
        self.pressure.wake();
        self.calls.wait_for_those_in_flight();
        self.scheduler.join();
    }

    fn put_away(&self) -> Result<()> {
        let flushed = self.flush_tables(&self.all_tables());
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

    /// Gives memory back that nobody reads any more, also while handles are still around.
    fn let_go(&self) {
        self.cache.clear();
        self.workspaces.clear();
    }

    /// Writes into the manifest that the log holds nothing any more, if that is so.
    fn close_manifest(&self) -> Result<()> {
        self.check_lock()?;
        let is_needed = self.log().is_some_and(|log| !log.dirty_tags_of_oldest().is_empty());
        match self.manifest.lock().as_mut().filter(|_| !is_needed) {
            Some(manifest) => Ok(manifest.close()?),
            None => Ok(()),
        }
    }

    /// Says which SSTables compactions found damaged.
    fn check_suspects(&self) -> Result<()> {
        let tables = self.all_tables();
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
