//! Observers of a table that is being written: each makes a component of it meanwhile.

use std::fmt::Debug;

use helenus_io::{Disk, FileWriter};
use helenus_rows::{PartitionRef, RowRef, Unfiltered};

use super::files::Files;
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;

/// Makes a component of a table from its rows, as they are written or, beside a table that is there
/// already, as they are read (`SSTableFlushObserver`). It is made anew for each table, and dropped
/// where that is given up.
///
/// Rows are encoded against the table's header. A partition's rows and markers come in their order
/// after the partition. One with nothing after it, and with no deletion and static row, may not be
/// in the table.
pub trait WriteObserver: Debug + Send {
    /// The name of what it makes, a [custom](Component::Custom) one.
    fn component(&self) -> Component;

    /// A partition begins at that position of the uncompressed data.
    fn start_partition(&mut self, partition: PartitionRef<'_>, static_row: Option<RowRef<'_>>, position: u64);

    /// A row or marker begins at that position of the uncompressed data.
    fn unfiltered(&mut self, unfiltered: Unfiltered<'_>, position: u64);

    /// All rows have passed: writes the component.
    ///
    /// # Errors
    /// A failed write; then there is no table either.
    fn finish(self: Box<Self>, out: &mut FileWriter) -> helenus_io::Result<()>;
}

/// The name of what an observer makes.
pub(super) fn component_of(observer: &dyn WriteObserver) -> Component {
    let component = observer.component();
    assert!(!component.is_own(), "{} is made by the writer itself", component.name());
    component
}

/// Writes what an observer made, durably but for its name; its length.
///
/// # Errors
/// A failed write, or a file of that name.
pub fn write_observed(
    disk: &dyn Disk,
    descriptor: &Descriptor,
    observer: Box<dyn WriteObserver>,
) -> Result<(Component, u64), SsTableError> {
    let component = component_of(&*observer);
    let mut out = FileWriter::new(disk.create_new(&descriptor.path(&component))?);
    observer.finish(&mut out)?;
    Ok((component, out.finish()?))
}

impl Files<'_> {
    /// Writes what observers made.
    pub(super) fn write_observed(
        &mut self,
        observers: Vec<Box<dyn WriteObserver>>,
    ) -> Result<(), SsTableError> {
        for observer in observers {
            self.sizes.push(write_observed(self.disk, self.descriptor, observer)?);
        }
        Ok(())
    }
}
