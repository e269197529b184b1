//! Types as they are written to types of the storage (`CQL3Type.Raw`) and back.

use helenus_types::{Type, TypeError};
use thiserror::Error;

use crate::ast::{CqlType, Identifier, NativeType, QualifiedName};

/// Types hold what they are made of whole, so types made of each other would grow without end.
/// These are more than any table needs, and headers of SSTables can hold them.
const MAX_TYPE_PARTS: usize = 4096;
const MAX_TYPE_DEPTH: usize = 32;

/// Why a type that is written can't be a column's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Cassandra refuses it; in its words.
    #[error("{0}")]
    Refused(String),
    /// Cassandra refuses it, and counts it as an error of syntax; in its words.
    #[error("{0}")]
    Syntax(String),
    /// There is no such user type.
    #[error("Unknown type {keyspace}.{name}")]
    Unknown {
        /// The keyspace.
        keyspace: String,
        /// The type.
        name: String,
    },
    /// The class of a type in quotes can't be read.
    #[error(transparent)]
    Class(#[from] TypeError),
}

impl ResolveError {
    fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    fn too_large() -> Self {
        Self::Refused(format!(
            "a type may have {MAX_TYPE_PARTS} parts, those of user types in it included, and be nested {MAX_TYPE_DEPTH} \
             deep"
        ))
    }
}

impl CqlType {
    /// The type of the storage, checked as `CQL3Type.Raw.prepare` does: what can be frozen, what
    /// can stand in what. `lookup` knows the user types of `keyspace` by their names, multi-cell.
    ///
    /// # Errors
    /// What Cassandra refuses, user types of other keyspaces or unknown ones, and types that are
    /// too large.
    pub fn resolve(
        &self,
        keyspace: &str,
        lookup: &dyn Fn(&str) -> Option<Type>,
    ) -> Result<Type, ResolveError> {
        let mut resolver = Resolver { keyspace, lookup, parts_left: MAX_TYPE_PARTS };
        let resolved = resolver.resolve(self, false)?;
        check_size(&resolved)?;
        Ok(resolved)
    }

    /// The same type with the keyspace before all names of user types.
    #[must_use]
    pub fn in_keyspace(&self, keyspace: &Identifier) -> Self {
        let again = |ty: &Self| Box::new(ty.in_keyspace(keyspace));
        match self {
            Self::Frozen(inner) => Self::Frozen(again(inner)),
            Self::List(element) => Self::List(again(element)),
            Self::Set(element) => Self::Set(again(element)),
            Self::Map(key, value) => Self::Map(again(key), again(value)),
            Self::Tuple(fields) => {
                Self::Tuple(fields.iter().map(|field| field.in_keyspace(keyspace)).collect())
            }
            Self::Vector(element, dimension) => Self::Vector(again(element), *dimension),
            Self::User(QualifiedName { keyspace: None, name }) => {
                Self::User(QualifiedName::qualified(keyspace.clone(), name.clone()))
            }
            Self::Native(_) | Self::User(_) | Self::Custom(_) => self.clone(),
        }
    }

    /// The type as a statement names it. What CQL has no name for is named by its class.
    #[must_use]
    pub fn of(ty: &Type) -> Self {
        let freezable =
            |frozen: bool, inner: Self| if frozen { Self::Frozen(Box::new(inner)) } else { inner };
        let boxed = |ty: &Type| Box::new(Self::of(ty));
        match ty {
            Type::List { element, frozen } => freezable(*frozen, Self::List(boxed(element))),
            Type::Set { element, frozen } => freezable(*frozen, Self::Set(boxed(element))),
            Type::Map { entry, frozen } => freezable(*frozen, Self::Map(boxed(&entry.0), boxed(&entry.1))),
            Type::Tuple(fields) => freezable(true, Self::Tuple(fields.iter().map(Self::of).collect())),
            Type::Udt { definition, frozen } => {
                freezable(*frozen, Self::user(Identifier::exact(definition.name.as_str())))
            }
            Type::Vector { element, dimension } => {
                Self::Vector(boxed(element), i32::try_from(*dimension).unwrap_or(i32::MAX))
            }
            Type::Reversed(base) => Self::of(base),
            other => NativeType::of(other).map_or_else(|| Self::Custom(other.class_name()), Self::Native),
        }
    }
}

/// Refuses a type that is larger than any that makes sense: of more than 4096 parts, or nested more
/// than 32 deep.
///
/// # Errors
/// When it is.
pub fn check_size(ty: &Type) -> Result<(), ResolveError> {
    let (parts, depth) = size(ty);
    if parts <= MAX_TYPE_PARTS && depth <= MAX_TYPE_DEPTH { Ok(()) } else { Err(ResolveError::too_large()) }
}

