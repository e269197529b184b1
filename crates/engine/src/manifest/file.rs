//! The file itself: append, sync, rewrite, and reading it after a crash or damage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_io::{Disk, IoError, Operation, WriteFile, read_to_vec, write_atomically};
use helenus_types::DecodeError;

use super::{Edit, ManifestState};

const MAGIC: &[u8] = b"HELENUS MANIFEST 1\n";
pub(crate) const RECORD_HEAD_LEN: usize = 17;
pub(crate) const MARK_LEN: usize = 13;
/// A longer manifest is refused: hundreds of thousands of SSTables fit.
const MAX_LEN_BYTES: usize = 1 << 30;
/// Magic, length, checksum.
pub(crate) const HEAD_LEN: usize = MAGIC.len() + 12;
/// Bytes of a file at least: most of it is for the edits to come.
const MIN_LEN_BYTES: usize = 64 << 10;

/// Why the manifest can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error(transparent)]
    Io(#[from] IoError),
    #[error("{}: {error}", path.display())]
    Corrupt { path: PathBuf, error: DecodeError },
}

/// The manifest of an open database.
#[derive(Debug)]
pub(crate) struct Manifest {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn WriteFile>,
    /// The end of the last record: its mark is written here, and again with the next record.
    len: u64,
    sequence: u64,
    /// Length of the whole file.
    file_len: u64,
    state: ManifestState,
    /// A write or sync failed: the file's content is unknown.
    in_doubt: bool,
}

impl Manifest {
    /// Reads the state without changing the file; `None` where there is no manifest.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<ManifestState>, ManifestError> {
        if !disk.exists(path)? {
            return Ok(None);
        }
        let bytes = read_to_vec(disk, path, MAX_LEN_BYTES)?;
        let parsed =
            parse(&bytes).map_err(|error| ManifestError::Corrupt { path: path.to_owned(), error })?;
        Ok(Some(parsed))
    }

    /// Writes `state` as the whole manifest, ready to append.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        state: ManifestState,
    ) -> Result<Self, ManifestError> {
        let (bytes, len) = whole(&state);
        write_atomically(&*disk, &path, &bytes)?;
        let file = disk.open_write(&path)?;
        Ok(Self { disk, path, file, len, sequence: 1, file_len: bytes.len() as u64, state, in_doubt: false })
    }

    pub(crate) fn state(&self) -> &ManifestState {
        &self.state
    }

    /// Whether the last edit may be in the file although it failed.
    pub(crate) fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Makes an edit durable and applies it. If that fails the file is rewritten with its former
    /// state, so that the edit does not appear after a crash either; if that fails too the file is
    /// [in doubt](Self::in_doubt) until it succeeds with a later edit.
    pub(crate) fn commit(&mut self, edit: &Edit) -> Result<(), ManifestError> {
        let mut next = self.state.clone();
        next.apply(edit).map_err(|found| ManifestError::Corrupt {
            path: self.path.clone(),
            error: DecodeError::new(self.len, "an edit of the present state", found),
        })?;
        if self.in_doubt {
            self.rewrite()?;
        }
        // The mark of the record before may not be durable, and may be forgotten by a sync that
        // failed: without it the next record would not be found.
        let mut bytes = mark(self.sequence - 1);
        bytes.extend(record(self.sequence, edit));
        let is_full = self.len + (bytes.len() + MARK_LEN) as u64 > self.file_len;
        let committed = if is_full { self.replace(next) } else { self.append(&bytes, next) };
        if committed.is_err()
            && self.in_doubt
            && let Err(error) = self.rewrite()
        {
            tracing::error!(%error, "what {} holds is not known", self.path.display());
        }
        committed
    }

    /// Nothing is left of the tables that were dropped before, nor of SSTables of other versions
    /// that are not live. The file says so when it is rewritten.
    pub(crate) fn forget_removed(&mut self) {
        let ManifestState { dropped, named, tables, .. } = &mut self.state;
        dropped.clear();
        named.retain(|generation, _| tables.values().any(|table| table.sstables.contains_key(generation)));
    }

    /// Writes the state as the whole file; it says that the log is needed no more.
    pub(crate) fn close(&mut self) -> Result<(), ManifestError> {
        self.state.log = None;
        self.rewrite()
    }

    /// Writes the state as the whole file.
    fn rewrite(&mut self) -> Result<(), ManifestError> {
        self.replace(self.state.clone())
    }

    /// Writes another state as the whole file.
    fn replace(&mut self, state: ManifestState) -> Result<(), ManifestError> {
        match Self::create(self.disk.clone(), self.path.clone(), state) {
            Ok(replaced) => {
                *self = replaced;
                Ok(())
            }
            Err(error) => {
                // Appending to a file that has lost its name would be in vain, and what the new one
                // holds was not promised.
                self.in_doubt |= may_be_replaced(&error);
                Err(error)
            }
        }
    }

    /// Appends the record of an edit that makes the state `next`.
    fn append(&mut self, bytes: &[u8], next: ManifestState) -> Result<(), ManifestError> {
        if let Err(error) = self.file.write_at(self.len, bytes).and_then(|()| self.file.sync_all()) {
            self.in_doubt = true;
            return Err(error.into());
        }
        self.len += bytes.len() as u64;
        self.state = next;
        // Not synced separately: it only distinguishes damage from a torn write, and goes out with
        // the next record.
        let mark = mark(self.sequence);
        self.sequence += 1;
        if let Err(error) = self.file.write_at(self.len, &mark) {
            tracing::warn!(%error, "the last edit of the manifest has no mark");
        }
        Ok(())
    }
}

