//! Numbers that look random and are the same in every run (`SplitMix64`).

#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Mixed, so that no stream is another one a few numbers on.
        Self(mix(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which is not zero.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        u32::try_from(self.next() % u64::from(n.max(1))).unwrap_or_default()
    }

    /// True once in `n`.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        from.get(at as usize).copied().unwrap_or_default()
    }

    /// Words, as a literal of text.
    pub(crate) fn words(&mut self, count: u32) -> String {
        const WORDS: [&str; 10] =
            ["alpha", "beta", "gamma", "delta", "épsilon", "日本", "rho", "sigma", "tau", "omega"];
        let words: Vec<&str> = (0..count).map(|_| self.pick(&WORDS)).collect();
        format!("'{}'", words.join(" "))
    }

    /// Bytes, as a literal of blob.
    pub(crate) fn blob(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(2 + 2 * bytes);
        text.push_str("0x");
        while text.len() < 2 + 2 * bytes {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(2 + 2 * bytes);
        text
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
