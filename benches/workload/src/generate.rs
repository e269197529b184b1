//! The rows: each a pure function of seed, number and version, so that any of them can be made
//! again to be written over, read and compared.
//!
//! A row belongs to one of `rows / 500` partitions, drawn by Zipf's law with exponent 0.99. Message
//! ids rise with the row's number and are even: an odd id is never present. The text is a run of
//! words, 120 bytes on average and log-normal in length, out of a vocabulary of 4096 words drawn by
//! Zipf's law. One row in ten was edited, one in five has one to three reactions.

#![expect(clippy::cast_possible_truncation, reason = "bits of hashes are cut off on purpose")]

use std::collections::HashSet;

/// Most reactions that a row has.
pub(crate) const MAX_REACTIONS: usize = 3;
const TEXT_BYTES: usize = 16 << 20;
const LONGEST_TEXT: usize = 1200;
const WORDS: usize = 4096;
const ROWS_PER_PARTITION: u64 = 500;
const BUCKETS: u64 = 4;

/// Names of reactions in their order: the k-th reaction of a row is one of the k-th four.
const REACTIONS: [[&str; 4]; MAX_REACTIONS] = [
    ["100", "clap", "eyes", "fire"],
    ["heart", "joy", "raised_hands", "rocket"],
    ["sob", "tada", "thinking", "thumbsup"],
];

/// A partition's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Partition {
    pub(crate) channel_id: i64,
    pub(crate) bucket: i32,
}

/// A row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Key {
    pub(crate) partition: Partition,
    pub(crate) message_id: i64,
}

/// A row: written with text, or read with bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message<T> {
    pub(crate) key: Key,
    pub(crate) author_id: i64,
    pub(crate) content: T,
    pub(crate) flags: i32,
    pub(crate) edited_at: Option<i64>,
    reactions: [(T, i32); MAX_REACTIONS],
    reaction_count: usize,
}

impl<T: AsRef<[u8]> + Copy> Message<T> {
    /// The reactions in the order of their names.
    pub(crate) fn reactions(&self) -> &[(T, i32)] {
        self.reactions.get(..self.reaction_count).unwrap_or_default()
    }

    /// Adds a reaction; more than a row can have show in [`digest`](Self::digest).
    pub(crate) fn add_reaction(&mut self, name: T, count: i32) {
        if let Some(place) = self.reactions.get_mut(self.reaction_count) {
            *place = (name, count);
        }
        self.reaction_count += 1;
    }

    /// Bytes of the row's values, 164 on average: what amplification is counted against.
    pub(crate) fn logical_bytes(&self) -> u64 {
        let reactions: usize = self.reactions().iter().map(|(name, _)| name.as_ref().len() + 5).sum();
        let edited = if self.edited_at.is_some() { 8 } else { 0 };
        (20 + 8 + 2 + self.content.as_ref().len() + 4 + 2 + edited + reactions) as u64
    }

    /// A number that every column goes into; sums of them don't depend on the order of rows.
    #[inline]
    pub(crate) fn digest(&self) -> u64 {
        let Key { partition, message_id } = self.key;
        let mut hash = fold(partition.channel_id as u64, partition.bucket as u64);
        hash = fold(hash, message_id as u64);
        hash = fold(hash, (self.author_id as u64) ^ (self.flags as u64).rotate_left(33));
        hash = fold(hash, self.edited_at.map_or(7, |at| at as u64));
        let content = self.content.as_ref();
        hash = fold(hash, content.len() as u64);
        let first = content.first_chunk().or(content.last_chunk());
        let last = content.last_chunk().or(content.first_chunk());
        if let (Some(first), Some(last)) = (first, last) {
            hash = fold(hash, u64::from_be_bytes(*first) ^ u64::from_be_bytes(*last).rotate_left(29));
        }
        for (name, count) in self.reactions() {
            let bytes = name.as_ref();
            hash = fold(
                hash,
                (bytes.len() as u64) << 40
                    | u64::from(bytes.last().copied().unwrap_or(0)) << 32
                    | *count as u64,
            );
        }
        fold(hash, self.reaction_count as u64)
    }
}

#[inline]
fn fold(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(23) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A well mixed function of a number.
#[inline]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound`.
    #[inline]
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        scale(self.next(), bound)
    }
}

/// Maps 64 random bits to a number below `bound`.
#[inline]
fn scale(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// Draws from Zipf's law in constant time (Vose's alias method): rank `r` counts from 0 and has the
/// weight `1 / (r + 1)^exponent`.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// For each column: how much of it is its own, in 2^-32, and whose the rest is.
    columns: Vec<(u32, u32)>,
}

