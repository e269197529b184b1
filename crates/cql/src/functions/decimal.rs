//! Decimal numbers as `java.math.BigDecimal` calculates with them, with the scales that it gives
//! to its results.

use std::fmt;

use helenus_types::{Decimal, Varint};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Why a calculation failed, in Java's words.
pub(super) type Problem = String;

/// The most digits of a result (`DecimalType.MAX_PRECISION`).
const MAX_DIGITS: i64 = 10_000;

/// Digits and scale of quotients and of logarithms (`DecimalType.MIN_SCALE`, `MAX_SCALE`).
const MIN_SCALE: i64 = 32;
const MAX_SCALE: i64 = 1000;

/// The most digits of an exponential or a logarithm: each takes time with their square.
const MAX_SERIES_DIGITS: i64 = 1000;

/// A number, `unscaled × 10^-scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BigDecimal {
    unscaled: BigInt,
    scale: i64,
}

impl BigDecimal {
    pub(super) fn new(unscaled: BigInt, scale: i64) -> Self {
        Self { unscaled, scale }
    }

    pub(super) fn zero() -> Self {
        Self::new(BigInt::zero(), 0)
    }

    pub(super) fn from_decimal(decimal: &Decimal) -> Self {
        Self::new(BigInt::from_signed_bytes_be(&decimal.unscaled.to_be_bytes()), decimal.scale.into())
    }

