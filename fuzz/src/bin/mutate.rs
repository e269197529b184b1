//! Runs targets over seeds and mutations of them, without libFuzzer:
//! `mutate CORPUS SECONDS [TARGET…]`.
//!
//! No coverage steers it. It is for machines on which libFuzzer does not build; a failure panics,
//! and the input is in the file that the last line names.

use std::path::Path;
use std::time::{Duration, Instant};

use helenus_fuzz::TARGETS;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let corpus = arguments.next().expect("the folder of seeds");
    let seconds: u64 = arguments.next().expect("seconds").parse().expect("a number of seconds");
    let wanted: Vec<String> = arguments.collect();
    for (name, target) in TARGETS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let seeds = read(&Path::new(&corpus).join(name));
        let last = std::env::temp_dir().join(format!("helenus-fuzz-{name}"));
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut runs = 0_u64;
        for seed in &seeds {
            target(seed);
        }
        while Instant::now() < end {
            for _ in 0..64 {
                let input = mutated(&seeds, &mut random);
                let guard = Keep { path: &last, input: &input };
                target(&input);
                std::mem::forget(guard);
                runs += 1;
            }
        }
        println!("{name}: {} seeds, {runs} mutations", seeds.len());
    }
}

/// Keeps the input if the target panics.
struct Keep<'a> {
    path: &'a Path,
    input: &'a [u8],
}

impl Drop for Keep<'_> {
    fn drop(&mut self) {
        let kept = std::fs::write(self.path, self.input);
        eprintln!("the input is in {}: {kept:?}", self.path.display());
    }
}

fn read(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![Vec::new()] };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    let mut seeds: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
    if seeds.is_empty() {
        seeds.push(Vec::new());
    }
    seeds
}

/// One to four changes of a seed: a bit flipped, a byte set, a run removed, doubled or taken from
/// another seed.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let len = random.below(input.len() - at + 1).min(1 + random.below(64));
        match random.below(6) {
            0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
            2 if at < input.len() => {
                input[at] = [0, 1, 0x7f, 0x80, 0xff, random.below(256) as u8][random.below(6)];
            }
            3 => drop(input.drain(at..at + len)),
            4 => {
                let run = input[at..at + len].to_vec();
                input.splice(at..at, run);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = from + random.below(other.len() - from + 1).min(64);
                input.splice(at..at + len, other[from..to].iter().copied());
            }
        }
    }
    input
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
