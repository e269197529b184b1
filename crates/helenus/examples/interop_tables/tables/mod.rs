//! The tables, by what they exercise.

mod collections;
mod counters;
mod deletions;
mod keys;
mod literals;
mod schema_changes;
mod sizes;
mod soup;
mod storage;
mod times;
mod values;
mod versions;

use crate::case::Case;

/// The table of that name: one of [`all`], or a random history of any seed, such as `soup_77`.
pub(crate) fn named(name: &str) -> Option<Case> {
    if let Some(case) = all().into_iter().find(|case| case.name == name) {
        return Some(case);
    }
    let (kind, seed) = name.rsplit_once('_')?;
    let seed: u32 = seed.parse().ok()?;
    match kind {
        "soup" => Some(soup::soup(name, seed, false)),
        "soup_compacted" => Some(soup::soup(name, seed, true)),
        "counters_clustered" => Some(counters::clustered(name, seed)),
        "conditional" => Some(storage::conditional(name, seed)),
        _ => None,
    }
}

/// All tables.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for group in [
        values::cases,
        keys::cases,
        collections::cases,
        counters::cases,
        deletions::cases,
        times::cases,
        sizes::cases,
        storage::cases,
        schema_changes::cases,
        soup::cases,
        versions::cases,
    ] {
        cases.extend(group());
    }
    cases
}
