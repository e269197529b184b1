//! What of the restrictions the engine does: keys of partitions, ranges of tokens, ranges of rows.

use std::cmp::Ordering;
use std::ops::{Bound, RangeInclusive};

use helenus_engine::{IntoKey, Select};
use helenus_rows::ColumnDef;
use helenus_types::{EncodeValue, Partitioner, Serialized, Token};

use super::ranges::{GivenEnd, KeyParts, behind, ranges};
use super::{OperandExpr, Purpose, Restriction, RestrictionKind, Restrictions};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::value::BoundValue;

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
        let columns = self.table.schema().partition_key();
        let mut keys = combined(run, self.partition.iter().flatten(), columns, "partition key")?;
        keys.iter().try_for_each(|key| check_key(key))?;
        match tokens {
            None => {}
            Some(PartitionChoice::Tokens(tokens)) => keys.retain(|key| tokens.contains(&token_of(key))),
            Some(_) => keys.clear(),
        }
        if keys.is_empty() { Ok(PartitionChoice::Nothing) } else { Ok(PartitionChoice::Keys(keys)) }
    }

    /// The rows. No ranges are no rows; all rows are one range without ends.
    pub(crate) fn slices(&self, run: &StatementRun<'_>) -> CqlResult<RowSlices> {
        let columns = self.table.schema().shown_clustering();
        let (slice, named) = match self.clustering.split_last() {
            Some((last, named)) if matches!(last.kind, RestrictionKind::Slice { .. }) => (Some(last), named),
            _ => (None, self.clustering.as_slice()),
        };
        let prefixes = combined(run, named.iter(), columns, "clustering key")?;
        let ranges = match slice {
            Some(slice) => self.ranges(run, slice)?,
            None => vec![[Bound::Unbounded, Bound::Unbounded]],
        };
        let behind = |prefix: &KeyParts| {
            let ranges = ranges.iter().map(|range| range.clone().map(|end| behind(prefix, end)));
            ranges.collect::<Vec<_>>()
        };
        Ok(RowSlices(prefixes.iter().flat_map(behind).collect()))
    }

    /// The ranges of a slice.
    fn ranges(&self, run: &StatementRun<'_>, slice: &Restriction) -> CqlResult<Vec<[Bound<KeyParts>; 2]>> {
        let RestrictionKind::Slice { low, high } = &slice.kind else { return Ok(Vec::new()) };
        let end = |end: &Option<(OperandExpr, bool)>| -> CqlResult<Option<(KeyParts, bool)>> {
            let Some((operand, inclusive)) = end else { return Ok(None) };
            let values = match self.purpose {
                Purpose::Select { .. } => operand.evaluate_end(run, &slice.columns)?,
                // One null that an application binds must not delete all rows.
                Purpose::Write { .. } => operand.evaluate(run, &slice.columns)?,
            };
            Ok(Some((values, *inclusive)))
        };
        let (mut low, high) = (end(low)?, end(high)?);
        // Null is before all values: of types without an empty value nothing is before it.
        if is_null(slice, high.as_ref()) {
            return Ok(Vec::new());
        }
        if is_null(slice, low.as_ref()) {
            low = None;
        }
        let columns = columns_of(slice, self.table.schema().shown_clustering());
        let [low, high] = [&low, &high]
            .map(|end| end.as_ref().map(|(values, inclusive)| GivenEnd { values, inclusive: *inclusive }));
        Ok(ranges(columns, low, high))
    }

    /// The clusterings of rows that are named one by one, in the table's order, each once.
    pub(crate) fn rows(&self, run: &StatementRun<'_>) -> CqlResult<Vec<KeyParts>> {
        let columns = self.table.schema().shown_clustering();
        combined(run, self.clustering.iter(), columns, "clustering key")
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

/// The most keys that a statement may name by the combinations of several lists.
const MAX_COMBINATIONS: usize = 1 << 20;

/// Refuses more combinations than memory should hold.
pub(crate) fn check_combinations(some: usize, others: usize, what: &str) -> CqlResult<()> {
    let all = some.saturating_mul(others);
    if some > 1 && others > 1 && all > MAX_COMBINATIONS {
        return refuse(format!(
            "Guardrail in_select_cartesian_product violated: Aborting query because the cartesian product of the IN \
             restrictions on {what} produces {all} values, this exceeds fail threshold of {MAX_COMBINATIONS}."
        ));
    }
    Ok(())
}

/// The combinations of the values that the restrictions name, in the order of those columns, each
/// once.
fn combined<'r>(
    run: &StatementRun<'_>,
    restrictions: impl Iterator<Item = &'r Restriction>,
    columns: &[ColumnDef],
    what: &str,
) -> CqlResult<Vec<KeyParts>> {
    let mut keys: Vec<KeyParts> = vec![Vec::new()];
    for restriction in restrictions {
        let columns = columns_of(restriction, columns);
        let compare = |a: &KeyParts, b: &KeyParts| {
            let mut each =
                columns.iter().zip(a.iter().zip(b)).map(|(column, (a, b))| column.ty.compare(a, b));
            each.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        let mut values = choices(run, restriction)?;
        values.sort_by(compare);
        values.dedup_by(|a, b| compare(a, b).is_eq());
        check_combinations(keys.len(), values.len(), what)?;
        keys = keys
            .iter()
            .flat_map(|key| values.iter().map(move |more| [key.as_slice(), more].concat()))
            .collect();
    }
    Ok(keys)
}

/// The columns from the restriction's first on.
fn columns_of<'c>(restriction: &Restriction, columns: &'c [ColumnDef]) -> &'c [ColumnDef] {
    let first = restriction.columns.first().map_or(0, |(place, _)| place.index);
    columns.get(first..).unwrap_or_default()
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

/// Whether an end is null, of a type that has no value without bytes.
fn is_null(slice: &Restriction, end: Option<&(KeyParts, bool)>) -> bool {
    match (slice.columns.as_slice(), end.map(|(values, _)| values.as_slice())) {
        ([(_, spec)], Some([value])) => value.is_empty() && !spec.ty.allows_empty(),
        _ => false,
    }
}

/// Refuses keys that no partition can have (`QueryProcessor.validateKey`).
fn check_key(key: &[Vec<u8>]) -> CqlResult<()> {
    let length = match key {
        [one] => one.len(),
        several => several.iter().map(|part| part.len() + 3).sum(),
    };
    if length == 0 {
        return refuse("Key may not be empty");
    }
    let most = usize::from(u16::MAX);
    if length > most {
        return refuse(format!("Key length of {length} is longer than maximum of {most}"));
    }
    Ok(())
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
        if let OperandExpr::Each(exprs) = operand
            && exprs.first().map(|expr| expr.evaluate(run)).transpose()? == Some(BoundValue::Null)
        {
            return refuse("Invalid null token value");
        }
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
