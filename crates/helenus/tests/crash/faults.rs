//! Operations of the disk that fail: what was acknowledged stays, nothing is acknowledged that is
//! not so, and the error says what to do.

use helenus::{Durability, ErrorKind};
use helenus_sim::{Rng, SimDisk};

use crate::run::{DURABILITIES, Runner, account, contents};
use crate::sweep::difference;
use crate::workload::{Cell, Change, Contents, Model, Op, data, everything, tables};

/// The models of a database that an operation may or may not have changed.
struct Candidates {
    before: Model,
    after: Model,
}

impl Candidates {
    /// The one that looks like what was found.
    fn choose(self, found: &Contents, what: &str) -> Model {
        if *found == self.before.visible() {
            return self.before;
        }
        let after = self.after.visible();
        assert!(*found == after, "{what}: {}", difference(&after, found));
        self.after
    }
}

fn all() -> bool {
    std::env::var("HELENUS_CRASH_POINTS").is_ok_and(|points| points == "all")
}

fn checked(error: &helenus::Error, what: &str) {
    let fits = matches!(error.kind(), ErrorKind::Io | ErrorKind::LogFailed);
    assert!(fits, "{what}: {error:?}");
}

fn found(runner: &Runner, what: &str) -> Contents {
    contents(runner.db()).unwrap_or_else(|e| panic!("{what}: {e}")).0
}

fn same(runner: &Runner, model: &Model, what: &str) {
    let (expected, found) = (model.visible(), found(runner, what));
    assert!(found == expected, "{what}: {}", difference(&expected, &found));
}

/// A write that shows, if the table is there.
fn probe(model: &Model) -> Option<Op> {
    let has = model.visible().tables.contains_key("app.notes");
    let cells = vec![("body", Cell::Text("probe".to_owned()))];
    has.then(|| Op::Write(vec![Change::Put { table: "app.notes", p: 77, c: None, cells }]))
}

/// Each operation on the disk, reads too, fails once: the call fails or not, and the database goes
/// on, or says that it must be opened again and is whole then.
#[test]
fn each_operation_fails_once() {
    let (mut points, mut refused) = (0, 0);
    for (name, durability) in DURABILITIES {
        let ops = everything(11);
        let mut rng = Rng::new(5);
        let mut at = 1;
        loop {
            let disk = SimDisk::new();
            disk.fail_once(at);
            let (struck, stopped) =
                fails_once(&disk, durability, &ops, &format!("{name}, operation {at} of the disk fails"));
            if !struck {
                break;
            }
            points += 1;
            refused += usize::from(stopped);
            at += if all() { 1 } else { 1 + rng.below(80) };
        }
    }
    println!("{points} operations failed once; {refused} times the database had to be opened again");
    assert!(points > 100);
}

