//! One node of a trie.
//!
//! The first byte holds the type (high nibble) and, unless it belongs to a pointer, the payload's
//! flags (low nibble; 0 means no payload). Pointers are distances backwards from the node's own
//! position. The payload follows the node.
//!
//! ```text
//!  0 PAYLOAD_ONLY         -
//!  1 SINGLE_NOPAYLOAD_4   low nibble: pointer; transition u8
//!  2 SINGLE_8             transition u8, pointer u8
//!  3 SINGLE_NOPAYLOAD_12  low nibble and a byte: pointer; transition u8
//!  4 SINGLE_16            transition u8, pointer u16
//!  5 SPARSE_8             count u8, transitions u8 ascending, pointers u8
//!  6 SPARSE_12            the same with pointers of 12 bits, two in three bytes
//!  7 SPARSE_16   8 SPARSE_24   9 SPARSE_40
//! 10 DENSE_12             first transition u8, length - 1 u8, a pointer per transition, 0 for none
//! 11 DENSE_16  12 DENSE_24  13 DENSE_32  14 DENSE_40  15 LONG_DENSE (8 bytes)
//! ```
//!
//! `1b 40` at position 1a is a SINGLE_NOPAYLOAD_4: under the byte 40 it leads to the node at 1a -
//! b = f. (Cassandra: `io.tries.TrieNode`.)

use std::borrow::Cow;

use helenus_types::DecodeError;

use crate::error::SsTableErrorKind;
use crate::paged_file::{HeldPage, PagedFile};

/// A decoded node, borrowed from the file. Its *slots* are its children in order; in a dense node
/// some of them may be empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'a> {
    position: u64,
    payload_flags: u8,
    /// Everything after the node: its payload, then whatever follows.
    after: &'a [u8],
    fan: Fan<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Fan<'a> {
    Leaf,
    Single { transition: u8, distance: u64 },
    Sparse { transitions: &'a [u8], pointers: Pointers<'a> },
    Dense { first: u8, length: usize, pointers: Pointers<'a> },
}

/// Pointers of equal width, in half bytes.
#[derive(Debug, Clone, Copy)]
struct Pointers<'a> {
    bytes: &'a [u8],
    nibbles: usize,
}

/// The slot of a byte at a node, or else the slot before which it would be.
pub(super) type Search = Result<usize, usize>;

