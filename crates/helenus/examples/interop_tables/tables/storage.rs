//! The effect of options on the files: codecs, chunks, filters; compactions, purges, generations,
//! recovery.

use crate::case::{Case, Step};
use crate::random::Random;
use crate::write::{Condition, NULL, delete, excl, incl, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    let compressor =
        |name: &str, class: &str, more: &str| compressed(name, &format!("{{'class': '{class}'{more}}}"));
    let high = |level| format!(", 'lz4_compressor_type': 'high', 'lz4_high_compressor_level': '{level}'");
    vec![
        compressor("comp_lz4_4k", "LZ4Compressor", ", 'chunk_length_in_kb': '4'"),
        compressor(
            "comp_lz4_64k",
            "LZ4Compressor",
            ", 'chunk_length_in_kb': '64', 'lz4_compressor_type': 'high'",
        ),
        compressor("comp_lz4_high_1", "LZ4Compressor", &high(1)),
        compressor("comp_lz4_high_17", "LZ4Compressor", &high(17)),
        compressor("comp_zstd", "ZstdCompressor", ", 'compression_level': '5'"),
        compressor("comp_zstd_64k", "ZstdCompressor", ", 'chunk_length_in_kb': '64'"),
        compressor("comp_zstd_fast", "ZstdCompressor", ", 'compression_level': '-5'"),
        compressor("comp_zstd_22", "ZstdCompressor", ", 'compression_level': '22'"),
        compressor("comp_deflate", "DeflateCompressor", ""),
        compressor("comp_snappy", "SnappyCompressor", ", 'chunk_length_in_kb': '64'"),
        compressor("comp_noop", "NoopCompressor", ""),
        compressor("comp_min_ratio", "LZ4Compressor", ", 'min_compress_ratio': '1.1'"),
        compressor(
            "comp_raw_padded",
            "SnappyCompressor",
            ", 'chunk_length_in_kb': '4', 'min_compress_ratio': '1.5'",
        ),
        compressed("comp_none", "{'enabled': 'false'}"),
        filter("filter_loose", "0.1"),
        filter("filter_none", "1.0"),
        purged("purged_at_once", 0),
        purged("purged_in_time", 864_000),
        not_yet_purged(),
        generations(),
        recovered(),
        truncated(),
        conditional("conditional", 83),
        batches(),
    ]
}

/// Compressible and other rows, in three generations that are compacted into one.
pub(super) fn compressed(name: &str, options: &str) -> Case {
    let mut case = Case::new(
        name,
        &format!(
            "CREATE TABLE {{t}} (p int, c int, b blob, t text, PRIMARY KEY (p, c)) WITH compression = {options};"
        ),
    );
    let mut random = Random::new(80);
    for at in 0..900 {
        let row = insert(lits![random.below(30)], lits![at % 50]);
        let row = if at % 3 == 0 { row.set("b", random.blob(600)) } else { row };
        let count = random.below(40);
        case.write(row.set("t", random.words(count)).at(1000 + at));
        if at % 40 == 0 {
            case.write(
                delete(lits![random.below(30)], lits![])
                    .between(excl(lits![10]), incl(lits![20]))
                    .at(1000 + at),
            );
        }
        if at % 300 == 299 {
            case.flush();
        }
    }
    case.compact();
    case
}

fn filter(name: &str, chance: &str) -> Case {
    let mut case = Case::new(
        name,
        &format!("CREATE TABLE {{t}} (k int PRIMARY KEY, v int) WITH bloom_filter_fp_chance = {chance};"),
    );
    for k in 0..3000 {
        case.write(insert(lits![k], lits![]).set("v", k).at(100));
        if k == 1500 {
            case.flush();
        }
    }
    case
}

/// Deleted twenty days ago and compacted now: nothing of it is left.
fn purged(name: &str, gc_grace: u32) -> Case {
    let mut case = purgeable(name, gc_grace, -20 * 86_400);
    case.clock(if gc_grace == 0 { 100 } else { 0 });
    case.compact();
    // Another generation, so that the next compaction meets one that was purged.
    for p in 0..10 {
        case.write(insert(lits![p], lits![77]).set("v", 77).at(500));
    }
    case.clock(0);
    case
}

/// Deleted a minute ago and compacted now: tombstones stay, what they cover goes.
fn not_yet_purged() -> Case {
    let mut case = purgeable("not_yet_purged", 864_000, -60);
    case.clock(0);
    case.compact();
    case
}

fn purgeable(name: &str, gc_grace: u32, clock: i64) -> Case {
    let mut case = Case::new(
        name,
        &format!(
            "CREATE TABLE {{t}} (p int, c int, v int, s set<int>, st int static, PRIMARY KEY (p, c))
                 WITH gc_grace_seconds = {gc_grace};"
        ),
    );
    case.clock(clock);
    for p in 0..20 {
        for c in 0..20 {
            case.write(insert(lits![p], lits![c]).set("v", c).set("s", "{1, 2, 3}").at(100));
        }
        case.write(insert(lits![p], lits![]).set("st", p).at(100));
    }
    case.flush();
    for p in 0..20 {
        case.write(delete(lits![p], lits![1]).at(101));
        case.write(delete(lits![p], lits![]).between(incl(lits![3]), incl(lits![5])).at(101));
        case.write(update(lits![p], lits![6]).set("v", NULL).set("s", "{4}").at(101));
        case.write(delete(lits![p], lits![7]).element("s", 2).at(101));
        case.write(update(lits![p], lits![8]).set("v", 5).at(101).ttl(1));
        case.write(insert(lits![p], lits![30]).set("v", 5).at(101).ttl(1));
        if p % 4 == 0 {
            case.write(delete(lits![p], lits![]).at(101));
        }
        if p % 4 == 1 {
            case.write(delete(lits![p], lits![]).column("st").at(101));
        }
    }
    case.flush();
    case
}

