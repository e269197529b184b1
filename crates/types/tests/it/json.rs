//! Values read from JSON.

use helenus_types::{JsonMembers, Type, UserType};

use crate::type_named;

fn ty(name: &str) -> Type {
    type_named(name, |_| None)
}

/// The literal of what is made of a JSON text.
fn check(name: &str, json: &str, expected: &str) {
    let ty = ty(name);
    let found = match ty.parse_json(json) {
        Ok(None) => "null".to_owned(),
        Ok(Some(value)) => {
            ty.validate(&value).unwrap_or_else(|error| panic!("{name} {json}: {error}"));
            let mut literal = String::new();
            ty.literal(&value, &mut literal).unwrap();
            literal
        }
        Err(error) => format!("{error}"),
    };
    assert_eq!(found, expected, "{name} {json}");
}

#[test]
fn scalars() {
    check("int", " 12 ", "12");
    check("int", "\"12\"", "12");
    check("int", "null", "null");
    check("int", "1.0", "not a valid int: unexpected \"1.0\"");
    check("int", "012", "not a valid int: at offset 0: expected a value in JSON, found \"012\"");
    check("int", "true", "not a valid int: at offset 0: expected a value in JSON, found \"true\"");
    check("int", "1 2", "not a valid int: at offset 2: expected the end of the text, found \"2\"");
    check("int", "[1]", "not a valid int: \"[1]\" is none");
    check("tinyint", "200", "not a valid tinyint: unexpected \"200\"");
    check("text", "12", "not a valid text: \"12\" is none");
    check("boolean", "true", "true");
    check("boolean", "\"False\"", "false");
    check("boolean", "1", "not a valid boolean: \"1\" is none");
    check("double", "-1.5e-3", "-0.0015");
    check("double", "\"NaN\"", "NaN");
    check("decimal", "1E+3", "1E+3");
    check("blob", "\"0xcafe\"", "0xcafe");
    check("blob", "\"cafe\"", "not a valid blob: \"cafe\" is none");
    check("timestamp", "1700000000000", "'2023-11-14 22:13:20.000Z'");
    check("timestamp", "\"2023-11-14 22:13:20.000Z\"", "'2023-11-14 22:13:20.000Z'");
    check("date", "\"2024-02-29\"", "'2024-02-29'");
    check("date", "19782", "not a valid date: \"19782\" is none");
    check("inet", "\"127.0.0.1\"", "'127.0.0.1'");
    check("duration", "\"1mo2d\"", "1mo2d");
    check(
        "timeuuid",
        "\"00000000-0000-4000-8000-000000000000\"",
        "not a valid timeuuid: unexpected \"00000000-0000-4000-8000-000000000000\"",
    );
}

#[test]
fn strings() {
    check("text", r#""a\"\\\/\b\f\n\r\tß\u00e9\ud83d\ude00""#, "'a\"\\/\u{8}\u{c}\n\r\tßé😀'");
    check(
        "text",
        r#""\ud83d""#,
        "not a valid text: at offset 1: expected an escape, found \"\\\\ud83d\\\"\"",
    );
    check(
        "text",
        r#""\u+123""#,
        "not a valid text: at offset 1: expected an escape, found \"\\\\u+123\\\"\"",
    );
    check("text", r#""\x""#, "not a valid text: at offset 1: expected an escape, found \"\\\\x\\\"\"");
    check("text", "\"open", "not a valid text: at offset 5: expected the end of a string, found the end");
    check(
        "text",
        "\"a\nb\"",
        "not a valid text: at offset 3: expected a character, or an escape such as \\n, found \"b\\\"\"",
    );
}

#[test]
fn nested() {
    check("list<int>", "[1, 2,3 ]", "[1, 2, 3]");
    check("list<int>", "\"[1]\"", "[1]");
    check("list<int>", "[1,]", "not a valid int: at offset 3: expected a value in JSON, found \"]\"");
    check("list<int>", "[1", "not a valid list<int>: at offset 2: expected `,`, found the end");
    check("list<int>", "[null]", "not a valid list<int>: null among the elements");
    check("set<text>", r#"["b", "a", "b"]"#, "{'a', 'b'}");
    check("map<int, text>", r#"{"2": "b", "1": "a", "2": "c"}"#, "{1: 'a', 2: 'c'}");
    check(
        "map<int, text>",
        r#"{2: "b"}"#,
        "not a valid map<int, text>: at offset 1: expected `\"`, found \"2: \\\"b\\\"}\"",
    );
    check("map<frozen<list<int>>, int>", r#"{"[1, 2]": 3}"#, "{[1, 2]: 3}");
    check("frozen<tuple<int, text>>", r#"[1, null]"#, "(1, null)");
    check(
        "frozen<tuple<int, text>>",
        r#"[1]"#,
        "not a valid frozen<tuple<int, text>>: 1 fields instead of 2",
    );
    check("vector<float, 2>", "[1, 2.5]", "[1.0, 2.5]");
    check("vector<float, 2>", "[1]", "not a valid vector<float, 2>: 1 elements instead of 2");
}

#[test]
fn user_types() {
    let fields = [("id", ty("int")), ("Name", ty("text"))];
    let definition = UserType {
        keyspace: "k".to_owned(),
        name: "u".to_owned(),
        fields: fields.map(|(name, ty)| (name.to_owned(), ty)).to_vec(),
    };
    let ty = Type::udt(definition);
    let parse = |json: &str| ty.parse_json(json).map(Option::unwrap_or_default);
    let both = [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, b'x'].to_vec();
    assert_eq!(parse(r#"{"ID": 1, "\"Name\"": "x"}"#), Ok(both.clone()));
    assert_eq!(parse(r#"{"\"Name\"": "x", "id": 5, "id": 1}"#), Ok(both), "the last one counts");
    assert_eq!(parse("{}"), Ok([0xff; 8].to_vec()));
    assert!(parse(r#"{"name": "x"}"#).unwrap_err().to_string().contains("no field is called \"name\""));
}

#[test]
fn members_of_a_line() {
    let mut members = JsonMembers::new("{\"A\": 1, \"\\\"B\\\"\" : [2] , \"c\":null}\n").unwrap();
    let mut found = Vec::new();
    while let Some(name) = members.next().unwrap() {
        let ty = if name == "B" { ty("list<int>") } else { ty("int") };
        found.push((name.into_owned(), members.value(&ty).unwrap()));
    }
    let value = |bytes: &[u8]| Some(bytes.to_vec());
    let expected =
        [("a", value(&[0, 0, 0, 1])), ("B", value(&[0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2])), ("c", None)];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
    for broken in ["", "[]", "{1: 2}", "{\"a\" 1}", "{\"a\": 1} x"] {
        let read = || -> Result<(), String> {
            let mut members = JsonMembers::new(broken).map_err(|error| error.to_string())?;
            while members.next().map_err(|error| error.to_string())?.is_some() {
                members.value(&ty("int")).map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        assert!(read().is_err(), "{broken:?}");
    }
}
