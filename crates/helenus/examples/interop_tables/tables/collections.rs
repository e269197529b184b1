//! Collections, frozen and not, of every element type, with every change there is.

use super::literals::key_types;
use crate::case::Case;
use crate::random::Random;
use crate::write::{Change, NULL, Write, delete, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![lists(), sets_and_maps(), element_types(), frozen(), static_collections(), element_expiry()]
}

fn lists() -> Case {
    let mut case = Case::new(
        "lists",
        "CREATE TABLE {t} (p int, c int, l list<text>, n list<frozen<list<int>>>, i list<int>, PRIMARY KEY (p, c));",
    );
    for c in 0..12 {
        case.write(
            insert(lits![1], lits![c]).set("l", "['a', 'b', 'c', 'a']").set("n", "[[1], [], [2, 3]]").at(100),
        );
        case.write(update(lits![1], lits![c]).append("l", "'d'").append("l", "'e'").at(101));
        case.write(update(lits![1], lits![c]).prepend("l", "'y'").prepend("l", "'z'").at(102));
    }
    case.flush();
    let on = |c: i32| update(lits![1], lits![c]);
    case.write(on(0).change("l", Change::SetAt(0, "'first'".into())).at(200));
    case.write(delete(lits![1], lits![1]).change("l", Change::RemoveAt(3)).at(200));
    case.write(on(2).change("l", Change::RemoveValue("'a'".into())).at(200));
    case.write(on(3).set("l", "['new']").at(200));
    case.write(on(4).set("l", NULL).at(200));
    case.write(delete(lits![1], lits![5]).column("l").at(200));
    case.write(on(5).append("l", "'again'").at(201));
    case.write(on(6).set("l", "[]").at(200));
    case.write(on(7).change("l", Change::SetAt(40, "'out'".into())).at(200));
    case.write(on(8).change("n", Change::SetAt(1, "[9]".into())).at(200));
    case.write(on(9).change("l", Change::RemoveValue("'nobody'".into())).at(200));
    case.write(delete(lits![1], lits![10]).at(200));
    case.write(on(10).append("l", "'alone'").at(201));
    case.write(on(11).append("l", "'older'").at(50));
    // A statement with more elements than a microsecond has paths.
    let many = (0..35).fold(update(lits![2], lits![0]), |write, at| write.append("i", at));
    case.write(many.at(100));
    let many = (0..35).fold(update(lits![2], lits![0]), |write, at| write.prepend("i", -at));
    case.write(many.at(101));
    case.write(update(lits![2], lits![1]).set("i", format!("{:?}", (0..200).collect::<Vec<i32>>())).at(100));
    case
}

fn sets_and_maps() -> Case {
    let mut case = Case::new(
        "sets_and_maps",
        "CREATE TABLE {t} (p int, c int, s set<text>, m map<int, text>, n map<text, frozen<map<int, frozen<set<int>>>>>,
             v text, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC);",
    );
    for c in 0..14 {
        let row = insert(lits![c % 3], lits![c])
            .set("s", "{'a', 'b', 'c'}")
            .set("m", "{3: 'three', 1: 'one', 2: ''}")
            .set("n", "{'k': {1: {1, 2}}, 'l': {}}")
            .set("v", "'v'");
        case.write(row.at(100));
    }
    case.flush();
    let on = |c: i32| update(lits![c % 3], lits![c]);
    case.write(on(0).add("s", "'d'").put("m", 4, "'four'").at(200));
    case.write(
        on(1)
            .change("s", Change::RemoveFromSet("'a'".into()))
            .change("m", Change::RemoveKey("1".into()))
            .at(200),
    );
    case.write(delete(lits![2], lits![2]).element("s", "'b'").element("m", 2).element("n", "'k'").at(200));
    case.write(on(3).set("s", "{'x'}").set("m", "{9: 'nine'}").at(200));
    case.write(on(4).set("s", "{}").set("m", NULL).at(200));
    case.write(delete(lits![2], lits![5]).column("s").column("m").column("v").at(200));
    case.write(on(5).add("s", "'later'").put("m", 1, "'later'").at(201));
    case.write(on(5).add("s", "'sooner'").put("m", 2, "'sooner'").at(199));
    case.write(on(6).put("m", 1, "'z'").at(100));
    case.write(on(7).put("m", 1, "'a'").at(100));
    case.write(on(8).put("m", 1, "''").put("m", 2, "'x'").put("m", 3, "'y'").at(150));
    case.write(delete(lits![0], lits![9]).element("m", 1).at(100));
    case.write(on(10).set("m", "{1: 'same time'}").at(100));
    case.write(on(20).add("s", "'no row marker'").at(100));
    case.write(delete(lits![0], lits![20]).element("s", "'no row marker'").at(101));
    case.write(on(21).put("m", 5, "'no row marker'").at(100));
    case
}

