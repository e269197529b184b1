//! A script: statements with directives, and the answers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

/// A script and what Cassandra answered.
pub(super) struct Script {
    pub(super) name: String,
    pub(super) category: String,
    pub(super) config: Option<String>,
    pub(super) statements: Vec<Step>,
    /// By the statement's number, from 1, and the execution's.
    pub(super) answers: BTreeMap<(u64, u64), Json>,
}

/// A statement and its directives.
pub(super) struct Step {
    pub(super) cql: String,
    directives: BTreeMap<String, Vec<String>>,
}

const SCRIPT_KEYS: [&str; 5] = ["config", "keyspaces", "roles", "category", "min_protocol"];
const KEYS: [&str; 18] = [
    "bind",
    "names",
    "prepare",
    "values",
    "native_batch",
    "fetch_size",
    "consistency",
    "serial",
    "timestamp",
    "now_in_seconds",
    "keyspace",
    "sleep",
    "as",
    "raw",
    "any",
    "skip",
    "unordered",
    "any_message",
];
const BARE: [&str; 4] = ["prepare", "unordered", "any_message", "any_warnings"];

impl Step {
    pub(super) fn has(&self, key: &str) -> bool {
        self.directives.contains_key(key)
    }

    /// The last of a directive's values.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        self.directives.get(key)?.last().map(String::as_str)
    }

    /// All of a directive's values.
    pub(super) fn all(&self, key: &str) -> &[String] {
        self.directives.get(key).map_or(&[], Vec::as_slice)
    }

    /// The words of all of a directive's values.
    pub(super) fn words(&self, key: &str) -> Vec<&str> {
        self.all(key).iter().flat_map(|value| value.split_whitespace()).collect()
    }
}

impl Script {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let answers = std::fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let (header, statements) = split(&text);
        let answers = answers.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let key = |answer: &Json| (answer["n"].as_u64().unwrap(), answer["e"].as_u64().unwrap());
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            category: header.get("category").cloned().unwrap_or_default(),
            config: header.get("config").cloned(),
            statements,
            answers: answers.map(|answer| (key(&answer), answer)).collect(),
        }
    }
}

/// A piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Comment,
    Quoted,
    Word,
    End,
    Space,
    Other,
}

/// The pieces of a text: words, quoted texts, comments, `;`, anything else.
pub(super) fn pieces(text: &str) -> Vec<(Piece, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, len) = piece(rest, first);
        let (one, after) = rest.split_at(len);
        pieces.push((piece, one));
        rest = after;
    }
    pieces
}

fn piece(rest: &str, first: char) -> (Piece, usize) {
    let while_it = |test: &dyn Fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
    let line = || rest.find('\n').unwrap_or(rest.len());
    let upto = |end: &str| rest[2..].find(end).map_or(rest.len(), |at| 2 + at + end.len());
    if rest.starts_with("--") || rest.starts_with("//") {
        return (Piece::Comment, line());
    }
    if rest.starts_with("/*") {
        return (Piece::Comment, upto("*/"));
    }
    if rest.starts_with("$$") {
        return (Piece::Quoted, upto("$$"));
    }
    match first {
        '\'' | '"' => (Piece::Quoted, quoted(rest, first)),
        ';' => (Piece::End, 1),
        c if c.is_whitespace() => (Piece::Space, while_it(&char::is_whitespace)),
        c if c.is_alphanumeric() || c == '_' => (Piece::Word, while_it(&|c| c.is_alphanumeric() || c == '_')),
        c => (Piece::Other, c.len_utf8()),
    }
}

/// The length of a quoted text, in which a doubled quote is one.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// `-- key: value` or `-- key` of the keys that are known.
fn directive(comment: &str) -> Option<(&str, &str)> {
    let content = comment.strip_prefix("--")?.trim();
    let (key, value) = match content.split_once(':') {
        Some((key, value)) => (key.trim_end(), Some(value.trim())),
        None => (content, None),
    };
    let is_known = KEYS.contains(&key) || BARE.contains(&key) || SCRIPT_KEYS.contains(&key);
    (is_known && (value.is_some() || BARE.contains(&key))).then(|| (key, value.unwrap_or_default()))
}

fn split(text: &str) -> (BTreeMap<String, String>, Vec<Step>) {
    let (mut header, mut steps) = (BTreeMap::new(), Vec::new());
    let mut pending: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut current, mut words) = (String::new(), Vec::<String>::new());
    let (mut started, mut in_batch) = (false, false);
    for (piece, s) in pieces(text) {
        if !started {
            match piece {
                Piece::Space => continue,
                Piece::Comment => {
                    match directive(s) {
                        Some((key, value)) if SCRIPT_KEYS.contains(&key) => {
                            header.entry(key.to_owned()).or_insert_with(|| value.to_owned());
                        }
                        Some(("raw", value)) => {
                            let cql = serde_json::from_str(value).unwrap();
                            steps.push(Step { cql, directives: std::mem::take(&mut pending) });
                        }
                        Some((key, value)) => {
                            pending.entry(key.to_owned()).or_default().push(value.to_owned());
                        }
                        None => {}
                    }
                    continue;
                }
                _ => {}
            }
            started = true;
            current.clear();
            words.clear();
        }
        if piece == Piece::Word {
            words.push(s.to_uppercase());
            in_batch |= words[0] == "BEGIN" && s.eq_ignore_ascii_case("batch") && words.len() <= 3;
            if in_batch && words.ends_with(&["APPLY".to_owned(), "BATCH".to_owned()]) {
                in_batch = false;
            }
        }
        if piece == Piece::End && !in_batch {
            steps.push(Step { cql: current.trim().to_owned(), directives: std::mem::take(&mut pending) });
            started = false;
            continue;
        }
        current.push_str(s);
    }
    if started && !current.trim().is_empty() {
        steps.push(Step { cql: current.trim().to_owned(), directives: pending });
    }
    (header, steps)
}

/// The statements of a batch that goes as several.
pub(super) fn inner_statements(batch: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for (piece, s) in pieces(batch) {
        if piece == Piece::End { parts.push(String::new()) } else { parts.last_mut().unwrap().push_str(s) }
    }
    let mut parts: Vec<_> =
        parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    if let Some(first) = parts.first_mut() {
        *first = after_words(first, "begin", &["unlogged", "counter"], "batch");
    }
    if let Some(last) = parts.last_mut()
        && let Some(before) = strip_end(last, "batch").and_then(|rest| strip_end(&rest, "apply"))
    {
        *last = before;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn after_words(text: &str, first: &str, between: &[&str], last: &str) -> String {
    let mut words = text.split_whitespace();
    let mut taken = 0;
    let take = |word: Option<&str>, wanted: &[&str]| {
        word.is_some_and(|word| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(word)))
    };
    let mut next = words.next();
    if !take(next, &[first]) {
        return text.to_owned();
    }
    taken += 1;
    next = words.next();
    if take(next, between) {
        taken += 1;
        next = words.next();
    }
    if !take(next, &[last]) {
        return text.to_owned();
    }
    taken += 1;
    let mut rest = text;
    for _ in 0..taken {
        rest = rest.trim_start();
        rest = &rest[rest.find(char::is_whitespace).unwrap_or(rest.len())..];
    }
    rest.trim_start().to_owned()
}

fn strip_end(text: &str, word: &str) -> Option<String> {
    let text = text.trim_end();
    let at = text.len().checked_sub(word.len())?;
    let tail = text.get(at..)?;
    tail.eq_ignore_ascii_case(word).then(|| text[..at].trim_end().to_owned())
}
