//! Makes every derived component of a table anew, for an unchanged Data.db.

use std::sync::Arc;

use helenus_io::Disk;
use helenus_rows::{Grammar, Unfiltered, UnfilteredStream};

use super::WriteError;
use super::derived::{DerivedComponents, filter_of};
use super::options::{WriterOptions, WrittenTable};
use crate::compression::WrittenChunks;
use crate::data::Scan;
use crate::data_file::DataFile;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::statistics::HeaderComponent;

/// Writes index, filter, statistics and the rest for an existing Data.db.
///
/// Unlike [`SsTableWriter`](super::SsTableWriter) it encodes no row: positions are those of the
/// rows, however their writer encoded them. For each partition of a scan over the whole:
/// [`partition`](Self::partition); then [`finish`](Self::finish).
#[derive(Debug)]
pub struct ComponentWriter {
    derived: DerivedComponents,
    /// As it was stored: types may be spelled in more ways than one.
    stored_header: HeaderComponent,
    grammar: Grammar,
}

impl ComponentWriter {
    /// Creates index files of the table `target`, whose rows are those of `source`, and whose
    /// Data.db is there already, or will be.
    ///
    /// # Errors
    /// When the version is not written here, a file can't be created, or no filter has that chance.
    pub fn new(
        disk: &Arc<dyn Disk>,
        target: Descriptor,
        source: &DataFile,
        options: WriterOptions,
    ) -> Result<ComponentWriter, SsTableError> {
        let filter = filter_of(&target, &options)?;
        Ok(ComponentWriter {
            derived: DerivedComponents::create(disk, target, Arc::clone(source.header()), filter, options)?,
            stored_header: source.statistics().header.clone(),
            grammar: Grammar::default(),
        })
    }

    /// Reads the current partition of a scan to its end. `passed` gets the positions.
    ///
    /// # Errors
    /// Damage in the data, partitions or rows that are not in order, or a failed write.
    pub fn partition(&mut self, scan: &mut Scan, passed: &mut dyn FnMut(u64)) -> Result<(), WriteError> {
        let start = scan.partition_position();
        self.derived.start_partition(start, UnfilteredStream::partition(scan));
        // One that has nothing but its key is there, too.
        self.derived.begin_content();
        if let Some(row) = UnfilteredStream::static_row(scan) {
            self.derived.row(row)?;
        }
        self.derived.partition.body_offset = scan.position() - start;
        self.grammar.start_partition();
        while scan.advance()? {
            let (Some(position), Some(unfiltered)) =
                (scan.current_position(), UnfilteredStream::current(scan))
            else {
                unreachable!("a scan that advanced stands at a row or marker")
            };
            self.unfiltered(unfiltered, position)?;
            let offset = scan.position() - start;
            if self.derived.is_block_full(offset) {
                self.derived.close_block(offset)?;
            }
            passed(scan.position());
        }
        // The byte that ends the partition has been read.
        let end_offset = scan.position().saturating_sub(1).saturating_sub(start);
        Ok(self.derived.end_partition(end_offset)?)
    }

    fn unfiltered(&mut self, unfiltered: Unfiltered<'_>, position: u64) -> Result<(), WriteError> {
        let mut checked = self.grammar.position(&self.derived.header, &unfiltered);
        if let Unfiltered::Marker(marker) = &unfiltered {
            checked = checked.and_then(|()| self.grammar.marker(marker));
        }
        if let Err(what) = checked {
            let path = self.derived.descriptor.path(&Component::Data);
            let expected = "rows and markers in order, ranges opened and closed";
            return Err(SsTableError::corrupt(path, position, expected, what).into());
        }
        self.derived.place(unfiltered, position);
        match unfiltered {
            Unfiltered::Row(row) => self.derived.row(row)?,
            Unfiltered::Marker(marker) => self.derived.marker(marker.close, marker.open),
        }
        Ok(())
    }

    /// Completes the table and makes it durable, given what is known of its Data.db.
    ///
    /// # Errors
    /// A failed write; the files are then removed if possible.
    pub fn finish(self, chunks: &WrittenChunks) -> Result<WrittenTable, SsTableError> {
        let Self { derived, stored_header, .. } = self;
        derived.complete(chunks, Vec::new(), |statistics| statistics.header = stored_header)
    }
}
