//! Equality of JSON that Cassandra printed and JSON that we printed: floats may be spelled
//! differently as long as they are the same float or double, since Java does not always print the
//! shortest form.

/// A token of JSON in its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// With its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
    Mark(char),
}

/// The tokens of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.unwrap() + 2
            }
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => rest.find(|c: char| "{}[],:\"".contains(c) || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let (token, more) = rest.split_at(len);
        tokens.push(match first {
            '"' => Token::Text(token),
            '{' | '}' | '[' | ']' | ',' | ':' => Token::Mark(first),
            _ => Token::Word(token),
        });
        rest = more.trim_start();
    }
    tokens
}

/// The content of a text token.
pub(crate) fn unquote(token: &str) -> String {
    serde_json::from_str(token).unwrap()
}

/// The members of an object, each key unquoted, each value in its spelling.
pub(crate) fn members(line: &str) -> Vec<(String, &str)> {
    let mut members = Vec::new();
    let (mut depth, mut key, mut start) = (0, None, 0);
    for token in tokens(line) {
        let at = |text: &str| text.as_ptr() as usize - line.as_ptr() as usize;
        match token {
            Token::Mark('{' | '[') => depth += 1,
            Token::Mark('}' | ']') => depth -= 1,
            Token::Text(text) if depth == 1 && key.is_none() => {
                key = Some(unquote(text));
                start = at(text) + text.len();
            }
            _ => {}
        }
        // The end of a value: a comma of the outer object, or its brace. Marks carry no place, so
        // it is looked for.
        let ends = matches!((depth, token), (1, Token::Mark(',')) | (0, Token::Mark('}')));
        if ends && let Some(key) = key.take() {
            let value = value_at(&line[start..]);
            members.push((key, value));
        }
    }
    members
}

/// The value of a key: from the end of its colon to its own end.
fn value_at(text: &str) -> &str {
    let text = text.trim_start().strip_prefix(':').unwrap().trim_start();
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let end = text.find(|c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted && depth > 0 => depth -= 1,
            ',' | '}' if !quoted && depth == 0 => return true,
            _ => {}
        }
        false
    });
    text[..end.unwrap()].trim_end()
}

/// Whether two values say the same.
pub(crate) fn same_value(got: &str, expected: &str, may_round: bool) -> bool {
    got == expected || same_tokens(&tokens(got), &tokens(expected), may_round)
}

/// Whether two lists of tokens say the same; `may_round` where there are floats or doubles among
/// them.
pub(crate) fn same_tokens(got: &[Token<'_>], expected: &[Token<'_>], may_round: bool) -> bool {
    got.len() == expected.len()
        && got.iter().zip(expected).all(|(got, expected)| match (got, expected) {
            _ if got == expected => true,
            (Token::Text(got), Token::Text(expected)) => unquote(got) == unquote(expected),
            (Token::Word(got), Token::Word(expected)) => may_round && same_float(got, expected),
            _ => false,
        })
}

fn same_float(got: &str, expected: &str) -> bool {
    let (Ok(a), Ok(b)) = (got.parse::<f64>(), expected.parse::<f64>()) else { return false };
    let (Ok(c), Ok(d)) = (got.parse::<f32>(), expected.parse::<f32>()) else { return false };
    a.to_bits() == b.to_bits() || (c.is_finite() && c.to_bits() == d.to_bits())
}

/// The tokens without what depends on the moment of a dump: `"expired" : …`.
pub(crate) fn without_clock(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let [token, more @ ..] = rest {
        if let [Token::Text("\"expired\""), Token::Mark(':'), Token::Word(_), behind @ ..] = rest {
            if kept.last() == Some(&Token::Mark(',')) {
                kept.pop();
            }
            rest = behind;
            continue;
        }
        kept.push(*token);
        rest = more;
    }
    kept
}

#[test]
fn values_and_their_equality() {
    let line = r#"{"a": 1, "\"B\"": {"x": [1, "},"]}, "c": "q\"", "d": null}"#;
    let expected = [("a", "1"), ("\"B\"", r#"{"x": [1, "},"]}"#), ("c", r#""q\"""#), ("d", "null")];
    assert_eq!(members(line), expected.map(|(key, value)| (key.to_owned(), value)));
    assert!(same_value("2.0E-3", "0.002", true));
    assert!(!same_value("2.0E-3", "0.002", false));
    assert!(!same_value("0.0", "-0.0", true));
    assert!(same_value("\"\\u00e9\"", "\"é\"", false));
    assert!(!same_value("[1, 2]", "[1, 2, 3]", true));
    let dump = tokens(r#"{ "ttl" : 1, "expired" : true }"#);
    assert_eq!(without_clock(dump), tokens(r#"{ "ttl" : 1 }"#));
}
