//! See `helenus_fuzz::index_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::index_db(data));
