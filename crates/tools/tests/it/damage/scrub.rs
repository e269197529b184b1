//! The same damage, scrubbed: every row comes out whose bytes are not damaged themselves, and none
//! that was not there.
//!
//! As of `verify` a sample runs with the other tests, and all of it with
//! `HELENUS_DAMAGE=all cargo test --release -p helenus-tools --test it scrubbed_ -- --nocapture`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{RowRef, Unfiltered, UnfilteredStream};
use helenus_sstable::{Component, DataFile, Descriptor, Format, PageVerification, TableIndex};
use helenus_tools::{ScrubOptions, ScrubReport, ToolError, scrub};

use super::tables::{Table, legacy, made};
use super::{MASKS, MAX_HELD_BYTES, Places};

/// A row, marker or head of a partition, and where it stands.
struct Item {
    /// Where its partition begins, and that one's rows.
    head: (u64, u64),
    start: u64,
    end: u64,
    is_row: bool,
    text: String,
}

fn items(disk: &Arc<dyn Disk>, table: &Descriptor) -> Vec<Item> {
    let file = DataFile::open(disk, table, PageVerification::Skip).unwrap();
    let mut scan = file.scan();
    let mut items = Vec::new();
    let text = |row: &RowRef<'_>| {
        let mut packed = Vec::new();
        row.pack(&mut packed);
        format!("{packed:02x?}")
    };
    while scan.next_partition().unwrap() {
        let head = (scan.partition_position(), scan.position());
        let partition = UnfilteredStream::partition(&scan);
        let key = format!("{:02x?}", partition.key);
        let fixed = UnfilteredStream::static_row(&scan).map(|row| text(&row));
        let whole = format!("{key} {:?} {fixed:?}", partition.deletion);
        items.push(Item { head, start: head.0, end: head.1, is_row: false, text: whole });
        while scan.advance().unwrap() {
            let start = scan.current_position().unwrap();
            let (is_row, text) = match UnfilteredStream::current(&scan).unwrap() {
                Unfiltered::Row(row) => (true, text(&row)),
                Unfiltered::Marker(marker) => (false, format!("{marker:?}")),
            };
            let text = format!("{key} {text}");
            items.push(Item { head, start, end: scan.position(), is_row, text });
        }
    }
    items
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    cases: u64,
    /// Everything came out.
    whole: u64,
    /// All that is undamaged came out.
    part: u64,
    /// There was nothing to begin with: header or data were gone.
    refused: u64,
}

struct Sweep<'a> {
    table: &'a Table,
    items: Vec<Item>,
    /// Partitions of which the index knows the key.
    known: BTreeSet<u64>,
    counts: BTreeMap<(String, &'static str), Counts>,
    missed: Vec<String>,
}

fn run(disk: &Arc<dyn Disk>, table: &Descriptor) -> Result<ScrubReport, ToolError> {
    let options = ScrubOptions { skip_corrupted: true, ..ScrubOptions::default() };
    let go_on = &mut |_| ControlFlow::Continue(());
    Ok(scrub(disk, std::slice::from_ref(table), Path::new("/out"), &options, go_on)?.remove(0))
}

