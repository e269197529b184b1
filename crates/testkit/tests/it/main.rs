//! The model against the cases that are known to be hard, and against the laws it must obey.

mod cases;
mod laws;
