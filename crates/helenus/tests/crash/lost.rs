//! Files of the log that are gone from a database that was not closed: each segment, the newest
//! too, and each two. It is refused by name, or nothing is missing that was acknowledged.

use std::path::{Path, PathBuf};

use helenus::{Disk, ErrorKind};
use helenus_sim::{Rng, SimDisk};

use crate::run::{DIR, DURABILITIES, Runner, clock, contents, files, options};
use crate::sweep::{Allowed, durable};
use crate::workload::{everything, states};

/// One operation of the workload in this many is followed by a crash.
fn every(sample: usize) -> usize {
    match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
        Ok("all") => 1,
        Ok(every) => every.parse().unwrap(),
        Err(_) => sample,
    }
}

#[derive(Default)]
struct Counts {
    images: usize,
    opened: usize,
    refused: usize,
}

fn log() -> PathBuf {
    Path::new(DIR).join("commitlog")
}

/// Opens what is left without those files of the log.
fn without(image: &SimDisk, lost: &[&PathBuf], allowed: &Allowed<'_>, what: &str, counts: &mut Counts) {
    let what = format!("{what}, without {lost:?}");
    let disk = image.kill();
    for name in lost {
        disk.remove_file(&log().join(name)).unwrap();
    }
    counts.images += 1;
    let open = || options(&disk, &clock(), DURABILITIES[2].1);
    match open().open(DIR) {
        Ok(db) => {
            counts.opened += 1;
            let found = contents(&db).unwrap_or_else(|error| panic!("{what}: {error}")).0;
            allowed.check(&found, &what);
        }
        Err(error) => {
            counts.refused += 1;
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {text}");
            let names = lost.iter().any(|name| text.contains(name.to_str().unwrap()));
            let is_of_end = ["and all after it are missing", "the log ends in segment"];
            assert!(names || is_of_end.iter().any(|part| text.contains(part)), "{what}: {text}");
            assert!(text.contains("accept_lost_log"), "{what}: {text}");
            // Refusing it changed nothing; accepting the loss gives the rest, which stays.
            let read = |db: helenus::Database| contents(&db).unwrap_or_else(|e| panic!("{what}: {e}")).0;
            let accepted = open().accept_lost_log(true).open(DIR).unwrap_or_else(|e| panic!("{what}: {e}"));
            let left = read(accepted);
            assert!(read(open().open(DIR).unwrap_or_else(|e| panic!("{what}: {e}"))) == left, "{what}");
        }
    }
}

fn sweep(mode: usize) {
    let (name, durability) = DURABILITIES[mode];
    let ops = everything(31);
    let states = states(&ops);
    let (every, mut rng) = (every(9), Rng::new(mode as u64));
    let disk = SimDisk::new();
    let mut runner = Runner::new(&disk, durability);
    let mut counts = Counts::default();
    for (at, op) in ops.iter().enumerate() {
        runner.step(op).unwrap();
        if !(at + mode).is_multiple_of(every) {
            continue;
        }
        let done = at + 1;
        let made_durable = if mode == 0 { done } else { durable(&ops, done) };
        for (image, from, crash) in
            [(disk.kill(), done, "a kill"), (disk.crash(rng.next()), made_durable, "a power cut")]
        {
            let allowed = Allowed { states: &states, from, to: done };
            let what = format!("{name}, {crash} after operation {at}, {op:.80?}");
            let names = files(&image, &log());
            for (nth, first) in names.iter().enumerate() {
                without(&image, &[first], &allowed, &what, &mut counts);
                for second in &names[nth + 1..] {
                    without(&image, &[first, second], &allowed, &what, &mut counts);
                }
            }
        }
    }
    let Counts { images, opened, refused } = counts;
    println!(
        "{name}: {images} logs with files missing: {refused} refused, {opened} opened with all that counts"
    );
    assert!(refused > 20 && opened > 20, "{refused} and {opened}");
}

#[test]
fn sync() {
    sweep(0);
}

#[test]
fn periodic() {
    sweep(1);
}

#[test]
fn buffered() {
    sweep(2);
}
