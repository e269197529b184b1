//! Runs a check over many histories, and makes the failing one small.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::histories::{History, Op, Profile, generate};

/// A number from the environment, as `HELENUS_HISTORIES=100000`; `default` if it is not there or no
/// number.
#[must_use]
pub fn count_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a check over the histories of the default [`Profile`]; see [`for_each_history_of`].
///
/// # Panics
/// If the check fails for one of them.
pub fn for_each_history(count: u64, check: impl Fn(u64, &History) -> Result<(), String>) {
    for_each_history_of(&Profile::default(), count, check);
}

/// Runs a check over the histories of the seeds 0 to `count`, or from `HELENUS_SEED` on, so that
/// another run sees others and a failure is repeated with
/// `HELENUS_SEED=<seed> HELENUS_HISTORIES=1`.
///
/// # Panics
/// If the check returns an error or panics: with the seed, the smallest history found that still
/// fails, and why it does.
pub fn for_each_history_of(
    profile: &Profile,
    count: u64,
    check: impl Fn(u64, &History) -> Result<(), String>,
) {
    let first = count_from_env("HELENUS_SEED", 0);
    for seed in (0..count).map(|n| first.wrapping_add(n)) {
        let history = generate(profile, seed);
        if outcome(&check, &history).is_err() {
            let (small, why) = shrink(&history, &check);
            panic!(
                "a history fails; repeat with HELENUS_SEED={seed} HELENUS_HISTORIES=1\n\
                 shrunk from {} operations to {}:\n{small}\n{why}",
                history.ops.len(),
                small.ops.len()
            );
        }
    }
}

/// Drops operations from a failing history while it still fails, by halves first, then one by one.
/// Returns the smallest found and why it fails (the empty text if it does not).
pub fn shrink(history: &History, check: &impl Fn(u64, &History) -> Result<(), String>) -> (History, String) {
    let mut small = history.clone();
    let mut why = outcome(check, &small).err().unwrap_or_default();
    let mut length = small.ops.len().div_ceil(2);
    while length > 0 {
        let (mut start, before) = (0, small.ops.len());
        while start < small.ops.len() {
            let shorter = small.with_ops(without(&small.ops, start, length));
            match outcome(check, &shorter) {
                Err(reason) => (small, why) = (shorter, reason),
                Ok(()) => start += length,
            }
        }
        // One pass that drops something may make room for another.
        if length > 1 || small.ops.len() == before {
            length /= 2;
        }
    }
    (small, why)
}

fn without(ops: &[Op], start: usize, length: usize) -> Vec<Op> {
    ops.iter().take(start).chain(ops.iter().skip(start + length)).cloned().collect()
}

thread_local! {
    static IS_CHECKING: Cell<bool> = const { Cell::new(false) };
}

/// The result of the check; a panic is an error too, and is not printed, since shrinking makes
/// hundreds.
fn outcome(check: &impl Fn(u64, &History) -> Result<(), String>, history: &History) -> Result<(), String> {
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
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(history.seed, history)));
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
    use crate::histories::Action;

    fn is_partition_deletion(op: &Op) -> bool {
        op.action == Action::DeletePartition
    }

    #[test]
    fn shrinking_leaves_only_what_fails() {
        let profile = Profile { max_ops: 60, ..Profile::default() };
        let check = |_: u64, history: &History| -> Result<(), String> {
            assert!(history.ops.iter().filter(|op| is_partition_deletion(op)).count() < 2, "two of them");
            Ok(())
        };
        let history =
            (0..).map(|seed| generate(&profile, seed)).find(|h| outcome(&check, h).is_err()).unwrap();
        let (small, why) = shrink(&history, &check);
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
