//! Samples the reads that verify checksums, for the table option `crc_check_chance`.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::compression::ChunkVerification;

/// Decides which reads compare checksums (the table option `crc_check_chance`): evenly, so that of
/// any stretch of reads the share is the one asked for, without a source of randomness.
#[derive(Debug)]
pub(crate) struct CrcSampler {
    /// The chance, in units of 2^-32 less one: the largest number is certainty.
    threshold: AtomicU32,
    sampled: AtomicU32,
}

impl Default for CrcSampler {
    /// Every read is checked.
    fn default() -> Self {
        Self { threshold: AtomicU32::new(u32::MAX), sampled: AtomicU32::new(0) }
    }
}

impl CrcSampler {
    /// Sets the chance, which is brought into 0 to 1.
    pub(crate) fn set_chance(&self, chance: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a chance of at most 1 scales to 32 bits, saturating"
        )]
        let threshold = (chance.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        self.threshold.store(threshold, Relaxed);
    }

    /// Whether the next read is checked.
    #[inline]
    pub(crate) fn sample(&self) -> ChunkVerification {
        let threshold = self.threshold.load(Relaxed);
        if threshold == u32::MAX {
            return ChunkVerification::Check;
        }
        // Multiples of the golden ratio spread evenly over the circle.
        let place = self.sampled.fetch_add(1, Relaxed).wrapping_mul(0x9E37_79B1);
        if place < threshold { ChunkVerification::Check } else { ChunkVerification::Skip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_checked_reads_is_the_chance() {
        let sampler = CrcSampler::default();
        for (chance, expected) in [(1.0, 1000), (0.0, 0), (0.25, 250), (0.5, 500), (7.0, 1000), (-1.0, 0)] {
            sampler.set_chance(chance);
            let checked = (0..1000).filter(|_| sampler.sample() == ChunkVerification::Check).count();
            assert!(checked.abs_diff(expected) <= 3, "{chance}: {checked} of 1000");
        }
    }
}