/// Whether a file that could not be replaced may be the new one. The new one is complete, and
/// durable, under another name before it is renamed: until then the old one stays.
fn may_be_replaced(error: &ManifestError) -> bool {
    let ManifestError::Io(error) = error else { return true };
    !matches!(error.op(), Operation::RemoveFile | Operation::Create | Operation::Write | Operation::Sync)
}

/// The bytes of a file that holds that state and has room for as much again, and where its record
/// ends.
fn whole(state: &ManifestState) -> (Vec<u8>, u64) {
    let record = record(0, &state.as_edit());
    let len = (2 * record.len()).max(MIN_LEN_BYTES);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(len as u64).to_be_bytes());
    seal(&mut bytes, 0);
    bytes.extend(record);
    let end = bytes.len() as u64;
    bytes.extend(mark(0));
    bytes.resize(len, 0);
    (bytes, end)
}

fn record(sequence: u64, edit: &Edit) -> Vec<u8> {
    let mut payload = Vec::new();
    edit.encode(&mut payload);
    let mut bytes = vec![b'R'];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    let Ok(len) = u32::try_from(payload.len()) else { unreachable!("an edit is far below 4 GiB") };
    bytes.extend_from_slice(&len.to_be_bytes());
    seal(&mut bytes, 0);
    let at = bytes.len();
    bytes.extend(payload);
    seal(&mut bytes, at);
    bytes
}

fn mark(sequence: u64) -> Vec<u8> {
    let mut bytes = vec![b'M'];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    seal(&mut bytes, 0);
    bytes
}

/// Appends the CRC32 of the bytes from `begin` on.
fn seal(bytes: &mut Vec<u8>, begin: usize) {
    let Some(sealed) = bytes.get(begin..) else { unreachable!("what is sealed was appended") };
    let crc = crc32fast::hash(sealed);
    bytes.extend_from_slice(&crc.to_be_bytes());
}

/// The bytes before a CRC32, if it is theirs.
fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    (crc32fast::hash(body) == u32::from_be_bytes(*crc)).then_some(body)
}

fn parse(bytes: &[u8]) -> Result<ManifestState, DecodeError> {
    let head = bytes.get(..HEAD_LEN).and_then(unseal).and_then(|head| head.strip_prefix(MAGIC));
    let Some(len) = head.and_then(|len| len.first_chunk()).map(|len| u64::from_be_bytes(*len)) else {
        return Err(DecodeError::new(0, "the head of a manifest", "something else"));
    };
    if bytes.len() as u64 != len {
        let found = format!("{} bytes", bytes.len());
        return Err(DecodeError::new(bytes.len() as u64, format!("a file of {len} bytes"), found));
    }
    let mut state = ManifestState::default();
    let mut at = HEAD_LEN;
    let mut sequence = 0_u64;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(marked) = read_mark(rest) {
            if sequence.checked_sub(1) != Some(marked) {
                let expected = format!("the mark before record {sequence}");
                return Err(DecodeError::new(at as u64, expected, format!("mark {marked}")));
            }
            at += MARK_LEN;
            continue;
        }
        let Some((found, payload)) = read_record(rest) else {
            return match (0..rest.len()).find_map(|i| read_mark(rest.get(i..)?).filter(|m| *m >= sequence)) {
                Some(mark) => Err(DecodeError::new(
                    at as u64,
                    format!("record {sequence}, which mark {mark} says was written"),
                    "bytes that don't match their checksum",
                )),
                None if sequence == 0 => {
                    Err(DecodeError::new(at as u64, "the first record", "no valid record"))
                }
                None => Ok(state),
            };
        };
        if found != sequence {
            return Err(DecodeError::new(at as u64, format!("record {sequence}"), format!("record {found}")));
        }
        let payload_at = (at + RECORD_HEAD_LEN) as u64;
        let edit = Edit::decode(payload).map_err(|e| e.shifted(payload_at))?;
        state
            .apply(&edit)
            .map_err(|found| DecodeError::new(payload_at, "an edit of the state before it", found))?;
        at += RECORD_HEAD_LEN + payload.len() + 4;
        sequence += 1;
    }
    if sequence == 0 {
        return Err(DecodeError::new(at as u64, "the first record", "the end of the file"));
    }
    Ok(state)
}

