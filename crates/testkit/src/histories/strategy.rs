//! Histories for `proptest`, which shrink by dropping operations.

use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::generate::{Profile, generate};
use super::op::{History, Op};

/// All histories of a profile.
#[must_use]
pub fn histories(profile: Profile) -> HistoryStrategy {
    HistoryStrategy { profile }
}

/// See [`histories`].
#[derive(Debug, Clone)]
pub struct HistoryStrategy {
    profile: Profile,
}

impl Strategy for HistoryStrategy {
    type Tree = HistoryTree;
    type Value = History;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<HistoryStrategy> {
        let seed = proptest::num::u64::ANY.new_tree(runner)?.current();
        Ok(HistoryTree { history: generate(&self.profile, seed), next: 0, dropped: None })
    }
}

/// A history and the operation that would be dropped next.
#[derive(Debug, Clone)]
pub struct HistoryTree {
    history: History,
    next: usize,
    dropped: Option<(usize, Op)>,
}

impl ValueTree for HistoryTree {
    type Value = History;

    fn current(&self) -> History {
        self.history.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.next >= self.history.ops.len() {
            return false;
        }
        self.dropped = Some((self.next, self.history.ops.remove(self.next)));
        true
    }

    fn complicate(&mut self) -> bool {
        let Some((index, op)) = self.dropped.take() else { return false };
        // The failure needs this operation: keep it and continue with the next one.
        self.history.ops.insert(index, op);
        self.next = index + 1;
        true
    }
}
