//! Isolation of a directory: paths that stay inside, locks that can't be unlinked away, forked
//! children that are recognised; and files that are closed when there are too many.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, EntryKind, OpenFiles, OwnProcess, ReadFile, RealDisk, RelativePath};

#[test]
fn a_path_is_its_directorys_own_unless_a_link_is_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    RealDisk.create_dir_all(&ours.join("a")).unwrap();
    RealDisk.create_dir_all(&theirs.join("t")).unwrap();
    symlink(&theirs, ours.join("a/link")).unwrap();
    let own = |text: &str| RelativePath::new(text).unwrap().own(&RealDisk, &ours);
    assert_eq!(own("a").unwrap(), Some(ours.join("a")));
    assert_eq!(own("a/missing/further").unwrap(), None);
    for linked in ["a/link", "a/link/t"] {
        let error = own(linked).unwrap_err();
        assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidInput, &*ours.join("a/link")));
    }
    let mut names = RealDisk.names(&ours.join("a")).unwrap();
    assert_eq!(names.pop(), Some(("link".into(), EntryKind::Other)));
    assert_eq!(RealDisk.name_kind(&ours.join("a/link")).unwrap(), EntryKind::Other);
}

#[test]
fn a_directorys_lock_outlives_its_files_and_knows_when_it_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("d");
    RealDisk.create_dir(&place).unwrap();
    let lock = RealDisk.lock(&place).unwrap();
    assert_eq!(RealDisk.lock(&place).unwrap_err().kind(), ErrorKind::WouldBlock);
    lock.check().unwrap();
    RealDisk.rename(&place, &dir.path().join("moved")).unwrap();
    assert_eq!(lock.check().unwrap_err().kind(), ErrorKind::NotFound);
    RealDisk.create_dir(&place).unwrap();
    assert_eq!(lock.check().unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(lock);
    RealDisk.lock(&dir.path().join("moved")).unwrap();
}

#[test]
fn an_origin_is_here() {
    assert!(OwnProcess::here().is_here());
}

fn holds(file: &dyn ReadFile, text: &[u8]) -> bool {
    let mut bytes = vec![0; text.len()];
    file.read_exact_at(0, &mut bytes).unwrap();
    bytes == text
}

#[test]
fn few_files_are_open_and_all_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let files = OpenFiles::new(disk.clone(), 4);
    let name = |n: usize| dir.path().join(format!("f{n}"));
    let open = |n: usize| {
        disk.create_new(&name(n)).unwrap().write_at(0, n.to_string().as_bytes()).unwrap();
        files.open(&name(n)).unwrap()
    };
    let opened: Vec<_> = (0..50).map(open).collect();
    for round in 0..3 {
        for (n, file) in opened.iter().enumerate() {
            assert!(holds(&**file, n.to_string().as_bytes()), "{round} {n}");
            assert!(files.stats().open <= 4, "{:?}", files.stats());
        }
    }
    let before = files.stats();
    for _ in 0..10 {
        assert!(holds(&*opened[49], b"49"));
    }
    assert_eq!(files.stats(), before, "what is used stays open");
    drop(opened);
    assert_eq!(files.stats().open, 0);
}

#[test]
fn another_file_of_the_same_name_is_not_taken_for_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let files = OpenFiles::new(disk.clone(), 1);
    let path = |name: &str| dir.path().join(name);
    for name in ["a", "b", "c"] {
        disk.create_new(&path(name)).unwrap().write_at(0, name.as_bytes()).unwrap();
    }
    let [a, b] = ["a", "b"].map(|name| files.open(&path(name)).unwrap());
    assert!(holds(&*b, b"b"));
    disk.rename(&path("c"), &path("a")).unwrap();
    let error = a.read_at(0, &mut [0]).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidData, Path::new(&path("a"))));
}
