//! Replay of a log: of arbitrary bytes, and of a log that was damaged or cut.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use helenus_commitlog::{CommitLog, Durability, LogOptions, ReplayOptions, TableTag, replay};
use helenus_io::Disk;
use helenus_sim::{SimClock, SimDisk};

const DIR: &str = "commitlog";
const SEGMENT: &str = "commitlog/commitlog-1.log";
const SEGMENT_LEN: u32 = 4_096;

/// A first byte that chooses: even, the rest is a segment's bytes; odd, it says what to do to a
/// good log.
pub fn log_replay(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    if choice % 2 == 0 { arbitrary(rest) } else { damaged(rest) }
}

fn arbitrary(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if let Some((head, _)) = bytes.split_first_chunk_mut::<64>() {
        // The header's checksum is made right; those of records depend on the place and stay a
        // matter of luck.
        let crc = crc32fast::hash(&head[..60]);
        head[60..].copy_from_slice(&crc.to_le_bytes());
    }
    let disk = SimDisk::new();
    write(&disk, &bytes);
    let mut taken = 0;
    let _ = replay::<Infallible>(&disk, Path::new(DIR), ReplayOptions::NONE_RELEASED, &mut |record| {
        taken += record.payload.len() + 4 * record.tags.len();
        Ok(())
    });
    assert!(taken <= bytes.len());
}

/// Writes records of given lengths, then changes bytes of the segment; what is replayed is a prefix
/// of what was written, byte for byte.
fn damaged(script: &[u8]) {
    let (lengths, patches) = script.split_at(script.len() / 2);
    let disk = SimDisk::new();
    let mut records: Vec<Vec<u8>> = Vec::new();
    {
        let options = LogOptions {
            segment_len: SEGMENT_LEN,
            durability: Durability::Sync,
            spare_segments: 0,
            ..LogOptions::default()
        };
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let report =
            replay::<Infallible>(&disk, Path::new(DIR), ReplayOptions::NONE_RELEASED, &mut |_| Ok(()))
                .expect("an empty log");
        let log = CommitLog::resume(shared, Path::new(DIR), options, Arc::new(SimClock::default()), report)
            .expect("a log on a good disk");
        for (index, len) in lengths.iter().take(24).enumerate() {
            let payload = vec![u8::try_from(index).unwrap_or(0); usize::from(*len)];
            let end = log.append(&[TableTag(7)], &[&payload]).expect("a good disk");
            records.push(payload);
            if len % 3 == 0 {
                log.commit(end).expect("a good disk");
            }
        }
        log.sync().expect("a good disk");
    }
    for patch in patches.chunks_exact(3) {
        let offset = u64::from(u16::from_be_bytes([patch[0], patch[1]]) % 4_096);
        let _ = disk.flip(Path::new(SEGMENT), offset, patch[2]);
    }
    let mut at = 0;
    let _ = replay::<Infallible>(&disk, Path::new(DIR), ReplayOptions::NONE_RELEASED, &mut |record| {
        assert_eq!(records.get(at).map(|record| &record[..]), Some(record.payload), "record {at}");
        at += 1;
        Ok(())
    });
}

fn write(disk: &SimDisk, bytes: &[u8]) {
    disk.create_dir_all(Path::new(DIR)).expect("a good disk");
    let file = disk.create_new(Path::new(SEGMENT)).expect("a good disk");
    file.write_at(0, bytes).expect("a good disk");
}
