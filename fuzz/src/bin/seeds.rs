//! Makes seeds for all targets: `seeds OUT CASSANDRA_CORPUS`.
//!
//! Small ones are made from nothing; where the corpus of Cassandra's own files is there, its tables
//! are added, and its schemas. What `fuzz/seeds` holds, small tables and inputs that once broke
//! something, is copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_cql_syntax::parse_literal;
use helenus_fuzz::{SCHEMAS, TABLE_PARTS, VALUE_TYPES, WHOLE_PARTS, WHOLE_VERSIONS, join, schema};
use helenus_io::{Disk, RealDisk};
use helenus_rows::{
    Bound, BoundKind, Cell, DeletionTime, LivenessInfo, MarkerRef, RowBuf, RowBuilder, RowRef, UpdateBuilder,
    encode_clustering, write_marker, write_row, write_static_row,
};
use helenus_sstable::{
    CachedFile, ChunkCache, ChunkReader, ChunkScratch, ChunkVerification, ChunkedFile, Component,
    CompressionInfo, Descriptor, Format, Listing, LogRecord, LogRecordKind, OpenOptions, PageVerification,
    SsTable, Statistics, Toc,
};
use helenus_types::{LocalDeletionTime, Timestamp, Type};

/// Larger tables make slow inputs.
const MAX_TABLE_BYTES: usize = 48 << 10;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().expect("the folder of seeds");
    let corpus = arguments.next().expect("the folder of Cassandra's files");
    let out = Out(out);
    made(&out);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for target in folders(&committed) {
        for file in files(&target) {
            out.put(&name(&target), &name(&file), &std::fs::read(&file).expect("a seed"));
        }
    }
    if !corpus.is_dir() {
        println!("no corpus at {}: seeds without Cassandra's files", corpus.display());
        return;
    }
    for version in ["da", "oa", "nb", "legacy"] {
        for folder in tables_below(&corpus.join(version), 3) {
            table(&out, &folder, version);
        }
    }
}

struct Out(PathBuf);

impl Out {
    fn put(&self, target: &str, seed: &str, bytes: &[u8]) {
        let folder = self.0.join(target);
        std::fs::create_dir_all(&folder).expect("a folder for seeds");
        std::fs::write(folder.join(seed), bytes).expect("a seed");
    }
}

/// One table's folder: each component for its target, and small `da` tables whole.
fn table(out: &Out, folder: &Path, version: &str) {
    let table_name = format!("{version}-{}", name(folder));
    if let Ok(text) = std::fs::read(folder.join("schema.cql")) {
        out.put("cql_schema", &table_name, &text);
        out.put("schema_cql", &table_name, &text);
    }
    for file in files(folder) {
        let bytes = std::fs::read(&file).expect("a component");
        let file_name = name(&file);
        let seed = format!("{table_name}-{file_name}");
        let choice = |index: u8, bytes: &[u8]| [&[index], bytes].concat();
        let index = match version {
            "da" => 0,
            "oa" => 1,
            "nb" => 2,
            _ => 3,
        };
        if bytes.len() > MAX_TABLE_BYTES {
            continue;
        }
        if file_name.ends_with("-Statistics.db") {
            out.put("statistics_db", &seed, &choice(index, &bytes));
        } else if file_name.ends_with("-CompressionInfo.db") {
            out.put("compression_info", &seed, &choice(u8::from(index == 3), &bytes));
        } else if file_name.ends_with("-Filter.db") {
            out.put("filter_db", &seed, &choice(u8::from(index == 3), &bytes));
        } else if file_name.ends_with("-Partitions.db") {
            out.put("partitions_db", &seed, &join(&[&[0x40, 0x80, 0, 0, 0, 0, 0, 0, 0], &bytes]));
        } else if file_name.ends_with("-Index.db") {
            let summary = std::fs::read(file.with_file_name(file_name.replace("-Index.db", "-Summary.db")));
            let parts = join(&[b"a key", &summary.unwrap_or_default(), &bytes]);
            out.put("index_db", &seed, &choice(if index == 1 { 0 } else { 0x10 }, &parts));
        } else if file_name.ends_with("-Summary.db") {
            out.put("summary_db", &seed, &bytes);
        } else if file_name.ends_with("-Rows.db") {
            out.put("rows_db", &seed, &join(&[&[0x40, 0x80, 0, 0, 1], &bytes]));
        }
    }
    if version == "da" {
        whole_tables(out, folder, &table_name);
    }
    tables_of_any_version(out, folder, &table_name);
}

