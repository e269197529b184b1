//! Histories as text, to be read when one fails.

use std::fmt;

use super::op::{Action, ColumnOp, History, Op};
use crate::model::{RowId, hex, hex_all};

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table.cql("t"))?;
        for column in self.table.statics.iter().chain(&self.table.regulars) {
            if let Some(dropped_at) = column.dropped_at {
                writeln!(f, "{} was dropped at {dropped_at}", column.name)?;
            }
        }
        let view = if self.strict_liveness { ", strict liveness" } else { "" };
        writeln!(f, "now {}s, gc_grace {}s{view}, seed {}", self.now, self.gc_grace, self.seed)?;
        for op in &self.ops {
            let key = self.keys.get(op.key).copied().unwrap_or(0);
            write!(
                f,
                "source {} pk {key} @{} at {}s (now{:+}): ",
                op.source,
                op.timestamp,
                op.written_at,
                op.written_at - self.now
            )?;
            self.show_action(f, op)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

impl History {
    fn show_action(&self, f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
        match &op.action {
            Action::Upsert { row, marker, ttl, columns } => {
                let (row, all) = match row {
                    RowId::Static => ("static".to_owned(), &self.table.statics),
                    RowId::Clustering(clustering) => (hex_all(clustering), &self.table.regulars),
                };
                write!(f, "{} {row}", if *marker { "insert" } else { "update" })?;
                if *ttl != 0 {
                    write!(f, " ttl {ttl}")?;
                }
                for (index, op) in columns {
                    write!(f, " {}{op}", all.get(*index).map_or("?", |column| &column.name))?;
                }
                Ok(())
            }
            Action::ExpireLiveness(clustering) => write!(f, "expire liveness of {}", hex_all(clustering)),
            Action::DeleteRow { clustering, shadowable } => {
                let how = if *shadowable { " shadowable" } else { "" };
                write!(f, "delete row {}{how}", hex_all(clustering))
            }
            Action::DeleteRange { start, end } => write!(f, "delete from {start} to {end}"),
            Action::DeletePartition => write!(f, "delete partition"),
        }
    }
}

impl fmt::Display for ColumnOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnOp::Set(value) => write!(f, "={}", hex(value)),
            ColumnOp::Delete | ColumnOp::Clear => write!(f, " deleted"),
            ColumnOp::Replace(elements) => {
                write!(f, "={{")?;
                for (path, value) in elements {
                    write!(f, " {}: {}", hex(path), hex(value))?;
                }
                write!(f, " }}")
            }
            ColumnOp::Put(path, value) => write!(f, "[{}]={}", hex(path), hex(value)),
            ColumnOp::Remove(path) => write!(f, "[{}] deleted", hex(path)),
            ColumnOp::Count(context) => write!(f, "+={context}"),
        }
    }
}
