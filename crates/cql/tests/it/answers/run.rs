//! Executes a script on a database in memory, and makes records of the answers.

use std::sync::Arc;

use helenus_cql::{
    Answer, BatchEntry, BatchKind, BoundValue, ColumnSpec, Consistency, CqlError, ErrorDetail,
    PreparedStatement, QueryOptions, Response, Session, SessionOptions,
};
use helenus_engine::Database;
use helenus_types::{Hex, Type};
use serde_json::{Map, Value as Json, json};

use super::Tally;
use super::compare::difference;
use super::script::{Script, Step, inner_statements};
use super::types;

/// The most pages of one statement.
const MAX_PAGES: usize = 20_000;

/// Compares all answers of a script.
pub(super) fn tally(script: &Script) -> Tally {
    let database = Database::in_memory().unwrap();
    let mut options = SessionOptions::default();
    // Those of the node that answered.
    options.node.cluster_name = "interop".to_owned();
    options.node.token = Some(1_547_562_837_966_404_027);
    options.node.port = 17_600;
    let session = Session::with_options(&database, options);
    let name = &script.name;
    let create = format!(
        "CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    );
    session.execute(&create, ()).unwrap();
    session.execute(&format!("USE {name}"), ()).unwrap();
    let mut tally = Tally::default();
    for (n, step) in (1..).zip(&script.statements) {
        for (e, (options, bind)) in (1..).zip(executions(step)) {
            let Some(want) = script.answers.get(&(n, e)) else { continue };
            let got = record(&session, step, &options, bind.as_deref());
            tally.total += 1;
            match difference(want, &got, step) {
                None => tally.equal += 1,
                Some(difference) => {
                    tally.differences.push(format!("{n}.{e} {:.200}\n        {difference}", step.cql));
                }
            }
        }
    }
    database.close().unwrap();
    tally
}

fn consistency(name: &str) -> Consistency {
    Consistency::EACH.into_iter().find(|level| level.name() == name).unwrap()
}

/// Every bind row × every page size.
fn executions(step: &Step) -> Vec<(QueryOptions, Option<String>)> {
    let options = QueryOptions {
        timestamp_us: step.last("timestamp").map(|text| text.parse().unwrap()),
        now_seconds: step.last("now_in_seconds").map(|text| text.parse().unwrap()),
        keyspace: step.last("keyspace").map(str::to_owned),
        consistency: step.last("consistency").map_or(Consistency::One, consistency),
        serial_consistency: step.last("serial").map(consistency),
        ..QueryOptions::default()
    };
    let fetches = step.last("fetch_size").unwrap_or("5000").replace(',', " ");
    let binds: Vec<Option<String>> = match step.all("bind") {
        [] => vec![None],
        binds => binds.iter().cloned().map(Some).collect(),
    };
    let mut all = Vec::new();
    for bind in binds {
        for fetch in fetches.split_whitespace() {
            let page_size = (fetch != "off").then(|| fetch.parse().unwrap());
            all.push((QueryOptions { page_size, ..options.clone() }, bind.clone()));
        }
    }
    all
}

/// What came of one execution, as the corpus records it.
fn record(session: &Session, step: &Step, options: &QueryOptions, bind: Option<&str>) -> Json {
    let mut record = Map::new();
    let mut warnings = Vec::new();
    match outcome(session, step, options, bind, &mut record, &mut warnings) {
        Ok(()) => {}
        Err((stage, error)) => {
            warnings.extend(error.warnings().iter().cloned());
            record.insert("kind".into(), "error".into());
            record.insert("code".into(), format!("0x{:04x}", error.code().number()).into());
            record.insert("message".into(), error.to_string().into());
            if stage == Stage::Prepare {
                record.insert("stage".into(), "prepare".into());
            }
            if let Some(extra) = extra(&error) {
                record.insert("extra".into(), extra);
            }
        }
    }
    if !warnings.is_empty() {
        record.insert("warnings".into(), warnings.into());
    }
    record.into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Prepare,
    Query,
}

fn outcome(
    session: &Session,
    step: &Step,
    options: &QueryOptions,
    bind: Option<&str>,
    record: &mut Map<String, Json>,
    warnings: &mut Vec<String>,
) -> Result<(), (Stage, CqlError)> {
    if let Some(kind) = step.last("native_batch") {
        let response = native_batch(session, step, options, kind, bind)?;
        return rows_of(response, record, warnings, |_| unreachable!("a batch has no pages"))
            .map_err(|error| (Stage::Query, error));
    }
    let mut prepared = None;
    let mut values = Vec::new();
    let mut options = options.clone();
    if step.has("prepare") || bind.is_some() {
        let statement = match &options.keyspace {
            Some(keyspace) => session.prepare_in(&step.cql, Some(keyspace)),
            None => session.prepare(&step.cql),
        };
        let statement = statement.map_err(|error| (Stage::Prepare, error))?;
        warnings.extend(statement.warnings().iter().cloned());
        record.insert("prepared".into(), metadata(&statement));
        let Some(bind) = bind else {
            record.insert("kind".into(), "prepared".into());
            return Ok(());
        };
        (values, options) = bound(step, &statement.markers(), bind, options);
        prepared = Some(statement);
    }
    if let Some(raw) = step.last("values") {
        values = raw_values(raw);
        options.names = step.last("names").map(|names| names.split_whitespace().map(str::to_owned).collect());
    }
    let run = |state: Option<Vec<u8>>| {
        let options = QueryOptions { paging_state: state, ..options.clone() };
        match &prepared {
            Some(prepared) => prepared.execute_raw(&values, &options),
            None => session.execute_raw(&step.cql, &values, &options),
        }
    };
    let first = run(None).map_err(|error| (Stage::Query, error))?;
    rows_of(first, record, warnings, |state| run(Some(state))).map_err(|error| (Stage::Query, error))
}

fn native_batch(
    session: &Session,
    step: &Step,
    options: &QueryOptions,
    kind: &str,
    bind: Option<&str>,
) -> Result<Response, (Stage, CqlError)> {
    let rows: Vec<Json> = bind.map_or_else(Vec::new, |bind| serde_json::from_str(bind).unwrap());
    let parts = inner_statements(&step.cql);
    let mut prepared: Vec<(usize, PreparedStatement)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if rows.get(at).is_some_and(|row| !row.is_null()) {
            prepared.push((at, session.prepare(part).map_err(|error| (Stage::Prepare, error))?));
        }
    }
    let entries: Vec<BatchEntry<'_>> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| match prepared.iter().find(|(of, _)| *of == at) {
            None => BatchEntry::Text(part, Vec::new()),
            Some((_, statement)) => {
                let values = statement
                    .markers()
                    .iter()
                    .zip(rows[at].as_array().unwrap())
                    .map(|(spec, value)| value_of(&spec.ty, value))
                    .collect();
                BatchEntry::Prepared(statement, values)
            }
        })
        .collect();
    let kind = match kind {
        "logged" => BatchKind::Logged,
        "unlogged" => BatchKind::Unlogged,
        _ => BatchKind::Counter,
    };
    session.batch(kind, &entries, options).map_err(|error| (Stage::Query, error))
}

