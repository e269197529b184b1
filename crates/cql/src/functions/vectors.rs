//! How similar vectors are (`VectorFcts`).

use helenus_types::Type;

use super::Function;
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;

/// `similarity_cosine`, `similarity_euclidean`, `similarity_dot_product`.
pub(super) fn similarity(name: &str, types: Vec<Type>) -> CqlResult<Function> {
    let dimension = |ty: &Type| match ty {
        Type::Vector { dimension, .. } => Some(*dimension),
        _ => None,
    };
    let first = types.first().and_then(dimension);
    if types.iter().any(|ty| dimension(ty) != first) {
        return refuse("All arguments must have the same vector dimensions");
    }
    let (function, compare) = (name.to_owned(), comparison(name));
    let of_zero = name != "similarity_cosine";
    Ok(Function::scalar(
        name,
        types,
        Type::Float,
        move |_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            let &[Some(left), Some(right)] = arguments else { return Ok(false) };
            let (left, right) = (floats(left), floats(right));
            let is_zero = |vector: &[f32]| vector.iter().all(|element| *element == 0.0);
            if !of_zero && (is_zero(&left) || is_zero(&right)) {
                return refuse(format!("Function system.{function} doesn't support all-zero vectors."));
            }
            out.extend_from_slice(&compare(&left, &right).to_be_bytes());
            Ok(true)
        },
    ))
}

/// How alike two serialized vectors are, by a function of that name: the more, the nearer.
pub(crate) fn similarity_of(name: &str) -> impl Fn(&[u8], &[u8]) -> f32 + use<> {
    let compare = comparison(name);
    move |left, right| compare(&floats(left), &floats(right))
}

fn comparison(name: &str) -> fn(&[f32], &[f32]) -> f32 {
    match name {
        "similarity_cosine" => cosine,
        "similarity_euclidean" => euclidean,
        _ => |left, right| f32::midpoint(1.0, dot(left, right)),
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

fn euclidean(left: &[f32], right: &[f32]) -> f32 {
    let distance: f32 = left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum();
    1.0 / (1.0 + distance)
}

#[expect(clippy::cast_possible_truncation, reason = "the result is a float")]
fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let scale = (f64::from(dot(left, left)) * f64::from(dot(right, right))).sqrt();
    let cosine = (f64::from(dot(left, right)) / scale) as f32;
    f32::midpoint(1.0, cosine)
}
