//! The options of one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use helenus_engine::{Error, ErrorKind};

/// The options of one execution. The default has no page size: everything comes at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryOptions {
    /// The largest number of rows of a page; no pages without it.
    pub page_size: Option<usize>,
    /// Where the page begins: the state that the page before returned.
    pub paging_state: Option<Vec<u8>>,
    /// Microseconds since 1970, for writes that bring no timestamp of their own.
    pub timestamp_us: Option<i64>,
    /// The second (since 1970) at which what expires is looked at.
    pub now_seconds: Option<u32>,
    /// The names of the values: then they are those of the markers of these names, in any order.
    pub names: Option<Vec<String>>,
    /// The keyspace of this request, instead of the session's.
    pub keyspace: Option<String>,
    /// What stops a SELECT early.
    pub stop: Option<StopSwitch>,
}

/// Stops reads from another thread or the handler of a signal. Once the flag is set, a SELECT that
/// was given it fails at its next row with [`ErrorCode::Server`](crate::ErrorCode::Server).
#[derive(Clone, Debug, Default)]
pub struct StopSwitch(pub Arc<AtomicBool>);

impl StopSwitch {
    /// Refuses once the flag is set.
    pub(crate) fn check(&self) -> helenus_engine::Result<()> {
        match self.0.load(Relaxed) {
            true => Err(Error::new(ErrorKind::Closed, "the query was stopped")),
            false => Ok(()),
        }
    }
}

/// Two are equal if they are one.
impl PartialEq for StopSwitch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for StopSwitch {}
