//! Counter contexts (`CounterContext`): a counter's value is the sum of shards, one for each node
//! that counted.

use std::cmp::Ordering;

/// The origin of a shard, which decides how two shards of one node merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShardKind {
    /// Legacy: another node's sum, which is replaced.
    Remote,
    /// Legacy: this node's own deltas, which are added up.
    Local,
    /// What has been written since 2.1: a node's total, which is replaced.
    Global,
}

/// The count of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// The node.
    pub id: [u8; 16],
    /// Rises with every count.
    pub clock: i64,
    /// The node's total, or a delta if the shard is local.
    pub count: i64,
    /// Its kind, which decides how it merges.
    pub kind: ShardKind,
}

/// The shards by id, at most one each. No shard means the empty value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct CounterContext {
    /// In order of id.
    pub shards: Vec<Shard>,
}

impl CounterContext {
    /// The merge of two versions of one counter cell.
    #[must_use]
    pub fn merge(&self, other: &CounterContext) -> CounterContext {
        let mut shards = self.shards.clone();
        for right in &other.shards {
            match shards.iter_mut().find(|left| left.id == right.id) {
                Some(left) => *left = merge_shards(*left, *right),
                None => shards.push(*right),
            }
        }
        shards.sort_by_key(|shard| shard.id);
        CounterContext { shards }
    }

    /// The counter's value.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.shards.iter().fold(0, |sum: i64, shard| sum.wrapping_add(shard.count))
    }

    /// The bytes of the cell: how many header entries (i16), an entry for each local (its index)
    /// and global (its index with the top bit set) shard, then 32 bytes per shard: id, clock,
    /// count. Empty without shards.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        if self.shards.is_empty() {
            return Vec::new();
        }
        let header: Vec<u16> = (0u16..)
            .zip(&self.shards)
            .filter_map(|(index, shard)| match shard.kind {
                ShardKind::Remote => None,
                ShardKind::Local => Some(index),
                ShardKind::Global => Some(index | 0x8000),
            })
            .collect();
        let count = u16::try_from(header.len()).unwrap_or(u16::MAX);
        let mut bytes = count.to_be_bytes().to_vec();
        bytes.extend(header.iter().flat_map(|entry| entry.to_be_bytes()));
        for shard in &self.shards {
            bytes.extend(shard.id);
            bytes.extend(shard.clock.to_be_bytes());
            bytes.extend(shard.count.to_be_bytes());
        }
        bytes
    }
}

fn merge_shards(left: Shard, right: Shard) -> Shard {
    let left_wins = match left.kind.cmp(&right.kind) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => match left.kind {
            ShardKind::Global => (left.clock, left.count) >= (right.clock, right.count),
            ShardKind::Local => {
                let clock = left.clock.wrapping_add(right.clock);
                return Shard { clock, count: left.count.wrapping_add(right.count), ..left };
            }
            ShardKind::Remote => remote_wins(left, right),
        },
    };
    if left_wins { left } else { right }
}

/// Negative clocks marked shards that a 0.8 node had repaired; the rule is theirs.
fn remote_wins(left: Shard, right: Shard) -> bool {
    if left.clock == right.clock {
        return left.count >= right.count;
    }
    if left.clock >= 0 {
        right.clock > 0 && left.clock >= right.clock
    } else {
        right.clock > 0 || left.clock < right.clock
    }
}
