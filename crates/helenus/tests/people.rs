//! The library as people use it: what they have goes in, what they want comes out, nothing but
//! `helenus` is needed.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::SystemTime;

use helenus::{
    Database, Date, Decimal, Duration, EncodeValue, IntoKey, MemoryDisk, Options, Row, Table, TimeOfDay, Udt,
    Uuid, Value, Varint, timeuuid,
};

const KEYSPACE: &str =
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};";

fn database(tables: &str) -> Database {
    let db = Database::in_memory().unwrap();
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema(tables).unwrap();
    db
}

/// The row is found under the key that it was written with, and the key is what it says.
#[track_caller]
fn check_key(table: &Table, key: impl IntoKey, literal: &str) {
    table.insert(&key, ()).execute().unwrap();
    let select = table.select().key(key);
    let mut rows = select.rows().unwrap();
    let row = rows.next().unwrap().unwrap();
    assert_eq!(row.value("k").unwrap().to_string(), literal);
}

/// `&String`, arrays, `Cow`, times and sets were refused as keys by the compiler.
#[test]
fn keys_of_the_types_people_have() {
    let keyed = |ty: &str| {
        let db = database(&format!("CREATE TABLE k.t (k {ty} PRIMARY KEY);"));
        db.table("k", "t").unwrap()
    };
    let text = keyed("text");
    let name = String::from("a");
    check_key(&text, "a", "'a'");
    check_key(&text, &name, "'a'");
    check_key(&text, &name, "'a'");
    check_key(&text, name.clone(), "'a'");
    check_key(&text, Cow::Borrowed("a"), "'a'");
    check_key(&text, Box::<str>::from("a"), "'a'");
    check_key(&text, Arc::<str>::from("a"), "'a'");
    check_key(&text, Some("a"), "'a'");
    check_key(&text, Value::from("a"), "'a'");
    check_key(&text, &[Value::from("a")][..], "'a'");
    check_key(&text, &[&"a" as &dyn EncodeValue][..], "'a'");
    check_key(&text, (&name,), "'a'");
    let blob = keyed("blob");
    check_key(&blob, [1u8, 2], "0x0102");
    check_key(&blob, &[1u8, 2][..], "0x0102");
    check_key(&blob, vec![1u8, 2], "0x0102");
    check_key(&keyed("bigint"), 7u64, "7");
    check_key(&keyed("varint"), u128::MAX, "340282366920938463463374607431768211455");
    check_key(&keyed("timestamp"), SystemTime::UNIX_EPOCH, "'1970-01-01 00:00:00.000Z'");
    check_key(&keyed("date"), Date::new(2016, 2, 29).unwrap(), "'2016-02-29'");
    check_key(&keyed("time"), TimeOfDay::new(4, 5, 6, 0).unwrap(), "'04:05:06.000000000'");
    check_key(&keyed("inet"), Ipv4Addr::LOCALHOST, "'127.0.0.1'");
    check_key(&keyed("decimal"), Decimal::new(150, 2), "1.50");
    check_key(&keyed("frozen<list<int>>"), vec![1, 2], "[1, 2]");
    check_key(&keyed("frozen<list<int>>"), [1, 2], "[1, 2]");
    check_key(&keyed("frozen<set<text>>"), BTreeSet::from(["b", "a"]), "{'a', 'b'}");
    check_key(&keyed("frozen<map<int, int>>"), BTreeMap::from([(1, 2)]), "{1: 2}");
    check_key(&keyed("frozen<tuple<int, text>>"), ((1, "a"),), "(1, 'a')");

    let refused = text.insert(None::<&str>, ()).execute().unwrap_err().to_string();
    assert!(refused.contains("null is not allowed in a key"), "{refused}");
}