impl Zipf {
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        let mut weights: Vec<f64> = (1..=ranks).map(|rank| (rank as f64).powf(-exponent)).collect();
        let mean = weights.iter().sum::<f64>() / ranks as f64;
        weights.iter_mut().for_each(|weight| *weight /= mean);
        let mut columns: Vec<(u32, u32)> = (0..ranks as u32).map(|rank| (u32::MAX, rank)).collect();
        // Weights fall: the poor ones are at the end, and a rich one that became poor is served
        // next.
        let mut poor: Vec<usize> = (0..ranks).filter(|&rank| weights[rank] < 1.0).collect();
        let mut rich: Vec<usize> = (0..ranks).filter(|&rank| weights[rank] >= 1.0).collect();
        while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
            columns[taker] = ((weights[taker] * f64::from(u32::MAX)) as u32, giver as u32);
            weights[giver] -= 1.0 - weights[taker];
            if weights[giver] < 1.0 {
                rich.pop();
                poor.push(giver);
            }
        }
        Self { columns }
    }

    /// The rank that 64 random bits stand for.
    #[inline]
    pub(crate) fn rank(&self, bits: u64) -> usize {
        let column = scale(bits, self.columns.len() as u64) as usize;
        let (own, other) = self.columns[column];
        // The column took the upper bits; those below are as good.
        if (mix(bits) as u32) <= own { column } else { other as usize }
    }
}

/// Makes the rows of a table of `rows` rows.
#[derive(Debug)]
pub(crate) struct Generator {
    seed: u64,
    rows: u64,
    /// The number of rows in sequence that share a partition: 1, or a batch's size.
    run: u64,
    partitions: Vec<Partition>,
    zipf: Zipf,
    text: String,
    /// The starts of words in the text.
    words: Vec<u32>,
    /// Lengths of contents, each as probable as the others.
    lengths: Vec<u16>,
    /// Coprime to the number of rows: steps through all of them, far apart.
    stride: u64,
}

