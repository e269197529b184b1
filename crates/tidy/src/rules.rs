//! The house rules that are a matter of text. This file and its tests are exempt from the rules
//! about words, which they have to spell.

use crate::Violation;

/// The most lines that a source file may have.
pub const MAX_LINES: usize = 1_000;

/// Files above [`MAX_LINES`], with their length. A length may only shrink: a file that became
/// shorter must be entered with its new length, one that fits leaves the list.
pub const RATCHET: &[(&str, usize)] = &[];

/// The only files that may say `unsafe`: a page that is wiped in forked children, and the allocator
/// that a test counts with. One more needs a measurement that asks for it.
const UNSAFE_FILES: &[&str] = &["crates/io/src/map.rs", "crates/helenus/tests/cost/allocator.rs"];

/// Where the letters of SSTable versions may stand; elsewhere a capability has a name.
const VERSION_FILE: &str = "crates/sstable/src/version.rs";
const VERSION_LETTERS: &[&str] = &["ma", "mb", "mc", "md", "me", "na", "nb", "oa", "da"];

/// The files that spell the forbidden words.
const SPELLS_THE_RULES: &[&str] = &["crates/tidy/src/rules.rs", "crates/tidy/tests/tidy.rs"];

/// What no source may contain, and why.
const FORBIDDEN_IN_CODE: &[(&str, &str)] = &[
    ("#[allow(", "silence a lint with #[expect(lint, reason = \"…\")]"),
    ("#![allow(", "silence a lint with #![expect(lint, reason = \"…\")]"),
    ("#[ignore", "long tests go behind a name or a variable, so that they are run on purpose, not forgotten"),
    ("todo!", "unfinished code does not land"),
    ("unimplemented!", "unfinished code does not land"),
    ("FIXME", "what is missing is an entry of the tracker or of docs/COMPAT.md"),
    ("TODO", "what is missing is an entry of the tracker or of docs/COMPAT.md"),
    ("\u{a7}", "name the class or the page in docs/ that says so: a reader has no other text"),
    ("XXX", "what is missing is an entry of the tracker or of docs/COMPAT.md"),
];

/// Phrases that make a reader guess a noun, in comments and pages, and what to say instead.
const UNCLEAR: &[(&str, &str)] = &[
    ("so many", "say the number, or name the parameter"),
    ("as yet", "say `yet`, or leave it out"),
    ("whoever", "name the caller, the writer or the user"),
    ("those who", "name the callers, the writers or the users"),
    ("what others left", "say `foreign files` or `a foreign directory`"),
    ("one to tell", "say `report the first error`"),
    ("is told", "say that it receives, or is notified of"),
    ("are told", "say that they receive, or are notified of"),
    ("was told", "say that it received, or got an error"),
    ("tells whether", "say `says whether`, `returns whether` or `shows whether`"),
    ("goes on behind", "say `continues after`"),
    ("lies behind", "say `is after`"),
    ("stands behind", "say `is after`"),
];

/// The longest source file that may begin without saying what it is.
const MAX_LINES_WITHOUT_LEAD: usize = 40;

/// The widest line of prose, in columns. Code, tables, layouts of bytes and headings may be wider.
const MAX_WIDTH: usize = 100;

/// What no text of the repository may contain: it speaks of the project alone, and builds from
/// whatever registry its user has configured.
const FORBIDDEN_ANYWHERE: &[(&str, &str)] = &[
    ("/work/", "a path of one machine"),
    ("agent", "how the work was done is no part of the project"),
    ("workplace", "how the work was done is no part of the project"),
    ("//crates.io", "registries are configured by the user"),
    ("index.crates.io", "registries are configured by the user"),
    ("static.crates.io", "registries are configured by the user"),
    ("pypi.org", "registries are configured by the user"),
    ("pythonhosted.org", "registries are configured by the user"),
    ("repo1.maven.org", "registries are configured by the user"),
    ("repo.maven.apache.org", "registries are configured by the user"),
];

/// Checks one text file; `path` is relative to the root of the workspace, with `/` between names.
pub fn check_file(path: &str, text: &str) -> Vec<Violation> {
    if SPELLS_THE_RULES.contains(&path) {
        return check_length(path, text);
    }
    let mut found = check_words(path, text);
    found.extend(check_phrases(path, text));
    found.extend(check_width(path, text));
    if path.ends_with(".rs") {
        found.extend(check_length(path, text));
        found.extend(check_lead(path, text));
        found.extend(check_code(path, text));
    }
    found
}

/// A package's manifest takes the lint table of the workspace.
pub fn check_manifest(path: &str, text: &str) -> Vec<Violation> {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    if lines.find(|line| !line.is_empty()).is_some_and(|line| line.replace(' ', "") == "workspace=true") {
        return Vec::new();
    }
    vec![violation(path, 0, "must have [lints] workspace = true".to_owned())]
}

/// The root file of a crate opens with what the crate knows, what it must not know, and where to
/// start reading.
pub fn check_opening(path: &str, text: &str) -> Vec<Violation> {
    let opening: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    // Words are looked for across ends of lines, without the marks of emphasis.
    let opening = opening.join(" ").replace('*', "").to_lowercase();
    let opening = opening.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut missing = Vec::new();
    if !opening.replace("must not know", "").contains("know") {
        missing.push("what the crate knows");
    }
    if !opening.contains("must not know") {
        missing.push("what it must not know");
    }
    if !opening.contains("start reading") {
        missing.push("where to start reading");
    }
    missing
        .into_iter()
        .map(|part| violation(path, 1, format!("opens with documentation that says {part} (\"//! …\")")))
        .collect()
}

