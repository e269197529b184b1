//! The table that is measured: PRIMARY KEY (pk, ck), five columns, about 150 bytes a row, always
//! the same bytes.

use std::path::Path;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, EncodingBase, Header,
    LivenessInfo, PartitionRef, RowBuf, RowBuilder, Unfiltered, encode_clustering,
};
use helenus_sstable::{Descriptor, SsTableId, SsTableWriter, Version, WriterOptions, WrittenTable};
use helenus_types::{Partitioner, Timestamp, Token, Type};

use crate::Result;

/// Rows in a partition.
pub(crate) const ROWS_A_PARTITION: u64 = 100;

const NOW: i64 = 1_700_000_000_000_000;

/// Half of a text repeats, so that LZ4 halves the data.
const WORDS: &[u8; 64] = b"the quick brown fox jumps over the lazy dog and runs away again ";
pub(crate) const TEXT_LEN: usize = 96;

/// Writes a table of `rows` rows.
pub(crate) fn table(disk: &Arc<dyn Disk>, dir: &Path, rows: u64) -> Result<WrittenTable> {
    let header = Arc::new(header());
    let target = Descriptor::new(dir, Version::DA, SsTableId::Sequence(1));
    let partitions = rows.div_ceil(ROWS_A_PARTITION);
    let options = WriterOptions { expected_keys: partitions, ..WriterOptions::default() };
    let mut writer = SsTableWriter::new(disk, target, Arc::clone(&header), options)?;
    let mut keys: Vec<(Token, [u8; 8])> = (0..partitions)
        .map(|number| {
            let key = number.to_be_bytes();
            (Partitioner::murmur3_token(&key), key)
        })
        .collect();
    keys.sort_unstable();
    let mut rng = Rng(1);
    let (mut builder, mut row) = (RowBuilder::default(), RowBuf::default());
    for (token, key) in keys {
        let partition = PartitionRef { token, key: &key, deletion: DeletionTime::LIVE };
        writer.start_partition(partition, None)?;
        for ck in 0..ROWS_A_PARTITION {
            message(&header, ck, &mut rng, &mut builder, &mut row);
            writer.append(Unfiltered::Row(row.as_ref(&header)))?;
        }
        writer.end_partition()?;
    }
    writer.finish()?.ok_or_else(|| "no rows".into())
}

fn header() -> Header {
    Header {
        base: EncodingBase { min_timestamp: Timestamp(NOW), ..EncodingBase::EPOCH },
        key_type: Type::BigInt,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::BigInt]),
        statics: Columns::empty(),
        regulars: Columns::new(vec![
            Column::new("author", Type::BigInt),
            Column::new("content", Type::Text),
            Column::new("edited", Type::Boolean),
            Column::new("flags", Type::Int),
            Column::new("score", Type::Double),
        ]),
        capabilities: Capabilities::CURRENT,
    }
}

fn message(header: &Header, ck: u64, rng: &mut Rng, builder: &mut RowBuilder, row: &mut RowBuf) {
    let written = Timestamp(NOW + i64::try_from(rng.next() >> 24).unwrap_or(0));
    let author = rng.next().to_be_bytes();
    let text = text(rng);
    let (flags, score) = (rng.next().to_be_bytes(), rng.next().to_be_bytes());
    let flags = flags.first_chunk::<4>().copied().unwrap_or_default();
    builder.start(LivenessInfo::new(written), DeletionTime::LIVE, false);
    let values: [&[u8]; 5] = [&author, &text, &[1], &flags, &score];
    for (column, value) in values.into_iter().enumerate() {
        builder.simple(header, &header.regulars, column, &Cell::live(written, value));
    }
    builder.finish(header, false, row);
    row.clustering.clear();
    encode_clustering(header.clustering.types(), &[Some(&ck.to_be_bytes())], &mut row.clustering);
}

/// A message's text.
pub(crate) fn text(rng: &mut Rng) -> [u8; TEXT_LEN] {
    let mut text = [0; TEXT_LEN];
    let (random, words) = text.split_at_mut(TEXT_LEN - WORDS.len());
    words.copy_from_slice(WORDS);
    for bytes in random.chunks_mut(8) {
        // Letters alone: it is text.
        let letters = rng.next().to_be_bytes().map(|byte| b'a' + byte % 26);
        bytes.copy_from_slice(letters.get(..bytes.len()).unwrap_or_default());
    }
    text
}

/// SplitMix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
