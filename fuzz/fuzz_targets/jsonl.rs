//! See `helenus_fuzz::jsonl`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::jsonl(data));
