//! See `helenus_fuzz::unfiltered`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::unfiltered(data));
