//! The write of one row whose key and operands are markers and constants: what most prepared
//! statements are. Their values go to the engine as they came, without a copy in between.

use helenus_engine::{BindValue, ErrorKind, Prepared, WriteOptions};
use smallvec::SmallVec;

use crate::error::CqlResult;
use crate::options::QueryOptions;
use crate::response::Response;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// Where the values of the engine's statement come from, in its order.
#[derive(Debug)]
pub(super) struct DirectWrite(Vec<DirectValue>);

#[derive(Debug)]
enum DirectValue {
    Marker(usize),
    Constant(BoundValue),
}

impl DirectWrite {
    /// `None` if one of the terms is neither a marker nor a constant.
    pub(super) fn new<'e>(exprs: impl Iterator<Item = &'e Expr>) -> Option<Self> {
        let value = |expr: &Expr| match expr {
            // A driver's set is not in the order in which it is stored.
            Expr::Marker { spec, .. } if term::has_order(&spec.ty) => None,
            Expr::Marker { index, .. } => Some(DirectValue::Marker(*index)),
            Expr::Constant(bytes) => Some(DirectValue::Constant(bytes.clone().into())),
            Expr::Unset => Some(DirectValue::Constant(BoundValue::Unset)),
            Expr::Json { .. } | Expr::Elements { .. } | Expr::Call { .. } | Expr::Now => None,
        };
        exprs.map(value).collect::<Option<_>>().map(Self)
    }

    /// Writes the row; `None` if the engine refuses a value.
    pub(super) fn execute(
        &self,
        prepared: &Prepared,
        options: &QueryOptions,
        markers: &[&dyn BindValue],
    ) -> Option<CqlResult<Response>> {
        let mut values: SmallVec<[&dyn BindValue; 16]> = SmallVec::with_capacity(self.0.len());
        for value in &self.0 {
            values.push(match value {
                DirectValue::Marker(index) => *markers.get(*index)?,
                DirectValue::Constant(value) => value,
            });
        }
        let mut write = WriteOptions::new();
        if let Some(timestamp) = options.timestamp_us {
            write = write.timestamp(timestamp);
        }
        if let Some(now) = options.now_seconds {
            write = write.now_seconds(now);
        }
        match prepared.execute_with(&write, values.as_slice()) {
            Ok(()) => Some(Ok(Response::void())),
            // Nothing was written: a statement is checked before anything is.
            Err(error) if error.kind() == ErrorKind::Invalid => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}
