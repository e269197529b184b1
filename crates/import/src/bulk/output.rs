//! The files: one SSTable after the other, in a directory of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use helenus_compaction::{ExpectedKeys, MultiWriter, NextOutput, OutputFactory, OutputShape};
use helenus_engine::parts::{Sink, random_uuid};
use helenus_engine::{Error, ErrorKind, Result};
use helenus_io::{Clock, Disk, parent_of};
use helenus_rows::Header;
use helenus_schema::TableOptions;
use helenus_sstable::{Component, Descriptor, SsTableError, SsTableId, Version, WriterOptions, WrittenTable};
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
    max_table_bytes: u64,
    uuid_ids: bool,
    pub(super) disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    /// Time of the last UUID, in ticks of 100 ns.
    last_ticks: u64,
    last_number: u64,
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
            late_deletion_times: options.late_deletion_times,
            ..table.writer_options()
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
            last_number: 0,
            written: Vec::new(),
        })
    }

    /// The shape of what is written.
    pub(super) fn shape(&self) -> OutputShape {
        OutputShape { max_bytes: Some(self.max_table_bytes), ..OutputShape::default() }
    }

    /// A writer of SSTables, each of about that many partitions.
    pub(super) fn begin(&self, expected_keys: u64) -> MultiWriter {
        MultiWriter::new(&self.disk, self.header.clone(), self.shape(), ExpectedKeys::Each(expected_keys))
    }

    /// Adds SSTables that are complete.
    pub(super) fn add(&mut self, written: Vec<WrittenTable>) {
        self.written.extend(written);
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
            table.remove(&*self.disk)?;
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
        self.last_number += 1;
        SsTableId::from_generation(Generation(self.last_number)).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "no directory can have more than 2^31 SSTables")
        })
    }
}

impl OutputFactory for Output {
    type Error = Error;

    fn next_output(&mut self) -> Result<NextOutput> {
        let id = self.next_id()?;
        let descriptor = Descriptor::new(&self.dir, self.version, id);
        Ok(NextOutput { descriptor, options: self.writer.clone(), observers: Vec::new() })
    }

    /// All are of the version that was asked for.
    fn hold_late(&mut self, _: &SsTableError) -> bool {
        false
    }
}
