//! What a statement changed, in the words of the native protocol (`Event.SchemaChange`).

use std::fmt;
use std::sync::Arc;

use super::catalog::{Catalog, Keyspace};
use super::change::SchemaChange;
use super::table_def::TableDef;

/// One thing that came, changed or went, as a node tells its clients of it: a `SCHEMA_CHANGE` of
/// the native protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaEvent {
    /// What happened to it.
    pub kind: SchemaEventKind,
    /// The thing.
    pub target: SchemaTarget,
    /// Its keyspace, or its own name if it is a keyspace.
    pub keyspace: Arc<str>,
}

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaEventKind {
    /// It is new.
    Created,
    /// Its definition is another one.
    Updated,
    /// It is no more.
    Dropped,
}

/// A thing in a schema. Indexes are parts of their table. Functions and aggregates, whose text is
/// only kept, have no events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaTarget {
    /// The keyspace itself.
    Keyspace,
    /// The table or view of that name.
    Table(Arc<str>),
    /// The user type of that name.
    Type(Arc<str>),
}

impl fmt::Display for SchemaEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "CREATED",
            Self::Updated => "UPDATED",
            Self::Dropped => "DROPPED",
        })
    }
}

impl SchemaTarget {
    /// The protocol's word for its kind, and its name within the keyspace.
    pub fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Keyspace => ("KEYSPACE", None),
            Self::Table(name) => ("TABLE", Some(name)),
            Self::Type(name) => ("TYPE", Some(name)),
        }
    }
}

/// As `CREATED TABLE k.t`.
impl fmt::Display for SchemaEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, target, keyspace } = self;
        match target.words() {
            (target, Some(name)) => write!(f, "{kind} {target} {keyspace}.{name}"),
            (target, None) => write!(f, "{kind} {target} {keyspace}"),
        }
    }
}

/// The events of changes that led from one catalog to another, in the order of the changes.
pub(super) fn events(before: &Catalog, after: &Catalog, changes: &[SchemaChange]) -> Vec<SchemaEvent> {
    use SchemaEventKind::{Created, Dropped, Updated};
    let of = |kind, keyspace: &Arc<str>, target| SchemaEvent { kind, target, keyspace: keyspace.clone() };
    let mut events = Vec::new();
    for change in changes {
        let event = match change {
            SchemaChange::KeyspaceCreated(name) => Some(of(Created, name, SchemaTarget::Keyspace)),
            SchemaChange::KeyspaceAltered { name, .. } => {
                let options =
                    |keyspace: &Arc<Keyspace>| (keyspace.replication.clone(), keyspace.durable_writes);
                let of_name = |catalog: &Catalog| catalog.keyspaces.get(name).map(options);
                (of_name(before) != of_name(after)).then(|| of(Updated, name, SchemaTarget::Keyspace))
            }
            SchemaChange::KeyspaceDropped(name) => {
                // Its tables have changes of their own.
                let types = before.keyspaces.get(name).map(|keyspace| keyspace.types.in_order());
                let types = types.into_iter().flatten();
                events.extend(types.map(|ty| of(Dropped, name, SchemaTarget::Type(ty.name.as_str().into()))));
                Some(of(Dropped, name, SchemaTarget::Keyspace))
            }
            SchemaChange::TypeCreated { keyspace, name } => {
                Some(of(Created, keyspace, SchemaTarget::Type(name.clone())))
            }
            SchemaChange::TypeAltered { keyspace, name } => {
                Some(of(Updated, keyspace, SchemaTarget::Type(name.clone())))
            }
            SchemaChange::TypeDropped { keyspace, name } => {
                Some(of(Dropped, keyspace, SchemaTarget::Type(name.clone())))
            }
            SchemaChange::TableCreated(id) => {
                after.table_by_id(*id).map(|table| of(Created, table.keyspace(), named(table)))
            }
            SchemaChange::TableAltered { id, .. } => {
                let after = after.table_by_id(*id);
                let is_other = before.table_by_id(*id).map(own) != after.map(own);
                after.filter(|_| is_other).map(|table| of(Updated, table.keyspace(), named(table)))
            }
            SchemaChange::TableDropped(id) => {
                before.table_by_id(*id).map(|table| of(Dropped, table.keyspace(), named(table)))
            }
            SchemaChange::TableTruncated(_)
            | SchemaChange::IndexCreated { .. }
            | SchemaChange::IndexDropped { .. }
            | SchemaChange::FunctionKept(_)
            | SchemaChange::Nothing => None,
        };
        events.extend(event);
    }
    events
}

fn named(table: &Arc<TableDef>) -> SchemaTarget {
    SchemaTarget::Table(table.name().clone())
}

/// A table without what it repeats of its keyspace and of its views: to a node these are no changes
/// of the table.
fn own(table: &Arc<TableDef>) -> TableDef {
    TableDef { durable_writes: true, has_views: false, ..TableDef::clone(table) }
}
