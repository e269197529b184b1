//! See `helenus_fuzz::snapshot_manifest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| helenus_fuzz::snapshot_manifest(data));
