//! Tests of CQL in process.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "tests stop at the first surprise, and look at files from outside"
)]

mod answers;
mod ask;
mod guardrails;
mod properties;
mod selects;
mod session;
mod slices;
mod system;
mod terms;
mod writes;