    /// Appends the bytes of a `decimal`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.scale_i32().to_be_bytes());
        out.extend_from_slice(&self.unscaled.to_signed_bytes_be());
    }

    fn scale_i32(&self) -> i32 {
        i32::try_from(self.scale).unwrap_or(if self.scale < 0 { i32::MIN } else { i32::MAX })
    }

    /// The number of digits.
    fn digits(&self) -> i64 {
        digits(&self.unscaled)
    }

    /// The place of the first digit: 10^place is at most the number's magnitude.
    fn place(&self) -> i64 {
        self.digits() - self.scale
    }

    pub(super) fn negate(&self) -> Self {
        Self::new(-&self.unscaled, self.scale)
    }

    pub(super) fn abs(&self) -> Self {
        Self::new(self.unscaled.abs(), self.scale)
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, Problem> {
        let scale = self.scale.max(other.scale);
        if self.unscaled.is_zero() || other.unscaled.is_zero() {
            let kept = if self.unscaled.is_zero() { other } else { self };
            let wider = if scale - kept.scale <= MAX_DIGITS { kept.at_scale(scale) } else { kept.clone() };
            return Ok(wider.rounded(MAX_DIGITS));
        }
        let (big, small) = if self.place() >= other.place() { (self, other) } else { (other, self) };
        if big.place() - small.place() > 2 * MAX_DIGITS + 2 {
            // The smaller one only decides how the last digit is rounded.
            let tail = small.unscaled.signum();
            let big = big.at_scale(big.scale + MAX_DIGITS + 3 - big.digits().min(MAX_DIGITS));
            let sum = Self::new(&big.unscaled * 10 + tail, big.scale + 1);
            return Ok(sum.rounded(MAX_DIGITS));
        }
        check_shift(scale - self.scale)?;
        check_shift(scale - other.scale)?;
        let sum = self.at_scale(scale).unscaled + other.at_scale(scale).unscaled;
        Ok(Self::new(sum, scale).rounded(MAX_DIGITS))
    }

    /// The sum with all its digits.
    pub(super) fn sum(&self, other: &Self) -> Result<Self, Problem> {
        let scale = self.scale.max(other.scale);
        for number in [self, other].into_iter().filter(|number| !number.unscaled.is_zero()) {
            check_shift(scale - number.scale)?;
        }
        Ok(Self::new(self.at_scale(scale).unscaled + other.at_scale(scale).unscaled, scale))
    }

    pub(super) fn multiply(&self, other: &Self) -> Result<Self, Problem> {
        let product = Self::new(&self.unscaled * &other.unscaled, self.scale + other.scale);
        product.rounded(MAX_DIGITS).in_range()
    }

    /// The quotient with at least 32 digits, half up, without zeros at its end.
    pub(super) fn divide(&self, other: &Self) -> Result<Self, Problem> {
        if other.unscaled.is_zero() {
            return Err("BigInteger divide by zero".to_owned());
        }
        let first = self.place() - other.place();
        let scale = (MIN_SCALE - first).max(self.scale).max(other.scale).clamp(MIN_SCALE, MAX_SCALE);
        // unscaled / unscaled × 10^(other.scale - self.scale), brought to the scale.
        let shift = scale + other.scale - self.scale;
        check_shift(shift.abs())?;
        let (mut numerator, mut denominator) = (self.unscaled.clone(), other.unscaled.clone());
        if shift >= 0 {
            numerator *= power(shift);
        } else {
            denominator *= power(-shift);
        }
        Ok(Self::new(half_up(&numerator, &denominator), scale).stripped(i64::MIN))
    }

    pub(super) fn remainder(&self, other: &Self) -> Result<Self, Problem> {
        if other.unscaled.is_zero() {
            return Err(
                if self.unscaled.is_zero() { "Division undefined" } else { "Division by zero" }.to_owned()
            );
        }
        let quotient = self.whole_quotient(other)?;
        let product = Self::new(&quotient.unscaled * &other.unscaled, quotient.scale + other.scale);
        let scale = self.scale.max(product.scale);
        check_shift(scale - self.scale)?;
        check_shift(scale - product.scale)?;
        Ok(Self::new(self.at_scale(scale).unscaled - product.at_scale(scale).unscaled, scale))
    }

    /// `divideToIntegralValue`
    fn whole_quotient(&self, other: &Self) -> Result<Self, Problem> {
        let preferred = self.scale - other.scale;
        let shift = other.scale - self.scale;
        check_shift(shift.abs())?;
        let (mut numerator, mut denominator) = (self.unscaled.clone(), other.unscaled.clone());
        if shift >= 0 {
            numerator *= power(shift);
        } else {
            denominator *= power(-shift);
        }
        let quotient = Self::new(numerator / denominator, 0);
        Ok(if quotient.unscaled.is_zero() {
            Self::new(BigInt::zero(), preferred)
        } else if preferred >= 0 {
            quotient.at_scale(preferred)
        } else {
            quotient.stripped(preferred)
        })
    }

    /// To the nearest integer, half away from zero.
    pub(super) fn round_half_up(&self) -> Result<Self, Problem> {
        if self.scale <= 0 {
            check_shift(-self.scale)?;
            return Ok(self.at_scale(0));
        }
        if self.place() < 0 {
            return Ok(Self::zero());
        }
        Ok(Self::new(half_up(&self.unscaled, &power(self.scale)), 0))
    }

    /// The part before the point.
    pub(super) fn whole(&self) -> Result<BigInt, Problem> {
        check_shift(-self.scale)?;
        Ok(self.whole_low())
    }

    /// The part before the point, right in its low 64 bits.
    pub(super) fn whole_low(&self) -> BigInt {
        if self.scale <= 0 {
            // A multiple of 10^64 is one of 2^64.
            return if self.scale < -64 { BigInt::zero() } else { &self.unscaled * power(-self.scale) };
        }
        if self.place() <= 0 { BigInt::zero() } else { &self.unscaled / power(self.scale) }
    }

    /// The average's next step: `(number - self) / count`, half even, at the larger scale.
    pub(super) fn divide_half_even(&self, count: i64) -> Self {
        let divisor = BigInt::from(count);
        let (quotient, rest) = self.unscaled.div_rem(&divisor);
        Self::new(half_even(quotient, &rest, &divisor), self.scale)
    }

    pub(super) fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The number at a scale that is not smaller.
    fn at_scale(&self, scale: i64) -> Self {
        if scale <= self.scale {
            return self.clone();
        }
        if self.unscaled.is_zero() {
            return Self::new(BigInt::zero(), scale);
        }
        Self::new(&self.unscaled * power(scale - self.scale), scale)
    }

    /// Without zeros at its end, as long as the scale stays above `least`.
    fn stripped(mut self, least: i64) -> Self {
        if self.unscaled.is_zero() {
            return Self::zero();
        }
        let ten = BigInt::from(10);
        while self.scale > least {
            let (quotient, rest) = self.unscaled.div_rem(&ten);
            if !rest.is_zero() {
                break;
            }
            self = Self::new(quotient, self.scale - 1);
        }
        self
    }

    /// With that many digits at most, half up.
    fn rounded(self, most: i64) -> Self {
        self.rounded_by(most, |numerator, denominator| half_up(&numerator, &denominator))
    }

    /// With that many digits at most, half even.
    fn rounded_even(self, most: i64) -> Self {
        self.rounded_by(most, |numerator, denominator| {
            let (quotient, rest) = numerator.div_rem(&denominator);
            half_even(quotient, &rest, &denominator)
        })
    }

    fn rounded_by(self, most: i64, divide: impl Fn(BigInt, BigInt) -> BigInt) -> Self {
        let excess = self.digits() - most;
        if excess <= 0 {
            return self;
        }
        let rounded = Self::new(divide(self.unscaled, power(excess)), self.scale - excess);
        // 9.99 may have become 10.0.
        if rounded.digits() > most { rounded.rounded_by(most, divide) } else { rounded }
    }

    fn in_range(self) -> Result<Self, Problem> {
        match i32::try_from(self.scale) {
            Ok(_) => Ok(self),
            Err(_) => Err(if self.scale > 0 { "Underflow" } else { "Overflow" }.to_owned()),
        }
    }

    /// The digits of an exponential or logarithm of this number.
    fn series_digits(&self) -> i64 {
        self.digits().clamp(MIN_SCALE, MAX_SERIES_DIGITS)
    }

    /// `e^self`
    pub(super) fn exp(&self) -> Result<Self, Problem> {
        if self.unscaled.is_zero() {
            return Ok(Self::new(BigInt::one(), 0));
        }
        // Far beyond what a scale of 32 bits and any memory can hold.
        if self.place() > 7 {
            return Err("Overflow".to_owned());
        }
        let digits = self.series_digits();
        Ok(exp(self, digits + 12 + self.place().max(0)).rounded_even(digits))
    }

    /// The natural logarithm.
    pub(super) fn log(&self) -> Result<Self, Problem> {
        if !self.unscaled.is_positive() {
            return Err("Natural log of number zero or less".to_owned());
        }
        let digits = self.series_digits();
        Ok(self.ln(digits + 12).rounded_even(digits))
    }

    /// The logarithm to the base of ten.
    pub(super) fn log10(&self) -> Result<Self, Problem> {
        if !self.unscaled.is_positive() {
            return Err("Log10 of number zero or less".to_owned());
        }
        let digits = self.series_digits();
        let stripped = self.clone().stripped(i64::MIN);
        if stripped.unscaled.is_one() {
            return Ok(Self::new((-stripped.scale).into(), 0));
        }
        let work = digits + 16;
        let ten = Self::new(10.into(), 0).ln(work);
        Ok(quotient(&self.ln(work), &ten, work).rounded_even(digits))
    }

    /// The natural logarithm of a positive number with about that many digits.
    fn ln(&self, digits: i64) -> Self {
        let one = Self::new(BigInt::one(), 0);
        let is_one = self.clone().stripped(i64::MIN) == one;
        if is_one {
            return Self::zero();
        }
        // m × 10^place with m from 0.1 to 1.
        let place = self.place();
        let mantissa = Self::new(self.unscaled.clone(), self.digits());
        let whole = ln_near_one(&mantissa, digits);
        if place == 0 {
            return whole;
        }
        let ten = ln_near_one(&Self::new(1.into(), 1), digits + 8).negate();
        let shifted = Self::new(ten.unscaled * place, ten.scale);
        let scale = shifted.scale.max(whole.scale);
        let sum = shifted.at_scale(scale).unscaled + whole.at_scale(scale).unscaled;
        Self::new(sum, scale)
    }
}

