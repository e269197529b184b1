//! Which indexes make a restriction legal (`Index.supportsExpression`). None is built: rows are
//! looked through all the same.

use helenus_cql_syntax::{CreateIndex, Identifier, IndexTargetKind, PropertyValue};
use helenus_schema::TableDef;
use helenus_types::Type;

use super::analyzer::Analyzer;
use super::{Restriction, RestrictionKind};
use crate::error::{CqlResult, refuse};

/// The kind of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IndexKind {
    /// Cassandra's own: it serves one restriction of a statement.
    Secondary,
    /// Storage-attached: several of them serve a statement together.
    StorageAttached,
}

/// Refuses `expr(index, value)`: no index here has expressions of its own.
pub(super) fn check_expression<T>(table: &TableDef, name: &Identifier) -> CqlResult<T> {
    let Some(index) = table.indexes().iter().find(|index| index.name.as_ref() == Some(name)) else {
        let (keyspace, table) = (table.keyspace(), table.name());
        return refuse(format!("Invalid index expression, index {name} not found for {keyspace}.{table}"));
    };
    if kind_of(index) == IndexKind::Secondary && !index.custom {
        return refuse(format!(
            "Only CUSTOM indexes may be used in custom index expressions, {name} is not valid"
        ));
    }
    refuse(format!("Index {name} does not support custom expressions"))
}

/// Whether an index serves the restriction.
pub(super) fn is_served(table: &TableDef, restriction: &Restriction) -> bool {
    table.indexes().iter().any(|index| serves(index, kind_of(index), restriction))
}

/// Whether indexes that work together serve all of them: the storage-attached ones, or a single
/// one of Cassandra's own.
pub(super) fn serve_all(table: &TableDef, restrictions: &[&Restriction]) -> bool {
    let parts = by_column(restrictions);
    let attached = |part: &Vec<&Restriction>| {
        let mut indexes = table.indexes().iter().filter(|index| kind_of(index) == IndexKind::StorageAttached);
        indexes.any(|index| part.iter().any(|one| serves(index, IndexKind::StorageAttached, one)))
    };
    let has_attached = table.indexes().iter().any(|index| kind_of(index) == IndexKind::StorageAttached);
    let alone = |index: &CreateIndex| {
        kind_of(index) == IndexKind::Secondary
            && parts.iter().all(|part| {
                // One index of Cassandra's own looks for one element of a collection.
                let same = |one: &&Restriction| {
                    let kind = std::mem::discriminant(&one.kind);
                    part.iter().filter(|other| std::mem::discriminant(&other.kind) == kind).count() > 1
                };
                !part.iter().any(same) && part.iter().any(|one| serves(index, IndexKind::Secondary, one))
            })
    };
    has_attached && parts.iter().all(attached) || table.indexes().iter().any(alone)
}

/// What is asked of the elements of one collection counts as one restriction.
fn by_column<'r>(restrictions: &[&'r Restriction]) -> Vec<Vec<&'r Restriction>> {
    let is_of_element = |one: &Restriction| {
        matches!(
            one.kind,
            RestrictionKind::Contains(_) | RestrictionKind::ContainsKey(_) | RestrictionKind::Entry { .. }
        )
    };
    let place = |one: &Restriction| one.columns.first().map(|(place, _)| *place);
    let mut parts: Vec<Vec<&Restriction>> = Vec::new();
    for one in restrictions {
        let same = |part: &&mut Vec<&Restriction>| {
            part.iter().any(|known| is_of_element(known) && place(known) == place(one))
        };
        match parts.iter_mut().find(same).filter(|_| is_of_element(one)) {
            Some(part) => part.push(one),
            None => parts.push(vec![one]),
        }
    }
    parts
}

/// Whether there is an index on the column.
pub(super) fn is_indexed(table: &TableDef, column: &str) -> bool {
    table.indexes().iter().any(|index| index.targets.iter().any(|target| target.column == *column))
}

/// Whether vectors of the column are indexed by their directions, which zeros don't have.
pub(crate) fn compares_directions(table: &TableDef, column: &str) -> bool {
    is_indexed(table, column) && similarity_of(table, column) == "similarity_cosine"
}

/// The name of the function that says how near vectors of an indexed column are.
pub(crate) fn similarity_of(table: &TableDef, column: &str) -> &'static str {
    let of_column = |index: &&CreateIndex| index.targets.iter().any(|target| target.column == *column);
    let option =
        table.indexes().iter().filter(of_column).find_map(|index| option(index, "similarity_function"));
    match option.unwrap_or_default().to_ascii_lowercase().as_str() {
        "euclidean" => "similarity_euclidean",
        "dot_product" => "similarity_dot_product",
        _ => "similarity_cosine",
    }
}

/// How the index of a column compares texts, if it does anything to them.
pub(super) fn analyzer_of(table: &TableDef, column: &str) -> Option<Analyzer> {
    let indexes = table.indexes().iter().filter(|index| {
        kind_of(index) == IndexKind::StorageAttached
            && index.targets.iter().any(|target| target.column == *column)
    });
    let is = |index: &CreateIndex, name: &str, value: &str| {
        option(index, name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let analyzers = indexes.map(|index| Analyzer {
        folds_case: is(index, "case_sensitive", "false"),
        folds_accents: is(index, "ascii", "true"),
    });
    analyzers.into_iter().find(|analyzer| *analyzer != Analyzer::default())
}

/// The value of one of an index's options.
fn option(index: &CreateIndex, name: &str) -> Option<String> {
    let options = index.properties.iter().find(|property| property.name == *"options")?;
    let PropertyValue::Map(entries) = &options.value else { return None };
    let found = entries.iter().find(|(key, _)| key.raw_text() == name);
    found.map(|(_, value)| value.raw_text().into_owned())
}

fn kind_of(index: &CreateIndex) -> IndexKind {
    let class = index.class.as_deref().unwrap_or_default().to_ascii_lowercase();
    if class == "sai" || class.ends_with("storageattachedindex") {
        IndexKind::StorageAttached
    } else {
        IndexKind::Secondary
    }
}

fn serves(index: &CreateIndex, kind: IndexKind, restriction: &Restriction) -> bool {
    let ([target], [(_, spec)]) = (index.targets.as_slice(), restriction.columns.as_slice()) else {
        return false;
    };
    if target.column != *spec.name {
        return false;
    }
    let is_collection = matches!(spec.ty, Type::List { .. } | Type::Set { .. } | Type::Map { .. });
    match (&restriction.kind, target.kind) {
        (RestrictionKind::Equal(_), IndexTargetKind::Simple) => {
            !is_collection && !matches!(spec.ty, Type::Vector { .. })
        }
        (RestrictionKind::Equal(_), IndexTargetKind::Full) => true,
        (RestrictionKind::Slice { .. }, IndexTargetKind::Simple) => {
            kind == IndexKind::StorageAttached && has_ranges(&spec.ty)
        }
        (RestrictionKind::Contains(_), IndexTargetKind::Simple | IndexTargetKind::Values) => is_collection,
        (RestrictionKind::ContainsKey(_), IndexTargetKind::Keys)
        | (RestrictionKind::Entry { .. }, IndexTargetKind::Entries) => true,
        _ => false,
    }
}

/// Whether values of the type are indexed in their order.
fn has_ranges(ty: &Type) -> bool {
    !matches!(ty, Type::Text | Type::Ascii | Type::Boolean) && !ty.has_elements()
}
