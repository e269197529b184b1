//! Aggregates: `count`, `min`, `max`, `sum`, `avg` (`AggregateFcts`).

use std::cmp::Ordering;
use std::fmt;

use helenus_cql_syntax::BinaryOperator;
use helenus_types::Type;
use num_bigint::BigInt;
use num_traits::Zero;

use super::decimal::{BigDecimal, Problem};
use super::number::{Arithmetic, Number};
use crate::error::{CqlError, CqlResult, ErrorCode};

/// An aggregate over values of one type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AggregateKind {
    /// `count(*)`
    CountRows,
    /// Values other than null.
    Count,
    Least(Type),
    Greatest(Type),
    Sum(Type),
    Average(Type),
}

/// An aggregate over the rows so far.
pub(crate) trait Accumulator: fmt::Debug {
    /// Takes the value of one more row.
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()>;

    /// Appends the result; false, and nothing appended, for null.
    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool>;
}

impl AggregateKind {
    /// The aggregate over no rows.
    pub(crate) fn start(&self) -> Box<dyn Accumulator> {
        match self {
            Self::CountRows => Box::new(RowCount { rows: 0, nulls: true }),
            Self::Count => Box::new(RowCount { rows: 0, nulls: false }),
            Self::Least(ty) => Box::new(Extreme { ty: ty.clone(), wanted: Ordering::Less, best: None }),
            Self::Greatest(ty) => Box::new(Extreme { ty: ty.clone(), wanted: Ordering::Greater, best: None }),
            Self::Sum(ty) => match ty {
                Type::Float | Type::Double => Box::new(FloatSum { ty: ty.clone(), ..FloatSum::default() }),
                _ => Box::new(Sum::new(ty)),
            },
            Self::Average(ty) => match ty {
                Type::Float | Type::Double => {
                    Box::new(FloatAverage { ty: ty.clone(), ..FloatAverage::default() })
                }
                Type::Decimal => Box::new(DecimalAverage { average: BigDecimal::zero(), count: 0 }),
                _ => Box::new(Average { ty: ty.clone(), sum: BigInt::zero(), count: 0 }),
            },
        }
    }
}

#[derive(Debug)]
struct RowCount {
    rows: i64,
    nulls: bool,
}

impl Accumulator for RowCount {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        self.rows += i64::from(self.nulls || value.is_some());
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        out.extend_from_slice(&self.rows.to_be_bytes());
        Ok(true)
    }
}

#[derive(Debug)]
struct Extreme {
    ty: Type,
    wanted: Ordering,
    best: Option<Vec<u8>>,
}

impl Accumulator for Extreme {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        let Some(value) = value else { return Ok(()) };
        // A counter's bytes are compared as a number.
        let ty = if self.ty == Type::Counter { &Type::BigInt } else { &self.ty };
        if self.best.as_ref().is_none_or(|best| ty.compare(value, best) == self.wanted) {
            self.best = Some(value.to_vec());
        }
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        out.extend_from_slice(self.best.as_deref().unwrap_or_default());
        Ok(self.best.is_some())
    }
}

/// A sum that wraps as its type does.
#[derive(Debug)]
struct Sum {
    ty: Type,
    sum: Number,
}

impl Sum {
    fn new(ty: &Type) -> Self {
        let sum = match ty {
            Type::Decimal => Number::Decimal(BigDecimal::zero()),
            Type::Varint => Number::Varint(BigInt::zero()),
            _ => Number::Integer(0),
        };
        Self { ty: ty.clone(), sum }
    }
}

impl Accumulator for Sum {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        let Some(number) = value.and_then(|bytes| Number::decode(&self.ty, bytes)) else { return Ok(()) };
        self.sum = match (&self.sum, &number) {
            (Number::Decimal(sum), Number::Decimal(number)) => {
                Number::Decimal(sum.sum(number).map_err(server)?)
            }
            (Number::Varint(_), _) => add_numbers(&Type::Varint, &self.sum, &number)?,
            _ => add_numbers(&Type::BigInt, &self.sum, &number)?,
        };
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        self.sum.encode(&self.ty, out);
        Ok(true)
    }
}