impl<'a> Node<'a> {
    /// Decodes the node at `position` of the file.
    #[inline]
    pub(super) fn at(
        file: &'a PagedFile,
        held: &'a mut HeldPage,
        position: u64,
    ) -> Result<Node<'a>, SsTableErrorKind> {
        match Node::decode(file.tail(held, position)?, position) {
            Some(node) => Ok(node),
            None => Err(truncated(position).into()),
        }
    }

    #[inline]
    pub(super) fn decode(bytes: &'a [u8], position: u64) -> Option<Node<'a>> {
        let (&head, rest) = bytes.split_first()?;
        let low = head & 0x0F;
        let node = |payload_flags, after, fan| Some(Node { position, payload_flags, after, fan });
        let single = |payload_flags, after, transition: u8, distance: u64| {
            node(payload_flags, after, Fan::Single { transition, distance })
        };
        match head >> 4 {
            0 => node(low, rest, Fan::Leaf),
            1 => {
                let (&transition, after) = rest.split_first()?;
                single(0, after, transition, u64::from(low))
            }
            2 => {
                let ([transition, pointer], after) = rest.split_first_chunk()?;
                single(low, after, *transition, u64::from(*pointer))
            }
            3 => {
                let ([pointer, transition], after) = rest.split_first_chunk()?;
                single(0, after, *transition, u64::from(low) << 8 | u64::from(*pointer))
            }
            4 => {
                let ([transition, high, low_byte], after) = rest.split_first_chunk()?;
                single(low, after, *transition, u64::from(u16::from_be_bytes([*high, *low_byte])))
            }
            kind @ 5..=9 => {
                let (&count, rest) = rest.split_first()?;
                let (transitions, rest) = rest.split_at_checked(usize::from(count))?;
                let nibbles = SPARSE_NIBBLES.get(usize::from(kind - 5)).copied()?;
                let (bytes, after) = rest.split_at_checked((usize::from(count) * nibbles).div_ceil(2))?;
                node(low, after, Fan::Sparse { transitions, pointers: Pointers { bytes, nibbles } })
            }
            kind => {
                let ([first, last], rest) = rest.split_first_chunk()?;
                let length = usize::from(*last) + 1;
                let nibbles = DENSE_NIBBLES.get(usize::from(kind - 10)).copied()?;
                let (bytes, after) = rest.split_at_checked((length * nibbles).div_ceil(2))?;
                node(low, after, Fan::Dense { first: *first, length, pointers: Pointers { bytes, nibbles } })
            }
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    #[inline]
    pub(super) fn has_payload(&self) -> bool {
        self.payload_flags != 0
    }

    /// The flags of the payload, whose meaning depends on the file; 0 when there is none.
    #[inline]
    pub(super) fn payload_flags(&self) -> u8 {
        self.payload_flags
    }

    /// The payload and everything after it.
    #[inline]
    pub(super) fn payload(&self) -> &'a [u8] {
        self.after
    }

    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.fan, Fan::Leaf)
    }

    /// Finds a byte among the transitions; the end of a key, `None`, comes before all of them.
    #[inline]
    pub(super) fn search(&self, byte: Option<u8>) -> Search {
        let Some(byte) = byte else { return Err(0) };
        match self.fan {
            Fan::Leaf => Err(0),
            Fan::Single { transition, .. } => match byte {
                _ if byte == transition => Ok(0),
                _ => Err(usize::from(byte > transition)),
            },
            Fan::Sparse { transitions, .. } => transitions.binary_search(&byte),
            Fan::Dense { first, length, pointers } => match byte.checked_sub(first).map(usize::from) {
                None => Err(0),
                Some(slot) if slot >= length => Err(length),
                Some(slot) if pointers.get(slot) == Some(0) => Err(slot),
                Some(slot) => Ok(slot),
            },
        }
    }

    /// The child in a slot that [`search`](Self::search) found.
    #[inline]
    pub(super) fn child(&self, slot: usize) -> Result<u64, DecodeError> {
        match self.distance(slot) {
            // Children are before their parents: following pointers always ends.
            Some(distance @ 1..) if distance <= self.position => Ok(self.position - distance),
            distance => Err(self.bad_pointer(distance)),
        }
    }

    /// The first child from `slot` on, and its slot.
    #[inline]
    pub(super) fn child_from(&self, slot: usize) -> Result<Option<(usize, u64)>, DecodeError> {
        (slot..self.slots())
            .find(|&slot| self.is_taken(slot))
            .map(|slot| Ok((slot, self.child(slot)?)))
            .transpose()
    }

    /// The last child before `slot`, and its slot.
    #[inline]
    pub(super) fn child_before(&self, slot: usize) -> Result<Option<(usize, u64)>, DecodeError> {
        let end = slot.min(self.slots());
        (0..end).rev().find(|&slot| self.is_taken(slot)).map(|slot| Ok((slot, self.child(slot)?))).transpose()
    }

    /// Whether its transitions ascend, as searches take for granted.
    #[inline]
    pub(super) fn is_ascending(&self) -> bool {
        match self.fan {
            Fan::Leaf | Fan::Single { .. } => true,
            Fan::Sparse { transitions, .. } => transitions.is_sorted_by(|one, next| one < next),
            Fan::Dense { first, length, .. } => usize::from(first) + length <= 1 << 8,
        }
    }

    /// The byte that leads to the child in `slot`.
    #[cfg(test)]
    pub(super) fn transition(&self, slot: usize) -> u8 {
        match self.fan {
            Fan::Leaf => 0,
            Fan::Single { transition, .. } => transition,
            Fan::Sparse { transitions, .. } => transitions[slot],
            Fan::Dense { first, .. } => first + u8::try_from(slot).unwrap(),
        }
    }

    #[cold]
    pub(super) fn corrupt(&self, expected: &'static str, found: impl Into<Cow<'static, str>>) -> DecodeError {
        DecodeError::new(self.position, expected, found)
    }

    #[inline]
    fn slots(&self) -> usize {
        match self.fan {
            Fan::Leaf => 0,
            Fan::Single { .. } => 1,
            Fan::Sparse { transitions, .. } => transitions.len(),
            Fan::Dense { length, .. } => length,
        }
    }

    #[inline]
    fn is_taken(&self, slot: usize) -> bool {
        !matches!(self.fan, Fan::Dense { pointers, .. } if pointers.get(slot) == Some(0))
    }

    #[inline]
    fn distance(&self, slot: usize) -> Option<u64> {
        match self.fan {
            Fan::Leaf => None,
            Fan::Single { distance, .. } => Some(distance),
            Fan::Sparse { pointers, .. } | Fan::Dense { pointers, .. } => pointers.get(slot),
        }
    }

    #[cold]
    fn bad_pointer(&self, distance: Option<u64>) -> DecodeError {
        let found =
            distance.map_or(Cow::Borrowed("none"), |distance| format!("one of {distance} bytes").into());
        self.corrupt("a pointer back to a child in the file", found)
    }
}

/// Widths of the pointers of types 5 to 9, in half bytes.
const SPARSE_NIBBLES: [usize; 5] = [2, 3, 4, 6, 10];
/// Widths of the pointers of types 10 to 15, in half bytes.
const DENSE_NIBBLES: [usize; 6] = [3, 4, 6, 8, 10, 16];

impl Pointers<'_> {
    #[inline]
    fn get(&self, slot: usize) -> Option<u64> {
        let start = slot * self.nibbles / 2;
        if self.nibbles == 3 {
            let word = u16::from_be_bytes(*self.bytes.get(start..)?.first_chunk()?);
            return Some(u64::from(if slot.is_multiple_of(2) { word >> 4 } else { word & 0xFFF }));
        }
        let bytes = self.bytes.get(start..start + self.nibbles / 2)?;
        Some(bytes.iter().fold(0, |pointer, &byte| pointer << 8 | u64::from(byte)))
    }
}

