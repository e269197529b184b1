//! Queries of a table, and their answers as text.

use std::fmt::Write as _;

use helenus::{ColumnKind, Result, RowPrinter, RowView, Select, Table, Token, Value};

use crate::history::{Generator, Kind, Shape};
use crate::statement::{End, range_end};

/// A query of one table.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) table: &'static str,
    pub(crate) keys: Vec<Vec<Value>>,
    tokens: Option<(i64, i64)>,
    rows: Rows,
    reverse: bool,
    pub(crate) limit: usize,
    limit_per_partition: usize,
    distinct: bool,
    columns: Option<Vec<&'static str>>,
    /// Only rows whose `n` is at least this.
    filter: Option<i32>,
    /// Seconds from the step's time on.
    later: Option<u32>,
}

/// The rows of a partition that are queried.
#[derive(Clone, Debug)]
enum Rows {
    All,
    Prefixes(Vec<Vec<Value>>),
    Slices(Vec<(End, End)>),
    Between(End, End),
    /// After a prefix, those whose next clustering column has a value in a range.
    Range(Vec<Value>, i32, i32),
}

impl Query {
    pub(crate) fn new(generator: &mut Generator, shape: &Shape) -> Self {
        let depth = shape.key_columns.len() - shape.partition;
        let keys: Vec<_> = match generator.rng.below(6) {
            0 | 1 => Vec::new(),
            2..5 => vec![generator.key(shape)],
            _ => (0..3).map(|_| generator.key(shape)).collect(),
        };
        let distinct = generator.rng.chance(1, 10);
        let rows = match generator.rng.below(8) {
            _ if depth == 0 || distinct => Rows::All,
            0 | 1 => {
                let count = 1 + generator.rng.index(3);
                let mut prefix = || {
                    let length = 1 + generator.rng.index(depth);
                    generator.clustering(shape, length)
                };
                Rows::Prefixes((0..count).map(|_| prefix()).collect())
            }
            2 => {
                let count = 1 + generator.rng.index(3);
                let slice = |_| (generator.end(shape, depth), generator.end(shape, depth));
                Rows::Slices((0..count).map(slice).collect())
            }
            3 => Rows::Between(generator.end(shape, depth), generator.end(shape, depth)),
            4 => {
                let least = generator.int(4);
                Rows::Range(Vec::new(), least, least + generator.int(4))
            }
            5 => Rows::Prefixes(vec![generator.clustering(shape, depth)]),
            _ => Rows::All,
        };
        let is_scan = keys.is_empty();
        let names: Vec<&'static str> = shape.columns.iter().map(|column| column.name).collect();
        let columns = (!distinct && generator.rng.chance(1, 4)).then(|| {
            let wanted = names.iter().filter(|_| generator.rng.chance(1, 2));
            wanted.copied().collect()
        });
        let has_n = shape.columns.iter().any(|column| column.name == "n" && column.kind == Kind::Int);
        Self {
            table: shape.name,
            tokens: generator.rng.chance(1, 6).then(|| {
                let (a, b) = (generator.rng.next().cast_signed(), generator.rng.next().cast_signed());
                (a.min(b), a.max(b))
            }),
            rows,
            reverse: !is_scan && generator.rng.chance(1, 3),
            limit: if generator.rng.chance(1, 4) { 1 + generator.rng.index(6) } else { usize::MAX },
            limit_per_partition: if generator.rng.chance(1, 6) {
                1 + generator.rng.index(3)
            } else {
                usize::MAX
            },
            distinct,
            columns,
            filter: (has_n && !distinct && generator.rng.chance(1, 8)).then(|| generator.int(6)),
            later: generator.rng.chance(1, 10).then(|| 10 * generator.int(500).unsigned_abs()),
            keys,
        }
    }

