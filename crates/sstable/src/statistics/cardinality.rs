//! The estimate of distinct partition keys in `Statistics.db`, byte for byte that of stream-lib.

use std::fmt;

use helenus_types::{DecodeError, Reader, hash2_64};

/// An estimate of the number of distinct partition keys: HyperLogLog++ with 2^13 registers, as
/// stream-lib 2.5 serializes it (`com.clearspring.analytics.stream.cardinality.HyperLogLogPlus`).
///
/// ```text
/// version  i32      -2
/// p        LEB128   13
/// sp       LEB128   25
/// form     LEB128   0 normal, 1 sparse
/// sparse:  count LEB128, count × LEB128 of the difference to the entry before, modulo 2^32
/// normal:  length LEB128, big-endian u32 words of 6 registers of 5 bits each, register j in word j / 6 at bit 5 (j % 6)
/// ```
///
/// A sparse entry holds the top 25 bits of a hash: `index << 1` if its low 12 bits determine the
/// run of zeros, else `index << 7 | (63 - run) << 1 | 1`. Beyond 6,144 entries the form is normal.
/// Five keys `0` to `4`: `fffffffe 0d 19 01 05 92f28501 90f61f f4b3aa02 b2bdfc05 e0fcdd10`.
///
/// Entries gather until they are 1,537, are then sorted by index, and merged with those from before
/// by their value as a signed integer. An entry with a run is out of order by value, so that the
/// list is not sorted by either once it was merged; the bytes of Cassandra's files depend on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cardinality {
    form: Form,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    /// Entries that were merged, and those gathered since.
    Sparse { merged: Vec<u32>, gathered: Vec<u32> },
    /// Longest run of each register.
    Normal { registers: Box<[u8]> },
}

const P: u32 = 13;
const SP: u32 = 25;
const REGISTERS: usize = 1 << P;

/// Sparse entries above which the form is normal: three quarters of the registers.
const MAX_SPARSE: usize = REGISTERS / 4 * 3;

/// Entries that gather without being merged.
const MAX_GATHERED: usize = MAX_SPARSE / 4;

/// Registers in a word of 32 bits.
const PER_WORD: usize = 6;
const REGISTER_BITS: usize = 5;

/// Words of all registers: stream-lib adds one even though 1,365 and a third would round up to as
/// many.
const WORDS: usize = REGISTERS / PER_WORD + 1;

const VERSION: i32 = -2;

impl Default for Cardinality {
    fn default() -> Cardinality {
        Cardinality { form: Form::Sparse { merged: Vec::new(), gathered: Vec::new() } }
    }
}

impl fmt::Debug for Cardinality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cardinality(about {})", self.estimate())
    }
}

impl Cardinality {
    /// Counts a partition key.
    pub fn add(&mut self, key: &[u8]) {
        self.add_hash(hash2_64(key));
    }

    fn add_hash(&mut self, hash: u64) {
        match &mut self.form {
            Form::Normal { registers } => {
                let run = (((hash << P) | (1 << (P - 1))).leading_zeros() + 1).to_le_bytes()[0];
                raise(registers, hash >> (64 - P), run);
            }
            Form::Sparse { gathered, .. } => {
                gathered.push(encode_hash(hash));
                if gathered.len() > MAX_GATHERED {
                    self.settle();
                }
            }
        }
    }

