//! Faults that last: operations on one file or one directory give a real error from some step of a
//! workload on, until they are lifted some steps later. Acknowledged data is there all the while
//! and after each kill, other tables continue, health reports the fault, and after the lift
//! everything recovers by itself. Step by step, and with engine threads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use helenus::{Disk, Durability, ErrorKind, HealthIssue, HealthStatus};
use helenus_io::Operation;
use helenus_sim::{Errno, Fault, FaultId, Rng, SimDisk};

use crate::run::{DIR, DURABILITIES, Runner, account, contents, files, rows_of};
use crate::sweep::difference;
use crate::workload::{Change, Contents, Effect, Model, Op, data, tables};

/// The place of the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The directory of a table.
    Table(&'static str),
    /// One file of a table.
    FileOf(&'static str),
    /// The directory of the log.
    Log,
    /// One segment of the log.
    Segment,
    Manifest,
    Schema,
    /// Everything.
    Database,
}

const PLACES: [Place; 8] = [
    Place::Table("app.events"),
    Place::FileOf("app.events"),
    Place::Table("app.notes"),
    Place::Log,
    Place::Segment,
    Place::Manifest,
    Place::Schema,
    Place::Database,
];

/// Steps before the faults begin: the tables are made, and something is in them.
const BEFORE: usize = 12;
/// The number of steps that the faults last.
const LONGEST: usize = 16;
/// The time that threads may take to notice that the cause of a failure is gone, and the interval
/// of the checks.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);
/// From this number of candidates on, a fault is lifted early: reads could not distinguish them
/// while it lasts.
const MOST_CANDIDATES: usize = 64;

/// One fault in one workload.
#[derive(Clone, Copy, Debug)]
struct Case {
    seed: u64,
    durability: (&'static str, Durability),
    place: Place,
    errno: Errno,
    /// Whether the medium can still be read; what the error strikes otherwise is up to it.
    reads: bool,
    from: usize,
    lasts: usize,
    threads: bool,
    /// Whether the database is opened anew half way.
    opens: bool,
}

/// A workload whose steps may each fail, and the later ones still make sense.
fn workload(seed: u64) -> Vec<Op> {
    let mut rng = Rng::new(seed);
    let mut ops = tables();
    for op in data(seed, 56) {
        ops.push(op);
        if rng.chance(1, 8) {
            ops.push(Op::Advance(Duration::from_secs(1)));
        }
    }
    let create = Op::Schema(
        "CREATE TABLE app.extra (p int PRIMARY KEY, v text)".to_owned(),
        Effect::CreateTable("app.extra", vec!["v"]),
    );
    let middle = BEFORE + rng.index(ops.len() - BEFORE);
    ops.insert(middle, create);
    ops.insert(BEFORE + rng.index(ops.len() - BEFORE), Op::Truncate("app.notes"));
    ops
}

struct Run {
    case: Case,
    disk: SimDisk,
    runner: Runner,
    rng: Rng,
    /// The possible contents of the database: acknowledged data, and of each failed call nothing or
    /// all.
    models: Vec<Model>,
    /// The contents that a crash may show instead: a call failed, and nothing was acknowledged
    /// since.
    doubtful: Vec<Model>,
    fault: Option<FaultId>,
    /// Whether any fault has struck.
    struck: bool,
    /// Whether the log has failed: no write is promised until the database is opened again.
    stopped: bool,
    refused: usize,
    what: String,
}

impl Case {
    /// Whether what it is of holds the log.
    fn covers_log(&self) -> bool {
        matches!(self.place, Place::Log | Place::Segment | Place::Database)
    }

    /// Whether a table's own directory has nothing to do with it.
    fn spares(&self, table: &str) -> bool {
        match self.place {
            Place::Table(own) | Place::FileOf(own) => own != table,
            Place::Database => false,
            _ => true,
        }
    }

    /// Whether an operation is one of tables alone that the fault is not of.
    fn spares_op(&self, op: &Op) -> bool {
        if !matches!(self.place, Place::Table(_) | Place::FileOf(_)) {
            return false;
        }
        match op {
            Op::Write(changes) => changes.iter().all(|change| self.spares(table_of(change))),
            Op::Count { .. } => self.spares("app.hits"),
            Op::FlushTable(table) | Op::Compact(table) | Op::Truncate(table) => self.spares(table),
            Op::Sync | Op::Advance(_) | Op::Schema(..) => true,
            _ => false,
        }
    }

    fn run(self) -> (bool, usize) {
        let ops = workload(self.seed);
        let disk = SimDisk::new();
        let runner = match self.threads {
            true => Runner::with_threads(&disk, self.durability.1),
            false => Runner::new(&disk, self.durability.1),
        };
        let mut run = Run {
            case: self,
            disk,
            runner,
            rng: Rng::new(self.seed ^ 0x5eed),
            models: vec![Model::default()],
            doubtful: Vec::new(),
            fault: None,
            struck: false,
            stopped: false,
            refused: 0,
            what: String::new(),
        };
        for (at, op) in ops.iter().enumerate() {
            if at == self.from {
                run.inject();
            }
            run.what = format!("{self:?}, step {at}, {:.100}", format!("{op:?}"));
            if run.fault.is_some() && (at >= self.from + self.lasts || run.models.len() > MOST_CANDIDATES) {
                run.lift();
            }
            if self.opens && at == self.from + self.lasts / 2 {
                run.open_meanwhile();
            }
            run.step(op);
        }
        run.end();
        (run.struck, run.refused)
    }
}

fn table_of(change: &Change) -> &'static str {
    match change {
        Change::Put { table, .. }
        | Change::DeleteRow { table, .. }
        | Change::DeleteRange { table, .. }
        | Change::DeletePartition { table, .. }
        | Change::DeleteColumn { table, .. } => table,
    }
}

impl Run {
    fn inject(&mut self) {
        let path = self.path();
        let mut fault = Fault::new(&path, self.case.errno);
        if self.case.errno == Errno::Io && !self.case.reads {
            fault = fault.on(&[Operation::Write, Operation::Sync, Operation::SyncDir]);
        }
        self.fault = Some(self.disk.inject(fault));
    }

    fn path(&mut self) -> PathBuf {
        let root = Path::new(DIR);
        let dir_of = |name: &str| {
            let table = crate::run::table(self.runner.db(), name).unwrap();
            root.join("data/app").join(format!("{}-{}", table.schema().name(), table.schema().id()))
        };
        let dir = match self.case.place {
            Place::Table(name) => return dir_of(name),
            Place::Log => return root.join("commitlog"),
            Place::Manifest => return root.join("MANIFEST"),
            Place::Schema => return root.join("schema.cql"),
            Place::Database => return root.to_path_buf(),
            Place::FileOf(name) => dir_of(name),
            Place::Segment => root.join("commitlog"),
        };
        let names = if self.disk.metadata(&dir).is_ok() { files(&self.disk, &dir) } else { Vec::new() };
        let own = names.iter().filter(|name| name.to_str().is_some_and(|n| !n.ends_with(".tmp")));
        let own: Vec<_> = own.collect();
        match own.is_empty() {
            true => dir,
            false => dir.join(own[self.rng.index(own.len())]),
        }
    }

    fn step(&mut self, op: &Op) {
        let mut outcome = self.runner.step(op);
        // Flushes of its own may be slow on this machine; that they are done is what counts.
        for _ in 0..500 {
            let is_busy = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Overloaded);
            if !is_busy || !self.goes_through(op) {
                break;
            }
            self.advance();
            outcome = self.runner.step(op);
        }
        match outcome {
            Ok(()) => {
                self.models.iter_mut().for_each(|model| model.apply(op));
                if matches!(op, Op::Write(_) | Op::Count { .. } | Op::Schema(..) | Op::Truncate(_)) {
                    // Acknowledged data survives a crash, and so does everything seen before it.
                    self.doubtful.clear();
                }
            }
            Err(error) => self.refused(op, &error),
        }
        self.look();
        if self.fault.is_some() && self.rng.chance(1, 5) {
            self.images();
        }
        if self.stopped && self.fault.is_none() {
            self.open_again();
        }
    }

    /// Whether nothing can stand in the way of an operation for long but the machine: no fault has
    /// struck yet that could.
    fn goes_through(&self, op: &Op) -> bool {
        let has_struck = self.fault.is_some_and(|fault| self.disk.strikes(fault) > 0);
        self.case.threads && !self.stopped && (!has_struck || self.case.spares_op(op))
    }

    fn advance(&mut self) {
        self.runner.step(&Op::Advance(Duration::from_secs(400))).unwrap();
    }

    fn refused(&mut self, op: &Op, error: &helenus::Error) {
        let (what, kind) = (&self.what, error.kind());
        self.refused += 1;
        self.struck |= self.fault.is_some_and(|fault| self.disk.strikes(fault) > 0);
        assert!(self.struck, "{what}: nothing is wrong: {error:?}");
        if kind == ErrorKind::LogFailed {
            let is_of_log = self.runner.db().health().of(HealthIssue::ManifestInDoubt).count() == 0;
            assert!(!is_of_log || self.case.covers_log(), "{what}: {error:?}");
            if self.stopped || !is_of_log {
                return;
            }
            self.stopped = true;
        } else {
            let fits = matches!(kind, ErrorKind::Io | ErrorKind::Overloaded);
            assert!(fits && self.fault.is_some(), "{what}: {error:?}");
        }
        assert!(!self.case.spares_op(op), "{what}: other tables go on: {error:?}");
        let is_work = matches!(op, Op::FlushTable(_) | Op::Flush | Op::Compact(_) | Op::Steps(_));
        if is_work || self.stopped {
            self.is_told(error);
        }
        if kind == ErrorKind::Overloaded {
            return;
        }
        // Its visibility to reads meanwhile is no promise either.
        self.doubtful.extend(self.models.iter().cloned());
        let mut after = self.models.clone();
        after.iter_mut().for_each(|model| model.apply(op));
        for model in after {
            if self.models.iter().all(|other| other.visible() != model.visible()) {
                self.doubtful.push(model.clone());
                self.models.push(model);
            }
        }
    }

    /// Health says what work failed of.
    fn is_told(&self, error: &helenus::Error) {
        let (what, health) = (&self.what, self.runner.db().health());
        assert!(health.status > HealthStatus::Ok, "{what}: {error:?}, and health says {health:?}");
        if self.stopped {
            assert!(health.of(HealthIssue::LogFails).count() > 0, "{what}: {error:?}, and {health:?}");
        }
    }

    /// Reads every table: those that can be read exclude candidates.
    fn look(&mut self) {
        let what = &self.what;
        let db = self.runner.db();
        let mut seen = Vec::new();
        for table in db.tables() {
            let name = format!("{}.{}", table.schema().keyspace(), table.schema().name());
            match rows_of(&table, &mut i64::MIN.clone()) {
                Ok(rows) => seen.push((name, Some(rows))),
                Err(error) => {
                    let may = self.fault.is_some() && !self.case.spares(&name);
                    assert!(may && error.kind() == ErrorKind::Io, "{what}: {name}: {error:?}");
                    seen.push((name, None));
                }
            }
        }
        let fits = |contents: &Contents| {
            contents.tables.len() == seen.len()
                && seen.iter().all(|(name, rows)| match contents.tables.get(name) {
                    Some(expected) => rows.as_ref().is_none_or(|rows| rows == expected),
                    None => false,
                })
        };
        let fitting: Vec<_> = self.models.iter().filter(|model| fits(&model.visible())).cloned().collect();
        if fitting.is_empty() {
            let mut found = Contents::default();
            found.tables.extend(seen.into_iter().filter_map(|(name, rows)| Some((name, rows?))));
            panic!("{what}: {}", difference(&self.models[0].visible(), &found));
        }
        self.models = fitting;
    }

    /// The disk after a kill at this moment, and with `Sync` after a power cut.
    fn images(&mut self) {
        let mut images = vec![self.disk.kill()];
        if self.case.durability.1 == Durability::Sync {
            images.push(self.disk.crash(self.rng.next()));
        }
        for image in images {
            let what = format!("{}, what a crash leaves", self.what);
            let runner = Runner::opened(&image, self.case.durability.1)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let found = contents(runner.db()).unwrap_or_else(|error| panic!("{what}: {error}")).0;
            let mut known = self.models.iter().chain(&self.doubtful);
            let known = known.any(|model| model.visible() == found);
            assert!(known, "{what}: {}", difference(&self.models[0].visible(), &found));
            account(&image, runner.db());
        }
    }

    fn lift_fault(&mut self) {
        if let Some(fault) = self.fault.take() {
            self.struck |= self.disk.strikes(fault) > 0;
            self.disk.lift(fault);
        }
    }

    fn lift(&mut self) {
        if self.fault.is_none() {
            return;
        }
        self.lift_fault();
        if self.stopped {
            self.open_again();
        }
        self.goes_on();
    }

    /// Opens the database while the fault lasts: that succeeds, or fails with what the disk said
    /// and is no damage.
    fn open_meanwhile(&mut self) {
        let Some(fault) = self.fault else { return };
        self.what = format!("{}, opened meanwhile", self.what);
        let opened = self.runner.step(&Op::Drop);
        if let Err(error) = opened {
            self.refused += 1;
            let has_struck = self.disk.strikes(fault) > 0;
            assert!(has_struck && error.kind() == ErrorKind::Io, "{}: {error:?}", self.what);
            self.lift_fault();
            self.runner.step(&Op::Open).unwrap_or_else(|error| panic!("{}: {error}", self.what));
        }
        self.stopped = false;
        self.models.append(&mut self.doubtful);
        self.look();
    }

    fn open_again(&mut self) {
        let what = format!("{}, opened again", self.what);
        self.runner.step(&Op::Drop).unwrap_or_else(|error| panic!("{what}: {error}"));
        self.stopped = false;
        self.what = what;
        self.models.append(&mut self.doubtful);
        self.look();
        self.models.truncate(1);
    }

    /// The faults are gone: all waiting work is done automatically.
    fn goes_on(&mut self) {
        let (mut left, mut last) = (LONGEST_WAIT.as_millis() / PAUSE.as_millis(), None);
        loop {
            self.advance();
            match self.runner.db().settle(Duration::from_secs(1)) {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::LogFailed => {
                    assert!(self.case.covers_log() && self.struck, "{}: {error}", self.what);
                    self.open_again();
                }
                // A thread may have failed before the lift; step by step there is no such excuse.
                Err(error) => {
                    assert!(self.case.threads, "{}: {error}", self.what);
                    last = Some(error);
                    std::thread::park_timeout(PAUSE);
                }
            }
            left -= 1;
            assert!(left > 0, "{}: it does not go on: {last:?}, {:?}", self.what, self.runner.db().health());
        }
        let health = self.runner.db().health();
        let lags = |issue| matches!(issue, HealthIssue::CompactionLags | HealthIssue::WritesWait);
        assert!(health.reasons.iter().all(|reason| lags(reason.issue)), "{}: {health:?}", self.what);
        self.look();
        assert!(self.models.iter().all(|model| model.visible() == self.models[0].visible()), "{}", self.what);
        self.models.truncate(1);
        self.doubtful.clear();
    }

    fn end(&mut self) {
        self.what = format!("{:?}, at the end", self.case);
        self.lift();
        self.goes_on();
        for (op, when) in [(Op::Drop, "dropped"), (Op::Close, "closed")] {
            self.what = format!("{:?}, {when} and opened again", self.case);
            self.runner.step(&op).unwrap_or_else(|error| panic!("{}: {error}", self.what));
            self.look();
        }
        // A thread may be writing an SSTable.
        if !self.case.threads {
            account(&self.disk, self.runner.db());
        }
    }
}

