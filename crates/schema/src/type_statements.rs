//! The statements that change user types.

use std::collections::BTreeSet;
use std::sync::Arc;

use helenus_cql_syntax::{
    AlterType, AlterTypeAction, CqlType, CreateType, DropObject, FieldDefinition, Identifier, NativeType,
    Rename, check_size,
};
use helenus_types::{Type, UserType};

use super::apply::Applier;
use super::change::SchemaChange;
use super::names::qualified;
use super::table_def::TableDef;
use super::type_changes::references;
use crate::error::{CatalogError, CatalogErrorKind, Result};

impl Applier<'_> {
    pub(super) fn create_type(&mut self, statement: &CreateType) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name = statement.name.name.as_str();
        let mut adopted = Vec::new();
        if self.keyspace_for_new(&keyspace)?.types.get(name).is_some() {
            if statement.if_not_exists {
                return self.nothing();
            }
            let text = format!("A user type with name '{name}' already exists");
            return Err(CatalogError::new(CatalogErrorKind::AlreadyExists, text));
        }
        let mut fields: Vec<(String, Type)> = Vec::with_capacity(statement.fields.len());
        for field in &statement.fields {
            let field_name = field.name.as_str();
            if fields.iter().any(|(known, _)| known == field_name) {
                return Err(CatalogError::invalid(format!(
                    "Duplicate field name '{field_name}' in type '{name}'"
                )));
            }
            check_field(&field.cql_type)?;
            fields.push((field_name.to_owned(), self.resolve(&keyspace, &field.cql_type, &mut adopted)?));
        }
        self.adopt(&keyspace, adopted)?;
        let definition = UserType { keyspace: keyspace.to_string(), name: name.to_owned(), fields };
        check_size(&Type::udt(definition.clone()))?;
        self.catalog.keyspace_mut(&keyspace)?.types.put(definition);
        self.changes.push(SchemaChange::TypeCreated { keyspace, name: name.into() });
        Ok(())
    }

    pub(super) fn alter_type(&mut self, statement: &AlterType) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name = statement.name.name.as_str();
        let Some(present) = self.user_type(&keyspace, name) else {
            return self.missing(statement.if_exists, || format!("Type {keyspace}.{name} doesn't exist"));
        };
        let changed = match &statement.action {
            AlterTypeAction::Add { if_not_exists, field } => {
                self.add_field(&keyspace, &present, *if_not_exists, field)?
            }
            AlterTypeAction::Rename { if_exists, renames } => rename_fields(&present, *if_exists, renames)?,
            AlterTypeAction::Alter(_) => {
                return Err(CatalogError::invalid("Altering field types is no longer supported"));
            }
        };
        if changed == present {
            return self.nothing();
        }
        check_size(&Type::udt(changed.clone()))?;
        self.catalog.keyspace_mut(&keyspace)?.types.change(changed)?;
        self.changes.push(SchemaChange::TypeAltered { keyspace: keyspace.clone(), name: name.into() });
        self.refresh_tables(&keyspace, name)
    }

    pub(super) fn drop_type(&mut self, statement: &DropObject) -> Result<()> {
        let keyspace = self.keyspace_of(&statement.name)?;
        let name = statement.name.name.as_str();
        if self.user_type(&keyspace, name).is_none() {
            return self.missing(statement.if_exists, || format!("Type '{keyspace}.{name}' doesn't exist"));
        }
        let definitions = self.catalog.keyspace(&keyspace)?;
        let used = |what: &str, users: Vec<&str>| match users.is_empty() {
            true => Ok(()),
            false => Err(CatalogError::invalid(format!(
                "Cannot drop user type '{keyspace}.{name}' as it is still used by {what} {}",
                users.join(", ")
            ))),
        };
        used("user types", definitions.types.using(name))?;
        let uses = |table: &TableDef| table.columns().iter().any(|column| references(&column.ty, name));
        let tables = definitions.tables().filter(|table| uses(table));
        used("tables", tables.map(|table| &**table.name()).collect())?;
        self.catalog.keyspace_mut(&keyspace)?.types.remove(name);
        self.changes.push(SchemaChange::TypeDropped { keyspace, name: name.into() });
        Ok(())
    }

    fn user_type(&self, keyspace: &str, name: &str) -> Option<UserType> {
        self.catalog.keyspaces.get(keyspace)?.types.definition(name).cloned()
    }

    fn add_field(
        &mut self,
        keyspace: &Arc<str>,
        present: &UserType,
        if_not_exists: bool,
        field: &FieldDefinition,
    ) -> Result<UserType> {
        let (name, added) = (&present.name, field.name.as_str());
        let full = full_name(present);
        let written = field.cql_type.in_keyspace(&Identifier::exact(&**keyspace));
        check_field(&field.cql_type)?;
        if present.fields.iter().any(|(known, _)| known == added) {
            if if_not_exists {
                return Ok(present.clone());
            }
            return Err(CatalogError::new(
                CatalogErrorKind::AlreadyExists,
                format!("Cannot add field {added} to type {full}: a field with name {added} already exists"),
            ));
        }
        let mut adopted = Vec::new();
        let ty = self.resolve(keyspace, &field.cql_type, &mut adopted)?;
        self.adopt(keyspace, adopted)?;
        if references(&ty, name) {
            return Err(CatalogError::invalid(format!(
                "Cannot add new field {added} of type {written} to user type {full} as it would create a circular reference"
            )));
        }
        let in_key = |table: &&Arc<TableDef>| {
            table.schema().partition_key().iter().any(|column| references(&column.ty, name))
        };
        let tables = self.catalog.keyspace(keyspace)?.tables().filter(in_key);
        let tables: Vec<_> = tables.map(|table| table.full_name()).collect();
        if !tables.is_empty() {
            return Err(CatalogError::invalid(format!(
                "Cannot add new field {added} of type {written} to user type {full} as the type is being used in partition \
                 key by the following tables: {}",
                tables.join(", ")
            )));
        }
        let mut changed = present.clone();
        changed.fields.push((added.to_owned(), ty));
        Ok(changed)
    }

    /// Carries a changed type into the tables that use it.
    fn refresh_tables(&mut self, keyspace: &Arc<str>, name: &str) -> Result<()> {
        let definitions = self.catalog.keyspace(keyspace)?;
        let types = definitions.types.clone();
        let uses = |table: &&Arc<TableDef>| table.columns().iter().any(|column| references(&column.ty, name));
        let tables: Vec<_> = definitions.tables().filter(uses).cloned().collect();
        for table in tables {
            let mut columns = table.columns();
            for column in &mut columns {
                column.ty = types.refresh(&column.ty);
                check_size(&column.ty)?;
            }
            check_multi_cell_fields(&columns.iter().map(|c| (&*c.name, &c.ty)).collect::<Vec<_>>())?;
            let changed = table.with_columns(columns, table.schema().dropped().to_vec())?;
            self.changes.push(SchemaChange::TableAltered { id: table.id(), columns_changed: true });
            self.catalog.put_table(changed)?;
        }
        Ok(())
    }
}

