//! A build without Parquet says so, and how to get one with it.

use crate::corpus::sample;
use crate::tool::helenus;

#[test]
fn parquet_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("rows.parquet");
    let args = ["export", "--format", "parquet", "-o", out.to_str().unwrap()];
    let source = sample().join("all_types");
    let told = helenus(args.into_iter().chain([source.to_str().unwrap(), "corpus.all_types"])).failed(2);
    assert!(told.contains("--features parquet"), "{told}");
    assert!(!out.exists());
}
