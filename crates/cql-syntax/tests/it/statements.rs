//! Every statement as text: parsed, printed, and compared with what should be printed.

use helenus_cql_syntax::{
    CqlType, Identifier, Literal, QualifiedName, Statement, Term, parse_qualified_name, parse_statement,
    parse_statements, parse_term, parse_type,
};

/// `text` parses, prints as `printed`, and that parses to the same tree.
#[track_caller]
pub(crate) fn check(text: &str, printed: &str) {
    let statement = parse_statement(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(!matches!(statement, Statement::Other(_)), "kept as text: {text}");
    assert_eq!(statement.to_string(), printed);
    assert_eq!(parse_statement(printed).unwrap_or_else(|error| panic!("{printed}: {error}")), statement);
}

/// `text` parses and prints as itself.
#[track_caller]
pub(crate) fn same(text: &str) {
    check(text, text);
}

#[test]
fn keyspaces() {
    same(
        "CREATE KEYSPACE IF NOT EXISTS a WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'} \
         AND durable_writes = true",
    );
    check(
        "create keyspace \"A\" with Durable_Writes = FALSE;",
        "CREATE KEYSPACE \"A\" WITH durable_writes = false",
    );
    same("ALTER KEYSPACE IF EXISTS a WITH durable_writes = false");
    same("DROP KEYSPACE IF EXISTS a");
    same("DROP KEYSPACE a");
    same("USE \"Fleet\"");
}

#[test]
fn types_of_users() {
    check(
        "CREATE TYPE ks.addr (street text, tags frozen<set<text>>)",
        "CREATE TYPE ks.addr (\n    street text,\n    tags frozen<set<text>>\n)",
    );
    same("ALTER TYPE IF EXISTS ks.addr ADD IF NOT EXISTS zip int");
    same("ALTER TYPE addr RENAME IF EXISTS a TO b AND c TO d");
    same("ALTER TYPE addr ALTER a TYPE blob");
    same("DROP TYPE IF EXISTS ks.addr");
    same("DROP TYPE \"int\"");
}

#[test]
fn tables() {
    check(
        "CREATE COLUMNFAMILY IF NOT EXISTS ks.t (PRIMARY KEY ((a, \"B\"), c, d), a int, \"B\" text, c timeuuid, d int, \
         s frozen<list<int>> STATIC, m text MASKED WITH mask_inner(1, null), n text masked with default,) \
         WITH compact storage and clustering order by (c desc, d asc) and comment = 'it''s' and x = some_word \
         and ID = 890ec710-e6a7-11f1-ab1c-b38d9ae74bd1 and caching = {}",
        "CREATE TABLE IF NOT EXISTS ks.t (
    a int,
    \"B\" text,
    c timeuuid,
    d int,
    s frozen<list<int>> static,
    m text MASKED WITH mask_inner(1, null),
    n text MASKED WITH DEFAULT,
    PRIMARY KEY ((a, \"B\"), c, d)
) WITH COMPACT STORAGE
    AND CLUSTERING ORDER BY (c DESC, d ASC)
    AND comment = 'it''s'
    AND x = some_word
    AND id = 890ec710-e6a7-11f1-ab1c-b38d9ae74bd1
    AND caching = {}",
    );
    check(
        "CREATE TABLE t (k int, v text, PRIMARY KEY (k)) WITH id = 890EC710-e6a7-11f1-ab1c-b38d9ae74bd1",
        "CREATE TABLE t (\n    k int PRIMARY KEY,\n    v text\n) WITH ID = 890ec710-e6a7-11f1-ab1c-b38d9ae74bd1",
    );
    same("CREATE TABLE t (\n    k int,\n    PRIMARY KEY (other)\n)");
    same("DROP TABLE IF EXISTS ks.t");
    check("TRUNCATE ks.t", "TRUNCATE TABLE ks.t");
    check("truncate columnfamily t", "TRUNCATE TABLE t");
}

#[test]
fn alter_table() {
    same("ALTER TABLE IF EXISTS ks.t ADD IF NOT EXISTS a int static MASKED WITH DEFAULT");
    check("ALTER TABLE t ADD (a int static)", "ALTER TABLE t ADD a int static");
    same("ALTER TABLE t ADD (a int, b text)");
    same("ALTER TABLE t DROP IF EXISTS a USING TIMESTAMP 1795374269080000");
    check(
        "ALTER TABLE t DROP (a,\"B\") USING TIMESTAMP -5",
        "ALTER TABLE t DROP (a, \"B\") USING TIMESTAMP -5",
    );
    same("ALTER TABLE t DROP compact");
    same("ALTER TABLE t DROP COMPACT STORAGE");
    same("ALTER TABLE t RENAME IF EXISTS a TO b AND c TO d");
    same("ALTER TABLE t ALTER a TYPE varint");
    same("ALTER TABLE t ALTER IF EXISTS a MASKED WITH ks.f('x')");
    same("ALTER TABLE t ALTER a DROP MASKED");
    same("ALTER TABLE t WITH gc_grace_seconds = 10 AND compaction = {'class': 'X', 'n': 0.5}");
}

#[test]
fn indexes() {
    same("CREATE INDEX ON ks.t (a)");
    same("CREATE INDEX IF NOT EXISTS i ON t (keys(a), values(b), entries(c), full(d), keys)");
    same("CREATE CUSTOM INDEX i ON t () USING 'Sai' WITH OPTIONS = {'a': 'b'}");
    check("CREATE INDEX i ON t (v) USING 'sai' WITH OPTIONS = {'a': 1}", {
        "CREATE INDEX i ON t (v) USING 'sai' WITH OPTIONS = {'a': 1}"
    });
    same("DROP INDEX IF EXISTS ks.i");
}

#[test]
fn views() {
    same(
        "CREATE MATERIALIZED VIEW IF NOT EXISTS ks.v AS
    SELECT a, \"B\"
    FROM ks.t
    WHERE a IS NOT NULL AND \"B\" >= 5
    PRIMARY KEY ((a, \"B\"), c)
 WITH ID = 890ec710-e6a7-11f1-ab1c-b38d9ae74bd1
    AND CLUSTERING ORDER BY (c ASC)
    AND extensions = {}",
    );
    same("CREATE MATERIALIZED VIEW v AS\n    SELECT *\n    FROM t\n    PRIMARY KEY (a)");
    same("ALTER MATERIALIZED VIEW IF EXISTS v WITH comment = ''");
    same("DROP MATERIALIZED VIEW IF EXISTS ks.v");
}

#[test]
fn what_is_kept_as_text() {
    let text =
        "CREATE FUNCTION ks.f (a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; // ' $$";
    let script = format!("-- first\n{text} ;\nUSE a;; DROP AGGREGATE x /* ; */ ;");
    let statements = parse_statements(&script).unwrap();
    let nodes: Vec<_> = statements.iter().map(|statement| statement.node.clone()).collect();
    let expected = [
        Statement::Other(text.to_owned()),
        Statement::Use(Identifier::folded("a")),
        Statement::Other("DROP AGGREGATE x".to_owned()),
    ];
    assert_eq!(nodes, expected);
    assert_eq!(statements[1].span.of(&script), "USE a");
    assert_eq!(parse_statement(&nodes[0].to_string()).unwrap(), nodes[0]);
}

#[test]
fn describe() {
    for text in [
        "DESCRIBE CLUSTER",
        "DESCRIBE SCHEMA",
        "DESCRIBE FULL SCHEMA WITH INTERNALS",
        "DESCRIBE KEYSPACES",
        "DESCRIBE TABLES",
        "DESCRIBE TYPES",
        "DESCRIBE FUNCTIONS",
        "DESCRIBE AGGREGATES",
        "DESCRIBE KEYSPACE",
        "DESCRIBE KEYSPACE WITH INTERNALS",
        "DESCRIBE ONLY KEYSPACE \"A\"",
        "DESCRIBE TABLE a.b",
        "DESCRIBE TYPE a.b",
        "DESCRIBE FUNCTION f",
        "DESCRIBE AGGREGATE a.f",
        "DESCRIBE INDEX i",
        "DESCRIBE MATERIALIZED VIEW a.v",
        "DESCRIBE a.b",
        "DESCRIBE type",
        "DESCRIBE \"tables\"",
        "DESCRIBE \"only\".t",
    ] {
        same(text);
    }
    check("desc columnfamilies", "DESCRIBE TABLES");
    check("DESC COLUMNFAMILY T with internals", "DESCRIBE TABLE t WITH INTERNALS");
    for text in [
        "DESCRIBE",
        "DESCRIBE FULL",
        "DESCRIBE ONLY SCHEMA",
        "DESCRIBE ONLY a",
        "DESCRIBE TABLE",
        "DESCRIBE FOO t",
        "DESCRIBE 'x'",
        "DESCRIBE TABLES t",
        "DESCRIBE FUNCTION f(int)",
    ] {
        assert!(parse_statement(text).is_err(), "{text}");
    }
}

#[test]
fn what_describe_comments_out_is_skipped() {
    let text = "/*\nWarning: Table a.b omitted because it has constructs not compatible with CQL.\n\n\
                CREATE TABLE a.b (k int);\n*/\n// nothing\n-- more";
    assert!(parse_statements(text).unwrap().is_empty());
}

#[test]
fn identifiers_are_quoted_exactly_when_needed() {
    for (name, printed) in [
        ("a", "a"),
        ("a_1", "a_1"),
        ("A", "\"A\""),
        ("1a", "\"1a\""),
        ("_a", "\"_a\""),
        ("", "\"\""),
        ("a b", "\"a b\""),
        ("a\"b", "\"a\"\"b\""),
        ("é", "\"é\""),
        ("select", "\"select\""),
        ("token", "\"token\""),
        ("true", "\"true\""),
        ("nan", "\"nan\""),
        ("key", "key"),
        ("timestamp", "timestamp"),
    ] {
        let identifier = Identifier::exact(name);
        assert_eq!(identifier.to_string(), printed);
        assert_eq!(parse_qualified_name(printed).unwrap(), QualifiedName::unqualified(identifier));
    }
    let name = parse_qualified_name(" KS . \"T\" ").unwrap();
    assert_eq!(name, QualifiedName::qualified(Identifier::exact("ks"), Identifier::exact("T")));
    assert_eq!(name.to_string(), "ks.\"T\"");
}

#[test]
fn types() {
    for text in [
        "int",
        "frozen<map<text, list<vector<float, 4>>>>",
        "tuple<int, ks.\"T\", 'org.example.T(x=''y'')'>",
        "ks.\"int\"",
        "\"int\"",
        "\"date\"",
        "\"ttl\"",
        "frozen",
        "map",
    ] {
        assert_eq!(parse_type(text).unwrap().to_string(), text);
    }
    assert_eq!(parse_type("VARCHAR").unwrap().to_string(), "varchar");
    assert_eq!(parse_type("Frozen<Addr>").unwrap(), {
        CqlType::Frozen(Box::new(CqlType::user(Identifier::exact("addr"))))
    });
    for text in ["", "set", "list<>", "vector<int, 1.5>", "vector<int, 4294967296>", "foo<int>", "ttl"] {
        assert!(parse_type(text).is_err(), "{text}");
    }
}

#[test]
fn constants() {
    for (text, literal) in [
        ("'a''b'", Literal::String("a'b".to_owned())),
        ("$$a'$b$$", Literal::String("a'$b".to_owned())),
        ("-12", Literal::Integer("-12".to_owned())),
        ("1.5e-3", Literal::Float("1.5e-3".to_owned())),
        ("nan", Literal::Float("NaN".to_owned())),
        ("-NaN", Literal::Float("NaN".to_owned())),
        ("-infinity", Literal::Float("-Infinity".to_owned())),
        ("TRUE", Literal::Boolean(true)),
        ("0xCAfe", Literal::Blob(vec![0xca, 0xfe])),
        ("-1h30m", Literal::Duration("-1h30m".to_owned())),
        ("890ec710-e6a7-11f1-ab1c-b38d9ae74bd1", Literal::Uuid(0x890e_c710_e6a7_11f1_ab1c_b38d_9ae7_4bd1)),
    ] {
        let term = parse_term(text).unwrap();
        assert_eq!(term, Term::Literal(literal));
        assert_eq!(parse_term(&term.to_string()).unwrap(), term);
    }
}

#[test]
fn options_read_constants_as_text() {
    let text = "ALTER TABLE t WITH o = {'enabled': false, 5: '5'} AND p = 1.0 AND q = Word";
    let statement = parse_statement(text).unwrap();
    let Statement::AlterTable(alter) = statement else { panic!("{statement}") };
    let helenus_cql_syntax::AlterTableAction::With(properties) = alter.action else { panic!() };
    let texts: Vec<_> = properties[0].value.entries().unwrap().collect();
    assert_eq!(texts, [("enabled".into(), "false".into()), ("5".into(), "5".into())]);
    assert_eq!(properties[0].value.text(), None);
    assert_eq!(properties[1].value.text().as_deref(), Some("1.0"));
    assert_eq!(properties[2].value.text().as_deref(), Some("word"));
    assert!(properties[2].value.entries().is_none());
}
