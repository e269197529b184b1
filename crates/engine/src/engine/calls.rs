//! The calls in flight, and their end by closing or a panic.
//!
//! Every call that may have an effect (on the disk, on reads) registers itself while it runs.
//! Closing refuses the calls that come later, lets those in flight end, and only then touches log,
//! manifest and lock: so this database can't write into a directory that another process has opened
//! since.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};

/// Set once the database is being closed. The other bits count calls in flight.
const CLOSING: usize = 1 << (usize::BITS - 1);

/// Counts calls in flight.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    state: AtomicUsize,
    /// Whether closing has ended.
    closed: Mutex<bool>,
    /// Notified when the last call in flight ended after closing began, and when closing has ended.
    ended: Condvar,
    /// The panic that put the state in doubt.
    poison: OnceLock<String>,
}

/// A call in flight.
#[derive(Debug)]
pub(crate) struct CallInFlight<'a> {
    calls: &'a Calls,
    /// Whether the thread was panicking already: then the panic is not this call's.
    was_panicking: bool,
}

impl Calls {
    /// Registers a call; `None` once closing has begun.
    #[inline]
    pub(crate) fn enter(&self) -> Option<CallInFlight<'_>> {
        // The guard first: its drop takes the count back when the call is refused.
        let call = CallInFlight { calls: self, was_panicking: std::thread::panicking() };
        let before = self.state.fetch_add(1, Acquire);
        assert!(before & !CLOSING < CLOSING - 1, "more calls in flight than there can be threads");
        (before & CLOSING == 0).then_some(call)
    }

    /// Refuses calls from now on; false if that was so already.
    pub(crate) fn begin_closing(&self) -> bool {
        self.state.fetch_or(CLOSING, AcqRel) & CLOSING == 0
    }

    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.state.load(Acquire) & CLOSING != 0
    }

    /// Waits until no call is in flight. Only for the caller that began closing.
    pub(crate) fn wait_for_those_in_flight(&self) {
        debug_assert!(self.is_closing(), "otherwise more may come");
        let mut closed = self.closed.lock();
        while self.state.load(Acquire) != CLOSING {
            self.ended.wait(&mut closed);
        }
    }

    /// Closing has ended.
    pub(crate) fn end_closing(&self) {
        *self.closed.lock() = true;
        self.ended.notify_all();
    }

    /// Waits until the caller that began closing has ended it.
    pub(crate) fn wait_until_closed(&self) {
        let mut closed = self.closed.lock();
        while !*closed {
            self.ended.wait(&mut closed);
        }
    }

    /// Records a panic half way through a change: memory is in doubt.
    pub(crate) fn poison(&self, what: String) {
        if self.poison.set(what).is_ok()
            && let Some(what) = self.poison.get()
        {
            tracing::error!(what, "the database takes no more writes");
        }
    }

    /// Refuses if memory is in doubt.
    #[inline]
    pub(crate) fn check_sound(&self) -> Result<()> {
        match self.poisoned() {
            None => Ok(()),
            Some(what) => {
                Err(Error::new(ErrorKind::Bug, format!("{what}: close the database and open it again")))
            }
        }
    }

    /// The first panic, if there was one.
    #[inline]
    pub(crate) fn poisoned(&self) -> Option<&str> {
        self.poison.get().map(String::as_str)
    }
}

impl Drop for CallInFlight<'_> {
    fn drop(&mut self) {
        if !self.was_panicking && std::thread::panicking() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("without a name");
            self.calls.poison(format!("a call panicked (in the thread {name})"));
        }
        if self.calls.state.fetch_sub(1, Release) == CLOSING | 1 {
            // Under the lock, so that a waiting caller does not miss it.
            let _closed = self.calls.closed.lock();
            self.calls.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_refuses_new_calls_and_waits_for_old_ones() {
        let calls = Calls::default();
        let call = calls.enter().unwrap();
        assert!(calls.begin_closing());
        assert!(!calls.begin_closing());
        assert!(calls.enter().is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| calls.wait_for_those_in_flight());
            let second = scope.spawn(|| calls.wait_until_closed());
            assert!(calls.enter().is_none());
            drop(call);
            waiting.join().unwrap();
            calls.end_closing();
            second.join().unwrap();
        });
    }

    #[test]
    fn a_panic_in_a_call_poisons() {
        let calls = Calls::default();
        let panicked = std::thread::scope(|scope| {
            let run = || {
                let _call = calls.enter();
                panic!("on purpose");
            };
            scope.spawn(run).join().is_err()
        });
        assert!(panicked);
        assert!(calls.poisoned().unwrap().contains("a call panicked"));
        assert!(calls.begin_closing());
        calls.wait_for_those_in_flight();
    }
}
