//! Arithmetic, mathematical functions and casts as overloads.

use helenus_cql_syntax::BinaryOperator;
use helenus_types::{Scalar, Type};

use super::number::{Arithmetic, MathFunction, Number, TYPES, negate, result_type};
use super::{Function, NEGATE, blobs, failure, time};
use crate::error::{CqlError, CqlResult};
use crate::execution::StatementRun;

/// The overloads of an operator.
pub(super) fn operations(operator: BinaryOperator, out: &mut Vec<Function>) {
    for left in &TYPES {
        out.extend(TYPES.iter().map(|right| numeric(operator, left, right)));
    }
    if matches!(operator, BinaryOperator::Add | BinaryOperator::Subtract) {
        out.extend([Type::Timestamp, Type::Date].map(|ty| temporal(operator, ty)));
    }
    if operator == BinaryOperator::Add {
        let text = [
            [Type::Text, Type::Text],
            [Type::Ascii, Type::Ascii],
            [Type::Ascii, Type::Text],
            [Type::Text, Type::Ascii],
        ];
        out.extend(text.map(concatenation));
    }
}

fn operation_failure(operator: BinaryOperator, types: &[Type], problem: &str) -> CqlError {
    let names: Vec<String> = types.iter().map(Type::cql_name).collect();
    let between = names.join(&format!(" {} ", operator.sign()));
    failure(operator.function(), types, format!("the operation '{between}' failed: {problem}"))
}

fn numeric(operator: BinaryOperator, left: &Type, right: &Type) -> Function {
    let (types, result) = (vec![left.clone(), right.clone()], result_type(left, right));
    let (of, to) = ([left.clone(), right.clone()], result.clone());
    Function::scalar(
        operator.function(),
        types,
        result,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let [Some(left), Some(right)] = numbers(&of, arguments) else { return Ok(false) };
            let calculated = operator.calculate(&to, &left, &right);
            calculated.map_err(|problem| operation_failure(operator, &of, &problem))?.encode(&to, out);
            Ok(true)
        },
    )
}

fn numbers(types: &[Type; 2], arguments: &[Option<&[u8]>]) -> [Option<Number>; 2] {
    let [left, right] = types;
    let number =
        |ty, index| arguments.get(index).copied().flatten().and_then(|bytes| Number::decode(ty, bytes));
    [number(left, 0), number(right, 1)]
}

/// A point in time and a duration.
fn temporal(operator: BinaryOperator, ty: Type) -> Function {
    let types = [ty.clone(), Type::Duration];
    let of = types.clone();
    Function::scalar(
        operator.function(),
        types.to_vec(),
        ty.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let &[Some(point), Some(duration)] = arguments else { return Ok(false) };
            let (Some(millis), Some(duration)) = (time::millis(&ty, point), time::duration(duration)) else {
                return Ok(false);
            };
            let sign = if operator == BinaryOperator::Add { 1 } else { -1 };
            let moved = time::check_duration(&ty, duration)
                .map(|()| time::add(millis, duration, sign))
                .map_err(|problem| operation_failure(operator, &of, &problem))?;
            time::write_millis(&ty, moved, out);
            Ok(true)
        },
    )
}

fn concatenation(types: [Type; 2]) -> Function {
    let result = if types.contains(&Type::Text) { Type::Text } else { Type::Ascii };
    Function::scalar(
        "_add",
        types.to_vec(),
        result,
        |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let &[Some(left), Some(right)] = arguments else { return Ok(false) };
            out.extend_from_slice(left);
            out.extend_from_slice(right);
            Ok(true)
        },
    )
}

/// The overloads of `-value`.
pub(super) fn negations(out: &mut Vec<Function>) {
    out.extend(TYPES.iter().map(|ty| of_number(NEGATE, ty, ty, |ty, number| Ok(negate(ty, number)))));
}

/// The overloads of a mathematical function.
pub(super) fn mathematical(function: MathFunction, out: &mut Vec<Function>) {
    out.extend(TYPES.iter().map(|ty| {
        of_number(function.name(), ty, ty, move |ty, number| {
            function.calculate(number).map_err(|problem| {
                let name = function.name();
                let types = std::slice::from_ref(ty);
                failure(name, types, format!("java.lang.ArithmeticException: {problem}"))
            })
        })
    }));
}

/// A function of one number.
fn of_number(
    name: &str,
    from: &Type,
    to: &Type,
    calculate: impl Fn(&Type, &Number) -> CqlResult<Number> + Send + Sync + 'static,
) -> Function {
    let (of, result) = (from.clone(), to.clone());
    Function::scalar(
        name,
        vec![from.clone()],
        to.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let bytes = arguments.first().copied().flatten();
            let Some(number) = bytes.and_then(|bytes| Number::decode(&of, bytes)) else { return Ok(false) };
            calculate(&of, &number)?.encode(&result, out);
            Ok(true)
        },
    )
}

/// The overloads of a cast to a type, by that type's word.
pub(super) fn casts(name: &str, to: &Type, out: &mut Vec<Function>) {
    let is_text = matches!(to, Type::Ascii | Type::Text);
    if is_text {
        let times = [Type::TimeUuid, Type::Timestamp, Type::Date, Type::Time, Type::Uuid];
        let others = [Type::Inet, Type::Boolean];
        out.extend(TYPES.iter().chain(&others).chain(&times).map(|from| cast_to_text(name, from, to)));
        if *to == Type::Text {
            out.push(Function::scalar(name, vec![Type::Ascii], Type::Text, blobs::copy));
        }
    } else if matches!(to, Type::Timestamp | Type::Date) {
        let from = if *to == Type::Date { Type::Timestamp } else { Type::Date };
        out.extend([Type::TimeUuid, from].map(|from| time::conversion(name, &from, to)));
    } else if TYPES.contains(to) && *to != Type::Counter {
        let from = TYPES.iter().filter(|from| *from != to);
        out.extend(from.map(|from| of_number(name, from, to, cast_number(to))));
    }
}

fn cast_number(to: &Type) -> impl Fn(&Type, &Number) -> CqlResult<Number> + Send + Sync + 'static {
    let to = to.clone();
    move |from, number| match to {
        Type::Decimal => match number.cast_to_decimal() {
            Ok(decimal) => Ok(Number::Decimal(decimal)),
            Err(problem) => Err(failure(
                "cast_as_decimal",
                std::slice::from_ref(from),
                format!("java.lang.NumberFormatException: {problem}"),
            )),
        },
        _ => Ok(number.clone()),
    }
}

fn cast_to_text(name: &str, from: &Type, to: &Type) -> Function {
    let of = from.clone();
    Function::scalar(
        name,
        vec![from.clone()],
        to.clone(),
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
            let scalar = of.scalar(bytes)?;
            if scalar == Scalar::Empty {
                return Ok(false);
            }
            let mut text = String::new();
            scalar.push(&mut text);
            if of == Type::Timestamp {
                // Here Cassandra prints ISO 8601's letter, where JSON has a blank.
                text = text.replacen(' ', "T", 1);
            }
            out.extend_from_slice(text.as_bytes());
            Ok(true)
        },
    )
}
