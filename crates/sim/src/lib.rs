//! A simulated disk and clock, for tests of durability.
