//! Partitioners: the order of partitions, by token or by key.

use std::borrow::Cow;
use std::cmp::Ordering;

use num_bigint::BigInt;

use crate::comparable::{
    GT_NEXT_COMPONENT, LT_NEXT_COMPONENT, NEXT_COMPONENT, NEXT_COMPONENT_NULL, TERMINATOR, escape, varint,
};
use crate::{Hex, Partitioner, Token, Type, murmur3};

const PACKAGE: &str = "org.apache.cassandra.dht.";

/// Where a position lies relative to the keys that share its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Before all of them.
    Before,
    /// Exactly at the key.
    At,
    /// After all of them.
    After,
}

impl Side {
    const fn terminator(self) -> u8 {
        match self {
            Side::Before => LT_NEXT_COMPONENT,
            Side::At => TERMINATOR,
            Side::After => GT_NEXT_COMPONENT,
        }
    }
}

impl Partitioner {
    /// The class as Statistics.db names it.
    #[must_use]
    pub const fn class_name(&self) -> &'static str {
        match self {
            Partitioner::Murmur3 => "org.apache.cassandra.dht.Murmur3Partitioner",
            Partitioner::Random => "org.apache.cassandra.dht.RandomPartitioner",
            Partitioner::ByteOrdered => "org.apache.cassandra.dht.ByteOrderedPartitioner",
            Partitioner::OrderPreserving => "org.apache.cassandra.dht.OrderPreservingPartitioner",
            Partitioner::Local(_) => "org.apache.cassandra.dht.LocalPartitioner",
        }
    }

    /// The partitioner of a class, with or without its package. A local one orders by bytes until
    /// the type of the table's key is set.
    #[must_use]
    pub fn from_class_name(name: &str) -> Option<Partitioner> {
        Some(match name.strip_prefix(PACKAGE).unwrap_or(name) {
            "Murmur3Partitioner" => Partitioner::Murmur3,
            "RandomPartitioner" => Partitioner::Random,
            "ByteOrderedPartitioner" => Partitioner::ByteOrdered,
            "OrderPreservingPartitioner" => Partitioner::OrderPreserving,
            "LocalPartitioner" => Partitioner::Local(Type::Blob),
            _ => return None,
        })
    }

    /// The Murmur3 token of a serialized key. The empty key has the minimum, which no other gets.
    #[inline]
    #[must_use]
    pub fn murmur3_token(key: &[u8]) -> Token {
        if key.is_empty() {
            return Token::MIN;
        }
        let [h1, _] = murmur3(key);
        match h1.cast_signed() {
            i64::MIN => Token::MAX,
            token => Token(token),
        }
    }

    /// RandomPartitioner's token: the absolute value of the key's MD5 as a signed number, -1 for
    /// the empty key.
    #[must_use]
    pub fn random_token(key: &[u8]) -> BigInt {
        if key.is_empty() {
            return BigInt::from(-1);
        }
        let md5::Digest(digest) = md5::compute(key);
        BigInt::from(BigInt::from_signed_bytes_be(&digest).magnitude().clone())
    }

    /// The leading part of a key's place, as much as fits into a token: `a < b` implies
    /// `prefix(a) <= prefix(b)`. Murmur3's token itself.
    #[inline]
    #[must_use]
    pub fn prefix(&self, key: &[u8]) -> Token {
        match self {
            Partitioner::Murmur3 => Partitioner::murmur3_token(key),
            _ => self.rarer_prefix(key),
        }
    }

    fn rarer_prefix(&self, key: &[u8]) -> Token {
        let of_u64 = |prefix: u64| Token((prefix ^ (1 << 63)).cast_signed());
        match self {
            Partitioner::Murmur3 => Partitioner::murmur3_token(key),
            // Up to 2^127, which is the reason for the one bit more.
            Partitioner::Random => random_magnitude(key)
                .map_or(Token(-1), |token| Token(i64::try_from(token >> 65).unwrap_or(i64::MAX))),
            Partitioner::ByteOrdered => of_u64(Type::Blob.prefix64(key)),
            Partitioner::OrderPreserving => Token(0),
            Partitioner::Local(ty) => of_u64(ty.prefix64(key)),
        }
    }

    /// The order of two partitions (`DecoratedKey.compareTo`): by token, then by the bytes of the
    /// keys.
    #[must_use]
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        self.prefix(a).cmp(&self.prefix(b)).then_with(|| self.compare_tied(a, b))
    }

    /// The order of two partitions whose [`prefix`](Self::prefix) is the same.
    #[inline]
    #[must_use]
    pub fn compare_tied(&self, a: &[u8], b: &[u8]) -> Ordering {
        let by_token = match self {
            Partitioner::Murmur3 | Partitioner::ByteOrdered => Ordering::Equal,
            Partitioner::Random => random_magnitude(a).cmp(&random_magnitude(b)),
            // As Java compares strings.
            Partitioner::OrderPreserving => {
                ordered_text(a).encode_utf16().cmp(ordered_text(b).encode_utf16())
            }
            Partitioner::Local(ty) => ty.compare(a, b),
        };
        by_token.then_with(|| a.cmp(b))
    }

    /// Appends the byte-comparable form of the key's token; false, and nothing appended, if the
    /// token has none (an empty value of a local partitioner's type).
    pub fn token_comparable(&self, key: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Partitioner::Murmur3 => out.extend_from_slice(&Partitioner::murmur3_token(key).comparable()),
            Partitioner::Random => {
                varint(&Partitioner::random_token(key).to_signed_bytes_be(), out);
            }
            Partitioner::ByteOrdered => escape(key, out),
            Partitioner::OrderPreserving => escape(ordered_text(key).as_bytes(), out),
            Partitioner::Local(ty) => return ty.comparable(key, out),
        }
        true
    }
}

