//! Why a piece failed, and where in it.

use std::fmt::Write;
use std::io;

use helenus::cql::{CqlError, Span, token_spans};

use crate::failure::Failure;

/// The widest line that an error repeats, in characters, and how much of it stands before the
/// place.
const SHOWN: usize = 100;
const SHOWN_BEFORE: usize = 60;

/// Why a statement or a command failed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The session refused it.
    Cql(CqlError),
    /// The command is wrong, or can't be carried out.
    Command(String),
    /// The answer can't be written: the shell ends.
    Output(Failure),
}

impl Problem {
    pub(super) fn command(text: impl Into<String>) -> Self {
        Self::Command(text.into())
    }
}

impl From<CqlError> for Problem {
    fn from(error: CqlError) -> Self {
        Self::Cql(error)
    }
}

impl From<helenus::Error> for Problem {
    fn from(error: helenus::Error) -> Self {
        Self::Command(error.to_string())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::ClosedPipe => Self::Output(failure),
            failure => Self::Command(failure.text_and_step()),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error.into())
    }
}

/// The error of a statement in words: its place in the script, code and text, and the line that it
/// is about with a mark under the place.
pub(super) fn describe(error: &CqlError, statement: &str, place: Option<&str>) -> String {
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    let code = error.code();
    let mut text = format!("{place}{code:?} ({:04x}): {error}", code.number());
    if let Some(span) = error.span().or_else(|| named(statement, &error.to_string())) {
        mark(statement, span, &mut text);
    }
    text
}

/// The place of what an error names: the only name of a statement that its text is about.
fn named(statement: &str, error: &str) -> Option<Span> {
    let name = [
        ("Undefined column name ", " in table "),
        ("table ", " does not exist"),
        ("keyspace ", " does not exist"),
        ("Keyspace '", "' does not exist"),
        ("Unknown function '", "'"),
        ("Unknown type ", ""),
        ("Unknown identifier ", ""),
    ]
    .into_iter()
    .find_map(|(before, after)| {
        let rest = error.strip_prefix(before)?;
        rest.find(after).filter(|_| !after.is_empty()).map_or(Some(rest), |end| rest.get(..end))
    })?;
    let name = name.rsplit('.').next()?.trim_matches('"');
    let is_it = |span: &Span| {
        let word = span.of(statement);
        word.strip_prefix('"')
            .and_then(|word| word.strip_suffix('"'))
            .map_or_else(|| word.eq_ignore_ascii_case(name), |quoted| quoted.replace("\"\"", "\"") == name)
    };
    token_spans(statement).into_iter().find(is_it)
}

/// Appends the line of a place, and a mark under it.
fn mark(statement: &str, span: Span, out: &mut String) {
    // At the end of the text it is what stands before that the statement goes on after.
    let start = span.start.min(statement.trim_end().len());
    let Some((before, after)) = statement.split_at_checked(start) else { return };
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line_end = after.find('\n').map_or(statement.len(), |at| start + at);
    let prefix: Vec<char> = statement.get(line_start..start).unwrap_or_default().chars().collect();
    let marked = statement.get(start..span.end.clamp(start, line_end)).unwrap_or_default();
    let rest = statement.get(start..line_end).unwrap_or_default();
    let skipped = if prefix.len() > SHOWN_BEFORE { prefix.len() - SHOWN_BEFORE } else { 0 };
    let shown: String =
        prefix.iter().skip(skipped).chain(rest.chars().collect::<Vec<_>>().iter()).take(SHOWN).collect();
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let before = if skipped > 0 { "…" } else { "" };
    let indent = prefix.len() - skipped + before.chars().count();
    let width = marked.chars().count().clamp(1, SHOWN.saturating_sub(indent).max(1));
    // Writing to a text can't fail.
    write!(out, "\n  {before}{}\n  {}{}", plain(shown.trim_end()), " ".repeat(indent), "^".repeat(width))
        .unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statement: &str, word: &str, expected: &str) {
        let start = statement.find(word).unwrap();
        let mut text = String::new();
        mark(statement, Span { start, end: start + word.len() }, &mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_mark_stands_under_its_place() {
        check("select x from t", "x", "\n  select x from t\n         ^");
        check("select\n\tabc, d\nfrom t", "abc", "\n   abc, d\n   ^^^");
        check("select 'é', x", "x", "\n  select 'é', x\n              ^");
        let long = format!("{} x {}", "y".repeat(200), "z".repeat(200));
        let expected = format!("\n  …{} x {}\n  {}^", "y".repeat(59), "z".repeat(38), " ".repeat(61));
        check(&long, "x", &expected);
    }

    #[test]
    fn what_an_error_names_is_found() {
        let place =
            |statement: &str, error: &str| named(statement, error).map(|span| span.of(statement).to_owned());
        let statement = "SELECT \"B\", b FROM k.t";
        assert_eq!(place(statement, "Undefined column name b in table k.t"), Some("b".to_owned()));
        assert_eq!(place(statement, "Undefined column name \"B\" in table k.t"), Some("\"B\"".to_owned()));
        assert_eq!(place(statement, "table t does not exist"), Some("t".to_owned()));
        assert_eq!(place(statement, "keyspace k does not exist"), Some("k".to_owned()));
        assert_eq!(place(statement, "something else"), None);
    }
}
