//! Each thing that the simulated disk may lose, keep, refuse or count.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use helenus_io::{Clock, Disk, Operation, read_to_vec, remove_dir_all, write_atomically};
use helenus_sim::{Errno, Fault, Rng, SimClock, SimDisk};

fn p(path: &str) -> &Path {
    Path::new(path)
}

fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    match read_to_vec(disk, p(path), 1 << 30) {
        Ok(bytes) => Some(bytes),
        Err(e) if e.is_not_found() => None,
        Err(e) => panic!("{e}"),
    }
}

/// A durable file, and nothing else pending.
fn disk_with(path: &str, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    let file = disk.create_new(p(path)).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(p("/")).unwrap();
    disk
}

/// Every outcome that 2,000 power cuts show.
fn outcomes<T: Ord>(disk: &SimDisk, look: impl Fn(&SimDisk) -> T) -> BTreeSet<T> {
    (0..2000).map(|seed| look(&disk.crash(seed))).collect()
}

fn set<T: Ord, const N: usize>(items: [T; N]) -> BTreeSet<T> {
    BTreeSet::from(items)
}

#[test]
fn synced_bytes_survive_and_a_kill_loses_nothing() {
    let disk = disk_with("f", b"durable");
    disk.open_write(p("f")).unwrap().write_at(0, b"DURABLE").unwrap();
    let killed = disk.kill();
    assert_eq!(read(&killed, "f").unwrap(), b"DURABLE");
    // Data that the process handed over is not durable for that reason.
    assert!(outcomes(&killed, |d| read(d, "f")).contains(&Some(b"durable".to_vec())));
    disk.open_write(p("f")).unwrap().sync_data().unwrap();
    assert_eq!(outcomes(&disk, |d| read(d, "f")), set([Some(b"DURABLE".to_vec())]));
}

#[test]
fn unsynced_writes_are_lost_torn_and_reordered() {
    let disk = disk_with("f", b"...");
    let file = disk.open_write(p("f")).unwrap();
    file.write_at(0, b"ab").unwrap();
    file.write_at(1, b"xy").unwrap();
    let seen = outcomes(&disk, |d| String::from_utf8(read(d, "f").unwrap()).unwrap());
    // None, either, both in order, both out of order, each torn after one byte, and torn
    // combinations.
    for state in ["...", "ab.", ".xy", "axy", "a..", ".x.", "ax."] {
        assert!(seen.contains(state), "{state} in {seen:?}");
    }
    // "ab" after "xy": an order that the calls did not have.
    assert!(seen.contains("aby"), "{seen:?}");
    assert!(seen.iter().all(|s| s.len() == 3), "{seen:?}");
}

#[test]
fn a_large_write_loses_sectors_in_its_middle() {
    let disk = disk_with("f", &[0; 2048]);
    disk.open_write(p("f")).unwrap().write_at(0, &[1; 2048]).unwrap();
    let whole = |bytes: Vec<u8>| bytes.chunks(512).map(|c| c.iter().all(|b| *b == 1)).collect::<Vec<_>>();
    let seen = outcomes(&disk, |d| whole(read(d, "f").unwrap()));
    assert!(seen.contains(&vec![true, false, true, true]));
    assert_eq!(seen.len(), 16, "every subset of four sectors");
}

#[test]
fn lengths_are_kept_or_lost() {
    let disk = disk_with("f", b"abcdef");
    disk.open_write(p("f")).unwrap().set_len(2).unwrap();
    let seen = outcomes(&disk, |d| read(d, "f").unwrap());
    assert_eq!(seen, set([b"ab".to_vec(), b"abcdef".to_vec()]));
    let disk = disk_with("f", b"ab");
    disk.open_write(p("f")).unwrap().allocate(4).unwrap();
    assert_eq!(read(&disk, "f").unwrap(), b"ab\0\0");
    let seen = outcomes(&disk, |d| read(d, "f").unwrap());
    assert_eq!(seen, set([b"ab".to_vec(), b"ab\0\0".to_vec()]));
}

#[test]
fn names_are_kept_or_lost_each_on_its_own() {
    let names = |d: &SimDisk| d.list(p("/")).unwrap().into_iter().map(|e| e.name).collect::<Vec<_>>();
    let disk = disk_with("a", b"1");
    disk.create_new(p("b")).unwrap();
    disk.create_dir(p("c")).unwrap();
    disk.remove_file(p("a")).unwrap();
    assert_eq!(outcomes(&disk, names).len(), 8, "every subset of three changes");
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(outcomes(&disk, names), set([vec!["b".into(), "c".into()]]));
    // Bytes that were synced are of no use without their name.
    let file = disk.create_new(p("c/d")).unwrap();
    file.write_at(0, b"1").unwrap();
    file.sync_all().unwrap();
    assert_eq!(outcomes(&disk, |d| read(d, "c/d")), set([None, Some(b"1".to_vec())]));
}

