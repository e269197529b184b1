//! Which indexes make a restriction legal (`Index.supportsExpression`). None is built: rows are
//! looked through all the same.

use helenus_cql_syntax::{CreateIndex, IndexTargetKind};
use helenus_schema::TableDef;
use helenus_types::Type;

use super::{Restriction, RestrictionKind};

/// The kind of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexKind {
    /// Cassandra's own: it serves one restriction of a statement.
    Secondary,
    /// Storage-attached: several of them serve a statement together.
    StorageAttached,
}

/// The index that serves the restriction; one that serves others too before one that doesn't.
pub(super) fn serving(table: &TableDef, restriction: &Restriction) -> Option<IndexKind> {
    let serving = table.indexes().iter().filter_map(|index| {
        let kind = kind_of(index);
        serves(index, kind, restriction).then_some(kind)
    });
    serving.max_by_key(|kind| *kind == IndexKind::StorageAttached)
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