/// Appends the position of a partition, or with a side other than [`Side::At`] one just before or
/// after it: the token, then the key as raw bytes, whatever its type
/// (`DecoratedKey.asComparableBytes`).
pub fn decorated_key_comparable(partitioner: &Partitioner, key: &[u8], side: Side, out: &mut Vec<u8>) {
    push_token(partitioner, key, out);
    out.push(NEXT_COMPONENT);
    escape(key, out);
    out.push(side.terminator());
}

/// Appends a position before or after all keys of `key`'s token. [`Side::At`] has no key to be at:
/// it ends as a sequence of the token alone.
pub fn token_bound_comparable(partitioner: &Partitioner, key: &[u8], side: Side, out: &mut Vec<u8>) {
    push_token(partitioner, key, out);
    out.push(side.terminator());
}

/// As [`token_bound_comparable`] for a Murmur3 token without a key.
pub fn murmur3_bound_comparable(token: Token, side: Side, out: &mut Vec<u8>) {
    out.push(NEXT_COMPONENT);
    out.extend_from_slice(&token.comparable());
    out.push(side.terminator());
}

fn push_token(partitioner: &Partitioner, key: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.push(NEXT_COMPONENT);
    if !partitioner.token_comparable(key, out) {
        out.truncate(at);
        out.push(NEXT_COMPONENT_NULL);
    }
}

/// RandomPartitioner's token where it is not negative.
fn random_magnitude(key: &[u8]) -> Option<u128> {
    (!key.is_empty()).then(|| i128::from_be_bytes(md5::compute(key).0).unsigned_abs())
}

/// OrderPreservingPartitioner's token: the key as text, or its hex digits where it is not UTF-8.
fn ordered_text(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(Hex(key).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_key_and_the_positions_around_it() {
        let form = |side| {
            let mut out = Vec::new();
            decorated_key_comparable(&Partitioner::Murmur3, b"0", side, &mut out);
            out
        };
        let key = [0x40, 0xaa, 0xc9, 0xde, 0xbe, 0xd5, 0x46, 0xa3, 0x80, 0x40, 0x30, 0x00, 0x38];
        assert_eq!(form(Side::At), key);
        assert!(form(Side::Before) < form(Side::At));
        assert!(form(Side::At) < form(Side::After));

        let mut bound = Vec::new();
        token_bound_comparable(&Partitioner::Murmur3, b"0", Side::Before, &mut bound);
        let mut same = Vec::new();
        murmur3_bound_comparable(Partitioner::murmur3_token(b"0"), Side::Before, &mut same);
        assert_eq!(bound, same);
        assert!(bound < form(Side::Before));
        assert_eq!(bound.last(), Some(&0x20));
    }

    #[test]
    fn orders_are_those_of_the_comparable_forms() {
        let keys: Vec<Vec<u8>> = (0..60u64)
            .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..(n % 9).min(8) as usize].to_vec())
            .chain([b"a".to_vec(), b"ab".to_vec(), b"b".to_vec(), vec![0], vec![0xff; 12], vec![0xff; 9]])
            .collect();
        for partitioner in [
            Partitioner::Murmur3,
            Partitioner::Random,
            Partitioner::ByteOrdered,
            Partitioner::OrderPreserving,
            Partitioner::Local(Type::Text),
            Partitioner::Local(Type::Varint),
            Partitioner::Local(Type::PartitionerDefined {
                partitioner: Arc::new(Partitioner::Murmur3),
                key_type: None,
            }),
        ] {
            for (a, b) in keys.iter().flat_map(|a| keys.iter().map(move |b| (a, b))) {
                let form = |key: &[u8]| {
                    let mut out = Vec::new();
                    decorated_key_comparable(&partitioner, key, Side::At, &mut out);
                    out
                };
                let expected = form(a).cmp(&form(b));
                assert_eq!(partitioner.compare(a, b), expected, "{partitioner:?} {a:02x?} {b:02x?}");
                let prefixes = partitioner.prefix(a).cmp(&partitioner.prefix(b));
                assert!(prefixes.is_eq() || prefixes == expected, "{partitioner:?} {a:02x?} {b:02x?}");
            }
        }
        // Characters outside the 16-bit plane come before some inside.
        let [high, private] = ["\u{1F600}", "\u{FF41}"].map(str::as_bytes);
        assert_eq!(Partitioner::OrderPreserving.compare(high, private), Ordering::Less);
    }

    #[test]
    fn class_names() {
        for partitioner in [
            Partitioner::Murmur3,
            Partitioner::Random,
            Partitioner::ByteOrdered,
            Partitioner::OrderPreserving,
            Partitioner::Local(Type::Blob),
        ] {
            let name = partitioner.class_name();
            assert_eq!(Partitioner::from_class_name(name), Some(partitioner.clone()));
            let simple = name.strip_prefix(PACKAGE).unwrap();
            assert_eq!(Partitioner::from_class_name(simple), Some(partitioner));
        }
        assert_eq!(Partitioner::from_class_name("com.example.Partitioner"), None);
    }
}
