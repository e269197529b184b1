//! Operations: what a client asks for, and what it says as facts.

use crate::model::{
    Bound, Cell, Clustering, ColumnFact, CounterContext, Deletion, EXPIRED_LIVENESS_TTL, Fact, Liveness,
    MAX_DELETION_TIME, ModelPartition, ModelTable, NO_DELETION_TIME, RowDeletion, RowFact, RowId, Slice,
    Value, Write,
};

/// A table, its partitions' keys, and what was done to them.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub struct History {
    /// The seed it was made from.
    pub seed: u64,
    pub table: ModelTable,
    /// The values of the partition key, an `int`.
    pub keys: Vec<i32>,
    /// The second at which it is read and compacted.
    pub now: i64,
    /// The table's `gc_grace_seconds`.
    pub gc_grace: i64,
    /// The table is a view's: rows without a live liveness are not seen.
    pub strict_liveness: bool,
    /// The write. The order among operations of one source does not matter.
    pub ops: Vec<Op>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The number of the memtable that took it (0 is the oldest); a flush lies between two numbers.
    pub source: usize,
    /// The index of the key in the history.
    pub key: usize,
    /// `USING TIMESTAMP` (µs).
    pub timestamp: i64,
    /// The server's clock when it was done (s).
    pub written_at: i64,
    /// The write.
    pub action: Action,
}

/// The write.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "undocumented fields are what their names say")]
pub enum Action {
    /// INSERT (with a marker) or UPDATE (without), or DELETE of columns.
    Upsert {
        row: RowId,
        /// Whether the row gets a liveness; never for the static row.
        marker: bool,
        /// `USING TTL` (s); 0 for none.
        ttl: i32,
        /// The changes of columns, at most one for each.
        columns: Vec<(usize, ColumnOp)>,
    },
    /// A view's row expires: a liveness that is never live.
    ExpireLiveness(Clustering),
    /// DELETE of a row.
    DeleteRow {
        /// The row.
        clustering: Clustering,
        /// As a view deletes.
        shadowable: bool,
    },
    /// DELETE of a range of rows; it may be empty.
    DeleteRange {
        /// Where it begins.
        start: Bound,
        /// Where it ends.
        end: Bound,
    },
    /// DELETE of the partition.
    DeletePartition,
}

/// The change of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnOp {
    /// A simple column gets a value.
    Set(Vec<u8>),
    /// A simple column or counter is deleted.
    Delete,
    /// A complex column is deleted.
    Clear,
    /// A complex column is overwritten: what it had is deleted just below the timestamp of the new
    /// cells.
    Replace(Vec<(Vec<u8>, Vec<u8>)>),
    /// An element is put: path and value.
    Put(Vec<u8>, Vec<u8>),
    /// An element is deleted, by its path.
    Remove(Vec<u8>),
    /// A counter's shards.
    Count(CounterContext),
}

impl History {
    /// Everything that was done to one key, as the model keeps it.
    #[must_use]
    pub fn partition(&self, key: usize) -> ModelPartition {
        let mut partition = ModelPartition::default();
        for op in self.ops.iter().filter(|op| op.key == key) {
            partition.apply(Write { source: op.source, fact: op.fact() });
        }
        partition
    }

    /// The second before which tombstones may go.
    #[must_use]
    pub fn gc_before(&self) -> i64 {
        self.now - self.gc_grace
    }

    /// The number of sources, also those that got nothing.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.ops.iter().map(|op| op.source + 1).max().unwrap_or(0)
    }

    /// The same history with some of its operations.
    #[must_use]
    pub fn with_ops(&self, ops: Vec<Op>) -> History {
        History { ops, ..self.clone() }
    }
}

impl Op {
    /// The operation as a fact of the model.
    #[must_use]
    pub fn fact(&self) -> Fact {
        match &self.action {
            Action::Upsert { row, marker, ttl, columns } => Fact::Row(RowFact {
                row: row.clone(),
                liveness: marker.then(|| self.liveness(*ttl)),
                deletion: None,
                columns: columns.iter().flat_map(|(i, op)| self.column_facts(*i, op, *ttl)).collect(),
            }),
            Action::ExpireLiveness(clustering) => Fact::Row(RowFact {
                row: RowId::Clustering(clustering.clone()),
                liveness: Some(Liveness {
                    timestamp: self.timestamp,
                    ttl: EXPIRED_LIVENESS_TTL,
                    local_expiration: self.written_at,
                }),
                deletion: None,
                columns: Vec::new(),
            }),
            Action::DeleteRow { clustering, shadowable } => Fact::Row(RowFact {
                row: RowId::Clustering(clustering.clone()),
                liveness: None,
                deletion: Some(RowDeletion { time: self.deletion(), shadowable: *shadowable }),
                columns: Vec::new(),
            }),
            Action::DeleteRange { start, end } => {
                Fact::Range(Slice { start: start.clone(), end: end.clone(), deletion: self.deletion() })
            }
            Action::DeletePartition => Fact::Partition(self.deletion()),
        }
    }

    fn deletion(&self) -> Deletion {
        Deletion { marked_for_delete_at: self.timestamp, local_deletion_time: self.written_at }
    }

    fn liveness(&self, ttl: i32) -> Liveness {
        Liveness { timestamp: self.timestamp, ttl, local_expiration: self.expiration(ttl) }
    }

    fn expiration(&self, ttl: i32) -> i64 {
        match ttl {
            0 => NO_DELETION_TIME,
            _ => (self.written_at + i64::from(ttl)).min(MAX_DELETION_TIME),
        }
    }

    fn column_facts(&self, index: usize, op: &ColumnOp, ttl: i32) -> Vec<ColumnFact> {
        let live = |path: Option<&Vec<u8>>, value: &Vec<u8>| {
            let cell = Cell {
                timestamp: self.timestamp,
                ttl,
                local_deletion_time: self.expiration(ttl),
                value: Value::Bytes(value.clone()),
                path: path.cloned(),
            };
            ColumnFact::Cell(index, cell)
        };
        match op {
            ColumnOp::Set(value) => vec![live(None, value)],
            ColumnOp::Put(path, value) => vec![live(Some(path), value)],
            ColumnOp::Delete => vec![self.tombstone(index, None)],
            ColumnOp::Remove(path) => vec![self.tombstone(index, Some(path))],
            ColumnOp::Clear => vec![ColumnFact::ComplexDeletion(index, self.deletion())],
            ColumnOp::Replace(cells) => {
                let below = Deletion {
                    marked_for_delete_at: self.timestamp.saturating_sub(1),
                    local_deletion_time: self.written_at,
                };
                // Below the smallest timestamp there is nothing, and that number means no deletion.
                let deletes = below.marked_for_delete_at != i64::MIN;
                let deletion = deletes.then_some(ColumnFact::ComplexDeletion(index, below));
                deletion
                    .into_iter()
                    .chain(cells.iter().map(|(path, value)| live(Some(path), value)))
                    .collect()
            }
            ColumnOp::Count(context) => {
                let value = Value::Counter(context.clone());
                let cell = Cell {
                    timestamp: self.timestamp,
                    ttl: 0,
                    local_deletion_time: NO_DELETION_TIME,
                    value,
                    path: None,
                };
                vec![ColumnFact::Cell(index, cell)]
            }
        }
    }

    fn tombstone(&self, index: usize, path: Option<&Vec<u8>>) -> ColumnFact {
        let cell = Cell {
            timestamp: self.timestamp,
            ttl: 0,
            local_deletion_time: self.written_at,
            value: Value::Bytes(Vec::new()),
            path: path.cloned(),
        };
        ColumnFact::Cell(index, cell)
    }
}
