//! The test of rows: what of the restrictions neither keys nor ranges express.

use std::cmp::Ordering;

use helenus_engine::RowView;
use helenus_schema::TableDef;
use helenus_types::{Elements, Type};

use super::analyzer::Analyzer;
use super::indexes::analyzer_of;
use super::{ColumnPlace, OperandExpr, Restriction, RestrictionKind, UNFILTERABLE};
use crate::error::{CqlResult, refuse};
use crate::execution::StatementRun;
use crate::term::Expr;

/// A test of rows with its values: it can go with a query.
#[derive(Clone, Debug)]
pub(crate) struct RowTest {
    checks: Vec<Check>,
}

#[derive(Clone, Debug)]
struct Check {
    columns: Vec<(ColumnPlace, Type)>,
    wanted: Wanted,
    /// What is done to texts before they are compared.
    analyzer: Option<Analyzer>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Equal(Vec<Vec<u8>>),
    AnyOf(Vec<Vec<Vec<u8>>>),
    Between { low: Option<(Vec<Vec<u8>>, bool)>, high: Option<(Vec<Vec<u8>>, bool)> },
    Contains(Vec<u8>),
    ContainsKey(Vec<u8>),
    Entry { key: Vec<u8>, value: Vec<u8> },
}

impl RowTest {
    /// The test of those restrictions; texts are compared as the indexes of a table do it, if one
    /// is given.
    pub(super) fn new(
        run: &StatementRun<'_>,
        restrictions: &[Restriction],
        indexed: Option<&TableDef>,
    ) -> CqlResult<Self> {
        let mut checks = Vec::with_capacity(restrictions.len());
        for restriction in restrictions {
            let mut check = Check::new(run, restriction)?;
            if let ([(_, spec)], Some(table)) = (restriction.columns.as_slice(), indexed) {
                check.analyze(analyzer_of(table, &spec.name));
            }
            checks.push(check);
        }
        Ok(Self { checks })
    }

    /// The columns outside of the primary key that it reads.
    pub(crate) fn places(&self) -> impl Iterator<Item = ColumnPlace> {
        self.checks.iter().flat_map(|check| check.columns.iter().map(|(place, _)| *place))
    }

