//! Prepared terms, and their values.

use std::fmt;
use std::sync::Arc;

use helenus_types::{DecodeError, Elements, ElementsWriter, Hex, Type, ValueError};

use super::bytes;
use crate::error::{CqlError, CqlResult, refuse};
use crate::execution::StatementRun;
use crate::functions::Function;
use crate::json;
use crate::spec::ColumnSpec;
use crate::value::BoundValue;

/// A term that was prepared for a receiver.
#[derive(Clone)]
pub(crate) enum Expr {
    /// A literal's bytes; none is null.
    Constant(Option<Vec<u8>>),
    /// A bind marker.
    Marker {
        /// Which of the values.
        index: usize,
        /// What it is for.
        spec: ColumnSpec,
    },
    /// The value of a column in the JSON object that a marker brings.
    Json { marker: usize, columns: Arc<[ColumnSpec]>, column: usize, default: BoundValue },
    /// Nothing that is written.
    Unset,
    /// The moment of the execution, as a timestamp.
    Now,
    /// A collection, tuple or user type of other terms: of a map each key before its value.
    Elements { spec: ColumnSpec, parts: Vec<Expr> },
    /// A function's result.
    Call { function: Arc<Function>, arguments: Vec<Expr> },
}

impl Expr {
    /// Its value in an execution, valid for the receiver.
    pub(crate) fn evaluate(&self, run: &StatementRun<'_>) -> CqlResult<BoundValue> {
        match self {
            Self::Constant(bytes) => Ok(bytes.clone().into()),
            Self::Marker { index, spec } => {
                let Some(value) = run.values.get(*index) else {
                    return refuse("Invalid amount of bind variables");
                };
                let Some(bytes) = value.bytes() else { return Ok(value.clone()) };
                validate(&spec.ty, bytes)?;
                Ok(BoundValue::Bytes(in_order(&spec.ty, bytes)?))
            }
            Self::Json { marker, columns, column, default } => {
                let values = run.json_row(*marker, columns, |text| {
                    // Of what is unset Cassandra reads the bytes, of which there are none.
                    let is_unset = run.values.get(*marker) == Some(&BoundValue::Unset);
                    let text = text.or_else(|| is_unset.then_some(&[][..]));
                    let Some(text) = text else { return refuse("Got null for INSERT JSON values") };
                    let Ok(text) = std::str::from_utf8(text) else {
                        return refuse(format!("Invalid UTF-8 bytes {}", Hex(text)));
                    };
                    json::columns(text, columns, default)
                })?;
                Ok(values.get(*column).cloned().unwrap_or_default())
            }
            Self::Unset => Ok(BoundValue::Unset),
            Self::Now => {
                let millis = run.began_us.div_euclid(1000);
                Ok(BoundValue::Bytes(millis.to_be_bytes().to_vec()))
            }
            Self::Elements { spec, parts } => evaluate_elements(run, spec, parts),
            Self::Call { function, arguments } => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    match argument.evaluate(run)? {
                        BoundValue::Unset => {
                            return refuse(format!(
                                "Invalid unset value for argument in call to function {}",
                                function.name
                            ));
                        }
                        value => values.push(value),
                    }
                }
                let values: Vec<_> = values.iter().map(BoundValue::bytes).collect();
                let mut out = Vec::new();
                let some = function.call(run, &values, &mut out)?;
                Ok(some.then_some(out).into())
            }
        }
    }

    /// Its value in an execution, of a marker without a look at the bytes.
    pub(crate) fn evaluate_unchecked(&self, run: &StatementRun<'_>) -> CqlResult<BoundValue> {
        match self {
            Self::Marker { index, .. } => Ok(run.values.get(*index).cloned().unwrap_or_default()),
            other => other.evaluate(run),
        }
    }

    /// What the value of a marker is for.
    pub(crate) fn marker_spec(&self) -> Option<&ColumnSpec> {
        if let Self::Marker { spec, .. } = self { Some(spec) } else { None }
    }

    /// Whether there is a marker in it (`containsBindMarker`).
    pub(crate) fn has_marker(&self) -> bool {
        match self {
            Self::Marker { .. } | Self::Json { .. } => true,
            Self::Constant(_) | Self::Unset | Self::Now => false,
            Self::Elements { parts: each, .. } | Self::Call { arguments: each, .. } => {
                each.iter().any(Self::has_marker)
            }
        }
    }

    /// Its bytes, of a value that is neither null nor unset.
    pub(crate) fn required(
        &self,
        run: &StatementRun<'_>,
        null: impl FnOnce() -> String,
        unset: impl FnOnce() -> String,
    ) -> CqlResult<Vec<u8>> {
        match self.evaluate(run)? {
            BoundValue::Bytes(bytes) => Ok(bytes),
            BoundValue::Null => refuse(null()),
            BoundValue::Unset => refuse(unset()),
        }
    }
}