impl fmt::Display for BigDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unscaled = Varint::from_be_bytes(&self.unscaled.to_signed_bytes_be());
        Decimal::new(unscaled, self.scale_i32()).fmt(f)
    }
}

/// The number of digits; zero has one.
fn digits(number: &BigInt) -> i64 {
    match number.magnitude().to_u128() {
        Some(0) => 1,
        Some(small) => i64::from(small.ilog10()) + 1,
        None => i64::try_from(number.magnitude().to_string().len()).unwrap_or(i64::MAX),
    }
}

fn power(of_ten: i64) -> BigInt {
    let Ok(of_ten) = u32::try_from(of_ten) else { unreachable!("shifts are checked before") };
    BigInt::from(10).pow(of_ten)
}

/// Refuses to write out a number with that many zeros.
fn check_shift(zeros: i64) -> Result<(), Problem> {
    if zeros > 100 * MAX_DIGITS {
        Err("BigInteger would overflow supported range".to_owned())
    } else {
        Ok(())
    }
}

fn half_up(numerator: &BigInt, denominator: &BigInt) -> BigInt {
    let (quotient, rest) = numerator.div_rem(denominator);
    if rest.abs() * 2u32 >= denominator.abs() {
        let away = if numerator.is_negative() == denominator.is_negative() { 1 } else { -1 };
        return quotient + away;
    }
    quotient
}

