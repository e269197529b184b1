//! Random UUIDs.

use std::hash::{BuildHasher, Hasher, RandomState};

use uuid::{Builder, Uuid};

/// A UUID of version 4, for values that must be unique and need not be secret: identities of
/// databases and writers, the low half of a time UUID.
///
/// Its bits are those of the standard library's hasher, whose keys come from the operating system:
/// no crate is needed that asks for more.
#[must_use]
pub fn random_uuid() -> Uuid {
    let half = || RandomState::new().build_hasher().finish();
    Builder::from_random_bytes(((u128::from(half()) << 64) | u128::from(half())).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let made: std::collections::BTreeSet<Uuid> = (0..1000).map(|_| random_uuid()).collect();
        assert_eq!(made.len(), 1000);
        assert!(made.iter().all(|uuid| uuid.get_version_num() == 4));
        // Each of the bits that are free is sometimes set and sometimes not.
        let ones = made.iter().fold(0u128, |ones, uuid| ones | uuid.as_u128());
        let zeros = made.iter().fold(0u128, |zeros, uuid| zeros | !uuid.as_u128());
        assert_eq!((ones & zeros).count_ones(), 122);
    }
}
