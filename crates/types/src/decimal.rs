//! `decimal`: numbers with an exact decimal scale, their text and their bytes.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::Zero;

use crate::Varint;

/// A decimal number, `unscaled × 10^-scale` (`java.math.BigDecimal`).
///
/// Displayed as BigDecimal's `toString` does: plainly where the scale is not negative and the
/// number not tiny, otherwise with an exponent. Equality is of the parts, so 1.0 and 1.00 differ
/// here while their values compare as equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits as an integer.
    pub unscaled: Varint,
    /// The number of digits after the point; negative for trailing zeros that are not written.
    pub scale: i32,
}

/// Not a decimal number, or one with an exponent beyond 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
pub struct ParseDecimalError;

impl Decimal {
    /// `unscaled × 10^-scale`.
    #[must_use]
    pub fn new(unscaled: impl Into<Varint>, scale: i32) -> Decimal {
        Decimal { unscaled: unscaled.into(), scale }
    }

    /// The number in a `decimal`'s bytes: a 32-bit scale, then the unscaled value, of at least one
    /// byte.
    pub(crate) fn from_bytes(value: &[u8]) -> Option<Decimal> {
        let (scale, unscaled) = split(value)?;
        let unscaled = (!unscaled.is_empty()).then(|| Varint::from_be_bytes(unscaled))?;
        Some(Decimal { unscaled, scale })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.scale.to_be_bytes());
        out.extend_from_slice(&self.unscaled.to_be_bytes());
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.0.magnitude().to_string();
        if self.unscaled.0.sign() == Sign::Minus {
            f.write_str("-")?;
        }
        let scale = i64::from(self.scale);
        let exponent = i64::try_from(digits.len()).unwrap_or(i64::MAX) - 1 - scale;
        if scale == 0 {
            return f.write_str(&digits);
        }
        if scale > 0 && exponent >= -6 {
            let behind = usize::try_from(scale).unwrap_or(usize::MAX);
            // At most six zeros go in front: the exponent says so.
            let padded = format!("{digits:0>width$}", width = behind.saturating_add(1));
            let (whole, fraction) = padded.split_at_checked(padded.len() - behind).unwrap_or((&padded, ""));
            return write!(f, "{whole}.{fraction}");
        }
        match digits.split_at_checked(1) {
            Some((first, rest)) if !rest.is_empty() => write!(f, "{first}.{rest}")?,
            _ => f.write_str(&digits)?,
        }
        if exponent == 0 { Ok(()) } else { write!(f, "E{exponent:+}") }
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Decimal, ParseDecimalError> {
        parse(text).ok_or(ParseDecimalError)
    }
}

fn parse(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, unsigned) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude = BigUint::parse_bytes(digits.as_bytes(), 10)?;
    let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Some(Decimal { unscaled: Varint(BigInt::from_biguint(sign, magnitude)), scale: scale.try_into().ok()? })
}

/// The order of two serialized decimals by their numbers, whatever their scales.
///
/// Numbers are never brought to a common scale, which would take memory by the exponent: after the
/// signs the places of the first digits decide, then the digits one by one.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (Some((scale_a, a)), Some((scale_b, b))) = (split(a), split(b)) else {
        return a.len().cmp(&b.len());
    };
    let (sign_a, sign_b) = (signum(a), signum(b));
    if sign_a != sign_b || sign_a == 0 {
        return sign_a.cmp(&sign_b);
    }
    let magnitudes = match (small(a), small(b)) {
        (Some(a), Some(b)) => compare_small((scale_a, a), (scale_b, b)),
        _ => compare_large((scale_a, a), (scale_b, b)),
    };
    if sign_a < 0 { magnitudes.reverse() } else { magnitudes }
}

/// Appends the byte-comparable form: sign and exponent to the base 100, then the digits to the base
/// 100, of a negative number as complements. False for a value without a number.
pub(crate) fn comparable(value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((scale, unscaled)) = split(value) else { return false };
    let sign = signum(unscaled);
    if sign == 0 {
        out.push(0x80);
        return true;
    }
    let negative = sign < 0;
    let mut digits = digits_of(unscaled);
    let precision = digits.len() as u64;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    // The number is 0.d1d2d3… × 10^point; rounding the exponent up to an even one puts a zero in
    // front of an odd.
    let point = precision.cast_signed() - i64::from(scale);
    let exponent = (point + 1) >> 1;
    if point & 1 != 0 {
        digits.insert(0, 0);
    }
    if digits.len() % 2 == 1 {
        digits.push(0);
    }
    write_exponent(if negative { -exponent } else { exponent }, negative, out);

    let pairs = digits.len() / 2;
    for (index, pair) in digits.as_chunks::<2>().0.iter().enumerate() {
        let [tens, ones] = *pair;
        let hundredth = tens * 10 + ones;
        // A negative number is its floor and what has to be added again.
        let (is_first, is_last) = (index == 0, index + 1 == pairs);
        out.push(match (negative, is_first, is_last) {
            (false, ..) => 0x80 + hundredth,
            (true, true, true) => 0x80 - hundredth,
            (true, true, false) => 0x80 - hundredth - 1,
            (true, false, true) => 0x80 + (100 - hundredth),
            (true, false, false) => 0x80 + (99 - hundredth),
        });
    }
    out.push(0);
    true
}

