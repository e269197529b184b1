//! Levels of leveled compaction as they are: which SSTables overlap others of their level, and how
//! high each could be.

use helenus_types::Partitioner;

use crate::description::KeyRange;

/// An SSTable's level and where its partitions lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeveledRange<'a> {
    /// Its level.
    pub level: u32,
    /// Its first and last partition.
    pub keys: KeyRange<'a>,
}

/// Pairs of SSTables above level 0 whose partitions overlap though they are of one level, by their
/// places in `tables`, which come by level and in it in the order of their first partitions: for
/// each that overlaps one before it, the one of these that reaches farthest, and it. Cassandra
/// moves such a one back to level 0 (`LeveledGenerations.addAll`).
#[must_use]
pub fn level_overlaps(partitioner: &Partitioner, tables: &[LeveledRange<'_>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // The one that reaches farthest of the level so far.
    let mut farthest: Option<(usize, &LeveledRange<'_>)> = None;
    for (second, table) in tables.iter().enumerate().filter(|(_, table)| table.level > 0) {
        match farthest {
            Some((first, before)) if before.level == table.level => {
                if partitioner.compare(table.keys.first, before.keys.last).is_le() {
                    found.push((first, second));
                }
                if partitioner.compare(table.keys.last, before.keys.last).is_gt() {
                    farthest = Some((second, table));
                }
            }
            _ => farthest = Some((second, table)),
        }
    }
    found
}

/// How many SSTables each level would have, from level 0 on, if they were put as high as they fit
/// (`tools.SSTableOfflineRelevel`).
///
/// The highest level takes, in the order of last partitions, each SSTable that begins after the one
/// that it took last; what it leaves goes to the one below. There is one level for up to ten
/// SSTables, two for up to a hundred, and so on; what is left then stays in level 0.
#[must_use]
pub fn potential_levels<'a>(
    partitioner: &Partitioner,
    tables: impl IntoIterator<Item = KeyRange<'a>>,
) -> Vec<usize> {
    let mut left: Vec<KeyRange<'_>> = tables.into_iter().collect();
    let count = left.len();
    left.sort_by(|a, b| partitioner.compare(a.last, b.last));
    let mut from_the_top = Vec::new();
    let mut room = 1;
    while room < count && !left.is_empty() {
        room = room.saturating_mul(10);
        let before = left.len();
        let mut last: Option<&[u8]> = None;
        left.retain(|keys| {
            let fits = last.is_none_or(|last| partitioner.compare(last, keys.first).is_lt());
            if fits {
                last = Some(keys.last);
            }
            !fits
        });
        from_the_top.push(before - left.len());
    }
    from_the_top.push(left.len());
    from_the_top.reverse();
    from_the_top
}
