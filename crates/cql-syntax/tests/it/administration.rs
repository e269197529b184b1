//! Statements that are kept as text, looked into.

use helenus_cql_syntax::{Administration, Resource, RoleOptions, parse_administration};

fn parsed(text: &str) -> Administration {
    parse_administration(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn functions_aggregates_and_triggers() {
    let create = "create or replace function k.f (a int, b frozen<list<text>>)
        returns null on null input returns int language java as $$ return a; $$";
    let Administration::CreateFunction(function) = parsed(create) else { panic!() };
    assert_eq!((function.or_replace, function.if_not_exists), (true, false));
    assert_eq!((function.name.to_string(), function.arguments.len()), ("k.f".to_owned(), 2));
    let create = "CREATE AGGREGATE IF NOT EXISTS a (int, text) SFUNC s STYPE tuple<int, int> FINALFUNC f INITCOND (0, 0)";
    let Administration::CreateAggregate { routine, state_function, state_type } = parsed(create) else {
        panic!()
    };
    assert!(routine.if_not_exists && routine.arguments.len() == 2);
    assert_eq!((state_function.as_str(), state_type.to_string().as_str()), ("s", "tuple<int, int>"));
    let Administration::DropFunction(all) = parsed("DROP FUNCTION IF EXISTS f") else { panic!() };
    assert_eq!((all.if_exists, all.arguments), (true, None));
    let Administration::DropAggregate(one) = parsed("DROP AGGREGATE k.token ()") else { panic!() };
    assert_eq!((one.name.to_string(), one.arguments), ("k.\"token\"".to_owned(), Some(vec![])));
    let create = parsed("CREATE TRIGGER IF NOT EXISTS t ON k.v USING 'a.B'");
    assert!(matches!(create, Administration::CreateTrigger { class, .. } if class == "a.B"));
    assert!(matches!(parsed("DROP TRIGGER t ON v"), Administration::DropTrigger { if_exists: false, .. }));
}

#[test]
fn roles_and_permissions() {
    let Administration::CreateRole(options) = parsed(
        "CREATE ROLE IF NOT EXISTS 'a b' WITH HASHED PASSWORD = 'x' AND SUPERUSER = true AND OPTIONS = {'a': 1}",
    ) else {
        panic!()
    };
    let expected = RoleOptions {
        superuser: Some(true),
        has_hashed_password: true,
        has_options: true,
        ..RoleOptions::default()
    };
    assert_eq!(options, expected);
    let Administration::AlterRole(options) = parsed(
        "ALTER ROLE r WITH LOGIN = false AND ACCESS TO DATACENTERS {'a', 'b'} AND ACCESS FROM ALL CIDRS",
    ) else {
        panic!()
    };
    assert_eq!(options, RoleOptions { has_others: true, ..RoleOptions::default() });
    let Administration::CreateRole(user) = parsed("CREATE USER u WITH PASSWORD 'p' NOSUPERUSER") else {
        panic!()
    };
    assert_eq!((user.superuser, user.has_password), (Some(false), true));
    for text in [
        "DROP ROLE IF EXISTS r",
        "DROP USER u",
        "DROP IDENTITY 'i'",
        "ADD IDENTITY IF NOT EXISTS 'i' TO ROLE 'r'",
        "GRANT r TO s",
        "REVOKE unmask FROM s",
        "LIST USERS",
        "LIST ROLES OF r NORECURSIVE",
        "LIST ALL PERMISSIONS ON ALL KEYSPACES OF r",
        "LIST SELECT PERMISSION, MODIFY ON t",
    ] {
        assert_eq!(parsed(text), Administration::Roles, "{text}");
    }
    let granted = |what: &str| {
        let Administration::Permissions(granted) = parsed(&format!("GRANT {what} TO r")) else {
            panic!("{what}")
        };
        granted
    };
    for what in [
        "ALL ON ALL FUNCTIONS IN KEYSPACE k",
        "CREATE ON ALL TABLES IN KEYSPACE k",
        "SELECT, MODIFY ON TABLE k.t",
        "UNMASK ON t",
        "EXECUTE ON FUNCTION k.f (int)",
        "DESCRIBE ON ROLE r",
        "SELECT ON MBEAN 'a:b=c'",
    ] {
        assert_eq!(granted(what), Ok(()), "{what}");
    }
    assert_eq!(granted("SELECT ON ALL ROLES"), Err(Resource::Roles));
    assert_eq!(granted("EXECUTE ON KEYSPACE k"), Err(Resource::Data));
    assert_eq!(granted("CREATE ON t"), Err(Resource::Data));
    assert_eq!(granted("UNMASK ON ALL FUNCTIONS"), Err(Resource::Functions));
    assert_eq!(granted("CREATE ON ALL MBEANS"), Err(Resource::Beans));
}

#[test]
fn what_is_none_of_them() {
    for text in [
        "CREATE FUNCTION f (x int) RETURNS int LANGUAGE java AS 'x'",
        "CREATE AGGREGATE a (int) SFUNC s",
        "CREATE OR REPLACE ROLE r",
        "CREATE ROLE r WITH NOPE = 1",
        "CREATE ROLE r WITH LOGIN = maybe",
        "CREATE USER \"u\"",
        "GRANT NOPE ON t TO r",
        "GRANT SELECT ON t",
        "LIST SUPERUSERS",
        "LIST ROLES more",
        "SELECT 1",
    ] {
        assert!(parse_administration(text).is_err(), "{text}");
    }
}
