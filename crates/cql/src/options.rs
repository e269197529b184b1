//! The options of one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use helenus_engine::{Error, ErrorKind};
use helenus_schema::TableDef;

use crate::consistency::Consistency;
use crate::error::{CqlError, CqlResult, ErrorCode, ErrorDetail, refuse};

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
    /// How many replicas the request waits for.
    pub consistency: Consistency,
    /// That of the conditions of a write; SERIAL without it.
    pub serial_consistency: Option<Consistency>,
}

impl QueryOptions {
    /// Refuses the consistency of a read (`validateForRead`).
    pub(crate) fn check_read(&self) -> CqlResult<()> {
        if self.consistency == Consistency::Any {
            return refuse("ANY ConsistencyLevel is only supported for writes");
        }
        self.check_replicas()
    }

    /// Refuses the consistency of a write without conditions (`validateForWrite`).
    pub(crate) fn check_write(&self, table: &TableDef) -> CqlResult<()> {
        if table.is_counter() && self.consistency == Consistency::Any {
            let name = table.name();
            return refuse(format!("Consistency level ANY is not yet supported for counter table {name}"));
        }
        if self.consistency.is_serial() {
            return refuse(if table.is_counter() {
                "Counter operations are inherently non-serializable"
            } else {
                "You must use conditional updates for serializable writes"
            });
        }
        self.check_replicas()
    }

    /// Refuses the consistency of a conditional write (`validateForCas`, `validateForCasCommit`).
    pub(crate) fn check_conditional(&self) -> CqlResult<()> {
        if !self.serial_consistency.unwrap_or(Consistency::Serial).is_serial() {
            return refuse(
                "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL",
            );
        }
        if self.consistency.is_serial() {
            return refuse(format!(
                "{} is not supported as conditional update commit consistency. Use ANY if you mean \"make sure it is \
                 accepted but I don't care how many replicas commit it for non-SERIAL reads\"",
                self.consistency
            ));
        }
        self.check_replicas()
    }

    fn check_replicas(&self) -> CqlResult<()> {
        let consistency = self.consistency;
        let Some(required) = consistency.missing_replicas() else { return Ok(()) };
        let text = format!("Cannot achieve consistency level {consistency}");
        let detail = ErrorDetail::Unavailable { consistency, required, alive: 1 };
        Err(CqlError::new(ErrorCode::Unavailable, text).with_detail(detail))
    }
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
