//! The index files of the `big` format, and what checks a Data.db that is not compressed.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus_io::Disk;
use helenus_rows::{ClusteringComparator, Position};
use helenus_sim::SimDisk;
use helenus_sstable::{
    ChunkReader, ChunkedFile, CrcComponent, DeletionTimeForm, Digest, HeldPage, PagedFile, PrimaryIndex,
    PromotedIndex, Summary,
};
use helenus_types::Partitioner;

use crate::{schema, split};

/// Index.db: a byte that chooses partitioner, form and schema, then a key to look for, Summary.db,
/// and the file.
pub fn index_db(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let [key, summary, file] = split(rest);
    let partitioners = [Partitioner::Murmur3, Partitioner::Random, Partitioner::ByteOrdered];
    let partitioner = &partitioners[usize::from(choice) % partitioners.len()];
    let form = if choice & 0x10 == 0 { DeletionTimeForm::Unsigned } else { DeletionTimeForm::Legacy };
    let clustering = &schema(choice >> 5).clustering;
    let file = Bytes::copy_from_slice(file);
    let summary = Bytes::copy_from_slice(summary);
    for summary in [None, Some(&summary)] {
        let summary = summary.cloned().map(PagedFile::from);
        let Ok(index) = PrimaryIndex::open(file.clone(), summary, partitioner.clone()) else { continue };
        let _ = (index.key_count(), index.first_key(), index.last_key());
        let _ = index.find(partitioner.prefix(key), key);
        let sought = partitioner.prefix(key);
        let _ = index.ceiling(|prefix, _| prefix > sought);
        let mut entries = index.entries();
        let mut at = 0;
        while let Ok(Some(entry)) = entries.next() {
            assert!(entry.end > at && entry.end <= file.len() as u64, "{entry:?} at {at}");
            let found = index.find(partitioner.prefix(entry.key), entry.key);
            if let Ok(Some(found)) = found {
                let held = &mut HeldPage::default();
                assert!(
                    index.entry(held, found.position).is_ok_and(|found| found.key == entry.key),
                    "{entry:?}"
                );
            }
            promoted(index.file(), at, form, clustering);
            at = entry.end;
        }
    }
}

/// The row index of the entry at a position, and lookups of the places that it has.
fn promoted(file: &PagedFile, at: u64, form: DeletionTimeForm, clustering: &ClusteringComparator) {
    let held = &mut HeldPage::default();
    let Ok(Some(promoted)) = PromotedIndex::read(file, held, at, form) else { return };
    assert!(promoted.block_count() > 0 && promoted.block_count() as u64 <= file.len());
    let mut pages = [HeldPage::default(), HeldPage::default(), HeldPage::default(), HeldPage::default()];
    let mut places: Vec<Position<'_>> = Vec::new();
    for (at, held) in (0..promoted.block_count()).zip(&mut pages) {
        let _ = promoted.open_at_start(file, held, at, clustering);
        let Ok(block) = promoted.block(file, held, at, clustering) else { continue };
        places.extend([block.first, block.last]);
    }
    for place in places.into_iter().take(8) {
        if let Ok(at) = promoted.floor(file, held, place, clustering, clustering) {
            assert!(at < promoted.block_count());
        }
    }
}

/// Summary.db: whatever is accepted has all the entries that it says.
pub fn summary_db(data: &[u8]) {
    let file = Bytes::copy_from_slice(data);
    let Ok(summary) = Summary::decode(&file) else { return };
    assert_eq!(summary.entries().count(), summary.len());
    assert_eq!(summary.is_empty(), summary.entries().next().is_none());
    let bytes: usize = summary.entries().map(|(key, _)| key.len() + 12).sum();
    assert!(bytes <= data.len());
    assert!(summary.entry(summary.len()).is_none());
}

/// CRC.db and Digest.crc32 with a Data.db that they may belong to.
pub fn crc_db(data: &[u8]) {
    let [crc, digest, file] = split(data);
    let path = Path::new("Data.db");
    if let Ok(digest) = Digest::decode(path, digest) {
        assert_eq!(Digest::decode(path, &digest.encode()).ok(), Some(digest));
    }
    let Ok(crc) = CrcComponent::decode(path, crc) else { return };
    let again = CrcComponent::decode(path, &crc.encode());
    assert_eq!(again.unwrap_or_else(|error| panic!("what was encoded: {error}")), crc);
    let disk = SimDisk::new();
    disk.create_new(path).and_then(|data| data.write_at(0, file)).expect("a good disk");
    let Ok(chunks) = ChunkedFile::plain(path, file.len() as u64, Some(crc)) else { return };
    let reader = ChunkReader::new(Arc::new(chunks), disk.open_read(path).expect("a good disk"));
    let _ = reader.verify_stored(&mut |_, _| {}, &mut |_| {});
}
