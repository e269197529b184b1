//! Counter contexts: what each node has counted (`db.context.CounterContext`).
//!
//! ```text
//! context := n i16, index[|n|] i16, shard*
//! index   := i              the i-th shard is local
//!          | 8000 | i       the i-th shard is global; a shard that isn't listed is remote
//! shard   := id [16], clock i64, count i64                 ascending ids, unsigned
//! ```
//!
//! One global shard of count 1:
//! `0001 8000 2896de5c786d411e94a825c8f24fa728 000600fbf569b5e8 0000000000000001`. A negative `n`
//! says that the local shards came from another node and count as remote ones.

use std::cmp::Ordering;

use helenus_types::{DecodeError, Timestamp};

const SHARD_LEN: usize = 32;
const GLOBAL: u16 = 0x8000;

/// The origin of a shard, which decides how two shards of one node merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShardKind {
    /// Before 2.1: another node's total, which is replaced.
    Remote,
    /// Before 2.1: this node's own deltas, which are summed.
    Local,
    /// Since 2.1: a node's total, which is replaced.
    Global,
}

/// The count of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The node.
    pub id: [u8; 16],
    /// Rises with every count; microseconds in what 3.0 and later write.
    pub clock: i64,
    /// The node's total, or a delta in a local shard.
    pub count: i64,
    /// Its kind, which decides how it merges.
    pub kind: ShardKind,
}

/// A counter cell's value, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct CounterContext<'a> {
    clear_local: bool,
    index: &'a [[u8; 2]],
    shards: &'a [[u8; SHARD_LEN]],
}

impl<'a> CounterContext<'a> {
    /// Looks at a value; an empty one has no shards.
    ///
    /// # Errors
    /// When its length is not that of such a context.
    pub fn parse(value: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((&n, rest)) = value.split_first_chunk::<2>() else {
            if value.is_empty() {
                return Ok(Self { clear_local: false, index: &[], shards: &[] });
            }
            return Err(DecodeError::new(0, "a counter context", "one byte"));
        };
        let n = i16::from_be_bytes(n);
        let len = 2 * usize::from(n.unsigned_abs());
        let Some((index, shards)) = rest.split_at_checked(len) else {
            return Err(DecodeError::new(
                2,
                format!("{len} bytes of a context's index"),
                rest.len().to_string(),
            ));
        };
        match shards.as_chunks() {
            (shards, []) => Ok(Self { clear_local: n < 0, index: index.as_chunks().0, shards }),
            (_, more) => Err(DecodeError::new(
                (value.len() - more.len()) as u64,
                "shards of 32 bytes",
                format!("{} more bytes", more.len()),
            )),
        }
    }

    /// The shards by id.
    #[inline]
    pub fn shards(&self) -> Shards<'a> {
        Shards { context: *self, next: 0, in_index: 0 }
    }

    /// The counter's value.
    #[must_use]
    pub fn total(&self) -> i64 {
        let count = |shard: &[u8; SHARD_LEN]| shard.last_chunk::<8>().map_or(0, |c| i64::from_be_bytes(*c));
        self.shards.iter().map(count).fold(0, i64::wrapping_add)
    }

    /// Whether there is a shard of the kinds that were written before 2.1 (`hasLegacyShards`).
    #[must_use]
    pub fn has_legacy_shards(&self) -> bool {
        self.shards().any(|shard| shard.kind != ShardKind::Global)
    }

    /// The shard of that node.
    #[must_use]
    pub fn shard_of(&self, id: &[u8; 16]) -> Option<Shard> {
        self.shards().find(|shard| shard.id == *id)
    }

    /// Appends the context that both make together.
    pub fn merge(&self, other: &CounterContext<'_>, out: &mut Vec<u8>) {
        encode(merged(self, other), out);
    }

    /// Appends the context with its local shards made remote (`clearAllLocal`).
    pub fn clear_local(&self, out: &mut Vec<u8>) {
        encode(CounterContext { clear_local: true, ..*self }.shards(), out);
    }

    /// Appends this context with the shard of node `id` replaced by a global one that counts
    /// `delta` more (`CounterMutation.updateWithCurrentValue`): the clock is `now`, or one more
    /// than it was if that is later.
    pub fn increment(&self, id: [u8; 16], delta: i64, now: Timestamp, out: &mut Vec<u8>) {
        let current = self.shard_of(&id).unwrap_or(Shard { id, clock: 0, count: 0, kind: ShardKind::Global });
        encode_global(id, now.0.max(current.clock.wrapping_add(1)), current.count.wrapping_add(delta), out);
    }
}

