//! Wide partitions, many partitions, large values, long keys.

use crate::case::Case;
use crate::random::Random;
use crate::write::{delete, excl, incl, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![
        wide("wide"),
        wide_spanning(),
        wide_composite(),
        wide_deleted(),
        many_partitions(),
        big_values(),
        long_keys(),
    ]
}

/// Rows enough for an index of rows, in several partitions.
pub(super) fn wide(name: &str) -> Case {
    let mut case = Case::new(
        name,
        "CREATE TABLE {t} (p int, c bigint, v text, s text static, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC);",
    );
    let mut random = Random::new(70);
    for p in 0..3 {
        case.write(insert(lits![p], lits![]).set("s", "'static'").at(100));
        for c in 0..[3500, 40, 1200][p] {
            let v = random.words(12);
            case.write(insert(lits![p], lits![c * 17 - 1000]).set("v", v).at(100));
        }
    }
    case
}

/// Range deletions that stay open across blocks of the row index, and partition deletions together
/// with one.
fn wide_spanning() -> Case {
    let mut case = Case::new(
        "wide_spanning",
        "CREATE TABLE {t} (p int, x int, y int, v blob, PRIMARY KEY (p, x, y)) WITH CLUSTERING ORDER BY (x ASC, y DESC);",
    );
    let mut random = Random::new(71);
    for p in 0..3 {
        if p == 1 {
            case.write(delete(lits![p], lits![]).at(50));
        }
        for at in 0..3200 {
            let v = random.blob(40);
            case.write(insert(lits![p], lits![at / 100, at % 100]).set("v", v).at(100 + i64::from(at % 3)));
        }
        case.write(delete(lits![p], lits![]).between(excl(lits![2]), incl(lits![14])).at(99));
        case.write(delete(lits![p], lits![]).between(incl(lits![5]), excl(lits![20])).at(100));
        case.write(delete(lits![p], lits![7]).between(incl(lits![10]), incl(lits![90])).at(101));
        case.write(delete(lits![p], lits![]).between(incl(lits![25]), None).at(100));
        if p == 1 {
            case.flush();
        }
    }
    for p in 0..3 {
        case.write(delete(lits![p], lits![]).between(None, excl(lits![3])).at(101));
        for at in 0..900 {
            case.write(delete(lits![p], lits![at % 32, at / 9]).at(101));
        }
    }
    case
}

/// Long clusterings with shared beginnings, every fourth block deleted; compacted from two
/// generations.
fn wide_composite() -> Case {
    let mut case = Case::new(
        "wide_composite",
        "CREATE TABLE {t} (a int, b text, x text, y decimal, z timeuuid, v text, w list<int>, PRIMARY KEY ((a, b), x, y, z))
             WITH CLUSTERING ORDER BY (x DESC, y ASC, z DESC);",
    );
    let mut random = Random::new(72);
    for at in 0..4000u32 {
        let key = lits![at % 2, "'key'"];
        let x = format!("'{}{}'", "prefix of some length ".repeat(2), at % 16);
        let z = format!("{:08x}-29bb-11e5-b345-feff819cdc9f", random.next() >> 32);
        let row = lits![x, format!("{}.{}", at % 40, at % 3), z];
        case.write(insert(key.clone(), row.clone()).set("v", random.words(6)).at(100 + i64::from(at % 5)));
        if at % 10 == 0 {
            case.write(update(key.clone(), row.clone()).append("w", at).at(103));
        }
        if at % 16 == 0 {
            case.write(delete(key.clone(), row).at(102));
        }
        if at % 500 == 499 {
            case.write(delete(key, lits![x]).between(excl(lits![at % 40]), None).at(102));
        }
        if at == 2000 {
            case.flush();
        }
    }
    case.compact();
    case
}

/// Nothing but deletions, more of them than a block holds.
fn wide_deleted() -> Case {
    let mut case = Case::new("wide_deleted", "CREATE TABLE {t} (p int, c int, v int, PRIMARY KEY (p, c));");
    for c in 0..3000 {
        case.write(
            delete(lits![1], lits![])
                .between(incl(lits![c * 10]), excl(lits![c * 10 + 5]))
                .at(100 + i64::from(c % 7)),
        );
        if c % 2 == 0 {
            case.write(delete(lits![2], lits![c]).at(100));
        }
        if c % 500 == 0 {
            case.write(insert(lits![1], lits![c * 10 + 7]).set("v", c).at(100));
            case.write(insert(lits![2], lits![c]).set("v", c).at(101));
        }
    }
    case.write(insert(lits![3], lits![1]).set("v", 3).at(100));
    case
}

fn many_partitions() -> Case {
    let mut case = Case::new(
        "many_partitions",
        "CREATE TABLE {t} (k text PRIMARY KEY, v int, w text) WITH bloom_filter_fp_chance = 0.001;",
    );
    for at in 0..20_000 {
        let key = lits![format!("'user:{at:06}'")];
        case.write(insert(key.clone(), lits![]).set("v", at).set("w", format!("'{}'", at % 100)).at(100));
        if at % 997 == 0 {
            case.write(delete(key, lits![]).at(101));
        }
        if at == 15_000 {
            case.flush();
        }
    }
    case
}

fn big_values() -> Case {
    let mut case = Case::new(
        "big_values",
        "CREATE TABLE {t} (p int, c int, b blob, t text, l list<blob>, PRIMARY KEY (p, c));",
    );
    let mut random = Random::new(73);
    for (at, bytes) in [1, 16_383, 16_384, 16_385, 65_535, 65_536, 131_072, 900_000].into_iter().enumerate() {
        let blob = random.blob(bytes);
        case.write(
            insert(lits![at % 3], lits![at])
                .set("b", blob)
                .set("t", format!("'{}'", "z".repeat(bytes)))
                .at(100),
        );
    }
    for at in 0..5 {
        let blob = random.blob(40_000);
        case.write(update(lits![1], lits![100]).append("l", blob).at(100 + at));
    }
    case
}

/// Partition keys and clusterings of many bytes, some of them with long shared beginnings.
fn long_keys() -> Case {
    let mut case = Case::new(
        "long_keys",
        "CREATE TABLE {t} (k blob, j text, c text, d blob, v int, PRIMARY KEY ((k, j), c, d));",
    );
    let mut random = Random::new(74);
    let shared = random.blob(20_000);
    for at in 0..6 {
        let key = lits![format!("{shared}{at:02x}"), "'j'"];
        for c in 0..12 {
            let clustering =
                lits![format!("'{}{c}'", "c".repeat(3000)), format!("0x{}", "00ff".repeat(c * 50))];
            case.write(insert(key.clone(), clustering).set("v", c).at(100));
        }
        case.write(delete(key, lits![format!("'{}7'", "c".repeat(3000))]).at(100));
    }
    case.write(insert(lits![random.blob(60_000), "''"], lits!["''", "0x"]).set("v", 1).at(100));
    case.write(
        insert(lits!["0x", "''"], lits![format!("'{}'", "q".repeat(65_000)), "0x"]).set("v", 2).at(100),
    );
    case
}
