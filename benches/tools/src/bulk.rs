//! Rows of the measured table's shape through `BulkWriter`, in either order. They are made as they
//! are written, which is in the figure.

use std::path::Path;

use helenus::BulkOptions;
use helenus_types::Partitioner;

use crate::Result;
use crate::generate::{ROWS_A_PARTITION, Rng, text};

const SCHEMA: &str = "CREATE TABLE k.messages (pk bigint, ck bigint, author bigint, content text, edited boolean, flags int, \
                      score double, PRIMARY KEY (pk, ck))";

/// Writes SSTables to `dir`: partition by partition in the order of tokens, or a row of each
/// partition in turn.
pub(crate) fn write(dir: &Path, rows: u64, sorted: bool) -> Result<()> {
    let options = BulkOptions::new().sorted(sorted).buffer_bytes(128 << 20);
    let writer = options.open(dir, SCHEMA, "k", "messages")?;
    let mut keys: Vec<i64> = (0..).take(usize::try_from(rows.div_ceil(ROWS_A_PARTITION))?).collect();
    let mut rng = Rng(1);
    let mut row = |pk: i64, ck: u64| -> Result<()> {
        let author = rng.next().cast_signed();
        let content = text(&mut rng);
        let content = std::str::from_utf8(&content)?;
        let (flags, score) = (i32::try_from(author >> 33).unwrap_or(0), f64::from_bits(rng.next() >> 2));
        Ok(writer.add_row((pk, ck.cast_signed(), author, content, true, flags, score))?)
    };
    if sorted {
        keys.sort_by_key(|key| Partitioner::murmur3_token(&key.to_be_bytes()));
        for pk in keys {
            (0..ROWS_A_PARTITION).try_for_each(|ck| row(pk, ck))?;
        }
    } else {
        for ck in 0..ROWS_A_PARTITION {
            keys.iter().try_for_each(|&pk| row(pk, ck))?;
        }
    }
    writer.finish()?;
    Ok(())
}
