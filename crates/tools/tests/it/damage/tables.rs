//! Small tables in memory: some of ours in each version that is written, and those of the corpus.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, RealDisk, read_to_vec};
use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, EncodingBase,
    Header, LivenessInfo, MarkerRef, PartitionRef, RowBuf, RowBuilder, Unfiltered, encode_clustering,
};
use helenus_sim::SimDisk;
use helenus_sstable::{
    Codec, Component, CompressionParams, Descriptor, PAGE_CHECKSUMS_COMPONENT, SsTableId, SsTableWriter,
    Version, WriterOptions,
};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use crate::corpus::corpus;

const DIR: &str = "/t";

/// A table's files, by name.
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) descriptor: Descriptor,
    files: BTreeMap<String, Vec<u8>>,
}

impl Table {
    /// Takes the files of a table.
    fn take(name: &str, disk: &dyn Disk, from: &Descriptor) -> Table {
        let mut files = BTreeMap::new();
        for entry in disk.list(&from.dir).unwrap() {
            let file = entry.utf8().unwrap().to_owned();
            if Descriptor::parse(&from.dir, &file).is_ok_and(|(found, _)| found == *from) {
                let bytes = read_to_vec(disk, &from.dir.join(&file), 1 << 24).unwrap();
                files.insert(file, bytes);
            }
        }
        Table { name: name.to_owned(), descriptor: Descriptor { dir: DIR.into(), ..from.clone() }, files }
    }

    pub(crate) fn file_names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    pub(crate) fn file(&self, name: &str) -> &[u8] {
        &self.files[name]
    }

    pub(crate) fn component(&self, name: &str) -> Component {
        Descriptor::parse(Path::new(DIR), name).unwrap().1
    }

    pub(crate) fn of_component(&self, component: &Component) -> Option<&[u8]> {
        self.files.get(&self.descriptor.file_name(component)).map(Vec::as_slice)
    }

    /// The table without a component.
    pub(crate) fn without(mut self, component: &Component) -> Table {
        self.files.remove(&self.descriptor.file_name(component));
        self
    }

    /// The table with other bytes in a component.
    pub(crate) fn with(mut self, component: &Component, bytes: Vec<u8>) -> Table {
        self.files.insert(self.descriptor.file_name(component), bytes);
        self
    }

    /// Whether damage to Statistics.db is found by its checksums.
    pub(crate) fn has_checked_statistics(&self) -> bool {
        self.descriptor.version.has_metadata_checksum()
    }

    /// A disk with the table, one file of which has other bytes, or is not there.
    pub(crate) fn disk_with(&self, name: &str, bytes: Option<&[u8]>) -> Arc<dyn Disk> {
        let disk = SimDisk::new();
        disk.create_dir_all(Path::new(DIR)).unwrap();
        for (file, intact) in &self.files {
            let bytes = if file == name { bytes } else { Some(&intact[..]) };
            if let Some(bytes) = bytes {
                disk.create_new(&Path::new(DIR).join(file)).unwrap().write_at(0, bytes).unwrap();
            }
        }
        Arc::new(disk)
    }
}

/// The small tables that releases of Cassandra wrote, whose folders' names `is_taken`; none where
/// there is no corpus.
pub(crate) fn legacy(is_taken: impl Fn(&str) -> bool) -> Vec<Table> {
    let Some(root) = corpus("legacy") else { return Vec::new() };
    let mut tables = Vec::new();
    for version in ["ma", "mb", "mc", "md", "me", "na", "nb", "nc", "oa", "da"] {
        let dir = root.join(version);
        for folder in RealDisk.list(&dir).unwrap() {
            let folder = folder.utf8().unwrap().to_owned();
            // In these no reader of 4.0 and later finds a key.
            let has_old_filter = version == "na" && folder.ends_with("_compact");
            if !folder.starts_with("legacy_") || has_old_filter || !is_taken(&folder) {
                continue;
            }
            let found = helenus_tools::find_tables(&RealDisk, &[dir.join(&folder)]).unwrap();
            tables.extend(found.iter().map(|table| Table::take(&folder, &RealDisk, table)));
        }
    }
    tables
}

/// Tables of ours in each version that is written, compressed and not, with and without the
/// checksums that only we write, and for each a second one of other rows, to swap files with.
pub(crate) fn made() -> Vec<Table> {
    let lz4 = CompressionParams { chunk_len: 4096, ..CompressionParams::new(Codec::Lz4) };
    let mut tables = Vec::new();
    for version in Version::WRITABLE {
        for (compression, name) in [(Some(lz4.clone()), "lz4"), (None, "plain")] {
            for (first, number) in [(0, ""), (7, " other")] {
                let disk = SimDisk::new();
                disk.create_dir_all(Path::new(DIR)).unwrap();
                let disk: Arc<dyn Disk> = Arc::new(disk);
                let descriptor = Descriptor::new(DIR, version, SsTableId::parse("1").unwrap());
                write(&disk, &descriptor, compression.clone(), first);
                let mut table = Table::take(&format!("{version} {name}{number}"), &*disk, &descriptor);
                if number.is_empty() {
                    tables.push(Table {
                        name: format!("{} with page checksums", table.name),
                        descriptor: table.descriptor.clone(),
                        files: table.files.clone(),
                    });
                }
                let ours = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
                table.files.remove(&table.descriptor.file_name(&ours)).unwrap();
                let toc = table.files.get_mut(&table.descriptor.file_name(&Component::Toc)).unwrap();
                let text = String::from_utf8(toc.clone()).unwrap();
                *toc = text.replace(&format!("{PAGE_CHECKSUMS_COMPONENT}\n"), "").into_bytes();
                tables.push(table);
            }
        }
    }
    tables
}

