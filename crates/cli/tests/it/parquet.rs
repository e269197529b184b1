//! The output of `export --format parquet` is read back by the crate `parquet`, and equals the
//! export as JSON.

use std::fs::File;
use std::path::Path;

use helenus::Type;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::corpus::{self, Table};
use crate::json::{Token, members, tokens};
use crate::tool::helenus;

#[test]
fn the_committed_tables() {
    for table in corpus::tables(&corpus::sample()) {
        check(&table);
    }
}

#[test]
fn what_nests_and_every_type_as_a_key() {
    let Some(root) = corpus::whole() else { return };
    for mode in ["da", "nb"] {
        let tables = corpus::tables(&root.join(mode));
        let wanted = |table: &&Table| {
            let name = table.name.as_str();
            ["pk_", "ck_", "collections", "all_types", "counters", "statics", "altered"]
                .iter()
                .any(|part| name.contains(part))
        };
        tables.iter().filter(wanted).for_each(check);
    }
}

#[test]
fn many_rows_make_several_groups_of_bounded_size() {
    let dir = tempfile::tempdir().unwrap();
    let schema = dir.path().join("schema.cql");
    std::fs::write(&schema, "CREATE TABLE k.wide (p int, c int, v text, PRIMARY KEY (p, c))").unwrap();
    let lines = dir.path().join("rows.jsonl");
    let value = "x".repeat(10_000);
    let line = |c: u32| format!("{{\"p\": 1, \"c\": {c}, \"v\": \"{c} {value}\"}}\n");
    std::fs::write(&lines, (0..8_000).map(line).collect::<String>()).unwrap();
    let tables = dir.path().join("wide");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    helenus(["sstable", "bulk-write", "--schema", &path(&schema), "--out", &path(&tables), &path(&lines)])
        .ok();
    let out = dir.path().join("rows.parquet");
    let export = ["export", "--schema", &path(&schema), "--format", "parquet", "-o", &path(&out)];
    let told = helenus(export.into_iter().chain([path(&tables).as_str(), "k.wide"])).ok();
    assert!(told.contains("8000 rows in 3 row groups"), "{told}");
    let reader = SerializedFileReader::new(File::open(&out).unwrap()).unwrap();
    let keys = reader.get_row_iter(None).unwrap().map(|row| match row.unwrap().get_column_iter().nth(1) {
        Some((_, Field::Int(c))) => *c,
        other => panic!("{other:?}"),
    });
    assert!(keys.eq(0..8_000));

    let refused = helenus(export.into_iter().chain([path(&tables).as_str(), "k.wide"])).failed(1);
    assert!(refused.contains("already there"), "{refused}");
}

/// The hidden columns of a compact table are not shown, and shift none of the others.
#[test]
fn a_compact_table() {
    let dir = tempfile::tempdir().unwrap();
    let schema = dir.path().join("schema.cql");
    let definition = "CREATE TABLE t.simple (pk text PRIMARY KEY, val text) WITH COMPACT STORAGE";
    std::fs::write(&schema, definition).unwrap();
    let out = dir.path().join("rows.parquet");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let tables = committed.join("legacy/me/legacy_me_simple_compact");
    let args = ["export", "--schema", schema.to_str().unwrap(), "--format", "parquet", "-o"];
    let rest = [out.to_str().unwrap(), tables.to_str().unwrap(), "t.simple"];
    helenus(args.into_iter().chain(rest)).ok();
    let reader = SerializedFileReader::new(File::open(&out).unwrap()).unwrap();
    let fields = |row: Row| row.get_column_iter().map(|(name, field)| format!("{name} {field}")).collect();
    let rows: Vec<Vec<String>> = reader.get_row_iter(None).unwrap().map(|row| fields(row.unwrap())).collect();
    let expected: Vec<_> =
        (0..5).map(|pk| vec![format!("pk \"{pk}\""), "val \"foo bar baz\"".to_owned()]).collect();
    assert_eq!(rows, expected);
}

#[test]
fn damage_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let source = corpus::sample().join("all_types");
    let table = dir.path().join("all_types");
    std::fs::create_dir(&table).unwrap();
    for entry in std::fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            std::fs::copy(&entry, table.join(entry.file_name().unwrap())).unwrap();
        }
    }
    let data = table.join("da-1-bti-Data.db");
    let mut bytes = std::fs::read(&data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&data, bytes).unwrap();
    let out = dir.path().join("rows.parquet");
    let args = ["export", "--format", "parquet", "-o", out.to_str().unwrap()];
    helenus(args.into_iter().chain([table.to_str().unwrap(), "corpus.all_types"])).failed(1);
    let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["all_types"]);
}

/// Exports a table both ways and compares them.
fn check(table: &Table) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("rows.parquet");
    let source = ["--schema", table.schema_file.to_str().unwrap(), table.dir.to_str().unwrap(), &table.name];
    let json = helenus(["export"].into_iter().chain(source)).ok();
    let format = ["export", "--format", "parquet", "-o", out.to_str().unwrap()];
    helenus(format.into_iter().chain(source)).ok();

    let reader = SerializedFileReader::new(File::open(&out).unwrap()).unwrap();
    check_metadata(table, &reader);
    let mut rows = reader.get_row_iter(None).unwrap();
    let mut count = 0;
    for line in json.lines() {
        let row =
            rows.next().unwrap_or_else(|| panic!("{}: there are only {count} rows", table.name)).unwrap();
        if let Err(problem) = compare(table, line, &row) {
            panic!("{}, row {count}: {problem}", table.name);
        }
        count += 1;
    }
    assert!(rows.next().is_none(), "{}: more than {count} rows", table.name);
}

