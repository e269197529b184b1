//! A schema of every kind of definition, from the rows that Cassandra keeps of it.

use helenus_testkit::check_golden;
use helenus_types::{TableId, Value};
use uuid::Uuid;

use super::super::schema_rows::{SchemaRow, SchemaRows};
use super::NodeSchema;

fn row(columns: &[(&str, Value)]) -> SchemaRow {
    columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(*text)).collect())
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| (Value::from(*key), Value::from(*value))).collect())
}

fn table(name: &str, id: u128, flags: &[&str]) -> SchemaRow {
    row(&[
        ("keyspace_name", "K".into()),
        ("table_name", name.into()),
        ("id", Uuid::from_u128(id).into()),
        ("flags", Value::Set(flags.iter().map(|flag| Value::from(*flag)).collect())),
        ("bloom_filter_fp_chance", 0.01.into()),
        ("cdc", true.into()),
        ("comment", "it's".into()),
        ("compaction", map(&[("class", "SizeTieredCompactionStrategy"), ("min_threshold", "5")])),
        ("default_time_to_live", 60.into()),
        ("extensions", Value::Map(vec![("x".into(), Value::Blob(vec![0xCA, 0xFE]))])),
        ("memtable", Value::Null),
    ])
}

fn column(table: &str, name: &str, ty: &str, kind: &str, position: i32, order: &str) -> SchemaRow {
    row(&[
        ("keyspace_name", "K".into()),
        ("table_name", table.into()),
        ("column_name", name.into()),
        ("type", ty.into()),
        ("kind", kind.into()),
        ("position", position.into()),
        ("clustering_order", order.into()),
    ])
}

fn dropped(name: &str, ty: &str, kind: &str) -> SchemaRow {
    let of =
        [("keyspace_name", "K"), ("table_name", "t"), ("column_name", name), ("type", ty), ("kind", kind)];
    let mut columns: Vec<_> = of.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    columns.push(("dropped_time", Value::Timestamp(1_700_000_000_000)));
    row(&columns)
}

fn named(column: &str, name: &str, others: &[(&str, Value)]) -> SchemaRow {
    let mut columns = vec![("keyspace_name", "K".into()), (column, name.into())];
    columns.extend(others.iter().cloned());
    row(&columns)
}

fn rows() -> SchemaRows {
    SchemaRows {
        keyspaces: vec![row(&[
            ("keyspace_name", "K".into()),
            ("replication", map(&[("class", "SimpleStrategy"), ("replication_factor", "1")])),
            ("durable_writes", false.into()),
        ])],
        types: types(),
        tables: vec![
            table("t", 1, &["compound"]),
            table("dense", 2, &["dense"]),
            table("static", 3, &[]),
            table("no_key", 4, &["compound"]),
            table("bad_type", 5, &["compound"]),
        ],
        columns: columns(),
        column_masks: vec![row(&[
            ("keyspace_name", "K".into()),
            ("table_name", "t".into()),
            ("column_name", "select".into()),
            ("function_keyspace", "system".into()),
            ("function_name", "mask_inner".into()),
            ("function_argument_types", texts(&["int", "int", "text"])),
            ("function_argument_values", texts(&["1", "", "'"])),
            ("function_argument_nulls", Value::List(vec![false.into(), true.into(), false.into()])),
        ])],
        dropped_columns: vec![dropped("d", "int", "regular"), dropped("e", "text", "static")],
        indexes: indexes(),
        views: vec![
            view("w", "\"select\" IS NOT NULL AND c IS NOT NULL AND p1 IS NOT NULL AND p2 IS NOT NULL"),
            view("bad_view", "p1 IS"),
        ],
        functions: vec![named(
            "function_name",
            "f",
            &[
                ("argument_names", texts(&["a", "B"])),
                ("argument_types", texts(&["int", "frozen<b>"])),
                ("called_on_null_input", true.into()),
                ("return_type", "int".into()),
                ("language", "java".into()),
                ("body", "return 'x';".into()),
            ],
        )],
        aggregates: vec![named(
            "aggregate_name",
            "Agg",
            &[
                ("argument_types", texts(&["int"])),
                ("state_func", "f".into()),
                ("state_type", "int".into()),
                ("final_func", "G".into()),
                ("initcond", "0".into()),
            ],
        )],
        triggers: vec![named("table_name", "t", &[("trigger_name", "tr".into())])],
    }
}