/// The tables of a folder with all their files, as they are and with their data uncompressed.
fn tables_of_any_version(out: &Out, folder: &Path, table_name: &str) {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let names: Vec<String> = files(folder).iter().map(|file| name(file)).collect();
    for found in Listing::new(folder, names.iter().map(String::as_str)).tables {
        let version = found.descriptor.version;
        let Some(choice) = WHOLE_VERSIONS.iter().position(|known| *known == version.to_string()) else {
            continue;
        };
        let choice = u8::try_from(choice).expect("few versions");
        let mut files: Vec<Vec<u8>> = WHOLE_PARTS
            .iter()
            .map(|component| std::fs::read(found.descriptor.path(component)).unwrap_or_default())
            .collect();
        let put = |kind: &str, files: &[Vec<u8>]| {
            if files.iter().map(Vec::len).sum::<usize>() <= MAX_TABLE_BYTES {
                let parts: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
                let seed = format!("{kind}-{table_name}-{}", found.descriptor);
                out.put("whole_table", &seed, &[&[choice][..], &join(&parts)].concat());
            }
        };
        put("stored", &files);
        let Some(data) = data_of(&disk, &found.descriptor) else { continue };
        let path = found.descriptor.path(&Component::Statistics);
        let Ok(mut statistics) = Statistics::decode(&path, &files[0], version) else { continue };
        statistics.stats.compression_ratio = None;
        files[0] = statistics.encode(version);
        for (component, file) in WHOLE_PARTS.iter().zip(&mut files) {
            match component {
                Component::CompressionInfo | Component::Crc | Component::Digest => file.clear(),
                Component::Data => file.clone_from(&data),
                _ => {}
            }
        }
        // Rows.db may be there without a byte.
        let is_bti = version.format() == Format::Bti;
        let are_there = WHOLE_PARTS.iter().zip(&files);
        let are_there = are_there
            .filter(|(component, file)| !file.is_empty() || is_bti && **component == Component::Rows);
        let components = are_there.map(|(component, _)| component.clone()).collect();
        files[WHOLE_PARTS.len() - 2] = Toc { components }.encode();
        put("plain", &files);
    }
}

/// The tables of a folder with their data uncompressed, so that mutations of it don't end at a
/// chunk's checksum.
fn whole_tables(out: &Out, folder: &Path, table_name: &str) {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let names: Vec<String> = files(folder).iter().map(|file| name(file)).collect();
    for found in Listing::new(folder, names.iter().map(String::as_str)).tables {
        let options = OpenOptions::new(Arc::new(ChunkCache::new(0)), CachedFile(0), PageVerification::Check);
        let Ok(table) = SsTable::open(&disk, &found.descriptor, options) else { continue };
        let Some(data) = data_of(&disk, &found.descriptor) else { continue };
        let mut statistics = table.statistics().clone();
        statistics.stats.compression_ratio = None;
        let statistics = statistics.encode(found.descriptor.version);
        let parts: Vec<Vec<u8>> = TABLE_PARTS
            .iter()
            .map(|component| match component {
                Component::Statistics => statistics.clone(),
                Component::Data => data.clone(),
                Component::CompressionInfo => Vec::new(),
                other => std::fs::read(found.descriptor.path(other)).unwrap_or_default(),
            })
            .collect();
        if parts.iter().map(Vec::len).sum::<usize>() <= MAX_TABLE_BYTES {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let id = found.descriptor.file_name(&Component::Data);
            out.put("data_db", &format!("{table_name}-{id}"), &join(&parts));
        }
    }
}

/// The uncompressed data of a table; `None` where a chunk is damaged.
fn data_of(disk: &Arc<dyn Disk>, descriptor: &Descriptor) -> Option<Vec<u8>> {
    let path = descriptor.path(&Component::Data);
    let Ok(info) = std::fs::read(descriptor.path(&Component::CompressionInfo)) else {
        return std::fs::read(path).ok();
    };
    let info = CompressionInfo::decode(&path, &info, descriptor.version).ok()?;
    let file = disk.open_read(&path).ok()?;
    let chunks = Arc::new(ChunkedFile::compressed(&path, file.len().ok()?, info).ok()?);
    let reader = ChunkReader::new(chunks.clone(), file);
    let (mut data, mut scratch) = (Vec::new(), ChunkScratch::default());
    for index in 0..chunks.chunk_count() {
        reader.append(index, ChunkVerification::Check, &mut scratch, &mut data).ok()?;
    }
    Some(data)
}