    /// Whether the row passes.
    pub(crate) fn passes(&self, row: &RowView<'_>) -> helenus_engine::Result<bool> {
        for check in &self.checks {
            if !check.passes(row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Check {
    fn new(run: &StatementRun<'_>, restriction: &Restriction) -> CqlResult<Self> {
        let columns = &restriction.columns;
        let values = |operand: &OperandExpr| operand.evaluate_tested(run, columns);
        let one = |expr: &Expr| {
            let name = super::names(columns);
            expr.required(
                run,
                || format!("Unsupported null value for column {name}"),
                || format!("Unsupported unset value for column {name}"),
            )
        };
        let end = |end: &Option<(OperandExpr, bool)>| -> CqlResult<Option<(Vec<Vec<u8>>, bool)>> {
            end.as_ref().map(|(operand, inclusive)| Ok((values(operand)?, *inclusive))).transpose()
        };
        let wanted = match &restriction.kind {
            RestrictionKind::Equal(operand) => Wanted::Equal(values(operand)?),
            RestrictionKind::In(operand) => Wanted::AnyOf(operand.evaluate_tested(run, columns)?),
            _ if restriction.is_tuple_slice() => return refuse(UNFILTERABLE),
            RestrictionKind::Slice { low, high } => Wanted::Between { low: end(low)?, high: end(high)? },
            RestrictionKind::Contains(value) => Wanted::Contains(one(value)?),
            RestrictionKind::ContainsKey(key) => Wanted::ContainsKey(one(key)?),
            RestrictionKind::Entry { key, value } => {
                let part = |expr: &Expr, part: &str| {
                    let name = super::names(columns);
                    expr.required(
                        run,
                        || format!("Unsupported null map {part} for column {name}"),
                        || format!("Unsupported unset map {part} for column {name}"),
                    )
                };
                Wanted::Entry { key: part(key, "key")?, value: part(value, "value")? }
            }
        };
        let columns = columns.iter().map(|(place, spec)| {
            // A counter's total is compared as a number.
            let ty = if spec.ty == Type::Counter { Type::BigInt } else { spec.ty.clone() };
            (*place, ty)
        });
        let columns = columns.collect();
        Ok(Self { columns, wanted, analyzer: None })
    }

    /// Compares a column's texts as the index on it does.
    fn analyze(&mut self, analyzer: Option<Analyzer>) {
        if let (Wanted::Equal(values), Some(analyzer)) = (&mut self.wanted, analyzer) {
            values.iter_mut().for_each(|value| *value = analyzer.analyzed(value));
            self.analyzer = Some(analyzer);
        }
    }

    fn passes(&self, row: &RowView<'_>) -> helenus_engine::Result<bool> {
        let mut values = Vec::with_capacity(self.columns.len());
        for (place, _) in &self.columns {
            let mut value = Vec::new();
            if !row.serialized(place.kind, place.index, &mut value)? {
                return Ok(false);
            }
            values.push(match self.analyzer {
                Some(analyzer) => analyzer.analyzed(&value),
                None => value,
            });
        }
        Ok(match &self.wanted {
            Wanted::Equal(wanted) => self.compare(&values, wanted).is_eq(),
            Wanted::AnyOf(wanted) => wanted.iter().any(|wanted| self.compare(&values, wanted).is_eq()),
            Wanted::Between { low, high } => {
                let above = low.as_ref().is_none_or(|(low, inclusive)| match self.compare(&values, low) {
                    Ordering::Less => false,
                    Ordering::Equal => *inclusive,
                    Ordering::Greater => true,
                });
                let below = high.as_ref().is_none_or(|(high, inclusive)| match self.compare(&values, high) {
                    Ordering::Less => true,
                    Ordering::Equal => *inclusive,
                    Ordering::Greater => false,
                });
                above && below
            }
            Wanted::Contains(wanted) => {
                self.finds(&values, |_, ty, value| ty.compare(value, wanted).is_eq())?
            }
            Wanted::ContainsKey(wanted) => {
                self.finds(&values, |key, _, _| key.is_some_and(|(ty, key)| ty.compare(key, wanted).is_eq()))?
            }
            Wanted::Entry { key, value } => self.finds(&values, |found, ty, at| {
                found.is_some_and(|(key_type, found)| key_type.compare(found, key).is_eq())
                    && ty.compare(at, value).is_eq()
            })?,
        })
    }

    fn compare(&self, found: &[Vec<u8>], wanted: &[Vec<u8>]) -> Ordering {
        let mut each = self
            .columns
            .iter()
            .zip(found.iter().zip(wanted))
            .map(|((_, ty), (found, wanted))| ty.compare(found, wanted));
        each.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Whether one of the collection's elements, or of the map's entries, is as asked for.
    fn finds(
        &self,
        values: &[Vec<u8>],
        wanted: impl Fn(Option<(&Type, &[u8])>, &Type, &[u8]) -> bool,
    ) -> helenus_engine::Result<bool> {
        let (Some((_, ty)), Some(value)) = (self.columns.first(), values.first()) else { return Ok(false) };
        let Some(mut elements) = Elements::new(ty, value)? else { return Ok(false) };
        while let Some(element) = elements.next() {
            let element = element?.unwrap_or_default();
            let found = match (ty, ty.element()) {
                (Type::Map { entry, .. }, _) => {
                    let value = elements.next().transpose()?.flatten().unwrap_or_default();
                    wanted(Some((&entry.0, element)), &entry.1, value)
                }
                (_, Some(of)) => wanted(None, of, element),
                _ => false,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
