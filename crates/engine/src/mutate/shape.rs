//! The shape of a statement without its values: rules that builders and prepared statements share.

use helenus_rows::TableSchema;

use super::action::StatementKind;
use super::errors::{missing_clustering, table_problem};
use super::staged::{Span, StagedBound, Target};
use crate::error::Result;

/// A statement's outline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) kind: StatementKind,
    /// The number of clustering values.
    pub(super) clustering: usize,
    /// Whether there are operations on static columns.
    pub(super) statics: bool,
    /// Whether there are operations on regular columns.
    pub(super) regulars: bool,
    pub(super) range: bool,
    /// Whether it says that it deletes the partition.
    pub(super) partition: bool,
    pub(super) conditions: Waits,
}

/// Its conditions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// Existence of a row, or of none.
    pub(super) exists: Option<bool>,
    pub(super) statics: bool,
    pub(super) regulars: bool,
}

impl Waits {
    pub(super) fn any(self) -> bool {
        self.exists.is_some() || self.statics || self.regulars
    }
}

impl Shape {
    pub(super) fn new(kind: StatementKind, clustering: usize) -> Self {
        Self {
            kind,
            clustering,
            statics: false,
            regulars: false,
            range: false,
            partition: false,
            conditions: Waits::default(),
        }
    }

    fn has_operations(&self) -> bool {
        self.statics || self.regulars
    }

    /// Whether it names a row, as every statement does where there are no clustering columns.
    pub(super) fn names_row(&self, schema: &TableSchema) -> bool {
        self.clustering > 0 || schema.clustering().is_empty()
    }

    /// Rejects invalid statements.
    pub(super) fn check(&self, schema: &TableSchema) -> Result<()> {
        let problem = |text: &str| Err(table_problem(schema, text));
        if self.kind == StatementKind::Insert && schema.is_counter() {
            return problem("a table of counters has no INSERT: counters are incremented");
        }
        if self.kind == StatementKind::Update && !self.has_operations() {
            return problem("an UPDATE sets at least one column");
        }
        self.check_conditions(schema)?;
        if self.kind == StatementKind::Delete && !self.has_operations() {
            return self.check_deletion(schema);
        }
        if self.range {
            return problem("columns are deleted of one row, not of a range");
        }
        let whole = self.clustering == schema.clustering().len();
        let insert = self.kind == StatementKind::Insert;
        let needs_row = self.regulars || (insert && !self.statics);
        if !whole && (needs_row || self.clustering > 0) {
            return Err(missing_clustering(schema, self.clustering));
        }
        if !insert && !needs_row && self.clustering > 0 && !self.conditions.regulars {
            return problem(
                "only static columns are written, which a partition has once: leave the clustering out",
            );
        }
        Ok(())
    }

    fn check_deletion(&self, schema: &TableSchema) -> Result<()> {
        let problem = |text: &str| Err(table_problem(schema, text));
        if (self.range || self.partition) && self.clustering > 0 {
            return problem("the ends of a range are given in full, beside a key alone");
        }
        if self.clustering == 0 && !schema.clustering().is_empty() && !self.range && !self.partition {
            return problem(
                "without a clustering this would delete the whole partition: say so by `delete_partition`",
            );
        }
        Ok(())
    }

    fn check_conditions(&self, schema: &TableSchema) -> Result<()> {
        let problem = |text: &str| Err(table_problem(schema, text));
        let whole = self.clustering == schema.clustering().len();
        if !self.conditions.any() {
            return Ok(());
        }
        if schema.is_counter() {
            return problem("a write of counters can't be conditional");
        }
        let insert = self.kind == StatementKind::Insert;
        if insert != (self.conditions.exists == Some(false)) {
            return problem("an INSERT waits upon there being no row, and nothing else does");
        }
        if self.kind == StatementKind::Delete && !self.has_operations() && (!whole || self.range) {
            return problem("what is deleted on a condition is one row or columns, not a range");
        }
        if self.conditions.regulars && !whole {
            return Err(missing_clustering(schema, self.clustering));
        }
        Ok(())
    }

    /// The target besides the static columns.
    #[inline]
    pub(super) fn target(
        &self,
        schema: &TableSchema,
        clustering: Span,
        range: Option<(StagedBound, StagedBound)>,
    ) -> Option<Target> {
        let whole = self.clustering == schema.clustering().len();
        let row = |insert, delete| Some(Target::Row { clustering, insert, delete });
        match (self.kind, range) {
            (StatementKind::Insert, _) if whole => row(true, false),
            _ if self.regulars => row(false, false),
            (StatementKind::Insert | StatementKind::Update, _) => None,
            _ if self.statics => None,
            (StatementKind::Delete, Some((start, end))) => Some(Target::Range(start, end)),
            _ if self.clustering == 0 => Some(Target::Partition),
            _ if whole => row(false, true),
            _ => {
                let (start, end) = StagedBound::around(self.clustering, clustering);
                Some(Target::Range(start, end))
            }
        }
    }
}
