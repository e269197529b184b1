//! Headers to decode rows with, where the input brings none.

use std::sync::{Arc, OnceLock};

use helenus_cql_syntax::parse_type;
use helenus_rows::{Capabilities, ClusteringComparator, Column, Columns, EncodingBase, Header};
use helenus_types::{Partitioner, Type};

/// Clustering types, static columns, regular columns, in CQL. Columns are named by their place.
pub const SCHEMAS: &[(&[&str], &[&str], &[&str])] = &[
    (&["int"], &[], &["int", "text", "bigint"]),
    (&[], &["text", "map<text, int>"], &["blob"]),
    (&["text", "timeuuid"], &["int"], &["list<text>", "set<int>", "map<text, blob>", "double", "counter"]),
    (&["decimal", "varint", "boolean"], &[], &["frozen<list<int>>", "tuple<int, text>", "duration", "inet"]),
    (&["timestamp", "blob"], &["counter"], &["counter", "counter"]),
];

/// The header that an input's first byte chooses: of [`SCHEMAS`], or one of seventy columns.
pub fn schema(choice: u8) -> &'static Arc<Header> {
    static HEADERS: OnceLock<Vec<Arc<Header>>> = OnceLock::new();
    let headers = HEADERS.get_or_init(|| {
        let mut headers: Vec<Arc<Header>> = SCHEMAS
            .iter()
            .map(|(clustering, statics, regulars)| header(clustering, statics, regulars))
            .collect();
        headers.push(header(&["bigint"], &["int"], &["int"; 70]));
        headers
    });
    &headers[usize::from(choice) % headers.len()]
}

/// The type that CQL calls so.
pub fn type_named(name: &str) -> Type {
    let parsed = parse_type(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    parsed.resolve("ks", &|_| None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn header(clustering: &[&str], statics: &[&str], regulars: &[&str]) -> Arc<Header> {
    let ty = |name: &&str| type_named(name);
    let columns = |prefix: char, names: &[&str]| {
        let column = |(index, name)| Column::new(format!("{prefix}{index:02}"), ty(name));
        Columns::new(names.iter().enumerate().map(column).collect())
    };
    // A second clustering column, where there is one, runs downwards.
    let order = |(index, name)| if index == 1 { ty(name).reversed() } else { ty(name) };
    Arc::new(Header {
        base: EncodingBase::EPOCH,
        key_type: Type::Blob,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(clustering.iter().enumerate().map(order).collect()),
        statics: columns('s', statics),
        regulars: columns('r', regulars),
        capabilities: Capabilities::CURRENT,
    })
}
