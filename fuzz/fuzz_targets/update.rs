//! See `helenus_fuzz::update`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::update(data));