const AT: i64 = 1_700_000_000_000_000;

fn header() -> Arc<Header> {
    Arc::new(Header {
        base: EncodingBase { min_timestamp: Timestamp(AT), ..EncodingBase::EPOCH },
        key_type: Type::Text,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Text, Type::Int]),
        statics: Columns::new(vec![Column::new("s", Type::Int)]),
        regulars: Columns::new(vec![
            Column::new("v", Type::Blob),
            Column::new("w", Type::Int),
            Column::new("z", Type::map(Type::Text, Type::Int)),
        ]),
        capabilities: Capabilities::CURRENT,
    })
}

/// Partitions of all kinds: with blocks of rows and a range deletion across them, with one row,
/// deleted, with a static row alone.
fn write(disk: &Arc<dyn Disk>, table: &Descriptor, compression: Option<CompressionParams>, first: i32) {
    let header = header();
    let options = WriterOptions {
        compression,
        row_index_granularity: Some(256),
        expected_keys: 7,
        min_index_interval: 2,
        ..WriterOptions::default()
    };
    let mut writer = SsTableWriter::new(disk, table.clone(), Arc::clone(&header), options).unwrap();
    let mut keys: Vec<String> = (first..first + 7).map(|number| format!("key {number}")).collect();
    keys.sort_by_key(|key| Partitioner::murmur3_token(key.as_bytes()));
    for (number, key) in (0_i32..).zip(&keys) {
        let key = key.as_bytes();
        let deletion = if number % 3 == 2 { deleted(AT - 5) } else { DeletionTime::LIVE };
        let token = Partitioner::murmur3_token(key);
        let partition = PartitionRef { token, key, deletion };
        let fixed = (number % 2 == 1).then(|| static_row(&header, number));
        writer.start_partition(partition, fixed.as_ref().map(|row| row.as_ref(&header))).unwrap();
        match number % 4 {
            0 => wide(&mut writer, &header, first + number),
            1 => writer.append(Unfiltered::Row(row(&header, 1, number).as_ref(&header))).unwrap(),
            _ => {}
        }
        writer.end_partition().unwrap();
    }
    writer.finish().unwrap().unwrap();
}

fn wide(writer: &mut SsTableWriter, header: &Header, seed: i32) {
    for number in 0..16 {
        for (at, kind) in [(3, BoundKind::InclStart), (9, BoundKind::ExclEnd)] {
            let values = clustering(header, number);
            let bound = Bound { kind, size: 2, values: &values };
            let (live, deletion) = (DeletionTime::LIVE, deleted(AT + 5));
            let (close, open) = if kind.opens() { (live, deletion) } else { (deletion, live) };
            if number == at {
                writer.append(Unfiltered::Marker(MarkerRef { bound, close, open })).unwrap();
            }
        }
        writer.append(Unfiltered::Row(row(header, number, seed).as_ref(header))).unwrap();
    }
}

fn clustering(header: &Header, number: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let values = [&b"clustering"[..], &number.to_be_bytes()];
    encode_clustering(header.clustering.types(), &values.map(Some), &mut out);
    out
}

fn row(header: &Header, number: i32, seed: i32) -> RowBuf {
    let mut builder = RowBuilder::default();
    let timestamp = Timestamp(AT + i64::from(number));
    builder.start(LivenessInfo::new(timestamp), DeletionTime::LIVE, false);
    let value: Vec<u8> =
        (0..40).map(|byte| u8::try_from((byte * 37 + seed * number) % 256).unwrap()).collect();
    builder.simple(header, &header.regulars, 0, &Cell::live(timestamp, &value));
    if number % 4 == 1 {
        let time = LocalDeletionTime(1_700_000_100 + u32::try_from(number).unwrap());
        let tombstone = Cell { local_deletion_time: time, ..Cell::live(timestamp, &[]) };
        builder.simple(header, &header.regulars, 1, &tombstone);
    }
    if number % 4 == 2 {
        builder.complex(2, deleted(timestamp.0 - 1));
        builder.element(header, &Cell::live(timestamp, &seed.to_be_bytes()).at_path(b"path"));
    }
    let mut row = RowBuf { clustering: clustering(header, number), ..RowBuf::default() };
    builder.finish(header, false, &mut row);
    row
}

fn static_row(header: &Header, value: i32) -> RowBuf {
    let mut builder = RowBuilder::default();
    builder.start(LivenessInfo::EMPTY, DeletionTime::LIVE, false);
    let value = value.to_be_bytes();
    builder.simple(header, &header.statics, 0, &Cell::live(Timestamp(AT + 1), &value));
    let mut row = RowBuf::default();
    builder.finish(header, true, &mut row);
    row
}

fn deleted(timestamp: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(timestamp), LocalDeletionTime(1_700_000_000))
}
