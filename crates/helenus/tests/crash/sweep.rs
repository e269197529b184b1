//! Power cuts and kills at every operation that changes the disk, and again at every one of the
//! recovery.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use helenus::{Database, Durability};
use helenus_sim::SimDisk;

use crate::run::{DURABILITIES, Runner, account, clock, contents, options, table, write};
use crate::workload::{Cell, Change, Contents, Op, everything, in_all_versions, states};

/// The sampling of points, and the most points of a recovery.
#[derive(Clone, Copy)]
struct Sampling {
    every: u64,
    recovery_every: u64,
    per_recovery: u64,
}

impl Sampling {
    fn chosen() -> Self {
        let sample = |every| Self { every, recovery_every: 7, per_recovery: 4 };
        match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
            Ok("all") => Self { every: 1, recovery_every: 1, per_recovery: u64::MAX },
            Ok(every) => sample(every.parse().unwrap()),
            Err(_) => sample(4),
        }
    }
}

/// The state of the disk after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    PowerCut,
}

/// The allowed states: those after a range of operations.
pub(crate) struct Allowed<'a> {
    pub(crate) states: &'a [Contents],
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Allowed<'_> {
    pub(crate) fn check(&self, found: &Contents, what: &str) {
        let allowed = self.states.get(self.from..=self.to.min(self.states.len() - 1)).unwrap();
        if allowed.contains(found) {
            return;
        }
        let elsewhere: Vec<usize> =
            self.states.iter().enumerate().filter(|(_, state)| *state == found).map(|(at, _)| at).collect();
        let last = allowed.last().unwrap();
        panic!(
            "{what}: no state after {} to {} operations (it is the one after {elsewhere:?}); against the last: {}",
            self.from,
            self.to,
            difference(last, found),
        );
    }
}

/// The difference, in short.
pub(crate) fn difference(expected: &Contents, found: &Contents) -> String {
    let mut text = format!("types {:?} and {:?}; ", expected.types, found.types);
    let names: std::collections::BTreeSet<_> = expected.tables.keys().chain(found.tables.keys()).collect();
    for name in names {
        match (expected.tables.get(name), found.tables.get(name)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                let short = |rows: &crate::workload::Table| -> Vec<String> {
                    let cut = |(k, v): (&String, &String)| format!("{k}={:.10}", v);
                    rows.rows
                        .iter()
                        .map(|(k, row)| format!("{k:?} {:?}", row.iter().map(cut).collect::<Vec<_>>()))
                        .collect()
                };
                text += &format!(
                    "{name}: {:?} expected, {:?} found, columns {:?} {:?}; ",
                    short(a),
                    short(b),
                    a.columns,
                    b.columns
                );
            }
            (a, _) => text += &format!("{name}: {}; ", if a.is_some() { "missing" } else { "should not be" }),
        }
    }
    text
}

/// The number of operations that are durable in any mode, after `acknowledged` acknowledged ones.
pub(crate) fn durable(ops: &[Op], acknowledged: usize) -> usize {
    let settles =
        |op: &Op| !matches!(op, Op::Write(_) | Op::Count { .. } | Op::Steps(_) | Op::Advance(_) | Op::Drop);
    ops.iter().take(acknowledged).rposition(settles).map_or(0, |at| at + 1)
}

#[derive(Default)]
struct Counts {
    points: AtomicUsize,
    images: AtomicUsize,
    second: AtomicUsize,
}

struct Sweep<'a> {
    durability: Durability,
    name: &'a str,
    ops: &'a [Op],
    states: &'a [Contents],
    sampling: Sampling,
    counts: Counts,
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

fn sweep(mode: usize) {
    let (name, durability) = DURABILITIES[mode];
    let ops = everything(7);
    let states = states(&ops);
    let sweep = Sweep {
        durability,
        name,
        ops: &ops,
        states: &states,
        sampling: Sampling::chosen(),
        counts: Counts::default(),
    };
    let total = sweep.clean();
    // A sample takes other points in each mode.
    let mut point = 1 + mode as u64 % sweep.sampling.every;
    while point <= total {
        sweep.point(point);
        point += sweep.sampling.every;
    }
    let Counts { points, images, second } = &sweep.counts;
    println!(
        "{name}: {} operations change the disk {total} times; {} points, {} disks after them, {} crashes of recoveries",
        ops.len(),
        points.load(Relaxed),
        images.load(Relaxed),
        second.load(Relaxed),
    );
    assert!(total > 500, "{total}");
}

