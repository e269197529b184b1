//! Tables that Apache Cassandra wrote: a committed sample, and all of them where the corpus is
//! there.

use std::path::{Path, PathBuf};

use helenus::{TableSchema, Type};

use crate::json::members;

/// A table's folder, and what Cassandra said of it.
pub(crate) struct Table {
    pub(crate) dir: PathBuf,
    pub(crate) schema_file: PathBuf,
    /// As CQL spells it.
    pub(crate) name: String,
    pub(crate) schema: std::sync::Arc<TableSchema>,
    /// The lines of `SELECT JSON *`, or of the larger tables of the sample what is known of them.
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    Lines(Vec<String>),
    Digest(String),
}

/// The committed sample.
pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus/da")
}

/// The corpus, or `None` with a note where there is none.
pub(crate) fn whole() -> Option<PathBuf> {
    let root = std::env::var_os("HELENUS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if root.exists() {
        return Some(root);
    }
    println!("skipped: there is no corpus at {} (HELENUS_CORPUS)", root.display());
    None
}

/// The tables in a folder, by name.
pub(crate) fn tables(root: &Path) -> Vec<Table> {
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut dirs: Vec<PathBuf> = entries.filter(|path| path.join("schema.cql").exists()).collect();
    dirs.sort();
    dirs.into_iter().map(Table::open).collect()
}

impl Table {
    pub(crate) fn open(dir: PathBuf) -> Self {
        let schema_file = dir.join("schema.cql");
        let text = std::fs::read_to_string(&schema_file).unwrap();
        let name = last_created(&text);
        let (keyspace, table) = name.split_once('.').unwrap();
        let opened = helenus::open_sstables(&dir, &text, keyspace, table).unwrap();
        let expected = match std::fs::read_to_string(dir.join("select.jsonl")) {
            Ok(text) => Expected::Lines(text.lines().map(str::to_owned).collect()),
            Err(_) => Expected::Digest(std::fs::read_to_string(dir.join("select.digest")).unwrap()),
        };
        Self { schema: opened.schema(), dir, schema_file, name, expected }
    }

    /// Names and types of the key's columns: how many belong to the partition key, and all of them.
    pub(crate) fn key(&self) -> (usize, Vec<(String, Type)>) {
        let partition = self.schema.partition_key();
        let key = partition.iter().chain(self.schema.clustering());
        (partition.len(), key.map(|column| (column.name.to_string(), column.ty.base().clone())).collect())
    }

    /// CQL literals of the first `count` key columns of a row, where its JSON has them.
    pub(crate) fn literals(&self, line: &str, count: usize) -> Option<Vec<String>> {
        let members = members(line);
        let (_, key) = self.key();
        let literal = |(name, ty): &(String, Type)| {
            let quoted = format!("\"{name}\"");
            let value = members.iter().find(|(key, _)| key == name || *key == quoted)?.1;
            literal(ty, value)
        };
        key.iter().take(count).map(literal).collect()
    }

    /// Whether there are floats or doubles in a column's values.
    pub(crate) fn has_floats(&self, column: &str) -> bool {
        let column = column.trim_matches('"');
        let ty = self.schema.column(column).and_then(|(kind, index)| self.schema.column_type(kind, index));
        ty.is_none_or(|ty| ["float", "double"].iter().any(|name| ty.cql_name().contains(name)) || is_udt(ty))
    }
}

/// The fields of a user type are not in its name.
fn is_udt(ty: &Type) -> bool {
    match ty.base() {
        Type::Udt { .. } => true,
        other => other.element().or(other.value()).is_some_and(is_udt),
    }
}

/// The literal of a key's value; `None` where its JSON does not determine it: NaN, dates outside
/// four digits, zeros of either sign, nested values.
fn literal(ty: &Type, json: &str) -> Option<String> {
    let is_date = |text: &str| text.len() > 5 && text.as_bytes().iter().take(4).all(u8::is_ascii_digit);
    match ty {
        _ if json == "null" => None,
        Type::Float | Type::Double if json.trim_start_matches('-') == "0.0" => None,
        Type::Ascii | Type::Text | Type::Inet | Type::Time | Type::Date | Type::Timestamp => {
            let text = crate::json::unquote(json);
            let plain = !matches!(ty, Type::Date | Type::Timestamp) || is_date(&text);
            (plain && !text.contains('\0')).then(|| format!("'{}'", text.replace('\'', "''")))
        }
        Type::Blob | Type::Uuid | Type::TimeUuid => Some(crate::json::unquote(json)),
        _ if json.starts_with(['"', '[', '{']) => None,
        _ => Some(json.to_owned()),
    }
}

/// The table or view that a schema file creates last.
fn last_created(schema: &str) -> String {
    let words: Vec<&str> = schema.split_whitespace().collect();
    let is_create = |words: &[&str]| match words {
        ["CREATE", "TABLE", ..] => Some(2),
        ["CREATE", "MATERIALIZED", "VIEW", ..] => Some(3),
        _ => None,
    };
    let found = (0..words.len()).rev().find_map(|at| is_create(&words[at..]).map(|skip| words[at + skip]));
    found.unwrap().to_owned()
}
