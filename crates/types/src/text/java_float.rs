//! `Double.toString` and `Float.toString` as the Java versions that run Cassandra 5.0 (11 and 17)
//! have them.
//!
//! They print enough digits to distinguish a number from its neighbours, but not always the fewest:
//! 2.0E23 comes out as 1.9999999999999998E23, 2^-44 with one digit more than needed, 4.9E-324 with
//! two digits where one would do. Rust's shortest form differs from theirs now and then, so the
//! digits are made the way `FloatingDecimal` makes them: by the free-format algorithm of Steele and
//! White, with its shortcut for integers, its extra turn of the loop where an exponent will be
//! printed, and its arithmetic in words or in big integers, which differ at exact halves.

use std::sync::LazyLock;

use num_bigint::BigUint;
use num_integer::Integer;

use super::push_number;

/// Fraction bits of a double.
const FRACTION_BITS: i32 = 52;

/// Appends a finite number as `Double.toString` prints it.
pub(crate) fn push_double(value: f64, out: &mut String) {
    let bits = value.to_bits();
    push_sign(value.is_sign_negative(), out);
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = i32::try_from((bits >> FRACTION_BITS) & 0x7FF).unwrap_or(0);
    push(Binary::new(fraction, exponent, FRACTION_BITS, 1023), out);
}

/// Appends a finite number as `Float.toString` prints it.
pub(crate) fn push_float(value: f32, out: &mut String) {
    let bits = value.to_bits();
    push_sign(value.is_sign_negative(), out);
    let fraction = bits & ((1 << 23) - 1);
    let exponent = i32::try_from((bits >> 23) & 0xFF).unwrap_or(0);
    push(Binary::new(u64::from(fraction), exponent, 23, 127), out);
}

fn push_sign(negative: bool, out: &mut String) {
    if negative {
        out.push('-');
    }
}

fn push(binary: Option<Binary>, out: &mut String) {
    match binary.map(|binary| binary.digits()) {
        None => out.push_str("0.0"),
        Some(digits) => digits.push(out),
    }
}

/// `fraction × 2^(exponent - 52)`, the fraction's highest bit being bit 52.
#[derive(Debug, Clone, Copy)]
struct Binary {
    fraction: u64,
    exponent: i32,
    /// Bits that the number's format really holds.
    significant_bits: i32,
}

/// `0.d1d2d3… × 10^point`.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

/// The end of the generation of digits: whether cutting off, or rounding up, still names the same
/// number.
struct Ending {
    low: bool,
    high: bool,
    /// The remainder, doubled, compared with one unit of the last digit.
    remainder: std::cmp::Ordering,
}

impl Binary {
    /// `None` for zero. Subnormal numbers are normalized; they have fewer significant bits.
    fn new(fraction: u64, biased_exponent: i32, fraction_bits: i32, bias: i32) -> Option<Binary> {
        let widen = FRACTION_BITS - fraction_bits;
        if biased_exponent > 0 {
            let fraction = (fraction | (1 << fraction_bits)) << widen;
            let exponent = biased_exponent - bias;
            return Some(Binary { fraction, exponent, significant_bits: fraction_bits + 1 });
        }
        if fraction == 0 {
            return None;
        }
        let significant_bits = 64 - fraction.leading_zeros().cast_signed();
        let shift = fraction_bits + 1 - significant_bits;
        let fraction = fraction << (shift + widen);
        Some(Binary { fraction, exponent: 1 - shift - bias, significant_bits })
    }

    fn digits(self) -> Digits {
        let trailing_zeros = self.fraction.trailing_zeros().cast_signed();
        let fraction_bits = FRACTION_BITS + 1 - trailing_zeros;
        // Bits after the binary point.
        let tiny_bits = (fraction_bits - self.exponent - 1).max(0);
        if tiny_bits == 0 && self.exponent <= 62 {
            return self.integer_digits();
        }
        let (scale, bits) = self.scale(fraction_bits, tiny_bits);
        if bits < 64 {
            scale.digits_in_words(bits < 32)
        } else {
            scale.digits_in_fixed_point().unwrap_or_else(|| scale.digits_in_big_integers())
        }
    }

