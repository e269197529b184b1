//! Every kind of deletion; static columns.

use crate::case::Case;
use crate::random::Random;
use crate::write::{End, NULL, delete, excl, incl, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![
        ranges("ranges_asc", "x ASC, y ASC, z ASC", 0),
        ranges("ranges_desc", "x DESC, y DESC, z DESC", 1),
        ranges("ranges_mixed", "x ASC, y DESC, z ASC", 2),
        ordered_ranges(),
        cells_and_rows(),
        statics(),
        statics_only(),
        keys_only("keys_only", "p int, c int, PRIMARY KEY (p, c)", true),
        keys_only("keys_only_unclustered", "p int PRIMARY KEY", false),
        no_regulars(),
        partitions(),
    ]
}

/// Ranges of all kinds over a grid of rows, given by value.
pub(super) fn ranges(name: &str, order: &str, seed: u64) -> Case {
    let schema = format!(
        "CREATE TABLE {{t}} (p int, x int, y text, z bigint, s int static, v int, PRIMARY KEY (p, x, y, z))
             WITH CLUSTERING ORDER BY ({order});"
    );
    let mut case = Case::new(name, &schema);
    let mut random = Random::new(40 + seed);
    let letters = ["a", "b", "c", "d"];
    for p in 0..10 {
        for x in 0..4 {
            for y in letters {
                for z in 0..3 {
                    case.write(insert(lits![p], lits![x, format!("'{y}'"), z]).set("v", x).at(100 + z));
                }
            }
        }
    }
    case.flush();
    // Each form once in partition 0, then at random.
    let x = |value: u32, included: bool| -> End { Some((lits![value], included)) };
    let y = |value: &str, included: bool| -> End { Some((lits![format!("'{value}'")], included)) };
    for (at, (lower, upper)) in [
        (x(1, true), None),
        (x(1, false), None),
        (None, x(2, true)),
        (None, x(2, false)),
        (x(1, true), x(2, true)),
        (x(1, false), x(3, false)),
        (x(0, true), x(3, false)),
    ]
    .into_iter()
    .enumerate()
    {
        case.write(delete(lits![0], lits![]).between(lower, upper).at(90 + 2 * at as i64));
    }
    for (at, (lower, upper)) in
        [(y("b", true), None), (y("b", false), y("c", true)), (None, y("c", false))].into_iter().enumerate()
    {
        case.write(delete(lits![1], lits![at]).between(lower, upper).at(101));
    }
    case.write(delete(lits![1], lits![3, "'b'"]).between(incl(lits![1]), excl(lits![2])).at(102));
    for p in 2..10 {
        for _ in 0..6 {
            let depth = random.below(3) as usize;
            let prefix: Vec<String> = lits![random.below(4), format!("'{}'", random.pick(&letters))];
            let mut end = || match (random.below(3), depth) {
                (0, _) => None,
                (kind, 0) => x(random.below(5), kind == 1),
                (kind, 1) => y(random.pick(&["a", "aa", "c", "e"]), kind == 1),
                (kind, _) => Some((lits![random.below(4)], kind == 1)),
            };
            let (lower, upper) = (end(), end());
            let (lower, upper) = if is_ordered(&lower, &upper) { (lower, upper) } else { (upper, lower) };
            let at = 99 + i64::from(random.below(5));
            case.write(delete(lits![p], prefix[..depth].to_vec()).between(lower, upper).at(at));
        }
        if p == 6 {
            case.flush();
        }
    }
    case.write(insert(lits![0], lits![1, "'b'", 1]).set("v", 77).at(1000));
    case
}

fn is_ordered(lower: &End, upper: &End) -> bool {
    match (lower, upper) {
        (Some((lower, _)), Some((upper, _))) => lower <= upper,
        _ => true,
    }
}

/// Ranges from and to prefixes of different lengths, in the table's order, where CQL has no words
/// for them.
fn ordered_ranges() -> Case {
    let mut case = Case::new(
        "ranges_ordered",
        "CREATE TABLE {t} (p int, x int, y int, z int, s int static, v int, PRIMARY KEY (p, x, y, z))
             WITH CLUSTERING ORDER BY (x ASC, y DESC, z ASC);",
    );
    let mut random = Random::new(50);
    for p in 0..12 {
        for at in 0..64 {
            case.write(insert(lits![p], lits![at / 16, at / 4 % 4, at % 4]).set("v", at).at(100));
        }
        let mut end = || -> End {
            let values: Vec<String> = lits![random.below(4), random.below(4), random.below(4)];
            let depth = 1 + random.below(3) as usize;
            (!random.one_in(8)).then(|| (values[..depth].to_vec(), random.one_in(2)))
        };
        for round in 0..4 {
            // A range whose end lies before its start is empty, and nothing is written.
            case.write(delete(lits![p], lits![]).ordered(end(), end()).at(99 + round));
        }
        if p == 7 {
            case.flush();
        }
        if p % 4 == 0 {
            // All rows, but not the static one.
            case.write(insert(lits![p], lits![]).set("s", p).at(100));
            case.write(delete(lits![p], lits![]).ordered(None, None).at(100 + p));
        }
    }
    case
}

