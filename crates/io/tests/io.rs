//! The real disk, in a temporary directory, and the one in memory.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{
    Clock, Disk, EntryKind, FileWriter, IoError, MemoryDisk, Operation, RealDisk, SystemClock, WriteFile,
    parent_of, read_to_vec, remove_dir_all, write_atomically,
};

fn read(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    read_to_vec(disk, path, 1 << 20).unwrap()
}

/// Both disks keep one contract. Each gives an empty directory.
fn on_each_disk(check: impl Fn(&dyn Disk, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    check(&RealDisk, dir.path());
    check(&MemoryDisk::new(), Path::new("/"));
    let nested = MemoryDisk::new();
    nested.create_dir_all(Path::new("/some/where")).unwrap();
    check(&nested, Path::new("/some/./where"));
}

fn check_error<T>(result: Result<T, IoError>, op: Operation, kind: ErrorKind, path: &Path) {
    let error = result.err().unwrap();
    assert_eq!((error.op(), error.kind(), error.path()), (op, kind, path));
    assert!(error.to_string().starts_with(&format!("cannot {op} {}: ", path.display())), "{error}");
}

#[test]
fn positioned_writes_and_reads() {
    on_each_disk(|disk, dir| {
        let path = dir.join("f");
        let file = disk.create_new(&path).unwrap();
        file.write_at(4, b"efgh").unwrap();
        file.write_at(0, b"abcd").unwrap();
        file.sync_data().unwrap();
        assert_eq!(file.len().unwrap(), 8);
        assert_eq!(read(disk, &path), b"abcdefgh");
        disk.open_write(&path).unwrap().write_at(2, b"XY").unwrap();
        let reader = disk.open_read(&path).unwrap();
        let mut buf = [0; 4];
        reader.read_exact_at(1, &mut buf).unwrap();
        assert_eq!(&buf, b"bXYe");
        assert_eq!(reader.read_at(8, &mut buf).unwrap(), 0);
        check_error(reader.read_exact_at(6, &mut buf), Operation::Read, ErrorKind::UnexpectedEof, &path);
        file.set_len(3).unwrap();
        file.allocate(6).unwrap();
        file.allocate(2).unwrap();
        assert_eq!(read(disk, &path), b"abX\0\0\0");
    });
}

#[test]
fn errors_name_operation_and_path() {
    on_each_disk(|disk, dir| {
        let (file, missing) = (dir.join("f"), dir.join("missing"));
        disk.create_new(&file).unwrap();
        check_error(disk.create_new(&file), Operation::Create, ErrorKind::AlreadyExists, &file);
        check_error(disk.open_read(&missing), Operation::Open, ErrorKind::NotFound, &missing);
        check_error(disk.open_write(&missing), Operation::Open, ErrorKind::NotFound, &missing);
        check_error(disk.open_read(dir), Operation::Open, ErrorKind::IsADirectory, dir);
        check_error(disk.list(&file), Operation::List, ErrorKind::NotADirectory, &file);
        check_error(disk.hard_link(&file, &file), Operation::HardLink, ErrorKind::AlreadyExists, &file);
        check_error(read_to_vec(disk, &missing, 1), Operation::Open, ErrorKind::NotFound, &missing);
        disk.open_write(&file).unwrap().set_len(2).unwrap();
        check_error(read_to_vec(disk, &file, 1), Operation::Read, ErrorKind::FileTooLarge, &file);
    });
}

#[test]
fn names() {
    on_each_disk(|disk, dir| {
        let deep = dir.join("a/b/c");
        disk.create_dir_all(&deep).unwrap();
        disk.create_dir_all(&deep).unwrap();
        disk.create_new(&deep.join("z")).unwrap().write_at(0, b"12").unwrap();
        disk.hard_link(&deep.join("z"), &deep.join("m")).unwrap();
        disk.rename(&deep.join("z"), &deep.join("b")).unwrap();
        disk.create_dir(&deep.join("d")).unwrap();
        disk.sync_dir(&deep).unwrap();
        let listed: Vec<_> = disk.list(&deep).unwrap().into_iter().map(|e| (e.name, e.kind, e.len)).collect();
        let expected = [("b", EntryKind::File, 2), ("d", EntryKind::Directory, 0), ("m", EntryKind::File, 2)];
        assert_eq!(listed, expected.map(|(name, kind, len)| (name.into(), kind, len)));
        assert!(disk.exists(&deep.join("m")).unwrap());
        assert!(!disk.exists(&deep.join("z")).unwrap());
        check_error(
            disk.create_dir_all(&deep.join("m")),
            Operation::CreateDir,
            ErrorKind::AlreadyExists,
            &deep.join("m"),
        );
        remove_dir_all(disk, &dir.join("a")).unwrap();
        assert!(disk.list(dir).unwrap().is_empty());
    });
}

#[test]
fn a_lock_is_held_once() {
    on_each_disk(|disk, dir| {
        let path = dir.join("LOCK");
        let lock = disk.lock(&path).unwrap();
        check_error(disk.lock(&path), Operation::Lock, ErrorKind::WouldBlock, &path);
        drop(lock);
        disk.lock(&path).unwrap();
    });
}

#[test]
fn a_file_is_replaced_at_once() {
    on_each_disk(|disk, dir| {
        let path = dir.join("MANIFEST");
        write_atomically(disk, &path, b"one").unwrap();
        disk.create_new(&dir.join("MANIFEST.tmp")).unwrap().write_at(0, b"left over").unwrap();
        write_atomically(disk, &path, b"2").unwrap();
        assert_eq!(read(disk, &path), b"2");
        assert_eq!(disk.list(dir).unwrap().len(), 1);
    });
}

#[test]
fn a_directory_moves_with_all_that_is_in_it() {
    on_each_disk(|disk, dir| {
        let (old, new) = (dir.join("a"), dir.join("ab"));
        disk.create_dir_all(&old.join("deep")).unwrap();
        disk.create_new(&old.join("deep/f")).unwrap().write_at(0, b"1").unwrap();
        disk.create_new(&dir.join("a.txt")).unwrap();
        let reader = disk.open_read(&old.join("deep/f")).unwrap();
        disk.rename(&old, &new).unwrap();
        assert_eq!(read(disk, &new.join("deep/f")), b"1");
        assert_eq!(reader.len().unwrap(), 1);
        check_error(disk.list(&old), Operation::List, ErrorKind::NotFound, &old);
        check_error(disk.remove_dir(&new), Operation::RemoveDir, ErrorKind::DirectoryNotEmpty, &new);
        disk.create_dir(&old).unwrap();
        check_error(disk.rename(&old, &new), Operation::Rename, ErrorKind::DirectoryNotEmpty, &old);
        // A removed file can still be read through an open handle.
        disk.remove_file(&new.join("deep/f")).unwrap();
        let mut byte = [0];
        reader.read_exact_at(0, &mut byte).unwrap();
        assert_eq!(&byte, b"1");
        let names: Vec<_> = disk.list(dir).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["a", "a.txt", "ab"]);
    });
}

