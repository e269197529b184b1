//! See `helenus_fuzz::values`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::values(data));
