//! `varint`: integers of any size.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;

/// An integer of any size, a value of a `varint`.
///
/// ```
/// use helenus_types::Varint;
///
/// let large: Varint = "1180591620717411303424".parse()?;
/// assert_eq!(large.to_be_bytes(), [0x40, 0, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(i64::try_from(&Varint::from(-5)), Ok(-5));
/// # Ok::<(), helenus_types::ParseVarintError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Varint(pub(crate) BigInt);

/// Not an integer in decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an integer")]
pub struct ParseVarintError;

/// An integer of any size that a type of fixed size can't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the integer is out of range")]
pub struct VarintOutOfRange;

impl Varint {
    /// The integer with this two's complement, most significant byte first; no bytes are zero.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8]) -> Varint {
        Varint(BigInt::from_signed_bytes_be(bytes))
    }

    /// The shortest two's complement, most significant byte first; at least one byte.
    #[must_use]
    pub fn to_be_bytes(&self) -> Vec<u8> {
        self.0.to_signed_bytes_be()
    }
}

impl fmt::Display for Varint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Varint {
    type Err = ParseVarintError;

    fn from_str(text: &str) -> Result<Varint, ParseVarintError> {
        text.parse().map(Varint).map_err(|_other| ParseVarintError)
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Varint {
            fn from(value: $integer) -> Varint {
                Varint(value.into())
            }
        }

        impl TryFrom<&Varint> for $integer {
            type Error = VarintOutOfRange;

            fn try_from(value: &Varint) -> Result<Self, VarintOutOfRange> {
                (&value.0).try_into().map_err(|_other| VarintOutOfRange)
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);