/// Durations, varints and decimals could be made only with crates that the library rests on.
#[test]
fn every_value_is_made_of_this_crate_alone() {
    let db = database(
        "CREATE TYPE k.address (street text, zip int);
         CREATE TABLE k.t (k int PRIMARY KEY, dec decimal, dur duration, var varint, id uuid, at timeuuid, ip inet,
             day date, hour time, moment timestamp, vec vector<float, 2>, pair tuple<int, text>, home k.address,
             homes list<frozen<address>>, seen set<date>, counts map<text, bigint>);",
    );
    let at = timeuuid::from_micros(1_454_472_306_000_000, timeuuid::lsb(1, 2));
    let home = Value::udt([("street", Value::from("Main St")), ("zip", 42.into())]);
    let day: Date = "2016-02-29".parse().unwrap();
    let table = db.table("k", "t").unwrap();
    table
        .insert(1, ())
        .set("dec", "1.50".parse::<Decimal>().unwrap())
        .set("dur", "1mo2d3ns".parse::<Duration>().unwrap())
        .set("var", "1180591620717411303424".parse::<Varint>().unwrap())
        .set("id", Uuid::from_u128(5))
        .set("at", at)
        .set("ip", Ipv4Addr::LOCALHOST)
        .set("day", day)
        .set("hour", "4:05:06".parse::<TimeOfDay>().unwrap())
        .set("moment", SystemTime::UNIX_EPOCH)
        .set("vec", [1.5f32, 2.5])
        .set("pair", (1, "a"))
        .set("home", &home)
        .set("homes", vec![home.clone()])
        .set("seen", BTreeSet::from([day]))
        .set("counts", BTreeMap::from([("a", 1i64)]))
        .execute()
        .unwrap();
    let select = table.select().key(1);
    let mut rows = select.rows().unwrap();
    let row = rows.next().unwrap().unwrap();
    for (column, literal) in [
        ("dec", "1.50"),
        ("dur", "1mo2d3ns"),
        ("var", "1180591620717411303424"),
        ("id", "00000000-0000-0000-0000-000000000005"),
        ("ip", "'127.0.0.1'"),
        ("day", "'2016-02-29'"),
        ("hour", "'04:05:06.000000000'"),
        ("moment", "'1970-01-01 00:00:00.000Z'"),
        ("vec", "[1.5, 2.5]"),
        ("pair", "(1, 'a')"),
        ("home", "{street: 'Main St', zip: 42}"),
        ("homes", "[{street: 'Main St', zip: 42}]"),
        ("seen", "{'2016-02-29'}"),
        ("counts", "{'a': 1}"),
    ] {
        assert_eq!(row.value(column).unwrap().to_string(), literal, "{column}");
    }
    assert_eq!(row.value("at").unwrap(), Value::TimeUuid(at));
}

/// A test of an application needed a directory, and someone to remove it.
#[test]
fn a_database_in_memory_acts_like_any_other() {
    let disk = MemoryDisk::new();
    let open = || Options::new().disk(Arc::new(disk.clone())).open("/db").unwrap();
    let db = open();
    db.execute_schema(KEYSPACE).unwrap();
    db.execute_schema("CREATE TABLE k.t (k int PRIMARY KEY, v text);").unwrap();
    let table = db.table("k", "t").unwrap();
    for key in 0..1000 {
        table.insert(key, ()).set("v", "x".repeat(100)).execute().unwrap();
    }
    db.flush().unwrap();
    table.insert(1000, ()).set("v", "in the log").execute().unwrap();
    db.compact().unwrap();
    assert!(Options::new().disk(Arc::new(disk.clone())).open("/db").is_err(), "it is open already");
    db.close().unwrap();
    drop((table, db));

    let db = open();
    let select = db.table("k", "t").unwrap().select();
    let (mut rows, mut count) = (select.rows().unwrap(), 0);
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 1001);
    assert!(Database::in_memory().unwrap().tables().is_empty(), "each is its own");
}

#[derive(Row, Debug, Clone, PartialEq, Default)]
struct Author {
    author: String,
    #[row(rename = "mail")]
    email: Option<String>,
}

#[derive(Row, Debug, Clone, PartialEq, Default)]
struct Post<T> {
    blog: String,
    id: T,
    #[row(flatten)]
    by: Author,
    #[row(default)]
    likes: i32,
    tags: BTreeSet<String>,
    #[row(skip_none)]
    title: Option<String>,
    #[row(skip)]
    is_shown: bool,
}

/// Structs had to be taken apart and put together column by column.
#[test]
fn structs_are_rows() {
    let db = database(
        "CREATE TABLE k.posts (blog text, id bigint, author text, mail text, likes int, tags set<text>, title text,
             PRIMARY KEY (blog, id));",
    );
    let table = db.table("k", "posts").unwrap();
    let post = Post {
        blog: "b".to_owned(),
        id: 1i64,
        by: Author { author: "ada".to_owned(), email: Some("ada@example.org".to_owned()) },
        likes: 3,
        tags: BTreeSet::from(["x".to_owned()]),
        title: Some("First".to_owned()),
        is_shown: true,
    };
    let read = || {
        let select = table.select().key("b");
        select.rows().unwrap().into_typed::<Post<i64>>().collect::<helenus::Result<Vec<_>>>().unwrap()
    };
    table.insert_row(&post).unwrap().execute().unwrap();
    assert_eq!(read(), [Post { is_shown: false, ..post.clone() }]);

    // None is null, which deletes, unless it is to be skipped; null is read as the default if that
    // is requested.
    let without = Post { by: Author { author: "ada".to_owned(), email: None }, title: None, ..post.clone() };
    table.insert_row(&without).unwrap().execute().unwrap();
    table.delete("b", 1i64).column("likes").execute().unwrap();
    let left = Post { title: post.title.clone(), likes: 0, is_shown: false, ..without };
    assert_eq!(read(), [left]);

    // A clustering of another type than the column's is refused when a row is read or written, by
    // name.
    let select = table.select().key("b");
    let error = select.rows().unwrap().into_typed::<Post<bool>>().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("bigint"), "{error}");
    let error = table.insert_row(&post.by).unwrap_err().to_string();
    assert_eq!(error, "k.posts: the row lacks columns of the key: blog");

    table.delete_row(&post).unwrap().execute().unwrap();
    assert_eq!(read(), []);
}

