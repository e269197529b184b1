//! See `helenus_fuzz::whole_table`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::whole_table(data));