/// Whether the fault struck, and whether the database took no more writes.
fn fails_once(disk: &SimDisk, durability: Durability, ops: &[Op], what: &str) -> (bool, bool) {
    let mut runner = Runner::new(disk, durability);
    let (done, error) = runner.run(ops);
    let mut model = Model::default();
    ops.iter().take(done).for_each(|op| model.apply(op));
    let Some(error) = error else {
        return (!disk.fault_is_pending(), false);
    };
    let what = format!("{what}: {:.120}: {error}", format!("{:?}", ops[done]));
    checked(&error, &what);
    let mut after = model.clone();
    after.apply(&ops[done]);
    let candidates = Candidates { before: model, after };
    // Closing that failed has closed all the same.
    if !runner.is_open() || matches!(ops[done], Op::Close) {
        runner.step(&Op::Open).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    let mut model = candidates.choose(&found(&runner, &what), &what);
    let Some(probe) = probe(&model) else { return (true, false) };
    let Err(error) = runner.step(&probe) else {
        // A write that is acknowledged now survives a kill, and so does everything seen before it.
        model.apply(&probe);
        same(&runner, &model, &what);
        let mut images = vec![disk.kill()];
        if durability == Durability::Sync {
            images.push(disk.crash(1));
        }
        for image in images {
            let runner = Runner::opened(&image, durability).unwrap_or_else(|e| panic!("{what}: {e}"));
            same(&runner, &model, &what);
            account(&image, runner.db());
        }
        runner.step(&Op::Close).unwrap_or_else(|e| panic!("{what}: {e}"));
        same(&runner, &model, &what);
        account(disk, runner.db());
        return (true, false);
    };
    assert!(matches!(error.kind(), ErrorKind::LogFailed | ErrorKind::Closed), "{what}: {error:?}");
    // The write whose sync failed was never promised, but may be there; the probe is not.
    let mut before = Model::default();
    ops.iter().take(done).for_each(|op| before.apply(op));
    let mut after = before.clone();
    after.apply(&ops[done]);
    runner.step(&Op::Drop).unwrap_or_else(|e| panic!("{what}: {e}"));
    let mut model = Candidates { before, after }.choose(&found(&runner, &what), &what);
    runner.step(&probe).unwrap_or_else(|e| panic!("{what}: {e}"));
    model.apply(&probe);
    runner.step(&Op::Close).unwrap_or_else(|e| panic!("{what}: {e}"));
    same(&runner, &model, &what);
    account(disk, runner.db());
    (true, true)
}

/// From some operation on all fail: what was acknowledged is there once the disk works again.
#[test]
fn the_disk_goes_and_comes_back() {
    let mut points = 0;
    for (name, durability) in DURABILITIES {
        let ops = everything(12);
        let mut rng = Rng::new(6);
        let mut at = 1;
        loop {
            let disk = SimDisk::new();
            disk.fail_at(at);
            let mut runner = Runner::new(&disk, durability);
            let (done, error) = runner.run(&ops);
            let Some(error) = error else { break };
            let what = format!("{name}, from operation {at} of the disk on: {error}");
            checked(&error, &what);
            let mut before = Model::default();
            ops.iter().take(done).for_each(|op| before.apply(op));
            let mut after = before.clone();
            after.apply(&ops[done]);
            disk.heal();
            runner.step(&Op::Drop).unwrap_or_else(|e| panic!("{what}: {e}"));
            Candidates { before, after }.choose(&found(&runner, &what), &what);
            account(&disk, runner.db());
            points += 1;
            at += if all() { 7 } else { 1 + rng.below(400) };
        }
    }
    println!("{points} times the disk went");
    assert!(points > 20);
}

/// A full disk: writes are refused, reads go on, and once there is room all is as it was
/// acknowledged.
#[test]
fn a_full_disk() {
    let rounds = if all() { 300 } else { 24 };
    let mut refused = 0;
    for round in 0..rounds {
        let mut rng = Rng::new(round);
        let (name, durability) = DURABILITIES[rng.index(3)];
        let disk = SimDisk::new();
        let mut runner = Runner::new(&disk, durability);
        let mut model = Model::default();
        for op in tables().iter().chain(&data(round, 20)) {
            runner.step(op).unwrap();
            model.apply(op);
        }
        disk.limit_space(rng.below(40_000));
        for op in data(round + 1000, 60) {
            let what = format!("round {round}, {name}, {op:.100?}");
            let mut after = model.clone();
            after.apply(&op);
            match runner.step(&op) {
                Ok(()) => model = after,
                Err(error) => {
                    refused += 1;
                    checked(&error, &what);
                    model = Candidates { before: model, after }.choose(&found(&runner, &what), &what);
                }
            }
        }
        let what = format!("round {round}, {name}, with room again");
        same(&runner, &model, &what);
        disk.heal();
        runner.step(&Op::Drop).unwrap_or_else(|e| panic!("{what}: {e}"));
        same(&runner, &model, &what);
        for op in data(round + 2000, 12) {
            runner.step(&op).unwrap_or_else(|e| panic!("{what}: {e}"));
            model.apply(&op);
        }
        runner.step(&Op::Close).unwrap_or_else(|e| panic!("{what}: {e}"));
        same(&runner, &model, &what);
        account(&disk, runner.db());
    }
    println!("{rounds} full disks refused {refused} operations");
    assert!(refused > 20);
}
