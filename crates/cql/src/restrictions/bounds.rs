//! What of the restrictions the engine does: keys of partitions, ranges of tokens, ranges of rows.

use std::ops::{Bound, RangeInclusive};

use helenus_engine::{IntoKey, Select};
use helenus_types::{EncodeValue, Partitioner, Serialized, Token};

use super::{ColumnPlace, OperandExpr, Restriction, RestrictionKind, Restrictions};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::spec::ColumnSpec;

/// The values of a partition key or of the beginning of a clustering, serialized.
pub(crate) type KeyParts = Vec<Vec<u8>>;

/// The partitions of a statement.
#[derive(Clone, Debug)]
pub(crate) enum PartitionChoice {
    /// Those of these tokens.
    Tokens(RangeInclusive<Token>),
    /// Those with these keys, in the order of their values, each once.
    Keys(Vec<KeyParts>),
    /// None at all.
    Nothing,
}

/// The rows of a statement: those in any of the ranges, in the table's order.
#[derive(Clone, Debug)]
pub(crate) struct RowSlices(pub(crate) Vec<[Bound<KeyParts>; 2]>);

/// Serialized values as a key of the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawKey<'a>(pub(crate) &'a [Vec<u8>]);

impl IntoKey for RawKey<'_> {
    fn with_values<R>(&self, f: impl FnOnce(&[&dyn EncodeValue]) -> R) -> R {
        let values: Vec<_> = self.0.iter().map(|bytes| Serialized(bytes)).collect();
        let values: Vec<_> = values.iter().map(|value| value as &dyn EncodeValue).collect();
        f(&values)
    }
}

impl Restrictions {
    /// The partitions.
    pub(crate) fn partitions(&self, run: &StatementRun<'_>) -> CqlResult<PartitionChoice> {
        let tokens = self.token.as_ref().map(|token| tokens(run, token)).transpose()?;
        if let (Some(tokens), false) = (&tokens, self.is_keyed) {
            return Ok(tokens.clone());
        }
        if !self.is_keyed {
            return Ok(PartitionChoice::Tokens(Token::MIN..=Token::MAX));
        }
        let mut keys: Vec<KeyParts> = vec![Vec::new()];
        for restriction in self.partition.iter().flatten() {
            let values = choices(run, restriction)?;
            keys = keys
                .iter()
                .flat_map(|key| values.iter().map(move |more| [key.as_slice(), more].concat()))
                .collect();
        }
        let columns = self.table.schema().partition_key();
        let compare = |a: &KeyParts, b: &KeyParts| {
            let mut each =
                columns.iter().zip(a.iter().zip(b)).map(|(column, (a, b))| column.ty.compare(a, b));
            each.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        };
        keys.sort_by(compare);
        keys.dedup();
        match tokens {
            None => {}
            Some(PartitionChoice::Tokens(tokens)) => keys.retain(|key| tokens.contains(&token_of(key))),
            Some(_) => keys.clear(),
        }
        if keys.is_empty() { Ok(PartitionChoice::Nothing) } else { Ok(PartitionChoice::Keys(keys)) }
    }

    /// The rows. No ranges are no rows; all rows are one range without ends.
    pub(crate) fn slices(&self, run: &StatementRun<'_>) -> CqlResult<RowSlices> {
        let mut prefixes: Vec<KeyParts> = vec![Vec::new()];
        for restriction in &self.clustering {
            if let RestrictionKind::Slice { low, high } = &restriction.kind {
                let low = end(run, restriction, low.as_ref())?;
                let high = end(run, restriction, high.as_ref())?;
                let ends = if self.is_descending(restriction) { [high, low] } else { [low, high] };
                if self.is_empty(restriction, &ends) {
                    return Ok(RowSlices(Vec::new()));
                }
                let slice = |prefix: KeyParts| ends.clone().map(|end| behind(&prefix, end));
                return Ok(RowSlices(prefixes.into_iter().map(slice).collect()));
            }
            let values = choices(run, restriction)?;
            prefixes = prefixes
                .iter()
                .flat_map(|prefix| values.iter().map(move |more| [prefix.as_slice(), more].concat()))
                .collect();
        }
        let slice = |prefix: KeyParts| [behind(&prefix, Bound::Unbounded), behind(&prefix, Bound::Unbounded)];
        Ok(RowSlices(prefixes.into_iter().map(slice).collect()))
    }

    /// The clusterings of rows that are named one by one.
    pub(crate) fn rows(&self, run: &StatementRun<'_>) -> CqlResult<Vec<KeyParts>> {
        let mut rows: Vec<KeyParts> = vec![Vec::new()];
        for restriction in &self.clustering {
            let values = choices(run, restriction)?;
            rows = rows
                .iter()
                .flat_map(|row| values.iter().map(move |more| [row.as_slice(), more].concat()))
                .collect();
        }
        Ok(rows)
    }

