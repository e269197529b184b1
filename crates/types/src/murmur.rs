//! Cassandra's variant of Murmur3 (`utils.MurmurHash`), which sign-extends the bytes of the tail.

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The two words of Cassandra's Murmur3 (x64, 128 bits, seed 0): of a partition key they give the
/// token (the first word) and the Bloom filter's bits (both).
///
/// Cassandra's `MurmurHash.hash3_x64_128` is the reference algorithm but for the tail, where bytes
/// are sign-extended before they are shifted and xored in. Keys without bytes from 0x80 there hash
/// as anywhere else.
#[must_use]
pub fn murmur3(key: &[u8]) -> [u64; 2] {
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = key.as_chunks::<16>();
    for block in blocks {
        let word = u128::from_le_bytes(*block);
        h1 = (h1 ^ mix1(low(word))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix2(low(word >> 64))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (first, second) = tail.split_at_checked(8).unwrap_or((tail, &[]));
    // An empty half mixes to zero.
    h2 ^= mix2(signed_tail(second));
    h1 ^= mix1(signed_tail(first));

    let len = key.len() as u64;
    h1 ^= len;
    h2 ^= len;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = finish(h1);
    h2 = finish(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    [h1, h2]
}

/// `MurmurHash.hash2_64` with seed 0 (MurmurHash64A, again with a signed tail), which feeds the
/// estimator of the number of partitions.
#[must_use]
pub fn hash2_64(key: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut h = M.wrapping_mul(key.len() as u64);
    let (blocks, tail) = key.as_chunks::<8>();
    for block in blocks {
        let mut k = u64::from_le_bytes(*block).wrapping_mul(M);
        k = (k ^ (k >> 47)).wrapping_mul(M);
        h = (h ^ k).wrapping_mul(M);
    }
    if !tail.is_empty() {
        h = (h ^ signed_tail(tail)).wrapping_mul(M);
    }
    h = (h ^ (h >> 47)).wrapping_mul(M);
    h ^ (h >> 47)
}

#[inline]
fn mix1(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

#[inline]
fn mix2(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

#[inline]
fn finish(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

/// The xor of up to eight bytes, each sign-extended and shifted to its little-endian place.
#[inline]
fn signed_tail(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |k, &byte| (k << 8) ^ i64::from(byte.cast_signed()).cast_unsigned())
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low word is what is asked for")]
fn low(word: u128) -> u64 {
    word as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        let rising = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
        for (key, h1, h2) in [
            (vec![], 0, 0),
            (b"0".to_vec(), 0x2ac9_debe_d546_a380, 0x3a8d_e9e5_3c87_5e09),
            (b"hello".to_vec(), 0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19),
            (vec![0x80], 0xb6aa_75af_f6f3_b434, 0x6ec0_210d_9ab1_33c5),
            (vec![0, 0, 0, 0xff], 0x8b18_7791_64fb_9609, 0x59e3_779e_a51e_fed9),
            (rising(0xf0, 0xff), 0x81ec_85cc_614a_221c, 0xb9f1_ce7e_3de9_1c90),
            (rising(0xe0, 0xfe), 0x9ace_1231_d0aa_b016, 0x7be7_3d50_9f34_ade5),
            (vec![0x61; 16], 0xf2c1_180d_62aa_a6ce, 0x6af6_f303_2bb2_3942),
        ] {
            assert_eq!(murmur3(&key), [h1, h2], "{key:02x?}");
        }
    }

    #[test]
    fn cardinality_hash() {
        // The sparse entries of the estimator in Cassandra's `oa` sample, which are the top 25 bits
        // of the hashes of the keys "0" to "4" (one bit of zero below them).
        let mut entries: Vec<u64> =
            [b"0", b"1", b"2", b"3", b"4"].map(|key| (hash2_64(key) >> 39) << 1).to_vec();
        entries.sort_unstable();
        assert_eq!(entries, [2_193_682, 2_716_706, 7_605_782, 20_131_016, 55_225_128]);
    }
}
