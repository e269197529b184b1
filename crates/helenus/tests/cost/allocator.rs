//! An allocator that counts what each thread allocates, and keeps the calls that led there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Allocations of this size and more are recorded; none while it is zero.
    static KEPT_FROM: Cell<usize> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<Backtrace>> = const { RefCell::new(Vec::new()) };
}

fn note(len: usize) {
    COUNT.set(COUNT.get() + 1);
    let from = KEPT_FROM.get();
    if from != 0 && len >= from {
        // This code allocates too.
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

/// The number of allocations of this thread in `f`; those of background threads are not a caller's.
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

/// Calls of our own functions, the outermost first, each once. A closure is a part of the function
/// that it stands in.
#[derive(Debug)]
pub(crate) struct Stack(pub(crate) Vec<Call>);

/// A function: the file that it is in, such as `engine/mutate/prepared`, and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) file: String,
    pub(crate) name: String,
}

impl Stack {
    fn new(backtrace: &Backtrace) -> Self {
        Self::parse(&backtrace.to_string())
    }

    /// Reads the text of a backtrace: a line `  12: function` for each call, the innermost first.
    /// With line tables a line `at file:line:column` follows it, and the function is a bare name;
    /// without, it is a path, which says the file.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim).peekable();
        let mut calls = Vec::new();
        while let Some(line) = lines.next() {
            let Some((_, function)) = line.split_once(": ") else { continue };
            let place = lines.next_if(|next| next.starts_with("at "));
            let call = match place {
                Some(place) => Call::of_line(place, function),
                None => Call::of_path(function),
            };
            calls.extend(call);
        }
        calls.reverse();
        let mut seen = BTreeSet::new();
        calls.retain(|call| seen.insert(call.clone()));
        Self(calls)
    }

    /// The calls from the one to the other, each a file and a name.
    pub(crate) fn between(&self, from: (&str, &str), to: (&str, &str)) -> Option<&[Call]> {
        let at = |end: (&str, &str)| self.0.iter().position(|call| call.is(end));
        self.0.get(at(from)?..=at(to)?)
    }
}

impl Call {
    pub(crate) fn is(&self, (file, name): (&str, &str)) -> bool {
        self.file == file && self.name == name
    }

    /// `at ./crates/engine/src/mutate/prepared.rs:104:5` and `execute<(i64, i64)>`; `None` for code
    /// that isn't ours, and for closures.
    fn of_line(place: &str, function: &str) -> Option<Self> {
        let path = place.rsplitn(3, ':').last()?;
        let (_, path) = path.rsplit_once("crates/")?;
        let (name, module) = path.split_once("/src/")?;
        let module = module.strip_suffix(".rs")?;
        let module = module.strip_suffix("/mod").unwrap_or(module);
        let head = function.split('<').next()?;
        let function = match head.is_empty() || head.contains("::") {
            true => Self::of_path(function)?.name,
            false => head.to_owned(),
        };
        if function.starts_with('{') {
            return None;
        }
        Some(Self { file: format!("{name}/{module}"), name: function })
    }

    /// `helenus_engine::mutate::prepared::Prepared::execute`, or with `<impl …>` or `<… as …>`
    /// where the type or the trait is elsewhere.
    fn of_path(path: &str) -> Option<Self> {
        let path = path.split("::{{closure}}").next()?;
        let (of, name) = path.rsplit_once("::")?;
        let of = match of.strip_prefix('<').and_then(|of| of.strip_suffix('>')) {
            Some(of) => of.split(" as ").filter(|part| part.starts_with("helenus")).last()?,
            None => of.split("::<impl").next()?,
        };
        // Types begin with a capital.
        let is_module = |part: &&str| part.starts_with(|first: char| first.is_ascii_lowercase());
        let modules: Vec<&str> = of.split("::").take_while(is_module).collect();
        let (name_of_crate, modules) = modules.split_first()?;
        let name_of_crate = name_of_crate.strip_prefix("helenus")?.trim_start_matches('_');
        Some(Self { file: format!("{name_of_crate}/{}", modules.join("/")), name: name.to_owned() })
    }
}

#[test]
fn backtraces_are_read_with_line_tables_and_without() {
    let with = "
   0: append
             at ./crates/commitlog/src/log.rs:200:5
   1: {closure#0}<(i64, i64)>
             at ./crates/engine/src/mutate/prepared.rs:107:40
   2: with_values<i64, i64, (), helenus_engine::mutate::prepared::{impl#1}::execute_with::{closure_env#0}>
             at ./crates/engine/src/mutate/bind.rs:71:17
   3: execute_with<(i64, i64)>
             at ./crates/engine/src/mutate/prepared.rs:107:20
   4: single_rows
             at ./crates/helenus/tests/cost/path.rs:4:5
   5: call_once<fn(), ()>
             at /rustc/library/core/src/ops/function.rs:250:5";
    let without = "
   0: helenus_commitlog::log::CommitLog::append
   1: helenus_engine::mutate::prepared::Prepared::execute_with::{{closure}}
   2: <(A,B) as helenus_engine::mutate::bind::BindValues>::with_values
   3: helenus_engine::mutate::prepared::Prepared::execute_with
   4: cost::path::single_rows
   5: core::ops::function::FnOnce::call_once";
    let call = |file: &str, name: &str| Call { file: file.to_owned(), name: name.to_owned() };
    let expected = [
        call("engine/mutate/prepared", "execute_with"),
        call("engine/mutate/bind", "with_values"),
        call("commitlog/log", "append"),
    ];
    assert_eq!(Stack::parse(with).0, expected);
    assert_eq!(Stack::parse(without).0, expected);
    let moved =
        "   0: helenus_engine::engine::write::<impl helenus_engine::engine::write_side::WriteSide>::insert";
    assert_eq!(Stack::parse(moved).0, [call("engine/engine/write", "insert")]);
}
