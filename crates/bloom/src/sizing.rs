//! The number of bits and hashes for a number of keys and a false positive chance
//! (`utils.BloomCalculations`).

use thiserror::Error;

/// The smallest false positive chance that can be asked for (Cassandra's
/// `minSupportedBloomFilterFpChance`).
pub const MIN_FP_CHANCE: f64 = 6.71e-5;

/// Bits beyond those that the keys ask for.
const EXCESS_BITS: u64 = 20;

/// False positive rates: row b - 2 is of b bits per key, its column k - 1 of k hashes (Cassandra's
/// `BloomCalculations.probs` without its rows and columns of ones).
const RATES: [&[f64]; 19] = [
    &[0.393, 0.400],
    &[0.283, 0.237, 0.253],
    &[0.221, 0.155, 0.147, 0.160],
    &[0.181, 0.109, 0.092, 0.092, 0.101],
    &[0.154, 0.0804, 0.0609, 0.0561, 0.0578, 0.0638],
    &[0.133, 0.0618, 0.0423, 0.0359, 0.0347, 0.0364],
    &[0.118, 0.0489, 0.0306, 0.024, 0.0217, 0.0216, 0.0229],
    &[0.105, 0.0397, 0.0228, 0.0166, 0.0141, 0.0133, 0.0135, 0.0145],
    &[0.0952, 0.0329, 0.0174, 0.0118, 0.00943, 0.00844, 0.00819, 0.00846],
    &[0.0869, 0.0276, 0.0136, 0.00864, 0.0065, 0.00552, 0.00513, 0.00509],
    &[0.08, 0.0236, 0.0108, 0.00646, 0.00459, 0.00371, 0.00329, 0.00314],
    &[0.074, 0.0203, 0.00875, 0.00492, 0.00332, 0.00255, 0.00217, 0.00199, 0.00194],
    &[0.0689, 0.0177, 0.00718, 0.00381, 0.00244, 0.00179, 0.00146, 0.00129, 0.00121, 0.0012],
    &[0.0645, 0.0156, 0.00596, 0.003, 0.00183, 0.00128, 0.001, 0.000852, 0.000775, 0.000744],
    &[0.0606, 0.0138, 0.005, 0.00239, 0.00139, 0.000935, 0.000702, 0.000574, 0.000505, 0.00047, 0.000459],
    &[
        0.0571, 0.0123, 0.00423, 0.00193, 0.00107, 0.000692, 0.000499, 0.000394, 0.000335, 0.000302,
        0.000287, 0.000284,
    ],
    &[
        0.054, 0.0111, 0.00362, 0.00158, 0.000839, 0.000519, 0.00036, 0.000275, 0.000226, 0.000198, 0.000183,
        0.000176,
    ],
    &[
        0.0513, 0.00998, 0.00312, 0.0013, 0.000663, 0.000394, 0.000264, 0.000194, 0.000155, 0.000132,
        0.000118, 0.000111, 0.000109,
    ],
    &[
        0.0488,
        0.00906,
        0.0027,
        0.00108,
        0.00053,
        0.000303,
        0.000196,
        0.00014,
        0.000108,
        8.89e-05,
        7.77e-05,
        7.12e-05,
        6.79e-05,
        MIN_FP_CHANCE,
    ],
];

/// Why a filter cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum FilterError {
    /// Not a chance, or one that no filter of 20 bits per key reaches.
    #[error("a false positive chance of {0} is not between {MIN_FP_CHANCE} and 1")]
    Chance(f64),
    /// The number of words does not fit the file's 32-bit field.
    #[error("a Bloom filter for {0} keys is too large for Filter.db")]
    TooManyKeys(u64),
}

/// The size of a filter for its keys: Cassandra's `BloomSpecification` applied to a number of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterSize {
    /// Bits set and probed per key.
    pub hash_count: u32,
    /// 64-bit words.
    pub word_count: u32,
}

impl FilterSize {
    /// The size for `expected_keys` keys; `None` at a chance of 1, which needs no filter.
    ///
    /// # Errors
    /// A chance that no filter reaches, or more keys than a `Filter.db` can hold.
    pub fn of(expected_keys: u64, fp_chance: f64) -> Result<Option<FilterSize>, FilterError> {
        if fp_chance == 1.0 {
            return Ok(None);
        }
        let (hash_count, bits_per_key) = spec(fp_chance)?;
        let too_many = || FilterError::TooManyKeys(expected_keys);
        let bits = expected_keys
            .checked_mul(bits_per_key)
            .and_then(|bits| bits.checked_add(EXCESS_BITS))
            .ok_or_else(too_many)?;
        match i32::try_from(bits.div_ceil(64)) {
            Ok(words) => Ok(Some(FilterSize { hash_count, word_count: words.cast_unsigned() })),
            Err(_) => Err(too_many()),
        }
    }
}

/// Hashes and bits per key for a chance: the fewest bits that reach it, then the fewest hashes.
///
/// Cassandra's `computeBloomSpec`, with its slip: for chances from 0.393 on, the arguments of the
/// result are swapped, so two hashes share one bit per key.
fn spec(fp_chance: f64) -> Result<(u32, u64), FilterError> {
    if !(MIN_FP_CHANCE..=1.0).contains(&fp_chance) {
        return Err(FilterError::Chance(fp_chance));
    }
    if fp_chance >= 0.393 {
        return Ok((2, 1));
    }
    for (rates, bits_per_key) in RATES.iter().zip(2u64..) {
        // The best number of hashes is the first minimum; its rate decides whether the bits
        // suffice.
        let best = rates.iter().copied().fold(f64::INFINITY, f64::min);
        if best > fp_chance {
            continue;
        }
        let optimum = rates.iter().take_while(|&&rate| rate > best).count();
        // From the optimum down, as long as one hash fewer still reaches the chance.
        let spare = rates.iter().take(optimum).rev().take_while(|&&rate| rate <= fp_chance).count();
        let hash_count = u32::try_from(optimum - spare + 1).unwrap_or(u32::MAX);
        return Ok((hash_count, bits_per_key));
    }
    Err(FilterError::Chance(fp_chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_of_common_chances() {
        for (chance, hash_count, bits) in [
            (0.01, 5, 10),
            (0.1, 3, 5),
            (0.001, 7, 15),
            (0.0001, 10, 20),
            (MIN_FP_CHANCE, 14, 20),
            (0.393, 2, 1),
            (0.99, 2, 1),
            (0.392, 1, 3),
        ] {
            assert_eq!(spec(chance), Ok((hash_count, bits)), "{chance}");
        }
        for chance in [0.0, -1.0, 6.7e-5, 1.5, f64::NAN, f64::INFINITY] {
            assert!(spec(chance).is_err(), "{chance}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(FilterSize::of(5, 0.01), Ok(Some(FilterSize { hash_count: 5, word_count: 2 })));
        assert_eq!(FilterSize::of(65_536, 0.01), Ok(Some(FilterSize { hash_count: 5, word_count: 10_241 })));
        assert_eq!(FilterSize::of(0, 0.01), Ok(Some(FilterSize { hash_count: 5, word_count: 1 })));
        assert_eq!(FilterSize::of(5, 1.0), Ok(None));
        assert_eq!(FilterSize::of(1 << 40, 0.01), Err(FilterError::TooManyKeys(1 << 40)));
        assert_eq!(FilterSize::of(u64::MAX, 0.01), Err(FilterError::TooManyKeys(u64::MAX)));
    }
}
