//! The columns of a result (`cql3/selection`).

use std::sync::Arc;

use helenus_cql_syntax::{Select, Selection};
use helenus_engine::RowView;
use helenus_rows::ColumnKind;
use helenus_schema::TableDef;
use helenus_types::{Type, push_json_name};

use super::selectable::{Selectable, prepare};
use super::selector::{Evaluation, Group, Parts, SelectorBuilder, SelectorNode, Source};
use crate::error::CqlResult;
use crate::execution::StatementRun;
use crate::response::RowBuffer;
use crate::restrictions::{ColumnPlace, placed};
use crate::scope::{Scope, all_columns, spec};
use crate::spec::ColumnSpec;

/// What is selected, before the restrictions are known.
#[derive(Debug)]
pub(super) struct Selectables {
    each: Vec<(Selectable, Option<Arc<str>>)>,
    is_wildcard: bool,
}

/// The columns of a result, and how a row's are made.
#[derive(Debug)]
pub(super) struct Selectors {
    pub(super) specs: Arc<[ColumnSpec]>,
    nodes: Vec<SelectorNode>,
    parts: Parts,
    /// The columns that are shown as one JSON object.
    json: Option<Vec<ColumnSpec>>,
    /// Where each value of a row goes, if all that is selected is columns.
    plain: Option<PlainColumns>,
}

/// Columns of a table, with their places in the result; those of a kind in the order of a row.
#[derive(Debug, Default)]
struct PlainColumns {
    partition_key: Vec<(usize, usize)>,
    clustering: Vec<(usize, usize)>,
    statics: Vec<(usize, usize)>,
    regulars: Vec<(usize, usize)>,
}

impl PlainColumns {
    fn new(nodes: &[SelectorNode], parts: &Parts) -> Option<Self> {
        let mut plain = Self::default();
        for (at, node) in nodes.iter().enumerate() {
            let SelectorNode::Column(column) = node else { return None };
            let place = parts.columns.get(*column)?;
            let of_kind = match place.kind {
                ColumnKind::PartitionKey => &mut plain.partition_key,
                ColumnKind::Clustering => &mut plain.clustering,
                ColumnKind::Static => &mut plain.statics,
                ColumnKind::Regular => &mut plain.regulars,
            };
            of_kind.push((place.index, at));
        }
        let Self { partition_key, clustering, statics, regulars } = &mut plain;
        for of_kind in [partition_key, clustering, statics, regulars] {
            of_kind.sort_unstable();
        }
        Some(plain)
    }

    /// Appends a row: its values are gone through once.
    fn append(&self, row: &RowView<'_>, width: usize, out: &mut RowBuffer) -> CqlResult<()> {
        out.push_row(width, |new| {
            for &(index, at) in &self.partition_key {
                new.set(at, row.partition_key_value(index)?);
            }
            if !self.clustering.is_empty() {
                let mut wanted = Wanted(&self.clustering);
                for (index, value) in row.clustering_values().enumerate() {
                    if let Some(value) = value {
                        wanted.each(index, |at| new.set(at, value));
                    }
                }
            }
            for (kind, of_kind) in
                [(ColumnKind::Static, &self.statics), (ColumnKind::Regular, &self.regulars)]
            {
                if of_kind.is_empty() {
                    continue;
                }
                let (mut values, mut assembled) = (row.values(kind)?, Vec::new());
                let mut wanted = Wanted(of_kind);
                while !wanted.0.is_empty()
                    && let Some((index, value)) = values.next(&mut assembled)?
                {
                    wanted.each(index, |at| new.set(at, value));
                }
            }
            Ok(())
        })
    }
}

/// Columns that were not met yet, by their index.
struct Wanted<'a>(&'a [(usize, usize)]);

impl Wanted<'_> {
    /// Shows the places of a column; columns come in ascending order.
    fn each(&mut self, index: usize, mut show: impl FnMut(usize)) {
        while let Some((&(wanted, at), rest)) = self.0.split_first()
            && wanted <= index
        {
            if wanted == index {
                show(at);
            }
            self.0 = rest;
        }
    }
}

