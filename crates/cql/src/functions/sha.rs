//! The digests of FIPS 180-4 that `mask_hash` knows. The crates that have them bring seven more
//! along, for a function that is called rarely and on short values.

use std::sync::LazyLock;

use num_bigint::BigUint;

/// `SHA-1`
pub(super) fn sha1(message: &[u8]) -> Vec<u8> {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(message, 64).chunks_exact(64) {
        let mut words: Vec<u32> = block.chunks_exact(4).map(|bytes| low(word(bytes))).collect();
        for _ in 16..80 {
            let mixed = back(&words, 3) ^ back(&words, 8) ^ back(&words, 14) ^ back(&words, 16);
            words.push(mixed.rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (round, word) in words.iter().enumerate() {
            let (mixed, constant) = match round {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
            let next = next.wrapping_add(constant).wrapping_add(*word);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        add([a, b, c, d, e], &mut state, u32::wrapping_add);
    }
    state.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// `SHA-256`, and `SHA-224` if it is short.
pub(super) fn sha256(message: &[u8], short: bool) -> Vec<u8> {
    // The constants are roots as those of SHA-512, with half of the bits.
    let mut state = match short {
        false => CONSTANTS.long.map(high),
        true => CONSTANTS.short.map(low),
    };
    for block in padded(message, 64).chunks_exact(64) {
        let mut words: Vec<u32> = block.chunks_exact(4).map(|bytes| low(word(bytes))).collect();
        for _ in 16..64 {
            let (a, b) = (back(&words, 15), back(&words, 2));
            let a = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let b = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(back(&words, 16).wrapping_add(a).wrapping_add(back(&words, 7)).wrapping_add(b));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, constant) in words.iter().zip(&CONSTANTS.rounds) {
            let sum = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let one = h.wrapping_add(sum).wrapping_add((e & f) ^ (!e & g));
            let one = one.wrapping_add(high(*constant)).wrapping_add(*word);
            let sum = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let two = sum.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (a, b, c, d, e, f, g, h) = (one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g);
        }
        add([a, b, c, d, e, f, g, h], &mut state, u32::wrapping_add);
    }
    let bytes = state.iter().flat_map(|word| word.to_be_bytes());
    bytes.take(if short { 28 } else { 32 }).collect()
}

/// `SHA-512`, and `SHA-384` if it is short.
pub(super) fn sha512(message: &[u8], short: bool) -> Vec<u8> {
    let state = digest512(if short { CONSTANTS.short } else { CONSTANTS.long }, message);
    let bytes = state.iter().flat_map(|word| word.to_be_bytes());
    bytes.take(if short { 48 } else { 64 }).collect()
}

/// `SHA-512/224` and `SHA-512/256`, which begin where a digest of their names ends.
pub(super) fn sha512_of_bits(message: &[u8], bits: usize) -> Vec<u8> {
    let begin = CONSTANTS.long.map(|word| word ^ 0xa5a5_a5a5_a5a5_a5a5);
    let state = digest512(digest512(begin, format!("SHA-512/{bits}").as_bytes()), message);
    state.iter().flat_map(|word| word.to_be_bytes()).take(bits / 8).collect()
}

fn digest512(mut state: [u64; 8], message: &[u8]) -> [u64; 8] {
    for block in padded(message, 128).chunks_exact(128) {
        let mut words: Vec<u64> = block.chunks_exact(8).map(word).collect();
        for _ in 16..80 {
            let (a, b) = (back(&words, 15), back(&words, 2));
            let a = a.rotate_right(1) ^ a.rotate_right(8) ^ (a >> 7);
            let b = b.rotate_right(19) ^ b.rotate_right(61) ^ (b >> 6);
            words.push(back(&words, 16).wrapping_add(a).wrapping_add(back(&words, 7)).wrapping_add(b));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, constant) in words.iter().zip(&CONSTANTS.rounds) {
            let sum = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let one = h.wrapping_add(sum).wrapping_add((e & f) ^ (!e & g));
            let one = one.wrapping_add(*constant).wrapping_add(*word);
            let sum = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let two = sum.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (a, b, c, d, e, f, g, h) = (one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g);
        }
        add([a, b, c, d, e, f, g, h], &mut state, u64::wrapping_add);
    }
    state
}

/// The first 64 bits behind the point of roots of primes.
struct Constants {
    /// Cube roots of the first 80.
    rounds: Vec<u64>,
    /// Square roots of the first eight.
    long: [u64; 8],
    /// Square roots of the next eight.
    short: [u64; 8],
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| {
    let primes = (2u32..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    let primes: Vec<u32> = primes.take(80).collect();
    let root = |prime: u32, nth: u32| {
        let digits = (BigUint::from(prime) << (64 * nth)).nth_root(nth).to_u64_digits();
        digits.first().copied().unwrap_or_default()
    };
    let square =
        |first: usize| std::array::from_fn(|at| root(primes.get(first + at).copied().unwrap_or(1), 2));
    Constants {
        rounds: primes.iter().map(|prime| root(*prime, 3)).collect(),
        long: square(0),
        short: square(8),
    }
});

/// The message, a one, zeros, and its length in bits.
fn padded(message: &[u8], block: usize) -> Vec<u8> {
    let mut bytes = message.to_vec();
    bytes.push(0x80);
    let length = (message.len() as u128) * 8;
    let of_length = block / 8;
    while !(bytes.len() + of_length).is_multiple_of(block) {
        bytes.push(0);
    }
    bytes.extend(length.to_be_bytes().iter().skip(16 - of_length));
    bytes
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn high(word: u64) -> u32 {
    low(word >> 32)
}

fn low(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or_default()
}

/// The word that stands `back` before the end.
fn back<W: Copy + Default>(words: &[W], back: usize) -> W {
    words.len().checked_sub(back).and_then(|at| words.get(at)).copied().unwrap_or_default()
}

fn add<W: Copy, const N: usize>(mixed: [W; N], state: &mut [W; N], sum: fn(W, W) -> W) {
    state.iter_mut().zip(mixed).for_each(|(state, mixed)| *state = sum(*state, mixed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(digest: &[u8], expected: &str) {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    /// The examples of FIPS 180-4, and a message of several blocks whose length needs one more.
    #[test]
    fn digests_are_those_of_the_standard() {
        check(&sha1(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check(&sha256(b"", true), "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f");
        check(&sha256(b"", false), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(
            &sha512(b"", true),
            "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        );
        check(
            &sha512(b"", false),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        );
        check(&sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(&sha256(b"abc", true), "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
        check(&sha256(b"abc", false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        check(
            &sha512(b"abc", true),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        );
        check(
            &sha512(b"abc", false),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        );
        check(&sha1(&[b'a'; 247]), "4f29a70ace594ef0853c89c7c7522cdf8c156b92");
        check(&sha256(&[b'a'; 247], true), "83b7f1ec6a30667ef11920a72f8c33b1fe7d85137a6f1cf3889b91ea");
        check(
            &sha256(&[b'a'; 247], false),
            "d1c97f05a04d45d67be0d82b39f93d8e06e52db3aeb4752067c9b5e61583b641",
        );
        check(
            &sha512(&[b'a'; 247], true),
            "f91d26cc0842a80f52d97815223468650a2e17893bd50782864a5f33e68f0a3ccee0ee6281c504e46c5985a0871e779e",
        );
        check(
            &sha512(&[b'a'; 247], false),
            "6d105db52592a8f47a066012547de964e19fba0e57d28d45994ccabbec4d392ea70bc960691f6045521c0878a3a8de939347d68fd8d1ca5e67f3c60fa3f3a9ac",
        );
        check(&sha512_of_bits(b"abc", 224), "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa");
        check(
            &sha512_of_bits(b"abc", 256),
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
        );
    }
}
