//! Whether an answer is Cassandra's: the comparison of the corpus, where everything but wording
//! decides.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::script::Step;

/// Words that count even where they stand in the statement.
const COMMON: &str = "a an the of in on for to is are be not and or only with cannot can must may by no unknown invalid \
                      key primary partition clustering column columns table keyspace type index value values null set \
                      list map select where order group limit";

/// The first difference that decides.
pub(super) fn difference(want: &Json, got: &Json, step: &Step) -> Option<String> {
    if want["kind"] != got["kind"] {
        return Some(format!("kind: want {}, got {}", brief(want), brief(got)));
    }
    for key in ["keyspace", "change", "target", "name", "args", "table", "columns", "applied", "prepared"] {
        if want[key] != got[key] {
            return Some(format!("{key}: want {}, got {}", want[key], got[key]));
        }
    }
    if want["kind"] == "error" {
        if ["0x0000", "0x1300", "0x1500"].iter().any(|fault| want["code"] == *fault) {
            return None;
        }
        if let Some(difference) = of_errors(want, got, step) {
            return Some(difference);
        }
    }
    if want["kind"] == "rows"
        && let Some(difference) = of_rows(want, got, step)
    {
        return Some(difference);
    }
    of_warnings(want, got, step)
}

fn of_errors(want: &Json, got: &Json, step: &Step) -> Option<String> {
    if want["code"] != got["code"] {
        return Some(format!("code: want {}, got {}", brief(want), brief(got)));
    }
    if want["extra"] != got["extra"] {
        return Some(format!("extra: want {}, got {}", want["extra"], got["extra"]));
    }
    if step.has("any_message") || want["code"] == "0x2000" {
        return None;
    }
    let class = |answer: &Json| message_class(answer["message"].as_str().unwrap_or_default(), &step.cql);
    (class(want) != class(got)).then(|| format!("message: want {}, got {}", want["message"], got["message"]))
}

fn of_rows(want: &Json, got: &Json, step: &Step) -> Option<String> {
    let (a, b) = (masked(want, step), masked(got, step));
    if a.len() != b.len() {
        return Some(format!("rows: want {} {:.200}, got {}", a.len(), want["rows"].to_string(), b.len()));
    }
    for (at, (wanted, found)) in a.iter().zip(&b).enumerate() {
        if let Some(column) = (0..wanted.len()).find(|column| wanted[*column] != found[*column]) {
            let name = &want["columns"][column][0];
            let shown = if step.has("unordered") { &Json::Null } else { &want["rows"][at][column] };
            return Some(format!(
                "row {}, {name}: want {} ({shown:.200}), got {}",
                at + 1,
                wanted[column],
                found[column]
            ));
        }
    }
    (want["pages"] != got["pages"]).then(|| format!("pages: want {}, got {}", want["pages"], got["pages"]))
}

fn of_warnings(want: &Json, got: &Json, step: &Step) -> Option<String> {
    let list = |answer: &Json| answer["warnings"].as_array().cloned().unwrap_or_default();
    let (a, b) = (list(want), list(got));
    let differ = if step.has("any_warnings") {
        a.len() != b.len()
    } else {
        let classes = |list: &[Json]| -> Vec<String> {
            list.iter().map(|text| message_class(text.as_str().unwrap_or_default(), &step.cql)).collect()
        };
        classes(&a) != classes(&b)
    };
    differ.then(|| format!("warnings: want {a:?}, got {b:?}"))
}

/// Rows as compared: columns under `any` by null or not, those under `skip` not at all.
fn masked(answer: &Json, step: &Step) -> Vec<Vec<Json>> {
    let none = Vec::new();
    let names: Vec<&str> = answer["columns"]
        .as_array()
        .unwrap_or(&none)
        .iter()
        .map(|column| column[0].as_str().unwrap())
        .collect();
    let (any, skip) = (step.words("any"), step.words("skip"));
    let rows = answer["hex"].as_array().unwrap_or(&none).iter();
    let mut rows: Vec<Vec<Json>> = rows
        .map(|row| {
            let cells = names.iter().zip(row.as_array().unwrap());
            cells
                .map(|(name, cell)| {
                    if any.contains(name) && !cell.is_null() {
                        "any".into()
                    } else if skip.contains(name) {
                        "skip".into()
                    } else {
                        cell.clone()
                    }
                })
                .collect()
        })
        .collect();
    if step.has("unordered") {
        rows.sort_by_key(|row| row.iter().map(|cell| cell.as_str().map(str::to_owned)).collect::<Vec<_>>());
    }
    rows
}

fn brief(answer: &Json) -> String {
    match answer["kind"].as_str() {
        Some("error") => format!("error {} {}", answer["code"], answer["message"]),
        Some("rows") => format!("rows ({})", answer["hex"].as_array().map_or(0, Vec::len)),
        other => other.unwrap_or("broken").to_owned(),
    }
}

/// A message without what it says about this very statement: names, literals, numbers, case,
/// punctuation.
fn message_class(message: &str, cql: &str) -> String {
    let message = message.split("signatures: ").next().map_or(message, |before| {
        if before.len() == message.len() { message } else { &message[..before.len() + "signatures".len()] }
    });
    let known: BTreeSet<String> = words(cql, char::is_alphanumeric).into_iter().collect();
    let common: BTreeSet<&str> = COMMON.split_whitespace().collect();
    let message = without_quoted(&without_hashes(message).to_lowercase());
    let words = words(&message, char::is_alphanumeric).into_iter();
    // A word begins with a letter: what comes before belongs to a number.
    let words =
        words.map(|word| word.trim_start_matches(|c: char| !(c.is_ascii_lowercase() || c == '_')).to_owned());
    let words = words.filter(|word| !word.is_empty());
    let counts = |word: &String| !known.contains(word) || common.contains(word.as_str());
    words.filter(counts).collect::<Vec<_>>().join(" ")
}

fn words(text: &str, is_letter: impl Fn(char) -> bool) -> Vec<String> {
    let words = text.split(|c: char| !(is_letter(c) || c == '_'));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The text with blanks in place of everything in quotes.
fn without_quoted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"', '$']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let quote = if from.starts_with("$$") { "$$" } else { &from[..1] };
        let end = (quote != "$").then(|| from[quote.len()..].find(quote)).flatten();
        match end {
            Some(end) => {
                out.push(' ');
                rest = &from[2 * quote.len() + end..];
            }
            None => {
                out.push_str(quote);
                rest = &from[quote.len()..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The text without hashes of objects (`@1a2b3c`).
fn without_hashes(text: &str) -> String {
    let mut parts = text.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('@');
        let digits = part.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(part.len());
        let is_hash = (5..=8).contains(&digits)
            && !part[digits..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        out.push_str(if is_hash { &part[digits..] } else { part });
    }
    out
}
