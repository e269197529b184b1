//! Literals as the bytes of values, against what a real Cassandra made of them.
//!
//! `HELENUS_CQL` names a folder of scripts with Cassandra's answers; without it only the cases here
//! are checked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use helenus_cql_syntax::{
    CqlType, CreateTable, InsertValues, LiteralError, Statement, Term, Using, parse_literal, parse_statement,
    parse_term, parse_text, parse_type,
};
use helenus_types::{Hex, Type, UserType};
use serde_json::Value;

fn lookup(name: &str) -> Option<Type> {
    let fields = ["a", "to"].map(|field| (field.to_owned(), Type::Int)).to_vec();
    (name == "pair").then(|| Type::udt(UserType { keyspace: "ks".into(), name: name.into(), fields }))
}

fn named(ty: &str) -> Type {
    parse_type(ty).unwrap().resolve("ks", &lookup).unwrap()
}

/// What a statement makes of a literal: hexadecimal digits, `null`, or why not.
#[track_caller]
fn check(ty: &str, literal: &str, expected: &str) {
    let mut out = Vec::new();
    let found = match parse_term(literal).unwrap().encode("v", &named(ty), &mut out) {
        Ok(true) => Hex(&out).to_string(),
        Ok(false) => "null".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{literal} as {ty}");
}

#[test]
fn constants() {
    check("int", "-7", "fffffff9");
    check("int", "null", "null");
    check("int", "2147483648", "Unable to make int from '2147483648'");
    check("int", "'7'", "Invalid STRING constant (7) for \"v\" of type int");
    check("int", "''", "Invalid STRING constant () for \"v\" of type int");
    check("int", "(7)", "00000007");
    check("double", "7", "401c000000000000");
    check("text", "$$it's$$", "69742773");
    check("blob", "0xcafe", "cafe");
    check("blob", "0xabc", "cannot parse 'abc' as hex bytes");
    check("tinyint", "0xca", "ca");
    check("boolean", "TRUE", "01");
    check("counter", "null", "Invalid null value for counter increment/decrement");
    check("timestamp", "'2016-13-01'", "Unable to parse a date/time from '2016-13-01'");
    check("uuid", "uuid()", "uuid() is not a literal");
    check("inet", "'1.2.3'", "01020003");
    check("inet", "'1.2.65536'", "Unable to make inet address from '1.2.65536'");
    check("inet", "'1'", "00000001");
    check("inet", "'LOCALHOST'", "7f000001");
    check("inet", "'example.org'", "Unable to make inet address from 'example.org'");
    check("duration", "1h1h", "Invalid duration. The hours are specified multiple times");
    check("duration", "1d1mo", "Invalid duration. The days should be after months");
    check("duration", "178956970y8mo", {
        "Invalid duration. The total number of months must be less or equal to 2147483647"
    });
}

#[test]
fn a_constant_as_the_text_of_a_tuple() {
    check("tuple<int, text>", "1", "0000000400000001");
    check("tuple<int, text>", "'1:a'", "00000004000000010000000161");
    check("tuple<int, text>", "'@:a\\:b'", "ffffffff00000003613a62");
    check("tuple<int, text>", "'a'", "Unable to make int from 'a'");
    check(
        "tuple<int, text>",
        "'1:a:b'",
        "Invalid tuple literal: too many elements. Type frozen<tuple<int, text>> expects 2 but got 3",
    );
    check("set<frozen<tuple<int, text>>>", "{1, 'a'}", "Unable to make int from 'a'");
}

#[test]
fn collections() {
    check("list<int>", "[1, 2]", "000000020000000400000001000000040000000200000000".get(..40).unwrap());
    check("set<int>", "{2, 1, 2}", "0000000200000004000000010000000400000002");
    check("map<int, int>", "{}", "00000000");
    check("map<int, int>", "{1: 2}", "0000000100000004000000010000000400000002");
    check("vector<int, 2>", "[1, 2]", "0000000100000002");
    check("tuple<int, text>", "(1)", "0000000400000001");
    check("tuple<int, text>", "(null, '')", "ffffffff00000000");
    check("pair", "{\"to\": 2}", "ffffffff0000000400000002");
    check("list<int>", "[null]", "null is not supported inside collections");
    check("list<int>", "['a']", "Invalid list literal for v: value 'a' is not of type int");
    check("list<frozen<set<int>>>", "[{99999999999}]", "Unable to make int from '99999999999'");
    check("set<int>", "[1]", "Unexpected receiver type 'set<int>'; only list and vector are expected");
    check("map<int, int>", "{1}", "Invalid set literal for v of type map<int, int>");
    check("map<int, int>", "{'a': 1}", "Invalid map literal for v: key 'a' is not of type int");
    check("pair", "{b: 2}", "Unknown field 'b' in value of user defined type pair");
    check("pair", "{a: 'x'}", "Invalid user type literal for v: field a is not of type int");
}

/// Texts that values were printed as have two liberties more.
#[test]
fn texts() {
    assert_eq!(parse_literal(&Type::Int, "''"), Ok(Vec::new()));
    assert_eq!(parse_literal(&Type::list(Type::Int), "['']").map(|bytes| bytes.len()), Ok(8));
    assert_eq!(parse_literal(&named("pair"), "{a: null, to: 2}").map(|bytes| bytes.len()), Ok(12));
    assert_eq!(parse_text(&Type::Text, "it's"), Ok(b"it's".to_vec()));
    assert_eq!(parse_text(&Type::Int, " 7 "), Ok(vec![0, 0, 0, 7]));
    assert_eq!(parse_text(&Type::Int, "''"), Ok(Vec::new()));
    for (ty, text) in
        [("int", "null"), ("int", "7 8"), ("int", ""), ("list<int>", "[1"), ("list<int>", "[null]")]
    {
        assert!(parse_literal(&named(ty), text).is_err(), "{ty} {text}");
    }
}

/// Statements about which we differ, by a part of their text.
const KNOWN: [&str; 14] = [
    // Functions inside of literals, whose types Cassandra knows.
    "uuid()",
    // Names of hosts, and addresses that lack parts.
    "'localhost'",
    "'1.2.3'",
    // Cassandra says more about what is wrong with a duration.
    "9223372036854775808ns",
    "1h1h",
    "1d1mo",
    "2147483648mo",
    "178956970y8mo",
    // A constant for a tuple is the text that Cassandra prints one as; only the schema's own tools
    // need that.
    "tundra38 (k, v) VALUES (13, 'a')",
    "tundra38 (k, v) VALUES (14, 1)",
    "violet13 (k, v) VALUES (13, 'a')",
    "violet13 (k, v) VALUES (14, 1)",
    "willow11 (k, v) VALUES (20, {1, 'a'})",
    // Two bytes are no `tinyint`, though Cassandra writes them.
    "cedar (k, v) VALUES (27, 0xcafe)",
];

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn scripts() -> Vec<PathBuf> {
    let root = std::env::var_os("HELENUS_CQL")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cql"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join("scripts")) else {
        println!("skipped: there are no scripts at {} (HELENUS_CQL)", root.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

/// A script's tables as they were created, and what is inserted into them.
#[derive(Default)]
struct Script {
    types: BTreeMap<String, Type>,
    tables: HashMap<String, HashMap<String, Type>>,
    /// By table and key `k`, of tables that have no other: the values that were inserted last,
    /// while nothing else has changed any.
    rows: HashMap<(String, String), HashMap<String, Option<String>>>,
    keyed: HashSet<String>,
    checked: usize,
    refused: usize,
    compared: usize,
    differences: Vec<String>,
}

impl Script {
    fn resolve(&self, ty: &CqlType, keyspace: &str) -> Option<Type> {
        ty.resolve(keyspace, &|name| self.types.get(name).cloned()).ok()
    }

    fn create(&mut self, table: &CreateTable, keyspace: &str) {
        let columns = table.columns.iter().filter_map(|column| {
            Some((column.name.as_str().to_owned(), self.resolve(&column.cql_type, keyspace)?))
        });
        let columns = columns.collect();
        let name = table.name.name.as_str().to_owned();
        let Some(key) = table.primary_keys.first() else { return };
        if matches!(key.partition_key.as_slice(), [key] if *key == "k") && key.clustering.is_empty() {
            self.keyed.insert(name.clone());
        }
        self.tables.insert(name, columns);
    }

    fn run(&mut self, record: &Value, keyspace: &str) {
        let (Some(cql), Some(kind)) = (record["cql"].as_str(), record["kind"].as_str()) else { return };
        let Ok(statement) = parse_statement(cql) else { return };
        match (&statement, kind) {
            (Statement::CreateType(create), "schema_change") => {
                let fields = create.fields.iter().map(|field| {
                    Some((field.name.as_str().to_owned(), self.resolve(&field.cql_type, keyspace)?))
                });
                let Some(fields) = fields.collect::<Option<Vec<_>>>() else { return };
                let name = create.name.name.as_str().to_owned();
                let ty = UserType { keyspace: keyspace.to_owned(), name: name.clone(), fields };
                self.types.insert(name, Type::udt(ty));
            }
            (Statement::CreateTable(create), "schema_change") => self.create(create, keyspace),
            // Whatever else changes a schema: the tables are not what they were.
            (_, "schema_change") => {
                self.types.clear();
                self.tables.clear();
                self.keyed.clear();
            }
            (Statement::Insert(insert), "void" | "error") => {
                let InsertValues::Columns { columns, values } = &insert.values else { return };
                let Some(types) = self.tables.get(insert.table.name.as_str()) else { return };
                let is_plain = insert.using == Using::default() && !insert.if_not_exists;
                if columns.len() != values.len() || record.get("stage").is_some() {
                    return;
                }
                if KNOWN.iter().any(|known| cql.contains(known)) {
                    self.rows.clear();
                    return;
                }
                let encoded: Option<Vec<_>> = columns
                    .iter()
                    .zip(values)
                    .map(|(column, term)| {
                        Some((column.as_str(), term, encode(term, column.as_str(), types)?))
                    })
                    .collect();
                let Some(encoded) = encoded else { return };
                if kind == "void" && !is_plain {
                    self.rows.clear();
                } else if kind == "void" {
                    self.keep(insert.table.name.as_str(), &encoded);
                }
                let first_error = encoded.iter().find_map(|(.., found)| found.as_ref().err());
                let message = record["message"].as_str().unwrap_or_default();
                match first_error {
                    Some(LiteralError::NotLiteral(_)) => {}
                    Some(error) => {
                        // A field's text says whether it is ASCII in Java's words.
                        let ours = error.to_string();
                        if message != ours
                            && !(message.starts_with("Invalid ASCII") && ours.starts_with("Invalid ASCII"))
                        {
                            let text = format!("{cql}\n  Cassandra: {kind} {message}\n  ours: {ours}");
                            self.differences.push(text);
                        }
                        self.refused += 1;
                    }
                    None if kind == "error" => {
                        if is_plain && is_about_literals(message) {
                            self.differences.push(format!("{cql}\n  Cassandra: {message}\n  ours: taken"));
                        }
                    }
                    None => self.checked += encoded.len(),
                }
            }
            (Statement::Select(select), "rows") => self.compare(select.table.name.as_str(), record),
            (Statement::Select(_), _) | (_, "error" | "prepared") => {}
            _ => self.rows.clear(),
        }
    }

    fn keep(&mut self, table: &str, encoded: &[(&str, &Term, Encoded)]) {
        let key = encoded.iter().find(|(column, ..)| *column == "k");
        let (Some((.., Ok(Some(key)))), true) = (key, self.keyed.contains(table)) else { return };
        let row = self.rows.entry((table.to_owned(), key.clone())).or_default();
        for (column, _, value) in encoded {
            match value {
                Ok(value) => row.insert((*column).to_owned(), value.clone()),
                Err(_) => row.remove(*column),
            };
        }
    }

    /// Compares rows that Cassandra returned with what was inserted.
    fn compare(&mut self, table: &str, record: &Value) {
        let columns: Vec<&str> =
            record["columns"].as_array().unwrap().iter().map(|column| column[0].as_str().unwrap()).collect();
        let Some(key_at) = columns.iter().position(|column| *column == "k") else { return };
        for row in record["hex"].as_array().unwrap() {
            let Some(key) = row[key_at].as_str() else { continue };
            let Some(kept) = self.rows.get(&(table.to_owned(), key.to_owned())) else { continue };
            for (column, found) in columns.iter().zip(row.as_array().unwrap()) {
                let Some(expected) = kept.get(*column) else { continue };
                let ty = self.tables.get(table).and_then(|types| types.get(*column));
                // A collection without elements, or a user type without fields, is no cell.
                if found.is_null() && ty.is_some_and(Type::is_multi_cell) {
                    continue;
                }
                if expected.as_deref() != found.as_str() {
                    let text =
                        format!("{table}.{column}, key {key}\n  Cassandra: {found}\n  ours: {expected:?}");
                    self.differences.push(text);
                }
                self.compared += 1;
            }
        }
    }
}

type Encoded = Result<Option<String>, LiteralError>;

/// A literal's value; nothing where the column isn't known.
fn encode(term: &Term, column: &str, types: &HashMap<String, Type>) -> Option<Encoded> {
    let ty = types.get(column)?;
    let mut out = Vec::new();
    let found = term.encode(column, ty, &mut out);
    Some(found.map(|some| some.then(|| Hex(&out).to_string())))
}

/// Whether Cassandra's error is one about what a literal is.
fn is_about_literals(message: &str) -> bool {
    ["Unable to make", "unable to make", "Unable to coerce", "Unable to parse", "Unexpected receiver"]
        .iter()
        .any(|start| message.starts_with(start))
        || message.starts_with("Invalid")
            && (message.contains(" constant (") || message.contains(" literal for "))
}

#[test]
fn cassandra_takes_and_refuses_the_same_literals() {
    let (mut checked, mut refused, mut compared) = (0, 0, 0);
    let scripts = scripts();
    for path in &scripts {
        let text = std::fs::read_to_string(path).unwrap();
        let keyspace = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut script = Script::default();
        for line in text.lines() {
            script.run(&serde_json::from_str(line).unwrap(), &keyspace);
        }
        checked += script.checked;
        refused += script.refused;
        compared += script.compared;
        assert!(script.differences.is_empty(), "{keyspace}:\n{}", script.differences.join("\n"));
    }
    let counts = format!("{checked} values taken, {refused} refused, {compared} compared");
    println!("{counts}");
    assert!(scripts.is_empty() || checked > 3000 && refused > 300 && compared > 300, "{counts}");
}
