//! The catalog's parts as `DESCRIBE` shows them (`SchemaElement.toCqlString`): the statements that
//! make them, as [`print`](super::print) has them, with Cassandra's order of columns.

use helenus_cql_syntax::{
    CreateIndex, Identifier, IndexTarget, IndexTargetKind, Property, PropertyValue, Selection, Selector,
    Statement, Term,
};
use helenus_rows::Columns;
use helenus_types::UserType;

use super::catalog::Keyspace;
use super::compact;
use super::print::{create_table, create_type, create_view, dropped_columns, keyspace_statement};
use super::table_def::{TableColumn, TableDef};

/// Settings of ours among the extensions of a table.
const OUR_EXTENSIONS: &str = "helenus_";

impl Keyspace {
    /// Its user types, each after those that it is made of.
    pub fn user_types(&self) -> Vec<&UserType> {
        self.types.in_order()
    }

    /// The definition of a user type of it, if there is one of that name.
    pub fn user_type_definition(&self, name: &str) -> Option<&UserType> {
        self.types.definition(name)
    }

    /// The keyspace as `DESCRIBE` shows it, without what is in it.
    #[must_use]
    pub fn describe(&self) -> String {
        // The second blank is Cassandra's.
        format!("{};", keyspace_statement(self, true)).replacen(
            " AND durable_writes",
            "  AND durable_writes",
            1,
        )
    }

    /// A virtual keyspace as `DESCRIBE` shows it.
    #[must_use]
    pub fn describe_virtual(&self) -> String {
        let name = Identifier::exact(&*self.name);
        format!(
            "/*\nWarning: Keyspace {name} is a virtual keyspace and cannot be recreated with CQL.\n\
             Structure, for reference:\nVIRTUAL KEYSPACE {name};\n*/"
        )
    }

    /// A user type as `DESCRIBE` shows it.
    #[must_use]
    pub fn describe_type(&self, definition: &UserType) -> String {
        format!("{};", create_type(&self.name, definition))
    }
}

impl TableDef {
    /// The columns in the order of `DESCRIBE` (`allColumnsInCreateOrder`): the key, then static and
    /// regular columns, of each first those of one cell, by name.
    pub fn columns_in_create_order(&self) -> Vec<TableColumn> {
        let schema = self.schema();
        let keys = schema.partition_key().iter().chain(schema.shown_clustering()).map(|column| &column.name);
        let others = |columns: &Columns| {
            columns.as_slice().iter().map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        let others = [others(schema.statics()), others(schema.regulars())].concat();
        let shown = compact::defined(self);
        let place = |name: &str| shown.iter().find(|column| *column.name == *name).cloned();
        keys.filter_map(|name| place(name)).chain(others.iter().filter_map(|name| place(name))).collect()
    }

    /// The table or view as `DESCRIBE` shows it, `WITH INTERNALS` or without.
    #[must_use]
    pub fn describe(&self, internals: bool) -> String {
        let mut statements = Vec::new();
        if let Some(view) = self.view() {
            let Statement::CreateView(mut statement) = create_view(self, view) else {
                unreachable!("a view is made by its statement")
            };
            if let Selection::Selectors(selectors) = &mut statement.selection {
                *selectors = self.selected();
            }
            self.show_options(&mut statement.options.properties, internals);
            statements.push(Statement::CreateView(statement));
        } else {
            let mut statement = create_table(self, &self.columns_in_create_order(), internals);
            self.show_options(&mut statement.options.properties, internals);
            statements.push(Statement::CreateTable(Box::new(statement)));
            if internals {
                statements.extend(dropped_columns(self));
            }
        }
        let texts: Vec<_> = statements.iter().map(|statement| format!("{statement};")).collect();
        texts.join("\n")
    }

    /// A virtual table as `DESCRIBE` shows it.
    #[must_use]
    pub fn describe_virtual(&self, internals: bool) -> String {
        let mut statement = create_table(self, &self.columns_in_create_order(), false);
        let shown = |name: &str| name == "comment" || (internals && name == "id");
        statement.options.properties.retain(|property| shown(property.name.as_str()));
        let text = statement.to_string();
        let name = super::names::qualified(self.keyspace(), self.name());
        format!(
            "/*\nWarning: Table {name} is a virtual table and cannot be recreated with CQL.\n\
             Structure, for reference:\nVIRTUAL {};\n*/",
            text.strip_prefix("CREATE ").unwrap_or(&text)
        )
    }

    /// What a view selects, where that isn't everything (`allColumnsInSelectOrder`).
    fn selected(&self) -> Vec<Selector> {
        let schema = self.schema();
        let keys = schema.partition_key().iter().chain(schema.shown_clustering()).map(|column| &*column.name);
        let mut others: Vec<_> = schema.regulars().as_slice().iter().map(|column| &*column.name).collect();
        others.sort_unstable();
        let selector = |name| Selector { term: Term::Column(Identifier::exact(name)), alias: None };
        keys.chain(others).map(selector).collect()
    }

    /// Its options by name, as `DESCRIBE` shows them.
    pub fn shown_options(&self) -> Vec<Property> {
        let mut properties = self.options.to_properties();
        self.show_options(&mut properties, false);
        properties
    }

    /// The identity is one of the internals; extensions other than ours are nothing that CQL sets.
    fn show_options(&self, properties: &mut Vec<Property>, internals: bool) {
        properties.retain(|property| internals || property.name != "id");
        for property in properties {
            if let (true, PropertyValue::Map(entries)) = (property.name == "extensions", &mut property.value)
            {
                entries.retain(|(name, _)| name.raw_text().starts_with(OUR_EXTENSIONS));
            }
        }
    }

    /// The targets of an index of the table. One on a collection of many cells is on its values.
    pub fn index_targets(&self, index: &CreateIndex) -> Vec<IndexTarget> {
        let is_collection = |name: &Identifier| {
            let ty = self.column(name.as_str()).map(|column| column.ty);
            ty.is_some_and(|ty| ty.is_multi_cell() && (ty.element().is_some() || ty.value().is_some()))
        };
        let targets = index.targets.iter().cloned().map(|target| match target.kind {
            IndexTargetKind::Simple if is_collection(&target.column) => {
                IndexTarget { kind: IndexTargetKind::Values, ..target }
            }
            _ => target,
        });
        targets.collect()
    }

    /// An index of the table as `DESCRIBE` shows it.
    #[must_use]
    pub fn describe_index(&self, index: &CreateIndex) -> String {
        let targets = self.index_targets(index);
        let mut shown = CreateIndex { custom: index.class.is_some(), targets, ..index.clone() };
        for Property { value, .. } in &mut shown.properties {
            if let PropertyValue::Map(entries) = value {
                entries.sort_by_cached_key(|(name, _)| name.raw_text().into_owned());
            }
        }
        format!("{shown};")
    }
}
