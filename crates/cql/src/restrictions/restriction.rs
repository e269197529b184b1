//! One restriction: its columns, its relation and its operands, and their values.

use helenus_rows::ColumnKind;
use helenus_types::{DecodeError, Elements, Type};

use crate::error::{CqlError, CqlResult, refuse};
use crate::execution::StatementRun;
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// What is said of a slice that rows would have to be tested by.
pub(super) const UNFILTERABLE: &str = "Multi-column slice restrictions cannot be used for filtering.";

/// The place of a column in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ColumnPlace {
    pub(crate) kind: ColumnKind,
    /// Among the table's columns of its kind.
    pub(crate) index: usize,
}

/// What is asked of one column, or of several as a tuple.
#[derive(Clone, Debug)]
pub(crate) struct Restriction {
    pub(super) columns: Vec<(ColumnPlace, ColumnSpec)>,
    pub(super) kind: RestrictionKind,
    /// Whether it is of a tuple of columns, perhaps of one.
    pub(super) is_tuple: bool,
}

/// The relation and its operands.
#[derive(Clone, Debug)]
pub(super) enum RestrictionKind {
    Equal(OperandExpr),
    In(InOperand),
    Slice {
        low: Option<(OperandExpr, bool)>,
        high: Option<(OperandExpr, bool)>,
    },
    Contains(Expr),
    ContainsKey(Expr),
    /// A map's value at a key.
    Entry {
        key: Expr,
        value: Expr,
    },
}

/// One value for each column of a restriction.
#[derive(Clone, Debug)]
pub(super) enum OperandExpr {
    Each(Vec<Expr>),
    /// A marker for a tuple of values of that many columns.
    Tuple(Expr, usize),
}

/// The operand of IN.
#[derive(Clone, Debug)]
pub(super) enum InOperand {
    Each(Vec<OperandExpr>),
    /// A marker for a list of them.
    All(Expr),
}

impl Restriction {
    /// The term that its only column must be equal to.
    pub(super) fn equal_expr(&self) -> Option<&Expr> {
        match &self.kind {
            RestrictionKind::Equal(OperandExpr::Each(exprs)) => match exprs.as_slice() {
                [expr] => Some(expr),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn new(columns: Vec<(ColumnPlace, ColumnSpec)>, kind: RestrictionKind) -> Self {
        Self { columns, kind, is_tuple: false }
    }

    /// Whether it is a slice of a tuple of columns, which no row can be tested by.
    pub(super) fn is_tuple_slice(&self) -> bool {
        self.is_tuple && matches!(self.kind, RestrictionKind::Slice { .. })
    }

    pub(super) fn is_of(&self, kind: ColumnKind) -> bool {
        self.columns.iter().any(|(place, _)| place.kind == kind)
    }
}

/// Refuses values that rows can't be tested by.
pub(super) fn check_tested(value: &BoundValue, name: &str) -> CqlResult<()> {
    match value {
        BoundValue::Null => refuse(format!("Unsupported null value for column {name}")),
        BoundValue::Unset => refuse(format!("Unsupported unset value for column {name}")),
        BoundValue::Bytes(_) => Ok(()),
    }
}

/// `(a,b)`, or the name of the only one.
pub(super) fn names(columns: &[(ColumnPlace, ColumnSpec)]) -> String {
    match columns {
        [(_, one)] => one.name.to_string(),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, spec)| &*spec.name).collect();
            format!("({})", names.join(","))
        }
    }
}

impl OperandExpr {
    /// Its values for a test of rows.
    pub(super) fn evaluate_tested(
        &self,
        run: &StatementRun<'_>,
        columns: &[(ColumnPlace, ColumnSpec)],
    ) -> CqlResult<Vec<Vec<u8>>> {
        if let Self::Each(exprs) = self {
            for (expr, (_, spec)) in exprs.iter().zip(columns) {
                check_tested(&expr.evaluate(run)?, &spec.name)?;
            }
        }
        self.evaluate(run, columns)
    }

    /// The values of a slice's end; null is before all others.
    pub(super) fn evaluate_end(
        &self,
        run: &StatementRun<'_>,
        columns: &[(ColumnPlace, ColumnSpec)],
    ) -> CqlResult<Vec<Vec<u8>>> {
        match self {
            Self::Each(exprs) => match exprs.as_slice() {
                [only] if only.evaluate(run)? == BoundValue::Null => Ok(vec![Vec::new()]),
                _ => self.evaluate(run, columns),
            },
            Self::Tuple(..) => self.evaluate(run, columns),
        }
    }