/// A struct that borrows is written without a copy.
#[test]
fn structs_that_borrow_are_written() {
    #[derive(Row)]
    #[row(rename_all = "camelCase")]
    struct Borrowed<'a> {
        user_id: i32,
        first_name: &'a str,
        r#type: Cow<'a, str>,
    }
    let db = database("CREATE TABLE k.users (\"userId\" int PRIMARY KEY, \"firstName\" text, type text);");
    let users = db.table("k", "users").unwrap();
    let name = String::from("Ada");
    let row = Borrowed { user_id: 1, first_name: &name, r#type: Cow::Borrowed("admin") };
    users.insert_row(&row).unwrap().execute().unwrap();
    let select = users.select();
    let mut rows = select.rows().unwrap();
    let row = rows.next().unwrap().unwrap();
    assert_eq!(row.get::<String>("firstName").unwrap(), "Ada");
    assert_eq!(row.get::<Option<String>>("type").unwrap().as_deref(), Some("admin"));
}

#[derive(Udt, Debug, Clone, PartialEq, Default)]
#[udt(rename_all = "camelCase")]
struct Address<T> {
    street_name: String,
    #[udt(rename = "postcode")]
    zip: T,
    #[udt(default)]
    floor: i32,
    lines: Vec<String>,
    #[udt(skip)]
    is_known: bool,
}

#[derive(Udt, Debug)]
struct Citizen {
    country: String,
}

#[derive(Row, Debug, Clone, PartialEq)]
struct Person {
    id: i32,
    home: Option<Address<Option<i32>>>,
    others: BTreeMap<String, Address<Option<i32>>>,
}

/// Values of user types had to be taken apart and put together field by field.
#[test]
fn structs_are_values_of_user_types() {
    let db = database(
        "CREATE TYPE k.address (postcode int, \"streetName\" text, country text, floor int, lines frozen<list<text>>);
         CREATE TABLE k.people (id int PRIMARY KEY, home frozen<address>, others map<text, frozen<address>>);
         CREATE TABLE k.grown (home frozen<address> PRIMARY KEY, v int);
         CREATE TABLE k.plain (id int PRIMARY KEY, v int);",
    );
    let people = db.table("k", "people").unwrap();
    let home = Address {
        street_name: "Main St".to_owned(),
        zip: Some(7),
        floor: 0,
        lines: vec!["a".to_owned(), "b".to_owned()],
        is_known: true,
    };
    let read = Address { is_known: false, ..home.clone() };
    let other = Address { zip: None, ..read.clone() };
    let person =
        Person { id: 1, home: Some(home.clone()), others: BTreeMap::from([("x".to_owned(), other.clone())]) };
    people.insert_row(&person).unwrap().execute().unwrap();
    people.insert_row(&Person { id: 2, home: None, others: BTreeMap::new() }).unwrap().execute().unwrap();
    let all = people.select();
    let mut found = all.rows().unwrap().into_typed::<Person>().collect::<helenus::Result<Vec<_>>>().unwrap();
    found.sort_by_key(|person| person.id);
    assert_eq!(
        found,
        [
            Person { home: Some(read.clone()), ..person },
            Person { id: 2, home: None, others: BTreeMap::new() },
        ]
    );
    let one = people.select().key(1);
    let mut rows = one.rows().unwrap();
    let literal = "{postcode: 7, \"streetName\": 'Main St', country: null, floor: 0, lines: ['a', 'b']}";
    assert_eq!(rows.next().unwrap().unwrap().value("home").unwrap().to_string(), literal);

    // As a key, and in a value that is older than a field of its type.
    let grown = db.table("k", "grown").unwrap();
    let short = helenus::Serialized(&[0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 1, b'x']);
    grown.insert(short, ()).set("v", 1).execute().unwrap();
    grown.insert((home,), ()).set("v", 2).execute().unwrap();
    let all = grown.select();
    let mut rows = all.rows().unwrap();
    let mut keys = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        keys.push(row.get::<Address<i32>>("home").unwrap());
        // A field of a type without null has to be there.
        let error = row.get::<Citizen>("home").unwrap_err().to_string();
        assert!(error.contains("null"), "{error}");
    }
    keys.sort_by_key(|key| key.street_name.clone());
    let old = Address { street_name: "x".to_owned(), zip: 7, ..Address::default() };
    assert_eq!(
        keys,
        [Address { zip: 7, street_name: read.street_name, lines: read.lines, ..old.clone() }, old]
    );

    let plain = db.table("k", "plain").unwrap();
    let error = plain.insert(1, ()).set("v", other).execute().unwrap_err().to_string();
    assert!(error.contains("a user type's value cannot be one"), "{error}");
    #[derive(Udt)]
    struct Wrong<'a> {
        city: &'a str,
    }
    let error = people.insert(1, ()).set("home", Wrong { city: "x" }).execute().unwrap_err().to_string();
    assert!(error.contains("no field is called \"city\""), "{error}");
}
