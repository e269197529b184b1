//! See `helenus_fuzz::schema_cql`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::schema_cql(data));
