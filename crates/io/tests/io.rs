//! The real disk, in a temporary directory.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{
    Clock, Disk, EntryKind, FileWriter, IoError, Operation, RealDisk, SystemClock, WriteFile, parent_of,
    read_to_vec, remove_dir_all, write_atomically,
};

fn read(path: &Path) -> Vec<u8> {
    read_to_vec(&RealDisk, path, 1 << 20).unwrap()
}

fn check_error<T>(result: Result<T, IoError>, op: Operation, kind: ErrorKind, path: &Path) {
    let error = result.err().unwrap();
    assert_eq!((error.op(), error.kind(), error.path()), (op, kind, path));
    assert!(error.to_string().starts_with(&format!("cannot {op} {}: ", path.display())), "{error}");
}

#[test]
fn positioned_writes_and_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let file = RealDisk.create_new(&path).unwrap();
    file.write_at(4, b"efgh").unwrap();
    file.write_at(0, b"abcd").unwrap();
    file.sync_data().unwrap();
    assert_eq!(file.len().unwrap(), 8);
    assert_eq!(read(&path), b"abcdefgh");
    RealDisk.open_write(&path).unwrap().write_at(2, b"XY").unwrap();
    let reader = RealDisk.open_read(&path).unwrap();
    let mut buf = [0; 4];
    reader.read_exact_at(1, &mut buf).unwrap();
    assert_eq!(&buf, b"bXYe");
    assert_eq!(reader.read_at(8, &mut buf).unwrap(), 0);
    check_error(reader.read_exact_at(6, &mut buf), Operation::Read, ErrorKind::UnexpectedEof, &path);
    file.set_len(3).unwrap();
    file.allocate(6).unwrap();
    file.allocate(2).unwrap();
    assert_eq!(read(&path), b"abX\0\0\0");
}

#[test]
fn errors_name_operation_and_path() {
    let dir = tempfile::tempdir().unwrap();
    let (file, missing) = (dir.path().join("f"), dir.path().join("missing"));
    RealDisk.create_new(&file).unwrap();
    check_error(RealDisk.create_new(&file), Operation::Create, ErrorKind::AlreadyExists, &file);
    check_error(RealDisk.open_read(&missing), Operation::Open, ErrorKind::NotFound, &missing);
    check_error(RealDisk.open_write(&missing), Operation::Open, ErrorKind::NotFound, &missing);
    check_error(RealDisk.open_read(dir.path()), Operation::Open, ErrorKind::IsADirectory, dir.path());
    check_error(RealDisk.list(&file), Operation::List, ErrorKind::NotADirectory, &file);
    check_error(RealDisk.hard_link(&file, &file), Operation::HardLink, ErrorKind::AlreadyExists, &file);
    check_error(read_to_vec(&RealDisk, &missing, 1), Operation::Open, ErrorKind::NotFound, &missing);
    RealDisk.open_write(&file).unwrap().set_len(2).unwrap();
    check_error(read_to_vec(&RealDisk, &file, 1), Operation::Read, ErrorKind::FileTooLarge, &file);
}

#[test]
fn names() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    RealDisk.create_dir_all(&deep).unwrap();
    RealDisk.create_dir_all(&deep).unwrap();
    RealDisk.create_new(&deep.join("z")).unwrap().write_at(0, b"12").unwrap();
    RealDisk.hard_link(&deep.join("z"), &deep.join("m")).unwrap();
    RealDisk.rename(&deep.join("z"), &deep.join("b")).unwrap();
    RealDisk.create_dir(&deep.join("d")).unwrap();
    RealDisk.sync_dir(&deep).unwrap();
    let listed: Vec<_> = RealDisk.list(&deep).unwrap().into_iter().map(|e| (e.name, e.kind, e.len)).collect();
    let expected = [("b", EntryKind::File, 2), ("d", EntryKind::Directory, 0), ("m", EntryKind::File, 2)];
    assert_eq!(listed, expected.map(|(name, kind, len)| (name.into(), kind, len)));
    assert!(RealDisk.exists(&deep.join("m")).unwrap());
    assert!(!RealDisk.exists(&deep.join("z")).unwrap());
    check_error(
        RealDisk.create_dir_all(&deep.join("m")),
        Operation::CreateDir,
        ErrorKind::AlreadyExists,
        &deep.join("m"),
    );
    remove_dir_all(&RealDisk, &dir.path().join("a")).unwrap();
    assert!(RealDisk.list(dir.path()).unwrap().is_empty());
}

#[test]
fn a_lock_is_held_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let lock = RealDisk.lock(&path).unwrap();
    check_error(RealDisk.lock(&path), Operation::Lock, ErrorKind::WouldBlock, &path);
    drop(lock);
    RealDisk.lock(&path).unwrap();
}

#[test]
fn a_file_is_replaced_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("MANIFEST");
    write_atomically(&RealDisk, &path, b"one").unwrap();
    RealDisk.create_new(&dir.path().join("MANIFEST.tmp")).unwrap().write_at(0, b"left over").unwrap();
    write_atomically(&RealDisk, &path, b"2").unwrap();
    assert_eq!(read(&path), b"2");
    assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
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
    assert_eq!(read(&path), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_map_writes_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let file = RealDisk.create_new(&path).unwrap();
    check_error(RealDisk.map_writable(&path, 10).unwrap(), Operation::Map, ErrorKind::InvalidInput, &path);
    file.allocate(10).unwrap();
    let mut map = RealDisk.map_writable(&path, 10).unwrap().unwrap();
    map.prefault();
    assert!(map.store(2, b"abc"));
    assert!(map.store(10, b""));
    assert!(!map.store(9, b"xy"));
    assert!(!map.store(usize::MAX, b"xy"));
    file.sync_data().unwrap();
    assert_eq!(read(&path), b"\0\0abc\0\0\0\0\0");
    assert_eq!(map.len(), 10);
}

#[test]
fn clocks() {
    let clock = SystemClock::new();
    let (first, began) = (clock.now_micros(), clock.elapsed());
    assert!(first > 1_700_000_000_000_000);
    assert!(clock.now_seconds() >= first / 1_000_000);
    assert!(clock.elapsed() >= began);
}