    /// The numbers that digits are made of, and how many bits they need.
    fn scale(self, fraction_bits: i32, tiny_bits: i32) -> (Scale, i32) {
        let trailing_zeros = FRACTION_BITS + 1 - fraction_bits;
        let estimate = self.estimate_decimal_exponent();
        // The number is b / s with b = fraction × 5^b5 × 2^b2 and s = 5^s5 × 2^s2; m = 5^m5 × 2^m2
        // is half the way to its neighbours on the same scale.
        let b5 = (-estimate).max(0);
        let s5 = estimate.max(0);
        let mut b2 = b5 + tiny_bits + self.exponent - (fraction_bits - 1);
        let mut s2 = s5 + tiny_bits;
        let mut m2 = b5 + tiny_bits + self.exponent - self.significant_bits;
        let common = b2.min(s2);
        b2 -= common;
        s2 -= common;
        m2 -= common;
        // Below a power of two the neighbour is half as far.
        if fraction_bits == 1 {
            m2 -= 1;
        }
        if m2 < 0 {
            b2 -= m2;
            s2 -= m2;
            m2 = 0;
        }
        let scale = Scale { b: self.fraction >> trailing_zeros, b5, b2, s5, s2, m5: b5, m2, estimate };
        let b_bits = fraction_bits + b2 + bits_of_power_of_5(b5);
        let ten_s_bits = s2 + 1 + bits_of_power_of_5(s5 + 1);
        (scale, b_bits.max(ten_s_bits))
    }

    /// An integer prints its digits, as many as its format distinguishes.
    fn integer_digits(self) -> Digits {
        let excess_bits = self.exponent - self.significant_bits - 1;
        let insignificant = if excess_bits > 1 {
            1u64.checked_shl(excess_bits.cast_unsigned()).map_or(0, u64::ilog10)
        } else {
            0
        };
        let mut value = if self.exponent >= FRACTION_BITS {
            self.fraction << (self.exponent - FRACTION_BITS)
        } else {
            self.fraction >> (FRACTION_BITS - self.exponent)
        };
        let mut point = 0;
        if insignificant > 0 {
            let unit = 10u64.pow(insignificant);
            let residue = value % unit;
            value = value / unit + u64::from(residue >= unit / 2);
            point += insignificant.cast_signed();
        }
        let mut digits = value.to_string().into_bytes();
        point += i32::try_from(digits.len()).unwrap_or(0);
        while digits.len() > 1 && digits.last() == Some(&b'0') {
            digits.pop();
        }
        Digits { digits, point }
    }

    /// The decimal exponent of the first digit, or one more; a tangent of the logarithm.
    #[expect(clippy::cast_possible_truncation, reason = "the estimate lies within 400 of zero")]
    fn estimate_decimal_exponent(self) -> i32 {
        let one_to_two =
            f64::from_bits((1023 << FRACTION_BITS) | (self.fraction & ((1 << FRACTION_BITS) - 1)));
        let log = (one_to_two - 1.5) * 0.289_529_654
            + 0.176_091_259
            + f64::from(self.exponent) * std::f64::consts::LOG10_2;
        log.floor() as i32
    }
}

struct Scale {
    b: u64,
    b5: i32,
    b2: i32,
    s5: i32,
    s2: i32,
    m5: i32,
    m2: i32,
    estimate: i32,
}

impl Scale {
    /// Two digits are wanted where an exponent will be printed, so that there is a digit after the
    /// point.
    fn wants_exponent(point: i32) -> bool {
        !(-3..8).contains(&point)
    }

