//! What a function is: its name, its types and what it does.

use std::fmt;
use std::sync::Arc;

use helenus_cql_syntax::BinaryOperator;
use helenus_types::Type;

use super::aggregates::AggregateKind;
use super::number::{Arithmetic, OPERATORS};
use crate::error::{CqlError, CqlResult, ErrorCode, ErrorDetail, refuse};
use crate::execution::StatementRun;

/// One overload of a function.
pub(crate) struct Function {
    /// Its name within keyspace `system`.
    pub(crate) name: Arc<str>,
    /// The types of its arguments.
    pub(crate) arguments: Vec<Type>,
    /// The type of its result.
    pub(crate) result: Type,
    pub(crate) body: FunctionBody,
    /// Whether its types follow from its arguments.
    pub(crate) is_made: bool,
}

/// What a function does.
pub(crate) enum FunctionBody {
    /// A value of values of one row.
    Scalar(Box<dyn ScalarFunction>),
    /// A value of the values of many rows.
    Aggregate(AggregateKind),
}

/// A function of values of one row: bytes to bytes. It knows nothing of terms and rows.
pub(crate) trait ScalarFunction: Send + Sync {
    /// Appends the result for those arguments; false, and nothing appended, for null.
    fn call(&self, run: &StatementRun<'_>, arguments: &[Option<&[u8]>], out: &mut Vec<u8>)
    -> CqlResult<bool>;
}

impl<F> ScalarFunction for F
where
    F: Fn(&StatementRun<'_>, &[Option<&[u8]>], &mut Vec<u8>) -> CqlResult<bool> + Send + Sync,
{
    fn call(
        &self,
        run: &StatementRun<'_>,
        arguments: &[Option<&[u8]>],
        out: &mut Vec<u8>,
    ) -> CqlResult<bool> {
        self(run, arguments, out)
    }
}

impl Function {
    pub(super) fn scalar(
        name: &str,
        arguments: Vec<Type>,
        result: Type,
        body: impl ScalarFunction + 'static,
    ) -> Self {
        let body = FunctionBody::Scalar(Box::new(body));
        Self { name: name.into(), arguments, result, body, is_made: false }
    }

    pub(super) fn aggregate(name: &str, arguments: Vec<Type>, result: Type, kind: AggregateKind) -> Self {
        let body = FunctionBody::Aggregate(kind);
        Self { name: name.into(), arguments, result, body, is_made: false }
    }

    /// The name with its keyspace.
    pub(crate) fn full_name(&self) -> String {
        format!("system.{}", self.name)
    }

    /// Whether its result depends on its arguments alone.
    pub(crate) fn is_pure(&self) -> bool {
        !self.is_aggregate() && !matches!(&*self.name, "now" | "uuid") && !self.name.starts_with("current")
    }

    pub(crate) fn is_aggregate(&self) -> bool {
        matches!(self.body, FunctionBody::Aggregate(_))
    }

    /// The name of a column of its results (`Function.columnName`).
    pub(crate) fn column_name(&self, arguments: &[String]) -> String {
        if let (Some(operator), [left, right]) = (operator_of(&self.name), arguments) {
            return format!("{left} {operator} {right}");
        }
        match arguments {
            [] if *self.name == *COUNT_ROWS => "count".to_owned(),
            [argument] if *self.name == *NEGATE => format!("-{argument}"),
            [argument] if self.name.starts_with("cast_as_") => {
                format!("cast({argument} as {})", self.result.cql_name())
            }
            _ => format!("system.{}({})", self.name, arguments.join(", ")),
        }
    }

    /// Calls a scalar function.
    pub(crate) fn call(
        &self,
        run: &StatementRun<'_>,
        arguments: &[Option<&[u8]>],
        out: &mut Vec<u8>,
    ) -> CqlResult<bool> {
        match &self.body {
            FunctionBody::Scalar(body) => body.call(run, arguments, out),
            FunctionBody::Aggregate(_) => refuse(format!("{} is an aggregate", self.name)),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).field("arguments", &self.arguments).finish()
    }
}

/// `system.name : (argument, …) -> result`
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(Type::cql_name).collect();
        write!(f, "system.{} : ({}) -> {}", self.name, arguments.join(", "), self.result.cql_name())
    }
}

/// The function behind `-value`.
pub(super) const NEGATE: &str = "_negate";

/// The function behind `count(*)`.
pub(crate) const COUNT_ROWS: &str = "countRows";

/// The sign of the operator behind a function's name.
pub(crate) fn operator_of(name: &str) -> Option<char> {
    OPERATORS.into_iter().find(|operator| operator.function() == name).map(BinaryOperator::sign)
}

/// An error of a function on its arguments.
pub(super) fn failure(name: &str, arguments: &[Type], message: impl Into<String>) -> CqlError {
    let detail = ErrorDetail::Function {
        keyspace: "system".to_owned(),
        name: name.to_owned(),
        arguments: arguments.iter().map(Type::cql_name).collect(),
    };
    CqlError::new(ErrorCode::FunctionFailure, message).with_detail(detail)
}