/// Appends a context of one global shard (`createGlobal`), which is what an increment writes.
pub fn encode_global(id: [u8; 16], clock: i64, count: i64, out: &mut Vec<u8>) {
    encode(std::iter::once(Shard { id, clock, count, kind: ShardKind::Global }), out);
}

/// The shards of a [`CounterContext`], by id.
#[derive(Clone, Debug)]
pub struct Shards<'a> {
    context: CounterContext<'a>,
    next: usize,
    in_index: usize,
}

impl Iterator for Shards<'_> {
    type Item = Shard;

    #[inline]
    fn next(&mut self) -> Option<Shard> {
        let bytes = self.context.shards.get(self.next)?;
        let (id, rest) = bytes.split_first_chunk()?;
        let (clock, count) = rest.split_first_chunk()?;
        let count = count.first_chunk()?;
        let entry = self.context.index.get(self.in_index).map(|entry| u16::from_be_bytes(*entry));
        let mut kind = ShardKind::Remote;
        if let Some(entry) = entry
            && usize::from(entry & !GLOBAL) == self.next
        {
            self.in_index += 1;
            if entry & GLOBAL != 0 {
                kind = ShardKind::Global;
            } else if !self.context.clear_local {
                kind = ShardKind::Local;
            }
        }
        self.next += 1;
        Some(Shard { id: *id, clock: i64::from_be_bytes(*clock), count: i64::from_be_bytes(*count), kind })
    }
}

fn merged<'a>(
    left: &CounterContext<'a>,
    right: &CounterContext<'a>,
) -> impl Iterator<Item = Shard> + Clone + use<'a> {
    let mut left = left.shards().peekable();
    let mut right = right.shards().peekable();
    std::iter::from_fn(move || {
        let (Some(l), Some(r)) = (left.peek(), right.peek()) else {
            return left.next().or_else(|| right.next());
        };
        match l.id.cmp(&r.id) {
            Ordering::Less => left.next(),
            Ordering::Greater => right.next(),
            Ordering::Equal => Some(merge_shards(left.next()?, right.next()?)),
        }
    })
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
            ShardKind::Remote => left_remote_wins(&left, &right),
        },
    };
    if left_wins { left } else { right }
}

/// Negative clocks are those of shards that 0.8 had repaired; the rule is Cassandra's
/// (`CounterContext.compare`).
fn left_remote_wins(left: &Shard, right: &Shard) -> bool {
    if left.clock == right.clock {
        return left.count >= right.count;
    }
    if left.clock >= 0 {
        right.clock > 0 && left.clock >= right.clock
    } else {
        right.clock > 0 || left.clock < right.clock
    }
}

fn encode(shards: impl Iterator<Item = Shard> + Clone, out: &mut Vec<u8>) {
    let listed = |(index, shard): (u16, Shard)| match shard.kind {
        ShardKind::Remote => None,
        ShardKind::Local => Some(index),
        ShardKind::Global => Some(index | GLOBAL),
    };
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    let mut n = 0u16;
    for entry in (0..GLOBAL).zip(shards.clone()).filter_map(listed) {
        out.extend_from_slice(&entry.to_be_bytes());
        n += 1;
    }
    let Some(place) = out.get_mut(start..).and_then(|context| context.first_chunk_mut::<2>()) else {
        unreachable!("a context begins with the length of its index")
    };
    *place = n.to_be_bytes();
    for shard in shards {
        out.extend_from_slice(&shard.id);
        out.extend_from_slice(&shard.clock.to_be_bytes());
        out.extend_from_slice(&shard.count.to_be_bytes());
    }
}
