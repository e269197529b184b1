//! See `helenus_fuzz::partitions_db`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::partitions_db(data));