/// Cells and rows deleted before, at and after the time of what they meet.
fn cells_and_rows() -> Case {
    let mut case = Case::new(
        "cells_and_rows",
        "CREATE TABLE {t} (p int, c int, a int, b text, d blob, PRIMARY KEY (p, c));",
    );
    for c in 0..30 {
        case.write(insert(lits![1], lits![c]).set("a", c).set("b", "'b'").set("d", "0x").at(100));
    }
    case.flush();
    for c in 0..30 {
        let at = 99 + i64::from(c % 3);
        let key = (lits![1], lits![c]);
        case.write(match c / 3 % 6 {
            0 => delete(key.0, key.1).at(at),
            1 => delete(key.0, key.1).column("a").at(at),
            2 => update(key.0, key.1).set("b", NULL).at(at),
            3 => insert(key.0, key.1).set("a", NULL).set("b", "'B'").at(at),
            4 => update(key.0, key.1).set("a", 1000).set("d", "0x01").at(at),
            _ => delete(key.0, key.1).column("a").column("b").column("d").at(at),
        });
    }
    case.flush();
    for c in 0..30 {
        case.write(update(lits![2], lits![c]).set("a", c).at(100));
        case.write(delete(lits![2], lits![c]).column("a").at(99 + i64::from(c % 3)));
        case.write(delete(lits![3], lits![c]).at(100));
        case.write(insert(lits![3], lits![c]).set("a", 1).at(99 + i64::from(c % 3)));
    }
    case
}

fn statics() -> Case {
    let mut case = Case::new(
        "statics",
        "CREATE TABLE {t} (p int, c int, s int static, t text static, v int, PRIMARY KEY (p, c))
             WITH CLUSTERING ORDER BY (c DESC);",
    );
    for p in 0..40 {
        if p % 2 == 0 {
            case.write(insert(lits![p], lits![]).set("s", p).set("t", "'t'").at(100));
        }
        for c in 0..p % 5 {
            case.write(insert(lits![p], lits![c]).set("v", c).set("s", 100 + c).at(101 + c));
        }
    }
    case.flush();
    for p in 0..40 {
        match p % 8 {
            0 => case.write(delete(lits![p], lits![]).column("s").at(200)),
            1 => case.write(update(lits![p], lits![]).set("t", "'new'").at(200)),
            2 => case.write(delete(lits![p], lits![]).at(101)),
            3 => case.write(update(lits![p], lits![]).set("s", NULL).set("t", NULL).at(200)),
            4 => case.write(delete(lits![p], lits![]).between(incl(lits![-1]), None).at(300)),
            5 => case.write(insert(lits![p], lits![]).set("s", 7).at(200).ttl(200_000_000)),
            6 => case.write(delete(lits![p], lits![1]).at(300)),
            _ => {}
        }
    }
    case
}

fn statics_only() -> Case {
    let mut case = Case::new(
        "statics_only",
        "CREATE TABLE {t} (p int, c int, s text static, v int, PRIMARY KEY (p, c));",
    );
    let mut random = Random::new(60);
    for p in 0..200 {
        let words = random.words(3);
        case.write(insert(lits![p], lits![]).set("s", words).at(100));
        if p % 9 == 0 {
            case.write(delete(lits![p], lits![]).column("s").at(100));
        }
        if p % 50 == 49 {
            case.flush();
        }
    }
    case
}

/// No columns besides the key.
fn keys_only(name: &str, columns: &str, clustered: bool) -> Case {
    let mut case = Case::new(name, &format!("CREATE TABLE {{t}} ({columns});"));
    for at in 0..100 {
        let (key, clustering) = if clustered { (lits![at % 9], lits![at]) } else { (lits![at], lits![]) };
        let row = insert(key.clone(), clustering.clone()).at(100);
        case.write(if at % 5 == 0 { row.ttl(100_000_000) } else { row });
        if at % 4 == 3 {
            case.write(delete(key, clustering).at(99 + i64::from(at % 3)));
        }
        if at == 70 {
            case.flush();
        }
    }
    if clustered {
        case.write(delete(lits![3], lits![]).between(excl(lits![20]), incl(lits![60])).at(200));
    }
    case
}

fn no_regulars() -> Case {
    let mut case = Case::new(
        "no_regulars",
        "CREATE TABLE {t} (p int, c int, s int static, m map<int, int> static, PRIMARY KEY (p, c));",
    );
    for at in 0..60 {
        case.write(insert(lits![at % 6], lits![at]).set("s", at).at(100 + at));
        if at % 7 == 0 {
            case.write(update(lits![at % 6], lits![]).put("m", at, at).at(100 + at));
            case.write(delete(lits![at % 6], lits![at]).at(150));
        }
    }
    case
}

/// Partitions deleted and written again, alone and together with rows and ranges.
fn partitions() -> Case {
    let mut case =
        Case::new("partition_deletions", "CREATE TABLE {t} (p text, c int, v text, PRIMARY KEY (p, c));");
    for p in 0..60 {
        let key = || lits![format!("'p{p}'")];
        for c in 0..p % 4 {
            case.write(insert(key(), lits![c]).set("v", "'v'").at(100 + c));
        }
        if p % 3 != 0 {
            case.write(delete(key(), lits![]).at(99 + p % 5));
        }
        if p % 5 == 0 {
            case.write(delete(key(), lits![]).between(incl(lits![1]), None).at(150));
        }
        if p % 6 == 0 {
            case.write(insert(key(), lits![9]).set("v", "'again'").at(150));
        }
        if p % 20 == 19 {
            case.flush();
        }
    }
    case
}
