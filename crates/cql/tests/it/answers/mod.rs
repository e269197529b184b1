//! What Cassandra 5.0.8 answered to scripts of CQL, compared with what comes out here.
//!
//! `script.rs` reads a script and its answers, `types.rs` makes bytes of values as the scripts
//! write them, `run.rs` executes a script on a database in memory, `compare.rs` compares. The rules
//! are those of the corpus itself (its README and `cqlcheck.py`).
//!
//! Some of the scripts are in the repository (`testdata/cql`): all of their answers are equal.
//! `HELENUS_CQL` names the folder of all (by default `../shared/cql` beside the repository; without
//! it these are not compared). `HELENUS_CQL_SCRIPT` runs only the scripts whose names begin
//! so, without a look at the floors; `HELENUS_CQL_VERBOSE=n` shows the first n differences of each.

mod compare;
mod run;
mod script;
mod types;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use script::Script;

/// For each category how many answers were equal when it was last looked at: it only grows.
const FLOORS: &str = include_str!("floors.txt");

/// Statements that were compared, and which of them differ.
#[derive(Clone, Debug, Default)]
struct Tally {
    total: usize,
    equal: usize,
    differences: Vec<String>,
}

fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cql");
    std::env::var_os("HELENUS_CQL").map_or_else(|| PathBuf::from(beside), PathBuf::from).join("scripts")
}

/// The scripts that are compared: not those of views, which are refused, nor those recorded on a
/// node with other options.
fn scripts(folder: &Path) -> Vec<Script> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cql"));
    paths.sort();
    let wanted = std::env::var("HELENUS_CQL_SCRIPT").unwrap_or_default();
    let scripts = paths.iter().map(|path| Script::read(path));
    scripts
        .filter(|script| {
            script.name.starts_with(&wanted) && script.category != "view" && script.config.is_none()
        })
        .collect()
}

#[test]
fn cassandra_answers_are_equal() {
    let scripts = scripts(&folder());
    let next = AtomicUsize::new(0);
    let tallies = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = run::tally(script);
                    tallies.lock().unwrap().insert((script.category.clone(), script.name.clone()), tally);
                }
            });
        }
    });
    let tallies = tallies.into_inner().unwrap();
    let mut categories: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let verbose = std::env::var("HELENUS_CQL_VERBOSE").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    for ((category, name), tally) in &tallies {
        println!("{category:<14} {name:<24} {:>5} of {:>5}", tally.equal, tally.total);
        tally.differences.iter().take(verbose).for_each(|difference| println!("    {difference}"));
        let sum = categories.entry(category.clone()).or_default();
        *sum = (sum.0 + tally.equal, sum.1 + tally.total);
    }
    println!();
    for (category, (equal, total)) in &categories {
        println!("{category} {equal} of {total}");
    }
    let sum = categories.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("all {} of {}", sum.0, sum.1);
    if std::env::var_os("HELENUS_CQL_SCRIPT").is_none() && !scripts.is_empty() {
        check_floors(&categories);
    }
}

#[test]
fn cassandra_answers_in_the_repository_are_equal() {
    let scripts = scripts(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cql/scripts")));
    for script in &scripts {
        let tally = run::tally(script);
        assert!(tally.total > 0 && tally.equal == tally.total, "{}: {:#?}", script.name, tally.differences);
    }
    assert!(!scripts.is_empty() || std::env::var_os("HELENUS_CQL_SCRIPT").is_some());
}

fn check_floors(categories: &BTreeMap<String, (usize, usize)>) {
    let mut below = Vec::new();
    for line in FLOORS.lines().filter(|line| !line.starts_with('#')) {
        let (category, floor) = line.rsplit_once(' ').unwrap();
        let floor: usize = floor.parse().unwrap();
        let equal = categories.get(category).map_or(0, |(equal, _)| *equal);
        if equal < floor {
            below.push(format!("{category}: {equal}, at least {floor} before"));
        }
    }
    assert!(below.is_empty(), "fewer answers are equal than before: {below:#?}");
}