fn made(out: &Out) {
    for choice in 0..=SCHEMAS.len() {
        let choice = u8::try_from(choice).expect("few schemas");
        rows(out, choice);
    }
    for (index, ty) in VALUE_TYPES.iter().enumerate() {
        out.put("type_names", ty, ty.as_bytes());
        let ty_of = helenus_fuzz::type_named(ty);
        out.put("type_names", &format!("class-{index}"), ty_of.class_name().as_bytes());
        for literal in LITERALS {
            if let Ok(value) = parse_literal(&ty_of, literal) {
                let choice = [u8::try_from(index).expect("few types")];
                let input = [&choice[..], &join(&[&value, &value])].concat();
                out.put("values", &format!("{index}-{}", input.len()), &input);
            }
        }
    }
    for (index, text) in SCRIPTS.iter().enumerate() {
        out.put("cql_schema", &format!("made-{index}"), text.as_bytes());
    }
    for (index, text) in helenus_fuzz::BEGIN.iter().chain(STATEMENTS).enumerate() {
        out.put("cql_statement", &format!("made-{index}"), text.as_bytes());
    }
    out.put("schema_cql", "made", SCRIPTS[..5].join("\n").as_bytes());
    for (index, manifest) in helenus_fuzz::manifests().iter().enumerate() {
        out.put("manifest", &format!("made-{index}"), manifest);
    }
    out.put("log_replay", "whole", &[1, 3, 20, 200, 0, 255, 7, 9, 90, 91, 93, 1]);
    out.put("log_replay", "damaged", &[1, 30, 33, 36, 39, 42, 45, 0, 100, 1, 0, 200, 128]);
    out.put(
        "log_replay",
        "header",
        &[&[0][..], b"HELENLOG\x01\0\0\0\0\x10\0\0\x01\0\0\0\0\0\0\0", &[0; 64]].concat(),
    );
    out.put("page_checksums", "empty", &join(&[&[], &[]]));
    lists(out);
}

/// Seeds of texts: lines of JSON, logs of transactions, manifests of snapshots; and the checksums
/// of a file.
fn lists(out: &Out) {
    for (index, ty) in VALUE_TYPES.iter().enumerate() {
        let ty = helenus_fuzz::type_named(ty);
        let mut line = String::new();
        for literal in LITERALS {
            let mut json = String::new();
            if parse_literal(&ty, literal).is_ok_and(|value| ty.json(&value, &mut json).is_ok()) {
                line +=
                    &format!("{{\"c{index}\": {json}, \"c0\": null, \"\\\"c{index}\\\"\": \"\\u00e9\"}}\n");
            }
        }
        out.put("jsonl", &format!("made-{index}"), line.as_bytes());
    }
    let add = LogRecord::new(LogRecordKind::Add, "/data/ks/t-5a1c/nb-8-big-", 0, 2);
    let remove = LogRecord::new(LogRecordKind::Remove, "/data/ks/t-5a1c/nb-7-big-", 1_795_374_269_080, 2);
    let names = "nb-7-big-Data.db\nnb-7-big-TOC.txt\nnb-8-big-Data.db\nnb-8-big-TOC.txt\n\n";
    for kind in [LogRecordKind::Commit, LogRecordKind::Abort] {
        let end = LogRecord::new(kind, "", 0, 0);
        let text = format!("\u{1}{names}{add}\n{remove}\n{end}\n");
        out.put("transaction_log", kind.name(), text.as_bytes());
    }
    let manifest =
        r#"{"created_at": "2026-11-22T20:10:45.602Z", "expires_at": null, "files": ["nb-1-big-Data.db"]}"#;
    let manifest = join(&[manifest.as_bytes(), SCRIPTS[..3].join("\n").as_bytes(), b"two"]);
    out.put("snapshot_manifest", "made", &manifest);
    let data = b"the bytes of a Data.db";
    let crc = crc32fast::hash(data);
    let file = [&(1_u32 << 16).to_be_bytes()[..], &crc.to_be_bytes()].concat();
    out.put("crc_db", "made", &join(&[&file, crc.to_string().as_bytes(), data]));
}

