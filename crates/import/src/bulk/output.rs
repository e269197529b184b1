//! The files: one SSTable after the other, in a directory of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_engine::parts::{Sink, random_uuid};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_io::{Clock, Disk, parent_of};
use helenus_rows::Header;
use helenus_schema::TableOptions;
use helenus_sstable::{
    Component, Descriptor, SsTableId, SsTableWriter, Version, WriterOptions, WrittenTable,
};
use helenus_types::{Generation, timeuuid};

use super::options::BulkOptions;

/// An SSTable that was written.
#[derive(Clone, Debug)]
pub struct BulkTable {
    /// Its Data.db; the other components are next to it.
    pub data_file: PathBuf,
    /// Bytes of all its files.
    pub bytes_on_disk: u64,
    /// Uncompressed bytes of its data.
    pub data_bytes: u64,
    /// Number of partitions.
    pub partitions: u64,
    /// Number of rows, deleted and static ones too (`totalRows` of Statistics.db).
    pub rows: u64,
    /// Deletions and expirations that were [capped](helenus_sstable::LateDeletionTimes::Cap).
    pub capped_deletion_times: u64,
}

/// A sink of the writes that can be finished or aborted.
pub(super) trait Target: Sink {
    /// Completes the SSTables.
    fn finish(&self) -> Result<()>;
    /// Removes them.
    fn abort(&self) -> Result<()>;
    /// Shows what was written.
    fn with_output(&self, f: &mut dyn FnMut(&Output));
}

/// The directory of the SSTables, and those written so far.
#[derive(Debug)]
pub(super) struct Output {
    dir: PathBuf,
    /// Whether the directory was made for them.
    made_dir: bool,
    version: Version,
    pub(super) header: Arc<Header>,
    /// The options of each table, without the number of its keys.
    writer: WriterOptions,
    pub(super) max_table_bytes: u64,
    uuid_ids: bool,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    /// Time of the last UUID, in ticks of 100 ns.
    last_ticks: u64,
    written: Vec<WrittenTable>,
}

impl Output {
    /// SSTables in `dir`, which is made if it is not there.
    pub(super) fn new(
        options: &BulkOptions,
        dir: &Path,
        header: &Arc<Header>,
        table: &TableOptions,
    ) -> Result<Self> {
        let disk = options.disk.clone();
        let made_dir = !disk.exists(dir)?;
        if made_dir {
            disk.create_dir_all(dir)?;
            disk.sync_dir(parent_of(dir))?;
        } else if let Some(entry) = disk.list(dir)?.first() {
            let text = format!("{}: not empty, {:?} is in it", dir.display(), entry.name);
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        let writer = WriterOptions {
            compression: options.compression.clone().unwrap_or_else(|| table.compression.clone()),
            bloom_filter_fp_chance: table.bloom_filter_fp_chance,
            late_deletion_times: options.late_deletion_times,
            ..WriterOptions::default()
        };
        Ok(Self {
            dir: dir.to_owned(),
            made_dir,
            version: options.version,
            header: header.clone(),
            writer,
            max_table_bytes: options.max_table_bytes,
            uuid_ids: options.uuid_ids,
            disk,
            clock: options.clock.clone(),
            last_ticks: 0,
            written: Vec::new(),
        })
    }

    /// Begins an SSTable of about `expected_keys` partitions.
    pub(super) fn begin(&mut self, expected_keys: u64) -> Result<SsTableWriter> {
        let id = self.next_id()?;
        let descriptor = Descriptor::new(&self.dir, self.version, id);
        let options = WriterOptions { expected_keys, ..self.writer.clone() };
        Ok(SsTableWriter::new(&self.disk, descriptor, self.header.clone(), options)?)
    }

    /// Completes an SSTable.
    pub(super) fn finish(&mut self, writer: SsTableWriter) -> Result<()> {
        self.written.extend(writer.finish()?);
        Ok(())
    }

    /// The SSTables that were written.
    pub(super) fn tables(&self) -> Vec<BulkTable> {
        let table = |table: &WrittenTable| BulkTable {
            data_file: table.descriptor.path(&Component::Data),
            bytes_on_disk: table.bytes_on_disk,
            data_bytes: table.data_len,
            partitions: table.key_count,
            rows: table.stats.rows,
            capped_deletion_times: table.capped_deletion_times,
        };
        self.written.iter().map(table).collect()
    }

    /// Removes what was written, and the directory if it was made for it.
    pub(super) fn remove(&mut self) -> Result<()> {
        for table in std::mem::take(&mut self.written) {
            for (component, _) in table.file_sizes.iter().rev() {
                self.disk.remove_file(&table.descriptor.path(component))?;
            }
        }
        if self.made_dir {
            self.disk.remove_dir(&self.dir)?;
            self.disk.sync_dir(parent_of(&self.dir))?;
        }
        Ok(())
    }

    fn next_id(&mut self) -> Result<SsTableId> {
        if self.uuid_ids {
            let micros = self.clock.now_micros().cast_unsigned();
            let now = timeuuid::UNIX_EPOCH_TICKS.wrapping_add(micros.wrapping_mul(10));
            self.last_ticks = now.max(self.last_ticks + 1);
            // A random low half, as the writer is no node with an address that distinguishes it.
            let (_, random) = random_uuid().as_u64_pair();
            return Ok(SsTableId::Uuid { ticks: self.last_ticks, lsb: random.cast_signed() });
        }
        let number = self.written.len() as u64 + 1;
        SsTableId::from_generation(Generation(number)).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "no directory can have more than 2^31 SSTables")
        })
    }
}
