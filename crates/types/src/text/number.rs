//! Whole numbers in decimal, faster than `fmt` does them: dumps consist of little else.

/// Digits of the largest `u64`.
const MAX_DIGITS: usize = 20;

/// Appends a number in decimal.
#[inline]
pub fn push_number(number: i64, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    push_unsigned(number.unsigned_abs(), out);
}

/// Appends a number in decimal.
#[inline]
pub fn push_unsigned(number: u64, out: &mut String) {
    let mut digits = [b'0'; MAX_DIGITS];
    let (mut rest, mut len) = (number, 0);
    for pair in digits.rchunks_exact_mut(2) {
        let [two, ..] = (rest % 100).to_le_bytes();
        pair.copy_from_slice(&[b'0' + two / 10, b'0' + two % 10]);
        rest /= 100;
        len += if rest == 0 && two < 10 { 1 } else { 2 };
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(MAX_DIGITS - len..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_printed_as_fmt_does(number: u64, shift in 0_u32..64) {
            let number = number >> shift;
            for number in [number.cast_signed(), number.cast_signed().wrapping_neg(), i64::MIN, i64::MAX, 0, 9, 10, 99, 100] {
                let mut text = String::new();
                push_number(number, &mut text);
                prop_assert_eq!(text, number.to_string());
            }
            let mut text = String::new();
            push_unsigned(u64::MAX - number, &mut text);
            prop_assert_eq!(text, (u64::MAX - number).to_string());
        }
    }
}
