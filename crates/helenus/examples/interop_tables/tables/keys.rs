//! Every type in keys.

use super::literals::{TypeLiterals, key_types};
use crate::case::Case;
use crate::random::Random;
use crate::write::{EMPTY, Write, delete, excl, incl, insert, lits};

pub(super) fn cases() -> Vec<Case> {
    let types: Vec<&TypeLiterals> = key_types().collect();
    let mut cases = Vec::new();
    for half in types.chunks(types.len().div_ceil(2)) {
        let name = if cases.is_empty() { "a" } else { "b" };
        cases.push(partition_key(&format!("pk_composite_{name}"), half));
    }
    for ty in ["blob", "decimal", "inet", "text", "timestamp", "timeuuid", "varint", "boolean", "double"] {
        if let Some(of) = types.iter().find(|of| of.ty == ty) {
            cases.push(single(of));
        }
    }
    for (at, third) in types.chunks(types.len().div_ceil(3)).enumerate() {
        let letter = ["a", "b", "c"][at % 3];
        cases.push(clustering(&format!("ck_asc_{letter}"), third, |_| "ASC"));
        cases.push(clustering(&format!("ck_desc_{letter}"), third, |_| "DESC"));
        cases.push(clustering(&format!("ck_mixed_{letter}"), third, |at| {
            if at % 2 == 0 { "DESC" } else { "ASC" }
        }));
    }
    cases.extend([nested_keys(), many_clusterings(), quoted_names()]);
    cases
}

/// All types as components of one key.
fn partition_key(name: &str, types: &[&TypeLiterals]) -> Case {
    let columns: Vec<String> = types.iter().enumerate().map(|(at, of)| format!("k{at} {}", of.ty)).collect();
    let names: Vec<String> = (0..types.len()).map(|at| format!("k{at}")).collect();
    let schema = format!(
        "CREATE TABLE {{t}} ({}, c int, v text, s int static, PRIMARY KEY (({}), c));",
        columns.join(", "),
        names.join(", ")
    );
    let mut case = Case::new(name, &schema);
    for (at, row) in around_base(types, true).into_iter().enumerate() {
        for c in 0..3 {
            case.write(insert(row.clone(), lits![c]).set("v", format!("'{at}'")).at(100));
        }
        match at % 5 {
            0 => case.write(delete(row.clone(), lits![]).at(100)),
            1 => case.write(insert(row.clone(), lits![]).set("s", at).at(100)),
            2 => case.write(delete(row.clone(), lits![1]).at(100)),
            _ => {}
        }
        if at == 20 {
            case.flush();
        }
    }
    case
}

/// One type as the whole key.
fn single(of: &TypeLiterals) -> Case {
    let schema = format!("CREATE TABLE {{t}} (k {}, v int, s text, PRIMARY KEY (k));", of.ty);
    let mut case = Case::new(&format!("pk_{}", of.ty), &schema);
    for (at, value) in of.values.iter().enumerate() {
        case.write(insert(lits![value], lits![]).set("v", at).set("s", "'x'").at(100));
    }
    case.flush();
    for value in of.values.iter().step_by(3) {
        case.write(delete(lits![value], lits![]).at(101));
        case.write(insert(lits![value], lits![]).set("v", 1000).at(102));
    }
    case
}

/// Rows that differ from a first one in one value, and some that differ in all.
fn around_base(types: &[&TypeLiterals], empty: bool) -> Vec<Vec<String>> {
    let base: Vec<String> = types.iter().map(|of| of.values[0].to_owned()).collect();
    let mut rows = vec![base.clone()];
    for (at, of) in types.iter().enumerate() {
        let values =
            if empty { of.with_empty() } else { of.values.iter().map(|value| (*value).to_owned()).collect() };
        for value in values.into_iter().skip(1) {
            let mut row = base.clone();
            row[at] = value;
            rows.push(row);
        }
    }
    let mut random = Random::new(11);
    for _ in 0..20 {
        rows.push(types.iter().map(|of| random.pick(of.values).to_owned()).collect());
    }
    rows
}

/// All types as clustering columns: rows, deletions of rows and of ranges of each length of prefix.
fn clustering(name: &str, types: &[&TypeLiterals], order: fn(usize) -> &'static str) -> Case {
    let columns: Vec<String> = types.iter().enumerate().map(|(at, of)| format!("k{at} {}", of.ty)).collect();
    let names: Vec<String> = (0..types.len()).map(|at| format!("k{at}")).collect();
    let orders: Vec<String> = (0..types.len()).map(|at| format!("k{at} {}", order(at))).collect();
    let schema = format!(
        "CREATE TABLE {{t}} (p int, {}, v int, t text, PRIMARY KEY (p, {})) WITH CLUSTERING ORDER BY ({});",
        columns.join(", "),
        names.join(", "),
        orders.join(", ")
    );
    let mut case = Case::new(name, &schema);
    let rows = around_base(types, true);
    for (at, row) in rows.iter().enumerate() {
        for p in 0..3 {
            case.write(insert(lits![p], row.clone()).set("v", at).set("t", "'some text'").at(100));
        }
    }
    case.flush();
    for (at, row) in rows.iter().enumerate().step_by(3) {
        case.write(delete(lits![1], row.clone()).at(200 + at as i64));
        case.write(range(row, types.len(), at).at(200 + at as i64 % 2));
    }
    case
}

