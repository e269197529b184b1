//! The functions whose types are fixed, by name (`NativeFunctions`).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use helenus_types::{Type, timeuuid};

use super::number::{Arithmetic, MathFunction, OPERATORS, TYPES};
use super::{AggregateKind, COUNT_ROWS, Function, NEGATE, blobs, math, time};

/// The operators, which have many overloads each.
static OPERATIONS: LazyLock<BTreeMap<&str, Vec<Arc<Function>>>> = LazyLock::new(|| {
    let names = OPERATORS.into_iter().map(Arithmetic::function).chain([NEGATE]);
    names.map(|name| (name, made(name).into_iter().map(Arc::new).collect())).collect()
});

/// All overloads of a name, also of a name from before Cassandra 5.0.
pub(super) fn overloads(name: &str) -> Vec<Arc<Function>> {
    match OPERATIONS.get(name) {
        Some(known) => known.clone(),
        None => made(name).into_iter().map(Arc::new).collect(),
    }
}

fn made(name: &str) -> Vec<Function> {
    let mut out = Vec::new();
    match name {
        "now" | "current_timeuuid" | "currenttimeuuid" => out.push(time::now(name, &Type::TimeUuid)),
        "current_timestamp" | "currenttimestamp" => out.push(time::now(name, &Type::Timestamp)),
        "current_date" | "currentdate" => out.push(time::now(name, &Type::Date)),
        "current_time" | "currenttime" => out.push(time::now(name, &Type::Time)),
        "uuid" => out.push(time::random_uuid()),
        "min_timeuuid" | "mintimeuuid" => out.push(time::bound(name, timeuuid::min_of_millis)),
        "max_timeuuid" | "maxtimeuuid" => out.push(time::bound(name, timeuuid::max_of_millis)),
        "to_date" | "todate" => conversions(name, &[Type::TimeUuid, Type::Timestamp], &Type::Date, &mut out),
        "to_timestamp" | "totimestamp" => {
            conversions(name, &[Type::TimeUuid, Type::Date], &Type::Timestamp, &mut out);
        }
        "to_unix_timestamp" | "tounixtimestamp" => {
            let from = [Type::TimeUuid, Type::Timestamp, Type::Date];
            conversions(name, &from, &Type::BigInt, &mut out);
        }
        "floor" => time::floors(&mut out),
        NEGATE => math::negations(&mut out),
        COUNT_ROWS => {
            out.push(Function::aggregate(name, Vec::new(), Type::BigInt, AggregateKind::CountRows));
        }
        "count" => {
            out.push(Function::aggregate(name, vec![Type::Blob], Type::BigInt, AggregateKind::Count));
        }
        "sum" => out.extend(TYPES.iter().map(|ty| of_numbers(name, ty, AggregateKind::Sum(ty.clone())))),
        "avg" => out.extend(TYPES.iter().map(|ty| of_numbers(name, ty, AggregateKind::Average(ty.clone())))),
        other => by_type(other, &mut out),
    }
    out
}

fn of_numbers(name: &str, ty: &Type, kind: AggregateKind) -> Function {
    Function::aggregate(name, vec![ty.clone()], ty.clone(), kind)
}

fn conversions(name: &str, from: &[Type], to: &Type, out: &mut Vec<Function>) {
    out.extend(from.iter().map(|from| time::conversion(name, from, to)));
}

/// Functions whose names have a type's or an operator's in them.
fn by_type(name: &str, out: &mut Vec<Function>) {
    if let Some(operator) = OPERATORS.into_iter().find(|operator| operator.function() == name) {
        return math::operations(operator, out);
    }
    if let Some(function) = MathFunction::ALL.into_iter().find(|function| function.name() == name) {
        return math::mathematical(function, out);
    }
    let cast = name.strip_prefix("cast_as_").map(str::to_owned);
    let legacy =
        || name.strip_prefix("castAs").filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    if let Some(to) = cast
        .or_else(|| legacy().map(str::to_lowercase))
        .filter(|word| word != "varchar")
        .and_then(|word| native(&word))
    {
        return math::casts(name, &to, out);
    }
    let to_blob = name.strip_suffix("_as_blob").or_else(|| name.strip_suffix("asblob"));
    if let Some(from) = to_blob.and_then(native).filter(|ty| *ty != Type::Blob) {
        out.push(blobs::to_blob(name, &from));
    }
    let from_blob = name.strip_prefix("blob_as_").or_else(|| name.strip_prefix("blobas"));
    if let Some(to) = from_blob.and_then(native).filter(|ty| *ty != Type::Blob) {
        out.push(blobs::from_blob(name, &to));
    }
}

fn native(word: &str) -> Option<Type> {
    if word == "varchar" {
        return Some(Type::Text);
    }
    Type::words().find(|(known, _)| *known == word).map(|(_, ty)| ty.clone())
}
