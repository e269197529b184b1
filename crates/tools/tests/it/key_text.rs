//! Partition keys as texts, and back.

use std::collections::HashSet;
use std::sync::Arc;

use helenus_sstable::{
    CachedFile, ChunkCache, Component, OpenOptions, PageVerification, SsTable, push_key_text,
};
use helenus_tools::{find_tables, parse_key_text};

use crate::corpus::{disk, sample, whole};

#[test]
fn the_text_of_every_key_is_read_back() {
    let mut seen = HashSet::new();
    for folder in sample().into_iter().chain(whole(&["da", "nb"])) {
        for descriptor in find_tables(&*disk(), &[folder]).unwrap() {
            let cache = Arc::new(ChunkCache::new(1 << 20));
            let options = OpenOptions::new(cache, CachedFile(1), PageVerification::Check);
            let table = SsTable::open(&disk(), &descriptor, options).unwrap();
            if table.key_count() > 200 {
                continue;
            }
            let key_type = &table.header().key_type;
            let mut walk = table.keys();
            while let Some((_, key)) = walk.next().unwrap() {
                let mut text = String::new();
                push_key_text(key_type, key, &mut text);
                assert_eq!(parse_key_text(key_type, &text).as_deref(), Ok(key), "{text}");
                seen.insert((descriptor.path(&Component::Data), key.to_vec()));
            }
        }
    }
    assert!(seen.len() > 50, "{} keys", seen.len());
}
