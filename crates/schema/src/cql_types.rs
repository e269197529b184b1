//! Types between the tree and the storage (`CQL3Type.Raw`), and what may follow what.

use helenus_cql_syntax::{CqlType, Identifier, NativeType, QualifiedName};
use helenus_types::{Type, UserType};

use crate::error::{CatalogError, CatalogErrorKind, Result};

/// Native types of the tree and of the storage. `varchar` is printed as `text`.
const NATIVE: [(NativeType, Type); 21] = [
    (NativeType::Ascii, Type::Ascii),
    (NativeType::Bigint, Type::BigInt),
    (NativeType::Blob, Type::Blob),
    (NativeType::Boolean, Type::Boolean),
    (NativeType::Counter, Type::Counter),
    (NativeType::Date, Type::Date),
    (NativeType::Decimal, Type::Decimal),
    (NativeType::Double, Type::Double),
    (NativeType::Duration, Type::Duration),
    (NativeType::Float, Type::Float),
    (NativeType::Inet, Type::Inet),
    (NativeType::Int, Type::Int),
    (NativeType::Smallint, Type::SmallInt),
    (NativeType::Text, Type::Text),
    (NativeType::Varchar, Type::Text),
    (NativeType::Time, Type::Time),
    (NativeType::Timestamp, Type::Timestamp),
    (NativeType::Timeuuid, Type::TimeUuid),
    (NativeType::Tinyint, Type::TinyInt),
    (NativeType::Uuid, Type::Uuid),
    (NativeType::Varint, Type::Varint),
];

/// Types hold what they are made of whole, so types made of each other would grow without end.
/// These are more than any table needs, and headers of SSTables can hold them.
const MAX_TYPE_PARTS: usize = 4096;
const MAX_TYPE_DEPTH: usize = 32;

/// Turns types of statements about one keyspace into types of the storage.
pub(super) struct Resolver<'a> {
    pub(super) keyspace: &'a str,
    /// The user type of that name, multi-cell.
    pub(super) lookup: &'a dyn Fn(&str) -> Option<Type>,
}

impl Resolver<'_> {
    /// The type, checked as `CQL3Type.Raw.prepare` does.
    pub(super) fn resolve(&self, ty: &CqlType) -> Result<Type> {
        let mut parts = MAX_TYPE_PARTS;
        let resolved = self.prepare(ty, false, &mut parts)?;
        check_size(&resolved)?;
        Ok(resolved)
    }

    /// `frozen`: whether it stands in a `frozen<…>`; `parts`: how many more parts of user types may
    /// be copied.
    fn prepare(&self, ty: &CqlType, frozen: bool, parts: &mut usize) -> Result<Type> {
        let resolved = match ty {
            CqlType::Native(native) => native_type(*native),
            CqlType::Frozen(inner) => {
                if !supports_freezing(inner) {
                    return Err(CatalogError::invalid(format!(
                        "frozen<> is only allowed on collections, tuples, and user-defined types (got {inner})"
                    )));
                }
                self.prepare(inner, true, parts)?
            }
            CqlType::List(element) => {
                self.check_nested(ty, element, frozen)?;
                Type::list(self.prepare(element, frozen, parts)?)
            }
            CqlType::Set(element) => {
                self.check_nested(ty, element, frozen)?;
                if is_native(element, NativeType::Duration) {
                    return Err(CatalogError::invalid(format!(
                        "Durations are not allowed inside sets: {ty}"
                    )));
                }
                Type::set(self.prepare(element, frozen, parts)?)
            }
            CqlType::Map(key, value) => {
                self.check_nested(ty, value, frozen)?;
                self.check_nested(ty, key, frozen)?;
                if is_native(key, NativeType::Duration) {
                    return Err(CatalogError::invalid(format!(
                        "Durations are not allowed as map keys: {ty}"
                    )));
                }
                Type::map(self.prepare(key, frozen, parts)?, self.prepare(value, frozen, parts)?)
            }
            CqlType::Tuple(fields) => {
                if fields.iter().any(|field| is_native(field, NativeType::Counter)) {
                    return Err(CatalogError::invalid("Counters are not allowed inside tuples"));
                }
                let fields: Result<Vec<_>> =
                    fields.iter().map(|field| self.prepare(field, true, parts)).collect();
                Type::tuple(fields?)
            }
            CqlType::Vector(element, dimension) => {
                if *dimension == 0 {
                    return Err(CatalogError::invalid("vectors may only have positive dimensions; given 0"));
                }
                if is_native(element, NativeType::Counter) {
                    return Err(CatalogError::invalid(format!(
                        "Counters are not allowed inside vectors: {ty}"
                    )));
                }
                Type::vector(self.prepare(element, true, parts)?.freeze(), *dimension)
            }
            CqlType::User(name) => self.user_type(name, parts)?,
            CqlType::Custom(class) => Type::parse_class(class)?,
        };
        Ok(if frozen { resolved.freeze() } else { resolved })
    }

    /// A user type, which has to be of the statement's keyspace.
    fn user_type(&self, name: &QualifiedName, parts: &mut usize) -> Result<Type> {
        if let Some(other) = name.keyspace.as_ref().filter(|keyspace| **keyspace != *self.keyspace) {
            return Err(CatalogError::invalid(format!(
                "Statement on keyspace {} cannot refer to a user type in keyspace {other}; user types can only be used \
                 in the keyspace they are defined in",
                self.keyspace
            )));
        }
        let unknown = || {
            let text = format!("Unknown type {}.{}", self.keyspace, name.name);
            CatalogError::new(CatalogErrorKind::NotFound, text)
        };
        let known = (self.lookup)(name.name.as_str()).ok_or_else(unknown)?;
        *parts = parts.checked_sub(size(&known).0).ok_or_else(too_large)?;
        Ok(known)
    }

    /// Rejects types that a collection can't hold.
    fn check_nested(&self, outer: &CqlType, inner: &CqlType, frozen: bool) -> Result<()> {
        if is_native(inner, NativeType::Counter) {
            return Err(CatalogError::invalid(format!(
                "Counters are not allowed inside collections: {outer}"
            )));
        }
        let what = match inner {
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) => "collections",
            CqlType::User(_) => "UDTs",
            _ => return Ok(()),
        };
        if frozen {
            return Ok(());
        }
        Err(CatalogError::invalid(format!("Non-frozen {what} are not allowed inside collections: {outer}")))
    }
}

