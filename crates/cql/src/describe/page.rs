//! The state between two pages of a `DESCRIBE`.
//!
//! ```text
//! version  u8    1
//! schema   u8×16 the version of the schema that is described
//! offset   u64   rows before
//! ```

use helenus_engine::Uuid;

use crate::error::{CqlError, CqlResult, ErrorCode, refuse};

const VERSION: u8 = 1;

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct DescribePage {
    pub(super) version: Uuid,
    pub(super) offset: usize,
}

impl DescribePage {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(self.version.as_bytes());
        out.extend_from_slice(&(self.offset as u64).to_be_bytes());
        out
    }

    /// How many rows come before the page.
    pub(super) fn from_bytes(bytes: &[u8], version: Uuid) -> CqlResult<usize> {
        let invalid = || CqlError::new(ErrorCode::Protocol, "Invalid value for the paging state");
        let (own, rest) = bytes.split_first().ok_or_else(invalid)?;
        let (schema, offset) = rest.split_first_chunk::<16>().ok_or_else(invalid)?;
        let offset: [u8; 8] = offset.try_into().map_err(|_short| invalid())?;
        if *own != VERSION {
            return Err(invalid());
        }
        if Uuid::from_bytes(*schema) != version {
            return refuse(
                "The schema has changed since the previous page of the DESCRIBE statement result. Please retry \
                 the DESCRIBE statement.",
            );
        }
        usize::try_from(u64::from_be_bytes(offset)).map_err(|_long| invalid())
    }
}