    /// Whether no row can be between these ends, which begin at a restriction's columns.
    fn is_empty(&self, restriction: &Restriction, ends: &[Bound<KeyParts>; 2]) -> bool {
        let first = restriction.columns.first().map_or(0, |(place, _)| place.index);
        let [Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)] = ends
        else {
            return false;
        };
        let columns = self.table.schema().shown_clustering().iter().skip(first);
        let mut each =
            columns.zip(from.iter().zip(to)).map(|(column, (from, to))| column.ty.compare(from, to));
        match each.find(|order| order.is_ne()) {
            Some(order) => order.is_gt(),
            None => {
                let [start, end] = ends.each_ref().map(|end| matches!(end, Bound::Excluded(_)));
                (start && from.len() <= to.len()) || (end && to.len() <= from.len())
            }
        }
    }

    fn is_descending(&self, restriction: &Restriction) -> bool {
        let first = restriction.columns.first().map(|(place, _)| place.index);
        let column = first.and_then(|index| self.table.schema().shown_clustering().get(index));
        column.is_some_and(|column| column.ty.is_reversed())
    }
}

impl RowSlices {
    /// Restricts a query to these rows.
    pub(crate) fn restrict(&self, select: Select) -> Select {
        self.0.iter().fold(select, |select, [from, to]| {
            if matches!((from, to), (Bound::Unbounded, Bound::Unbounded)) {
                return select;
            }
            let key = |end: &'_ Bound<KeyParts>| {
                end.as_ref().map(|values| values.as_slice()).map(<[Vec<u8>]>::to_vec)
            };
            let (from, to) = (key(from), key(to));
            select.slice(from.as_ref().map(|v| RawKey(v)), to.as_ref().map(|v| RawKey(v)))
        })
    }
}

/// The values that `=` or IN names.
fn choices(run: &StatementRun<'_>, restriction: &Restriction) -> CqlResult<Vec<KeyParts>> {
    match &restriction.kind {
        RestrictionKind::Equal(operand) => Ok(vec![operand.evaluate(run, &restriction.columns)?]),
        RestrictionKind::In(operand) => operand.evaluate(run, &restriction.columns),
        _ => refuse(
            "Only EQ and IN relation are supported on the partition key (unless you use the token() function)",
        ),
    }
}

/// An end of a slice of those columns.
fn end(
    run: &StatementRun<'_>,
    restriction: &Restriction,
    end: Option<&(OperandExpr, bool)>,
) -> CqlResult<Bound<KeyParts>> {
    let Some((operand, inclusive)) = end else { return Ok(Bound::Unbounded) };
    let columns: &[(ColumnPlace, ColumnSpec)] = &restriction.columns;
    let values = operand.evaluate_end(run, columns)?;
    Ok(if *inclusive { Bound::Included(values) } else { Bound::Excluded(values) })
}

/// An end among the rows that begin with the prefix.
fn behind(prefix: &[Vec<u8>], end: Bound<KeyParts>) -> Bound<KeyParts> {
    match end {
        Bound::Included(values) => Bound::Included([prefix, &values].concat()),
        Bound::Excluded(values) => Bound::Excluded([prefix, &values].concat()),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    }
}

/// The token of a partition key.
fn token_of(key: &[Vec<u8>]) -> Token {
    match key {
        [one] => Partitioner::murmur3_token(one),
        several => {
            let length = |part: &Vec<u8>| u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
            let whole: Vec<u8> =
                several.iter().flat_map(|part| [&length(part)[..], part, &[0]].concat()).collect();
            Partitioner::murmur3_token(&whole)
        }
    }
}

fn tokens(run: &StatementRun<'_>, restriction: &Restriction) -> CqlResult<PartitionChoice> {
    let token = |operand: &OperandExpr| -> CqlResult<i64> {
        let values = operand.evaluate(run, &restriction.columns)?;
        let bytes = values.first().and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok());
        bytes.map_or_else(|| refuse("Invalid token"), |bytes| Ok(i64::from_be_bytes(bytes)))
    };
    let (from, to) = match &restriction.kind {
        RestrictionKind::Equal(operand) => (token(operand)?, token(operand)?),
        RestrictionKind::Slice { low, high } => {
            let from = match low {
                None => i64::MIN,
                Some((operand, true)) => token(operand)?,
                Some((operand, false)) => match token(operand)?.checked_add(1) {
                    Some(next) => next,
                    None => return Ok(PartitionChoice::Nothing),
                },
            };
            // The smallest token is the end of the ring.
            let to = match high {
                None => i64::MAX,
                Some((operand, _)) if token(operand)? == i64::MIN => i64::MAX,
                Some((operand, true)) => token(operand)?,
                Some((operand, false)) => token(operand)? - 1,
            };
            (from, to)
        }
        _ => return refuse("Unsupported restriction on token()"),
    };
    Ok(if from > to { PartitionChoice::Nothing } else { PartitionChoice::Tokens(Token(from)..=Token(to)) })
}
