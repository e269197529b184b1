//! Timestamps and times to live.

use crate::case::Case;
use crate::write::{NULL, delete, excl, incl, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![extremes(), negative(), expiry(), default_ttl(), ties()]
}

/// The largest timestamps, and the distances between them that files can hold.
fn extremes() -> Case {
    let mut case = Case::new(
        "timestamps_extreme",
        "CREATE TABLE {t} (p int, c int, s int static, v int, m map<int, int>, PRIMARY KEY (p, c));",
    );
    let times = [
        i64::MAX,
        i64::MAX - 1,
        1,
        0,
        -1,
        i64::MIN + 2,
        i64::MIN + 1,
        1_700_000_000_000_000,
        253_402_300_799_999_999,
    ];
    for (p, &at) in times.iter().enumerate() {
        case.write(insert(lits![p], lits![0]).set("v", 1).set("s", 2).at(at));
        case.write(update(lits![p], lits![1]).set("m", "{1: 1}").at(at));
        case.write(update(lits![p], lits![2]).put("m", 1, 2).at(at));
        case.write(delete(lits![p], lits![3]).at(at));
        case.write(delete(lits![p], lits![]).between(incl(lits![4]), excl(lits![6])).at(at));
        case.write(insert(lits![p], lits![5]).set("v", 5).at(0));
        case.write(insert(lits![p], lits![7]).set("v", 5).at(at).ttl(500_000_000));
        if at >= 0 {
            case.write(insert(lits![100 + p], lits![1]).set("v", 1).at(1));
            case.write(delete(lits![100 + p], lits![]).at(at));
        }
    }
    case.flush();
    for (p, _) in times.iter().enumerate() {
        case.write(update(lits![p], lits![0]).set("v", 99).at(5));
        case.write(delete(lits![p], lits![1]).at(5));
    }
    case
}

/// A table whose timestamps are all below zero: the smallest of the file is far from its base.
fn negative() -> Case {
    let mut case =
        Case::new("timestamps_negative", "CREATE TABLE {t} (p int, c int, v int, PRIMARY KEY (p, c));");
    for c in 0..50 {
        case.write(insert(lits![c % 3], lits![c]).set("v", c).at(-1_000_000 - c));
        if c % 5 == 0 {
            case.write(delete(lits![c % 3], lits![c]).at(-1_000_020));
        }
    }
    case.flush();
    case.write(delete(lits![1], lits![]).between(None, incl(lits![30])).at(-1_000_010));
    case
}

/// Expired data, and data that will not expire for years: rows, cells, markers with cells of
/// another time to live.
fn expiry() -> Case {
    let mut case = Case::new(
        "expiry",
        "CREATE TABLE {t} (p int, c int, s int static, a int, b int, PRIMARY KEY (p, c)) WITH gc_grace_seconds = 3600;",
    );
    case.clock(-2 * 3600);
    for c in 0..20 {
        case.write(insert(lits![1], lits![c]).set("a", c).set("b", c).at(100).ttl(1));
        case.write(insert(lits![2], lits![c]).set("a", c).at(100).ttl(1));
        case.write(update(lits![2], lits![c]).set("b", c).at(100));
        case.write(insert(lits![3], lits![c]).at(100));
        case.write(update(lits![3], lits![c]).set("a", c).at(100).ttl(1));
        case.write(update(lits![4], lits![c]).set("a", c).at(100).ttl(1 + c % 2));
        case.write(update(lits![4], lits![c]).set("b", c).at(100).ttl(630_720_000));
    }
    case.write(insert(lits![1], lits![]).set("s", 1).at(100).ttl(1));
    case.write(insert(lits![2], lits![]).set("s", 1).at(100).ttl(100_000_000));
    case.flush();
    case.clock(-60);
    for c in 0..20 {
        match c % 5 {
            // Equal times: a tombstone beats what expires, which beats what lives.
            0 => case.write(delete(lits![1], lits![c]).column("a").at(100)),
            1 => case.write(insert(lits![1], lits![c]).set("a", 50).at(100)),
            2 => case.write(insert(lits![1], lits![c]).set("a", c).at(100).ttl(400_000_000)),
            3 => case.write(update(lits![4], lits![c]).set("a", c).at(100).ttl(1)),
            _ => case.write(update(lits![2], lits![c]).set("b", NULL).at(101)),
        }
    }
    case.clock(0);
    case
}

fn default_ttl() -> Case {
    let mut case = Case::new(
        "default_ttl",
        "CREATE TABLE {t} (p int, c int, v int, s set<int>, PRIMARY KEY (p, c)) WITH default_time_to_live = 400000000;",
    );
    for c in 0..30 {
        let row = insert(lits![c % 2], lits![c]).set("v", c).set("s", "{1, 2}").at(100);
        case.write(match c % 3 {
            0 => row,
            1 => row.ttl(0),
            _ => row.ttl(500_000_000),
        });
        if c % 4 == 0 {
            case.write(update(lits![c % 2], lits![c]).add("s", c).set("v", NULL).at(101));
        }
    }
    case
}

/// Everything at one time, in several generations: what wins is decided by the values.
fn ties() -> Case {
    let mut case = Case::new(
        "ties",
        "CREATE TABLE {t} (p int, c int, t text, i int, d double, m map<int, text>, PRIMARY KEY (p, c));",
    );
    for generation in 0..4 {
        for c in 0..24 {
            let row = update(lits![1], lits![c]);
            let value = (c * 7 + generation * 13) % 5 - 2;
            case.write(match (c + generation) % 6 {
                0 => row.set("t", format!("'{}'", "x".repeat((value + 3) as usize))).set("i", value).at(100),
                1 => row.set("i", value).set("d", format!("{value}.5")).at(100),
                2 => row.put("m", 1, format!("'{value}'")).put("m", 2, "''").at(100),
                3 => row.set("i", value).at(100).ttl(300_000_000 + (value + 2) as u32),
                4 => delete(lits![1], lits![c]).column("t").element("m", 1).at(100),
                _ => row.set("t", "''").set("i", NULL).at(100),
            });
        }
        case.flush();
    }
    case
}