#[test]
fn a_rename_happens_or_not() {
    let disk = disk_with("a", b"new");
    write_atomically(&disk, p("b"), b"old").unwrap();
    disk.rename(p("a"), p("b")).unwrap();
    let (old, new) = (Some(b"old".to_vec()), Some(b"new".to_vec()));
    let seen = outcomes(&disk, |d| (read(d, "a"), read(d, "b")));
    assert_eq!(seen, set([(new.clone(), old), (None, new.clone())]));
    // Between directories too, and syncing either makes it durable.
    disk.create_dir_all(p("x/y")).unwrap();
    disk.rename(p("b"), p("x/y/b")).unwrap();
    assert_eq!(outcomes(&disk, |d| (read(d, "b").is_some(), read(d, "x/y/b").is_some())).len(), 2);
    disk.sync_dir(p("x/y")).unwrap();
    assert_eq!(outcomes(&disk, |d| (read(d, "b"), read(d, "x/y/b"))), set([(None, new)]));
}

#[test]
fn links_share_bytes() {
    let disk = disk_with("a", b"1");
    disk.hard_link(p("a"), p("b")).unwrap();
    disk.open_write(p("a")).unwrap().write_at(0, b"2").unwrap();
    assert_eq!(read(&disk, "b").unwrap(), b"2");
    disk.sync_dir(p("/")).unwrap();
    disk.remove_file(p("a")).unwrap();
    assert_eq!(read(&disk.kill(), "b").unwrap(), b"2");
    assert_eq!(disk.hard_link(p("b"), p("b")).err().unwrap().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn an_open_file_outlives_its_name() {
    let disk = disk_with("a", b"1");
    let file = disk.open_read(p("a")).unwrap();
    disk.remove_file(p("a")).unwrap();
    let mut buf = [0];
    file.read_exact_at(0, &mut buf).unwrap();
    assert_eq!(&buf, b"1");
}

#[test]
fn errors_are_the_real_disks() {
    let disk = disk_with("f", b"1");
    disk.create_dir(p("d")).unwrap();
    disk.create_new(p("d/x")).unwrap();
    let kinds = [
        (disk.open_read(p("no")).err(), ErrorKind::NotFound),
        (disk.open_read(p("no/no")).err(), ErrorKind::NotFound),
        (disk.open_read(p("f/no")).err(), ErrorKind::NotADirectory),
        (disk.open_read(p("d")).err(), ErrorKind::IsADirectory),
        (disk.open_read(p("d/../no")).err(), ErrorKind::NotFound),
        (disk.create_new(p("f")).err(), ErrorKind::AlreadyExists),
        (disk.create_dir(p("f")).err(), ErrorKind::AlreadyExists),
        (disk.remove_dir(p("d")).err(), ErrorKind::DirectoryNotEmpty),
        (disk.remove_file(p("no")).err(), ErrorKind::NotFound),
        (disk.rename(p("f"), p("d")).err(), ErrorKind::IsADirectory),
        (disk.list(p("f")).err(), ErrorKind::NotADirectory),
    ];
    for (i, (error, kind)) in kinds.into_iter().enumerate() {
        assert_eq!(error.map(|e| e.kind()), Some(kind), "case {i}");
    }
    remove_dir_all(&disk, p("d")).unwrap();
    assert!(!disk.exists(p("d")).unwrap());
}

#[test]
fn a_lock_is_held_once_and_dies_with_the_process() {
    let disk = SimDisk::new();
    let lock = disk.lock(p("LOCK")).unwrap();
    assert_eq!(disk.lock(p("LOCK")).err().unwrap().kind(), ErrorKind::WouldBlock);
    disk.kill().lock(p("LOCK")).unwrap();
    drop(lock);
    disk.lock(p("LOCK")).unwrap();
}

#[test]
fn the_nth_operation_and_all_later_ones_fail() {
    for n in 1..=4 {
        let disk = disk_with("f", b"1");
        let file = disk.open_write(p("f")).unwrap();
        disk.fail_at(n);
        let done = [
            file.write_at(0, b"2").is_ok(),
            file.len().is_ok(),
            file.sync_data().is_ok(),
            file.len().is_ok(),
        ];
        assert_eq!(done, [n > 1, n > 2, n > 3, false]);
        assert!(!disk.fault_is_pending());
        let expected: &[u8] = if n > 1 { b"2" } else { b"1" };
        assert_eq!(read(&disk.kill(), "f").unwrap(), expected, "refused means without effect");
        disk.heal();
        file.write_at(0, b"3").unwrap();
    }
}

#[test]
fn a_crash_counts_changes_and_makes_the_last_one() {
    let disk = disk_with("f", b"1");
    let file = disk.open_write(p("f")).unwrap();
    let before = disk.changes();
    disk.crash_at(2);
    file.write_at(0, b"2").unwrap();
    assert_eq!(file.len().unwrap(), 1, "reads are not counted");
    assert!(disk.fault_is_pending());
    assert!(file.write_at(0, b"3").is_err());
    assert!(file.len().is_err());
    assert_eq!(read(&disk.kill(), "f").unwrap(), b"3");
    assert_eq!(disk.changes() - before, 2);
    // A sync that the machine died in has synced nothing for sure.
    let disk = disk_with("f", b"1");
    let file = disk.open_write(p("f")).unwrap();
    disk.crash_at(2);
    file.write_at(0, b"2").unwrap();
    assert!(file.sync_data().is_err());
    assert_eq!(outcomes(&disk, |d| read(d, "f").unwrap()).len(), 2);
}

#[test]
fn a_passing_fault_tears_a_write_and_spoils_a_sync() {
    let disk = disk_with("f", b"....");
    let file = disk.open_write(p("f")).unwrap();
    disk.fail_once(1);
    assert!(file.write_at(0, b"abcd").is_err());
    assert_eq!(read(&disk, "f").unwrap(), b"ab..");
    disk.fail_once(1);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(read(&disk, "f").unwrap(), b"ab..");
    assert!(outcomes(&disk, |d| read(d, "f").unwrap()).contains(b"....".as_slice()), "the system forgot it");
}

#[test]
fn the_disk_fills_up_and_frees_space() {
    let disk = disk_with("f", b"12");
    let file = disk.create_new(p("g")).unwrap();
    disk.limit_space(3);
    file.write_at(0, b"123").unwrap();
    file.write_at(0, b"456").unwrap();
    assert_eq!(file.write_at(3, b"7").err().unwrap().kind(), ErrorKind::StorageFull);
    assert_eq!(file.allocate(4).err().unwrap().kind(), ErrorKind::StorageFull);
    assert_eq!(read(&disk, "g").unwrap(), b"456");
    disk.remove_file(p("f")).unwrap();
    file.write_at(3, b"78").unwrap();
    assert!(file.write_at(5, b"9").is_err());
    disk.heal();
    file.write_at(5, b"9").unwrap();
}

#[test]
fn a_fault_of_one_file_lasts_until_it_is_lifted() {
    let disk = disk_with("f", b"....");
    let (file, other) = (disk.open_write(p("f")).unwrap(), disk.create_new(p("g")).unwrap());
    let fault = disk.inject(Fault::new("/f", Errno::NoSpace).on(&[Operation::Write]));
    for _ in 0..2 {
        let error = file.write_at(0, b"abcd").unwrap_err();
        assert_eq!((error.kind(), error.op()), (ErrorKind::StorageFull, Operation::Write));
    }
    assert_eq!(read(&disk, "f").unwrap(), b"ab..", "a write that found no space has written a part");
    other.write_at(0, b"1").unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.strikes(fault), 2);
    disk.lift(fault);
    file.write_at(0, b"1234").unwrap();
    assert_eq!(disk.strikes(fault), 0);
    // Not on the disk that the process leaves.
    disk.inject(Fault::new("f", Errno::Io));
    assert_eq!(read(&disk.kill(), "f").unwrap(), b"1234");
    disk.heal();
    assert_eq!(read(&disk, "f").unwrap(), b"1234");
}

#[test]
fn a_fault_of_a_directory_covers_what_is_below_it_and_comes_into_it() {
    let disk = disk_with("f", b"1");
    disk.create_dir_all(p("d/e")).unwrap();
    disk.create_dir(p("dd")).unwrap();
    let open = disk.create_new(p("d/e/x")).unwrap();
    disk.inject(Fault::new("d", Errno::Access));
    let denied = [
        disk.create_new(p("d/e/y")).err(),
        disk.rename(p("f"), p("d/f")).err(),
        disk.rename(p("d/e/x"), p("x")).err(),
        disk.remove_file(p("d/e/x")).err(),
        disk.hard_link(p("f"), p("d/f")).err(),
    ];
    for (i, error) in denied.into_iter().enumerate() {
        assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::PermissionDenied), "case {i}");
    }
    // An open file is not concerned, nor is a directory of a similar name.
    open.write_at(0, b"1").unwrap();
    disk.create_new(p("dd/x")).unwrap();
    assert_eq!(disk.list(p("d/e")).unwrap().len(), 1, "refused means without effect");
}

