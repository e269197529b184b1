//! ORDER BY: the table's order, its reverse, that of some columns of several partitions, or that of
//! the distance from a vector.

use helenus_cql_syntax::{Order, Select};
use helenus_rows::ColumnKind;
use helenus_schema::{TableColumn, TableDef};

use crate::error::{CqlResult, refuse};
use crate::restrictions::{ColumnPlace, Restrictions, placed};
use crate::scope::{Scope, column};
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};

/// What a SELECT orders by, with its columns found.
#[derive(Debug)]
pub(super) struct Orderings {
    /// The columns and their directions, as they are named.
    columns: Vec<(TableColumn, Order)>,
    /// The vector that the rows are to be near to.
    pub(super) near: Option<Near>,
}

/// A column of vectors, and the vector that the nearest ones are asked of.
#[derive(Debug)]
pub(super) struct Near {
    pub(super) place: ColumnPlace,
    pub(super) spec: ColumnSpec,
    pub(super) vector: Expr,
}

impl Orderings {
    /// Finds the columns; the vector's markers are noted.
    pub(super) fn prepare(scope: &mut Scope<'_>, table: &TableDef, select: &Select) -> CqlResult<Self> {
        let mut columns = Vec::new();
        let mut nearest = Vec::new();
        for ordering in &select.order_by {
            let def = column(table, &ordering.column)?;
            match &ordering.ann_of {
                Some(term) => {
                    let (place, spec) = placed(table, &ordering.column)?;
                    let vector = term::prepare(scope, term, &spec)?;
                    nearest.push((Near { place, spec, vector }, ordering.order));
                }
                None => columns.push((def, ordering.order)),
            }
        }
        Ok(Self { near: Self::only(nearest, !columns.is_empty())?, columns })
    }

    /// The only vector that may be asked for.
    fn only(mut nearest: Vec<(Near, Order)>, has_others: bool) -> CqlResult<Option<Near>> {
        let Some((near, order)) = nearest.pop() else { return Ok(None) };
        if !nearest.is_empty() {
            return refuse("Cannot specify more than one ANN ordering");
        }
        if has_others {
            return refuse("ANN ordering does not support any other ordering");
        }
        if order != Order::Ascending {
            return refuse("Descending ANN ordering is not supported");
        }
        Ok(Some(near))
    }

    /// The columns by which rows of several partitions are sorted: they are read, too.
    pub(super) fn read<'o>(
        &'o self,
        table: &TableDef,
        restrictions: &Restrictions,
    ) -> CqlResult<Vec<(ColumnPlace, &'o str)>> {
        if !restrictions.names_several_partitions() {
            return Ok(Vec::new());
        }
        let place = |column: &'o TableColumn| {
            let name = helenus_cql_syntax::Identifier::exact(&*column.name);
            placed(table, &name).map(|(place, _)| (place, &*column.name))
        };
        self.columns.iter().map(|(column, _)| place(column)).collect()
    }

    /// Whether the rows come in the reverse of the table's order (`SelectStatement.isReversed`).
    pub(super) fn is_reversed(&self, table: &TableDef, restrictions: &Restrictions) -> CqlResult<bool> {
        if self.columns.is_empty() {
            return Ok(false);
        }
        if restrictions.uses_index() {
            return refuse("ORDER BY with 2ndary indexes is not supported, except for ANN queries.");
        }
        if !restrictions.names_partitions() {
            return refuse(
                "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.",
            );
        }
        let clustering = table.schema().shown_clustering();
        let mut reversed = None;
        let mut next = 0;
        // Of a column that is named twice, the last order holds, in the first place.
        let mut orders: Vec<(&TableColumn, Order)> = Vec::new();
        for (def, order) in &self.columns {
            match orders.iter_mut().find(|(known, _)| known.name == def.name) {
                Some(known) => known.1 = *order,
                None => orders.push((def, *order)),
            }
        }
        for (def, order) in orders {
            let Some(place) = clustering.iter().position(|column| column.name == def.name) else {
                return refuse(format!(
                    "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {}",
                    helenus_cql_syntax::Identifier::exact(&*def.name)
                ));
            };
            let is_equal = |index| restrictions.is_equal(ColumnPlace { kind: ColumnKind::Clustering, index });
            if place < next || !(next..place).all(is_equal) {
                return refuse(
                    "Order by currently only supports the ordering of columns following their declared order in the \
                     PRIMARY KEY",
                );
            }
            next = place + 1;
            let is_descending = clustering.get(place).is_some_and(|column| column.ty.is_reversed());
            let is_reversed = (order == Order::Descending) != is_descending;
            if reversed.is_some_and(|before| before != is_reversed) {
                return refuse("Unsupported order by relation");
            }
            reversed = Some(is_reversed);
        }
        Ok(reversed.unwrap_or_default())
    }

    /// The columns of the clustering that rows of several partitions are sorted by.
    pub(super) fn sorted_by(&self, table: &TableDef, restrictions: &Restrictions) -> Vec<usize> {
        if !restrictions.names_several_partitions() {
            return Vec::new();
        }
        let clustering = table.schema().shown_clustering();
        let place = |name: &str| clustering.iter().position(|column| &*column.name == name);
        self.columns.iter().filter_map(|(column, _)| place(&column.name)).collect()
    }
}
