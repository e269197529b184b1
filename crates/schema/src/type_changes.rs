//! User types within types, and what may follow what.

use helenus_types::{Type, UserType};

/// Whether the user type of that name is anywhere in the type.
pub(super) fn references(ty: &Type, name: &str) -> bool {
    let is_it = matches!(ty, Type::Udt { definition, .. } if definition.name == name);
    is_it || ty.children().any(|child| references(child, name))
}

/// The user types directly in the type, each with everything in it.
pub fn user_types_in<'a>(ty: &'a Type, found: &mut Vec<&'a UserType>) {
    match ty {
        Type::Udt { definition, .. } => found.push(definition),
        _ => ty.children().for_each(|child| user_types_in(child, found)),
    }
}

/// The same type with what `replace` makes of each user type in it, whether frozen or not.
pub fn replace_user_types(ty: &Type, replace: &dyn Fn(&UserType) -> Type) -> Type {
    let again = |ty: &Type| replace_user_types(ty, replace);
    let replaced = match ty {
        Type::List { element, .. } => Type::list(again(element)),
        Type::Set { element, .. } => Type::set(again(element)),
        Type::Map { entry, .. } => Type::map(again(&entry.0), again(&entry.1)),
        Type::Tuple(fields) => Type::tuple(fields.iter().map(again)),
        Type::Vector { element, dimension } => Type::vector(again(element), *dimension),
        Type::Composite(types) => Type::Composite(types.iter().map(again).collect()),
        Type::Reversed(base) => return Type::Reversed(std::sync::Arc::new(again(base))),
        Type::Udt { definition, .. } => replace(definition),
        other => return other.clone(),
    };
    if ty.is_multi_cell() || matches!(ty, Type::Composite(_)) { replaced } else { replaced.freeze() }
}

/// The same type with user types spelled out as tuples, as dropped columns keep theirs
/// (`AbstractType.expandUserTypes`).
pub(super) fn expand_user_types(ty: &Type) -> Type {
    replace_user_types(ty, &|definition| {
        Type::tuple(definition.fields.iter().map(|(_, field)| expand_user_types(field)))
    })
}

/// Whether cells written with the type `previous` can be read with this one
/// (`AbstractType.isSerializationCompatibleWith`).
pub fn reads_cells_of(ty: &Type, previous: &Type) -> bool {
    reads_values_of(ty, previous)
        && ty.fixed_len() == previous.fixed_len()
        && ty.is_multi_cell() == previous.is_multi_cell()
}

/// `AbstractType.isValueCompatibleWith`.
fn reads_values_of(ty: &Type, previous: &Type) -> bool {
    if ty.is_multi_cell() != previous.is_multi_cell() {
        return false;
    }
    let multi_cell = ty.is_multi_cell();
    match (ty.base(), previous.base()) {
        (Type::List { element, .. }, Type::List { element: old, .. }) => {
            if multi_cell {
                reads_cells_of(element, old)
            } else {
                reads_values_of(element, old)
            }
        }
        (Type::Set { element, .. }, Type::Set { element: old, .. }) => orders_as(element, old),
        (Type::Map { entry, .. }, Type::Map { entry: old, .. }) => {
            let values =
                if multi_cell { reads_cells_of(&entry.1, &old.1) } else { reads_values_of(&entry.1, &old.1) };
            orders_as(&entry.0, &old.0) && values
        }
        (Type::Tuple(fields), Type::Tuple(old)) => {
            fields.len() >= old.len()
                && fields.iter().zip(old.iter()).all(|(new, old)| reads_values_of(new, old))
        }
        (Type::Blob, _) => !multi_cell,
        (Type::BigInt, Type::Timestamp | Type::LegacyDate)
        | (Type::Timestamp, Type::BigInt | Type::LegacyDate)
        | (Type::Varint, Type::Int | Type::BigInt | Type::Timestamp | Type::LegacyDate)
        | (Type::Uuid, Type::TimeUuid)
        | (Type::Date, Type::Int)
        | (Type::Time, Type::BigInt) => true,
        (new, old) => orders_as(new, old),
    }
}

/// Whether values compare in the same way, too (`AbstractType.isCompatibleWith`).
fn orders_as(ty: &Type, previous: &Type) -> bool {
    if ty == previous {
        return true;
    }
    if ty.is_multi_cell() != previous.is_multi_cell() {
        return false;
    }
    // Values of cells have no order.
    let values = |new: &Type, old: &Type| {
        if ty.is_multi_cell() { reads_cells_of(new, old) } else { orders_as(new, old) }
    };
    match (ty, previous) {
        (Type::List { element, .. }, Type::List { element: old, .. }) => values(element, old),
        (Type::Set { element, .. }, Type::Set { element: old, .. }) => orders_as(element, old),
        (Type::Map { entry, .. }, Type::Map { entry: old, .. }) => {
            orders_as(&entry.0, &old.0) && values(&entry.1, &old.1)
        }
        (Type::Tuple(fields), Type::Tuple(old)) => {
            fields.len() >= old.len() && fields.iter().zip(old.iter()).all(|(new, old)| orders_as(new, old))
        }
        // A field may be of a type that has grown itself.
        (Type::Udt { definition, .. }, Type::Udt { definition: old, .. }) => {
            let mut fields = definition.fields.iter().zip(&old.fields);
            definition.keyspace == old.keyspace
                && definition.fields.len() >= old.fields.len()
                && fields.all(|((_, new), (_, old))| orders_as(new, old))
        }
        _ => matches!(
            (ty, previous),
            (Type::Text, Type::Ascii)
                | (Type::Blob, Type::Ascii | Type::Text)
                | (Type::Timestamp, Type::LegacyDate)
        ),
    }
}
