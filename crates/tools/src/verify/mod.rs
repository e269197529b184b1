//! Verifies the files of a table: `nodetool verify`, `sstableverify`, and more.
//!
//! [`files`] compares components and checksums; [`RowsCheck`] reads the data once, together with
//! index and filter; [`statistics`] compares the statistics gathered on the way. Nothing is
//! written. Memory holds the index files and the filter, one chunk and one row, never a partition.
//! (Cassandra: `io.sstable.format.SortedTableVerifier`, which reads no cells and doesn't check the
//! filter.)

mod files;
mod report;
mod statistics;

use std::ops::ControlFlow;
use std::sync::Arc;

use helenus_bloom::{BitOrder, Filter};
use helenus_io::{Disk, read_to_vec};
use helenus_sstable::{
    Component, DataFile, Descriptor, Finding, PageVerification, RowsCheck, Severity, SsTableError, TableIndex,
};

use crate::watched::Progress;

pub use report::{Depth, MAX_FINDINGS, VerifyReport};

/// Checks one table. `progress` counts the bytes of Data.db, and in the extended
/// form those of its rows too.
#[must_use]
pub fn verify(
    disk: &Arc<dyn Disk>,
    table: &Descriptor,
    depth: Depth,
    progress: &mut dyn FnMut(Progress),
) -> VerifyReport {
    let mut report = VerifyReport::new(table, depth);
    let present = files::components(&**disk, &mut report);
    files::page_checksums(&**disk, &present, &mut report);
    if !present.contains(&Component::Data) {
        files::statistics(&**disk, &mut report);
        return report;
    }
    let filter = filter(disk, &mut report, present.contains(&Component::Filter));
    let Some(data) = files::open(disk, &mut report) else {
        files::statistics(&**disk, &mut report);
        return report;
    };
    report.key_type = Some(data.header().key_type.clone());
    statistics::columns(&data, &mut report);
    let index = index(disk, &data, &mut report);
    let rows_len = if depth == Depth::Extended { data.data_len() } else { 0 };
    let total = data.file_len() + rows_len;
    files::data(&**disk, &data, &present, &mut report, &mut |passed| {
        progress(Progress { bytes_read: passed, bytes_total: total });
    });
    if depth == Depth::Extended {
        let damaged = report.damaged_chunks();
        let check = RowsCheck::of_files(&data, index.as_ref(), filter.as_ref(), &damaged);
        let mut found = |finding, _| {
            report.add(finding);
            ControlFlow::Continue(())
        };
        let checked = check.run(&mut found, &mut |passed| {
            progress(Progress { bytes_read: data.file_len() + passed, bytes_total: total });
        });
        (report.partitions, report.unfiltereds) = (checked.partitions, checked.unfiltereds);
        report.bytes = data.data_len();
        if let Some(gathered) = checked.statistics {
            statistics::compare(&data, gathered, &mut report);
        }
    }
    report
}

fn filter(disk: &Arc<dyn Disk>, report: &mut VerifyReport, is_present: bool) -> Option<Filter> {
    if !is_present {
        return None;
    }
    let path = report.table.path(&Component::Filter);
    let order =
        if report.table.version.has_old_bloom_filter_format() { BitOrder::Old } else { BitOrder::Current };
    let decoded = read_to_vec(&**disk, &path, usize::MAX)
        .map_err(SsTableError::from)
        .and_then(|bytes| Filter::decode(&bytes, order).map_err(|error| SsTableError::new(&path, error)));
    match decoded {
        Ok(Some(filter)) => Some(filter),
        Ok(None) => {
            let lost = "time: every read of a key looks into the table";
            let finding =
                Finding::new(Severity::Cosmetic, Component::Filter, "a filter", "an empty file", lost);
            report.add(finding);
            None
        }
        Err(error) => {
            report.add(Finding::of_error(Severity::Hidden, Component::Filter, &error, "reads by key fail"));
            None
        }
    }
}

fn index(disk: &Arc<dyn Disk>, data: &DataFile, report: &mut VerifyReport) -> Option<TableIndex> {
    match TableIndex::open(disk, data, PageVerification::Skip) {
        Ok(index) => {
            if let Err(error) = index.check_summary() {
                let lost = "partitions, for a reader that trusts it: Cassandra does";
                report.add(Finding::of_error(Severity::Hidden, Component::Summary, &error, lost));
            }
            Some(index)
        }
        Err(error) => {
            let component = report.table.component_at(error.file()).unwrap_or(Component::Partitions);
            if !report.findings.iter().any(|finding| finding.component == component) {
                let lost = "reads by key; the data is checked without it";
                report.add(Finding::of_error(Severity::Hidden, component, &error, lost));
            }
            None
        }
    }
}