impl Sweep<'_> {
    /// The workload without a crash: after each operation what is read is what the model says.
    /// Returns how often the disk was changed.
    fn clean(&self) -> u64 {
        let disk = SimDisk::new();
        let mut runner = Runner::new(&disk, self.durability);
        for (at, op) in self.ops.iter().enumerate() {
            runner.step(op).unwrap_or_else(|e| panic!("operation {at}, {op:?}: {e}"));
            let (found, _) = contents(runner.db()).unwrap();
            let what = format!("{} operation {at}, {op:?}", self.name);
            Allowed { states: self.states, from: at + 1, to: at + 1 }.check(&found, &what);
        }
        disk.changes()
    }

    /// One crash, and what a power cut and a kill leave.
    fn point(&self, point: u64) {
        self.counts.points.fetch_add(1, Relaxed);
        let disk = SimDisk::new();
        disk.crash_at(point);
        let mut runner = Runner::new(&disk, self.durability);
        let (acknowledged, error) = runner.run(self.ops);
        for crash in [Crash::PowerCut, Crash::Kill] {
            let exact = self.durability == Durability::Sync || crash == Crash::Kill;
            let from = if exact { acknowledged } else { durable(self.ops, acknowledged) };
            let allowed = Allowed { states: self.states, from, to: acknowledged + 1 };
            let image = if crash == Crash::Kill { disk.kill() } else { disk.crash(point) };
            let what = format!(
                "{}, {crash:?} at change {point} in operation {acknowledged}, {:.160} ({})",
                self.name,
                format!("{:?}", self.ops.get(acknowledged)),
                error.as_ref().map_or_else(String::new, ToString::to_string),
            );
            self.image(&image, &allowed, crash, point, &what);
        }
    }

    /// Opens what a crash left: an allowed state, no file too many, also if the recovery crashes
    /// too.
    fn image(&self, image: &SimDisk, allowed: &Allowed<'_>, crash: Crash, point: u64, what: &str) {
        self.counts.images.fetch_add(1, Relaxed);
        let first = image.kill();
        let (found, newest) = {
            let db = self.open(&first, what);
            let (found, newest) = contents(&db).unwrap_or_else(|e| panic!("{what}: {e}"));
            allowed.check(&found, what);
            account(&first, &db);
            (found, newest)
        };
        let sampled = point.is_multiple_of(self.sampling.recovery_every) || self.sampling.recovery_every == 1;
        if sampled {
            let points = first.changes();
            let every = points.div_ceil(self.sampling.per_recovery).max(1);
            for at in (1 + point % every..=points).step_by(usize::try_from(every).unwrap()) {
                self.second(image, &found, allowed, crash, at, what);
            }
        }
        self.goes_on(&first, found, newest, what);
    }

    /// A crash of the recovery; the next one gives the same.
    fn second(
        &self,
        image: &SimDisk,
        found: &Contents,
        allowed: &Allowed<'_>,
        crash: Crash,
        at: u64,
        what: &str,
    ) {
        let disk = image.kill();
        disk.crash_at(at);
        drop(options(&disk, &clock(), self.durability).open(super::run::DIR));
        for again in [Crash::PowerCut, Crash::Kill] {
            self.counts.second.fetch_add(1, Relaxed);
            let what = format!("{what}, then {again:?} at change {at} of the recovery");
            let disk = if again == Crash::Kill { disk.kill() } else { disk.crash(at) };
            let db = self.open(&disk, &what);
            let (second, _) = contents(&db).unwrap_or_else(|e| panic!("{what}: {e}"));
            account(&disk, &db);
            if (crash, again) == (Crash::Kill, Crash::PowerCut) {
                // Data that the kill left to the system may be lost now.
                let from = durable(self.ops, allowed.from);
                let from = if self.durability == Durability::Sync { allowed.from } else { from };
                Allowed { from, ..*allowed }.check(&second, &what);
            } else {
                assert!(second == *found, "{what}: {}", difference(found, &second));
            }
        }
    }

    /// The recovered database takes writes, newer than all before, and makes them durable.
    fn goes_on(&self, disk: &SimDisk, mut expected: Contents, newest: i64, what: &str) {
        let Some(events) = expected.tables.get_mut("app.events") else { return };
        let db = self.open(disk, what);
        let mut changes = Vec::new();
        for p in 0..4 {
            let statics = events.rows.iter().find(|((own, _), _)| *own == p);
            let statics = statics.and_then(|(_, row)| row.get("s")).cloned();
            events.rows.remove(&(p, None));
            for c in 0..6 {
                let cell = ("v", Cell::Text("probe".to_owned()));
                changes.push(Change::Put { table: "app.events", p, c: Some(c), cells: vec![cell] });
                let row = events.rows.entry((p, Some(c))).or_default();
                row.insert("v".to_owned(), "probe".to_owned());
                row.extend(statics.clone().map(|s| ("s".to_owned(), s)));
            }
        }
        write(&db, &changes).unwrap_or_else(|e| panic!("{what}: {e}"));
        let check = |db: &Database, when: &str| {
            let (found, _) = contents(db).unwrap_or_else(|e| panic!("{what}, {when}: {e}"));
            assert!(found == expected, "{what}, {when}: {}", difference(&expected, &found));
        };
        check(&db, "after a write");
        let events = table(&db, "app.events").unwrap();
        let select = events.select().key(0).limit(1);
        let mut rows = select.rows().unwrap();
        let cell = rows.next().unwrap().unwrap().cell(helenus::ColumnKind::Regular, 0).unwrap().unwrap();
        assert!(cell.timestamp.0 > newest, "{what}: timestamp {} after {newest}", cell.timestamp.0);
        drop(rows);
        db.flush().unwrap_or_else(|e| panic!("{what}: {e}"));
        let cut = disk.crash(1);
        check(&self.open(&cut, what), "after a flush and a power cut");
        db.compact().unwrap_or_else(|e| panic!("{what}: {e}"));
        check(&db, "after a compaction");
        drop((events, select, db));
        let db = self.open(disk, what);
        check(&db, "opened again");
        account(disk, &db);
    }

    fn open(&self, disk: &SimDisk, what: &str) -> Database {
        let opened = options(disk, &clock(), self.durability).open(super::run::DIR);
        opened.unwrap_or_else(|e| panic!("{what}: {e}"))
    }
}

