//! Types as they are written and types of the storage.

use helenus_cql_syntax::{CqlType, ResolveError, parse_type};
use helenus_types::{Type, UserType};

fn lookup(name: &str) -> Option<Type> {
    let fields = vec![("a".to_owned(), Type::list(Type::Int)), ("b c".to_owned(), Type::Text)];
    let named = |name: &str| UserType { keyspace: "ks".into(), name: name.into(), fields };
    matches!(name, "addr" | "Odd" | "select" | "true" | "int").then(|| Type::udt(named(name)))
}

fn resolved(text: &str) -> Result<Type, ResolveError> {
    parse_type(text).unwrap().resolve("ks", &lookup)
}

#[track_caller]
fn check(text: &str, printed: &str) {
    let ty = resolved(text).unwrap();
    assert_eq!(CqlType::of(&ty).to_string(), printed);
    assert_eq!(resolved(printed), Ok(ty.clone()));
    assert_eq!(Type::parse_class(&ty.class_name()), Ok(ty), "by way of the class name");
}

#[test]
fn names() {
    check("VARCHAR", "text");
    check("map< text,int >", "map<text, int>");
    check("frozen<list<list<int>>>", "frozen<list<frozen<list<int>>>>");
    check("tuple<int,list<text>>", "frozen<tuple<int, frozen<list<text>>>>");
    check("vector<float, 3>", "vector<float, 3>");
    // A class of others may have any arguments; fuzzing found that quotes in them were not doubled.
    check("'org.x.Type(it''s)'", "'org.x.Type(it''s)'");
    check("list<frozen<addr>>", "list<frozen<addr>>");
    check("ks.addr", "addr");
    check("frozen<\"Odd\">", "frozen<\"Odd\">");
    check("\"select\"", "\"select\"");
    check("frozen<\"true\">", "frozen<\"true\">");
    check("frozen<\"int\">", "frozen<\"int\">");
    check("'com.example.Type(x)'", "'com.example.Type(x)'");
    check("'org.apache.cassandra.db.marshal.EmptyType'", "'org.apache.cassandra.db.marshal.EmptyType'");
}

/// Messages name types as this does, but for words that only the place of a type's name reserves.
#[test]
fn the_name_in_messages_is_the_one_of_statements() {
    for text in ["list<frozen<addr>>", "frozen<\"true\">", "map<timeuuid, frozen<tuple<int, \"Odd\">>>"] {
        let ty = resolved(text).unwrap();
        assert_eq!(ty.cql_name(), CqlType::of(&ty).to_string());
    }
}

#[test]
fn what_cassandra_refuses() {
    for (text, why) in [
        ("frozen<int>", "frozen<> is only allowed on collections, tuples, and user-defined types (got int)"),
        ("list<list<int>>", "Non-frozen collections are not allowed inside collections: list<list<int>>"),
        ("list<addr>", "Non-frozen UDTs are not allowed inside collections: list<addr>"),
        ("set<duration>", "Durations are not allowed inside sets: set<duration>"),
        ("map<duration, int>", "Durations are not allowed as map keys: map<duration, int>"),
        ("list<counter>", "Counters are not allowed inside collections: list<counter>"),
        ("tuple<counter>", "Counters are not allowed inside tuples"),
        ("vector<counter, 2>", "Counters are not allowed inside vectors: vector<counter, 2>"),
        ("vector<int, 0>", "vectors may only have positive dimensions; given 0"),
        ("vector<int, -3>", "vectors may only have positive dimensions; given -3"),
        ("Odd", "Unknown type ks.odd"),
        ("lst", "Unknown type ks.lst"),
        (
            "other.addr",
            "Statement on keyspace ks cannot refer to a user type in keyspace other; user types can only be used in the \
             keyspace they are defined in",
        ),
    ] {
        assert_eq!(resolved(text).unwrap_err().to_string(), why, "{text}");
    }
}

#[test]
fn types_without_end_are_refused() {
    let deep = format!("frozen<{}int{}>", "list<".repeat(40), ">".repeat(40));
    assert!(resolved(&deep).unwrap_err().to_string().contains("be nested 32 deep"));
    let wide = format!("tuple<{}>", vec!["addr"; 1100].join(", "));
    assert!(resolved(&wide).unwrap_err().to_string().contains("4096 parts"));
}