    /// About how many distinct keys were counted.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        let estimate = match &self.form {
            Form::Sparse { merged, gathered } => {
                let entries = merged.iter().chain(gathered);
                let mut indexes: Vec<u32> = entries.map(|entry| index_of(*entry)).collect();
                indexes.sort_unstable();
                indexes.dedup();
                let all = f64::from(1_u32 << SP);
                let free = all - f64::from(u32::try_from(indexes.len()).unwrap_or(u32::MAX));
                all * (all / free).ln()
            }
            Form::Normal { registers } => estimate_of_registers(registers),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let whole = estimate.round() as u64;
        whole
    }

    /// The bytes of COMPACTION's blob.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut settled = self.clone();
        settled.settle();
        let mut out = VERSION.to_be_bytes().to_vec();
        let [p, sp] = [P, SP].map(|value| value.to_le_bytes()[0]);
        out.extend([p, sp]);
        match &settled.form {
            Form::Sparse { merged, .. } => {
                put_leb128(&mut out, 1);
                put_leb128(&mut out, u32::try_from(merged.len()).unwrap_or(u32::MAX));
                let mut last = 0;
                for entry in merged {
                    put_leb128(&mut out, entry.wrapping_sub(last));
                    last = *entry;
                }
            }
            Form::Normal { registers } => {
                put_leb128(&mut out, 0);
                put_leb128(&mut out, u32::try_from(WORDS * size_of::<u32>()).unwrap_or(u32::MAX));
                for word in registers.chunks(PER_WORD) {
                    let registers = word.iter().enumerate();
                    let word =
                        registers.fold(0, |bits, (at, run)| bits | (u32::from(*run) << (REGISTER_BITS * at)));
                    out.extend_from_slice(&word.to_be_bytes());
                }
            }
        }
        out
    }

    /// Reads COMPACTION's blob.
    ///
    /// # Errors
    /// When it is of another version or precision, or ends early.
    pub fn decode(bytes: &[u8]) -> Result<Cardinality, DecodeError> {
        let mut reader = Reader::new(bytes);
        for (name, expected) in [("version", VERSION.cast_unsigned()), ("p", P), ("sp", SP)] {
            let at = reader;
            let found = if name == "version" { reader.u32()? } else { leb128(&mut reader)? };
            if found != expected {
                return Err(at.error(
                    format!("{name} {}", expected.cast_signed()),
                    format!("{}", found.cast_signed()),
                ));
            }
        }
        let at = reader;
        match leb128(&mut reader)? {
            1 => decode_sparse(&mut reader),
            0 => decode_normal(&mut reader),
            form => Err(at.error("form 0 or 1", format!("{form}"))),
        }
    }

    /// Merges what was gathered; many entries become registers.
    fn settle(&mut self) {
        let Form::Sparse { merged, gathered } = &mut self.form else {
            return;
        };
        // The longest run of an index is kept, which is the smallest entry.
        gathered.sort_unstable_by_key(|entry| (index_of(*entry), *entry));
        gathered.dedup_by_key(|entry| index_of(*entry));
        *merged = merge(merged, gathered);
        gathered.clear();
        if merged.len() > MAX_SPARSE {
            let mut registers = vec![0; REGISTERS].into_boxed_slice();
            raise_all(&mut registers, merged.iter());
            self.form = Form::Normal { registers };
        }
    }
}

/// Merges two lists of entries by their signed values; of two heads with the same index the smaller
/// stays.
fn merge(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    while let (Some(a), Some(b)) = (left.peek().copied(), right.peek().copied()) {
        if index_of(a) == index_of(b) {
            merged.push(a.min(b));
            left.next();
            right.next();
        } else if a.cast_signed() < b.cast_signed() {
            merged.extend(left.next());
        } else {
            merged.extend(right.next());
        }
    }
    merged.extend(left.chain(right));
    merged
}

/// The sparse entry of a hash.
fn encode_hash(hash: u64) -> u32 {
    let index = u32::try_from(hash >> (64 - SP)).unwrap_or(0);
    if index & ((1 << (SP - P)) - 1) != 0 {
        return index << 1;
    }
    let run = ((hash << SP) | (1 << (SP - 1))).leading_zeros() + 1 + (SP - P);
    (index << 7) | ((63 - run) << 1) | 1
}

/// The top 25 bits of the hash of an entry.
fn index_of(entry: u32) -> u32 {
    if entry & 1 == 1 { entry >> 7 } else { entry >> 1 }
}

fn raise_all<'a>(registers: &mut [u8], entries: impl Iterator<Item = &'a u32>) {
    for entry in entries {
        let index = index_of(*entry);
        let run = if entry & 1 == 1 {
            63 - ((entry >> 1) & 63)
        } else {
            // Of the low 12 bits of the index one is set.
            (index << (32 - (SP - P))).leading_zeros() + 1
        };
        raise(registers, u64::from(index >> (SP - P)), run.to_le_bytes()[0]);
    }
}

fn raise(registers: &mut [u8], register: u64, run: u8) {
    const MAX_RUN: u8 = (1 << REGISTER_BITS) - 1;
    let register = usize::try_from(register).ok().and_then(|register| registers.get_mut(register));
    if let Some(register) = register {
        *register = (*register).max(run.min(MAX_RUN));
    }
}

