//! The write API from outside: random histories beside the naive model, and what writing allocates.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod allocations;
mod histories;
mod versions;
