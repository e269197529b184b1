//! See `helenus_fuzz::log_replay`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::log_replay(data));
