//! Which overload a call means (`FunctionResolver`).

use std::fmt;
use std::sync::Arc;

use helenus_cql_syntax::QualifiedName;
use helenus_types::Type;

use super::{Argument, Caller, Function, NEGATE, factory, natives, operator_of};
use crate::assignability::{Assignability, is_value_of};
use crate::error::{CqlResult, refuse};
use crate::scope::Scope;
use crate::spec::ColumnSpec;

/// The name of a function as a statement has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionReference {
    keyspace: Option<String>,
    pub(crate) name: String,
}

impl FunctionReference {
    pub(crate) fn of(name: &QualifiedName) -> Self {
        let keyspace = name.keyspace.as_ref().map(|keyspace| keyspace.as_str().to_owned());
        Self { keyspace, name: name.name.as_str().to_owned() }
    }

    /// A function of keyspace `system`.
    pub(crate) fn native(name: &str) -> Self {
        Self { keyspace: Some("system".to_owned()), name: name.to_owned() }
    }

    /// Whether it may mean that function of keyspace `system`.
    pub(crate) fn is_native(&self, name: &str) -> bool {
        self.name == name && self.keyspace.as_deref().is_none_or(|keyspace| keyspace == "system")
    }
}

impl fmt::Display for FunctionReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(keyspace) = &self.keyspace {
            write!(f, "{keyspace}.")?;
        }
        f.write_str(&self.name)
    }
}

/// An argument of a function as the receiver of a term.
pub(crate) fn argument_spec(function: &Function, index: usize, caller: Caller<'_>) -> ColumnSpec {
    let ty = function.arguments.get(index).unwrap_or(&Type::Blob);
    let name = format!("arg{index}({})", function.full_name().to_lowercase());
    let (keyspace, table) = caller.table.map_or_else(Default::default, |(k, t)| (k.clone(), t.clone()));
    ColumnSpec { keyspace, table, name: name.into(), ty: ty.base().clone() }
}

/// The overload of that name that takes those arguments; none if there is no such function.
pub(crate) fn resolve(
    scope: &Scope<'_>,
    name: &FunctionReference,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
) -> CqlResult<Option<Arc<Function>>> {
    if name.keyspace.as_deref().is_some_and(|keyspace| keyspace != "system") {
        return Ok(None);
    }
    scope.resolutions.borrow_mut().enter();
    let found = overload(scope, name, arguments, caller);
    scope.resolutions.borrow_mut().leave();
    found
}

fn overload(
    scope: &Scope<'_>,
    name: &FunctionReference,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
) -> CqlResult<Option<Arc<Function>>> {
    let mut candidates = natives::overloads(&name.name);
    candidates.extend(factory::make(scope, &name.name, arguments, caller)?.map(Arc::new));
    let found = match candidates.len() {
        0 => return Ok(None),
        1 => candidates.pop(),
        _ => return best(scope, name, arguments, caller, candidates).map(Some),
    };
    if let Some(only) = &found {
        check_types(scope, only, arguments, caller)?;
    }
    Ok(found)
}

fn check_types(
    scope: &Scope<'_>,
    function: &Function,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
) -> CqlResult<()> {
    if arguments.len() != function.arguments.len() {
        return refuse(format!(
            "Invalid number of arguments in call to function {}: {} required but {} provided",
            function.full_name(),
            function.arguments.len(),
            arguments.len()
        ));
    }
    for (index, argument) in arguments.iter().enumerate() {
        let expected = argument_spec(function, index, caller);
        if argument.assignment(scope, &expected)? == Assignability::None {
            return refuse(format!(
                "Type error: {} cannot be passed as argument {index} of function {} of type {}",
                argument.text(),
                function.full_name(),
                expected.ty.cql_name()
            ));
        }
    }
    Ok(())
}

fn best(
    scope: &Scope<'_>,
    name: &FunctionReference,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
    candidates: Vec<Arc<Function>>,
) -> CqlResult<Arc<Function>> {
    let texts = || -> Vec<String> { arguments.iter().map(|argument| argument.text()).collect() };
    let signatures = |functions: &[Arc<Function>]| -> String {
        functions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut compatible = Vec::new();
    for candidate in &candidates {
        if caller.receiver.is_some_and(|receiver| !is_value_of(&candidate.result, receiver)) {
            continue;
        }
        match suits(scope, candidate, arguments, caller)? {
            Assignability::Exact => return Ok(candidate.clone()),
            Assignability::Weak => compatible.push(candidate.clone()),
            Assignability::None => {}
        }
    }
    let operator = operator_of(&name.name);
    match (compatible.len(), operator) {
        (0, Some(sign)) => {
            refuse(format!("the '{sign}' operation is not supported between {}", texts().join(" and ")))
        }
        (0, None) => refuse(format!(
            "Invalid call to function {name}, none of its type signatures match (known type signatures: {})",
            signatures(&candidates)
        )),
        (1, _) => compatible.pop().map_or_else(|| refuse("no function"), Ok),
        (_, Some(sign)) => {
            let has_markers = arguments.iter().any(|argument| argument.is_marker());
            let of_receiver = |function: &Arc<Function>| {
                caller.receiver.is_some_and(|receiver| function.arguments.iter().all(|ty| ty == receiver))
            };
            if let (false, Some(at)) = (has_markers, compatible.iter().position(of_receiver)) {
                return Ok(compatible.swap_remove(at));
            }
            refuse(format!(
                "Ambiguous '{sign}' operation with args {}: use type hint to disambiguate, example '(int) ?'",
                texts().join(" and ")
            ))
        }
        (_, None) if name.name == NEGATE => refuse("Ambiguous negation: use type casts to disambiguate"),
        (_, None) => refuse(format!(
            "Ambiguous call to function {name} (can be matched by following signatures: {}): use type casts to \
             disambiguate",
            signatures(&compatible)
        )),
    }
}

fn suits(
    scope: &Scope<'_>,
    function: &Function,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
) -> CqlResult<Assignability> {
    if arguments.len() != function.arguments.len() {
        return Ok(Assignability::None);
    }
    let each = arguments.iter().enumerate();
    Assignability::all(
        each.map(|(index, argument)| argument.assignment(scope, &argument_spec(function, index, caller))),
    )
}
