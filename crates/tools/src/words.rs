//! Counts of things in reports.

/// A number of things, `one` of which is called so: `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}
