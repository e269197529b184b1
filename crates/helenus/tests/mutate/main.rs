//! The write API from outside: random histories against the naive model.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod histories;
mod versions;