pub(crate) fn read_mark(bytes: &[u8]) -> Option<u64> {
    let body = bytes.get(..MARK_LEN).filter(|b| b.first() == Some(&b'M')).and_then(unseal)?;
    Some(u64::from_be_bytes(*body.get(1..)?.first_chunk()?))
}

pub(crate) fn read_record(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let head = bytes.get(..RECORD_HEAD_LEN).filter(|b| b.first() == Some(&b'R')).and_then(unseal)?;
    let sequence = u64::from_be_bytes(*head.get(1..)?.first_chunk()?);
    let len = u32::from_be_bytes(*head.get(9..)?.first_chunk()?) as usize;
    let sealed = bytes.get(RECORD_HEAD_LEN..)?.get(..len.checked_add(4)?)?;
    Some((sequence, unseal(sealed)?))
}

#[cfg(test)]
mod tests {
    use helenus_sim::{Errno, Fault, SimDisk};

    use super::*;
    use crate::manifest::Change;

    /// Fuzzing found that a mark before any record, and the highest mark, broke the arithmetic of
    /// its number.
    #[test]
    fn a_mark_out_of_place_is_damage_whatever_its_number() {
        let (whole, end) = whole(&ManifestState::default());
        let end = usize::try_from(end).unwrap();
        for at in [HEAD_LEN, end] {
            for number in [0, 1, u64::MAX] {
                let mut bytes = whole.clone();
                bytes[at..at + MARK_LEN].copy_from_slice(&mark(number));
                assert_eq!(parse(&bytes).is_ok(), at == end && number == 0, "{at} {number}");
            }
        }
    }

    const PATH: &str = "/db/MANIFEST";

    /// Commits edits until one fails: the one that finds the file full, where it is rewritten.
    fn fill(manifest: &mut Manifest) {
        let committed =
            |_: &u64| manifest.commit(&Edit::one(Change::SchemaAdded("x".repeat(4 << 10)))).is_ok();
        assert!((0..100).take_while(committed).count() < 100, "nothing failed");
    }

    /// The state that a kill leaves, in its shortest form.
    fn found(disk: &SimDisk) -> Edit {
        Manifest::read(&disk.kill(), Path::new(PATH)).unwrap().unwrap().as_edit()
    }

    /// Where the file is full, the edit is part of the file that takes its place. What failed after
    /// the rename left it there although it was refused; and later edits went to the file that had
    /// lost its name.
    #[test]
    fn an_edit_that_fails_in_a_new_file_is_not_in_it_or_in_doubt() {
        let dir = Path::new("/db");
        let faults = [
            (Fault::new(dir, Errno::Io).on(&[Operation::SyncDir]), true),
            (Fault::new(PATH, Errno::TooManyFiles).on(&[Operation::Open]), true),
            (Fault::new(PATH, Errno::Io).on(&[Operation::Rename]), true),
            // The old file stays in its place, with all that was promised.
            (Fault::new("/db/MANIFEST.tmp", Errno::NoSpace).on(&[Operation::Create]), false),
            (Fault::new("/db/MANIFEST.tmp", Errno::NoSpace).on(&[Operation::Write]), false),
        ];
        for (fault, is_doubtful) in faults {
            for lasts in [false, true] {
                let what = format!("{fault:?} {lasts}");
                let disk = SimDisk::new();
                disk.create_dir_all(dir).unwrap();
                let state = ManifestState::default();
                let mut manifest = Manifest::create(Arc::new(disk.clone()), PATH.into(), state).unwrap();
                let fault = if lasts { fault.clone() } else { fault.clone().times(1) };
                let injected = disk.inject(fault);
                fill(&mut manifest);
                assert!(disk.strikes(injected) > 0, "{what}");
                assert_eq!(manifest.in_doubt(), is_doubtful && lasts, "{what}");
                if !manifest.in_doubt() {
                    assert!(found(&disk) == manifest.state().as_edit(), "{what}: the edit was refused");
                }
                disk.heal();
                for next in [7, 8] {
                    manifest.commit(&Edit::one(Change::NextGeneration(next))).unwrap();
                    assert!(!manifest.in_doubt(), "{what}");
                    assert!(
                        found(&disk) == manifest.state().as_edit(),
                        "{what}: edit {next} was acknowledged"
                    );
                }
            }
        }
    }
}
