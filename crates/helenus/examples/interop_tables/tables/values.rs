//! Every type as a value.

use super::literals::TYPES;
use crate::case::Case;
use crate::random::Random;
use crate::write::{NULL, delete, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![scalars(), scalars_clustered(), tuples_and_types(), vectors(), numbers(), many_columns()]
}

fn columns() -> Vec<(String, &'static str)> {
    TYPES.iter().enumerate().map(|(at, of)| (format!("c{at}"), of.ty)).collect()
}

/// A row for each value of each type, rows of all of them, nulls, deletions of single columns.
fn scalars() -> Case {
    let columns = columns();
    let defined: Vec<String> = columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    let mut case =
        Case::new("scalars", &format!("CREATE TABLE {{t}} (p int PRIMARY KEY, {});", defined.join(", ")));
    let mut p = 0;
    for ((column, _), of) in columns.iter().zip(&TYPES) {
        for value in of.with_empty() {
            p += 1;
            case.write(insert(lits![p], lits![]).set(column, value).at(1000 + i64::from(p)));
        }
    }
    for round in 0..14 {
        let mut row = insert(lits![1000 + round], lits![]).at(5000);
        for ((column, _), of) in columns.iter().zip(&TYPES) {
            row = row.set(column, of.values[round % of.values.len()]);
        }
        case.write(row);
    }
    case.flush();
    for (at, (column, _)) in columns.iter().enumerate() {
        case.write(delete(lits![1000 + at % 14], lits![]).column(column).at(6000));
        case.write(update(lits![1000 + (at + 3) % 14], lits![]).set(column, NULL).at(6001));
        case.write(insert(lits![2000 + at], lits![]).set(column, NULL).at(6000));
        case.write(update(lits![3000 + at], lits![]).set(column, TYPES[at].values[0]).at(6000));
    }
    case
}

/// The same as clustered rows, with TTLs.
fn scalars_clustered() -> Case {
    let columns = columns();
    let defined: Vec<String> = columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    let mut case = Case::new(
        "scalars_clustered",
        &format!("CREATE TABLE {{t}} (p int, c int, {}, PRIMARY KEY (p, c));", defined.join(", ")),
    );
    let mut random = Random::new(3);
    for at in 0..600 {
        let mut row = if at % 3 == 0 {
            update(lits![at % 5], lits![at / 5])
        } else {
            insert(lits![at % 5], lits![at / 5])
        };
        for ((column, _), of) in columns.iter().zip(&TYPES) {
            if !random.one_in(3) {
                row = row.set(column, random.pick(of.values));
            }
        }
        row = row.at(1000 + i64::from(random.below(50)));
        if random.one_in(4) && at % 3 != 0 {
            row = row.ttl(100_000_000 + random.below(1000));
        }
        if !row.changes.is_empty() || at % 3 != 0 {
            case.write(row);
        }
        if at % 250 == 249 {
            case.flush();
        }
    }
    case
}

fn tuples_and_types() -> Case {
    let mut case = Case::new(
        "tuples_and_types",
        "CREATE TYPE {k}.tt_inner (a int, b text, c frozen<list<int>>);
         CREATE TYPE {k}.tt_outer (i frozen<tt_inner>, m frozen<map<text, frozen<tt_inner>>>, t frozen<tuple<int, text>>);
         CREATE TABLE {t} (
             p int, c int,
             tup tuple<int, text, double>,
             nest frozen<tuple<frozen<tuple<int, int>>, frozen<set<text>>, duration>>,
             fu frozen<tt_outer>,
             u tt_inner,
             us tt_inner static,
             lu list<frozen<tt_inner>>,
             PRIMARY KEY (p, c));",
    );
    let inner = "{a: 1, b: 'x', c: [1, 2, 3]}";
    for (c, tup) in
        ["(1, 'a', 1.5)", "(null, null, null)", "(1, null, 2.5)", "(null, '', null)"].iter().enumerate()
    {
        case.write(insert(lits![1], lits![c]).set("tup", tup).set("u", inner).at(100));
    }
    let nests = ["((1, 2), {'a', 'b'}, 1mo2d3ns)", "((null, 2), {}, null)", "(null, null, null)"];
    for (c, nest) in nests.iter().enumerate() {
        case.write(insert(lits![2], lits![c]).set("nest", nest).at(100));
    }
    let outers = [
        "{i: {a: 1, b: 'x', c: []}, m: {'k': {a: 2, b: null, c: null}}, t: (7, 'seven')}",
        "{i: null, m: {}, t: (null, null)}",
        "{i: {a: null, b: null, c: null}, m: null, t: null}",
    ];
    for (c, outer) in outers.iter().enumerate() {
        case.write(insert(lits![3], lits![c]).set("fu", outer).set("us", inner).at(100));
    }
    for c in 0..8 {
        case.write(insert(lits![4], lits![c]).set("u", inner).at(100));
        case.write(
            update(lits![4], lits![c]).append("lu", inner).append("lu", "{a: null, b: 'y', c: null}").at(101),
        );
    }
    case.flush();
    case.write(update(lits![4], lits![0]).field("u", "a", 5).at(200));
    case.write(update(lits![4], lits![1]).field("u", "b", NULL).at(200));
    case.write(update(lits![4], lits![2]).set("u", NULL).at(200));
    case.write(update(lits![4], lits![3]).set("u", "{a: 9, b: null, c: null}").at(200));
    case.write(update(lits![4], lits![4]).field("u", "c", "[7]").field("u", "a", 8).at(200).ttl(100_000_000));
    case.write(delete(lits![4], lits![5]).column("u").at(200));
    case.write(
        delete(lits![4], lits![6])
            .change("u", crate::write::Change::SetField("b".into(), NULL.into()))
            .at(200),
    );
    case.write(update(lits![3], lits![]).field("us", "a", 77).at(200));
    case.write(update(lits![5], lits![]).field("us", "b", "'only static'").at(200));
    case
}

