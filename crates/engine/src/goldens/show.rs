//! Operations on a disk as lines of text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use helenus_io::Operation;
use helenus_sim::{Traced, TracedDetail};

use super::scene::START_SECONDS;
use crate::manifest::{self, Change, Edit, HEAD_LEN};

/// A line for each operation. A file that is created, written and synced right after each other is
/// one line, and files of an SSTable that are removed together are. Writes to the log and the
/// manifest are spelled out, those of other files as a class of length.
pub(super) fn show(trace: &[Traced]) -> String {
    let mut text = String::new();
    let mut rest = trace.iter().peekable();
    while let Some(event) = rest.next() {
        let Traced { operation, path, detail } = event;
        let name = name_of(path, is_dir(*operation));
        match (operation, detail) {
            (Operation::Create | Operation::Write, _) if !is_decoded(path) => {
                let word = if *operation == Operation::Create { "create" } else { "write" };
                let mut written = len_of(detail);
                while let Some(next) =
                    rest.next_if(|next| next.operation == Operation::Write && next.path == *path)
                {
                    written = Some(written.unwrap_or(0) + len_of(&next.detail).unwrap_or(0));
                }
                let synced = rest.next_if(|next| next.operation == Operation::Sync && next.path == *path);
                let facts = [written.map(class), synced.map(|_| "synced")];
                line(&mut text, word, &name, &facts.into_iter().flatten().collect::<Vec<_>>().join(", "));
            }
            (Operation::Write, TracedDetail::Bytes { offset, bytes }) => {
                let (what, below) = contents(path, *offset, bytes);
                line(&mut text, "write", &name, &what);
                below.iter().for_each(|change| writeln!(text, "{:13}{change}", "").unwrap());
            }
            (Operation::Rename, TracedDetail::Other(to)) => {
                line(&mut text, "rename", &name, &format!("-> {}", name_of(to, false)));
            }
            (Operation::SetLen | Operation::Allocate, TracedDetail::Len(len)) => {
                let word = if *operation == Operation::Allocate { "allocate" } else { "set-len" };
                line(&mut text, word, &name, class(*len));
            }
            (Operation::RemoveFile, _) => match name.rsplit_once('-') {
                Some((stem, first)) => {
                    let mut components = vec![first.to_owned()];
                    let is_next = |next: &&Traced| {
                        next.operation == Operation::RemoveFile
                            && name_of(&next.path, false).rsplit_once('-').is_some_and(|(s, _)| s == stem)
                    };
                    while let Some(next) = rest.next_if(is_next) {
                        components
                            .extend(name_of(&next.path, false).rsplit_once('-').map(|(_, c)| c.to_owned()));
                    }
                    line(&mut text, "remove", stem, &components.join(" "));
                }
                None => line(&mut text, "remove", &name, ""),
            },
            _ => {
                let printed = event.to_string();
                let (word, _) = printed.split_once(' ').unwrap();
                line(&mut text, word, &name, "");
            }
        }
    }
    text
}

fn len_of(detail: &TracedDetail) -> Option<u64> {
    match detail {
        TracedDetail::Bytes { bytes, .. } => Some(bytes.len() as u64),
        _ => None,
    }
}

fn line(text: &mut String, word: &str, name: &str, what: &str) {
    writeln!(text, "{}", format!("{word:<11}{name:<28} {what}").trim_end()).unwrap();
}

const fn is_dir(operation: Operation) -> bool {
    matches!(operation, Operation::CreateDir | Operation::RemoveDir | Operation::SyncDir)
}

/// The path below the database's directory. A table's directory is known by its name alone, since
/// its identity is another each time; a segment is `log` and its number.
fn name_of(path: &Path, is_dir: bool) -> String {
    let path: PathBuf = path.strip_prefix("/").unwrap_or(path).iter().skip(1).collect();
    let mut names: Vec<String> = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    if let [data, _, table, ..] = names.as_mut_slice()
        && data == "data"
    {
        *table = table.split('-').next().unwrap().to_owned();
    }
    match names.as_slice() {
        [] => ".".to_owned(),
        [log, segment] if log == "commitlog" => {
            let segment = segment.strip_prefix("commitlog-").unwrap_or(segment);
            format!("log {}", segment.strip_suffix(".log").unwrap_or(segment))
        }
        [_, _, table, file] => format!("{table}/{file}"),
        names => names.join("/") + if is_dir { "/" } else { "" },
    }
}

fn is_manifest(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name == "MANIFEST")
}

fn is_log(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("commitlog-"))
}

fn is_decoded(path: &Path) -> bool {
    is_manifest(path) || is_log(path)
}

/// The operations of the log or the manifest, and those that get lines of their own.
fn contents(path: &Path, offset: u64, bytes: &[u8]) -> (String, Vec<String>) {
    if is_manifest(path) { edits(offset, bytes) } else { (records(offset, bytes), Vec::new()) }
}

