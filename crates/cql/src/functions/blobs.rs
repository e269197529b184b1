//! Values as blobs and back (`BytesConversionFcts`).

use helenus_types::{Hex, Type};

use super::Function;
use crate::error::{CqlError, CqlResult};
use crate::execution::StatementRun;

/// `int_as_blob` and its kin.
pub(super) fn to_blob(name: &str, from: &Type) -> Function {
    Function::scalar(name, vec![from.clone()], Type::Blob, copy)
}

/// `blob_as_int` and its kin.
pub(super) fn from_blob(name: &str, to: &Type) -> Function {
    let (function, ty) = (name.to_owned(), to.clone());
    Function::scalar(
        name,
        vec![Type::Blob],
        to.clone(),
        move |run: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>| {
            if let Some(bytes) = arguments.first().copied().flatten() {
                ty.validate(bytes).map_err(|_error| {
                    CqlError::invalid(format!(
                        "In call to function system.{function}, value 0x{} is not a valid binary representation for \
                         type {}",
                        Hex(bytes),
                        ty.cql_name()
                    ))
                })?;
            }
            copy(run, arguments, out)
        },
    )
}

/// The argument itself.
pub(super) fn copy(_: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>) -> CqlResult<bool> {
    let Some(bytes) = arguments.first().copied().flatten() else { return Ok(false) };
    out.extend_from_slice(bytes);
    Ok(true)
}
