//! Bind markers: their specifications, in the order of the text (`VariableSpecifications`).

use std::sync::Arc;

use helenus_cql_syntax::Marker;
use helenus_rows::TableSchema;

use crate::error::{CqlResult, refuse};
use crate::spec::ColumnSpec;

/// The markers of a statement that is compiled.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    /// For each its specification, and the name of its receiver.
    seen: Vec<Option<(ColumnSpec, Arc<str>)>>,
}

impl Markers {
    /// Notes what a marker is for.
    pub(crate) fn note(&mut self, marker: &Marker, receiver: &ColumnSpec) {
        if self.seen.len() <= marker.index {
            self.seen.resize(marker.index + 1, None);
        }
        let name = marker.name.as_ref().map_or_else(|| receiver.name.clone(), |name| name.as_str().into());
        let spec = ColumnSpec { name, ..receiver.clone() };
        if let Some(place) = self.seen.get_mut(marker.index) {
            *place = Some((spec, receiver.name.clone()));
        }
    }

    /// The specifications, and for each column of the table's partition key the marker that gives
    /// its value; none unless all have one.
    ///
    /// # Errors
    /// When a marker stands for nothing: of a field that is given twice the last one counts.
    pub(crate) fn finish(self, table: Option<&TableSchema>) -> CqlResult<(Vec<ColumnSpec>, Vec<usize>)> {
        if self.seen.iter().any(Option::is_none) {
            return refuse("A bind marker stands for nothing: the field that it is for is given twice");
        }
        let of_column = |column: &Arc<str>| {
            self.seen.iter().rposition(|seen| seen.as_ref().is_some_and(|(_, receiver)| receiver == column))
        };
        let mut places = self.seen.iter().flatten().map(|(spec, _)| (&spec.keyspace, &spec.table));
        let first = places.next();
        // The protocol has no room for them beside markers of several tables.
        let is_of_one = places.all(|place| Some(place) == first);
        let keys = table.filter(|_| is_of_one).and_then(|table| {
            table.partition_key().iter().map(|column| of_column(&column.name)).collect::<Option<Vec<_>>>()
        });
        let specs = self.seen.into_iter().flatten().map(|(spec, _)| spec).collect();
        Ok((specs, keys.unwrap_or_default()))
    }
}
