//! See `helenus_fuzz::filter_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::filter_db(data));