/// Rejects types that a field may not have.
fn check_field(ty: &CqlType) -> Result<()> {
    match ty {
        CqlType::Native(NativeType::COUNTER) => {
            Err(CatalogError::invalid("A user type cannot contain counters"))
        }
        CqlType::User(_) => Err(CatalogError::invalid("A user type cannot contain non-frozen UDTs")),
        _ => Ok(()),
    }
}

/// Cells of a multi-cell user type hold its fields, so none of them can be spread over cells
/// itself.
pub(super) fn check_multi_cell_fields(columns: &[(&str, &Type)]) -> Result<()> {
    for (name, ty) in columns {
        if let Type::Udt { definition, frozen: false } = ty
            && definition.fields.iter().any(|(_, field)| field.is_multi_cell())
        {
            return Err(CatalogError::invalid(format!(
                "Non-frozen UDTs with nested non-frozen collections are not supported for column {name}"
            )));
        }
    }
    Ok(())
}

/// The type's name as statements write it, with its keyspace.
fn full_name(definition: &UserType) -> String {
    qualified(&definition.keyspace, &definition.name).to_string()
}

fn rename_fields(present: &UserType, if_exists: bool, renames: &[Rename]) -> Result<UserType> {
    let mut changed = present.clone();
    for Rename { from, to } in renames {
        let at = present.fields.iter().position(|(known, _)| known == from.as_str());
        match at.and_then(|at| changed.fields.get_mut(at)) {
            Some((name, _)) => *name = to.as_str().to_owned(),
            None if if_exists => {}
            None => {
                // Cassandra's spelling.
                let text = format!("Unkown field {from} in user type {}", full_name(present));
                return Err(CatalogError::new(CatalogErrorKind::NotFound, text));
            }
        }
    }
    let mut names = BTreeSet::new();
    match changed.fields.iter().find(|(name, _)| !names.insert(name.as_str())) {
        Some((name, _)) => {
            // Cassandra names the keyspace here.
            Err(CatalogError::invalid(format!("Duplicate field name {name} in type {}", present.keyspace)))
        }
        None => Ok(changed),
    }
}
