//! Runs a check over many histories, and makes the failing one small.

use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::histories::{History, Profile, generate};

/// A number from the environment, as `HELENUS_HISTORIES=100000`; `default` if it is not there or no
/// number.
#[must_use]
pub fn count_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a check over the histories of the default [`Profile`]; see [`for_each_case`].
///
/// # Panics
/// If the check fails for one of them.
pub fn for_each_history(count: u64, check: impl Fn(u64, &History) -> Result<(), String>) {
    for_each_history_of(&Profile::default(), count, check);
}

/// Runs a check over the histories of the seeds 0 to `count`; see [`for_each_case`].
///
/// # Panics
/// If the check fails for one of them.
pub fn for_each_history_of(
    profile: &Profile,
    count: u64,
    check: impl Fn(u64, &History) -> Result<(), String>,
) {
    for_each_case("HELENUS_HISTORIES", count, |seed| generate(profile, seed), check);
}

/// What a seed makes and a failure is made smaller in: steps, one after the other.
pub trait Case: Display + Sized {
    /// How many steps there are.
    fn steps(&self) -> usize;

    /// The same without `count` steps from `start` on.
    #[must_use]
    fn without(&self, start: usize, count: usize) -> Self;
}

impl Case for History {
    fn steps(&self) -> usize {
        self.ops.len()
    }

    fn without(&self, start: usize, count: usize) -> Self {
        self.with_ops(without(&self.ops, start, count))
    }
}

/// Runs a check over the cases of the seeds 0 to `count`, or from `HELENUS_SEED` on, so that
/// another run sees others and a failure is repeated: `counted_by` names the variable that `count`
/// was read from.
///
/// # Panics
/// If the check returns an error or panics: with the seed, the smallest case found that still
/// fails, and why it does.
pub fn for_each_case<C: Case>(
    counted_by: &str,
    count: u64,
    make: impl Fn(u64) -> C,
    check: impl Fn(u64, &C) -> Result<(), String>,
) {
    let first = count_from_env("HELENUS_SEED", 0);
    for seed in (0..count).map(|n| first.wrapping_add(n)) {
        let case = make(seed);
        let check = |case: &C| check(seed, case);
        if let Err(why) = outcome(&check, &case) {
            let steps = case.steps();
            let (small, why) = shrink(case, why, &check);
            panic!(
                "a case fails; repeat with HELENUS_SEED={seed} {counted_by}=1\n\
                 shrunk from {steps} steps to {}:\n{small}\n{why}",
                small.steps()
            );
        }
    }
}

/// Drops steps from a case that fails for the reason `why` while it still fails, by halves first,
/// then one by one. Returns the smallest found and why it fails.
fn shrink<C: Case>(case: C, why: String, check: &impl Fn(&C) -> Result<(), String>) -> (C, String) {
    let (mut small, mut why) = (case, why);
    let mut length = small.steps().div_ceil(2);
    while length > 0 {
        let (mut start, before) = (0, small.steps());
        while start < small.steps() {
            let shorter = small.without(start, length);
            match outcome(check, &shorter) {
                Err(reason) => (small, why) = (shorter, reason),
                Ok(()) => start += length,
            }
        }
        // One pass that drops something may make room for another.
        if length > 1 || small.steps() == before {
            length /= 2;
        }
    }
    (small, why)
}

/// The list without `count` of its items from `start` on.
#[must_use]
pub fn without<T: Clone>(items: &[T], start: usize, count: usize) -> Vec<T> {
    items.iter().take(start).chain(items.iter().skip(start + count)).cloned().collect()
}

thread_local! {
    static IS_CHECKING: Cell<bool> = const { Cell::new(false) };
}

/// The result of the check; a panic is an error too, and is not printed, since shrinking makes
/// hundreds.
fn outcome<C>(check: &impl Fn(&C) -> Result<(), String>, case: &C) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_CHECKING.get() {
                usual(info);
            }
        }));
    });
    IS_CHECKING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(case)));
    IS_CHECKING.set(false);
    outcome.unwrap_or_else(|payload| Err(message(payload.as_ref())))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text =
        payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::{Action, Op};

    fn is_partition_deletion(op: &Op) -> bool {
        op.action == Action::DeletePartition
    }

    #[test]
    fn shrinking_leaves_only_what_fails() {
        let profile = Profile { max_ops: 60, ..Profile::default() };
        let check = |history: &History| -> Result<(), String> {
            assert!(history.ops.iter().filter(|op| is_partition_deletion(op)).count() < 2, "two of them");
            Ok(())
        };
        let history =
            (0..).map(|seed| generate(&profile, seed)).find(|h| outcome(&check, h).is_err()).unwrap();
        let (small, why) = shrink(history, String::new(), &check);
        assert_eq!(small.ops.len(), 2);
        assert!(small.ops.iter().all(is_partition_deletion));
        assert_eq!(why, "panic: two of them");
    }

    #[test]
    #[should_panic(expected = "HELENUS_SEED=0")]
    fn a_failure_names_the_seed() {
        for_each_history(10, |_, _| Err("no".to_owned()));
    }
}