fn value_of(ty: &Type, value: &Json) -> BoundValue {
    types::encode(ty, value).map_or(BoundValue::Unset, BoundValue::from)
}

/// The values of a `bind` for those markers.
fn bound(
    step: &Step,
    markers: &[ColumnSpec],
    bind: &str,
    mut options: QueryOptions,
) -> (Vec<BoundValue>, QueryOptions) {
    let row: Vec<Json> = serde_json::from_str(bind).unwrap();
    if let Some(names) = step.last("names") {
        let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let ty = |name: &str| {
            markers.iter().rfind(|spec| &*spec.name == name).map_or(Type::Text, |spec| spec.ty.clone())
        };
        let values = names.iter().zip(&row).map(|(name, value)| value_of(&ty(name), value)).collect();
        options.names = Some(names);
        return (values, options);
    }
    let of = |at: usize, value: &Json| match markers.get(at) {
        Some(spec) => value_of(&spec.ty, value),
        None => value_of(if value.is_i64() { &Type::Int } else { &Type::Text }, value),
    };
    (row.iter().enumerate().map(|(at, value)| of(at, value)).collect(), options)
}

fn raw_values(text: &str) -> Vec<BoundValue> {
    let values: Vec<Json> = serde_json::from_str(text).unwrap();
    values
        .iter()
        .map(|value| match value.as_str() {
            None => BoundValue::Null,
            Some("unset") => BoundValue::Unset,
            Some(hex) => BoundValue::Bytes(Hex::parse(hex).unwrap()),
        })
        .collect()
}

