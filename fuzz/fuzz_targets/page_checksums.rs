//! See `helenus_fuzz::page_checksums`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::page_checksums(data));
