//! The write API from outside: random histories beside the naive model, and what writing allocates.

mod allocations;
mod histories;
