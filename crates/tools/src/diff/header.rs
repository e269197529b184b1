//! One header for tables that may have different ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use helenus_rows::{ClusteringComparator, Column, Columns, Header};
use helenus_sstable::{DataFile, SsTableError, SsTableErrorKind};
use helenus_types::{Partitioner, Type};

use super::difference::{Difference, Place};
use crate::error::ToolError;

/// The common form in which both sides are compared.
pub(super) struct Common {
    pub(super) header: Arc<Header>,
    pub(super) partitioner: Partitioner,
    /// Columns that differ between the sides.
    pub(super) differences: Vec<Difference>,
}

/// All columns of all tables, by static or not and name.
type ByName<'a> = BTreeMap<(bool, &'a str), &'a Column>;

/// The header that has every column of both sides. A column that only one side has is no difference
/// in itself: a header lists the columns of the schema when the table was written, used or not.
pub(super) fn common(sides: &[Vec<DataFile>; 2]) -> Result<Common, ToolError> {
    let mut files = sides.iter().flatten();
    let Some(first) = files.next() else {
        return Err(SsTableError::new(PathBuf::new(), SsTableErrorKind::NoTables).into());
    };
    let mut keys = Keys::of(first.header());
    for file in files {
        let grown = if first.partitioner() == file.partitioner() { keys.and(file.header()) } else { None };
        let Some(grown) = grown else {
            let path = file.chunks().path();
            let why =
                format!("has other keys or another partitioner than {}", first.chunks().path().display());
            return Err(ToolError::impossible(path, why));
        };
        keys = grown;
    }
    let [left, right] = sides.each_ref().map(|files| by_name(files));
    let mut differences = Vec::new();
    let mut all = left.clone();
    for (&(is_static, name), &column) in &right {
        let known = all.entry((is_static, name)).or_insert(column);
        if known.ty != column.ty {
            differences.push(Difference {
                partition: None,
                place: Place::Column(name.to_owned()),
                left: Some(known.ty.class_name()),
                right: Some(column.ty.class_name()),
            });
            *known = wider(known, column);
        }
    }
    let columns = |statics: bool| {
        Columns::new(all.iter().filter(|((kind, _), _)| *kind == statics).map(|(_, &c)| c.clone()).collect())
    };
    let header = Header {
        statics: columns(true),
        regulars: columns(false),
        clustering: ClusteringComparator::new(keys.clustering),
        key_type: keys.partition,
        ..Header::clone(first.header())
    };
    let header =
        if header.same_encoding(first.header()) { Arc::clone(first.header()) } else { Arc::new(header) };
    Ok(Common { header, partitioner: first.partitioner().clone(), differences })
}

/// The types of the keys of all tables so far: those with the most fields, where user types have
/// grown.
struct Keys {
    partition: Type,
    clustering: Vec<Type>,
}

impl Keys {
    fn of(header: &Header) -> Keys {
        Keys { partition: header.key_type.clone(), clustering: header.clustering.types().to_vec() }
    }

    /// Adds the keys of one more table; `None` if they differ.
    fn and(self, header: &Header) -> Option<Keys> {
        let types = header.clustering.types();
        if self.clustering.len() != types.len() {
            return None;
        }
        let clustering = self.clustering.into_iter().zip(types).map(|(known, other)| grown(known, other));
        Some(Keys {
            clustering: clustering.collect::<Option<_>>()?,
            partition: grown(self.partition, &header.key_type)?,
        })
    }
}

/// Of two types the one that has all fields of both.
fn grown(known: Type, other: &Type) -> Option<Type> {
    if other.grows_into(&known) { Some(known) } else { known.grows_into(other).then(|| other.clone()) }
}

fn by_name(files: &[DataFile]) -> ByName<'_> {
    let mut all = ByName::new();
    for header in files.iter().map(DataFile::header) {
        for (is_static, columns) in [(true, &header.statics), (false, &header.regulars)] {
            for column in columns.as_slice() {
                let known = all.entry((is_static, &column.name)).or_insert(column);
                *known = wider(known, column);
            }
        }
    }
    all
}

/// Of two definitions of a column the one that holds the values of both: where a type was altered,
/// the one without a fixed length. Otherwise the later one.
fn wider<'a>(known: &'a Column, other: &'a Column) -> &'a Column {
    if known.fixed_len.is_none() && other.fixed_len.is_some() { known } else { other }
}
