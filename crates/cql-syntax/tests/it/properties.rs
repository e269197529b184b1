//! Random trees print and parse to themselves; random texts neither panic nor take long.

use helenus_cql_syntax::{
    Identifier, parse_qualified_name, parse_statement, parse_statements, parse_term, parse_type,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::terms::{cql_type, identifier, qualified_name, value};
use crate::trees::statement;

/// Pieces of CQL that texts of random tokens are made of.
const PIECES: [&str; 76] = [
    "select",
    "insert into",
    "update",
    "delete",
    "create table",
    "create index on",
    "create type",
    "alter table",
    "create materialized view",
    "begin batch",
    "apply batch",
    "from",
    "where",
    "set",
    "values",
    "primary key",
    "with",
    "and",
    "if",
    "not",
    "exists",
    "in",
    "contains",
    "key",
    "token",
    "count(*)",
    "json",
    "distinct",
    "as",
    "cast(",
    "order by",
    "group by",
    "limit",
    "per partition",
    "allow filtering",
    "using",
    "timestamp",
    "ttl",
    "int",
    "map<",
    "list<",
    "frozen<",
    "tuple<",
    "vector<",
    ">",
    "<",
    "a",
    "b.",
    "\"C\"",
    "'s'",
    "$$d$$",
    "1",
    "-1",
    "1.5",
    "..",
    "1h",
    "0xff",
    "890ec710-e6a7-11f1-ab1c-b38d9ae74bd1",
    "null",
    "true",
    "nan",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    "=",
    "+",
    "-",
    "*",
    "/",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statements_survive_printing(statement in statement()) {
        let printed = statement.to_string();
        let again = parse_statement(&printed);
        prop_assert!(again.is_ok(), "{printed}\n{again:?}");
        prop_assert_eq!(again.unwrap(), statement, "{}", printed);
    }

    #[test]
    fn scripts_survive_printing(statements in vec(statement(), 0..4)) {
        let script: String = statements.iter().map(|statement| format!("{statement};\n\n")).collect();
        let again = parse_statements(&script).unwrap();
        prop_assert_eq!(again.into_iter().map(|spanned| spanned.node).collect::<Vec<_>>(), statements);
    }

    #[test]
    fn terms_survive_printing(term in value()) {
        let printed = term.to_string();
        let again = parse_term(&printed);
        prop_assert!(again.is_ok(), "{printed}\n{again:?}");
        prop_assert_eq!(again.unwrap(), term, "{}", printed);
    }

    #[test]
    fn types_and_names_survive_printing(cql_type in cql_type(), name in qualified_name(), identifier in identifier()) {
        prop_assert_eq!(parse_type(&cql_type.to_string()).unwrap(), cql_type);
        prop_assert_eq!(parse_qualified_name(&name.to_string()).unwrap(), name);
        prop_assert_eq!(parse_qualified_name(&identifier.to_string()).unwrap().name, identifier);
    }

    #[test]
    fn unquoted_names_are_folded(name in "[a-zA-Z][a-zA-Z0-9_]{0,20}") {
        if let Ok(parsed) = parse_qualified_name(&name) {
            prop_assert_eq!(parsed.name, Identifier::exact(name.to_ascii_lowercase()));
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        reparse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_characters_do_no_harm(text in "[a-zA-Z0-9 '\"$.;:?(){}<>,=+*/-]{0,100}|\\PC{0,50}") {
        reparse(&text);
    }

    #[test]
    fn random_pieces_do_no_harm(pieces in vec(select(&PIECES[..]), 0..30)) {
        reparse(&pieces.join(" "));
    }

    #[test]
    fn damaged_statements_do_no_harm(statement in statement(), at in any::<prop::sample::Index>(), piece in select(&PIECES[..])) {
        let printed = statement.to_string();
        let boundaries: Vec<_> = printed.char_indices().map(|(index, _)| index).collect();
        let (before, after) = printed.split_at(boundaries[at.index(boundaries.len())]);
        reparse(&format!("{before} {piece} {after}"));
        reparse(&format!("{before}{piece}{after}"));
        reparse(before);
        reparse(after);
    }
}

/// Whatever parses, prints and parses to itself; whatever does not, has an error within the text.
fn reparse(text: &str) {
    match parse_statements(text) {
        Ok(statements) => {
            for statement in statements {
                let printed = statement.to_string();
                assert_eq!(parse_statement(&printed).as_ref(), Ok(&statement.node), "{text}\n{printed}");
            }
        }
        Err(error) => {
            assert!(
                text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end),
                "{error}"
            );
        }
    }
    if let Ok(term) = parse_term(text) {
        let printed = term.to_string();
        assert_eq!(parse_term(&printed).as_ref(), Ok(&term), "{text}\n{printed}");
    }
    if let Ok(cql_type) = parse_type(text) {
        assert_eq!(parse_type(&cql_type.to_string()), Ok(cql_type));
    }
}
