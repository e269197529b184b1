//! The test that checks the layers and the house rules.