/// A static row, two rows and a range of a schema, as a partition and as an update.
fn rows(out: &Out, choice: u8) {
    let header = schema(choice);
    let mut partition = vec![choice];
    let mut update = UpdateBuilder::default();
    update.start(b"key");
    let mut buf = RowBuf::default();
    let value = |ty: &Type| vec![1; ty.fixed_len().unwrap_or(3)];
    let fill = |is_static: bool, buf: &mut RowBuf| {
        let mut builder = RowBuilder::default();
        let timestamp = Timestamp(1_700_000_000_000_000);
        let liveness = if is_static { LivenessInfo::EMPTY } else { LivenessInfo::new(timestamp) };
        builder.start(liveness, DeletionTime::LIVE, false);
        let columns = header.columns(is_static);
        for (index, column) in columns.as_slice().iter().enumerate() {
            if column.complex {
                let deletion =
                    DeletionTime::new(Timestamp(timestamp.0 - 1), LocalDeletionTime(1_700_000_000));
                builder.complex(index, deletion);
                let path = column.path_type.as_ref().map(value).unwrap_or_default();
                builder.element(header, &Cell::live(timestamp, &[0; 4]).at_path(&path));
            } else {
                builder.simple(header, columns, index, &Cell::live(timestamp, &value(&column.ty)));
            }
        }
        builder.finish(header, is_static, buf);
    };
    if !header.statics.is_empty() {
        fill(true, &mut buf);
        write_static_row(header, Some(buf.as_ref(header)), &mut partition);
        update.row(buf.as_ref(header));
    }
    let values: Vec<Vec<u8>> = header.clustering.types().iter().map(value).collect();
    let values: Vec<Option<&[u8]>> = values.iter().map(|value| Some(&value[..])).collect();
    let mut clustering = Vec::new();
    encode_clustering(header.clustering.types(), &values, &mut clustering);
    fill(false, &mut buf);
    let row = RowRef { clustering: &clustering, ..buf.as_ref(header) };
    write_row(row, 0, &mut partition);
    update.row(row);
    let deletion = DeletionTime::new(Timestamp(1_700_000_000_000_001), LocalDeletionTime(1_700_000_000));
    if !values.is_empty() {
        let mut first = Vec::new();
        encode_clustering(&header.clustering.types()[..1], &values[..1], &mut first);
        let bound = |kind| Bound { kind, size: 1, values: &first };
        let (start, end) = (bound(BoundKind::InclStart), bound(BoundKind::InclEnd));
        update.range(start, end, deletion);
        for (bound, close, open) in
            [(start, DeletionTime::LIVE, deletion), (end, deletion, DeletionTime::LIVE)]
        {
            write_marker(header, MarkerRef { bound, close, open }, 0, &mut partition);
        }
    }
    update.partition(deletion);
    partition.push(1);
    out.put("unfiltered", &format!("made-{choice}"), &partition);
    out.put("update", &format!("made-{choice}"), &[&[choice], update.finish()].concat());
}

const LITERALS: &[&str] = &[
    "0",
    "-1",
    "1.5",
    "123456789012345678901234567890",
    "1e-10",
    "true",
    "'text'",
    "0xcafe",
    "'2020-02-29'",
    "'12:34:56.789'",
    "'2020-02-29T12:34:56Z'",
    "1y2mo3d4h5m6s",
    "'127.0.0.1'",
    "50554d6e-29bb-11e5-b345-feff819cdc9f",
    "['a', 'b']",
    "{1, 2}",
    "{'a': 1.0}",
    "(1, 'a', [50554d6e-29bb-11e5-b345-feff819cdc9f])",
    "[1.0, 2.0, 3.0]",
    "{'::1': {(1.0, true)}}",
];