fn check_metadata(table: &Table, reader: &SerializedFileReader<File>) {
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| metadata.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
    let key: serde_json::Value = serde_json::from_str(&value("helenus.primary_key")).unwrap();
    let names = |what: &str| -> Vec<String> { serde_json::from_value(key[what].clone()).unwrap() };
    let (of_partition, columns) = table.key();
    let columns: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    assert_eq!([names("partition_key"), names("clustering")].concat(), columns, "{}", table.name);
    assert_eq!(names("partition_key").len(), of_partition);
    // Statements that make the table again; a view's statement alone doesn't.
    let cql = value("helenus.schema");
    if !cql.contains("MATERIALIZED VIEW") {
        let keyspace = format!(
            "CREATE KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};\n",
            table.schema.keyspace()
        );
        helenus::Catalog::parse(&(keyspace + &cql)).unwrap();
    }
}

fn compare(table: &Table, line: &str, row: &Row) -> Result<(), String> {
    let members = members(line);
    let fields: Vec<_> = row.get_column_iter().collect();
    if members.len() != fields.len() {
        return Err(format!("{} columns in JSON, {} in Parquet", members.len(), fields.len()));
    }
    for ((key, json), (name, field)) in members.iter().zip(fields) {
        let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if bare != name {
            return Err(format!("column {key} in JSON, {name} in Parquet"));
        }
        let (kind, index) = table.schema.column(name).unwrap();
        let ty = table.schema.column_type(kind, index).unwrap();
        let mut text = String::new();
        print(ty, field, &mut text);
        if !same(&tokens(json), &tokens(&text)) {
            return Err(format!("column {name}: {text} in Parquet, {json} in JSON"));
        }
    }
    Ok(())
}

/// Whether both say the same: what is empty (`""`) and no text is null in Parquet.
fn same(json: &[Token<'_>], parquet: &[Token<'_>]) -> bool {
    json.len() == parquet.len()
        && json.iter().zip(parquet).all(|(json, parquet)| {
            json == parquet || (*parquet == Token::Word("null") && is_empty_value(json))
        })
}

fn is_empty_value(json: &Token<'_>) -> bool {
    // An empty time is printed so.
    matches!(json, Token::Text("\"\"" | "\"null\""))
}

/// Prints a field as the export as JSON does: scalars through the type's own text, of bytes that
/// are made out of it.
fn print(ty: &Type, field: &Field, out: &mut String) {
    let mut scalar = |bytes: &[u8]| ty.json(bytes, out).unwrap();
    match (ty.base(), field) {
        (_, Field::Null) => out.push_str("null"),
        (_, Field::Bool(value)) => scalar(&[u8::from(*value)]),
        (_, Field::Byte(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Short(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Int(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Long(value) | Field::TimestampMillis(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Float(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Double(value)) => scalar(&value.to_be_bytes()),
        (_, Field::Bytes(value)) => scalar(value.data()),
        (Type::Date, Field::Date(days)) => {
            scalar(&u32::try_from(i64::from(*days) + (1 << 31)).unwrap().to_be_bytes());
        }
        (Type::Varint | Type::Decimal, Field::Str(text)) => out.push_str(text),
        (_, Field::Str(text)) => out.push_str(&serde_json::to_string(text).unwrap()),
        (ty, Field::ListInternal(list)) => {
            let element = ty.element().unwrap();
            print_all('[', list.elements().iter(), ']', out, |field, out| print(element, field, out));
        }
        (ty, Field::MapInternal(map)) => {
            let (key, value) = (ty.key().unwrap(), ty.value().unwrap());
            print_all('{', map.entries().iter(), '}', out, |(k, v), out| {
                let mut text = String::new();
                print(key, k, &mut text);
                helenus_types::push_json_key(&text, out);
                out.push(':');
                print(value, v, out);
            });
        }
        (Type::Tuple(types), Field::Group(row)) => {
            let fields = types.iter().zip(row.get_column_iter());
            print_all('[', fields, ']', out, |(ty, (_, field)), out| print(ty, field, out));
        }
        (Type::Udt { definition, .. }, Field::Group(row)) => {
            let fields = definition.fields.iter().zip(row.get_column_iter());
            print_all('{', fields, '}', out, |((name, ty), (found, field)), out| {
                assert_eq!(name, found);
                out.push('"');
                helenus_types::push_json_name(name, out);
                out.push_str("\":");
                print(ty, field, out);
            });
        }
        (ty, field) => panic!("{field:?} for {ty}"),
    }
}

fn print_all<T>(
    open: char,
    items: impl Iterator<Item = T>,
    close: char,
    out: &mut String,
    mut each: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (at, item) in items.enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        each(item, out);
    }
    out.push(close);
}
