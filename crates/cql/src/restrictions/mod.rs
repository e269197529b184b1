//! WHERE (`cql3/restrictions`): which partitions and rows the engine is asked for, and which test
//! the rows must pass besides.

mod analyzer;
mod bounds;
mod indexes;
mod prepare;
mod ranges;
mod restriction;
mod test;

pub(crate) use bounds::{PartitionChoice, RawKey, check_combinations};
pub(crate) use indexes::{compares_directions, similarity_of};
pub(crate) use prepare::{of_row, placed, prepare};
pub(crate) use ranges::KeyParts;
pub(crate) use restriction::{ColumnPlace, Restriction};
pub(crate) use test::RowTest;

use std::sync::Arc;

use helenus_rows::ColumnKind;
use helenus_schema::TableDef;

use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::term::Expr;

use restriction::{InOperand, OperandExpr, RestrictionKind, UNFILTERABLE, in_type, names, tuple_type};

const NEEDS_FILTERING: &str = "Cannot execute this query as it might involve data filtering and thus may have \
                               unpredictable performance. If you want to execute this query despite the performance \
                               unpredictability, use ALLOW FILTERING";

/// What is said of a vector of zeros, which has no direction.
pub(crate) const ZERO_VECTOR: &str = "Zero vectors cannot be indexed or queried with cosine similarity";

/// What the restrictions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// SELECT.
    Select {
        /// `ALLOW FILTERING`
        allow_filtering: bool,
        /// Whether it selects static columns and those of the partition key alone.
        only_statics: bool,
    },
    /// INSERT, UPDATE or DELETE.
    Write {
        /// The word of CQL.
        statement: &'static str,
        /// Whether it writes static columns alone.
        only_statics: bool,
        /// Whether rows may be named by a range or by the beginning of their clustering.
        ranges: bool,
        /// What a DELETE deletes.
        deletes: DeletedPart,
    },
}

/// What a DELETE deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeletedPart {
    Rows,
    Columns,
    /// Static columns, if conditions on regular ones hold.
    StaticsOfRow,
}

/// The restrictions of a statement, prepared.
#[derive(Debug)]
pub(crate) struct Restrictions {
    pub(crate) table: Arc<TableDef>,
    /// What they are for.
    purpose: Purpose,
    /// Of each column of the partition key: `=` or IN.
    pub(super) partition: Vec<Option<Restriction>>,
    /// Of the token.
    pub(super) token: Option<Restriction>,
    /// Of the clustering, one for each column in their order, up to the first that is not `=` or
    /// IN.
    pub(super) clustering: Vec<Restriction>,
    /// What rows are tested by.
    pub(super) tests: Vec<Restriction>,
    /// Whether a partition key is given for sure.
    pub(super) is_keyed: bool,
    /// Whether rows have to be looked through that no index leads to.
    pub(super) needs_filtering: bool,
    /// Whether an index serves one of the restrictions.
    pub(super) uses_index: bool,
    /// Whether rows would have to be tested by a slice of a tuple of columns.
    pub(super) is_unfilterable: bool,
}

impl Restrictions {
    /// Whether partitions are named by their keys.
    pub(crate) fn names_partitions(&self) -> bool {
        self.is_keyed
    }

    /// Whether several partition keys may be named (`keyIsInRelation`).
    pub(crate) fn names_several_partitions(&self) -> bool {
        self.partition.iter().flatten().any(|restriction| matches!(restriction.kind, RestrictionKind::In(_)))
    }

    /// Whether several rows may be named one by one (`clusteringKeyRestrictionsHasIN`).
    pub(crate) fn names_several_rows(&self) -> bool {
        self.clustering.iter().any(|restriction| matches!(restriction.kind, RestrictionKind::In(_)))
    }

    /// Whether a range of rows is named (of the rows of a write, not a single one).
    pub(crate) fn names_range(&self) -> bool {
        self.clustering.iter().any(|restriction| matches!(restriction.kind, RestrictionKind::Slice { .. }))
    }

    /// Whether an index serves one of them (`usesSecondaryIndexing`).
    pub(crate) fn uses_index(&self) -> bool {
        self.uses_index
    }

    /// Refuses what looks through rows unless the statement allows it (`checkNeedsFiltering`).
    pub(crate) fn check_filtering(&self, purpose: Purpose) -> CqlResult<()> {
        match purpose {
            Purpose::Select { allow_filtering: false, .. } if self.needs_filtering => refuse(NEEDS_FILTERING),
            _ => Ok(()),
        }
    }

    /// Whether anything is asked of the partition key or its token (`hasPartitionKeyRestrictions`).
    pub(crate) fn restricts_partitions(&self) -> bool {
        self.token.is_some()
            || self.partition.iter().any(Option::is_some)
            || self.tests.iter().any(|one| one.is_of(ColumnKind::PartitionKey))
    }

    /// Whether anything is asked of the clustering (`hasClusteringColumnsRestrictions`).
    pub(crate) fn restricts_clustering(&self) -> bool {
        !self.clustering.is_empty() || self.tests.iter().any(|one| one.is_of(ColumnKind::Clustering))
    }

    /// Whether anything is asked of regular columns.
    pub(crate) fn restricts_regulars(&self) -> bool {
        self.tests.iter().any(|one| one.is_of(ColumnKind::Regular))
    }

    /// Whether a column must be equal to a value (`isColumnRestrictedByEq`).
    pub(crate) fn is_equal(&self, place: ColumnPlace) -> bool {
        let all = self.partition.iter().flatten().chain(&self.clustering).chain(&self.tests);
        all.into_iter().any(|one| {
            matches!(one.kind, RestrictionKind::Equal(_))
                && one.columns.iter().any(|(known, _)| *known == place)
        })
    }

    /// The terms of the values that name one row or one partition, in the order of the key; `None`
    /// if they may name several, or are given together.
    pub(crate) fn key_exprs(&self) -> Option<Vec<&Expr>> {
        let partition = self.partition.iter().map(Option::as_ref);
        partition.chain(self.clustering.iter().map(Some)).map(|one| one?.equal_expr()).collect()
    }

    /// How many columns of the clustering name rows.
    pub(crate) fn row_columns(&self) -> usize {
        self.clustering.iter().map(|restriction| restriction.columns.len()).sum()
    }

    /// The test that rows must pass, if there is one.
    pub(crate) fn test(&self, run: &StatementRun<'_>) -> CqlResult<Option<RowTest>> {
        if self.is_unfilterable {
            return refuse(UNFILTERABLE);
        }
        // Texts are equal as the index that finds them has it.
        let analyzed = self.uses_index.then_some(&*self.table);
        if self.tests.is_empty() { Ok(None) } else { RowTest::new(run, &self.tests, analyzed).map(Some) }
    }
}