/// On the tables of `helenus_fuzz::BEGIN`.
const STATEMENTS: &[&str] = &[
    "SELECT * FROM t WHERE p = 1 AND (c, d) > (0, 'a') ORDER BY c ASC LIMIT 3",
    "SELECT p, s, count(*), sum(v), max(c) FROM t GROUP BY p PER PARTITION LIMIT 1 ALLOW FILTERING",
    "SELECT DISTINCT p, s FROM t WHERE token(p) > -9 AND token(p) <= 9223372036854775807",
    "SELECT JSON p, l[0], m['k'], u.a, f, writetime(v), ttl(v), maxwritetime(m) FROM t WHERE m CONTAINS KEY 'k' \
     ALLOW FILTERING",
    "SELECT cast(v AS text) AS x, (float) 1.5 * -v, toTimestamp(now()), system.uuid(), exp(2.5) FROM t",
    "SELECT p FROM t WHERE p IN (1, 2) AND c IN (1, 2) AND d >= '' AND v != 3 ALLOW FILTERING",
    "SELECT t FROM a WHERE t LIKE '%x%' ALLOW FILTERING",
    "SELECT id FROM a ORDER BY ve ANN OF [1.0, 2.0, 3.0] LIMIT 2",
    "INSERT INTO t JSON '{\"p\": 1, \"c\": 2, \"d\": \"\", \"m\": {\"a\": 1}, \"u\": {\"a\": null}}' DEFAULT UNSET",
    "INSERT INTO a (p, t, de, vi, ts, da, du, i, b, id, dbl, ve) VALUES (1, $$x$$, 1.5e10, 99999999999999999999, \
     '2020-01-01T00:00:00Z', '2020-01-01', 1y2mo3d4h, '::1', 0xff, 123e4567-e89b-12d3-a456-426614174000, -NaN, [1, 2, 3]) \
     USING TTL 100 AND TIMESTAMP 5",
    "UPDATE t USING TTL 5 SET l = [0] + l, m = m - {'k'}, f = {}, u.b = 'c', s += 1 WHERE p = 1 AND c = 1 AND d = 'a'",
    "UPDATE t SET v = 4, l[0] = 3 WHERE p = 1 AND c = 1 AND d = 'a' IF v = 2 AND l[1] IN (1, 2) AND u.a != null",
    "DELETE l[0], m['k'], u.a FROM t USING TIMESTAMP 9 WHERE p = 1 AND c = 1 AND d = 'a' IF EXISTS",
    "DELETE FROM t WHERE p IN (1, 2) AND c >= 1 AND c < 9",
    "BEGIN UNLOGGED BATCH USING TIMESTAMP 4 UPDATE t SET v = 1 WHERE p = 1 AND c = 1 AND d = ''; \
     INSERT INTO t (p, s) VALUES (1, 3) ; APPLY BATCH",
    "ALTER TABLE t ADD z int WITH comment = 'x' AND compaction = {'class': 'LeveledCompactionStrategy'}",
    "CREATE INDEX ON t (keys(m))",
    "CREATE CUSTOM INDEX i ON a (t) USING 'StorageAttachedIndex' WITH OPTIONS = {'case_sensitive': false}",
    "DESCRIBE TABLE t WITH INTERNALS",
    "SELECT * FROM system_schema.columns WHERE keyspace_name = 'k'",
    "TRUNCATE TABLE t",
    "USE \"k\"",
];

const SCRIPTS: &[&str] = &[
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};",
    "CREATE TYPE ks.u (a int, b frozen<list<text>>);",
    "CREATE TABLE ks.t (k int, \"C\" timeuuid, s text static, v map<text, frozen<u>>, PRIMARY KEY ((k), \"C\")) \
     WITH CLUSTERING ORDER BY (\"C\" DESC) AND gc_grace_seconds = 10 AND compression = {'enabled': 'false'};",
    "ALTER TABLE ks.t DROP v USING TIMESTAMP 12345; -- a comment\nCREATE INDEX i ON ks.t (values(v));",
    "CREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t WHERE k IS NOT NULL PRIMARY KEY (k, \"C\");",
    "SELECT JSON a, ttl(b) FROM t WHERE k IN (1, 2) AND (c, d) > (?, :x) ORDER BY c DESC LIMIT 3 ALLOW FILTERING;",
    "BEGIN BATCH INSERT INTO t (a) VALUES ($$x$$) IF NOT EXISTS USING TTL 5; DELETE a['k'] FROM t WHERE b = 0x00; \
     UPDATE t SET l = l + ['a'], m['x'] = {1: (2, null)} WHERE k = -1.5e3; APPLY BATCH;",
];

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Folders that hold SSTables, a few levels down.
fn tables_below(folder: &Path, levels: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for child in folders(folder) {
        if files(&child).iter().any(|file| name(file).ends_with("-Data.db")) {
            found.push(child);
        } else if levels > 0 {
            found.extend(tables_below(&child, levels - 1));
        }
    }
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_file()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