impl From<BoundValue> for Expr {
    fn from(value: BoundValue) -> Self {
        match value {
            BoundValue::Unset => Self::Unset,
            BoundValue::Null => Self::Constant(None),
            BoundValue::Bytes(bytes) => Self::Constant(Some(bytes)),
        }
    }
}

/// Whether values of the type have an order among themselves, which drivers don't know: sets of
/// theirs come as they are hashed.
pub(crate) fn has_order(ty: &Type) -> bool {
    matches!(ty.base(), Type::Set { .. } | Type::Map { .. })
}

/// The bytes of a marker as they are stored: a set and a map in their order, each key once
/// (`Sets.Value.fromSerialized`).
fn in_order(ty: &Type, bytes: &[u8]) -> CqlResult<Vec<u8>> {
    if !has_order(ty) {
        return Ok(bytes.to_vec());
    }
    let damaged = |error: DecodeError| CqlError::invalid(error.to_string());
    let mut out = Vec::with_capacity(bytes.len());
    let mut writer = ElementsWriter::new(ty, &mut out)?;
    for element in Elements::new(ty, bytes).map_err(damaged)?.into_iter().flatten() {
        let element = element.map_err(damaged)?;
        writer.push::<ValueError>(&mut out, |_, out| {
            out.extend_from_slice(element.unwrap_or_default());
            Ok(element.is_some())
        })?;
    }
    writer.finish(&mut out)?;
    Ok(out)
}

/// Refuses bytes of a marker that are no value of its type.
fn validate(ty: &Type, bytes: &[u8]) -> CqlResult<()> {
    ty.validate(bytes)
        .map_err(|error| CqlError::invalid(bytes::problem(ty, bytes).unwrap_or_else(|| error.to_string())))
}

/// Refuses bytes that are no list of values, where null is one.
pub(crate) fn check_each(list: &Type, bytes: &[u8]) -> CqlResult<()> {
    let Some(element) = list.element() else { return Ok(()) };
    let damaged =
        || CqlError::invalid(bytes::problem(list, bytes).unwrap_or_else(|| format!("not a valid {list}")));
    for value in Elements::new(list, bytes).map_err(|_error| damaged())?.into_iter().flatten() {
        if let Some(value) = value.map_err(|_error| damaged())? {
            validate(element, value)?;
        }
    }
    Ok(())
}

fn evaluate_elements(run: &StatementRun<'_>, spec: &ColumnSpec, parts: &[Expr]) -> CqlResult<BoundValue> {
    let mut out = Vec::new();
    let mut elements = ElementsWriter::new(&spec.ty, &mut out)?;
    let may_be_null = matches!(spec.ty, Type::Tuple(_) | Type::Udt { .. });
    for part in parts {
        let value = part.evaluate(run)?;
        let bytes = match &value {
            BoundValue::Bytes(bytes) => Some(bytes),
            BoundValue::Null if may_be_null => None,
            BoundValue::Null => return refuse("null is not supported inside collections"),
            BoundValue::Unset => return refuse("unset value is not supported inside collections"),
        };
        elements.push::<ValueError>(&mut out, |_, out| {
            out.extend_from_slice(bytes.map_or(&[], Vec::as_slice));
            Ok(bytes.is_some())
        })?;
    }
    elements.finish(&mut out)?;
    Ok(BoundValue::Bytes(out))
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(bytes) => f.debug_tuple("Constant").field(bytes).finish(),
            Self::Marker { index, .. } => f.debug_tuple("Marker").field(index).finish(),
            Self::Json { marker, column, .. } => f.debug_tuple("Json").field(marker).field(column).finish(),
            Self::Unset => f.write_str("Unset"),
            Self::Now => f.write_str("Now"),
            Self::Elements { parts, .. } => f.debug_tuple("Elements").field(parts).finish(),
            Self::Call { function, arguments } => {
                f.debug_tuple("Call").field(&function.name).field(arguments).finish()
            }
        }
    }
}
