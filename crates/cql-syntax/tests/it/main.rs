//! What goes through the public API: real schemas, every statement there and back, errors.

mod corpus;
mod errors;
mod statements;
