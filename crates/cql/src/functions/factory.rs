//! Functions whose types follow from their arguments (`FunctionFactory`, `FunctionParameter`).

use helenus_types::Type;

use super::{AggregateKind, Argument, Caller, Function, collections, json, masks, vectors};
use crate::assignability::is_value_of;
use crate::error::{CqlResult, refuse};
use crate::scope::Scope;
use crate::system::definitions::{catalog_of, is_virtual};
use crate::system::refusals::NO_TOKEN;

/// What an argument may be, and which type it has where nothing says one.
#[derive(Clone, Copy, Debug)]
enum Parameter {
    /// Anything.
    Any,
    /// Anything; where its type isn't known, the receiver's.
    AnyAsReceiver,
    /// The first argument's type.
    AsFirst,
    Text,
    /// `text` or `ascii`.
    String,
    Int,
    OptionalText,
    Map,
    Collection,
    SetOrList,
    NumericSetOrList,
    /// A vector of floats, as that other argument is where nothing says more.
    Vector {
        other: usize,
    },
}

/// The function for those arguments, if one of that name is made.
pub(super) fn make(
    scope: &Scope<'_>,
    name: &str,
    arguments: &[&dyn Argument],
    caller: Caller<'_>,
) -> CqlResult<Option<Function>> {
    if name == "token" {
        return token(scope, caller).map(Some);
    }
    let Some(parameters) = parameters(name) else { return Ok(None) };
    let optional = parameters.iter().filter(|parameter| matches!(parameter, Parameter::OptionalText)).count();
    if arguments.len() > parameters.len() || arguments.len() < parameters.len() - optional {
        return refuse(format!("Invalid number of arguments for function {}", described(name, parameters)));
    }
    let mut first = Vec::new();
    for (parameter, argument) in parameters.iter().zip(arguments) {
        first.push(parameter.infer(scope, *argument, caller, None)?);
    }
    let mut types = Vec::new();
    for (parameter, argument) in parameters.iter().zip(arguments) {
        let Some(ty) = parameter.infer(scope, *argument, caller, Some(&first))? else {
            return refuse(format!(
                "Cannot infer type of argument {} in call to function {}: use type casts to disambiguate",
                argument.text(),
                described(name, parameters)
            ));
        };
        parameter.check(name, *argument, &ty)?;
        types.push(ty.base().clone());
    }
    let mut function = build(name, types, caller)?;
    if let Some(function) = &mut function {
        function.is_made = true;
    }
    Ok(function)
}

fn parameters(name: &str) -> Option<&'static [Parameter]> {
    use Parameter::*;
    Some(match name {
        "max" | "min" => &[AnyAsReceiver],
        "to_json" | "tojson" | "mask_null" | "mask_default" => &[Any],
        "from_json" | "fromjson" => &[Text],
        "mask_hash" => &[Any, OptionalText],
        "mask_replace" => &[AnyAsReceiver, AsFirst],
        "mask_inner" | "mask_outer" => &[String, Int, Int, OptionalText],
        "map_keys" | "map_values" => &[Map],
        "collection_count" => &[Collection],
        "collection_min" | "collection_max" => &[SetOrList],
        "collection_sum" | "collection_avg" => &[NumericSetOrList],
        "similarity_cosine" | "similarity_euclidean" | "similarity_dot_product" => {
            &[Vector { other: 1 }, Vector { other: 0 }]
        }
        _ => return None,
    })
}

fn build(name: &str, types: Vec<Type>, caller: Caller<'_>) -> CqlResult<Option<Function>> {
    let Some(first) = types.first().cloned() else { return Ok(None) };
    Ok(Some(match name {
        "max" => Function::aggregate(name, types, first.clone(), AggregateKind::Greatest(first)),
        "min" => Function::aggregate(name, types, first.clone(), AggregateKind::Least(first)),
        "to_json" | "tojson" => json::to_json(&first),
        "from_json" | "fromjson" => json::from_json(name, caller.receiver)?,
        "mask_null" => masks::null(&first),
        "mask_default" => masks::default(&first),
        "mask_replace" => masks::replace(types),
        "mask_inner" | "mask_outer" => masks::partial(name, types),
        "mask_hash" => masks::hash(types),
        "map_keys" | "map_values" => collections::parts_of_map(name, &first)?,
        "collection_count" => collections::count(&first),
        "collection_min" | "collection_max" | "collection_sum" | "collection_avg" => {
            collections::aggregate(name, &first)?
        }
        _ => vectors::similarity(name, types)?,
    }))
}