impl Sweep<'_> {
    /// Scrubs the table with another content of a file, or without it. `damaged` is where in the
    /// data.
    fn case(
        &mut self,
        name: &str,
        kind: &'static str,
        what: &str,
        bytes: Option<&[u8]>,
        damaged: Option<(u64, u64)>,
    ) {
        let table = self.table;
        let of = format!("{}: {name} {what}", table.name);
        let mut outcome = None;
        let held = allocation_counter::measure(|| {
            outcome = Some(catch_unwind(AssertUnwindSafe(|| {
                let disk = table.disk_with(name, bytes);
                let done = run(&disk, &table.descriptor);
                done.map(|report| {
                    let outputs = report.outputs.iter();
                    let items: Vec<Item> =
                        outputs.flat_map(|written| items(&disk, &written.descriptor)).collect();
                    (report, items)
                })
            })));
        });
        let Some(Ok(done)) = outcome else { panic!("{of}: panicked") };
        assert!(held.bytes_max < MAX_HELD_BYTES, "{of}: {} bytes at once", held.bytes_max);
        let component = table.component(name);
        let counts = self.counts.entry((name.to_owned(), kind)).or_default();
        counts.cases += 1;
        let (report, found) = match done {
            Ok(done) => done,
            Err(error) => {
                counts.refused += 1;
                let may_be = match component {
                    Component::Statistics => error.to_string().contains("Statistics.db"),
                    _ => kind == "gone" && component == Component::Data,
                };
                if !may_be {
                    self.missed.push(format!("{of}: {error}"));
                }
                return;
            }
        };
        let texts = |items: &[Item]| items.iter().map(|item| item.text.clone()).collect::<BTreeSet<String>>();
        let found_texts = texts(&found);
        if damaged.is_none() {
            if !report.is_lossy() && found_texts == texts(&self.items) {
                counts.whole += 1;
            } else if component == Component::Statistics && !table.has_checked_statistics() {
                // The rows under a wrong header are unpredictable.
                counts.part += 1;
            } else {
                self.missed.push(format!("{of}: {report}"));
            }
            return;
        }
        let hits = |from: u64, to: u64| damaged.is_some_and(|(start, end)| from < end && to > start);
        let expected = self.items.iter().filter(|item| {
            let has_key = !hits(item.head.0, item.head.1) || self.known.contains(&item.head.0);
            item.is_row && has_key && !hits(item.start, item.end)
        });
        let missing: Vec<&str> =
            expected.map(|item| &*item.text).filter(|text| !found_texts.contains(*text)).collect();
        let rows = self.items.iter().filter(|item| item.is_row).map(|item| &item.text);
        let rows: BTreeSet<&String> = rows.collect();
        let strange = found.iter().find(|item| item.is_row && !rows.contains(&item.text));
        match strange {
            Some(strange) => self.missed.push(format!("{of}: made up {}: {report}", strange.text)),
            None if !missing.is_empty() => {
                self.missed.push(format!("{of}: {} rows are missing: {report}", missing.len()));
            }
            None if !report.is_lossy() => counts.whole += 1,
            None => counts.part += 1,
        }
    }

    /// The uncompressed data that is lost with the byte at `offset` of Data.db, or with all after
    /// it.
    fn of_data(&self, data: &DataFile, offset: usize, is_cut: bool) -> (u64, u64) {
        let chunks = data.chunks();
        let offset = offset as u64;
        let chunk = match chunks.compression_info().unwrap() {
            Some(info) => info.offsets.iter().filter(|start| **start <= offset).count() - 1,
            None => usize::try_from(chunks.chunk_at(offset)).unwrap(),
        };
        let chunk = u32::try_from(chunk).unwrap();
        let [start, end] = [chunk, chunk + 1].map(|chunk| chunks.chunk_position(chunk).min(data.data_len()));
        (start, if is_cut { data.data_len() } else { end })
    }

    fn run(&mut self, places: Places) {
        let disk = self.table.disk_with("", None);
        let data = DataFile::open(&disk, &self.table.descriptor, PageVerification::Skip).unwrap();
        for name in self.table.file_names() {
            let is_data = self.table.component(&name) == Component::Data;
            let mut bytes = self.table.file(&name).to_vec();
            let step = places.step(bytes.len());
            for (count, offset) in (0..bytes.len()).step_by(step).enumerate() {
                let damaged = is_data.then(|| self.of_data(&data, offset, false));
                let mask = MASKS[count % MASKS.len()];
                bytes[offset] ^= mask;
                let what = format!("flipped at {offset} by {mask:02x}");
                self.case(&name, "flip", &what, Some(&bytes), damaged);
                bytes[offset] ^= mask;
                let damaged = is_data.then(|| self.of_data(&data, offset, true));
                self.case(&name, "cut", &format!("cut at {offset}"), Some(&bytes[..offset]), damaged);
            }
            self.case(&name, "gone", "gone", None, None);
        }
    }
}

fn sweep(table: &Table, places: Places) -> Counts {
    let disk = table.disk_with("", None);
    let data = DataFile::open(&disk, &table.descriptor, PageVerification::Skip).unwrap();
    let index = TableIndex::open(&disk, &data, PageVerification::Skip).unwrap();
    let mut walk = index.partitions();
    let mut known = BTreeSet::new();
    while let Some(partition) = walk.next().unwrap() {
        if table.descriptor.format() == Format::Big || partition.deletion().is_some() {
            known.insert(partition.position());
        }
    }
    let items = items(&disk, &table.descriptor);
    let mut sweep = Sweep { table, items, known, counts: BTreeMap::new(), missed: Vec::new() };
    sweep.run(places);
    let mut all = Counts::default();
    for ((name, kind), counts) in &sweep.counts {
        let Counts { cases, whole, part, refused } = counts;
        let component = table.component(name);
        println!(
            "| {} | {} | {kind} | {cases} | {whole} | {part} | {refused} |",
            table.name,
            component.name()
        );
        all.cases += cases;
        all.whole += whole;
        all.part += part;
        all.refused += refused;
    }
    let shown = sweep.missed.iter().take(20).map(|missed| format!("\n{missed}")).collect::<String>();
    assert!(sweep.missed.is_empty(), "{}: {} cases{shown}", table.name, sweep.missed.len());
    all
}

fn sweep_all(tables: &[Table]) {
    let (places, part) = Places::chosen();
    let mut all = Counts::default();
    for table in tables.iter().filter(|table| table.name.contains(&part)) {
        let counts = sweep(table, places);
        all.cases += counts.cases;
        all.whole += counts.whole;
        all.part += counts.part;
        all.refused += counts.refused;
    }
    println!("{all:?}");
    assert!(all.cases == 0 || all.whole > 10 && all.part > 10, "{all:?}");
}

#[test]
fn scrubbed_tables_of_ours_keep_what_is_undamaged() {
    sweep_all(&made());
}

#[test]
fn scrubbed_tables_of_cassandra_keep_what_is_undamaged() {
    let is_whole = std::env::var_os("HELENUS_DAMAGE").is_some();
    sweep_all(&legacy(|folder| folder.ends_with("_simple") || is_whole && folder.ends_with("_clust")));
}
