//! The cost of a phase: time, processor, memory, bytes written; and the durations of its calls.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Counters of the process at the start of a phase.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    cpu: Duration,
    written: u64,
    busy: f64,
}

/// What there was since a [`Meter`] was started. Counters that the system doesn't offer are zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) secs: f64,
    pub(crate) cpu_secs: f64,
    /// Bytes that the process had the file system write.
    pub(crate) write_bytes: u64,
    pub(crate) peak_rss_bytes: u64,
    /// Processor time of other processes meanwhile, which disturbs.
    pub(crate) foreign_cpu_secs: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        // Linux forgets the highest memory use so far; elsewhere the peak is the process's.
        drop(fs::write("/proc/self/clear_refs", "5"));
        Self { cpu: own_cpu(), written: written(), busy: busy_secs(), began: Instant::now() }
    }

    pub(crate) fn secs(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    pub(crate) fn read(&self) -> Reading {
        let secs = self.secs();
        let cpu_secs = own_cpu().saturating_sub(self.cpu).as_secs_f64();
        Reading {
            secs,
            cpu_secs,
            write_bytes: written().saturating_sub(self.written),
            peak_rss_bytes: peak_rss(),
            foreign_cpu_secs: (busy_secs() - self.busy - cpu_secs).max(0.0),
        }
    }
}

/// Processor time of all threads of the process, in user and system mode.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn field_of(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn written() -> u64 {
    field_of("/proc/self/io", "write_bytes:")
}

fn peak_rss() -> u64 {
    field_of("/proc/self/status", "VmHWM:") << 10
}

/// Memory of the process that is there now.
pub(crate) fn rss_bytes() -> u64 {
    field_of("/proc/self/status", "VmRSS:") << 10
}

/// Seconds that the machine's processors were busy, with any process.
fn busy_secs() -> f64 {
    const TICKS_PER_SEC: f64 = 100.0;
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|&field| ticks.get(field)).sum::<f64>();
    busy / TICKS_PER_SEC
}

/// Bytes that a directory's files take on the disk.
pub(crate) fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Counts of durations, within 1.6 % of each.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    /// Nanoseconds below 64 one by one, then 64 steps for each power of two.
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

const STEPS: u64 = 64;

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; Self::bucket(u64::MAX) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    #[inline]
    fn bucket(nanos: u64) -> usize {
        let power = u64::from(nanos.max(STEPS).ilog2() - STEPS.ilog2());
        usize::try_from((nanos >> power) + power * STEPS).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(Self::bucket(nanos)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// The number of durations recorded.
    pub(crate) fn len(&self) -> u64 {
        self.total
    }

    pub(crate) fn max_micros(&self) -> f64 {
        self.max as f64 / 1e3
    }

    /// The duration that `per_mille` of a thousand don't exceed, in µs.
    pub(crate) fn per_mille_micros(&self, per_mille: u64) -> f64 {
        let wanted = (self.total * per_mille).div_ceil(1000);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let bucket = bucket.unwrap_or(0) as u64;
        let power = (bucket / STEPS).saturating_sub(1);
        let nanos = (bucket - power * STEPS) << power;
        nanos as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_step() {
        let mut histogram = Histogram::default();
        for nanos in 1..=100_000u64 {
            histogram.record(Duration::from_nanos(nanos));
        }
        for per_mille in [1, 10, 500, 990, 999] {
            let expected = per_mille as f64 / 10.0;
            let got = histogram.per_mille_micros(per_mille);
            assert!((got - expected).abs() <= expected * 0.017 + 0.001, "{per_mille}: {got}");
        }
        assert_eq!(histogram.len(), 100_000);
        assert!((histogram.max_micros() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn every_duration_has_a_bucket() {
        let mut before = 0;
        for power in 0..64 {
            for nanos in [1u64 << power, (1 << power) | (1 << power) >> 1] {
                let bucket = Histogram::bucket(nanos);
                assert!(bucket >= before, "{nanos}");
                before = bucket;
            }
        }
        Histogram::default().record(Duration::MAX);
    }
}
