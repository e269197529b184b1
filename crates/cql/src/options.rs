//! The options of one request.

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
}
