//! Partitions as text, one line for each thing, so that two can be compared by eye or by `diff`.

use std::fmt;

use super::counter::{CounterContext, ShardKind};
use super::facts::{Bound, Cell, Deletion, Liveness, NO_DELETION_TIME, RowDeletion, Side, Value};
use super::partition::{ColumnData, Marker, Partition, Row, Unfiltered};

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(deletion) = self.deletion {
            writeln!(f, "partition deletion {deletion}")?;
        }
        if let Some(row) = &self.static_row {
            write!(f, "static {row}")?;
        }
        for unfiltered in &self.unfiltereds {
            match unfiltered {
                Unfiltered::Row(row) => write!(f, "row {} {row}", hex_all(&row.clustering))?,
                Unfiltered::Marker(marker) => writeln!(f, "{marker}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(liveness) = self.liveness {
            write!(f, "{liveness} ")?;
        }
        if let Some(RowDeletion { time, shadowable }) = self.deletion {
            write!(f, "deleted {time}{} ", if shadowable { " shadowable" } else { "" })?;
        }
        writeln!(f)?;
        for (index, data) in &self.columns {
            match data {
                ColumnData::Simple(cell) => writeln!(f, "  #{index} {cell}")?,
                ColumnData::Complex { deletion, cells } => {
                    if let Some(deletion) = deletion {
                        writeln!(f, "  #{index} deleted {deletion}")?;
                    }
                    for cell in cells {
                        writeln!(f, "  #{index} {cell}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "marker {} kind {}", self.bound, self.kind())?;
        if let Some(close) = self.close {
            write!(f, " close {close}")?;
        }
        match self.open {
            Some(open) => write!(f, " open {open}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.side == Side::Before { "before" } else { "after" };
        write!(f, "{side} {}", hex_all(&self.prefix))
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{} made {}s", self.marked_for_delete_at, self.local_deletion_time)
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alive @{}", self.timestamp)?;
        match self.ttl {
            0 => Ok(()),
            ttl => write!(f, " ttl {ttl} until {}s", self.local_expiration),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "[{}] ", hex(path))?;
        }
        match &self.value {
            _ if self.is_tombstone() => write!(f, "tombstone @{}", self.timestamp)?,
            Value::Bytes(bytes) => write!(f, "= {} @{}", hex(bytes), self.timestamp)?,
            Value::Counter(context) => write!(f, "= {context} @{}", self.timestamp)?,
        }
        match (self.ttl, self.local_deletion_time) {
            (_, NO_DELETION_TIME) => Ok(()),
            (0, made) => write!(f, " made {made}s"),
            (ttl, until) => write!(f, " ttl {ttl} until {until}s"),
        }
    }
}

impl fmt::Display for CounterContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shard in &self.shards {
            let kind = match shard.kind {
                ShardKind::Global => "global",
                ShardKind::Local => "local",
                ShardKind::Remote => "remote",
            };
            write!(f, "{kind}({} clock {} count {})", hex(&shard.id), shard.clock, shard.count)?;
        }
        Ok(())
    }
}

/// Values as `(00000001, 61)`.
pub(crate) fn hex_all(values: &[Vec<u8>]) -> String {
    let values: Vec<String> = values.iter().map(|value| hex(value)).collect();
    format!("({})", values.join(", "))
}

/// Bytes as hex digits; `''` for none.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "''".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
