//! Generators, the naive model and golden runners, for tests.