impl Generator {
    pub(crate) fn new(rows: u64, run: u64, seed: u64) -> Self {
        let count = (rows / ROWS_PER_PARTITION).max(4);
        let channels = (count / BUCKETS).max(1);
        let partition = |rank| Partition {
            channel_id: (mix(seed ^ 0xC4A7 ^ (rank % channels)) >> 2) as i64,
            bucket: 100 + (rank / channels) as i32,
        };
        let (text, words) = text(seed);
        let mut stride = (rows as f64 * 0.618_033_988) as u64 | 1;
        while common_divisor(stride, rows) != 1 {
            stride += 1;
        }
        Self {
            seed,
            rows,
            run,
            partitions: (0..count).map(partition).collect(),
            zipf: Zipf::new(count as usize, 0.99),
            text,
            words,
            lengths: lengths(),
            stride,
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The index of the partition that 64 random bits stand for, by Zipf's law.
    #[inline]
    pub(crate) fn zipf_partition(&self, bits: u64) -> usize {
        self.zipf.rank(bits)
    }

    /// The index of a row's partition.
    #[inline]
    pub(crate) fn partition_of(&self, row: u64) -> usize {
        let run = if self.run == 1 { row } else { row / self.run };
        self.zipf.rank(mix(self.seed ^ run.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    #[inline]
    pub(crate) fn key(&self, row: u64) -> Key {
        let message_id = (1_000_000_000 + row) << 22 | (mix(row ^ 0x1D) & 0x1F_FFFF) << 1;
        Key { partition: self.partitions[self.partition_of(row)], message_id: message_id as i64 }
    }

    /// A row as it was written for the `version + 1`-th time.
    #[inline]
    pub(crate) fn row(&self, row: u64, version: u64) -> Message<&str> {
        let hash = mix(self.seed ^ row.wrapping_mul(0xA24B_AED4_963E_E407) ^ version << 56);
        let more = mix(hash);
        let start = self.words[scale(hash, self.words.len() as u64) as usize] as usize;
        let length = usize::from(self.lengths[hash as usize % self.lengths.len()]);
        let mut message = Message {
            key: self.key(row),
            author_id: (mix((hash >> 12) % 50_000) >> 1) as i64,
            content: self.text.get(start..start + length).unwrap_or_default(),
            flags: if more & 7 == 0 { (more >> 8) as i32 & 0xFF } else { 0 },
            edited_at: None,
            reactions: [("", 0); MAX_REACTIONS],
            reaction_count: 0,
        };
        if (more >> 16).is_multiple_of(10) {
            message.edited_at = Some(1_700_000_000_000 + row as i64 * 37 + (more >> 40 & 0xFFFF) as i64);
        }
        if (more >> 20).is_multiple_of(5) {
            let count = 1 + (more >> 24) as usize % MAX_REACTIONS;
            for (k, names) in REACTIONS.iter().take(count).enumerate() {
                let bits = more >> (28 + 8 * k);
                message.add_reaction(names[bits as usize & 3], 1 + (bits >> 4 & 15) as i32);
            }
        }
        message
    }

    /// The `step`-th row of a fixed order that visits each row once.
    #[inline]
    pub(crate) fn scattered(&self, step: u64) -> u64 {
        ((u128::from(step) * u128::from(self.stride) + 12345) % u128::from(self.rows)) as u64
    }

    /// Sum of all rows' digests as first written, and their bytes.
    pub(crate) fn totals(&self, rows: u64) -> (u64, u64) {
        (0..rows).fold((0, 0), |(sum, bytes): (u64, u64), row| {
            let message = self.row(row, 0);
            (sum.wrapping_add(message.digest()), bytes + message.logical_bytes())
        })
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Lengths by the log-normal law (sigma 0.85, mean about 120): normal numbers by Box and Muller's
/// way from a grid of 64 by 64 points, so that they are the same everywhere.
fn lengths() -> Vec<u16> {
    let grid = |i: u32| (f64::from(i) + 0.5) / 64.0;
    let normal = |i: u32| (-2.0 * grid(i / 64).ln()).sqrt() * (std::f64::consts::TAU * grid(i % 64)).cos();
    (0..64 * 64).map(|i| (84.0 * (0.85 * normal(i)).exp()).clamp(4.0, LONGEST_TEXT as f64) as u16).collect()
}

/// Text of made-up words, and where its words begin.
fn text(seed: u64) -> (String, Vec<u32>) {
    let mut random = Random::new(seed ^ 0x7E47);
    let words = vocabulary(&mut random);
    let zipf = Zipf::new(words.len(), 1.0);
    let mut text = String::with_capacity(TEXT_BYTES + 64);
    let mut starts = Vec::new();
    while text.len() < TEXT_BYTES {
        if text.len() + LONGEST_TEXT + 100 < TEXT_BYTES {
            starts.push(text.len() as u32);
        }
        text.push_str(&words[zipf.rank(random.next())]);
        text.push_str(match random.below(24) {
            0 => ". ",
            1 => ", ",
            2 => "? ",
            _ => " ",
        });
    }
    (text, starts)
}

/// Words of one to three syllables, the short ones first: so they are the frequent ones, as in a
/// language.
fn vocabulary(random: &mut Random) -> Vec<String> {
    const ONSETS: [&str; 24] = [
        "b", "c", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "th", "st", "sh",
        "tr", "pr", "gr", "", "",
    ];
    const VOWELS: [&str; 11] = ["a", "e", "i", "o", "u", "e", "a", "ea", "ou", "ai", "ee"];
    const CODAS: [&str; 16] =
        ["", "", "", "n", "r", "t", "s", "l", "d", "ng", "nt", "st", "m", "ck", "ll", "ly"];
    let mut words = Vec::with_capacity(WORDS);
    let mut seen = HashSet::new();
    let mut pick = |from: &[&'static str]| from[random.below(from.len() as u64) as usize];
    while words.len() < WORDS {
        let syllables = match words.len() {
            0..60 => 1,
            60..360 => 1 + words.len() % 2,
            _ => 2 + words.len() % 2,
        };
        let mut word = String::new();
        for _ in 0..syllables {
            word.push_str(pick(&ONSETS));
            word.push_str(pick(&VOWELS));
            word.push_str(if words.len() < 60 { "" } else { pick(&CODAS) });
        }
        // Few short words can be made: what exists already gets a letter more.
        while !seen.insert(word.clone()) {
            word.push_str(pick(&CODAS));
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_function_of_their_number_and_have_the_shape_that_is_promised() {
        let generator = Generator::new(100_000, 1, 42);
        let again = Generator::new(100_000, 1, 42);
        let (mut content, mut edited, mut reacted, mut bytes) = (0, 0, 0, 0);
        for row in 0..100_000 {
            let message = generator.row(row, 0);
            assert_eq!(message.digest(), again.row(row, 0).digest());
            assert!(message.key.message_id % 2 == 0);
            content += message.content.len();
            edited += usize::from(message.edited_at.is_some());
            reacted += usize::from(!message.reactions().is_empty());
            bytes += message.logical_bytes();
        }
        assert!((112..128).contains(&(content / 100_000)), "{content}");
        assert!((9_500..10_500).contains(&edited), "{edited}");
        assert!((19_500..20_500).contains(&reacted), "{reacted}");
        assert!((156..172).contains(&(bytes / 100_000)), "{bytes}");
        assert_ne!(generator.row(5, 0).digest(), generator.row(5, 1).digest());
        assert_eq!(generator.row(5, 0).key, generator.row(5, 1).key);
    }

    #[test]
    fn partitions_follow_zipfs_law() {
        let generator = Generator::new(500_000, 1, 42);
        let mut counts = vec![0u32; generator.partitions().len()];
        for row in 0..500_000 {
            counts[generator.partition_of(row)] += 1;
        }
        let weight: f64 = (1..=1000).map(|rank| f64::from(rank).powf(-0.99)).sum();
        for rank in [0usize, 1, 9, 99, 999] {
            let expected = 500_000.0 * ((rank + 1) as f64).powf(-0.99) / weight;
            let error = (f64::from(counts[rank]) - expected).abs();
            assert!(error < 6.0 * expected.sqrt(), "rank {rank}: {} for {expected}", counts[rank]);
        }
    }

    #[test]
    fn the_scattered_order_visits_every_row_once() {
        let generator = Generator::new(7_001, 1, 42);
        let seen: HashSet<u64> = (0..7_001).map(|step| generator.scattered(step)).collect();
        assert_eq!(seen.len(), 7_001);
    }
}