    /// In words of 64 bits, or of 32 where these do: the half distance may overflow, and Java's
    /// wraps.
    fn digits_in_words(self, narrow: bool) -> Digits {
        let wrap = |m: i64| if narrow { i64::from(low_word(m)) } else { m };
        let power = |exponent: i32| 5i64.wrapping_pow(exponent.cast_unsigned());
        let mut b = wrap(self.b.cast_signed().wrapping_mul(power(self.b5)) << self.b2);
        let s = wrap(power(self.s5) << self.s2);
        let mut m = wrap(power(self.m5) << self.m2);
        let tens = wrap(s.wrapping_mul(10));
        let mut point = self.estimate;
        let mut digits = Vec::with_capacity(20);

        let mut quotient = b / s;
        b = wrap(10 * (b % s));
        m = wrap(m.wrapping_mul(10));
        let mut low = b < m;
        let mut high = wrap(b.wrapping_add(m)) > tens;
        if quotient == 0 && !high {
            point -= 1;
        } else {
            digits.push(digit(quotient));
        }
        if Scale::wants_exponent(point) {
            low = false;
            high = false;
        }
        while !low && !high {
            quotient = b / s;
            b = wrap(10 * (b % s));
            m = wrap(m.wrapping_mul(10));
            if m > 0 {
                low = b < m;
                high = wrap(b.wrapping_add(m)) > tens;
            } else {
                // It overflowed, and so is greater than all others.
                low = true;
                high = true;
            }
            digits.push(digit(quotient));
        }
        let remainder = wrap((b << 1).wrapping_sub(tens)).cmp(&0);
        Digits { digits, point: point + 1 }.rounded(&Ending { low, high, remainder })
    }

    /// What [big integers](Self::digits_in_big_integers) give, in a hundredth of the time: on b / s
    /// and m / s with 120 bits after the point, which are too small by less than `error` of the
    /// last one. `None` where that may matter.
    fn digits_in_fixed_point(&self) -> Option<Digits> {
        let (power, exponent) = power_of_5(self.b5 - self.s5)?;
        let lead = self.b.leading_zeros();
        let normal = u128::from(self.b << lead);
        let product = normal * (power >> 64) + ((normal * (power & u128::from(u64::MAX))) >> 64);
        let mut b = shifted(product, 64 - lead.cast_signed() + exponent + self.b2 - self.s2)?;
        let mut m = shifted(power, exponent + self.m2 - self.s2)?;
        let mut error = 2;
        let mut point = self.estimate;
        let mut digits = Vec::with_capacity(20);
        loop {
            let (quotient, rest) = (b / FIXED_ONE, b % FIXED_ONE);
            if quotient > 9 || rest + error >= FIXED_ONE || m >= FIXED_TEN {
                return None;
            }
            (b, m, error) = (rest * 10, m * 10, error * 10);
            let low = is_less(b, m, error)?;
            let high = !is_less(b + m, FIXED_TEN, 2 * error)?;
            let is_first = point == self.estimate && digits.is_empty();
            if is_first && quotient == 0 && !high {
                point -= 1;
            } else {
                digits.push(digit(i64::try_from(quotient).unwrap_or(0)));
            }
            if (low || high) && !(is_first && Scale::wants_exponent(point)) {
                let remainder = match low && high {
                    true if is_less(2 * b, FIXED_TEN, 2 * error)? => std::cmp::Ordering::Less,
                    true => std::cmp::Ordering::Greater,
                    false => std::cmp::Ordering::Equal,
                };
                return Some(Digits { digits, point: point + 1 }.rounded(&Ending { low, high, remainder }));
            }
        }
    }

    fn digits_in_big_integers(&self) -> Digits {
        let power =
            |fives: i32, twos: i32| BigUint::from(5u8).pow(fives.cast_unsigned()) << twos.cast_unsigned();
        let s = power(self.s5, self.s2);
        let tens = &s * 10u8;
        let mut b = power(self.b5, self.b2) * self.b;
        let mut m = power(self.m5, self.m2) * 10u8;
        let mut point = self.estimate;
        let mut digits = Vec::with_capacity(20);
        let step = |b: &mut BigUint| {
            let (quotient, rest) = b.div_rem(&s);
            *b = rest * 10u8;
            i64::try_from(quotient).unwrap_or(0)
        };

        let mut quotient = step(&mut b);
        let mut low = b < m;
        let mut high = &b + &m >= tens;
        if quotient == 0 && !high {
            point -= 1;
        } else {
            digits.push(digit(quotient));
        }
        if Scale::wants_exponent(point) {
            low = false;
            high = false;
        }
        while !low && !high {
            quotient = step(&mut b);
            m *= 10u8;
            low = b < m;
            high = &b + &m >= tens;
            digits.push(digit(quotient));
        }
        let remainder = if low && high { (b << 1u8).cmp(&tens) } else { std::cmp::Ordering::Equal };
        Digits { digits, point: point + 1 }.rounded(&Ending { low, high, remainder })
    }
}

