//! See `helenus_fuzz::type_names`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::type_names(data));
