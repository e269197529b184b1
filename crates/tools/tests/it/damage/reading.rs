//! Everything that is read of a table, in each way in which it is read, as text.

use std::fmt::Write;
use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{
    Bound, BoundKind, Direction, RowRef, Slice, Slices, Unfiltered, UnfilteredStream, Validator,
};
use helenus_sstable::{
    CachedFile, ChunkCache, Descriptor, OpenOptions, PageVerification, PartitionBound, RowReader, SearchKey,
    SsTable, StaticRow,
};

/// The content of a table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    /// Types of keys and columns, without names.
    pub(super) shape: String,
    pub(super) column_names: Vec<String>,
    pub(super) rows: String,
    keys: Vec<Vec<u8>>,
    clusterings: Vec<Vec<Vec<u8>>>,
}

impl Content {
    /// The first line that differs.
    pub(super) fn difference(&self, expected: &Content) -> String {
        if self.shape != expected.shape {
            return format!("{} instead of {}", self.shape, expected.shape);
        }
        let mut lines = self.rows.lines().zip(expected.rows.lines());
        match lines.find(|(found, expected)| found != expected) {
            Some((found, expected)) => format!("{found} instead of {expected}"),
            None => "less or more".to_owned(),
        }
    }
}

/// Reads everything: a scan, then with the keys and clusterings that are expected all kinds of
/// lookups. What the table says of the bounds of what is in it, by which reads pass over it, is
/// part of it.
pub(super) fn read(
    disk: &Arc<dyn Disk>,
    descriptor: &Descriptor,
    expected: &Content,
) -> Result<Content, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let options =
        OpenOptions::new(Arc::new(ChunkCache::new(1 << 20)), CachedFile(1), PageVerification::Check);
    let table = SsTable::open(disk, descriptor, options).map_err(|error| text(&error))?;
    let mut content = Content::default();
    let header = table.header();
    let columns = || header.statics.as_slice().iter().chain(header.regulars.as_slice());
    content.column_names = columns().map(|column| column.name.to_string()).collect();
    let types: Vec<_> = columns().map(|column| &column.ty).collect();
    content.shape = format!(
        "{:?} {:?} {:?} {:?} {types:?}",
        header.partitioner,
        header.key_type,
        header.clustering.types(),
        header.statics.len()
    );
    let stats = table.stats();
    content.rows = format!(
        "{:?} {:?} {:?} {:?} {}",
        stats.min_timestamp,
        stats.max_timestamp,
        stats.min_local_deletion_time,
        stats.max_local_deletion_time,
        stats.has_partition_level_deletions
    );
    let mut scan = Validator::new(table.scan());
    partitions(&mut scan, &mut content, true)?;
    let mut listed = table.keys();
    while let Some((_, key)) = listed.next().map_err(|error| text(&error))? {
        write!(content.rows, "\nlisted {key:02x?}").map_err(|error| text(&error))?;
    }
    lookups(&table, expected, &mut content).map_err(|error| text(&error))?;
    Ok(content)
}

/// Appends all that a stream shows.
fn partitions(
    stream: &mut impl UnfilteredStream,
    content: &mut Content,
    is_first: bool,
) -> Result<(), String> {
    while stream.next_partition().map_err(|error| error.to_string())? {
        let partition = stream.partition();
        content.rows += &format!("\n{:02x?} {:?}", partition.key, partition.deletion);
        if is_first {
            content.keys.push(partition.key.to_vec());
            content.clusterings.push(Vec::new());
        }
        if let Some(row) = stream.static_row() {
            row_text(row, &mut content.rows)?;
        }
        while stream.advance().map_err(|error| error.to_string())? {
            match stream.current() {
                Some(Unfiltered::Row(row)) => {
                    row_text(row, &mut content.rows)?;
                    if let (true, Some(clusterings)) = (is_first, content.clusterings.last_mut()) {
                        clusterings.push(row.clustering.to_vec());
                    }
                }
                other => content.rows += &format!("\n {other:02x?}"),
            }
        }
    }
    Ok(())
}

fn row_text(row: RowRef<'_>, out: &mut String) -> Result<(), String> {
    let mut cells = row.cells().map_err(|error| error.to_string())?;
    *out += &format!("\n {:02x?} {:?} {:?}", row.clustering, cells.liveness(), cells.deletion());
    while let Some(event) = cells.next().map_err(|error| error.to_string())? {
        *out += &format!("\n  {event:02x?}");
    }
    Ok(())
}

/// Partitions forwards and backwards, single rows, keys that are not there, ranges between keys.
fn lookups(table: &Arc<SsTable>, expected: &Content, content: &mut Content) -> Result<(), String> {
    let mut reader = RowReader::new();
    for (key, clusterings) in expected.keys.iter().zip(&expected.clusterings) {
        let search = SearchKey::of(table.partitioner().clone(), key);
        for direction in [Direction::Forward, Direction::Reverse] {
            let found = table
                .partition(&search, &Slices::ALL, direction, StaticRow::Wanted, &table.header().clustering)
                .map_err(|error| error.to_string())?;
            let Some(mut stream) = found else { return Err(format!("{key:02x?} is missed")) };
            partitions(&mut stream, content, false)?;
        }
        let point = reader.partition(table, &search).map_err(|error| error.to_string())?;
        let Some(point) = point else { return Err(format!("{key:02x?} is missed")) };
        content.rows += &format!("\n{:?} {}", point.deletion, point.static_row.is_some());
        for clustering in clusterings {
            let size = table.header().clustering.len();
            let bound = |kind| Bound { kind, size, values: clustering };
            if !table.may_cover(
                Slice { start: bound(BoundKind::InclStart), end: bound(BoundKind::InclEnd) },
                &table.header().clustering,
            ) {
                return Err(format!("{clustering:02x?} is passed over"));
            }
            let point = reader
                .row(table, &search, clustering, &table.header().clustering)
                .map_err(|error| error.to_string())?;
            let Some(point) = point else { return Err(format!("{key:02x?} is missed")) };
            content.rows += &format!("\n{:?} {:?}", point.partition_deletion, point.range_deletion);
            match point.row {
                Some(row) => row_text(row, &mut content.rows)?,
                None => return Err(format!("{clustering:02x?} is missed")),
            }
        }
        let mut absent = key.clone();
        absent.push(0);
        let is_there = reader.contains(table, &SearchKey::of(table.partitioner().clone(), &absent));
        content.rows += &format!("\n{}", is_there.map_err(|error| error.to_string())?);
        let behind = table.ceiling(PartitionBound::AfterKey(key)).map_err(|error| error.to_string())?;
        content.rows += &format!("\n{behind:02x?}");
        let range = table.scan_range(PartitionBound::BeforeKey(key), PartitionBound::AfterKey(key));
        partitions(&mut range.map_err(|error| error.to_string())?, content, false)?;
    }
    Ok(())
}
