//! Calls in the text of a statement: which function an operator or a cast stands for.

use helenus_cql_syntax::Term;

use super::NEGATE;
use super::number::Arithmetic;
use super::resolve::FunctionReference;

/// A call, an operation or a cast: the function's name, and its arguments.
pub(crate) fn call_of(term: &Term) -> Option<(FunctionReference, Vec<&Term>)> {
    match term {
        Term::Function { name, arguments } => Some((FunctionReference::of(name), arguments.iter().collect())),
        Term::Negation(of) => Some((FunctionReference::native(NEGATE), vec![of])),
        Term::Binary { operator, left, right } => {
            Some((FunctionReference::native(operator.function()), vec![left, right]))
        }
        Term::Cast { term, to } => Some((cast_name(to.name()), vec![term])),
        _ => None,
    }
}

/// The name of the function that casts to a type.
pub(crate) fn cast_name(to: &str) -> FunctionReference {
    FunctionReference::native(&format!("cast_as_{to}"))
}
