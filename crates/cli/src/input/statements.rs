//! The statements that lines go into.

use helenus::{BindValue, ColumnKind, Prepared, Serialized, Unset};

use super::Field;

/// The statements of a file's lines, by its columns.
pub(crate) struct Statements {
    /// Writes rows, and static columns with them.
    row: Option<Prepared>,
    /// Writes static columns alone, where the file has any; the fields that it takes.
    statics: Option<(Prepared, Vec<usize>)>,
}

impl Statements {
    /// Prepares them: `prepare` makes a statement that writes those columns.
    pub(crate) fn new(
        fields: &[Field],
        prepare: impl Fn(&[&str]) -> helenus::Result<Prepared>,
    ) -> helenus::Result<Self> {
        let of_partition =
            |field: &Field| matches!(field.kind, ColumnKind::PartitionKey | ColumnKind::Static);
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let places: Vec<usize> =
            fields.iter().enumerate().filter(|(_, field)| of_partition(field)).map(|(at, _)| at).collect();
        let static_names: Vec<&str> = places.iter().filter_map(|&at| names.get(at)).copied().collect();
        let has_statics = fields.iter().any(|field| field.kind == ColumnKind::Static);
        let statics = if has_statics { Some((prepare(&static_names)?, places)) } else { None };
        let only_statics = has_statics && fields.iter().all(of_partition);
        let row = if only_statics { None } else { Some(prepare(&names)?) };
        Ok(Self { row, statics })
    }

    /// Whether a line sets static columns alone; an error when a part of its key is missing.
    pub(crate) fn is_static(&self, fields: &[Field], values: &[Option<Vec<u8>>]) -> Result<bool, String> {
        let of = |kind: ColumnKind| fields.iter().zip(values).filter(move |(field, _)| field.kind == kind);
        if let Some((field, _)) = of(ColumnKind::PartitionKey).find(|(_, value)| value.is_none()) {
            return Err(format!("column {}: a part of the partition key is missing", field.name));
        }
        let missing = of(ColumnKind::Clustering).find(|(_, value)| value.is_none());
        let has_row =
            of(ColumnKind::Clustering).chain(of(ColumnKind::Regular)).any(|(_, value)| value.is_some());
        match (missing, &self.row) {
            (None, Some(_)) => Ok(false),
            (None, None) | (Some(_), _) if !has_row => {
                match of(ColumnKind::Static).any(|(_, value)| value.is_some()) {
                    true => Ok(true),
                    false => {
                        Err("there is nothing to write: neither a clustering nor a static column".to_owned())
                    }
                }
            }
            (Some((field, _)), _) => {
                Err(format!("column {}: a part of the clustering is missing", field.name))
            }
            (None, None) => Err("the first line names no clustering column".to_owned()),
        }
    }

    /// Shows the statement of a line, and its values as it takes them, to `f`.
    pub(crate) fn with(
        &self,
        is_static: bool,
        values: &[Option<Vec<u8>>],
        f: impl FnOnce(&Prepared, &[&dyn BindValue]) -> helenus::Result<()>,
    ) -> helenus::Result<()> {
        let all: Vec<Option<Serialized<'_>>> = match (&self.statics, is_static) {
            (Some((_, places)), true) => places.iter().filter_map(|&at| values.get(at)).map(bound).collect(),
            _ => values.iter().map(bound).collect(),
        };
        let values: Vec<&dyn BindValue> = all
            .iter()
            .map(|value| match value {
                Some(value) => value as &dyn BindValue,
                None => &Unset as &dyn BindValue,
            })
            .collect();
        match (&self.statics, &self.row) {
            (Some((statics, _)), _) if is_static => f(statics, &values),
            (_, Some(row)) => f(row, &values),
            _ => Ok(()),
        }
    }
}

fn bound(value: &Option<Vec<u8>>) -> Option<Serialized<'_>> {
    value.as_deref().map(Serialized)
}
