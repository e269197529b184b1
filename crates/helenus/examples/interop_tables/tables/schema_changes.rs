//! Tables whose columns and types changed between and within generations.

use crate::case::Case;
use crate::write::{delete, insert, lits, update};

pub(super) fn cases() -> Vec<Case> {
    vec![dropped(), dropped_and_added(), type_grown(), key_renamed(), altered_options()]
}

fn dropped() -> Case {
    let mut case = Case::new(
        "altered_dropped",
        "CREATE TABLE {t} (p int, c int, gone int, gone_m map<int, text>, gone_s text static, s int static, v int, PRIMARY KEY (p, c));",
    );
    for c in 0..20 {
        let row = insert(lits![c % 3], lits![c])
            .set("gone", c)
            .set("gone_m", "{1: 'x'}")
            .set("gone_s", "'s'")
            .set("v", c);
        case.write(row.set("s", c).at(100));
        case.write(update(lits![c % 3], lits![100 + c]).set("gone", c).at(100));
    }
    case.flush();
    for column in ["gone", "gone_m", "gone_s"] {
        case.schema(&format!("ALTER TABLE {{t}} DROP {column};"));
    }
    for c in 10..30 {
        case.write(insert(lits![c % 3], lits![c]).set("v", -c).at(200));
    }
    case.schema("ALTER TABLE {t} ADD added text;");
    for c in 20..40 {
        case.write(insert(lits![c % 3], lits![c]).set("added", "'new'").at(300));
    }
    case
}

/// A column that was dropped comes back: what it held before stays away. One generation is ours
/// after compaction.
fn dropped_and_added() -> Case {
    let mut case = Case::new(
        "altered_added_again",
        "CREATE TABLE {t} (p int, c int, v int, back int, back_l list<int>, PRIMARY KEY (p, c));",
    );
    for c in 0..20 {
        case.write(insert(lits![c % 3], lits![c]).set("v", c).set("back", c).set("back_l", "[1, 2]"));
    }
    case.flush();
    case.schema("ALTER TABLE {t} DROP back;");
    case.schema("ALTER TABLE {t} DROP back_l;");
    for c in 20..25 {
        case.write(insert(lits![c % 3], lits![c]).set("v", c));
    }
    case.schema("ALTER TABLE {t} ADD back int;");
    case.schema("ALTER TABLE {t} ADD back_l list<int>;");
    for c in 10..30 {
        case.write(update(lits![c % 3], lits![c]).set("back", 1000 + c).append("back_l", c));
    }
    case.compact();
    for c in 25..35 {
        case.write(update(lits![c % 3], lits![c]).set("back", 2000 + c));
    }
    case
}

fn type_grown() -> Case {
    let mut case = Case::new(
        "altered_type",
        "CREATE TYPE {k}.at_address (street text, zip int);
         CREATE TABLE {t} (p int, c int, a at_address, f frozen<at_address>, l list<frozen<at_address>>, s at_address static, PRIMARY KEY (p, c));",
    );
    for c in 0..12 {
        let address = format!("{{street: 'Main {c}', zip: {c}}}");
        case.write(
            insert(lits![c % 2], lits![c])
                .set("a", &address)
                .set("f", &address)
                .set("l", format!("[{address}]"))
                .set("s", &address)
                .at(100),
        );
    }
    case.flush();
    case.schema("ALTER TYPE {k}.at_address ADD country text;");
    case.schema("ALTER TYPE {k}.at_address RENAME zip TO code;");
    for c in 6..18 {
        let address = format!("{{street: 'New {c}', code: {c}, country: 'NZ'}}");
        case.write(
            update(lits![c % 2], lits![c])
                .field("a", "country", "'PT'")
                .append("l", &address)
                .set("f", &address)
                .at(200),
        );
        if c % 5 == 0 {
            case.write(delete(lits![c % 2], lits![c]).column("a").at(201));
        }
    }
    case.flush();
    case.schema("ALTER TYPE {k}.at_address ADD floor int;");
    case.write(update(lits![0], lits![]).field("s", "floor", 3).at(300));
    case
}

fn key_renamed() -> Case {
    let mut case = Case::new("altered_key", "CREATE TABLE {t} (a int, b int, v int, PRIMARY KEY (a, b));");
    for b in 0..10 {
        case.write(insert(lits![1], lits![b]).set("v", b).at(100));
    }
    case.flush();
    case.schema("ALTER TABLE {t} RENAME a TO z AND b TO y;");
    for b in 5..15 {
        case.write(insert(lits![1], lits![b]).set("v", -b).at(200));
    }
    case
}

/// Options that change from generation to generation.
fn altered_options() -> Case {
    let mut case =
        Case::new("altered_options", "CREATE TABLE {t} (p int, c int, v text, PRIMARY KEY (p, c));");
    let options = [
        "compression = {'class': 'ZstdCompressor', 'chunk_length_in_kb': '64'}",
        "compression = {'enabled': 'false'} AND bloom_filter_fp_chance = 1.0",
        "compression = {'class': 'SnappyCompressor', 'chunk_length_in_kb': '4'} AND bloom_filter_fp_chance = 0.1",
    ];
    for (at, option) in options.iter().enumerate() {
        for c in 0..200 {
            let time = 100 + at as i64;
            case.write(
                insert(lits![c % 9], lits![c + at as i64 * 50])
                    .set("v", format!("'value {c} of {at}'"))
                    .at(time),
            );
        }
        case.flush();
        case.schema(&format!("ALTER TABLE {{t}} WITH {option};"));
    }
    for c in 0..50 {
        case.write(delete(lits![c % 9], lits![c]).at(200));
    }
    case
}
