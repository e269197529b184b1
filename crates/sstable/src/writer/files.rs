//! The files of a table, written as they grow or when it is completed.

use helenus_io::{Disk, FileWriter, parent_of, remove_if_exists};

use crate::bti::IndexOutput;
use crate::compression::WrittenChunks;
use crate::descriptor::{Component, Descriptor, Toc};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::page_checksums::{PageChecksums, PageHasher};

/// An index file, written as it grows.
#[derive(Debug)]
pub(super) struct IndexFile {
    component: Component,
    out: FileWriter,
    checksums: PageHasher,
}

/// Bytes of an index that are gathered before they go to the file.
pub(super) const INDEX_BUFFER_LEN: usize = 64 << 10;

impl IndexFile {
    pub(super) fn create(
        disk: &dyn Disk,
        descriptor: &Descriptor,
        component: Component,
    ) -> Result<IndexFile, SsTableError> {
        let file = disk.create_new(&descriptor.path(&component))?;
        let checksums = PageHasher::new(component.name());
        Ok(IndexFile { out: FileWriter::with_piece_len(file, 0, INDEX_BUFFER_LEN), checksums, component })
    }

    /// Writes what was built, if that is at least `min_len` bytes.
    pub(super) fn take(&mut self, output: &mut IndexOutput, min_len: usize) -> Result<(), SsTableError> {
        if output.pending().len() >= min_len {
            self.checksums.update(output.pending());
            self.out.append(output.pending())?;
            output.clear_pending();
        }
        Ok(())
    }
}

/// The small files of a table that is being completed.
pub(super) struct Files<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) descriptor: &'a Descriptor,
    pub(super) sizes: Vec<(Component, u64)>,
}

impl Files<'_> {
    /// Writes a whole component and makes it durable.
    pub(super) fn write(&mut self, component: Component, bytes: &[u8]) -> Result<(), SsTableError> {
        let file = self.disk.create_new(&self.descriptor.path(&component))?;
        file.write_at(0, bytes)?;
        file.sync_all()?;
        self.sizes.push((component, bytes.len() as u64));
        Ok(())
    }

    /// The same, and adds its checksums.
    pub(super) fn write_checked(
        &mut self,
        component: Component,
        bytes: &[u8],
        checksums: &mut PageChecksums,
    ) -> Result<(), SsTableError> {
        let mut hasher = PageHasher::new(component.name());
        hasher.update(bytes);
        checksums.add(hasher.finish());
        self.write(component, bytes)
    }

    pub(super) fn write_about_data(
        &mut self,
        chunks: &WrittenChunks,
        checksums: &mut PageChecksums,
    ) -> Result<(), SsTableError> {
        if let Some(info) = &chunks.compression_info {
            self.write_checked(Component::CompressionInfo, &info.encode(self.descriptor.version), checksums)?;
        }
        if let Some(crc) = &chunks.crc {
            self.write_checked(Component::Crc, &crc.encode(), checksums)?;
        }
        self.write(Component::Digest, &chunks.digest.encode())
    }

    pub(super) fn finish_index(
        &mut self,
        mut file: IndexFile,
        output: &mut IndexOutput,
        checksums: &mut PageChecksums,
    ) -> Result<(), SsTableError> {
        file.take(output, 0)?;
        let len = file.out.finish()?;
        checksums.add(file.checksums.finish());
        self.sizes.push((file.component, len));
        Ok(())
    }

    pub(super) fn write_toc(&mut self) -> Result<(), SsTableError> {
        let mut components: Vec<Component> =
            self.sizes.iter().map(|(component, _)| component.clone()).collect();
        components.push(Component::Toc);
        self.write(Component::Toc, &Toc { components }.encode())
    }

    #[cold]
    pub(super) fn unwritable(&self, component: &Component, what: impl ToString) -> SsTableError {
        unwritable(self.descriptor, component, what)
    }
}

/// Removes every file of a table that a writer makes by itself, and the other `components`,
/// complete or not. Data.db goes first: what a crash leaves is then no table. All that can be
/// removed is, and is gone durably once the directory is synced.
///
/// # Errors
/// The first file that can't be removed.
pub fn remove_components<'a>(
    disk: &dyn Disk,
    descriptor: &Descriptor,
    components: impl IntoIterator<Item = &'a Component>,
) -> helenus_io::Result<()> {
    let others = components.into_iter().filter(|component| !component.is_own());
    let mut outcome = Ok(());
    for component in Component::own().chain(others.cloned()) {
        outcome = outcome.and(remove_if_exists(disk, &descriptor.path(&component)).map(drop));
    }
    outcome
}

/// The same, durably.
///
/// # Errors
/// As there.
pub fn remove_table<'a>(
    disk: &dyn Disk,
    descriptor: &Descriptor,
    components: impl IntoIterator<Item = &'a Component>,
) -> Result<(), SsTableError> {
    remove_components(disk, descriptor, components)?;
    Ok(disk.sync_dir(parent_of(&descriptor.path(&Component::Data)))?)
}

#[cold]
pub(super) fn unwritable(
    descriptor: &Descriptor,
    component: &Component,
    what: impl ToString,
) -> SsTableError {
    SsTableError::new(descriptor.path(component), SsTableErrorKind::Unwritable(what.to_string()))
}
