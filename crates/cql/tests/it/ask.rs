//! A session whose answers are one line of text.

use helenus_cql::{Answer, BoundValue, CqlResult, QueryOptions, Response, Session};
use helenus_engine::Database;

/// A session on an empty keyspace, in which those statements were executed.
pub(super) fn session(statements: &[&str]) -> Session {
    let session = Session::new(&Database::in_memory().unwrap());
    let create = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";
    session.execute(create, ()).unwrap();
    session.execute("USE k", ()).unwrap();
    statements.iter().for_each(|text| drop(session.execute(text, ()).unwrap()));
    session
}

/// The rows of the answer, each with its values in JSON; or the code and the text of the error.
pub(super) fn ask(session: &Session, text: &str) -> String {
    ask_with(session, text, &[], &QueryOptions::default())
}

/// The same with values for its markers, and with options.
pub(super) fn ask_with(
    session: &Session,
    text: &str,
    values: &[BoundValue],
    options: &QueryOptions,
) -> String {
    shown(session.execute_raw(text, values, options))
}

/// An answer as one line.
pub(super) fn shown(answer: CqlResult<Response>) -> String {
    let rows = answer.and_then(|response| {
        let Answer::Rows(mut rows) = response.answer else { return Ok("done".to_owned()) };
        let types: Vec<_> = rows.columns().iter().map(|column| column.ty.clone()).collect();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let cell = |(at, ty): (usize, &helenus_types::Type)| {
                let mut text = String::new();
                match row.cell(at) {
                    Some(bytes) => ty.json(bytes, &mut text).unwrap(),
                    None => text.push_str("null"),
                }
                text
            };
            lines.push(types.iter().enumerate().map(cell).collect::<Vec<_>>().join(" "));
        }
        Ok(lines.join(" | "))
    });
    rows.unwrap_or_else(|error| format!("0x{:04X} {error}", error.code().number()))
}

/// A value of an int.
pub(super) fn int(value: i32) -> BoundValue {
    BoundValue::Bytes(value.to_be_bytes().to_vec())
}