/// A fault begins at one step in this many.
fn every(sample: usize) -> usize {
    match std::env::var("HELENUS_CRASH_POINTS").as_deref() {
        Ok("all") => 1,
        Ok(every) => every.parse().unwrap(),
        Err(_) => sample,
    }
}

fn sweep(every: usize, threads: bool) {
    let (mut cases, mut struck, mut refused) = (0, 0, 0);
    for (nth, place) in PLACES.into_iter().enumerate() {
        for (mth, errno) in Errno::ALL.into_iter().enumerate() {
            let mut rng = Rng::new((nth * 10 + mth) as u64);
            let mut from = BEFORE + rng.index(every);
            while from < 60 {
                cases += 1;
                let case = Case {
                    seed: 1000 + cases,
                    durability: DURABILITIES[rng.index(3)],
                    place,
                    errno,
                    reads: rng.chance(1, 2),
                    from,
                    lasts: 1 + rng.index(LONGEST),
                    threads,
                    opens: rng.chance(1, 3),
                };
                let (has_struck, times) = case.run();
                struck += usize::from(has_struck);
                refused += times;
                from += every;
            }
        }
    }
    println!("{cases} faults that lasted, {struck} of them struck; {refused} calls were refused");
    assert!(struck > 20 && refused > 40, "{struck}, {refused}");
}

#[test]
fn step_by_step() {
    sweep(every(24), false);
}

#[test]
fn with_threads() {
    sweep(every(48), true);
}
