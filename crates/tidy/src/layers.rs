//! Which crate of the workspace may use which.

use crate::Violation;
use cargo_metadata::{DependencyKind, Metadata};

/// For each crate (the folder's name under `crates/`), the crates of the project that its normal
/// dependencies may name. Data flows one way: adding an edge here is a decision about the design,
/// and wants its reason in `docs/decisions/`. Dependencies of tests, benches and examples are free.
pub const LAYERS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("cql-syntax", &["types"]),
    ("io", &[]),
    ("rows", &["types"]),
    ("bloom", &["types"]),
    ("commitlog", &["types", "io"]),
    ("memtable", &["types", "rows"]),
    ("sstable", &["types", "rows", "io", "bloom"]),
    ("compaction", &["types", "rows", "io", "sstable"]),
    ("schema", &["types", "cql-syntax", "rows", "bloom", "sstable", "compaction"]),
    (
        "engine",
        &["types", "cql-syntax", "rows", "io", "commitlog", "memtable", "sstable", "compaction", "schema"],
    ),
    (
        "import",
        &["types", "cql-syntax", "rows", "io", "memtable", "sstable", "compaction", "schema", "engine"],
    ),
    ("cql", &["types", "cql-syntax", "rows", "schema", "engine"]),
    ("derive", &[]),
    ("helenus", &["engine", "import", "cql", "derive"]),
    ("tools", &["types", "cql-syntax", "rows", "io", "bloom", "sstable", "compaction"]),
    ("cli", &["helenus", "sstable", "tools"]),
    ("sim", &["io"]),
    ("testkit", &["types"]),
    ("tidy", &[]),
];

/// How many names of types stand for several things; they may only become fewer.
pub const SHARED_NAMES: usize = 93;

/// Compares the normal dependencies of the workspace's members with [`LAYERS`]. Packages outside
/// `crates/` (benches) may use what they like, but nothing in `crates/` may use them.
pub fn check_layers(metadata: &Metadata) -> Vec<Violation> {
    let mut found = Vec::new();
    let members = metadata.workspace_packages();
    let is_member = |name: &str| members.iter().any(|package| package.name.as_str() == name);
    for package in &members {
        let name = package.name.as_str();
        let folder = package.manifest_path.parent();
        if folder.and_then(|folder| folder.parent()) != Some(&metadata.workspace_root.join("crates")) {
            continue;
        }
        let folder = folder.and_then(|folder| folder.file_name()).unwrap_or_default();
        let mut refuse = |what: String| found.push(Violation { place: name.to_owned(), line: 0, what });
        if name != package_name(folder) {
            refuse(format!("the package in crates/{folder} is to be called {}", package_name(folder)));
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(crate_name, _)| *crate_name == folder) else {
            refuse(format!(
                "crates/{folder} stands in no layer: add it to LAYERS in crates/tidy/src/layers.rs"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Normal
                && is_member(&dependency.name)
                && !allowed.iter().any(|allowed| package_name(allowed) == dependency.name)
            {
                refuse(format!("may not use {}: see LAYERS in crates/tidy/src/layers.rs", dependency.name));
            }
        }
    }
    found
}

fn package_name(folder: &str) -> String {
    if folder == "helenus" { folder.to_owned() } else { format!("helenus-{folder}") }
}