impl Selectables {
    /// Finds the columns and functions that are selected.
    pub(super) fn prepare(scope: &Scope<'_>, table: &TableDef, select: &Select) -> CqlResult<Self> {
        match &select.selection {
            Selection::All => {
                let columns = all_columns(table).into_iter().map(|column| {
                    let name = helenus_cql_syntax::Identifier::exact(&*column.name);
                    let (place, spec) = placed(table, &name)?;
                    Ok((Selectable::Column(place, spec), None))
                });
                Ok(Self { each: columns.collect::<CqlResult<_>>()?, is_wildcard: true })
            }
            Selection::Selectors(selectors) => {
                let each = selectors.iter().map(|selector| {
                    let alias = selector.alias.as_ref().map(|alias| alias.as_str().into());
                    Ok((prepare(scope, table, &selector.term)?, alias))
                });
                Ok(Self { each: each.collect::<CqlResult<_>>()?, is_wildcard: false })
            }
        }
    }

    /// Whether only the partition key and static columns are read, and one of those
    /// (`selectOnlyStaticColumns`).
    pub(super) fn only_statics(&self) -> bool {
        if self.is_wildcard {
            return false;
        }
        let (mut statics, mut others) = (false, false);
        let mut show = |place: ColumnPlace| match place.kind {
            ColumnKind::Static => statics = true,
            ColumnKind::PartitionKey => {}
            ColumnKind::Clustering | ColumnKind::Regular => others = true,
        };
        self.each.iter().for_each(|(selectable, _)| selectable.columns(&mut show));
        statics && !others
    }

    /// Gives them types; their markers are noted.
    pub(super) fn select(self, scope: &mut Scope<'_>, table: &TableDef, json: bool) -> CqlResult<Selectors> {
        let mut builder = SelectorBuilder::new(scope, table);
        let (mut specs, mut nodes) = (Vec::new(), Vec::new());
        for (selectable, alias) in &self.each {
            let selector = selectable.select(&mut builder, None)?;
            let name = alias.clone().unwrap_or_else(|| selector.name.into());
            specs.push(spec(table, name, &selector.ty));
            nodes.push(selector.node);
        }
        let parts = builder.finish();
        if json {
            let object: Arc<[ColumnSpec]> = [spec(table, "[json]", &Type::Text)].into();
            return Ok(Selectors { specs: object, nodes, parts, json: Some(specs), plain: None });
        }
        let plain = PlainColumns::new(&nodes, &parts);
        Ok(Selectors { specs: specs.into(), nodes, parts, json: None, plain })
    }
}

impl Selectors {
    /// The columns that they read.
    pub(super) fn places(&self) -> impl Iterator<Item = ColumnPlace> {
        let metas = self.parts.metas.iter().map(|meta| meta.place);
        self.parts.columns.iter().copied().chain(metas)
    }

    /// Whether rows are taken together.
    pub(super) fn is_aggregate(&self) -> bool {
        !self.parts.aggregates.is_empty()
    }

    /// The selectors in an execution.
    pub(super) fn evaluation<'p, 'e>(&'p self, run: &'p StatementRun<'e>) -> CqlResult<Evaluation<'p, 'e>> {
        let evaluation = self.parts.evaluation(run)?;
        for node in &self.nodes {
            evaluation.check_constants(node)?;
        }
        Ok(evaluation)
    }

    /// Appends the row of the result that a row makes.
    pub(super) fn append(
        &self,
        evaluation: &Evaluation<'_, '_>,
        row: &RowView<'_>,
        out: &mut RowBuffer,
    ) -> CqlResult<()> {
        match &self.plain {
            Some(plain) => plain.append(row, self.specs.len(), out),
            None => self.append_from(evaluation, Source::Row(row), out),
        }
    }

    /// Appends the row of the result that a group makes.
    pub(super) fn append_group(
        &self,
        evaluation: &Evaluation<'_, '_>,
        group: &Group,
        out: &mut RowBuffer,
    ) -> CqlResult<()> {
        self.append_from(evaluation, Source::Group(group), out)
    }

    fn append_from(
        &self,
        evaluation: &Evaluation<'_, '_>,
        source: Source<'_, '_>,
        out: &mut RowBuffer,
    ) -> CqlResult<()> {
        let values = self.nodes.iter().map(|node| evaluation.value(node, source));
        let values = values.collect::<CqlResult<Vec<_>>>()?;
        match &self.json {
            None => values.iter().for_each(|value| out.push(value.as_deref())),
            Some(columns) => {
                let mut object = String::from("{");
                for (at, (column, value)) in columns.iter().zip(&values).enumerate() {
                    object.push_str(if at == 0 { "" } else { ", " });
                    object.push('"');
                    push_json_name(&column.name, &mut object);
                    object.push_str("\": ");
                    match value {
                        Some(value) => column.ty.json(value, &mut object)?,
                        None => object.push_str("null"),
                    }
                }
                object.push('}');
                out.push(Some(object.as_bytes()));
            }
        }
        out.end_row();
        Ok(())
    }
}
