//! See `helenus_fuzz::data_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::data_db(data));
