//! What may stand where Tab is pressed.

use helenus::cql::token_spans;
use helenus::{Catalog, Identifier};

use super::command::COMMANDS;

/// Words of statements, in the order in which they are offered.
const WORDS: [&str; 74] = [
    "ADD",
    "AGGREGATE",
    "ALLOW FILTERING",
    "ALTER",
    "AND",
    "APPLY BATCH",
    "AS",
    "ASC",
    "BEGIN BATCH",
    "BY",
    "CAST",
    "CLUSTERING ORDER BY",
    "COLUMNFAMILY",
    "CONTAINS",
    "COUNTER",
    "CREATE",
    "CUSTOM",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ENTRIES",
    "EXISTS",
    "FILTERING",
    "FROM",
    "FULL",
    "FUNCTION",
    "GROUP BY",
    "IF EXISTS",
    "IF NOT EXISTS",
    "IN",
    "INDEX",
    "INSERT INTO",
    "IS NOT NULL",
    "JSON",
    "KEY",
    "KEYS",
    "KEYSPACE",
    "LIKE",
    "LIMIT",
    "LIST",
    "LOGGED",
    "MASKED WITH",
    "MATERIALIZED VIEW",
    "MAXWRITETIME",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER BY",
    "PER PARTITION LIMIT",
    "PRIMARY KEY",
    "RENAME",
    "REPLACE",
    "REPLICATION",
    "SELECT",
    "SET",
    "STATIC",
    "STORAGE",
    "TABLE",
    "TIMESTAMP",
    "TO",
    "TOKEN",
    "TRUNCATE",
    "TTL",
    "TYPE",
    "UNLOGGED",
    "UNSET",
    "UPDATE",
    "USE",
    "USING TIMESTAMP",
    "VALUES",
    "WHERE",
    "WITH",
];
/// Words after which a table's name stands.
const BEFORE_TABLES: [&str; 10] =
    ["FROM", "INTO", "UPDATE", "TABLE", "COLUMNFAMILY", "TRUNCATE", "COPY", "DESCRIBE", "DESC", "ON"];
/// Words after which a keyspace's name stands.
const BEFORE_KEYSPACES: [&str; 2] = ["USE", "KEYSPACE"];
/// Words that begin a statement.
const BEGINNINGS: [&str; 11] = [
    "ALTER",
    "BEGIN BATCH",
    "CREATE",
    "DELETE",
    "DROP",
    "INSERT INTO",
    "SELECT",
    "TRUNCATE",
    "UPDATE",
    "USE",
    "LIST",
];

/// Where the word before the end of `text` begins, and what may stand there, in order. `text` is
/// the statement up to the cursor.
pub(super) fn complete(catalog: &Catalog, keyspace: Option<&str>, text: &str) -> (usize, Vec<String>) {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"');
    let start =
        text.char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(text.len(), |(at, _)| at);
    let (before, part) = text.split_at_checked(start).unwrap_or((text, ""));
    let words: Vec<&str> = token_spans(before).into_iter().map(|span| span.of(before)).collect();
    let is = |back: usize, among: &[&str]| {
        let word = words.len().checked_sub(back).and_then(|at| words.get(at));
        word.is_some_and(|word| among.iter().any(|known| known.eq_ignore_ascii_case(word)))
    };
    let mut found = Vec::new();
    if words.is_empty() {
        found.extend(BEGINNINGS.iter().chain(&COMMANDS).map(|word| (*word).to_owned()));
    } else if is(1, &["."]) {
        let of = words.len().checked_sub(2).and_then(|at| words.get(at)).map(|word| plain(word));
        found.extend(of.into_iter().flat_map(|keyspace| tables(catalog, &keyspace)));
    } else if is(1, &BEFORE_KEYSPACES) {
        found.extend(keyspaces(catalog));
    } else if is(1, &BEFORE_TABLES) {
        found.extend(keyspace.into_iter().flat_map(|keyspace| tables(catalog, keyspace)));
        found.extend(keyspaces(catalog).map(|name| format!("{name}.")));
        if is(1, &["DESCRIBE", "DESC"]) {
            found.extend(["CLUSTER", "KEYSPACES", "SCHEMA", "TABLES", "TYPES"].map(str::to_owned));
        }
    } else {
        found.extend(columns(catalog, keyspace, &words, text));
        found.extend(WORDS.iter().map(|word| (*word).to_owned()));
    }
    let is_small = part.starts_with(|c: char| c.is_ascii_lowercase());
    let lower = part.to_ascii_lowercase();
    let fits = |name: &String| name.to_ascii_lowercase().starts_with(&lower);
    let is_word = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c == ' ');
    let shown = |name: String| if is_small && is_word(&name) { name.to_ascii_lowercase() } else { name };
    (start, found.into_iter().filter(fits).map(shown).collect())
}