/// Bits after the point of a number in fixed point; there is room for 255 before it.
const FIXED_BITS: i32 = 120;
const FIXED_ONE: u128 = 1 << FIXED_BITS;
const FIXED_TEN: u128 = 10 * FIXED_ONE;

/// `value × 2^exponent` in fixed point; `None` unless bits are to be dropped, and not all of them.
fn shifted(value: u128, exponent: i32) -> Option<u128> {
    value.checked_shr(u32::try_from(-(exponent + FIXED_BITS)).ok()?)
}

/// Whether `a < b` where each may be too small by up to `error`; `None` if they are too close to
/// decide.
fn is_less(a: u128, b: u128, error: u128) -> Option<bool> {
    if a + error < b { Some(true) } else { (a >= b + error).then_some(false) }
}

/// Java's doubles lie between 10^-324 and 10^309.
const MAX_POWER: i32 = 330;

/// `5^n` as 128 bits, the highest of them set, and the exponent of two that they are multiplied
/// with: rounded down.
fn power_of_5(n: i32) -> Option<(u128, i32)> {
    static POWERS: LazyLock<Vec<(u128, i32)>> = LazyLock::new(|| {
        let bits = |number: &BigUint| i32::try_from(number.bits()).unwrap_or(0);
        let power = |n: i32| {
            let power = BigUint::from(5u8).pow(n.unsigned_abs());
            let (numerator, shift) = match n < 0 {
                // The quotient of 2^k by a number of `bits` bits has k - bits + 1 of them, as no
                // power but 5^0 is one of two.
                true => (
                    (BigUint::from(1u8) << (bits(&power) + 127).unsigned_abs()) / &power,
                    -(bits(&power) + 127),
                ),
                false => (power << 128_u8, -128),
            };
            let excess = bits(&numerator) - 128;
            (u128::try_from(numerator >> excess.unsigned_abs()).unwrap_or(0), shift + excess)
        };
        (-MAX_POWER..=MAX_POWER).map(power).collect()
    });
    POWERS.get(usize::try_from(n + MAX_POWER).ok()?).copied()
}

impl Digits {
    /// The last digit rounded: to the nearer where both ways are open, to the even one where they
    /// are equal.
    fn rounded(mut self, ending: &Ending) -> Digits {
        let is_odd = self.digits.last().is_some_and(|digit| digit % 2 == 1);
        let up = match (ending.high, ending.low) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => ending.remainder.is_gt() || (ending.remainder.is_eq() && is_odd),
        };
        if up {
            self.round_up();
        }
        self
    }

    fn round_up(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        if let Some(first) = self.digits.first_mut() {
            *first = b'1';
        }
        self.point += 1;
    }

    /// Plainly between 10^-3 and 10^7, otherwise with an exponent; always with a digit after the
    /// point.
    fn push(&self, out: &mut String) {
        let digits = std::str::from_utf8(&self.digits).unwrap_or_default();
        if (1..8).contains(&self.point) {
            let whole = usize::try_from(self.point).unwrap_or(0);
            let (before, behind) = digits.split_at_checked(whole).unwrap_or((digits, ""));
            out.push_str(before);
            out.extend(std::iter::repeat_n('0', whole - before.len()));
            out.push('.');
            out.push_str(if behind.is_empty() { "0" } else { behind });
        } else if (-2..1).contains(&self.point) {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', usize::try_from(-self.point).unwrap_or(0)));
            out.push_str(digits);
        } else {
            let (first, behind) = digits.split_at_checked(1).unwrap_or((digits, ""));
            out.push_str(first);
            out.push('.');
            out.push_str(if behind.is_empty() { "0" } else { behind });
            out.push('E');
            push_number(i64::from(self.point) - 1, out);
        }
    }
}

