//! `DESCRIBE` (`DescribeStatement`).

mod elements;
mod page;

use std::net::SocketAddr;
use std::sync::Arc;

use helenus_cql_syntax::{Describe, DescribeTarget, Identifier, QualifiedName};
use helenus_schema::{Catalog, Keyspace, is_system_keyspace};
use helenus_types::{Type, Value};

use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::response::{Answer, Response, ResultRows, RowBuffer};
use crate::spec::ColumnSpec;
use crate::system::PARTITIONER;
use crate::system::definitions::{catalog, catalog_of, owns};
use elements::{SchemaElement, by_name};
use page::DescribePage;

/// A `DESCRIBE` that was compiled.
#[derive(Debug)]
pub(crate) struct DescribePlan {
    statement: Describe,
    /// The session's keyspace.
    keyspace: Option<String>,
}

/// What rows are made of.
enum Described<'c> {
    /// Elements by name.
    List(Vec<SchemaElement<'c>>),
    /// Elements with the statements that make them.
    Elements(Vec<SchemaElement<'c>>),
}

pub(crate) fn compile(statement: Describe, keyspace: Option<&str>) -> DescribePlan {
    DescribePlan { statement, keyspace: keyspace.map(str::to_owned) }
}

/// All keyspaces, as Cassandra sorts names: without regard to case.
fn all_keyspaces(own: &Catalog) -> Vec<&Keyspace> {
    let of_node = catalog().keyspaces().filter(|keyspace| owns(own, keyspace.name()));
    let of_users = own.keyspaces().filter(|keyspace| !owns(own, keyspace.name()));
    let mut all: Vec<_> = of_node.chain(of_users).collect();
    all.sort_by(|a, b| by_name(a.name(), b.name()));
    all
}

impl DescribePlan {
    /// One page of the rows.
    pub(crate) fn execute(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        if self.statement.target == DescribeTarget::Cluster {
            return self.cluster(run);
        }
        let described = self.described(&run.catalog)?;
        let (elements, with_statements) = match described {
            Described::List(elements) => (elements, false),
            Described::Elements(elements) => (elements, true),
        };
        let version = run.environment.system.schema_version(&run.catalog);
        let begun = run.options.paging_state.as_deref();
        let offset = begun.map_or(Ok(0), |state| DescribePage::from_bytes(state, version))?;
        let page = run.options.page_size.filter(|size| *size > 0).unwrap_or(usize::MAX);
        let mut buffer = RowBuffer::default();
        for element in elements.iter().skip(offset).take(page) {
            buffer.push(Some(Identifier::exact(element.keyspace()).to_string().as_bytes()));
            buffer.push(Some(element.kind().as_bytes()));
            buffer.push(Some(Identifier::exact(element.name()).to_string().as_bytes()));
            if with_statements {
                buffer.push(Some(element.statement(self.statement.internals).as_bytes()));
            }
            buffer.end_row();
        }
        // A page that is full may be the last one: Cassandra doesn't look ahead.
        let state =
            (buffer.len() == page).then(|| DescribePage { version, offset: offset + page }.to_bytes());
        let names = ["keyspace_name", "type", "name", "create_statement"];
        let count = if with_statements { 4 } else { 3 };
        let columns: Arc<[ColumnSpec]> =
            names.iter().take(count).map(|name| column(name, Type::Text)).collect();
        Ok(Answer::Rows(ResultRows::new(columns, buffer, state)).into())
    }

    fn described<'c>(&self, own: &'c Catalog) -> CqlResult<Described<'c>> {
        use DescribeTarget as Target;
        match &self.statement.target {
            Target::Cluster | Target::Keyspaces => {
                Ok(Described::List(all_keyspaces(own).into_iter().map(SchemaElement::Keyspace).collect()))
            }
            Target::Tables => self.list(own, elements::tables),
            Target::Types => self.list(own, elements::types_by_name),
            // Functions aren't made here.
            Target::Functions | Target::Aggregates => self.list(own, |_| Vec::new()),
            Target::Schema { full } => {
                let shown = |keyspace: &&Keyspace| *full || !is_system_keyspace(keyspace.name());
                let keyspaces = all_keyspaces(own).into_iter().filter(shown);
                Ok(Described::Elements(keyspaces.flat_map(elements::of_keyspace).collect()))
            }
            Target::Keyspace { only, name } => {
                let keyspace = self.keyspace(own, name.as_ref())?;
                Ok(Described::Elements(match only {
                    true => vec![SchemaElement::Keyspace(keyspace)],
                    false => elements::of_keyspace(keyspace),
                }))
            }
            Target::Table(name) => self.one(own, name, elements::table),
            Target::Type(name) => self.one(own, name, elements::user_type),
            Target::Index(name) => self.one(own, name, elements::index),
            Target::View(name) => self.one(own, name, elements::view),
            Target::Function(name) => self.one(own, name, |keyspace, name| {
                refuse(format!("User defined function '{name}' not found in '{}'", keyspace.name()))
            }),
            Target::Aggregate(name) => self.one(own, name, |keyspace, name| {
                refuse(format!("User defined aggregate '{name}' not found in '{}'", keyspace.name()))
            }),
            Target::Named(name) => self.named(own, name),
        }
    }

    /// What is in the session's keyspace, or in all.
    fn list<'c>(
        &self,
        own: &'c Catalog,
        elements: impl Fn(&'c Keyspace) -> Vec<SchemaElement<'c>>,
    ) -> CqlResult<Described<'c>> {
        let keyspaces = match &self.keyspace {
            Some(name) => vec![find(own, name)?],
            None => all_keyspaces(own),
        };
        Ok(Described::List(keyspaces.into_iter().flat_map(elements).collect()))
    }

    fn keyspace<'c>(&self, own: &'c Catalog, name: Option<&Identifier>) -> CqlResult<&'c Keyspace> {
        match name.map(Identifier::as_str).or(self.keyspace.as_deref()) {
            Some(name) => find(own, name),
            None => refuse("No keyspace specified and no current keyspace"),
        }
    }

    fn one<'c>(
        &self,
        own: &'c Catalog,
        name: &QualifiedName,
        elements: impl Fn(&'c Keyspace, &str) -> CqlResult<Vec<SchemaElement<'c>>>,
    ) -> CqlResult<Described<'c>> {
        let keyspace = self.keyspace(own, name.keyspace.as_ref())?;
        Ok(Described::Elements(elements(keyspace, name.name.as_str())?))
    }

    /// A keyspace, a table, an index or a view, in this order.
    fn named<'c>(&self, own: &'c Catalog, qualified: &QualifiedName) -> CqlResult<Described<'c>> {
        let name = qualified.name.as_str();
        if qualified.keyspace.is_none()
            && let Ok(keyspace) = catalog_of(own, name).keyspace(name)
        {
            return Ok(Described::Elements(elements::of_keyspace(keyspace)));
        }
        let keyspace = qualified.keyspace.as_ref().map(Identifier::as_str).or(self.keyspace.as_deref());
        let keyspace = find(own, keyspace.unwrap_or(name))?;
        let found = elements::table(keyspace, name)
            .or_else(|_| elements::index(keyspace, name))
            .or_else(|_| elements::view(keyspace, name));
        match found {
            Ok(elements) => Ok(Described::Elements(elements)),
            Err(_) => refuse(format!("'{name}' not found in keyspace '{}'", keyspace.name())),
        }
    }

    /// The cluster, and where the session has a keyspace of a user's, who has which token.
    fn cluster(&self, run: &StatementRun<'_>) -> CqlResult<Response> {
        let system = &run.environment.system;
        let node = system.node();
        let partitioner = PARTITIONER.rsplit('.').next().unwrap_or(PARTITIONER);
        let mut cells = vec![
            (column("cluster", Type::Text), Value::Text(node.cluster_name.clone())),
            (column("partitioner", Type::Text), Value::Text(partitioner.to_owned())),
            (column("snitch", Type::Text), Value::Text("DynamicEndpointSnitch".to_owned())),
        ];
        if self.keyspace.as_ref().is_some_and(|keyspace| !is_system_keyspace(keyspace)) {
            let list = Type::List { element: Arc::new(Type::Text), frozen: false };
            let ty = Type::Map { entry: Arc::new((Type::Text, list)), frozen: false };
            let address = format!("/{}", SocketAddr::new(node.address, node.port));
            let owned = (Value::Text(system.token().to_string()), Value::List(vec![Value::Text(address)]));
            cells.push((column("range_ownership", ty), Value::Map(vec![owned])));
        }
        let mut buffer = RowBuffer::default();
        for (column, value) in &cells {
            buffer.push(Some(&column.ty.encode(value)?));
        }
        buffer.end_row();
        let columns: Arc<[ColumnSpec]> = cells.into_iter().map(|(column, _)| column).collect();
        Ok(Answer::Rows(ResultRows::new(columns, buffer, None)).into())
    }
}

fn find<'c>(own: &'c Catalog, name: &str) -> CqlResult<&'c Keyspace> {
    match catalog_of(own, name).keyspace(name) {
        Ok(keyspace) => Ok(keyspace),
        Err(_) => refuse(format!("'{name}' not found in keyspaces")),
    }
}

fn column(name: &str, ty: Type) -> ColumnSpec {
    ColumnSpec { keyspace: "system".into(), table: "describe".into(), name: name.into(), ty }
}
