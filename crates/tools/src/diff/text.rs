//! Keys, values and times of differences, for people.

use helenus_rows::{Bound, BoundKind, Cell, Column, DeletionTime, Header, LivenessInfo, Position};
use helenus_types::{Hex, LocalDeletionTime, Reader, Type};

/// Values longer than this are cut.
const MAX_VALUE_CHARS: usize = 120;

/// The path of a collection's element: a user type's by the field's name.
pub(super) fn path(column: &Column, path: &[u8]) -> Option<String> {
    let ty = column.path_type.as_ref()?;
    let field = match (&column.ty, <[u8; 2]>::try_from(path)) {
        (Type::Udt { definition, .. }, Ok(index)) => {
            definition.fields.get(usize::from(u16::from_be_bytes(index)))
        }
        _ => None,
    };
    Some(field.map_or_else(|| value(ty, path), |(name, _)| name.to_string()))
}

/// A partition key's values, as JSON.
pub(super) fn key(ty: &Type, key: &[u8]) -> String {
    let Type::Composite(types) = ty else { return value(ty, key) };
    let mut reader = Reader::new(key);
    let mut texts = Vec::new();
    for ty in types.iter() {
        let Ok(component) = reader.u16_bytes() else { break };
        texts.push(value(ty, component));
        if reader.u8() != Ok(0) {
            break;
        }
    }
    texts.join(", ")
}

/// The values at a place in a partition.
pub(super) fn clustering(header: &Header, position: Position<'_>) -> String {
    let components = header.clustering.components(position.values, position.size);
    let text = |(value_of, ty): (Option<&[u8]>, &Type)| match value_of {
        None => "null".to_owned(),
        Some(bytes) => value(ty, bytes),
    };
    components.zip(header.clustering.types()).map(text).collect::<Vec<_>>().join(", ")
}

/// A bound: its values, and on which side of them it stands.
pub(super) fn bound(header: &Header, bound: Bound<'_>) -> String {
    let side = match bound.kind {
        BoundKind::InclStart | BoundKind::ExclEnd | BoundKind::ExclEndInclStart => "before",
        BoundKind::ExclStart | BoundKind::InclEnd | BoundKind::InclEndExclStart => "after",
    };
    match bound.size {
        0 => format!("{side} all"),
        _ => format!("{side} {}", clustering(header, bound.position())),
    }
}

/// A value as JSON, or in hexadecimal if it is none of the type; cut if it is long.
pub(super) fn value(ty: &Type, bytes: &[u8]) -> String {
    let mut text = String::new();
    if ty.json(bytes, &mut text).is_err() {
        text.clear();
        text.push_str("0x");
        Hex::first(bytes, MAX_VALUE_CHARS).push(&mut text);
    }
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        None => text,
        Some((at, _)) => format!("{}… ({} bytes)", text.get(..at).unwrap_or_default(), bytes.len()),
    }
}

/// A deletion; `None` if there is none.
pub(super) fn deletion(deletion: DeletionTime) -> Option<String> {
    let second = deletion.local_deletion_time.0;
    (!deletion.is_live())
        .then(|| format!("deleted at {}, in second {second}", deletion.marked_for_delete_at.0))
}

pub(super) fn liveness(liveness: LivenessInfo) -> String {
    format!("written at {}{}", liveness.timestamp.0, expiry(liveness.ttl, liveness.local_expiration_time))
}

pub(super) fn cell(column: Option<&Column>, cell: &Cell<'_>) -> String {
    let at = cell.timestamp.0;
    if cell.is_tombstone() {
        return format!("deleted at {at}, in second {}", cell.local_deletion_time.0);
    }
    let shown = match column.and_then(|column| column.ty.cell_value_type(cell.path)) {
        // Contexts of the same total can differ, so that the total would not show the difference.
        Some(Type::Counter) | None => value(&Type::Blob, cell.value),
        Some(ty) => value(&ty, cell.value),
    };
    format!("{shown} at {at}{}", expiry(cell.ttl, cell.local_deletion_time))
}

fn expiry(ttl: u32, at: LocalDeletionTime) -> String {
    if ttl == 0 { String::new() } else { format!(", expires {} s later, in second {}", ttl, at.0) }
}