/// A range deletion of partition 2 around a row's values, of one of eight kinds.
fn range(row: &[String], columns: usize, at: usize) -> Write {
    let prefix = row[..at % columns].to_vec();
    let value = vec![row[at % columns].clone()];
    // Nothing is below an empty value, and CQL refuses to look there.
    let is_empty = [EMPTY, "''", "0x"].contains(&value[0].as_str());
    let write = delete(lits![2], prefix);
    match (at / 3) % 5 {
        0 if !is_empty => write.between(excl(value), None),
        1 if !is_empty => write.between(None, excl(value)),
        2 => write.between(incl(value.clone()), incl(value)),
        3 => write.between(None, incl(value)),
        _ => write.between(incl(value), None),
    }
}

/// Frozen collections, tuples and user types as keys.
fn nested_keys() -> Case {
    let mut case = Case::new(
        "nested_keys",
        "CREATE TYPE {k}.nk_udt (a int, b text);
         CREATE TABLE {t} (
             p1 frozen<list<int>>, p2 frozen<nk_udt>,
             c1 frozen<set<text>>, c2 frozen<tuple<int, text>>, c3 frozen<map<int, text>>, c4 frozen<nk_udt>,
             v int,
             PRIMARY KEY ((p1, p2), c1, c2, c3, c4)) WITH CLUSTERING ORDER BY (c1 ASC, c2 DESC, c3 ASC, c4 DESC);",
    );
    let pick = |from: &[&'static str], at: usize| from[at % from.len()];
    for at in 0..160usize {
        let p1 = pick(&["[]", "[1]", "[1, 2]", "[2]"], at / 3);
        let p2 = pick(&["{a: 1, b: 'x'}", "{a: null, b: ''}"], at / 2);
        let c1 = pick(&["{}", "{'a'}", "{'a', 'b'}", "{'b'}", "{''}"], at);
        let c2 =
            pick(&["(1, 'a')", "(null, 'a')", "(1, null)", "(2, '')", "(-1, 'z')", "(null, null)"], at / 5);
        let c3 = pick(&["{}", "{1: 'x'}", "{1: 'x', 2: 'y'}", "{2: ''}"], at / 7);
        let c4 = pick(&["{a: 1, b: 'x'}", "{a: 1, b: null}", "{a: null, b: 'y'}"], at / 11);
        case.write(insert(lits![p1, p2], lits![c1, c2, c3, c4]).set("v", at).at(100 + at as i64));
        if at % 10 == 9 {
            case.write(delete(lits![p1, p2], lits![c1, c2]).at(100 + at as i64 - 3));
        }
        if at == 100 {
            case.flush();
        }
    }
    case
}

/// More clustering columns than the header of one batch holds.
fn many_clusterings() -> Case {
    let columns: Vec<String> =
        (0..34).map(|at| format!("k{at:02} {}", if at % 3 == 0 { "text" } else { "int" })).collect();
    let names: Vec<String> = (0..34).map(|at| format!("k{at:02}")).collect();
    let mut case = Case::new(
        "many_clusterings",
        &format!(
            "CREATE TABLE {{t}} (p int, {}, v int, PRIMARY KEY (p, {}));",
            columns.join(", "),
            names.join(", ")
        ),
    );
    for row in 0..60usize {
        let values: Vec<String> = (0..34usize)
            .map(|at| {
                let value = if at == row % 34 { row } else { at / 5 };
                match at % 3 {
                    0 if at == row % 34 && row > 40 => "''".to_owned(),
                    0 => format!("'{value}'"),
                    1 if at == row % 34 && row > 50 => EMPTY.to_owned(),
                    _ => value.to_string(),
                }
            })
            .collect();
        case.write(insert(lits![row % 2], values.clone()).set("v", row).at(100));
        if row % 6 == 5 {
            case.write(delete(lits![row % 2], values[..row % 34].to_vec()).at(if row % 34 < 3 {
                99
            } else {
                100
            }));
        }
    }
    case
}

fn quoted_names() -> Case {
    let mut case = Case::new(
        "quoted_names",
        r#"CREATE TYPE {k}."Quoted Type" ("The Field" int, "select" text);
         CREATE TABLE {k}."QuotedTable" (
             "The Key" int, "From" text, "Ünïcode" frozen<"Quoted Type">, "a""quote" int static, "Where" set<text>,
             PRIMARY KEY ("The Key", "From"));"#,
    );
    for at in 0..20 {
        let row = insert(lits![at % 3], lits![format!("'{at}'")])
            .set("Ünïcode", format!("{{\"The Field\": {at}, \"select\": 'x'}}"))
            .set("a\"quote", at)
            .set("Where", "{'a', 'b'}");
        case.write(row.at(100 + at));
    }
    case.write(delete(lits![1], lits!["'4'"]).column("Where").at(500));
    case
}
