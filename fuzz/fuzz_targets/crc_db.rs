//! See `helenus_fuzz::crc_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::crc_db(data));
