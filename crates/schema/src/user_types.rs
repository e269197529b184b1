//! The user types of a keyspace. `type_statements.rs` has the statements that change them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use helenus_cql_syntax::check_size;
use helenus_types::{Type, UserType};

use super::type_changes::{references, replace_user_types, user_types_in};
use crate::error::Result;

/// User types by name. Each holds the types of its fields whole, so a change of one is carried into
/// the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UserTypes {
    types: BTreeMap<String, Arc<UserType>>,
}

impl UserTypes {
    /// The multi-cell type of that name.
    pub(super) fn get(&self, name: &str) -> Option<Type> {
        let definition = self.types.get(name)?.clone();
        Some(Type::Udt { definition, frozen: false })
    }

    pub(super) fn definition(&self, name: &str) -> Option<&UserType> {
        self.types.get(name).map(|definition| &**definition)
    }

    /// Those that use the type of that name.
    pub(super) fn using(&self, name: &str) -> Vec<&str> {
        let others = self.types.values().filter(|other| other.name != name);
        let using = others.filter(|other| other.fields.iter().any(|(_, field)| references(field, name)));
        using.map(|other| other.name.as_str()).collect()
    }

    pub(super) fn put(&mut self, definition: UserType) {
        self.types.insert(definition.name.clone(), Arc::new(definition));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.types.remove(name);
    }

    /// Puts a type that was found whole, and what it is made of, where the names are free.
    pub(super) fn adopt(&mut self, definition: &UserType) {
        let mut inner = Vec::new();
        definition.fields.iter().for_each(|(_, field)| user_types_in(field, &mut inner));
        inner.into_iter().for_each(|inner| self.adopt(inner));
        self.types.entry(definition.name.clone()).or_insert_with(|| Arc::new(definition.clone()));
    }

    /// Stores the new definition of a type and applies it inside the others.
    ///
    /// # Errors
    /// When one of them becomes too large.
    pub(super) fn change(&mut self, definition: UserType) -> Result<()> {
        self.put(definition);
        // Each after what it is made of, so that one pass is enough.
        let names: Vec<_> = self.in_order().into_iter().map(|definition| definition.name.clone()).collect();
        for name in names {
            let Some(present) = self.types.get(&name) else { continue };
            let fields = present.fields.iter().map(|(name, field)| (name.clone(), self.refresh(field)));
            let fields = fields.collect();
            let changed = UserType { keyspace: present.keyspace.clone(), name, fields };
            if changed != **present {
                check_size(&Type::udt(changed.clone()))?;
                self.put(changed);
            }
        }
        Ok(())
    }

    /// The type with the present definitions of all user types in it.
    pub(super) fn refresh(&self, ty: &Type) -> Type {
        replace_user_types(ty, &|old| self.get(&old.name).unwrap_or_else(|| Type::udt(old.clone())))
    }

    /// All of them, each after those it is made of.
    pub(super) fn in_order(&self) -> Vec<&UserType> {
        let mut order = Vec::with_capacity(self.types.len());
        let mut seen = BTreeSet::new();
        self.types.values().for_each(|definition| self.visit(definition, &mut seen, &mut order));
        order
    }

    fn visit<'a>(
        &'a self,
        definition: &'a UserType,
        seen: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a UserType>,
    ) {
        if !seen.insert(definition.name.as_str()) {
            return;
        }
        let mut inner = Vec::new();
        definition.fields.iter().for_each(|(_, field)| user_types_in(field, &mut inner));
        for inner in inner {
            if let Some(inner) = self.types.get(&inner.name) {
                self.visit(inner, seen, order);
            }
        }
        order.push(definition);
    }
}
