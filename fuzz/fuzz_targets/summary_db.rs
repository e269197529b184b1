//! See `helenus_fuzz::summary_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::summary_db(data));
