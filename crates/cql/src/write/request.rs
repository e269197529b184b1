//! What of a request a write takes.

use super::WritePlan;

impl WritePlan {
    /// Whether the timestamp that drivers send with each request is this write's where it brings
    /// none: counters are added to as of the moment, and conditions hold as of one of their own.
    pub(crate) fn takes_timestamp(&self) -> bool {
        !self.table().is_counter() && !self.is_conditional()
    }
}
