//! Tables in the other versions that are written, and one in all of them.

use helenus::Version;

use super::{counters, deletions, sizes, soup, storage};
use crate::case::{Case, Step};

pub(super) fn cases() -> Vec<Case> {
    let others = Version::WRITABLE.into_iter().filter(|version| *version != Version::DA);
    let mut cases: Vec<Case> = others.flat_map(in_version).collect();
    cases.push(mixed());
    cases
}

/// Parts with a form of their own in each version: row indexes, deletion times, statistics, codecs.
fn in_version(version: Version) -> impl Iterator<Item = Case> {
    let name = |what: &str| format!("version_{version}_{what}");
    let codec = match version {
        // A codec that Cassandra 3 has, too.
        Version::ME => "{'class': 'SnappyCompressor', 'chunk_length_in_kb': '4'}",
        _ => "{'class': 'ZstdCompressor', 'chunk_length_in_kb': '4', 'min_compress_ratio': '1.5'}",
    };
    let cases = [
        counters::clustered(&name("counters"), 91),
        deletions::ranges(&name("ranges"), "x DESC, y ASC, z DESC", 92),
        sizes::wide(&name("wide")),
        soup::soup(&name("soup"), 93, true),
        storage::compressed(&name("codec"), codec),
    ];
    cases.into_iter().map(move |mut case| {
        case.set_version(0, version);
        case
    })
}

/// Every flush in another version than the one before it, compacted by some and not at the end.
fn mixed() -> Case {
    let mut case = soup::soup("version_mixed", 94, false);
    let versions = Version::WRITABLE;
    let flushes: Vec<usize> = case
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| matches!(step, Step::Flush))
        .map(|(at, _)| at)
        .collect();
    // From the last one on, so that the indexes of those before stay right.
    for (number, at) in flushes.into_iter().enumerate().rev() {
        case.set_version(at, versions[number % versions.len()]);
    }
    case
}
