//! See `helenus_fuzz::statistics_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::statistics_db(data));
