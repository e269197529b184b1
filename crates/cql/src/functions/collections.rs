//! Functions of collections, and `token` (`CollectionFcts`, `TokenFct`).

use helenus_schema::TableDef;
use helenus_types::{Elements, ElementsWriter, Partitioner, Type, ValueError};

use super::{AggregateKind, Function};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;

/// `map_keys` and `map_values`.
pub(super) fn parts_of_map(name: &str, map: &Type) -> CqlResult<Function> {
    let Type::Map { entry, .. } = map else { return refuse(format!("{map} is no map")) };
    let (from, keys) = (map.clone(), name == "map_keys");
    let to = if keys { Type::set(entry.0.clone()).freeze() } else { Type::list(entry.1.clone()).freeze() };
    let result = to.clone();
    Ok(Function::scalar(
        name,
        vec![map.clone()],
        to,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
            let skipped = usize::from(!keys);
            let mut writer = ElementsWriter::new(&result, out)?;
            for element in elements(&from, bytes)?.iter().skip(skipped).step_by(2) {
                push(&mut writer, out, *element)?;
            }
            writer.finish(out)?;
            Ok(true)
        },
    ))
}

/// The elements of a collection; of a map the keys and the values in turn.
pub(super) fn elements<'v>(ty: &Type, bytes: &'v [u8]) -> CqlResult<Vec<Option<&'v [u8]>>> {
    let damaged = |error: helenus_types::DecodeError| crate::error::CqlError::invalid(error.to_string());
    let elements = Elements::new(ty, bytes).map_err(damaged)?;
    elements.into_iter().flatten().map(|element| element.map_err(damaged)).collect()
}

/// Appends one element to a collection.
pub(super) fn push(
    writer: &mut ElementsWriter<'_>,
    out: &mut Vec<u8>,
    element: Option<&[u8]>,
) -> CqlResult<()> {
    writer.push::<ValueError>(out, |_, out| {
        out.extend_from_slice(element.unwrap_or_default());
        Ok(element.is_some())
    })?;
    Ok(())
}

/// `collection_count`
pub(super) fn count(ty: &Type) -> Function {
    let of = ty.clone();
    Function::scalar(
        "collection_count",
        vec![ty.clone()],
        Type::Int,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
            let parts = elements(&of, bytes)?.len();
            let count = if matches!(of, Type::Map { .. }) { parts / 2 } else { parts };
            out.extend_from_slice(&i32::try_from(count).unwrap_or(i32::MAX).to_be_bytes());
            Ok(true)
        },
    )
}

/// `collection_min`, `collection_max`, `collection_sum`, `collection_avg`.
pub(super) fn aggregate(name: &str, ty: &Type) -> CqlResult<Function> {
    let Some(element) = ty.element().cloned() else { return refuse(format!("{ty} is no collection")) };
    let kind = match name {
        "collection_min" => AggregateKind::Least(element.clone()),
        "collection_max" => AggregateKind::Greatest(element.clone()),
        "collection_sum" => AggregateKind::Sum(element.clone()),
        _ => AggregateKind::Average(element.clone()),
    };
    let of = ty.clone();
    Ok(Function::scalar(
        name,
        vec![ty.clone()],
        element,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
            let mut accumulator = kind.start();
            for element in elements(&of, bytes)? {
                accumulator.add(element)?;
            }
            accumulator.result(out)
        },
    ))
}

/// `token(…)` of a table's partition key.
pub(super) fn token(table: &TableDef) -> Function {
    let key = table.schema().partition_key();
    let types = key.iter().map(|column| column.ty.base().clone()).collect();
    Function::scalar(
        "token",
        types,
        Type::BigInt,
        |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let mut key = Vec::new();
            for value in arguments {
                let Some(value) = value else { return Ok(false) };
                if arguments.len() == 1 {
                    key.extend_from_slice(value);
                } else {
                    let Ok(len) = u16::try_from(value.len()) else { return refuse("the key is too long") };
                    key.extend_from_slice(&len.to_be_bytes());
                    key.extend_from_slice(value);
                    key.push(0);
                }
            }
            out.extend_from_slice(&Partitioner::murmur3_token(&key).0.to_be_bytes());
            Ok(true)
        },
    )
}
