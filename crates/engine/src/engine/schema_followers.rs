//! Listeners that follow the schema: called with each change once it is durable, in order, under no
//! lock.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use helenus_schema::{Catalog, SchemaChange, SchemaEvent};
use parking_lot::Mutex;

use super::scheduler::text_of;

/// A change of the schema that was made, or a truncation: what one statement did.
#[derive(Clone, Debug)]
pub struct SchemaNotice {
    /// The changes, in order.
    pub changes: Vec<SchemaChange>,
    /// The same as a node tells it to its clients; none for a truncation.
    pub events: Vec<SchemaEvent>,
    /// The schema before it.
    pub before: Arc<Catalog>,
    /// The schema after it.
    pub after: Arc<Catalog>,
}

/// What is called with each change.
pub(crate) type SchemaListener = Arc<dyn Fn(&SchemaNotice) + Send + Sync>;

/// Keeps a listener of [`Database::follow_schema`](crate::Database::follow_schema): once it is
/// dropped, no call of the listener begins, though one that began may still be running.
#[must_use = "nothing is told once it is dropped"]
pub struct SchemaSubscription {
    followers: Arc<SchemaFollowers>,
    number: u64,
    schema: Arc<Catalog>,
}

/// The listeners, and the changes that they have not heard of yet.
#[derive(Default)]
pub(crate) struct SchemaFollowers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By their number, in the order in which they came.
    listeners: BTreeMap<u64, SchemaListener>,
    next_number: u64,
    /// Changes in their order, each for the listeners with a lower number than that.
    untold: VecDeque<(SchemaNotice, u64)>,
    /// Whether a thread calls listeners: it goes on until there is no change left.
    is_telling: bool,
}

impl SchemaFollowers {
    /// Takes in a change; [`deliver`](Self::deliver) tells it. The caller holds the lock of schema
    /// changes, which is the order of the changes.
    pub(super) fn announce(&self, notice: SchemaNotice) {
        let mut state = self.state.lock();
        if !state.listeners.is_empty() {
            let end = state.next_number;
            state.untold.push_back((notice, end));
        }
    }

    /// Tells what was taken in, unless another thread, or a caller of this one, is at it: that one
    /// tells this too. The caller holds no lock.
    pub(super) fn deliver(&self) {
        while let Some((notice, end)) = self.next_untold() {
            let mut next = 0;
            while let Some((number, listener)) = self.listener_in(next, end) {
                next = number + 1;
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(&notice))) {
                    let panic = text_of(&*panic);
                    tracing::error!(panic, "a listener of schema changes panicked");
                }
            }
            self.state.lock().is_telling = false;
        }
    }

    fn next_untold(&self) -> Option<(SchemaNotice, u64)> {
        let mut state = self.state.lock();
        if state.is_telling {
            return None;
        }
        let untold = state.untold.pop_front()?;
        state.is_telling = true;
        Some(untold)
    }

    /// The first listener with a number of that range. It may have gone since the change.
    fn listener_in(&self, start: u64, end: u64) -> Option<(u64, SchemaListener)> {
        let state = self.state.lock();
        state.listeners.range(start..end).next().map(|(number, listener)| (*number, listener.clone()))
    }
}

impl SchemaSubscription {
    /// A listener for all changes after that schema; the caller sees to it that none is under way.
    pub(crate) fn new(
        followers: &Arc<SchemaFollowers>,
        schema: Arc<Catalog>,
        listener: SchemaListener,
    ) -> Self {
        let mut state = followers.state.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.listeners.insert(number, listener);
        drop(state);
        Self { followers: followers.clone(), number, schema }
    }

    /// The schema when the subscription began, to which the first change is made.
    pub fn schema(&self) -> &Arc<Catalog> {
        &self.schema
    }
}

impl Drop for SchemaSubscription {
    fn drop(&mut self) {
        // What the listener owns is dropped without the lock: it may own another subscription.
        let listener = self.followers.state.lock().listeners.remove(&self.number);
        drop(listener);
    }
}

impl fmt::Debug for SchemaSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaSubscription").field("number", &self.number).finish_non_exhaustive()
    }
}

impl fmt::Debug for SchemaFollowers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        let listeners = state.listeners.len();
        f.debug_struct("SchemaFollowers").field("listeners", &listeners).finish_non_exhaustive()
    }
}
