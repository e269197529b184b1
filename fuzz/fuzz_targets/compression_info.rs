//! See `helenus_fuzz::compression_info`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::compression_info(data));