fn digit(quotient: i64) -> u8 {
    b'0' + u8::try_from(quotient.clamp(0, 9)).unwrap_or(0)
}

/// Bits of 5^n, as the original estimates them: exactly up to 5^26, three a power above, none for
/// 5^0.
fn bits_of_power_of_5(n: i32) -> i32 {
    match n {
        0 => 0,
        1..27 => 64 - 5u64.pow(n.cast_unsigned()).leading_zeros().cast_signed(),
        _ => 3 * n,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "Java's int arithmetic drops the high word")]
fn low_word(value: i64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn double(value: f64) -> String {
        let mut out = String::new();
        push_double(value, &mut out);
        out
    }

    fn float(value: f32) -> String {
        let mut out = String::new();
        push_float(value, &mut out);
        out
    }

    #[test]
    fn doubles() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (9_999_999.0, "9999999.0"),
            (1.0e7, "1.0E7"),
            (0.001, "0.001"),
            (0.0009, "9.0E-4"),
            (123_456_789.125, "1.23456789125E8"),
            (2.0e-3, "0.002"),
            (2.0e23, "1.9999999999999998E23"),
            (2.0f64.powi(-44), "5.6843418860808015E-14"),
            (f64::from_bits(1), "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (9_007_199_254_740_993.0, "9.007199254740992E15"),
            (2.0e18, "2.0E18"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn floats() {
        for (value, text) in [
            (1.4e-45, "1.4E-45"),
            (f32::MAX, "3.4028235E38"),
            (-4.435_387_2e11, "-4.43538735E11"),
            (16_777_216.0, "1.6777216E7"),
            (3.3, "3.3"),
            (-1.274_287e7, "-1.274287E7"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    /// The scale of a number that is too large for words.
    fn large_scale(value: f64) -> Option<Scale> {
        let bits = value.to_bits();
        let exponent = i32::try_from((bits >> FRACTION_BITS) & 0x7FF).unwrap();
        let binary = Binary::new(bits & ((1 << FRACTION_BITS) - 1), exponent, FRACTION_BITS, 1023)?;
        let fraction_bits = FRACTION_BITS + 1 - binary.fraction.trailing_zeros().cast_signed();
        let tiny_bits = (fraction_bits - binary.exponent - 1).max(0);
        if tiny_bits == 0 && binary.exponent <= 62 {
            return None;
        }
        let (scale, bits) = binary.scale(fraction_bits, tiny_bits);
        (bits >= 64).then_some(scale)
    }

    #[test]
    fn fixed_point_decides_nearly_always() {
        let (mut large, mut decided) = (0, 0);
        let mut bits = 1_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if let Some(scale) =
                large_scale(f64::from_bits(bits)).filter(|_| f64::from_bits(bits).is_finite())
            {
                large += 1;
                decided += u32::from(scale.digits_in_fixed_point().is_some());
            }
        }
        assert!(large > 15_000 && large - decided < 10, "{decided} of {large}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn fixed_point_gives_what_big_integers_give(bits: u64, decimal in 0_u64..100_000_000, power in -300_i32..300) {
            let decimal: f64 = format!("{decimal}e{power}").parse().unwrap();
            for value in [f64::from_bits(bits), f64::from_bits(bits >> 12), f64::from_bits(bits >> 12 << 12), decimal] {
                let Some(scale) = large_scale(value).filter(|_| value.is_finite()) else { continue };
                if let Some(digits) = scale.digits_in_fixed_point() {
                    prop_assert_eq!(digits, scale.digits_in_big_integers(), "{:e}", value);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                prop_assert_eq!(double(value).parse::<f64>().unwrap().to_bits(), bits);
            }
            let value = f32::from_bits(low_word(bits.cast_signed()).cast_unsigned());
            if value.is_finite() {
                prop_assert_eq!(float(value).parse::<f32>().unwrap().to_bits(), value.to_bits());
            }
        }
    }
}