/// Otmar Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017):
/// as good as stream-lib's, without its tables of corrections.
fn estimate_of_registers(registers: &[u8]) -> f64 {
    const LONGEST: usize = (1 << REGISTER_BITS) - 1;
    let mut counts = [0_u32; LONGEST + 1];
    for run in registers {
        if let Some(count) = counts.get_mut(usize::from(*run)) {
            *count += 1;
        }
    }
    let m = f64::from(1_u32 << P);
    let mut z = 0.0;
    for count in counts.iter().skip(1).rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(f64::from(counts.first().copied().unwrap_or(0)) / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

/// `x + Σ x^(2^k) 2^(k-1)`, infinite for 1.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut weight) = (x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

fn decode_sparse(reader: &mut Reader<'_>) -> Result<Cardinality, DecodeError> {
    let at = *reader;
    let count = leb128(reader)?;
    if usize::try_from(count).map_or(true, |count| count > reader.remaining()) {
        return Err(at.error(format!("at most {} entries", reader.remaining()), format!("{count}")));
    }
    let mut entries = Vec::new();
    let mut last = 0_u32;
    for _ in 0..count {
        last = last.wrapping_add(leb128(reader)?);
        entries.push(last);
    }
    Ok(Cardinality { form: Form::Sparse { merged: entries, gathered: Vec::new() } })
}

fn decode_normal(reader: &mut Reader<'_>) -> Result<Cardinality, DecodeError> {
    let at = *reader;
    let len = leb128(reader)?;
    if usize::try_from(len).ok() != Some(WORDS * size_of::<u32>()) {
        return Err(at.error(format!("{} bytes of registers", WORDS * size_of::<u32>()), format!("{len}")));
    }
    let mut registers = Vec::with_capacity(WORDS * PER_WORD);
    for _ in 0..WORDS {
        let word = reader.u32()?;
        let runs = (0..PER_WORD).map(|at| ((word >> (REGISTER_BITS * at)) & 31).to_le_bytes()[0]);
        registers.extend(runs);
    }
    registers.truncate(REGISTERS);
    Ok(Cardinality { form: Form::Normal { registers: registers.into_boxed_slice() } })
}

/// Little-endian groups of 7 bits, the last without its high bit: not Cassandra's vint.
fn put_leb128(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7F);
        }
        out.push(low | 0x80);
    }
}

fn leb128(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let at = *reader;
    let mut value = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            let small = u32::try_from(value).ok();
            return small.ok_or_else(|| at.error("a number of 32 bits", format!("{value}")));
        }
    }
    Err(at.error("a number of 32 bits", "more bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use helenus_types::Hex;

    #[test]
    fn the_worked_example() {
        let mut cardinality = Cardinality::default();
        for key in [b"0", b"3", b"1", b"4", b"2", b"1"] {
            cardinality.add(key);
        }
        let bytes = cardinality.encode();
        assert_eq!(Hex(&bytes).to_string(), "fffffffe0d19010592f2850190f61ff4b3aa02b2bdfc05e0fcdd10");
        assert_eq!(Cardinality::decode(&bytes).unwrap().encode(), bytes);
        assert_eq!(cardinality.estimate(), 5);
    }

    #[test]
    fn entries_with_a_run() {
        assert_eq!(encode_hash(0xbd28_0000_f2ca_c47e), 0xbd28_0057);
        assert_eq!(encode_hash(0x5338_0063_600c_3619), 0x5338_0065);
    }

    #[test]
    fn many_keys() {
        let mut all = Cardinality::default();
        for number in 0..200_000_u32 {
            let key = number.to_be_bytes();
            all.add(&key);
            if [100, 5_000, 6_000, 7_000, 20_000, 199_999].contains(&number) {
                let expected = f64::from(number + 1);
                let error = (f64::from(u32::try_from(all.estimate()).unwrap()) - expected).abs() / expected;
                assert!(error < 0.03, "{number}: {}", all.estimate());
                let bytes = all.encode();
                assert_eq!(Cardinality::decode(&bytes).unwrap().encode(), bytes);
            }
        }
        assert_eq!(all.encode().len(), 4 + 3 + 2 + 1366 * 4);
    }

    #[test]
    fn damage_is_an_error_or_another_number() {
        let mut cardinality = Cardinality::default();
        for number in 0..50_u32 {
            cardinality.add(&number.to_be_bytes());
        }
        let bytes = cardinality.encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let found = Cardinality::decode(&flipped);
                assert!(found.is_err() || at > 6, "{at}");
            }
            assert!(Cardinality::decode(&bytes[..at]).is_err(), "{at}");
        }
    }
}
