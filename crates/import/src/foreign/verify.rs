//! Verifies SSTables before they come into a database.

use std::sync::Arc;

use helenus_engine::parts::{check_filter, decode_all};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_io::{Disk, read_to_vec};
use helenus_rows::{Header, TableSchema};
use helenus_sstable::{
    CachedFile, ChunkCache, Component, Concern, Digest, FoundTable, OpenOptions, PageVerification, SsTable,
};
use helenus_types::Partitioner;

use super::bring::each_piece;
use super::fits::check_fits;

/// The longest Digest.crc32 that is read, in bytes: ten digits, and what a line may end with.
const MAX_DIGEST_BYTES: usize = 64;

/// How closely SSTables are looked at before they come into a database. Metadata and indexes are
/// read, and compared with the table's schema, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verification {
    /// No closer.
    None,
    /// The checksum of the whole Data.db is compared, and each key of the index is looked up in the
    /// filter: one that lacks keys hides their rows. Without a checksum, everything is decoded.
    #[default]
    Checksums,
    /// Every row is decoded, every value compared with its type, and keys are looked up in index
    /// and filter.
    Extended,
}

/// For pages of the index, which keys are looked up in.
const INDEX_CACHE_BYTES: usize = 16 << 20;

/// Opens an SSTable in place and verifies it; an error says why it can't come into a table of those
/// columns. `passed` gets the number of bytes of Data.db that were verified.
pub(crate) fn look_at(
    disk: &Arc<dyn Disk>,
    found: &FoundTable,
    (schema, header): (&TableSchema, &Header),
    how: Verification,
    passed: &mut dyn FnMut(u64),
) -> Result<Arc<SsTable>> {
    // A full read is not worth caching, except for the index.
    let open = OpenOptions::new(
        Arc::new(ChunkCache::new(INDEX_CACHE_BYTES)),
        CachedFile(0),
        PageVerification::Check,
    );
    let sstable = SsTable::open(disk, &found.descriptor, open)?;
    if *sstable.partitioner() != Partitioner::Murmur3 {
        let text = format!(
            "{}: written by a node with the {:?} partitioner, and only Murmur3Partitioner's order is kept here",
            found.descriptor.path(&Component::Data).display(),
            sstable.partitioner()
        );
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    check_fits(schema, header, sstable.header(), &found.descriptor)?;
    sstable.verify_index_pages()?;
    verify(&**disk, &sstable, how, passed)?;
    Ok(sstable)
}

/// Verifies an SSTable; an error describes the fault.
fn verify(
    disk: &dyn Disk,
    sstable: &Arc<SsTable>,
    how: Verification,
    passed: &mut dyn FnMut(u64),
) -> Result<()> {
    match how {
        Verification::None => Ok(()),
        Verification::Checksums if digest_is_right(disk, sstable, passed)? => filter_holds_keys(sstable),
        Verification::Checksums => decode_all(sstable, &[Concern::Value], passed),
        Verification::Extended => {
            digest_is_right(disk, sstable, &mut |_| {})?;
            decode_all(sstable, &[], passed)
        }
    }
}

/// False where there is no digest.
fn digest_is_right(disk: &dyn Disk, sstable: &SsTable, passed: &mut dyn FnMut(u64)) -> Result<bool> {
    let path = sstable.descriptor().path(&Component::Digest);
    let bytes = match read_to_vec(disk, &path, MAX_DIGEST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let Digest(expected) = Digest::decode(&path, &bytes)?;
    let data = sstable.descriptor().path(&Component::Data);
    let mut hasher = crc32fast::Hasher::new();
    each_piece(&*disk.open_read(&data)?, |at, bytes| {
        hasher.update(bytes);
        passed(at + bytes.len() as u64);
        Ok(())
    })?;
    let found = hasher.finalize();
    if found == expected {
        return Ok(true);
    }
    let text = format!("{}: its CRC-32 is {found}, and {expected} in {}", data.display(), path.display());
    Err(Error::new(ErrorKind::Corrupt, text))
}

fn filter_holds_keys(sstable: &Arc<SsTable>) -> Result<()> {
    if sstable.filter().is_none() {
        return Ok(());
    }
    let mut keys = sstable.keys();
    while let Some((_, key)) = keys.next()? {
        check_filter(sstable, key)?;
    }
    Ok(())
}
