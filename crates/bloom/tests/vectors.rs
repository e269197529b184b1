//! Filters that Apache Cassandra built, byte for byte.

use std::path::PathBuf;

use helenus_bloom::{BitOrder, Filter};
use serde_json::Value;

#[test]
fn filters_of_cassandra_are_rebuilt_byte_for_byte() {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus"));
    let corpus = std::env::var_os("HELENUS_CORPUS").map_or(default, PathBuf::from);
    let path = corpus.join("vectors/bloom.jsonl");
    let Ok(lines) = std::fs::read_to_string(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    for (number, line) in lines.lines().enumerate() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let expected = hex(vector["filter"].as_str().unwrap());
        let keys: Vec<_> =
            vector["keys"].as_array().unwrap().iter().map(|key| hex(key.as_str().unwrap())).collect();
        let count = vector["count"].as_u64().unwrap();
        let mut filter = Filter::for_keys(count, vector["fp_chance"].as_f64().unwrap()).unwrap().unwrap();
        keys.iter().for_each(|key| filter.add(key));
        let mut bytes = Vec::new();
        filter.encode(BitOrder::Current, &mut bytes);
        assert_eq!(bytes, expected, "line {}", number + 1);

        let decoded = Filter::decode(&expected, BitOrder::Current).unwrap().unwrap();
        assert!(keys.iter().all(|key| decoded.may_contain(key)), "line {}", number + 1);
        let mut old = Vec::new();
        decoded.encode(BitOrder::Old, &mut old);
        assert_eq!(Filter::decode(&old, BitOrder::Old).unwrap().unwrap(), decoded);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().map(|digit| if digit > b'9' { digit - b'a' + 10 } else { digit - b'0' }).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
