//! `to_json` and `from_json` (`ToJsonFct`, `FromJsonFct`).

use helenus_types::Type;

use super::{Function, failure};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::json::JsonProblem;

/// `to_json` of a type, under this name also where it is called by the one from before 5.0.
pub(super) fn to_json(from: &Type) -> Function {
    let of = from.clone();
    Function::scalar(
        "to_json",
        vec![from.clone()],
        Type::Text,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let bytes = arguments.first().copied().flatten();
            let mut text = String::new();
            match bytes.filter(|bytes| !bytes.is_empty() || !is_nothing_if_empty(&of)) {
                Some(bytes) => of.json(bytes, &mut text)?,
                None => text.push_str("null"),
            }
            out.extend_from_slice(text.as_bytes());
            Ok(true)
        },
    )
}

/// Whether no bytes mean nothing in a type (`isEmptyValueMeaningless`).
fn is_nothing_if_empty(ty: &Type) -> bool {
    !matches!(ty, Type::Ascii | Type::Text | Type::Blob) && !ty.has_elements()
}

const FROM_JSON: &str = "from_json";

/// `from_json` to the type of its receiver.
pub(super) fn from_json(name: &str, receiver: Option<&Type>) -> CqlResult<Function> {
    let Some(to) = receiver else {
        return refuse(format!("{name}() cannot be used in the selection clause of a SELECT statement"));
    };
    let ty = to.clone();
    Ok(Function::scalar(
        FROM_JSON,
        vec![Type::Text],
        to.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
            let Ok(text) = std::str::from_utf8(bytes) else { unreachable!("arguments are valid") };
            match crate::json::parse_value(&ty, text) {
                Ok(Some(value)) => {
                    out.extend_from_slice(&value);
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(JsonProblem::Duration(problem)) => refuse(problem),
                Err(problem) => Err(failure(FROM_JSON, &[Type::Text], problem.in_function(FROM_JSON, text))),
            }
        },
    ))
}