/// Records the answer, all pages of it.
fn rows_of(
    first: Response,
    record: &mut Map<String, Json>,
    warnings: &mut Vec<String>,
    mut next: impl FnMut(Vec<u8>) -> Result<Response, CqlError>,
) -> Result<(), CqlError> {
    let mut set = |key: &str, value: Json| record.insert(key.to_owned(), value);
    warnings.extend(first.warnings);
    match first.answer {
        Answer::Void => drop(set("kind", "void".into())),
        Answer::SetKeyspace(keyspace) => {
            set("kind", "set_keyspace".into());
            set("keyspace", keyspace.into());
        }
        Answer::SchemaChange(event) => {
            set("kind", "schema_change".into());
            set("keyspace", (*event.keyspace).into());
            set("change", event.kind.to_string().into());
            let (target, name) = event.target.words();
            set("target", target.into());
            if let Some(name) = name {
                set("name", name.into());
            }
        }
        Answer::Rows(mut rows) => {
            let (table, columns) = columns_of(rows.columns());
            let width = rows.columns().len();
            let (mut hex, mut pages) = (Vec::new(), Vec::new());
            loop {
                let before = hex.len();
                while let Some(row) = rows.next()? {
                    let cell = |at| row.cell(at).map_or(Json::Null, |bytes| Hex(bytes).to_string().into());
                    hex.push((0..width).map(cell).collect::<Vec<Json>>());
                }
                pages.push(hex.len() - before);
                let Some(state) = rows.paging_state().map(<[u8]>::to_vec).filter(|_| pages.len() < MAX_PAGES)
                else {
                    break;
                };
                let page = next(state)?;
                for warning in page.warnings {
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
                let Answer::Rows(more) = page.answer else { break };
                rows = more;
            }
            set("kind", "rows".into());
            if let Some(table) = table {
                set("table", table.into());
            }
            let is_applied = columns[0][0] == "[applied]" && !hex.is_empty();
            if is_applied {
                set("applied", hex.iter().all(|row| row[0] == "01").into());
            }
            set("columns", columns);
            set("hex", json!(hex));
            if pages.len() > 1 {
                set("pages", json!(pages));
            }
        }
    }
    Ok(())
}

/// The table that all columns are of, and the columns.
fn columns_of(specs: &[ColumnSpec]) -> (Option<String>, Json) {
    let place = |spec: &ColumnSpec| (spec.keyspace.clone(), spec.table.clone());
    let first = specs.first().map(place);
    let is_one = first.is_some() && specs.iter().all(|spec| Some(place(spec)) == first);
    let column = |spec: &ColumnSpec| {
        let name = Arc::clone(&spec.name);
        match is_one {
            true => json!([*name, types::name(&spec.ty)]),
            false => json!([*name, types::name(&spec.ty), *spec.keyspace, *spec.table]),
        }
    };
    let table = first.filter(|_| is_one).map(|(keyspace, table)| format!("{keyspace}.{table}"));
    (table, specs.iter().map(column).collect())
}

fn metadata(statement: &PreparedStatement) -> Json {
    let (table, bind) = columns_of(&statement.markers());
    let mut out = Map::new();
    out.insert("bind".into(), bind);
    out.insert("pk".into(), json!(statement.partition_key_markers()));
    if let Some(table) = table {
        out.insert("table".into(), table.into());
    }
    let columns = statement.columns();
    if !columns.is_empty() {
        let (table, result) = columns_of(&columns);
        out.insert("result".into(), result);
        if let Some(table) = table {
            out.insert("result_table".into(), table.into());
        }
    }
    out.into()
}

/// What an error's code brings along.
fn extra(error: &CqlError) -> Option<Json> {
    match error.detail() {
        ErrorDetail::None => None,
        ErrorDetail::Unavailable { consistency, required, alive } => {
            let number = Consistency::EACH.iter().position(|level| level == consistency);
            Some(json!({ "consistency": number, "required": required, "alive": alive }))
        }
        ErrorDetail::Existing { keyspace, table } => Some(json!({ "keyspace": keyspace, "table": table })),
        ErrorDetail::Function { keyspace, name, arguments } => {
            Some(json!({ "keyspace": keyspace, "function": name, "args": arguments }))
        }
    }
}
