//! The index files of a table that is being written. Formats differ here and nowhere else in the
//! writer.

use helenus_io::Disk;
use helenus_rows::{DeletionTime, Header};

use super::files::{Files, INDEX_BUFFER_LEN, IndexFile};
use super::options::WriterOptions;
use super::partition::Partition;
use crate::big::{BigIndexWriter, SummaryBuilder};
use crate::bti::{IndexBlock, IndexBuildError, PartitionIndexBuilder, PartitionPosition, RowIndexWriter};
use crate::data::form_of;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::page_checksums::PageChecksums;
use crate::version::Format;

/// Index.db and Summary.db, or Partitions.db and Rows.db.
#[derive(Debug)]
pub(super) enum IndexWriter {
    Big(Box<Big>),
    Bti(Box<Bti>),
}

#[derive(Debug)]
pub(super) struct Big {
    file: IndexFile,
    index: BigIndexWriter,
    summary: SummaryBuilder,
}

#[derive(Debug)]
pub(super) struct Bti {
    partitions_file: IndexFile,
    rows_file: IndexFile,
    partitions: PartitionIndexBuilder,
    rows: RowIndexWriter,
}

impl IndexWriter {
    /// Creates the files.
    pub(super) fn create(
        disk: &dyn Disk,
        descriptor: &Descriptor,
        header: &Header,
        options: &WriterOptions,
    ) -> Result<IndexWriter, SsTableError> {
        Ok(match descriptor.version.format() {
            Format::Big => IndexWriter::Big(Box::new(Big {
                file: IndexFile::create(disk, descriptor, Component::Index)?,
                index: BigIndexWriter::new(form_of(header)),
                summary: SummaryBuilder::new(options.min_index_interval),
            })),
            Format::Bti => {
                let partitions_file = IndexFile::create(disk, descriptor, Component::Partitions)?;
                let rows_file = IndexFile::create(disk, descriptor, Component::Rows);
                if rows_file.is_err() {
                    // Report the first error.
                    disk.remove_file(&descriptor.path(&Component::Partitions)).ok();
                }
                IndexWriter::Bti(Box::new(Bti {
                    partitions_file,
                    rows_file: rows_file?,
                    partitions: PartitionIndexBuilder::default(),
                    rows: RowIndexWriter::default(),
                }))
            }
        })
    }

    /// Whether the partition has a block yet.
    pub(super) fn has_blocks(&self) -> bool {
        match self {
            IndexWriter::Big(big) => big.index.block_count() > 0,
            IndexWriter::Bti(bti) => bti.rows.block_count() > 0,
        }
    }

    /// Adds the block that is open, which ends at `end` from the partition's start.
    pub(super) fn close_block(
        &mut self,
        header: &Header,
        partition: &mut Partition,
        end: u64,
    ) -> Result<(), IndexBuildError> {
        let Some(offset) = partition.block_start.take() else { unreachable!("a block that ends was begun") };
        assert!(offset < end, "a block holds something");
        match self {
            IndexWriter::Big(big) => {
                let edges = [partition.block_first.edge(), partition.last.edge()];
                big.index.add_block(edges, offset, end - offset, partition.open)
            }
            IndexWriter::Bti(bti) => {
                let [first, last] = &mut partition.comparable;
                partition.block_first.comparable(header, first);
                partition.last.comparable(header, last);
                let block = IndexBlock { offset, open_deletion: partition.block_open };
                bti.rows.add_block(first, last, block)
            }
        }
    }

    /// Adds the partition, whose end-of-partition byte is `end_offset` from its start.
    pub(super) fn finish_partition(
        &mut self,
        partition: &Partition,
        deletion: DeletionTime,
        end_offset: u64,
    ) -> Result<(), IndexBuildError> {
        let Partition { key, start, body_offset, .. } = partition;
        match self {
            IndexWriter::Big(big) => {
                let added =
                    big.index.finish_partition(key.key(), key.comparable(), *start, *body_offset, deletion);
                big.summary.add(key.key(), added?);
                Ok(())
            }
            IndexWriter::Bti(bti) => {
                let at = bti.rows.finish_partition(key.key(), *start, end_offset, deletion)?;
                let at = at.map_or(PartitionPosition::Data(*start), PartitionPosition::Rows);
                bti.partitions.add(key.key(), key.comparable(), key.hash(), at)
            }
        }
    }

    /// Writes what was built, where that is worth it.
    pub(super) fn write_built(&mut self) -> Result<(), SsTableError> {
        match self {
            IndexWriter::Big(big) => big.file.take(big.index.output(), INDEX_BUFFER_LEN),
            IndexWriter::Bti(bti) => {
                bti.rows_file.take(bti.rows.output(), INDEX_BUFFER_LEN)?;
                bti.partitions_file.take(bti.partitions.output(), INDEX_BUFFER_LEN)
            }
        }
    }

    /// Completes the files.
    pub(super) fn finish(
        self,
        files: &mut Files<'_>,
        checksums: &mut PageChecksums,
    ) -> Result<(), SsTableError> {
        match self {
            IndexWriter::Big(big) => {
                files.finish_index(big.file, &mut big.index.finish(), checksums)?;
                let summary = big.summary.finish();
                let summary = summary.map_err(|error| files.unwritable(&Component::Summary, error))?;
                files.write_checked(Component::Summary, &summary, checksums)
            }
            IndexWriter::Bti(bti) => {
                files.finish_index(bti.rows_file, &mut bti.rows.finish(), checksums)?;
                let partitions = bti.partitions.finish();
                let mut partitions =
                    partitions.map_err(|error| files.unwritable(&Component::Partitions, error))?;
                files.finish_index(bti.partitions_file, &mut partitions, checksums)
            }
        }
    }
}
