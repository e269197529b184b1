use super::*;

/// The tokens of `text`, as kinds and texts; an error is the last entry.
fn check(text: &str, expected: &[(TokenKind, &str)]) {
    let tokens = tokenize(text);
    let found: Vec<_> =
        tokens.list.iter().filter(|t| t.kind != TokenKind::End).map(|t| (t.kind, t.span.of(text))).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn numbers() {
    use TokenKind::{Blob, Duration, Float, Integer, Range, Symbol, Uuid};
    check(
        "12 1.5 1. 1e5 1.5E-7",
        &[(Integer, "12"), (Float, "1.5"), (Float, "1."), (Float, "1e5"), (Float, "1.5E-7")],
    );
    check("1..2", &[(Integer, "1"), (Range, ".."), (Integer, "2")]);
    check("1...2", &[(Float, "1."), (Range, ".."), (Integer, "2")]);
    check("-1", &[(Symbol(b'-'), "-"), (Integer, "1")]);
    check("0xCAfe 0x", &[(Blob, "0xCAfe"), (Blob, "0x")]);
    check("1h30m 2MO 5µs", &[(Duration, "1h30m"), (Duration, "2MO"), (Duration, "5µs")]);
    check("890ec710-e6a7-11f1-ab1c-b38d9ae74bd1", &[(Uuid, "890ec710-e6a7-11f1-ab1c-b38d9ae74bd1")]);
    check("c90ec710-e6a7-11f1-ab1c-b38d9ae74bd1", &[(Uuid, "c90ec710-e6a7-11f1-ab1c-b38d9ae74bd1")]);
}

#[test]
fn iso_durations_are_upper_case_words() {
    use TokenKind::{Duration, Word};
    check(
        "P1Y2M3DT4H5M6S PT5M P3W P0001-02-03T04:05:06",
        &[
            (Duration, "P1Y2M3DT4H5M6S"),
            (Duration, "PT5M"),
            (Duration, "P3W"),
            (Duration, "P0001-02-03T04:05:06"),
        ],
    );
    check("p1y P1Yx PT P P3W4", &[(Word, "p1y"), (Word, "P1Yx"), (Word, "PT"), (Word, "P"), (Word, "P3W4")]);
}

#[test]
fn strings_names_and_comments() {
    use TokenKind::{DollarString, QuotedName, String, Symbol, Word};
    check(
        "'it''s' \"a\"\"b\" $$it's$$ '' \"\"",
        &[
            (String, "'it''s'"),
            (QuotedName, "\"a\"\"b\""),
            (DollarString, "$$it's$$"),
            (String, "''"),
            (QuotedName, "\"\""),
        ],
    );
    check(
        "a -- b\nc // d\re /* f ' */ g / h --",
        &[(Word, "a"), (Word, "c"), (Word, "e"), (Word, "g"), (Symbol(b'/'), "/"), (Word, "h")],
    );
}

#[test]
fn the_first_malformed_token_ends_the_list() {
    for (text, expected, found) in [
        ("a 'b", "a closing `'`", "`'b`"),
        ("a \"b", "a closing `\"`", "`\"b`"),
        ("a $$b", "a closing `$$`", "`$$b`"),
        ("a $b", "`$$`", "`$`"),
        ("a /* b", "`*/` at the end of the comment", "`/* b`"),
        ("a -name", "a number, or a space after the minus sign", "`-name`"),
        ("a -Infinite", "a number, or a space after the minus sign", "`-Infinite`"),
        ("a -P1X", "a number, or a space after the minus sign", "`-P1X`"),
        ("a 12abc", "a number, a uuid, a blob or a duration", "`12abc`"),
        ("a é", "CQL", "`é`"),
    ] {
        let tokens = tokenize(text);
        let error = tokens.error.unwrap().into_error(text);
        assert_eq!((error.expected.as_ref(), error.found.as_str()), (expected, found));
        assert_eq!(error.position.column, 3);
        assert_eq!(tokens.list.last().unwrap().kind, TokenKind::Invalid);
    }
}
