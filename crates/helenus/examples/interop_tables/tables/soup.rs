//! Random histories over few keys, with many equal timestamps and all kinds of writes.

use crate::case::{Case, Step};
use crate::random::Random;
use crate::write::{Change, End, NULL, Write, delete, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = (0..3).map(|seed| soup(&format!("soup_{seed}"), seed, false)).collect();
    cases.extend((3..6).map(|seed| soup(&format!("soup_compacted_{seed}"), seed, true)));
    cases
}

/// As many histories as are wanted, one for each seed.
pub(super) fn soup(name: &str, seed: u32, compacted: bool) -> Case {
    let order = ["x ASC, y ASC", "x DESC, y ASC", "x ASC, y DESC"][seed as usize % 3];
    let mut case = Case::new(
        name,
        &format!(
            "CREATE TYPE {{k}}.{name}_udt (f int, g text, h frozen<list<int>>);
             CREATE TABLE {{t}} (p int, x int, y text, s int static, sm map<int, text> static, a int, t text, l list<int>,
                 e set<text>, m map<int, text>, u {name}_udt, fl frozen<list<int>>, PRIMARY KEY (p, x, y))
                 WITH CLUSTERING ORDER BY ({order});"
        ),
    );
    let mut random = Random::new(1000 + u64::from(seed));
    let times = 10 + 20 * (seed % 3);
    for at in 0..900 {
        let write = any_write(&mut random);
        let timestamp = 1000 + i64::from(random.below(times));
        case.write(write.at(timestamp));
        if random.one_in(150) {
            case.flush();
        }
        if compacted && at % 350 == 349 {
            case.compact();
        }
        if seed % 2 == 1 && at == 500 {
            case.steps.push(Step::Crash);
        }
    }
    if compacted {
        case.compact();
    }
    case
}

fn any_write(random: &mut Random) -> Write {
    const LETTERS: [&str; 4] = ["'a'", "'b'", "'c'", "''"];
    let key = lits![random.below(9)];
    let (x, y) = (random.below(4), random.pick(&LETTERS));
    let row = lits![x, y];
    let small = random.below(4);
    let write = match random.below(20) {
        0..=4 => {
            let mut write = insert(key, row);
            for column in ["a", "t", "l", "e", "m", "u", "fl", "s"] {
                if random.one_in(3) {
                    write = write.set(column, any_value(random, column));
                }
            }
            write
        }
        5..=7 => {
            let column = random.pick(&["a", "t", "l", "e", "m", "u", "fl"]);
            update(key, row).set(column, any_value(random, column))
        }
        8 => update(key, row).append("l", small).append("l", small + 1),
        9 => update(key, row).prepend("l", small).add("e", random.pick(&LETTERS)),
        10 => update(key, row).put("m", small, random.words(1)).field("u", "g", random.words(1)),
        11 => match random.below(4) {
            0 => update(key, row).change("l", Change::SetAt(random.below(3), "77".into())),
            1 => delete(key, row).change("l", Change::RemoveAt(random.below(3))),
            2 => update(key, row).change("l", Change::RemoveValue(small.to_string())),
            _ => update(key, row).change("e", Change::RemoveFromSet(random.pick(&LETTERS).into())),
        },
        12 => delete(key, row).element("m", small).column(random.pick(&["a", "t", "u"])),
        13 => delete(key, row).column(random.pick(&["l", "e", "m", "a"])),
        14 => delete(key, row),
        15 => delete(key, lits![x]),
        16 | 17 => any_range(random, key, x),
        18 => match random.below(4) {
            0 => insert(key, lits![]).set("s", small),
            1 => update(key, lits![]).put("sm", small, random.words(1)),
            2 => delete(key, lits![]).column("s").element("sm", small),
            _ => update(key, lits![]).set("sm", any_value(random, "m")),
        },
        _ if random.one_in(4) => delete(key, lits![]),
        _ => update(key, lits![]).set("s", NULL),
    };
    let expires = write.kind != crate::write::Kind::Delete && random.one_in(8);
    if expires { write.ttl(200_000_000 + random.below(3)) } else { write }
}

fn any_range(random: &mut Random, key: Vec<String>, x: u32) -> Write {
    let mut end = |least: u32| -> End {
        (!random.one_in(3)).then(|| (lits![least + random.below(2)], random.one_in(2)))
    };
    let (lower, upper) = (end(x), end(x + 1));
    if random.one_in(2) {
        return delete(key, lits![]).between(lower, upper);
    }
    let mut end =
        |from: &[&str]| -> End { (!random.one_in(3)).then(|| (lits![random.pick(from)], random.one_in(2))) };
    let (lower, upper) = (end(&["'a'", "'aa'"]), end(&["'b'", "'c'"]));
    delete(key, lits![x]).between(lower, upper)
}

fn any_value(random: &mut Random, column: &str) -> String {
    if random.one_in(6) {
        return NULL.to_owned();
    }
    let (a, b) = (random.below(5), random.below(5));
    match column {
        "a" | "s" => a.to_string(),
        "t" => random.words(a % 3),
        "l" | "fl" => format!("[{a}, {b}, {a}]"),
        "e" => format!("{{{}, {}}}", random.words(1), random.words(2)),
        "m" => format!("{{{a}: 'x', {}: {}}}", a + 1, random.words(1)),
        _ => format!("{{f: {a}, g: {}, h: [{b}]}}", random.words(1)),
    }
}
