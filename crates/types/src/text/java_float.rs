//! `Double.toString` and `Float.toString` as the Java versions that run Cassandra 5.0 (11 and 17) have them.
//!
//! They print enough digits to tell a number from its neighbours, but not always the fewest: 2.0E23 comes out as
//! 1.9999999999999998E23, 2^-44 with one digit more than needed, 4.9E-324 with two digits where one would do. Rust's
//! shortest form differs from theirs now and then, so the digits are made the way `FloatingDecimal` makes them: by
//! the free-format algorithm of Steele and White, with its shortcut for integers, its extra turn of the loop where
//! an exponent will be printed, and its arithmetic in words or in big integers, which differ at exact halves.

use num_bigint::BigUint;
use num_integer::Integer;

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
#[derive(Debug)]
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

/// How the generation of digits ended: whether cutting off, or rounding up, still names the same number.
struct Ending {
    low: bool,
    high: bool,
    /// What remains, doubled, compared with one unit of the last digit.
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
        // Bits behind the binary point.
        let tiny_bits = (fraction_bits - self.exponent - 1).max(0);
        if tiny_bits == 0 && self.exponent <= 62 {
            return self.integer_digits();
        }
        let estimate = self.estimate_decimal_exponent();
        // The number is b / s with b = fraction × 5^b5 × 2^b2 and s = 5^s5 × 2^s2; m = 5^m5 × 2^m2 is half the way
        // to its neighbours on the same scale.
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
        if b_bits < 64 && ten_s_bits < 64 {
            scale.digits_in_words(b_bits < 32 && ten_s_bits < 32)
        } else {
            scale.digits_in_big_integers()
        }
    }

    /// An integer prints its digits, as many as its format can tell apart.
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
    /// Two digits are wanted where an exponent will be printed, so that something stands behind the point.
    fn wants_exponent(point: i32) -> bool {
        !(-3..8).contains(&point)
    }

    /// In words of 64 bits, or of 32 where these do: the half distance may overflow, and Java's wraps.
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

    fn digits_in_big_integers(self) -> Digits {
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

impl Digits {
    /// The last digit rounded: to the nearer where both ways are open, to the even one where they are equal.
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

    /// Plainly between 10^-3 and 10^7, otherwise with an exponent; always with something behind the point.
    fn push(&self, out: &mut String) {
        let digits = self.digits.iter().map(|&digit| char::from(digit));
        let len = i32::try_from(self.digits.len()).unwrap_or(i32::MAX);
        if (1..8).contains(&self.point) {
            let mut padded =
                digits.chain(std::iter::repeat_n('0', usize::try_from(self.point + 1 - len).unwrap_or(0)));
            out.extend(padded.by_ref().take(usize::try_from(self.point).unwrap_or(0)));
            out.push('.');
            out.extend(padded);
        } else if (-2..1).contains(&self.point) {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', usize::try_from(-self.point).unwrap_or(0)));
            out.extend(digits);
        } else {
            let mut digits = digits;
            out.extend(digits.next());
            out.push('.');
            if len == 1 {
                out.push('0');
            }
            out.extend(digits);
            out.push('E');
            out.push_str(&(self.point - 1).to_string());
        }
    }
}

fn digit(quotient: i64) -> u8 {
    b'0' + u8::try_from(quotient.clamp(0, 9)).unwrap_or(0)
}

/// Bits of 5^n, as the original estimates them: exactly up to 5^26, three a power above, none for 5^0.
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
