//! Every `schema.cql` that Cassandra wrote for our corpus.

use std::path::{Path, PathBuf};

use helenus_cql_syntax::{AlterTableAction, PropertyValue, Statement, parse_statement, parse_statements};

/// The corpus, if it is here. Elsewhere the tests that need it say so and pass.
#[expect(clippy::print_stdout, reason = "a skipped test says that it is")]
fn corpus() -> Option<PathBuf> {
    let path = std::env::var_os("HELENUS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if !path.is_dir() {
        println!("skipped: there is no corpus at {}; set HELENUS_CORPUS", path.display());
        return None;
    }
    Some(path)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its fixtures")]
fn schemas_under(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            schemas_under(&path, found);
        } else if path.file_name().is_some_and(|name| name == "schema.cql") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

#[test]
fn schemas_parse_and_print_to_the_same_tree() {
    let Some(corpus) = corpus() else { return };
    let mut schemas = Vec::new();
    schemas_under(&corpus, &mut schemas);
    assert!(schemas.len() >= 80, "only {} schemas in {}", schemas.len(), corpus.display());
    let (mut tables, mut identities, mut drops) = (0, 0, 0);
    for (path, text) in &schemas {
        let statements = parse_statements(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!statements.is_empty(), "{}", path.display());
        for statement in &statements {
            let printed = statement.to_string();
            assert_eq!(parse_statement(&printed).unwrap(), statement.node, "{}\n{printed}", path.display());
            match &statement.node {
                Statement::CreateTable(table) => {
                    tables += 1;
                    // These were written by Cassandra 5.0, whose layout is ours.
                    assert_eq!(printed, statement.span.of(text), "{}", path.display());
                    if let Some(PropertyValue::Literal(_)) = table.options.property("id") {
                        identities += 1;
                    }
                }
                Statement::AlterTable(alter) => {
                    assert!(matches!(alter.action, AlterTableAction::Drop { timestamp_us: Some(_), .. }));
                    drops += 1;
                }
                Statement::Other(text) => panic!("{}: kept as text: {text}", path.display()),
                _ => {}
            }
        }
    }
    assert!(
        tables >= 80 && identities >= 5 && drops >= 2,
        "{tables} tables, {identities} ids, {drops} drops"
    );
}