/// The number of types in the type, itself included, and how deep they are nested.
fn size(ty: &Type) -> (usize, usize) {
    let add = |(parts, depth): (usize, usize), child: &Type| {
        let (child_parts, child_depth) = size(child);
        (parts.saturating_add(child_parts), depth.max(child_depth))
    };
    let (parts, depth) = ty.children().fold((1, 0), add);
    (parts, depth + 1)
}

struct Resolver<'a> {
    keyspace: &'a str,
    lookup: &'a dyn Fn(&str) -> Option<Type>,
    /// How many more parts of user types may be copied.
    parts_left: usize,
}

impl Resolver<'_> {
    /// `frozen`: whether it stands in a `frozen<…>`.
    fn resolve(&mut self, ty: &CqlType, frozen: bool) -> Result<Type, ResolveError> {
        let resolved = match ty {
            CqlType::Native(native) => native.ty(),
            CqlType::Frozen(inner) => {
                if matches!(**inner, CqlType::Native(_) | CqlType::Custom(_)) {
                    return Err(ResolveError::Syntax(format!(
                        "frozen<> is only allowed on collections, tuples, and user-defined types (got {inner})"
                    )));
                }
                self.resolve(inner, true)?
            }
            CqlType::List(element) => Type::list(self.element(ty, element, frozen)?),
            CqlType::Set(element) => match self.element(ty, element, frozen)? {
                Type::Duration => {
                    return Err(ResolveError::refused(format!(
                        "Durations are not allowed inside sets: {ty}"
                    )));
                }
                element => Type::set(element),
            },
            CqlType::Map(key, value) => {
                let value = self.element(ty, value, frozen)?;
                match self.element(ty, key, frozen)? {
                    Type::Duration => {
                        let text = format!("Durations are not allowed as map keys: {ty}");
                        return Err(ResolveError::refused(text));
                    }
                    key => Type::map(key, value),
                }
            }
            CqlType::Tuple(fields) => {
                if fields.contains(&CqlType::Native(NativeType::COUNTER)) {
                    return Err(ResolveError::refused("Counters are not allowed inside tuples"));
                }
                let fields: Result<Vec<_>, _> =
                    fields.iter().map(|field| self.resolve(field, true)).collect();
                Type::tuple(fields?)
            }
            CqlType::Vector(element, dimension) => {
                let Some(positive) = u32::try_from(*dimension).ok().filter(|dimension| *dimension > 0) else {
                    return Err(ResolveError::refused(format!(
                        "vectors may only have positive dimensions; given {dimension}"
                    )));
                };
                if **element == CqlType::Native(NativeType::COUNTER) {
                    return Err(ResolveError::refused(format!(
                        "Counters are not allowed inside vectors: {ty}"
                    )));
                }
                Type::vector(self.resolve(element, true)?.freeze(), positive)
            }
            CqlType::User(name) => self.user_type(name)?,
            CqlType::Custom(class) => Type::parse_class(class)?,
        };
        Ok(if frozen { resolved.freeze() } else { resolved })
    }

    /// A user type, which has to be of the statement's keyspace.
    fn user_type(&mut self, name: &QualifiedName) -> Result<Type, ResolveError> {
        if let Some(other) = name.keyspace.as_ref().filter(|keyspace| **keyspace != *self.keyspace) {
            return Err(ResolveError::refused(format!(
                "Statement on keyspace {} cannot refer to a user type in keyspace {other}; user types can only be used \
                 in the keyspace they are defined in",
                self.keyspace
            )));
        }
        let Some(known) = (self.lookup)(name.name.as_str()) else {
            let (keyspace, name) = (self.keyspace.to_owned(), name.name.to_string());
            return Err(ResolveError::Unknown { keyspace, name });
        };
        self.parts_left = self.parts_left.checked_sub(size(&known).0).ok_or_else(ResolveError::too_large)?;
        Ok(known)
    }

    /// What a collection holds, which is not everything.
    fn element(&mut self, outer: &CqlType, inner: &CqlType, frozen: bool) -> Result<Type, ResolveError> {
        let refused = |what: &str| {
            Err(ResolveError::refused(format!("{what} are not allowed inside collections: {outer}")))
        };
        match inner {
            CqlType::Native(NativeType::COUNTER) => refused("Counters"),
            CqlType::List(_) | CqlType::Set(_) | CqlType::Map(..) if !frozen => {
                refused("Non-frozen collections")
            }
            CqlType::User(_) if !frozen => refused("Non-frozen UDTs"),
            _ => self.resolve(inner, frozen),
        }
    }
}