fn native_type(native: NativeType) -> Type {
    let known = NATIVE.iter().find(|(name, _)| *name == native);
    known.map_or(Type::Blob, |(_, ty)| ty.clone())
}

fn is_native(ty: &CqlType, native: NativeType) -> bool {
    *ty == CqlType::Native(native)
}

fn supports_freezing(ty: &CqlType) -> bool {
    !matches!(ty, CqlType::Native(_) | CqlType::Custom(_))
}

/// The type as a statement names it. What CQL has no name for is named by its class.
pub(super) fn to_cql(ty: &Type) -> CqlType {
    let freezable =
        |frozen: bool, inner: CqlType| if frozen { CqlType::Frozen(Box::new(inner)) } else { inner };
    match ty {
        Type::List { element, frozen } => freezable(*frozen, CqlType::List(Box::new(to_cql(element)))),
        Type::Set { element, frozen } => freezable(*frozen, CqlType::Set(Box::new(to_cql(element)))),
        Type::Map { entry, frozen } => {
            freezable(*frozen, CqlType::Map(Box::new(to_cql(&entry.0)), Box::new(to_cql(&entry.1))))
        }
        Type::Tuple(fields) => freezable(true, CqlType::Tuple(fields.iter().map(to_cql).collect())),
        Type::Udt { definition, frozen } => {
            freezable(*frozen, CqlType::user(Identifier::exact(definition.name.as_str())))
        }
        Type::Vector { element, dimension } => CqlType::Vector(Box::new(to_cql(element)), *dimension),
        Type::Reversed(base) => to_cql(base),
        other => match NATIVE.iter().find(|(_, ty)| ty == other) {
            Some((native, _)) => CqlType::Native(*native),
            None => CqlType::Custom(other.class_name()),
        },
    }
}

/// Refuses a type that is larger than any that makes sense.
pub(super) fn check_size(ty: &Type) -> Result<()> {
    let (parts, depth) = size(ty);
    if parts <= MAX_TYPE_PARTS && depth <= MAX_TYPE_DEPTH { Ok(()) } else { Err(too_large()) }
}

fn too_large() -> CatalogError {
    CatalogError::invalid(format!(
        "a type may have {MAX_TYPE_PARTS} parts, those of user types in it included, and be nested {MAX_TYPE_DEPTH} deep"
    ))
}

/// The number of types in the type, itself included, and how deep they are nested.
fn size(ty: &Type) -> (usize, usize) {
    let add = |(parts, depth): (usize, usize), child: &Type| {
        let (child_parts, child_depth) = size(child);
        (parts.saturating_add(child_parts), depth.max(child_depth))
    };
    let (parts, depth) = match ty {
        Type::Udt { definition, .. } => definition.fields.iter().map(|(_, field)| field).fold((1, 0), add),
        _ => children(ty).into_iter().fold((1, 0), add),
    };
    (parts, depth + 1)
}

/// Whether the user type of that name is anywhere in the type.
pub(super) fn references(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Udt { definition, .. } => {
            definition.name == name || definition.fields.iter().any(|(_, field)| references(field, name))
        }
        _ => children(ty).into_iter().any(|child| references(child, name)),
    }
}

/// The types directly inside of one that is no user type.
fn children(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
            vec![element]
        }
        Type::Map { entry, .. } => vec![&entry.0, &entry.1],
        Type::Tuple(types) | Type::Composite(types) => types.iter().collect(),
        Type::Reversed(base) => vec![base],
        _ => Vec::new(),
    }
}

/// The user types directly in the type, each with everything in it.
pub fn user_types_in<'a>(ty: &'a Type, found: &mut Vec<&'a UserType>) {
    match ty {
        Type::Udt { definition, .. } => found.push(definition),
        _ => children(ty).into_iter().for_each(|child| user_types_in(child, found)),
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