const fn class(len: u64) -> &'static str {
    match len {
        0..64 => "< 64 B",
        64..1024 => "< 1 KiB",
        1024..4096 => "< 4 KiB",
        4096..65_536 => "< 64 KiB",
        _ => "64 KiB or more",
    }
}

/// What is in bytes of the log: see `format.rs` of the log for the layout.
fn records(offset: u64, bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return "zeros".to_owned();
    }
    let mut words = Vec::new();
    let mut rest = bytes;
    if offset == 0 {
        words.push("header".to_owned());
        rest = &bytes[64..];
    }
    while !rest.is_empty() {
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let body = &rest[12..12 + number(4) as usize];
        let position = |at: usize| u64::from_le_bytes(body[at..at + 8].try_into().unwrap());
        let tags =
            body.chunks(4).take(usize::from(rest[10])).map(|tag| u32::from_le_bytes(tag.try_into().unwrap()));
        words.push(match rest[8] {
            1 => format!(
                "record of {}",
                tags.map(|tag| format!("table {tag}")).collect::<Vec<_>>().join(" and ")
            ),
            2 => format!("mark in {}", position(0)),
            3 if position(0) == 0 => "end: closed".to_owned(),
            3 => format!("end: goes on in {}", position(0)),
            4 => format!("link, {} unflushed", (body.len() - 12) / 16),
            other => panic!("no kind of record: {other}"),
        });
        rest = &rest[12 + body.len()..];
    }
    words.join(", ")
}

/// The records and marks in bytes of the manifest, and the changes of the records.
fn edits(offset: u64, bytes: &[u8]) -> (String, Vec<String>) {
    let (mut words, mut changes) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    if offset == 0 {
        words.push("head".to_owned());
        rest = &bytes[HEAD_LEN..];
    }
    loop {
        if let Some(sequence) = manifest::read_mark(rest) {
            words.push(format!("mark {sequence}"));
            rest = &rest[manifest::MARK_LEN..];
        } else if let Some((sequence, payload)) = manifest::read_record(rest) {
            words.push(format!("edit {sequence}"));
            changes.extend(Edit::decode(payload).unwrap().changes.iter().map(change));
            rest = &rest[manifest::RECORD_HEAD_LEN + payload.len() + 4..];
        } else {
            assert!(rest.iter().all(|byte| *byte == 0), "neither a mark nor a record");
            return (words.join(", "), changes);
        }
    }
}

/// A change in one line, without what is another each time.
fn change(change: &Change) -> String {
    match change {
        Change::Schema(text) => format!("the schema is {}", statements(text)),
        Change::SchemaAdded(text) => format!("the schema gets {}", statements(text)),
        Change::AddTable { tag, .. } => format!("table {tag} begins"),
        Change::DropTable { tag } => format!("table {tag} ends"),
        Change::Layout { tag, layout } => format!("table {tag} has layout {layout}"),
        Change::AddSsTable { tag, entry, .. } => {
            let facts = entry.facts.as_ref().unwrap();
            let (partitions, rows) = (facts.key_count, facts.rows);
            let files = facts.digests.len();
            let stem = &entry.stem;
            format!("table {tag} gets {stem}: {partitions} partitions, {rows} rows, digests of {files} files")
        }
        Change::RemoveSsTable { tag, generation } => format!("table {tag} loses generation {}", generation.0),
        Change::Flushed { tag, position } => {
            format!("table {tag} is flushed up to a place in segment {}", position.segment)
        }
        Change::Truncated { tag, at } => format!("table {tag} was truncated at {}", at_second(at.0)),
        Change::NextGeneration(next) => format!("generations below {next} are ours"),
        Change::TimestampFloor(floor) => format!("timestamps up to {} were given", at_second(*floor)),
        Change::NextTag(next) => format!("tags below {next} were given"),
        Change::Dropped { dir, .. } => {
            format!(
                "{} may hold files of a dropped table",
                name_of(&Path::new("db").join(dir.as_str()), true)
            )
        }
        Change::Log(segment) => format!("the log goes on from segment {segment}"),
        Change::Named { stem, .. } => format!("{stem} is ours"),
    }
}

fn at_second(micros: i64) -> String {
    match micros.div_euclid(1_000_000) - START_SECONDS {
        seconds if seconds < -1_000_000 => "no time".to_owned(),
        seconds => format!("second {seconds}"),
    }
}

/// What the statements of a schema create or change.
fn statements(text: &str) -> String {
    let heads = text.split(';').filter_map(|statement| {
        let head = statement.split(['(', '{']).next()?.split(" WITH ").next()?;
        let head = head.split(" USING ").next()?.trim();
        (!head.is_empty()).then(|| head.strip_prefix("CREATE ").unwrap_or(head))
    });
    let heads: Vec<String> = heads.map(|head| head.to_lowercase()).collect();
    if heads.is_empty() { "empty".to_owned() } else { heads.join(", ") }
}