#[test]
fn a_fault_begins_and_ends_where_it_is_told_to() {
    let disk = disk_with("f", b"....");
    let file = disk.open_write(p("f")).unwrap();
    let fault = disk.inject(Fault::new("f", Errno::Io).on(&[Operation::Sync]).from_nth(2).times(1));
    file.write_at(0, b"a").unwrap();
    file.sync_data().unwrap();
    file.write_at(1, b"b").unwrap();
    assert_eq!(file.sync_data().err().map(|e| e.to_string()).unwrap(), {
        let system = std::io::Error::from_raw_os_error(5);
        format!("cannot sync f: {system}")
    });
    file.write_at(2, b"c").unwrap();
    file.sync_data().unwrap();
    assert_eq!(disk.strikes(fault), 1);
    let seen = outcomes(&disk, |d| String::from_utf8(read(d, "f").unwrap()).unwrap());
    assert_eq!(seen, set(["a.c.".to_owned(), "abc.".to_owned()]), "what the failed sync lost stays lost");
}

#[test]
fn each_error_has_the_kind_that_the_system_gives_it() {
    let kinds = Errno::ALL.map(|errno| {
        let disk = disk_with("f", b"1");
        let file = disk.open_read(p("f")).unwrap();
        disk.inject(Fault::new("f", errno).on(&[Operation::Read]));
        file.read_at(0, &mut [0]).err().map(|e| e.kind()).unwrap()
    });
    let expected = [
        ErrorKind::PermissionDenied,
        ErrorKind::StorageFull,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::QuotaExceeded,
    ];
    assert_eq!([kinds[1], kinds[3], kinds[4], kinds[5]], expected);
}