#[cold]
fn truncated(position: u64) -> DecodeError {
    DecodeError::new(position, "a trie node", "the end of the file or the page")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &[u8], position: usize) -> Option<Node<'_>> {
        Node::decode(file.get(position..)?, position as u64)
    }

    /// A node at position 0x1000, with its children as (transition, position) and what follows it.
    fn check(bytes: &[u8], children: &[(u8, u64)], flags: u8, after: &[u8]) {
        let mut file = vec![0; 0x1000];
        file.extend_from_slice(bytes);
        let node = at(&file, 0x1000).unwrap();
        let mut found = Vec::new();
        let mut slot = 0;
        while let Some((at, child)) = node.child_from(slot).unwrap() {
            found.push((node.transition(at), child));
            assert_eq!(node.search(Some(node.transition(at))), Ok(at));
            assert_eq!(node.child_before(at + 1).unwrap(), Some((at, child)));
            slot = at + 1;
        }
        assert_eq!(found, children, "{bytes:02x?}");
        assert_eq!(node.payload_flags(), flags);
        assert_eq!(node.payload(), after);
        assert_eq!(node.is_leaf(), children.is_empty());
        assert_eq!(node.search(None), Err(0));
        for len in 0..bytes.len() - after.len() {
            assert!(at(&file[..0x1000 + len], 0x1000).is_none());
        }
    }

    #[test]
    fn every_type() {
        check(&[0x08, 9, 0xff], &[], 8, &[9, 0xff]);
        check(&[0x1b, 0x40], &[(0x40, 0x1000 - 0xb)], 0, &[]);
        check(&[0x29, 0x40, 0xfe, 7], &[(0x40, 0x1000 - 0xfe)], 9, &[7]);
        check(&[0x31, 0x02, 0x40], &[(0x40, 0x1000 - 0x102)], 0, &[]);
        check(&[0x42, 0x40, 0x01, 0x02, 7], &[(0x40, 0x1000 - 0x102)], 2, &[7]);
        check(&[0x50, 2, 0x32, 0x36, 6, 3], &[(0x32, 0xffa), (0x36, 0xffd)], 0, &[]);
        let three = [(1, 0x1000 - 0x123), (2, 0x1000 - 0x456), (9, 0x1000 - 0x789)];
        check(&[0x61, 3, 1, 2, 9, 0x12, 0x34, 0x56, 0x78, 0x90, 5], &three, 1, &[5]);
        check(&[0x70, 2, 1, 2, 1, 0x23, 4, 0x56], &three[..2], 0, &[]);
        check(&[0x80, 2, 1, 2, 0, 1, 0x23, 0, 4, 0x56], &three[..2], 0, &[]);
        check(&[0x9f, 1, 1, 0, 0, 0, 1, 0x23], &three[..1], 15, &[]);
        let gap = [(1, 0x1000 - 0x123), (3, 0x1000 - 0x456)];
        check(&[0xa0, 1, 2, 0x12, 0x30, 0x00, 0x45, 0x60], &gap, 0, &[]);
        check(&[0xb0, 1, 2, 1, 0x23, 0, 0, 4, 0x56], &gap, 0, &[]);
        check(&[0xc0, 1, 2, 0, 1, 0x23, 0, 0, 0, 0, 4, 0x56], &gap, 0, &[]);
        check(&[0xd3, 1, 0, 0, 0, 1, 0x23, 9], &gap[..1], 3, &[9]);
        check(&[0xe0, 1, 0, 0, 0, 0, 1, 0x23], &gap[..1], 0, &[]);
        check(&[0xf0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x23], &gap[..1], 0, &[]);
    }

    #[test]
    fn misses_name_the_slot_before_which_the_byte_would_be() {
        let file = [0xa0, 5, 2, 0x00, 0x10, 0x00, 0x00, 0x10];
        let node = at(&file, 0).unwrap();
        assert_eq!([4, 6, 8].map(|byte| node.search(Some(byte))), [Err(0), Err(1), Err(3)]);
        let file = [0x50, 2, 5, 7, 1, 1];
        let node = at(&file, 0).unwrap();
        assert_eq!([4, 6, 8].map(|byte| node.search(Some(byte))), [Err(0), Err(1), Err(2)]);
    }

    #[test]
    fn pointers_that_do_not_go_back_into_the_file_are_refused() {
        assert!(at(&[0x10, 0x40], 0).unwrap().child(0).is_err());
        assert!(at(&[0, 0x12, 0x40], 1).unwrap().child(0).is_err());
        assert!(at(&[0, 0x11, 0x40], 1).unwrap().child(0) == Ok(0));
        assert!(at(&[0], 1).is_none());
        assert!(at(&[0], usize::MAX).is_none());
    }
}