/// The seeds of other workloads, each swept thinly: what one order of writes hides another shows.
#[test]
fn other_workloads() {
    let all = std::env::var("HELENUS_CRASH_POINTS").is_ok_and(|points| points == "all");
    let mut points = 0;
    for seed in 100..if all { 120 } else { 102 } {
        points += thinly(seed, &everything(seed), all);
    }
    println!("{points} points of other workloads");
}

/// SSTables of several versions in one table: what a crash leaves of each is known to be ours.
#[test]
fn several_versions() {
    let all = std::env::var("HELENUS_CRASH_POINTS").is_ok_and(|points| points == "all");
    let mut points = 0;
    for seed in 200..if all { 220 } else { 201 } {
        points += thinly(seed, &in_all_versions(seed), all);
    }
    println!("{points} points of workloads in several versions");
}

/// Crashes at some points of a workload; at how many.
fn thinly(seed: u64, ops: &[Op], all: bool) -> usize {
    let states = states(ops);
    let (name, durability) = DURABILITIES[usize::try_from(seed % 3).unwrap()];
    let sampling = Sampling { every: if all { 5 } else { 29 }, recovery_every: 11, per_recovery: 3 };
    let sweep = Sweep { durability, name, ops, states: &states, sampling, counts: Counts::default() };
    let total = sweep.clean();
    for point in (1 + seed % sampling.every..=total).step_by(usize::try_from(sampling.every).unwrap()) {
        sweep.point(point);
    }
    sweep.counts.points.load(Relaxed)
}