fn columns() -> Vec<SchemaRow> {
    vec![
        column("t", "p2", "int", "partition_key", 1, "none"),
        column("t", "p1", "int", "partition_key", 0, "none"),
        column("t", "c", "text", "clustering", 0, "desc"),
        column("t", "d", "int", "regular", -1, "none"),
        column("t", "m", "map<text, frozen<a_of_b>>", "regular", -1, "none"),
        column("t", "s", "int", "static", -1, "none"),
        column("t", "select", "text", "regular", -1, "none"),
        column("dense", "p", "int", "partition_key", 0, "none"),
        column("dense", "c", "int", "clustering", 0, "asc"),
        column("dense", "value", "empty", "regular", -1, "none"),
        column("static", "p", "int", "partition_key", 0, "none"),
        column("static", "column1", "text", "clustering", 0, "asc"),
        column("static", "v", "int", "static", -1, "none"),
        column("static", "value", "blob", "regular", -1, "none"),
        column("bad_type", "p", "int", "partition_key", 0, "none"),
        column("bad_type", "v", "list<", "regular", -1, "none"),
        column("w", "c", "text", "partition_key", 0, "none"),
        column("w", "p1", "int", "clustering", 0, "asc"),
        column("w", "p2", "int", "clustering", 1, "asc"),
        column("w", "select", "text", "regular", -1, "none"),
        column("bad_view", "p1", "int", "partition_key", 0, "none"),
    ]
}

fn indexes() -> Vec<SchemaRow> {
    vec![
        named(
            "table_name",
            "t",
            &[
                ("index_name", "by_key".into()),
                ("kind", "COMPOSITES".into()),
                ("options", map(&[("target", "keys(m)")])),
            ],
        ),
        named(
            "table_name",
            "t",
            &[
                ("index_name", "Custom".into()),
                ("kind", "CUSTOM".into()),
                (
                    "options",
                    map(&[
                        ("class_name", "StorageAttachedIndex"),
                        ("mode", "it's"),
                        ("target", "\"select\""),
                    ]),
                ),
            ],
        ),
    ]
}

fn types() -> Vec<SchemaRow> {
    vec![
        named(
            "type_name",
            "a_of_b",
            &[("field_names", texts(&["b"])), ("field_types", texts(&["frozen<b>"]))],
        ),
        named(
            "type_name",
            "b",
            &[("field_names", texts(&["x", "Y"])), ("field_types", texts(&["int", "text"]))],
        ),
        named("type_name", "bad", &[("field_names", texts(&["x"])), ("field_types", texts(&["int int"]))]),
    ]
}

fn view(name: &str, where_clause: &str) -> SchemaRow {
    named(
        "view_name",
        name,
        &[
            ("id", Uuid::from_u128(if name == "w" { 7 } else { 8 }).into()),
            ("base_table_name", "t".into()),
            ("include_all_columns", false.into()),
            ("where_clause", where_clause.into()),
            ("comment", "a view".into()),
            ("default_time_to_live", 0.into()),
        ],
    )
}

#[test]
fn every_kind_of_definition() {
    let schema = NodeSchema::of(&rows()).unwrap();
    let mut text = schema.catalog.to_cql();
    for warning in &schema.warnings {
        text.push_str(&format!("\nwarning: {warning}\n"));
    }
    for problem in &schema.problems {
        let id = problem.id.map(|TableId(id)| id.as_u128());
        text.push_str(&format!(
            "\nproblem: {} {id:?} {}: {}\n",
            problem.name, problem.of_view, problem.reason
        ));
    }
    check_golden(concat!(env!("CARGO_MANIFEST_DIR"), "/src/foreign/node_schema/golden.txt"), &text);
}
