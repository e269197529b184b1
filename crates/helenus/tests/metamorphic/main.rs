//! One history of operations, carried out again and again by databases that differ in everything
//! that may not matter: sizes of memtables, chunks, segments and caches, codecs, versions of
//! SSTables, durability, threads, flushes, compactions, restarts, power cuts, the way a statement
//! is said and a query is cut into pages. All give the same answers.
//!
//! `history.rs` makes histories, `query.rs` what is asked in them, `config.rs` the databases,
//! `world.rs` carries steps out. `HELENUS_METAMORPHIC=100000` runs that many histories,
//! `HELENUS_SEED` says from which seed on; a failure prints the smallest history that was found,
//! and the database that differs.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

mod config;
mod history;
mod query;
mod statement;
mod world;

use helenus_testkit::{count_from_env, for_each_case};

use self::config::Config;
use self::history::History;
use self::world::World;

/// The number of databases that are compared with the plainest one.
const OTHERS: u64 = 3;

#[test]
fn databases_that_differ_in_what_may_not_matter_give_the_same_answers() {
    let count = count_from_env("HELENUS_METAMORPHIC", 12);
    for_each_case("HELENUS_METAMORPHIC", count, History::new, compare);
}

fn compare(seed: u64, history: &History) -> Result<(), String> {
    let expected = World::new(&Config::PLAIN).run(history);
    for number in 1..=OTHERS {
        let config = Config::new(seed, number);
        let found = World::new(&config).run(history);
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            if expected != found {
                let step = history.steps.get(at).map_or("the end".to_owned(), |step| format!("{step:?}"));
                return Err(format!(
                    "step {at}: {step}\nexpected:\n{expected}\nfound:\n{found}\nby database {number}: {config:#?}"
                ));
            }
        }
        assert_eq!(expected.len(), found.len(), "there is an answer to each step, and one at the end");
    }
    Ok(())
}