/// `token(…)` of the statement's table.
fn token(scope: &Scope<'_>, caller: Caller<'_>) -> CqlResult<Function> {
    let Some((keyspace, table)) = caller.table else {
        return refuse("No receiver keyspace has been specified for function system.token");
    };
    if is_virtual(keyspace) {
        return refuse(NO_TOKEN);
    }
    match catalog_of(scope.catalog, keyspace).table(keyspace, table) {
        Ok(table) => Ok(collections::token(table)),
        Err(_missing) => refuse(format!(
            "The receiver table {keyspace}.{table} specified by call to function system.token hasn't been found"
        )),
    }
}

fn described(name: &str, parameters: &[Parameter]) -> String {
    let parameters: Vec<&str> = parameters.iter().map(|parameter| parameter.describe()).collect();
    format!("system.{name}({})", parameters.join(", "))
}

impl Parameter {
    fn describe(self) -> &'static str {
        match self {
            Self::Any | Self::AnyAsReceiver | Self::AsFirst => "any",
            Self::Text => "text",
            Self::String => "[text|varchar|ascii]",
            Self::Int => "int",
            Self::OptionalText => "[text]",
            Self::Map => "map",
            Self::Collection => "collection",
            Self::SetOrList | Self::NumericSetOrList => "numeric_set_or_list",
            Self::Vector { .. } => "vector<float, n>",
        }
    }

    /// The type of the argument; `others` are those that the first round gave.
    fn infer(
        self,
        scope: &Scope<'_>,
        argument: &dyn Argument,
        caller: Caller<'_>,
        others: Option<&[Option<Type>]>,
    ) -> CqlResult<Option<Type>> {
        let other = |index: usize| others.and_then(|others| others.get(index).cloned().flatten());
        let known = |or: Option<&Type>| -> CqlResult<Option<Type>> {
            Ok(argument.compatible_type(scope)?.or_else(|| or.cloned()))
        };
        match self {
            Self::Any | Self::Map | Self::Collection | Self::SetOrList | Self::NumericSetOrList => {
                known(None)
            }
            Self::AnyAsReceiver => known(caller.receiver),
            Self::AsFirst => match other(0) {
                Some(first) => Ok(Some(first)),
                None => known(caller.receiver),
            },
            Self::Text | Self::String | Self::OptionalText => known(Some(&Type::Text)),
            Self::Int => known(Some(&Type::Int)),
            Self::Vector { other: index } => {
                let own = match argument.selected_elements().map(u32::try_from) {
                    Some(Ok(dimension)) => Some(Type::vector(Type::Float, dimension)),
                    _ => known(caller.receiver)?,
                };
                Ok(own.or_else(|| other(index)))
            }
        }
    }

    fn check(self, name: &str, argument: &dyn Argument, ty: &Type) -> CqlResult<()> {
        let may_be = |wanted: &Type| is_value_of(ty, wanted);
        let is_number = |ty: &Type| super::number::TYPES.contains(ty);
        let wanted = match (self, ty) {
            (Self::Any | Self::AnyAsReceiver | Self::AsFirst, _) => return Ok(()),
            (Self::Text | Self::OptionalText, _) if may_be(&Type::Text) => return Ok(()),
            (Self::Int, _) if may_be(&Type::Int) => return Ok(()),
            (Self::String, _) if may_be(&Type::Text) || may_be(&Type::Ascii) => return Ok(()),
            (Self::Map, Type::Map { .. } | Type::Udt { .. }) => return Ok(()),
            (Self::Collection, Type::Map { .. } | Type::List { .. } | Type::Set { .. }) => return Ok(()),
            (Self::SetOrList, Type::List { .. } | Type::Set { .. }) => return Ok(()),
            (Self::NumericSetOrList, Type::List { element, .. } | Type::Set { element, .. })
                if is_number(element) =>
            {
                return Ok(());
            }
            (Self::Vector { .. }, Type::Vector { element, .. }) if **element == Type::Float => return Ok(()),
            (Self::Vector { .. }, Type::List { element, .. }) if !is_value_of(element, &Type::Float) => {
                return Ok(());
            }
            (Self::Text | Self::OptionalText | Self::Int | Self::String, _) => {
                format!(
                    "an argument of type {}",
                    if matches!(self, Self::OptionalText) { "text" } else { self.describe() }
                )
            }
            (Self::Map, _) => "a map argument".to_owned(),
            (Self::Collection, _) => "a collection argument".to_owned(),
            (Self::SetOrList, _) => "a set or list argument".to_owned(),
            (Self::NumericSetOrList, _) => "a numeric set/list argument".to_owned(),
            (Self::Vector { .. }, _) => "a float vector argument".to_owned(),
        };
        refuse(format!(
            "Function system.{name} requires {wanted}, but found argument {} of type {}",
            argument.text(),
            ty.cql_name()
        ))
    }
}
