//! Every byte of every file of small tables flipped, every length cut, every file swapped for
//! another table's: `verify` finds it, or what is read of the table is what it was.
//!
//! A sample of the places runs with the other tests, all of them with
//! `HELENUS_DAMAGE=all cargo test --release -p helenus-tools --test it every_byte_ -- --nocapture`,
//! for an hour. It prints a line of counts for each component. With a part of a name instead of
//! `all` it takes the tables of such names alone.

mod reading;
mod scrub;
pub(crate) mod tables;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use helenus_tools::{Depth, verify};

use self::reading::{Content, read};
use self::tables::{Table, legacy, made};

/// The memory that one case may hold at once: readers' windows, chunks of the length that a damaged
/// file claims for them, and some copies of the table.
const MAX_HELD_BYTES: u64 = 24 << 20;

/// Files larger than this are damaged at one place in [`LARGE_STEP`], with one mask, which goes
/// round. Of those that are swept only the Index.db of a few tables with long clusterings are.
const SMALL_FILE_LEN: usize = 16 << 10;
const LARGE_STEP: usize = 37;

const MASKS: [u8; 3] = [0x01, 0x80, 0xff];

/// The results of the cases of one component.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    cases: u64,
    /// `verify` said so.
    found: u64,
    /// It found nothing, and everything that is read is as before.
    unaffected: u64,
    /// It found nothing, and a column is called otherwise. Statistics.db of before 4.0 has no
    /// checksum, and what columns are called only the schema knows.
    renamed: u64,
}

/// The damaged places of a file.
#[derive(Clone, Copy)]
enum Places {
    All,
    /// This many of each kind of damage, spread over the file.
    Some(usize),
}

impl Places {
    /// The choice by HELENUS_DAMAGE: all places of the tables with that in their names, or some of
    /// all tables.
    fn chosen() -> (Places, String) {
        match std::env::var("HELENUS_DAMAGE").ok() {
            None => (Places::Some(11), String::new()),
            Some(all) if all == "all" => (Places::All, String::new()),
            Some(part) => (Places::All, part),
        }
    }

    fn step(self, len: usize) -> usize {
        match self {
            Places::All if len > SMALL_FILE_LEN => LARGE_STEP,
            Places::All => 1,
            // No divisor of the lengths of what repeats in files.
            Places::Some(count) => (len / count) | 1,
        }
    }
}

struct Sweep<'a> {
    table: &'a Table,
    expected: Content,
    /// By component and kind of damage.
    counts: BTreeMap<(String, &'static str), Counts>,
    /// Damage that was neither found nor harmless.
    missed: Vec<String>,
}

impl Sweep<'_> {
    /// Reads and verifies the table with another content of a file, or without it.
    fn case(&mut self, name: &str, kind: &'static str, what: &str, bytes: Option<&[u8]>) {
        let table = self.table;
        let of = format!("{}: {name} {what}", table.name);
        let mut outcome = None;
        let held = allocation_counter::measure(|| {
            outcome = Some(catch_unwind(AssertUnwindSafe(|| {
                let disk = table.disk_with(name, bytes);
                let report = verify(&disk, &table.descriptor, Depth::Extended, &mut |_| {});
                (report.is_clean(), read(&disk, &table.descriptor, &self.expected))
            })));
        });
        let Some(Ok((is_clean, found))) = outcome else { panic!("{of}: panicked") };
        assert!(held.bytes_max < MAX_HELD_BYTES, "{of}: {} bytes at once", held.bytes_max);
        let counts = self.counts.entry((name.to_owned(), kind)).or_default();
        counts.cases += 1;
        match found {
            _ if !is_clean => counts.found += 1,
            Ok(found) if found == self.expected => counts.unaffected += 1,
            Ok(found)
                if found.rows == self.expected.rows
                    && found.shape == self.expected.shape
                    && name.ends_with("-Statistics.db")
                    && !table.has_checked_statistics() =>
            {
                counts.renamed += 1;
            }
            Ok(found) => self.missed.push(format!("{of}: {}", found.difference(&self.expected))),
            Err(error) => self.missed.push(format!("{of}: not read: {error}")),
        }
    }

    fn flips(&mut self, name: &str, places: Places) {
        let mut bytes = self.table.file(name).to_vec();
        for (count, offset) in (0..bytes.len()).step_by(places.step(bytes.len())).enumerate() {
            let is_each = bytes.len() <= SMALL_FILE_LEN && matches!(places, Places::All);
            for mask in if is_each { &MASKS[..] } else { &MASKS[count % MASKS.len()..][..1] } {
                bytes[offset] ^= mask;
                self.case(name, "flip", &format!("flipped at {offset} by {mask:02x}"), Some(&bytes));
                bytes[offset] ^= mask;
            }
        }
    }

    fn cuts(&mut self, name: &str, places: Places) {
        let bytes = self.table.file(name);
        for len in (0..bytes.len()).step_by(places.step(bytes.len())) {
            self.case(name, "cut", &format!("cut at {len}"), Some(&bytes[..len]));
        }
        self.case(name, "gone", "gone", None);
    }

    fn swaps(&mut self, name: &str, others: &[Table]) {
        let component = self.table.component(name);
        for other in others.iter().filter(|other| other.name != self.table.name) {
            if let Some(bytes) = other.of_component(&component) {
                self.case(name, "swap", &format!("of {}", other.name), Some(bytes));
            }
        }
    }
}