fn half_even(quotient: BigInt, rest: &BigInt, denominator: &BigInt) -> BigInt {
    let twice = rest.abs() * 2u32;
    let is_over = twice > denominator.abs() || (twice == denominator.abs() && quotient.is_odd());
    if !is_over {
        return quotient;
    }
    let is_negative = (rest.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    quotient + if is_negative { -1 } else { 1 }
}

fn product(a: &BigDecimal, b: &BigDecimal, digits: i64) -> BigDecimal {
    BigDecimal::new(&a.unscaled * &b.unscaled, a.scale + b.scale).rounded(digits)
}

/// The quotient of numbers other than zero, with that many digits.
fn quotient(a: &BigDecimal, b: &BigDecimal, digits: i64) -> BigDecimal {
    let shift = (digits + b.digits() - a.digits()).max(0);
    let unscaled = half_up(&(&a.unscaled * power(shift)), &b.unscaled);
    BigDecimal::new(unscaled, a.scale + shift - b.scale).rounded(digits)
}

/// `e^number` with about that many digits: the series of a small part of it, squared again.
fn exp(number: &BigDecimal, digits: i64) -> BigDecimal {
    let halvings = u32::try_from((number.place().max(-3) + 3) * 4).unwrap_or(0);
    let work = digits + i64::from(halvings) + 8;
    let part = quotient(number, &BigDecimal::new(BigInt::one() << halvings, 0), work);
    // In fixed point: the terms shrink from one on.
    let one = power(work);
    let fixed = fixed(&part, work);
    let (mut sum, mut term) = (one.clone(), one.clone());
    for n in 1u32.. {
        term = &term * &fixed / &one / n;
        if term.is_zero() {
            break;
        }
        sum += &term;
    }
    let mut result = BigDecimal::new(sum, work);
    for _ in 0..halvings {
        result = product(&result, &result, work);
    }
    result.rounded(digits)
}

/// The number as an integer of 10^-scale.
fn fixed(number: &BigDecimal, scale: i64) -> BigInt {
    if number.place() <= -scale {
        BigInt::zero()
    } else if number.scale <= scale {
        &number.unscaled * power(scale - number.scale)
    } else {
        &number.unscaled / power(number.scale - scale)
    }
}

/// The natural logarithm of a number from 0.1 to 1, by an estimate that is made better.
fn ln_near_one(number: &BigDecimal, digits: i64) -> BigDecimal {
    let work = digits + 8;
    let estimate = number.clone().rounded(17).to_f64().ln();
    let decimal = format!("{estimate:.20}").parse().map(|decimal| BigDecimal::from_decimal(&decimal));
    let mut result = decimal.unwrap_or_else(|_error| BigDecimal::zero());
    let mut right = 15;
    while right < work {
        // y + 2 (x - e^y) / (x + e^y) has three times as many right digits as y.
        let power = exp(&result, work);
        let scale = power.scale.max(number.scale);
        let (x, e) = (number.at_scale(scale).unscaled, power.at_scale(scale).unscaled);
        let difference = BigDecimal::new((&x - &e) * 2, scale);
        if !difference.unscaled.is_zero() {
            let step = quotient(&difference, &BigDecimal::new(x + e, scale), work);
            let scale = result.scale.max(step.scale);
            let sum = result.at_scale(scale).unscaled + step.at_scale(scale).unscaled;
            result = BigDecimal::new(sum, scale).rounded(work);
        }
        right *= 3;
    }
    result
}
