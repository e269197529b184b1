//! See `helenus_fuzz::rows_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::rows_db(data));