    /// Everything in a table, or in a partition against its order.
    pub(crate) fn whole(table: &'static str, reverse_of: Option<Vec<Value>>) -> Self {
        Self {
            table,
            reverse: reverse_of.is_some(),
            keys: reverse_of.into_iter().collect(),
            tokens: None,
            rows: Rows::All,
            limit: usize::MAX,
            limit_per_partition: usize::MAX,
            distinct: false,
            columns: None,
            filter: None,
            later: None,
        }
    }

    /// Key and clustering, if the query is for exactly one row.
    pub(crate) fn single(&self) -> Option<(&[Value], &[Value])> {
        let plain = self.tokens.is_none()
            && self.limit == usize::MAX
            && self.columns.is_none()
            && self.filter.is_none()
            && self.later.is_none();
        match (&self.keys[..], &self.rows) {
            ([key], Rows::Prefixes(prefixes)) if plain && prefixes.len() == 1 => Some((key, &prefixes[0])),
            _ => None,
        }
    }

    pub(crate) fn select(&self, table: &Table, now_seconds: u32) -> Select {
        let mut select = table.select();
        for key in &self.keys {
            select = select.key(key.as_slice());
        }
        if let Some((from, to)) = self.tokens {
            select = select.tokens(Token(from)..=Token(to));
        }
        match &self.rows {
            Rows::All => {}
            Rows::Prefixes(prefixes) => {
                for prefix in prefixes {
                    select = select.prefix(prefix.as_slice());
                }
            }
            Rows::Slices(slices) => {
                for (from, to) in slices {
                    select = select.slice(range_end(from), range_end(to));
                }
            }
            Rows::Between(from, to) => select = select.from(range_end(from)).to(range_end(to)),
            Rows::Range(prefix, least, greatest) => {
                if !prefix.is_empty() {
                    select = select.prefix(prefix.as_slice());
                }
                select = select.range(*least..=*greatest);
            }
        }
        if self.reverse {
            select = select.reverse();
        }
        if self.distinct {
            select = select.distinct();
        }
        if let Some(columns) = &self.columns {
            select = select.columns(columns);
        }
        if let Some(least) = self.filter {
            select = select.filter(&["n"], move |row| {
                let n = row.schema().column("n").map(|_| row.get::<Option<i32>>("n")).transpose()?.flatten();
                Ok(n.is_some_and(|n| n >= least))
            });
        }
        if self.limit_per_partition != usize::MAX {
            select = select.limit_per_partition(self.limit_per_partition);
        }
        if let Some(later) = self.later {
            select = select.now_seconds(now_seconds + later);
        }
        select
    }

    /// A row as text: its values, and the timestamps and times to live of the cells that are asked
    /// for.
    pub(crate) fn show(&self, row: &RowView<'_>, out: &mut String) -> Result<()> {
        let schema = row.schema();
        RowPrinter::json(schema).row(row, out)?;
        let now = row.now_seconds();
        for (kind, mut cells) in
            [(ColumnKind::Static, row.static_cells()?), (ColumnKind::Regular, row.cells()?)]
        {
            let columns = if kind == ColumnKind::Static { schema.statics() } else { schema.regulars() };
            while let Some((index, cell)) = cells.next()? {
                let column = columns.get(index).unwrap();
                let is_wanted = |names: &Vec<&str>| names.iter().any(|name| **name == *column.name);
                // The paths of a list's elements and a counter's shards are another each time.
                if self.columns.as_ref().is_some_and(|names| !is_wanted(names)) || column.counter {
                    continue;
                }
                let path = if matches!(column.ty, helenus::Type::List { .. }) { &[][..] } else { cell.path };
                let ttl = cell.remaining_ttl(now);
                // To the millisecond: a statement that meets a new schema is encoded again, with
                // the next timestamp.
                let millis = cell.timestamp.0.div_euclid(1000);
                writeln!(out, "    {} {path:x?} at {millis} for {ttl:?}", column.name).unwrap();
            }
        }
        Ok(())
    }
}
