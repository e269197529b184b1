//! The layers and the house rules, checked over this workspace; and each rule shown something to
//! refuse.

#![expect(clippy::unwrap_used, reason = "a tree that cannot be read fails the test")]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use helenus_tidy::{
    ImportGraph, LAYERS, MAX_LINES, RATCHET, SHARED_NAMES, Violation, check_file, check_layers,
    check_manifest, check_opening, types_defined,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders of the root that hold what we write; other files there are read too.
const FOLDERS: &[&str] = &[".ci", "crates", "benches", "fuzz", "docs", "examples", "scripts"];

/// Kinds of files that people read.
const TEXTS: &[&str] = &["rs", "toml", "md", "py", "sh", "cql", "yml", "yaml"];

/// Folders that hold what was built, fetched or written by a machine.
const NOT_OURS: &[&str] = &["target", "corpus", "artifacts", "seeds", "data", "testdata", "fixtures"];

#[test]
fn layers_hold() {
    assert_none(&check_layers(&metadata()));
}

#[test]
fn house_rules_hold() {
    let root = root();
    let files = texts(&root);
    assert!(files.len() > 100, "only {} files found under {}", files.len(), root.display());
    let mut found = Vec::new();
    for (path, text) in &files {
        found.extend(check_file(path, text));
    }
    for (path, _) in RATCHET {
        assert!(files.iter().any(|(file, _)| file == path), "{path} is in RATCHET and not in the tree");
    }
    assert_none(&found);
}

#[test]
fn every_crate_opens_with_what_it_knows_and_takes_the_lints() {
    let metadata = metadata();
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        let manifest = package.manifest_path.as_str();
        found.extend(check_manifest(manifest, &std::fs::read_to_string(manifest).unwrap()));
        let opens = |target: &&cargo_metadata::Target| target.is_lib() || target.is_bin();
        for target in package.targets.iter().filter(opens) {
            let path = target.src_path.as_str();
            found.extend(check_opening(path, &std::fs::read_to_string(path).unwrap()));
        }
    }
    assert_none(&found);
}

/// The crates that a user of the library must build, review and keep up to date. Macros are not
/// linked and not counted.
const MAX_LINKED_CRATES: usize = 45;

#[test]
fn few_crates_are_linked() {
    let linked = linked_crates();
    assert!(linked.contains("helenus-engine"), "{linked:?}");
    assert!(
        linked.len() <= MAX_LINKED_CRATES,
        "{} crates, at most {MAX_LINKED_CRATES}: {linked:?}",
        linked.len()
    );
}