/// A header of sign, direction and length, then the significant bytes of the exponent.
fn write_exponent(exponent: i64, negative: bool, out: &mut Vec<u8>) {
    let len = 8 - exponent.unsigned_abs().leading_zeros() / 8;
    let len = u8::try_from(len).unwrap_or(0);
    let directed = if exponent < 0 { 0x40 - len } else { 0x40 + len };
    out.push(if negative { directed } else { directed + 0x80 });
    let bytes = exponent.to_be_bytes();
    out.extend(bytes.iter().skip(8 - usize::from(len)));
}

/// -1, 0 or 1, as a prefix for the order.
pub(crate) fn sign_prefix(value: &[u8]) -> u64 {
    match split(value).map(|(_, unscaled)| signum(unscaled)) {
        None | Some(-1) => 0,
        Some(0) => 1,
        Some(_) => 2,
    }
}

fn split(value: &[u8]) -> Option<(i32, &[u8])> {
    let (scale, unscaled) = value.split_first_chunk()?;
    Some((i32::from_be_bytes(*scale), unscaled))
}

fn signum(unscaled: &[u8]) -> i32 {
    match unscaled.first() {
        Some(&first) if first >= 0x80 => -1,
        _ => i32::from(unscaled.iter().any(|&byte| byte != 0)),
    }
}

/// The magnitude where it fits.
fn small(unscaled: &[u8]) -> Option<u128> {
    if unscaled.len() > 16 {
        return None;
    }
    let start = if unscaled.first().is_some_and(|&first| first >= 0x80) { -1 } else { 0 };
    Some(unscaled.iter().fold(start, |value: i128, &byte| (value << 8) | i128::from(byte)).unsigned_abs())
}

fn compare_small((scale_a, a): (i32, u128), (scale_b, b): (i32, u128)) -> Ordering {
    if scale_a == scale_b {
        return a.cmp(&b);
    }
    let place = |scale, magnitude: u128| i64::from(magnitude.ilog10()) - i64::from(scale);
    let by_place = place(scale_a, a).cmp(&place(scale_b, b));
    by_place.then_with(|| {
        // The first digits stand at one place, so the scales differ by as much as the numbers of
        // digits, below 39.
        let shift = scale_a.abs_diff(scale_b);
        let widened = |magnitude: u128| magnitude.checked_mul(10u128.checked_pow(shift)?);
        if scale_a < scale_b {
            widened(a).map_or(Ordering::Greater, |a| a.cmp(&b))
        } else {
            widened(b).map_or(Ordering::Less, |b| a.cmp(&b))
        }
    })
}

fn compare_large((scale_a, a): (i32, &[u8]), (scale_b, b): (i32, &[u8])) -> Ordering {
    let (magnitude_a, magnitude_b) = (magnitude(a), magnitude(b));
    if scale_a == scale_b {
        return magnitude_a.cmp(&magnitude_b);
    }
    // Digits are costly to get; mostly the numbers of bits show already which number is greater.
    let (low_a, high_a) = place_bounds(scale_a, &magnitude_a);
    let (low_b, high_b) = place_bounds(scale_b, &magnitude_b);
    if high_a < low_b {
        return Ordering::Less;
    }
    if high_b < low_a {
        return Ordering::Greater;
    }
    let (digits_a, digits_b) = (magnitude_a.to_radix_be(10), magnitude_b.to_radix_be(10));
    let place = |scale, digits: &[u8]| (digits.len() as u64).cast_signed() - i64::from(scale);
    place(scale_a, &digits_a).cmp(&place(scale_b, &digits_b)).then_with(|| {
        let zeros = std::iter::repeat(&0);
        let longer = digits_a.len().max(digits_b.len());
        let padded_b = digits_b.iter().chain(zeros.clone()).take(longer);
        digits_a.iter().chain(zeros).take(longer).cmp(padded_b)
    })
}

/// Between which places the first digit stands.
fn place_bounds(scale: i32, magnitude: &BigUint) -> (i64, i64) {
    let bits = i64::try_from(magnitude.bits()).unwrap_or(i64::MAX >> 20);
    // log10(2) is 0.30103, between these two.
    let (low, high) = (bits.saturating_mul(30_102) / 100_000, bits.saturating_mul(30_103) / 100_000);
    (low - 1 - i64::from(scale), high + 2 - i64::from(scale))
}

fn magnitude(unscaled: &[u8]) -> BigUint {
    BigInt::from_signed_bytes_be(unscaled).magnitude().clone()
}

fn digits_of(unscaled: &[u8]) -> Vec<u8> {
    let Some(mut rest) = small(unscaled) else {
        return magnitude(unscaled).to_radix_be(10);
    };
    let mut digits = Vec::with_capacity(40);
    while !rest.is_zero() {
        digits.push(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
    }
    digits.reverse();
    digits
}