/// Six generations that overwrite each other out of order.
fn generations() -> Case {
    let mut case =
        Case::new("generations", "CREATE TABLE {t} (p int, c int, v text, w int, PRIMARY KEY (p, c));");
    let mut random = Random::new(81);
    for generation in 0..6 {
        for _ in 0..80 {
            let at = 100 + i64::from(random.below(12)) + if generation == 2 { 12 } else { 0 };
            let key = lits![random.below(6)];
            let c = lits![random.below(12)];
            let words = random.words(2);
            case.write(match random.below(8) {
                0 => delete(key, c).at(at),
                1 => delete(key, lits![]).between(Some((c, random.one_in(2))), None).at(at),
                2 => update(key, c).set("w", random.below(9)).at(at),
                3 => update(key, c).set("v", NULL).at(at),
                _ => insert(key, c).set("v", words).set("w", random.below(9)).at(at),
            });
        }
        case.flush();
    }
    case
}

/// The process dies twice: with everything in the log, and with SSTables.
fn recovered() -> Case {
    let mut case = Case::new(
        "recovered",
        "CREATE TABLE {t} (p int, c int, v text, l list<int>, s int static, PRIMARY KEY (p, c));",
    );
    let mut random = Random::new(82);
    for at in 0..900 {
        let key = lits![random.below(10)];
        let c = lits![random.below(60)];
        let words = random.words(3);
        case.write(match random.below(7) {
            0 => delete(key, c).at(100 + at),
            1 => delete(key, lits![]).between(incl(c.clone()), incl(c)).at(100 + at),
            2 => update(key, c).append("l", at).at(100 + at),
            3 => insert(key, lits![]).set("s", at).at(100 + at),
            4 => insert(key, c).set("v", words).at(100 + at).ttl(300_000_000),
            _ => insert(key, c).set("v", words).at(100 + at),
        });
        match at {
            200 | 600 => case.steps.push(Step::Crash),
            400 => case.flush(),
            _ => {}
        }
    }
    case.write(delete(lits![3], lits![]).at(5000));
    case.steps.push(Step::Crash);
    case
}

fn truncated() -> Case {
    let mut case = Case::new("truncated", "CREATE TABLE {t} (p int PRIMARY KEY, v int);");
    for p in 0..50 {
        case.write(insert(lits![p], lits![]).set("v", p).at(1_000_000));
        if p == 25 {
            case.flush();
        }
    }
    case.steps.push(Step::Truncate);
    for p in 40..60 {
        case.write(insert(lits![p], lits![]).set("v", -p).at(100));
    }
    case
}

/// Conditional writes, which the engine times itself.
pub(super) fn conditional(name: &str, seed: u32) -> Case {
    let mut case = Case::new(
        name,
        "CREATE TABLE {t} (p int, c int, v int, t text, m map<int, text>, s int static, PRIMARY KEY (p, c));",
    );
    let mut random = Random::new(u64::from(seed));
    for at in 0..160 {
        let (key, c) = (lits![random.below(3)], lits![random.below(6)]);
        let value = random.below(4);
        case.write(match random.below(8) {
            0 | 1 => insert(key, c).set("v", value).only_if(Condition::NotExists),
            2 => update(key, c).set("t", "'x'").only_if(Condition::Exists),
            3 => update(key, c).set("v", at).only_if(Condition::If(
                "v",
                if random.one_in(2) { "=" } else { "!=" },
                value.to_string(),
            )),
            4 => update(key, c).set("v", at % 5).only_if(Condition::If("v", "<=", value.to_string())),
            5 => delete(key, c).only_if(Condition::Exists),
            6 => update(key, c).put("m", value, "'m'").only_if(Condition::If("s", "=", NULL.to_owned())),
            _ => {
                update(key, lits![]).set("s", at % 2).only_if(Condition::If("s", "!=", (at % 2).to_string()))
            }
        });
        if at % 60 == 59 {
            case.flush();
        }
    }
    case
}

fn batches() -> Case {
    let mut case = Case::new(
        "batches",
        "CREATE TABLE {t} (p int, c int, v int, s int static, m map<int, int>, PRIMARY KEY (p, c));",
    );
    for round in 0..30i64 {
        let writes = (0..8)
            .map(|at| {
                let (key, c) = (lits![at % 3], lits![(at + round) % 10]);
                match (at + round) % 6 {
                    0 => delete(key, c),
                    1 => delete(key, lits![]).between(excl(c), None),
                    2 => update(key, c).put("m", at, round),
                    3 => insert(key, lits![]).set("s", round),
                    4 => delete(key, c).column("v"),
                    _ => insert(key, c).set("v", round),
                }
            })
            .collect();
        case.batch(Some(100 + round), writes);
    }
    case
}
