//! Counters.

use crate::case::Case;
use crate::random::Random;
use crate::write::{delete, excl, incl, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![simple(), clustered("counters_clustered", 2), statics()]
}

fn simple() -> Case {
    let mut case = Case::new("counters", "CREATE TABLE {t} (k text PRIMARY KEY, a counter, b counter);");
    let mut random = Random::new(1);
    for at in 0..300 {
        let key = format!("'k{}'", random.below(25));
        let column = random.pick(&["a", "b"]);
        case.write(update(lits![key], lits![]).increment(column, i64::from(random.below(200)) - 100));
        if at % 100 == 99 {
            case.flush();
        }
    }
    for (key, delta) in [("max", i64::MAX), ("min", i64::MIN + 1), ("zero", 0)] {
        case.write(update(lits![format!("'{key}'")], lits![]).increment("a", delta));
        case.write(update(lits![format!("'{key}'")], lits![]).increment("b", 1).increment("a", 0));
    }
    case.write(delete(lits!["'k1'"], lits![]));
    case.write(delete(lits!["'k2'"], lits![]).column("a"));
    case.write(update(lits!["'k2'"], lits![]).increment("b", 5));
    case.flush();
    case.write(update(lits!["'max'"], lits![]).increment("a", 1));
    case
}

/// As many histories as are wanted, one for each seed.
pub(super) fn clustered(name: &str, seed: u32) -> Case {
    let mut case = Case::new(
        name,
        "CREATE TABLE {t} (p int, x int, y text, n counter, m counter, PRIMARY KEY (p, x, y))
             WITH CLUSTERING ORDER BY (x DESC, y ASC);",
    );
    let mut random = Random::new(u64::from(seed));
    for at in 0..600 {
        let y = random.words(1);
        let row = update(lits![random.below(4)], lits![random.below(20), y]);
        case.write(row.increment(random.pick(&["n", "m"]), i64::from(random.below(10))));
        match at {
            200 | 400 => case.flush(),
            300 => case.write(delete(lits![1], lits![5, "'alpha'"])),
            301 => case.write(delete(lits![2], lits![7])),
            302 => case.write(delete(lits![3], lits![]).between(incl(lits![3]), excl(lits![9]))),
            500 => case.compact(),
            550 => case.batch(
                None,
                (0..10).map(|x| update(lits![9], lits![x, "'batch'"]).increment("n", x)).collect(),
            ),
            _ => {}
        }
    }
    case
}

fn statics() -> Case {
    let mut case = Case::new(
        "counters_static",
        "CREATE TABLE {t} (p int, c int, total counter static, n counter, PRIMARY KEY (p, c));",
    );
    for at in 0..60 {
        case.write(update(lits![at % 5], lits![at % 7]).increment("n", 1).increment("total", 2));
        if at % 20 == 19 {
            case.flush();
        }
    }
    case.write(update(lits![9], lits![]).increment("total", 3));
    case.write(delete(lits![1], lits![]).column("total"));
    case.write(delete(lits![2], lits![2]));
    case
}