    /// Its values.
    pub(super) fn evaluate(
        &self,
        run: &StatementRun<'_>,
        columns: &[(ColumnPlace, ColumnSpec)],
    ) -> CqlResult<Vec<Vec<u8>>> {
        match self {
            Self::Each(exprs) => exprs
                .iter()
                .zip(columns)
                .map(|(expr, (_, spec))| {
                    let name = &spec.name;
                    expr.required(
                        run,
                        || format!("Invalid null value in condition for column {name}"),
                        || format!("Invalid unset value for column {name}"),
                    )
                })
                .collect(),
            Self::Tuple(expr, count) => {
                let columns = columns.get(..*count).unwrap_or(columns);
                let name = names(columns);
                let bytes = expr.required(
                    run,
                    || format!("Invalid null value for {name}"),
                    || format!("Invalid unset value for {name}"),
                )?;
                split_tuple(&bytes, columns)
            }
        }
    }
}

impl InOperand {
    /// The values that a row is tested by: null is none that it could have.
    pub(super) fn evaluate_tested(
        &self,
        run: &StatementRun<'_>,
        columns: &[(ColumnPlace, ColumnSpec)],
    ) -> CqlResult<Vec<Vec<Vec<u8>>>> {
        let Self::Each(operands) = self else { return self.evaluate(run, columns) };
        let mut values = Vec::with_capacity(operands.len());
        for operand in operands {
            let is_null = match operand {
                OperandExpr::Each(exprs) => exprs
                    .iter()
                    .map(|expr| expr.evaluate(run))
                    .collect::<CqlResult<Vec<_>>>()?
                    .contains(&BoundValue::Null),
                OperandExpr::Tuple(..) => false,
            };
            if !is_null {
                values.push(operand.evaluate(run, columns)?);
            }
        }
        Ok(values)
    }

    /// The values, each of them one for each column.
    pub(super) fn evaluate(
        &self,
        run: &StatementRun<'_>,
        columns: &[(ColumnPlace, ColumnSpec)],
    ) -> CqlResult<Vec<Vec<Vec<u8>>>> {
        match self {
            Self::Each(operands) => operands.iter().map(|operand| operand.evaluate(run, columns)).collect(),
            Self::All(expr) => {
                let name = names(columns);
                let is_one = columns.len() == 1;
                let bytes = match expr.evaluate_unchecked(run)? {
                    BoundValue::Bytes(bytes) => bytes,
                    BoundValue::Null if is_one => {
                        return refuse(format!("Invalid null value for column {name}"));
                    }
                    BoundValue::Null => return refuse("Invalid null value for IN restriction"),
                    BoundValue::Unset if is_one => {
                        return refuse(format!("Invalid unset value for column {name}"));
                    }
                    BoundValue::Unset => return refuse(format!("Invalid unset value for in{name}")),
                };
                let ty = in_type(columns);
                term::check_each(&ty, &bytes)?;
                let mut values = Vec::new();
                for element in Elements::new(&ty, &bytes).map_err(in_bytes)?.into_iter().flatten() {
                    let Some(value) = element.map_err(in_bytes)? else {
                        let columns = columns.iter().map(|(_, spec)| &*spec.name).collect::<Vec<_>>();
                        return refuse(format!(
                            "Invalid null value in condition for {} {}",
                            if is_one { "column" } else { "columns" },
                            columns.join(", ")
                        ));
                    };
                    values.push(if columns.len() == 1 {
                        vec![value.to_vec()]
                    } else {
                        split_tuple(value, columns)?
                    });
                }
                Ok(values)
            }
        }
    }
}

pub(super) fn in_bytes(error: DecodeError) -> CqlError {
    CqlError::invalid(error.to_string())
}

/// The type of all values after IN as one.
pub(super) fn in_type(columns: &[(ColumnPlace, ColumnSpec)]) -> Type {
    let element = match columns {
        [(_, one)] => one.ty.clone(),
        several => tuple_type(several),
    };
    Type::list(element).freeze()
}

/// The type of the values of several columns as one.
pub(super) fn tuple_type(columns: &[(ColumnPlace, ColumnSpec)]) -> Type {
    Type::tuple(columns.iter().map(|(_, spec)| spec.ty.clone()))
}

pub(super) fn split_tuple(bytes: &[u8], columns: &[(ColumnPlace, ColumnSpec)]) -> CqlResult<Vec<Vec<u8>>> {
    let ty = tuple_type(columns);
    let mut values = Vec::with_capacity(columns.len());
    for element in Elements::new(&ty, bytes).map_err(in_bytes)?.into_iter().flatten() {
        match element.map_err(in_bytes)? {
            Some(value) => values.push(value.to_vec()),
            None => return refuse(format!("Invalid null value in condition for column {}", names(columns))),
        }
    }
    if values.len() == columns.len() {
        Ok(values)
    } else {
        refuse(format!(
            "Expected {} elements in value for tuple {}, but got {}",
            columns.len(),
            names(columns),
            values.len()
        ))
    }
}
