//! An allocator that counts what each thread allocates, and keeps the calls that led there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Allocations of so many bytes and more are kept; none while it is zero.
    static KEPT_FROM: Cell<usize> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<Backtrace>> = const { RefCell::new(Vec::new()) };
}

fn note(len: usize) {
    COUNT.set(COUNT.get() + 1);
    let from = KEPT_FROM.get();
    if from != 0 && len >= from {
        // What is done here allocates too.
        KEPT_FROM.set(0);
        let backtrace = Backtrace::force_capture();
        KEPT.with_borrow_mut(|kept| kept.push(backtrace));
        KEPT_FROM.set(from);
    }
}

// SAFETY: all is left to the system's allocator; what is noted touches this thread's cells alone,
// which need no allocation to be there.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// How often this thread allocates in `f`: those of the background are not a caller's.
pub(crate) fn allocations_of(f: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}

/// The calls that led to each allocation of `least_len` bytes or more in `f`.
pub(crate) fn stacks_of(least_len: usize, f: impl FnOnce()) -> Vec<Stack> {
    KEPT_FROM.set(least_len);
    f();
    KEPT_FROM.set(0);
    KEPT.take().iter().map(Stack::new).collect()
}

/// Calls of our own functions, the outermost first, each once.
#[derive(Debug)]
pub(crate) struct Stack(pub(crate) Vec<Call>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its path, without closures: those are of the function that they stand in.
    pub(crate) function: String,
    /// Where it is written; not known without line tables.
    pub(crate) file: Option<String>,
}

impl Stack {
    /// Reads the text of a backtrace: a line `  12: function` for each call, the innermost first,
    /// each followed by a line `at file:line:column` where that is known.
    fn new(backtrace: &Backtrace) -> Self {
        let mut calls: Vec<Call> = Vec::new();
        let mut is_ours = false;
        for line in backtrace.to_string().lines().map(str::trim) {
            if let Some(place) = line.strip_prefix("at ") {
                let file = place.rsplitn(3, ':').last().unwrap_or(place);
                if is_ours && let Some(call) = calls.last_mut() {
                    call.file.get_or_insert_with(|| file.to_owned());
                }
            } else if let Some((_, function)) = line.split_once(": ") {
                let function = function.split("::{{closure}}").next().unwrap_or(function);
                let function = function.split("::{closure#").next().unwrap_or(function);
                is_ours = function.contains("helenus");
                if is_ours {
                    calls.push(Call { function: function.to_owned(), file: None });
                }
            }
        }
        calls.reverse();
        let mut seen = BTreeSet::new();
        calls.retain(|call| seen.insert(call.function.clone()));
        Self(calls)
    }

    /// The calls from the one to the other, both named by the ends of their paths.
    pub(crate) fn between(&self, from: &str, to: &str) -> Option<&[Call]> {
        let at = |name: &str| self.0.iter().position(|call| call.function.ends_with(name));
        self.0.get(at(from)?..=at(to)?)
    }
}