fn violation(path: &str, line: usize, what: String) -> Violation {
    Violation { place: path.to_owned(), line, what }
}

fn check_length(path: &str, text: &str) -> Vec<Violation> {
    let lines = text.lines().count();
    let listed = RATCHET.iter().find(|(file, _)| *file == path).map(|(_, lines)| *lines);
    let what = match listed {
        Some(listed) if lines > listed => format!("has {lines} lines and may not grow above {listed}"),
        Some(listed) if lines < listed => {
            format!("shrank to {lines} lines: say so in RATCHET (it says {listed})")
        }
        None if lines > MAX_LINES => format!("has {lines} lines, {MAX_LINES} at most: split it"),
        _ => return Vec::new(),
    };
    vec![violation(path, 0, what)]
}

fn check_words(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.to_lowercase();
        for (word, why) in FORBIDDEN_ANYWHERE {
            if contains_word(&content, word) {
                found.push(violation(path, line, format!("says `{word}`: {why}")));
            }
        }
    }
    found
}

/// Comments of sources, and pages without their blocks of code. Phrases are looked for across ends
/// of lines.
fn check_phrases(path: &str, text: &str) -> Vec<Violation> {
    let prose: fn(&str) -> Option<&str> = match path.rsplit_once('.') {
        Some((_, "rs")) => comment,
        Some((_, "md")) => |line| (!line.starts_with("    ")).then_some(line),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut before = String::new();
    for (line, content) in (1..).zip(text.lines()) {
        let Some(content) = prose(content) else {
            before.clear();
            continue;
        };
        let content = content.trim().to_lowercase();
        let joined = format!("{before} {content}");
        for (phrase, instead) in UNCLEAR {
            if contains_word(&joined, phrase) && !contains_word(&before, phrase) {
                found.push(violation(path, line, format!("says `{phrase}`: {instead}")));
            }
        }
        before = content;
    }
    found
}

/// What a line of Rust comments, without the marks of the comment.
fn comment(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("//").map(|rest| rest.trim_start_matches(['/', '!']))
}

/// Prose is wrapped: paragraphs and items of lists, in comments and in pages.
fn check_width(path: &str, text: &str) -> Vec<Violation> {
    let prose: fn(&str) -> Option<&str> = match path.rsplit_once('.') {
        Some((_, "rs")) => |line| comment(line).map(|rest| rest.strip_prefix(' ').unwrap_or(rest)),
        Some((_, "md")) => |line| Some(line),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, content) in (1..).zip(text.lines()) {
        let Some(prose) = prose(content) else {
            in_code = false;
            continue;
        };
        let begin = prose.trim_start();
        if begin.starts_with("```") {
            in_code = !in_code;
        }
        let is_paragraph =
            !in_code && !prose.starts_with("    ") && !begin.starts_with(['|', '#', '<', '[', '`']);
        let width = content.chars().count();
        // A single long word, a link mostly, can't be wrapped.
        let last_word = content.rsplit(' ').next().map_or(0, |word| word.chars().count());
        if is_paragraph && width > MAX_WIDTH && last_word < MAX_WIDTH / 2 {
            let what = format!("is {width} columns wide, {MAX_WIDTH} at most: wrap the paragraph");
            found.push(violation(path, line, what));
        }
    }
    found
}

/// A source file of a crate begins with what it is.
fn check_lead(path: &str, text: &str) -> Vec<Violation> {
    let is_source = path.starts_with("crates/") && path.contains("/src/") && !is_test_file(path);
    if !is_source || text.starts_with("//!") || text.lines().count() <= MAX_LINES_WITHOUT_LEAD {
        return Vec::new();
    }
    vec![violation(path, 1, "begins with what the file is (\"//! …\")".to_owned())]
}

fn check_code(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut in_tests = is_test_file(path);
    for (line, content) in (1..).zip(text.lines()) {
        in_tests |= content.trim_start().starts_with("#[cfg(test)]");
        for (word, why) in FORBIDDEN_IN_CODE {
            if contains_word(content, word) {
                found.push(violation(path, line, format!("has `{word}`: {why}")));
            }
        }
        let code = content.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if says_unsafe(code) && !UNSAFE_FILES.contains(&path) {
            let files = UNSAFE_FILES.join(", ");
            found.push(violation(path, line, format!("has unsafe code, which only {files} may")));
        }
        if !in_tests && path != VERSION_FILE {
            for letters in VERSION_LETTERS {
                let constant = format!("Version::{}", letters.to_uppercase());
                if code.contains(&format!("\"{letters}\"")) || contains_word(code, &constant) {
                    let what = format!("names version {letters}: ask {VERSION_FILE} for a capability");
                    found.push(violation(path, line, what));
                }
            }
        }
    }
    found
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz" | "examples"))
}

/// `unsafe` as a keyword; names of lints such as `unsafe_code` go on after it.
fn says_unsafe(code: &str) -> bool {
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait", "unsafe("]
        .iter()
        .any(|form| contains_word(code, form))
}

/// Whether `word` occurs where no letter, digit or underscore precedes it, nor (except for a
/// plural's s) follows it.
fn contains_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let open_start = !word.starts_with(joins);
    let open_end = !word.ends_with(joins);
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).unwrap_or_default();
        let after = after.strip_prefix('s').unwrap_or(after).chars().next();
        (open_start || !before.is_some_and(joins)) && (open_end || !after.is_some_and(joins))
    })
}
