//! The operands of a statement's operations and conditions, and what may not be their value.

use helenus_cql_syntax::Term;
use helenus_engine::{BindValue, Binding, Op};
use helenus_types::{EncodeValue, Type, ValueError};

use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::restrictions::ZERO_VECTOR;
use crate::scope::Scope;
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// The operands in the order in which the engine takes them after the key.
#[derive(Debug, Default)]
pub(super) struct Operands {
    pub(super) each: Vec<StatementOperand>,
}

/// One operand.
#[derive(Clone, Debug)]
pub(super) struct StatementOperand {
    expr: Expr,
    role: Role,
}

/// What an operand is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A value that may be null or unset.
    Value,
    /// A vector of a column whose index can't have one of zeros.
    NonZeroVector,
    /// What a counter counts.
    Increment,
    /// What a counter counts down.
    Decrement,
    /// The index of a list's element that is set.
    SetIndex,
    /// The index of a list's element that is deleted.
    DeletedIndex,
    /// The key of a map's entry that is set or deleted.
    MapKey,
    /// A set's element that is deleted.
    SetElement,
    /// What a column is compared with; the kind of the collection, if an empty one is null.
    Compared(Op, Option<&'static str>),
    /// All that a column is compared with by IN.
    ComparedList,
    /// The index of a list's element that is compared.
    ComparedIndex,
    /// The key of a map's entry that is compared.
    ComparedKey,
}

impl Operands {
    /// Prepares an operand; the place of its value.
    pub(super) fn add(
        &mut self,
        scope: &mut Scope<'_>,
        term: &Term,
        receiver: &ColumnSpec,
        role: Role,
    ) -> CqlResult<usize> {
        let expr = term::prepare(scope, term, receiver)?;
        Ok(self.push(expr, role))
    }

    /// Adds an operand; the place of its value.
    pub(super) fn push(&mut self, expr: Expr, role: Role) -> usize {
        self.each.push(StatementOperand { expr, role });
        self.each.len() - 1
    }
}

impl StatementOperand {
    /// The term, where all that its value must be is one of the column's type.
    pub(super) fn plain(&self) -> Option<&Expr> {
        (self.role == Role::Value).then_some(&self.expr)
    }

    /// Its value in an execution.
    pub(super) fn evaluate(&self, run: &StatementRun<'_>) -> CqlResult<OperandValue> {
        if self.role == Role::ComparedList {
            return self.list(run);
        }
        let value = self.expr.evaluate(run)?;
        match self.role {
            // Nothing is done at all to an index that is unset.
            Role::DeletedIndex if value == BoundValue::Unset => {}
            role => role.check(&value)?,
        }
        Ok(OperandValue { value, is_checked: false })
    }

    /// A list of values, of which some may be null.
    fn list(&self, run: &StatementRun<'_>) -> CqlResult<OperandValue> {
        match self.expr.evaluate_unchecked(run)? {
            BoundValue::Null => refuse("Invalid null list in IN condition"),
            BoundValue::Unset => refuse("Invalid 'unset' value in condition"),
            value => {
                if let (Some(bytes), Some(spec)) = (value.bytes(), self.expr.marker_spec()) {
                    term::check_each(&spec.ty, bytes)?;
                }
                Ok(OperandValue { value, is_checked: true })
            }
        }
    }
}

impl Role {
    /// Refuses a value that this operand can't have, in Cassandra's words.
    fn check(self, value: &BoundValue) -> CqlResult<()> {
        let either = |null: &str, unset: &str| match value {
            BoundValue::Null => refuse(null),
            BoundValue::Unset => refuse(unset),
            BoundValue::Bytes(_) => Ok(()),
        };
        match (self, value) {
            (Self::NonZeroVector, BoundValue::Bytes(bytes)) if is_zero(bytes) => refuse(ZERO_VECTOR),
            (Self::Increment | Self::Decrement, BoundValue::Null) => {
                refuse("Invalid null value for counter increment")
            }
            (Self::Decrement, BoundValue::Bytes(bytes)) if **bytes == i64::MIN.to_be_bytes() => {
                refuse(format!(
                    "The negation of {} overflows supported counter precision (signed 8 bytes integer)",
                    i64::MIN
                ))
            }
            (Self::SetIndex | Self::DeletedIndex, _) => {
                either("Invalid null value for list index", "Invalid unset value for list index")
            }
            (Self::MapKey, _) => either("Invalid null map key", "Invalid unset map key"),
            (Self::SetElement, _) => either("Invalid null set element", "Invalid unset set element"),
            (Self::Compared(Op::In, _), BoundValue::Unset) => Ok(()),
            (Self::Compared(..), BoundValue::Unset) => refuse("Invalid 'unset' value in condition"),
            (Self::Compared(Op::Eq | Op::Ne | Op::In, _), _) => Ok(()),
            (Self::Compared(op, _), BoundValue::Null) => {
                refuse(format!("Invalid comparison with null for operator \"{}\"", sign(op)))
            }
            (
                Self::Compared(op @ (Op::Lt | Op::Le | Op::Gt | Op::Ge), Some(kind)),
                BoundValue::Bytes(bytes),
            ) if **bytes == [0; 4] => {
                refuse(format!("Invalid comparison with an empty {kind} for operator \"{}\"", sign(op)))
            }
            (Self::ComparedIndex, BoundValue::Bytes(bytes)) => {
                match <[u8; 4]>::try_from(bytes.as_slice()).map(i32::from_be_bytes) {
                    Ok(index) if index < 0 => refuse(format!("Invalid negative list index {index}")),
                    _ => Ok(()),
                }
            }
            (Self::ComparedIndex, _) => {
                let text = "Invalid null value for list element access";
                either(text, text)
            }
            (Self::ComparedKey, _) => {
                let text = "Invalid null value for map element access";
                either(text, text)
            }
            _ => Ok(()),
        }
    }
}

/// Whether all elements of a vector of floats are zero.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.as_chunks::<4>().0.iter().all(|bytes| f32::from_be_bytes(*bytes) == 0.0)
}

/// The operator as CQL has it.
pub(super) fn sign(op: Op) -> &'static str {
    match op {
        Op::Eq => "=",
        Op::Ne => "!=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In => "IN",
        Op::Contains => "CONTAINS",
        Op::ContainsKey => "CONTAINS KEY",
    }
}

/// The value of an operand, or of a part of the key.
#[derive(Clone, Debug)]
pub(super) struct OperandValue {
    value: BoundValue,
    /// Whether its bytes were looked at already: a list of IN may have nulls.
    is_checked: bool,
}

impl OperandValue {
    /// Whether nothing is to be written.
    pub(super) fn is_unset(&self) -> bool {
        self.value == BoundValue::Unset
    }
}

impl From<BoundValue> for OperandValue {
    fn from(value: BoundValue) -> Self {
        Self { value, is_checked: false }
    }
}

impl BindValue for OperandValue {
    fn bind(&self, ty: &Type, out: &mut Vec<u8>) -> Result<Binding, ValueError> {
        match &self.value {
            BoundValue::Bytes(bytes) if self.is_checked => {
                out.extend_from_slice(bytes);
                Ok(Binding::Value)
            }
            BoundValue::Bytes(bytes) => {
                helenus_types::Serialized(bytes).encode(ty, out).map(|_some| Binding::Value)
            }
            BoundValue::Null => Ok(Binding::Null),
            BoundValue::Unset => Ok(Binding::Unset),
        }
    }

    fn is_unset(&self) -> bool {
        Self::is_unset(self)
    }
}
