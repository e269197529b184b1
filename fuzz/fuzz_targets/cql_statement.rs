//! See `helenus_fuzz::cql_statement`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::cql_statement(data));