fn keyspaces(catalog: &Catalog) -> impl Iterator<Item = String> {
    catalog.keyspaces().map(|keyspace| Identifier::exact(&**keyspace.name()).to_string())
}

fn tables(catalog: &Catalog, keyspace: &str) -> Vec<String> {
    let Ok(keyspace) = catalog.keyspace(keyspace) else { return Vec::new() };
    keyspace.tables().map(|table| Identifier::exact(&**table.name()).to_string()).collect()
}

/// The columns of the table that the statement names.
fn columns(catalog: &Catalog, keyspace: Option<&str>, words: &[&str], text: &str) -> Vec<String> {
    // A SELECT names its table after its columns: those of the keyspace's tables are offered then.
    let all: Vec<&str> = token_spans(text).into_iter().map(|span| span.of(text)).collect();
    let after = |words: &[&str]| {
        let at = words
            .iter()
            .rposition(|word| BEFORE_TABLES.iter().any(|known| known.eq_ignore_ascii_case(word)))?;
        let first = plain(words.get(at + 1)?);
        match words.get(at + 2) {
            Some(&".") => Some((first, plain(words.get(at + 3)?))),
            _ => Some((keyspace?.to_owned(), first)),
        }
    };
    let table = after(words).or_else(|| after(&all));
    let named = table.and_then(|(keyspace, table)| catalog.table(&keyspace, &table).ok().cloned());
    let of_keyspace = || {
        let keyspace = keyspace.and_then(|keyspace| catalog.keyspace(keyspace).ok());
        keyspace.into_iter().flat_map(|keyspace| keyspace.tables().cloned().collect::<Vec<_>>()).collect()
    };
    let tables: Vec<_> = named.map_or_else(of_keyspace, |table| vec![table]);
    let mut names: Vec<String> = tables
        .iter()
        .flat_map(|table| table.columns())
        .map(|column| Identifier::exact(&*column.name).to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A name as the catalog has it.
fn plain(word: &str) -> String {
    match word.strip_prefix('"') {
        Some(rest) => rest.trim_end_matches('"').replace("\"\"", "\""),
        None => word.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let schema =
            "CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
            CREATE TABLE chat.messages (channel int, id int, body text, PRIMARY KEY (channel, id));
            CREATE TABLE chat.\"Totals\" (k int PRIMARY KEY, \"Sum\" int);";
        let catalog = Catalog::parse(schema).unwrap();
        let (start, found) = complete(&catalog, Some("chat"), text);
        let whole: Vec<String> =
            found.iter().map(|name| format!("{}{name}", text.get(..start).unwrap())).collect();
        assert_eq!(whole, expected, "{text}");
    }

    #[test]
    fn words_and_names_are_offered_where_they_may_stand() {
        check("sel", &["select"]);
        check("SEL", &["SELECT"]);
        check("desc", &["desc", "describe"]);
        check("select * from ch", &["select * from chat."]);
        check(
            "select * from ",
            &["select * from \"Totals\"", "select * from messages", "select * from chat."],
        );
        check("select * from chat.m", &["select * from chat.messages"]);
        check("select * from chat.\"T", &["select * from chat.\"Totals\""]);
        check("use c", &["use chat"]);
        check(
            "select * from chat.messages where b",
            &[
                "select * from chat.messages where body",
                "select * from chat.messages where begin batch",
                "select * from chat.messages where by",
            ],
        );
        check("select bo", &["select body"]);
        check("update messages set bod", &["update messages set body"]);
    }
}
