//! GROUP BY: which rows belong together (`AggregationSpecification`).

use std::sync::Arc;

use helenus_cql_syntax::Select;
use helenus_engine::RowView;
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;

use super::selectable::{Selectable, prepare};
use super::selector::{Evaluation, Parts, SelectorBuilder, SelectorNode, Source};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::restrictions::{ColumnPlace, Restrictions};
use crate::scope::Scope;

/// What the rows of a group have in common: the partition, and the beginning of the clustering.
#[derive(Debug)]
pub(super) struct Grouping {
    /// How many columns of the clustering.
    columns: usize,
    /// A function of the last of them, in its place.
    function: Option<(SelectorNode, Parts)>,
}

/// What is common to the rows of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupKey {
    pub(super) partition: Vec<u8>,
    clustering: Vec<Option<Vec<u8>>>,
}

/// The grouping that a SELECT asks for.
pub(super) fn prepare_groups(
    scope: &mut Scope<'_>,
    table: &TableDef,
    select: &Select,
    restrictions: &Restrictions,
) -> CqlResult<Option<Grouping>> {
    if select.group_by.is_empty() {
        return Ok(None);
    }
    let schema = table.schema();
    let key_places = |kind, count| (0..count).map(move |index| ColumnPlace { kind, index });
    let mut key = key_places(ColumnKind::PartitionKey, schema.partition_key().len())
        .chain(key_places(ColumnKind::Clustering, schema.shown_clustering().len()));
    let (mut columns, mut function) = (0, None);
    for term in &select.group_by {
        let selectable = prepare(scope, table, term)?;
        let place = match &selectable {
            Selectable::Call { function: called, .. } => {
                if called.is_aggregate() {
                    return refuse(format!(
                        "Aggregate functions are not supported within the GROUP BY clause, got: {}",
                        called.full_name()
                    ));
                }
                let (place, made) = of_function(scope, table, &selectable)?;
                function = Some(made);
                place
            }
            Selectable::Column(place, spec) => {
                if !matches!(place.kind, ColumnKind::PartitionKey | ColumnKind::Clustering) {
                    return refuse(format!(
                        "Group by is currently only supported on the columns of the PRIMARY KEY, got {}",
                        spec.name
                    ));
                }
                if function.is_some() {
                    return refuse("Functions are only supported on the last element of the GROUP BY clause");
                }
                *place
            }
            other => return refuse(format!("{other} can't be grouped by")),
        };
        loop {
            let next = key.next();
            columns += usize::from(next.is_some_and(|next| next.kind == ColumnKind::Clustering));
            match next {
                Some(next) if next == place => break,
                Some(next) if restrictions.is_equal(next) => {}
                _ => {
                    return refuse(
                        "Group by currently only support groups of columns following their declared order in the \
                         PRIMARY KEY",
                    );
                }
            }
        }
    }
    if key.next().is_some_and(|next| next.kind == ColumnKind::PartitionKey) {
        return refuse("Group by is not supported on only a part of the partition key");
    }
    if columns > 0 && select.distinct {
        return refuse("Grouping on clustering columns is not allowed for SELECT DISTINCT queries");
    }
    Ok(Some(Grouping { columns, function }))
}

fn of_function(
    scope: &mut Scope<'_>,
    table: &TableDef,
    selectable: &Selectable,
) -> CqlResult<(ColumnPlace, (SelectorNode, Parts))> {
    let mut builder = SelectorBuilder::new(scope, table);
    let node = selectable.select(&mut builder, None)?.node;
    let parts = builder.finish();
    let place = match parts.columns.as_slice() {
        [place] => *place,
        [] => return refuse("GROUP BY functions must have one clustering column name as parameter"),
        several => {
            let names: Vec<Arc<str>> = several.iter().map(|place| name(table, *place)).collect();
            return refuse(format!(
                "GROUP BY functions accept only one clustering column as parameter, got: {}",
                names.join(",")
            ));
        }
    };
    if place.kind != ColumnKind::Clustering {
        return refuse(format!(
            "Group by functions are only supported on clustering columns, got {}",
            name(table, place)
        ));
    }
    Ok((place, (node, parts)))
}

/// The name of a column.
pub(super) fn name(table: &TableDef, place: ColumnPlace) -> Arc<str> {
    let of = |column: &helenus_schema::TableColumn| {
        table.schema().column(&column.name) == Some((place.kind, place.index))
    };
    table.columns().into_iter().find(of).map(|column| column.name).unwrap_or_default()
}

impl Grouping {
    /// The function of the last column in an execution.
    pub(super) fn evaluation<'p, 'e>(
        &'p self,
        run: &'p StatementRun<'e>,
    ) -> CqlResult<Option<(&'p SelectorNode, Evaluation<'p, 'e>)>> {
        self.function.as_ref().map(|(node, parts)| Ok((node, parts.evaluation(run)?))).transpose()
    }

    /// The group of a row.
    pub(super) fn key(
        &self,
        function: Option<&(&SelectorNode, Evaluation<'_, '_>)>,
        row: &RowView<'_>,
    ) -> CqlResult<GroupKey> {
        let values = row.clustering_values().take(self.columns);
        let mut clustering: Vec<_> = values.map(|value| value.map(<[u8]>::to_vec)).collect();
        if let (Some((node, evaluation)), Some(last)) = (function, clustering.last_mut()) {
            // An aggregate within it is one over this row alone.
            let mut group = evaluation.group();
            evaluation.add(&mut group, row)?;
            *last = evaluation.value(node, Source::Group(&group))?;
        }
        Ok(GroupKey { partition: row.partition_key().to_vec(), clustering })
    }
}