/// Damages each file of the table in each way; a line of counts for each component and kind.
fn sweep(table: &Table, others: &[Table], places: Places) -> BTreeMap<(String, &'static str), Counts> {
    let disk = table.disk_with("", None);
    let report = verify(&disk, &table.descriptor, Depth::Extended, &mut |_| {});
    assert!(report.is_clean(), "{}: {report}", table.name);
    let expected = read(&disk, &table.descriptor, &Content::default()).unwrap();
    // Once more with all lookups, whose places are known now.
    let expected = read(&disk, &table.descriptor, &expected).unwrap();
    let mut sweep = Sweep { table, expected, counts: BTreeMap::new(), missed: Vec::new() };
    for name in table.file_names() {
        sweep.flips(&name, places);
        sweep.cuts(&name, places);
        sweep.swaps(&name, others);
    }
    let shown = sweep.missed.iter().take(40).map(|missed| format!("\n{missed}")).collect::<String>();
    assert!(sweep.missed.is_empty(), "{}: {} cases are not noticed:{shown}", table.name, sweep.missed.len());
    sweep.counts
}

/// Prints the counts, and adds them up.
fn told(table: &Table, counts: &BTreeMap<(String, &'static str), Counts>) -> Counts {
    let mut all = Counts::default();
    for ((name, kind), counts) in counts {
        let component = table.component(name);
        let Counts { cases, found, unaffected, renamed } = counts;
        println!(
            "| {} | {} | {kind} | {cases} | {found} | {unaffected} | {renamed} |",
            table.name,
            component.name()
        );
        all.cases += cases;
        all.found += found;
        all.unaffected += unaffected;
        all.renamed += renamed;
    }
    all
}

/// All places of the tables that HELENUS_DAMAGE names, or some of all.
fn sweep_all(tables: &[Table]) {
    let (places, part) = Places::chosen();
    let mut all = Counts::default();
    for table in tables.iter().filter(|table| table.name.contains(&part)) {
        let counts = told(table, &sweep(table, tables, places));
        all.cases += counts.cases;
        all.found += counts.found;
        all.unaffected += counts.unaffected;
        all.renamed += counts.renamed;
    }
    println!("{all:?}");
    assert!(all.cases == 0 || all.found > 100 && all.unaffected > 1, "{all:?}");
}

#[test]
fn every_byte_of_tables_of_ours() {
    sweep_all(&made());
}

#[test]
fn every_byte_of_tables_of_cassandra() {
    let is_whole = std::env::var_os("HELENUS_DAMAGE").is_some();
    // The others are larger, and of the same kinds.
    let is_quick = |folder: &str| folder.ends_with("_simple") || folder.ends_with("_simple_counter");
    sweep_all(&legacy(|folder| is_quick(folder) || is_whole && !folder.ends_with("_clust_counter_compact")));
}