fn vectors() -> Case {
    let mut case = Case::new(
        "vectors",
        "CREATE TYPE {k}.vec_udt (a int, b text);
         CREATE TABLE {t} (
             p int PRIMARY KEY,
             f vector<float, 4>,
             i vector<int, 2>,
             t vector<text, 3>,
             v vector<varint, 2>,
             n vector<vector<double, 2>, 2>,
             l vector<frozen<list<int>>, 2>,
             b vector<boolean, 9>,
             u vector<frozen<vec_udt>, 1>,
             lv list<frozen<vector<float, 2>>>,
             mv map<text, frozen<vector<text, 2>>>);",
    );
    let rows: [&[(&str, &str)]; 5] = [
        &[("f", "[1.0, -2.5, 0.0, 1e30]"), ("i", "[1, -1]"), ("t", "['', 'b', '日本']")],
        &[("v", "[0, 12345678901234567890123456789]"), ("n", "[[1.0, 2.0], [-0.5, 1e300]]")],
        &[("l", "[[], [1, 2, 3]]"), ("b", "[true, false, true, true, false, false, false, true, true]")],
        &[("u", "[{a: 1, b: 'x'}]"), ("lv", "[[1.0, 2.0], [3.0, 4.0]]")],
        &[("mv", "{'a': ['x', 'y'], 'b': ['', 'z']}")],
    ];
    for (p, row) in rows.iter().enumerate() {
        let write =
            row.iter().fold(insert(lits![p], lits![]), |write, (column, value)| write.set(column, value));
        case.write(write.at(100));
    }
    case.flush();
    case.write(update(lits![3], lits![]).append("lv", "[5.0, 6.0]").at(200));
    case.write(update(lits![4], lits![]).put("mv", "'c'", "['1', '2']").at(200));
    case.write(delete(lits![4], lits![]).element("mv", "'a'").at(200));
    case.write(delete(lits![0], lits![]).column("f").at(200));
    case
}

/// Varints, decimals and durations of all lengths, signs and scales.
fn numbers() -> Case {
    let mut case = Case::new(
        "numbers",
        "CREATE TABLE {t} (p int, c varint, d decimal, v varint, s duration, sd set<decimal>, mv map<varint, decimal>,
             ld list<duration>, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC);",
    );
    let mut random = Random::new(5);
    let mut integer = |bits: u32| -> String {
        let digits = 1 + bits * 3 / 10;
        let mut text: String =
            (0..digits).map(|_| char::from_digit(random.below(10), 10).unwrap_or('0')).collect();
        text.insert(0, '1');
        if random.one_in(2) { format!("-{text}") } else { text }
    };
    for at in 0..400u32 {
        let c = integer(at % 130);
        let unscaled = integer(at % 90);
        let scale = i64::from(at % 41) - 20;
        let v = integer(at);
        let seconds = i64::from(at) - 200;
        let row = insert(lits![at % 3], lits![c])
            .set("d", format!("{unscaled}E{scale}"))
            .set("v", v)
            .set(
                "s",
                format!(
                    "{}{}mo{}d{}ns",
                    if seconds < 0 { "-" } else { "" },
                    at % 30,
                    at,
                    seconds.abs() * 1_000_003
                ),
            )
            .at(1000);
        case.write(row);
    }
    for at in 0..20 {
        let write = update(lits![7], lits![1])
            .add("sd", format!("{at}.{}0", at % 5))
            .put("mv", format!("{}", i64::from(at - 10) << (at * 2)), format!("{at}E-{at}"))
            .append("ld", format!("{at}d{at}ns"));
        case.write(write.at(1000 + i64::from(at)));
    }
    case
}

/// More columns than a bitmap has room for, rows with few and with many of them.
fn many_columns() -> Case {
    let columns: Vec<String> = (0..100)
        .map(|at| match at % 4 {
            0 => format!("c{at:02} int"),
            1 => format!("c{at:02} text"),
            2 => format!("c{at:02} set<int>"),
            _ => format!("c{at:02} int static"),
        })
        .collect();
    let mut case = Case::new(
        "many_columns",
        &format!("CREATE TABLE {{t}} (p int, c int, {}, PRIMARY KEY (p, c));", columns.join(", ")),
    );
    let mut random = Random::new(6);
    for at in 0..300 {
        let dense = at % 3;
        let mut row = insert(lits![at % 7], lits![at / 7]).at(1000 + at);
        for column in 0..100 {
            if (dense == 0 && random.one_in(10))
                || (dense == 1 && !random.one_in(10))
                || (dense == 2 && column == at % 100)
            {
                let name = format!("c{column:02}");
                row = match column % 4 {
                    1 => row.set(&name, random.words(1)),
                    2 => row.set(&name, format!("{{{}, {}}}", random.below(9), random.below(9) + 10)),
                    _ => row.set(&name, random.below(1000)),
                };
            }
        }
        case.write(row);
        if at == 150 {
            case.flush();
        }
    }
    case
}
