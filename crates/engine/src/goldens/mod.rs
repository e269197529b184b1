//! The order of operations on the disk, as text: what is created, written, synced, renamed and
//! removed by each step of a database's life, and what the records of the log and the edits of the
//! manifest say. The files are in `tests/scenarios`; `HELENUS_BLESS=1` writes them anew. A sync
//! that goes missing is a line that goes missing.

mod scene;
mod show;

use std::path::Path;

use helenus_testkit::check_scenarios;

use self::scene::Scene;

/// Checks a file of scenarios, which go on with one disk from the first to the last.
fn check(name: &str) {
    let mut scene = Scene::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    check_scenarios(path, |command, rest| scene.run(command, rest));
}

#[test]
fn writes() {
    check("writes");
}

#[test]
fn flushes() {
    check("flush");
}

#[test]
fn compactions() {
    check("compaction");
}

#[test]
fn schema_changes() {
    check("schema");
}

#[test]
fn recovery() {
    check("recovery");
}

#[test]
fn opening_and_closing() {
    check("closing");
}
