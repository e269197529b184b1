//! The state between two pages of a SELECT.
//!
//! ```text
//! version   u8   1
//! left      u64  rows that the statement's LIMIT leaves to the pages that follow
//! grouped   u64  groups of the last row's partition so far, where GROUP BY makes groups
//! position       where the engine's query stopped
//! ```

use helenus_engine::RowPosition;

use crate::error::{CqlError, CqlResult, ErrorCode};

const VERSION: u8 = 1;

/// The numbers of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: u64,
    pub(super) per_partition: u64,
    pub(super) page: u64,
}

/// Where a page begins.
#[derive(Clone, Debug)]
pub(crate) struct PageState {
    pub(crate) left: u64,
    pub(crate) of_partition: u64,
    pub(crate) position: RowPosition,
}

impl PageState {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.left.to_be_bytes());
        out.extend_from_slice(&self.of_partition.to_be_bytes());
        out.extend_from_slice(&self.position.to_bytes());
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> CqlResult<Self> {
        let invalid = || CqlError::new(ErrorCode::Protocol, "Invalid value for the paging state");
        let (version, rest) = bytes.split_first().ok_or_else(invalid)?;
        let (left, rest) = rest.split_first_chunk::<8>().ok_or_else(invalid)?;
        let (of_partition, position) = rest.split_first_chunk::<8>().ok_or_else(invalid)?;
        if *version != VERSION {
            return Err(invalid());
        }
        let position = RowPosition::from_bytes(position).map_err(|_error| invalid())?;
        let (left, of_partition) = (u64::from_be_bytes(*left), u64::from_be_bytes(*of_partition));
        Ok(Self { left, of_partition, position })
    }
}