fn add_numbers(ty: &Type, left: &Number, right: &Number) -> CqlResult<Number> {
    let sum = BinaryOperator::Add.calculate(ty, left, right);
    sum.map_err(server)
}

fn server(problem: Problem) -> CqlError {
    CqlError::new(ErrorCode::Server, problem)
}

/// An average of integers, rounded towards zero.
#[derive(Debug)]
struct Average {
    ty: Type,
    sum: BigInt,
    count: i64,
}

impl Accumulator for Average {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        if let Some(number) = value.and_then(|bytes| Number::decode(&self.ty, bytes)) {
            self.sum += number.to_big();
            self.count += 1;
        }
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        Number::Varint(&self.sum / self.count.max(1)).encode(&self.ty, out);
        Ok(true)
    }
}

/// An average that each value moves, with the scale that this gives it.
#[derive(Debug)]
struct DecimalAverage {
    average: BigDecimal,
    count: i64,
}

impl Accumulator for DecimalAverage {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        let Some(number) = value.and_then(|bytes| Number::decode(&Type::Decimal, bytes)) else {
            return Ok(());
        };
        self.count += 1;
        let number = number.to_decimal().map_err(server)?;
        let step = number.sum(&self.average.negate()).map_err(server)?.divide_half_even(self.count);
        self.average = self.average.sum(&step).map_err(server)?;
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        self.average.write(out);
        Ok(true)
    }
}

/// A sum of floats with what the additions before lost (Kahan's).
#[derive(Clone, Debug, Default)]
struct Compensated {
    sum: f64,
    compensation: f64,
    simple: f64,
}

impl Compensated {
    fn add(&mut self, number: f64) {
        self.simple += number;
        let corrected = number - self.compensation;
        let rounded = self.sum + corrected;
        self.compensation = (rounded - self.sum) - corrected;
        self.sum = rounded;
    }

    fn total(&self) -> f64 {
        let total = self.sum + self.compensation;
        if total.is_nan() && self.simple.is_infinite() { self.simple } else { total }
    }
}

#[derive(Debug)]
struct FloatSum {
    ty: Type,
    sum: Compensated,
}

impl Default for FloatSum {
    fn default() -> Self {
        Self { ty: Type::Double, sum: Compensated::default() }
    }
}

impl Accumulator for FloatSum {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        if let Some(number) = value.and_then(|bytes| Number::decode(&self.ty, bytes)) {
            self.sum.add(number.to_f64());
        }
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        Number::Double(self.sum.total()).encode(&self.ty, out);
        Ok(true)
    }
}

#[derive(Debug)]
struct FloatAverage {
    ty: Type,
    sum: Compensated,
    count: i64,
    /// The sum, once it is beyond a double.
    big: Option<BigDecimal>,
}

impl Default for FloatAverage {
    fn default() -> Self {
        Self { ty: Type::Double, sum: Compensated::default(), count: 0, big: None }
    }
}

impl Accumulator for FloatAverage {
    fn add(&mut self, value: Option<&[u8]>) -> CqlResult<()> {
        let Some(number) = value.and_then(|bytes| Number::decode(&self.ty, bytes)) else { return Ok(()) };
        let number = number.to_f64();
        self.count += 1;
        let decimal = |number| super::number::decimal_of(number).map_err(server);
        if let Some(big) = &mut self.big {
            *big = big.sum(&decimal(number)?).map_err(server)?;
            return Ok(());
        }
        let before = self.sum.sum;
        self.sum.add(number);
        if self.sum.sum.is_infinite() && !number.is_infinite() && before.is_finite() {
            self.big = Some(decimal(before)?.sum(&decimal(number)?).map_err(server)?);
        }
        Ok(())
    }

    fn result(&self, out: &mut Vec<u8>) -> CqlResult<bool> {
        #[expect(clippy::cast_precision_loss, reason = "no table has that many rows")]
        let average = match (&self.big, self.count) {
            (_, 0) => 0.0,
            (Some(big), count) => big.divide_half_even(count).to_f64(),
            (None, count) => self.sum.total() / count as f64,
        };
        Number::Double(average).encode(&self.ty, out);
        Ok(true)
    }
}