/// The crates that `helenus` with its default features is linked of, itself included.
fn linked_crates() -> BTreeSet<String> {
    let mut tree = Command::new(std::env::var_os("CARGO").unwrap());
    tree.args(["tree", "--package", "helenus", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let output = tree.args(["--locked", "--format", "{p}"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Crates that are for our own tests and tools.
const UNPUBLISHED: &[&str] = &["helenus-sim", "helenus-testkit", "helenus-tidy"];

/// A registry refuses what lacks these, and dependencies without a version, at the moment of
/// publishing.
#[test]
fn crates_can_be_published() {
    let metadata = metadata();
    let mut published = 0;
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let is_library = package.manifest_path.starts_with(metadata.workspace_root.join("crates"));
        let is_published = package.publish.as_ref().is_none_or(|registries| !registries.is_empty());
        assert_eq!(is_published, is_library && !UNPUBLISHED.contains(&name), "{name}: publish");
        if !is_published {
            continue;
        }
        published += 1;
        let has_all = package.description.is_some() && package.license.is_some() && package.readme.is_some();
        assert!(has_all, "{name}: description, licence and readme are needed");
        assert!(
            (1..=5).contains(&package.keywords.len()) && !package.categories.is_empty(),
            "{name}: keywords"
        );
        for dependency in &package.dependencies {
            let is_ours = dependency.path.is_some() && dependency.kind != DependencyKind::Development;
            let version = dependency.req.to_string();
            assert!(
                !is_ours || version == format!("^{}", package.version),
                "{name}: {} {version}",
                dependency.name
            );
        }
    }
    assert!(published >= 14, "only {published} crates are published");
}

#[test]
fn no_files_of_a_crate_need_each_other_in_a_circle() {
    let root = root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    for (name, _) in LAYERS {
        let lib = format!("crates/{name}/src/lib.rs");
        let file = if read(&lib).is_some() { lib } else { format!("crates/{name}/src/main.rs") };
        let graph = ImportGraph::read(&file, &read).unwrap();
        let circles = graph.cycles();
        assert!(
            circles.is_empty(),
            "{name}: move what they share to where both may look; circles: {circles:#?}"
        );
    }
}

#[test]
fn every_edge_between_crates_is_used() {
    let metadata = metadata();
    let root = root();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().unwrap();
        let sources: Vec<_> = texts(&root)
            .into_iter()
            .filter(|(path, _)| root.join(path).starts_with(folder.join("src")))
            .map(|(_, text)| text)
            .collect();
        for edge in package
            .dependencies
            .iter()
            .filter(|edge| edge.kind == DependencyKind::Normal && edge.path.is_some())
        {
            let name = edge.rename.as_ref().unwrap_or(&edge.name).replace('-', "_");
            let is_used = sources.iter().any(|text| text.contains(&name));
            assert!(is_used || sources.is_empty(), "{} doesn't use {name}: remove it", package.name);
        }
    }
}

/// A name that stands for two things makes the reader look twice. It counts types outside of tests.
#[test]
fn no_more_type_names_stand_for_several_things() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sources = texts(&root()).into_iter().filter(|(path, _)| {
        path.starts_with("crates/")
            && path.ends_with(".rs")
            && path.contains("/src/")
            && !path.contains("/tests")
    });
    for (path, text) in sources {
        for name in types_defined(&text) {
            places.entry(name).or_default().insert(path.clone());
        }
    }
    places.retain(|_, places| places.len() > 1);
    assert!(places.len() <= SHARED_NAMES, "{} names, {SHARED_NAMES} at most: {places:#?}", places.len());
}

#[test]
fn circles_are_found_through_what_stands_between() {
    let files = BTreeMap::from([
        ("src/lib.rs", "mod a; mod b; mod c; pub use a::A; #[cfg(test)] mod tests;"),
        ("src/a.rs", "use crate::b::B; pub struct A(B);"),
        ("src/b/mod.rs", "mod inner; pub use inner::B;"),
        ("src/b/inner.rs", "pub struct B; fn f() { crate::A; }"),
        ("src/c.rs", "use crate::*; fn f(_: A) { std::mem::drop(b::B) }"),
    ]);
    let graph = ImportGraph::read("src/lib.rs", &|path| files.get(path).map(ToString::to_string)).unwrap();
    assert_eq!(graph.cycles(), [["src/a.rs", "src/b/inner.rs"]]);
    let needs = graph.needs();
    assert_eq!(needs["src/c.rs"], BTreeSet::from(["src/a.rs", "src/b/inner.rs"]));
    assert_eq!(needs["src/lib.rs"], BTreeSet::new());
    let missing =
        ImportGraph::read("src/lib.rs", &|path| (path == "src/lib.rs").then(|| "mod x;".to_owned()));
    assert_eq!(missing.unwrap_err(), "src/x/mod.rs is missing");
}

#[test]
fn an_edge_that_is_not_in_the_table_is_refused() {
    let mut metadata = metadata();
    let rows = metadata.packages.iter_mut().find(|package| package.name.as_str() == "helenus-rows").unwrap();
    let mut edge = rows.dependencies.first().unwrap().clone();
    edge.name = "helenus-sstable".to_owned();
    edge.kind = DependencyKind::Development;
    rows.dependencies.push(edge.clone());
    assert_none(&check_layers(&metadata));

    edge.kind = DependencyKind::Normal;
    let rows = metadata.packages.iter_mut().find(|package| package.name.as_str() == "helenus-rows").unwrap();
    rows.dependencies.push(edge);
    assert_one(&check_layers(&metadata), "may not use helenus-sstable");
}

#[test]
fn a_crate_that_stands_in_no_layer_is_refused() {
    let mut metadata = metadata();
    let root = metadata.workspace_root.clone();
    let rows = metadata.packages.iter_mut().find(|package| package.name.as_str() == "helenus-rows").unwrap();
    rows.manifest_path = root.join("crates/cells/Cargo.toml");
    let found = check_layers(&metadata);
    assert!(found.iter().any(|violation| violation.what.contains("stands in no layer")), "{found:?}");
    assert!(found.iter().any(|violation| violation.what.contains("be called helenus-cells")), "{found:?}");
}

#[test]
fn each_rule_refuses_something() {
    let file = "crates/x/src/lib.rs";
    for bad in [
        "#[allow(dead_code)]",
        "#![allow(dead_code)]",
        "#[ignore]\nfn slow() {}",
        "#[ignore = \"slow\"]\nfn slow() {}",
        "    todo!()",
        "    unimplemented!(\"later\")",
        "// FIXME: later",
        "// TODO(me) later",
        "// XXX",
        "// see /work/notes",
        "// by two agents",
        "// the workplace's disk",
        "// https://crates.io/crates/x",
        "// https://pypi.org/simple",
        "let x = unsafe { y() };",
        "pub unsafe fn f() {}",
        "#[unsafe(no_mangle)]",
        "match letters { \"da\" => 1 }",
        "if letters == b\"nb\" {}",
        "if version == Version::NB {}",
        "// as 02 §4 of the format says",
    ] {
        assert_eq!(check_file(file, bad).len(), 1, "{bad}: {:?}", check_file(file, bad));
    }
    for good in [
        "#[expect(dead_code, reason = \"…\")]",
        "#![forbid(unsafe_code)]",
        "/// The session of a client, with its keyspace.",
        "// what is unsafe { } in a comment",
        "let agenda = \"data\"; let autodoc = TODOS;",
        "#[cfg(test)]\nmod tests {\n    const DA: &str = \"da\";\n}",
    ] {
        assert_none(&check_file(file, good));
    }
    assert_none(&check_file("crates/io/src/map.rs", "let x = unsafe { y() };"));
    assert_none(&check_file("crates/sstable/src/version.rs", "let x = \"da\";"));
    assert_none(&check_file("crates/x/tests/it/y.rs", "let x = \"da\";"));
    assert_one(&check_file("docs/x.md", "found by an agent"), "no part of the project");
}

#[test]
fn a_file_that_grew_too_long_is_refused() {
    let fits = format!("//! Long.{}", "\n".repeat(MAX_LINES));
    assert_none(&check_file("crates/x/src/long.rs", &fits));
    assert_one(&check_file("crates/x/src/long.rs", &(fits + "\n")), "split it");
}

#[test]
fn unclear_phrases_are_refused() {
    for (path, bad, instead) in [
        ("crates/x/src/y.rs", "/// At most so many rows.", "the number"),
        ("crates/x/src/y.rs", "    // The first error is the one\n    // to tell.", "the first error"),
        ("docs/x.md", "Tables of what others\nleft are read.", "foreign files"),
    ] {
        assert_one(&check_file(path, bad), instead);
    }
    for (path, good) in [
        ("crates/x/src/y.rs", "let x = \"so many\";"),
        ("crates/x/src/y.rs", "// It does so.\nlet many = 1;"),
        ("docs/x.md", "    error: so many"),
        ("Cargo.toml", "# so many"),
    ] {
        assert_none(&check_file(path, good));
    }
}

#[test]
fn wide_prose_is_refused() {
    let wide = "words ".repeat(17);
    for (path, bad) in [
        ("crates/x/src/y.rs", format!("    /// {wide}")),
        ("crates/x/src/y.rs", format!("// {wide}")),
        ("docs/x.md", format!("* {wide}")),
    ] {
        assert_one(&check_file(path, &bad), "wrap the paragraph");
    }
    for (path, good) in [
        ("crates/x/src/y.rs", format!("let x = \"{wide}\";")),
        ("crates/x/src/y.rs", format!("/// ```text\n/// {wide}\n/// ```")),
        ("crates/x/src/y.rs", format!("//!     {wide}")),
        ("docs/x.md", format!("| {wide} |\n\n    {wide}")),
        ("docs/x.md", "x".repeat(120)),
    ] {
        assert_none(&check_file(path, &good));
    }
}

#[test]
fn files_that_do_not_say_what_they_are_are_refused() {
    let long = "\n".repeat(100);
    assert_one(&check_file("crates/x/src/y.rs", &long), "what the file is");
    assert_none(&check_file("crates/x/src/y.rs", &format!("//! A thing.\n{long}")));
    assert_none(&check_file("crates/x/src/y.rs", "fn short() {}"));
    assert_none(&check_file("crates/x/tests/it/y.rs", &long));
    assert_none(&check_file("crates/x/src/y/tests.rs", &long));
}

#[test]
fn openings_and_manifests_that_lack_a_part_are_refused() {
    let whole =
        "//! A.\n//!\n//! **Knows** b. **Must not\n//! know** c.\n//!\n//! Start reading at d.\n\nmod d;";
    assert_none(&check_opening("lib.rs", whole));
    for (part, missing) in [
        ("**Knows** b.", "what the crate knows"),
        ("**Must not\n//! know** c.", "what it must not know"),
        ("Start reading at d.", "where to start reading"),
    ] {
        assert_one(&check_opening("lib.rs", &whole.replace(part, "")), missing);
    }
    assert_eq!(check_opening("lib.rs", "mod d;").len(), 3);

    assert_none(&check_manifest("Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"));
    assert_one(&check_manifest("Cargo.toml", "[package]\nversion.workspace = true\n"), "[lints]");
    assert_one(&check_manifest("Cargo.toml", "[lints]\n\n[x]\nworkspace = true\n"), "[lints]");
}

#[track_caller]
fn assert_none(found: &[Violation]) {
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} broken rules:\n{}", list.len(), list.join("\n"));
}

#[track_caller]
fn assert_one(found: &[Violation], says: &str) {
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains(says), "{} does not say {says}", found[0]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn metadata() -> Metadata {
    // Only declared dependencies are needed, so nothing has to be resolved or fetched.
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

/// The texts of the repository, by path relative to its root, in order.
fn texts(root: &Path) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = entries(root).into_iter().filter(|path| path.is_file()).collect();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file() {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        if TEXTS.contains(&kind.as_str()) || relative.starts_with(".ci/") {
            texts.push((relative, std::fs::read_to_string(&path).unwrap()));
        }
    }
    texts
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sources are read where they lie, not through the engine's disk"
)]
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}
