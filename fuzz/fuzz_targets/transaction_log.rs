//! See `helenus_fuzz::transaction_log`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::transaction_log(data));