#[test]
fn a_flipped_bit_is_durable() {
    let disk = disk_with("f", b"abc");
    disk.flip(p("f"), 1, 0x20).unwrap();
    assert_eq!(outcomes(&disk, |d| read(d, "f").unwrap()), set([b"aBc".to_vec()]));
    assert!(disk.flip(p("f"), 3, 1).is_err());
}

#[test]
fn the_trace_shows_the_order_of_changes() {
    let disk = SimDisk::new();
    disk.start_trace();
    write_atomically(&disk, p("db"), b"new").unwrap();
    disk.create_dir_all(p("d/e")).unwrap();
    assert!(disk.exists(p("db")).unwrap());
    let expected = [
        "create db.tmp",
        "write db.tmp 0+3",
        "sync db.tmp",
        "rename db.tmp -> db",
        "sync-dir .",
        "create-dir d",
        "sync-dir .",
        "create-dir d/e",
        "sync-dir d",
    ];
    assert_eq!(disk.take_trace(), expected);
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let disk = disk_with("f", &[0; 5000]);
    disk.open_write(p("f")).unwrap().write_at(100, &[1; 4000]).unwrap();
    for seed in 0..20 {
        assert_eq!(read(&disk.crash(seed), "f"), read(&disk.crash(seed), "f"));
    }
    let numbers: Vec<u64> = std::iter::repeat_with({
        let mut rng = Rng::new(7);
        move || rng.next()
    })
    .take(2)
    .collect();
    assert_eq!(numbers, [7_191_089_600_892_374_487, 309_689_372_594_955_804]);
}

#[test]
fn a_clock_stands_until_it_is_moved() {
    let clock = SimClock::new(5);
    clock.advance(Duration::from_micros(3));
    assert_eq!((clock.now_micros(), clock.elapsed()), (8, Duration::from_micros(3)));
    clock.set_micros(-1_500_000);
    assert_eq!((clock.now_seconds(), clock.elapsed()), (-2, Duration::from_micros(3)));
}

#[test]
fn one_operation_is_held_and_the_others_go_on() {
    let disk = disk_with("f", b"before");
    disk.hold_at(2);
    let other = disk.clone();
    let calling = std::thread::spawn(move || {
        let file = other.open_write(p("f")).unwrap();
        file.write_at(0, b"after.").unwrap();
    });
    while !disk.is_held() {
        std::thread::yield_now();
    }
    assert_eq!(read(&disk, "f").unwrap(), b"before");
    disk.release();
    calling.join().unwrap();
    assert_eq!(read(&disk, "f").unwrap(), b"after.");
    assert!(!disk.is_held());
    disk.hold_at(1);
    disk.release();
    assert_eq!(read(&disk, "f").unwrap(), b"after.", "nothing is held after that");
}

#[test]
fn a_cut_leaves_what_is_durable_and_nothing_else() {
    let disk = disk_with("f", b"abc");
    disk.open_write(p("f")).unwrap().write_at(1, b"X").unwrap();
    let file = disk.create_new(p("g")).unwrap();
    file.write_at(0, b"new").unwrap();
    file.sync_all().unwrap();
    let cut = disk.cut();
    assert_eq!(read(&cut, "f").unwrap(), b"abc");
    assert!(!cut.exists(p("g")).unwrap());
    assert_eq!(read(&disk, "f").unwrap(), b"aXc");
    disk.sync_dir(p("/")).unwrap();
    assert_eq!(read(&disk.cut(), "g").unwrap(), b"new");
}