/// Sets, and maps to and from, every type.
fn element_types() -> Case {
    let types: Vec<_> = key_types().collect();
    let columns: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, of)| format!("s{at} set<{0}>, m{at} map<{0}, {0}>, l{at} list<{0}>", of.ty))
        .collect();
    let mut case = Case::new(
        "element_types",
        &format!("CREATE TABLE {{t}} (p int, c int, {}, PRIMARY KEY (p, c));", columns.join(", ")),
    );
    for (at, of) in types.iter().enumerate() {
        let (s, m, l) = (format!("s{at}"), format!("m{at}"), format!("l{at}"));
        let values = of.distinct();
        let entries: Vec<String> = values.iter().map(|value| format!("{value}: {value}")).collect();
        case.write(
            insert(lits![1], lits![at])
                .set(&s, format!("{{{}}}", values.join(", ")))
                .set(&m, format!("{{{}}}", entries.join(", ")))
                .set(&l, format!("[{}]", values.join(", ")))
                .at(100),
        );
        for value in of.values.iter().rev() {
            case.write(
                update(lits![2], lits![at])
                    .add(&s, value)
                    .put(&m, value, of.values[0])
                    .append(&l, value)
                    .at(100),
            );
        }
        case.write(delete(lits![2], lits![at]).element(&s, of.values[1]).element(&m, of.values[0]).at(101));
        if at == 10 {
            case.flush();
        }
    }
    case
}

fn frozen() -> Case {
    let mut case = Case::new(
        "frozen",
        "CREATE TYPE {k}.fr_udt (a int, s frozen<set<text>>);
         CREATE TABLE {t} (
             p int PRIMARY KEY,
             l frozen<list<text>>, s frozen<set<int>>, m frozen<map<text, frozen<list<int>>>>, u frozen<fr_udt>,
             nest map<int, frozen<list<frozen<set<text>>>>>);",
    );
    let rows = [
        ("['a', '', 'b']", "{3, 1, 2}", "{'b': [1], 'a': []}", "{a: 1, s: {'x', 'y'}}"),
        ("[]", "{}", "{}", "{a: null, s: null}"),
        ("['日本']", "{-1}", "{'': [1, 2, 3]}", "{a: 2, s: {}}"),
    ];
    for (p, (l, s, m, u)) in rows.iter().enumerate() {
        let row = insert(lits![p], lits![]).set("l", l).set("s", s).set("m", m).set("u", u);
        case.write(row.set("nest", "{1: [{'a'}, {}], 2: []}").at(100));
        case.write(insert(lits![p + 10], lits![]).set("l", l).at(100));
    }
    case.flush();
    case.write(
        update(lits![0], lits![]).set("l", "['over']").set("s", NULL).put("nest", 3, "[{'z'}]").at(200),
    );
    case.write(delete(lits![2], lits![]).column("m").column("u").element("nest", 1).at(200));
    case
}

fn static_collections() -> Case {
    let mut case = Case::new(
        "static_collections",
        "CREATE TABLE {t} (p int, c int, l list<int> static, m map<text, text> static, s set<int> static, x int static,
             v int, PRIMARY KEY (p, c));",
    );
    for p in 0..6 {
        case.write(
            insert(lits![p], lits![])
                .set("l", "[1, 2]")
                .set("m", "{'a': 'b'}")
                .set("s", "{1}")
                .set("x", p)
                .at(100),
        );
        if p % 2 == 0 {
            case.write(insert(lits![p], lits![1]).set("v", p).at(100));
        }
    }
    case.flush();
    case.write(update(lits![0], lits![]).append("l", 3).put("m", "'c'", "'d'").add("s", 2).at(200));
    case.write(update(lits![1], lits![]).set("l", "[9]").set("m", "{}").at(200));
    case.write(delete(lits![2], lits![]).column("l").element("m", "'a'").element("s", 1).at(200));
    case.write(delete(lits![3], lits![]).column("l").column("m").column("s").column("x").at(200));
    case.write(delete(lits![4], lits![]).at(200));
    case.write(update(lits![4], lits![]).add("s", 7).at(201));
    case
}

/// Elements with times to live, expired and not, together with others.
fn element_expiry() -> Case {
    let mut case = Case::new(
        "element_expiry",
        "CREATE TABLE {t} (p int, c int, l list<text>, s set<int>, m map<int, text>, v int, PRIMARY KEY (p, c));",
    );
    let mut random = Random::new(8);
    case.clock(-10_000);
    for at in 0..120 {
        let row = update(lits![at % 4], lits![random.below(10)]);
        let row: Write = match at % 3 {
            0 => row.append("l", random.words(1)),
            1 => row.add("s", random.below(5)),
            _ => row.put("m", random.below(5), random.words(1)),
        };
        let row = row.at(1000 + i64::from(random.below(60)));
        case.write(match random.below(3) {
            0 => row.ttl(1),
            1 => row.ttl(300_000_000),
            _ => row,
        });
        if at == 60 {
            case.flush();
        }
    }
    case.clock(0);
    case
}