#[test]
fn parents() {
    assert_eq!(parent_of(Path::new("a/b")), Path::new("a"));
    assert_eq!(parent_of(Path::new("a")), Path::new("."));
    assert_eq!(parent_of(Path::new("/")), Path::new("/"));
}

#[test]
fn sequential_writes_are_gathered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let file: Arc<dyn WriteFile> = RealDisk.create_new(&path).unwrap();
    let mut writer = FileWriter::with_piece_len(Arc::clone(&file), 0, 8);
    let mut expected = Vec::new();
    for (i, len) in [3_usize, 5, 1, 20, 7, 0, 8, 9, 2].into_iter().enumerate() {
        let piece = vec![b'a' + u8::try_from(i).unwrap(); len];
        writer.append(&piece).unwrap();
        expected.extend_from_slice(&piece);
        assert_eq!(writer.position(), expected.len() as u64);
        assert!(expected.len() as u64 - file.len().unwrap() <= 8, "more than a piece is gathered");
    }
    assert_eq!(writer.finish().unwrap(), expected.len() as u64);
    assert_eq!(read(&RealDisk, &path), expected);
}

#[test]
fn clocks() {
    let clock = SystemClock::new();
    let (first, began) = (clock.now_micros(), clock.elapsed());
    assert!(first > 1_700_000_000_000_000);
    assert!(clock.now_seconds() >= first / 1_000_000);
    assert!(clock.elapsed() >= began);
}
