//! The quick part: components and checksums.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use helenus_io::{Disk, read_to_vec};
use helenus_sstable::{
    Component, DataFile, Descriptor, Digest, Finding, Format, Listing, PAGE_CHECKSUMS_COMPONENT,
    PageChecksums, PageVerification, Severity, SsTableError, Statistics, Toc,
};

use super::report::VerifyReport;

/// Longest TOC.txt and digest that are read: far beyond any real one.
const MAX_SMALL_LEN: usize = 1 << 20;

const UNREADABLE: &str = "everything: rows can't be decoded without it";
const SLOW: &str = "reads of single partitions, until it is rebuilt";
const NOTHING: &str = "nothing";
const SHUT: &str = "all reads: the table isn't opened until the file is restored, or rebuilt";
const DERIVED: &str =
    "nothing, if a node wrote it anew; a database of Helenus that the table is in refuses it";

/// The severity of a missing or damaged component, and the loss.
fn weight(component: &Component) -> (Severity, &'static str) {
    match component {
        Component::Data => (Severity::Damage, "everything"),
        Component::Statistics | Component::CompressionInfo => (Severity::Damage, UNREADABLE),
        Component::Index | Component::Partitions | Component::Rows => (Severity::Hidden, SLOW),
        Component::Filter => (Severity::Cosmetic, "time: every read of a key looks into the table"),
        Component::Toc => (Severity::Cosmetic, "nothing; Cassandra's import and streaming go by it"),
        _ => (Severity::Cosmetic, NOTHING),
    }
}

/// The same of one that isn't, or isn't what it was, when Helenus wrote the table. Tables are
/// opened without what nodes write anew, and not at all if anything else differs.
fn weight_of_other(component: &Component) -> (Severity, &'static str) {
    match (component, weight(component)) {
        (Component::Summary, (severity, _)) => (severity, DERIVED),
        (Component::Filter, weight) => weight,
        (_, (Severity::Cosmetic, _)) => (Severity::Hidden, SHUT),
        (_, weight) => weight,
    }
}

/// Compares the files that are there with those that should be.
pub(super) fn components(disk: &dyn Disk, report: &mut VerifyReport) -> BTreeSet<Component> {
    let table = report.table.clone();
    let present = match present(disk, &table) {
        Ok(present) => present,
        Err(error) => {
            let (severity, lost) = weight(&Component::Data);
            report.add(Finding::of_error(severity, Component::Data, &error, lost));
            return BTreeSet::new();
        }
    };
    let mut required = vec![Component::Data, Component::Statistics, Component::Toc];
    required.extend(match table.format() {
        Format::Big => vec![Component::Index],
        Format::Bti => vec![Component::Partitions, Component::Rows],
    });
    let listed = if present.contains(&Component::Toc) { toc(disk, report) } else { Vec::new() };
    for component in &listed {
        if present.contains(component) || required.contains(component) {
            continue;
        }
        let (severity, lost) = weight(component);
        report.add(Finding::new(
            severity,
            component.clone(),
            "a file that TOC.txt lists",
            "none of that name",
            lost,
        ));
    }
    for component in required.iter().filter(|component| !present.contains(component)) {
        let (severity, lost) = weight(component);
        let expected = "a component that every table has";
        report.add(Finding::new(severity, component.clone(), expected, "none", lost));
    }
    if !listed.is_empty() {
        for component in present.iter().filter(|component| !listed.contains(component)) {
            let found = format!("{} beside it", component.name());
            let lost = "nothing; streaming and import leave the file behind";
            report.add(Finding::new(Severity::Cosmetic, Component::Toc, "all components", found, lost));
        }
    }
    present
}

/// The components of a table that are files.
fn present(disk: &dyn Disk, table: &Descriptor) -> Result<BTreeSet<Component>, SsTableError> {
    let dir = if table.dir.as_os_str().is_empty() { Path::new(".") } else { &table.dir };
    let entries = disk.list(dir)?;
    let names = entries.iter().filter(|entry| entry.is_file()).filter_map(|entry| entry.utf8());
    let found = Listing::new(&table.dir, names).tables.into_iter().find(|found| found.descriptor == *table);
    Ok(found.map(|found| found.components).unwrap_or_default())
}

/// What TOC.txt lists. A name that leads out of the directory is reported and never followed.
fn toc(disk: &dyn Disk, report: &mut VerifyReport) -> Vec<Component> {
    let path = report.table.path(&Component::Toc);
    let decoded = read_to_vec(disk, &path, MAX_SMALL_LEN).map_err(SsTableError::from);
    match decoded.and_then(|bytes| Toc::decode(&path, &bytes)) {
        Ok(toc) => toc.components,
        Err(error) => {
            let (severity, lost) = weight(&Component::Toc);
            report.add(Finding::of_error(severity, Component::Toc, &error, lost));
            Vec::new()
        }
    }
}

/// Compares the checksums that Helenus leaves for files that have none.
pub(super) fn page_checksums(disk: &dyn Disk, present: &BTreeSet<Component>, report: &mut VerifyReport) {
    let component = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
    if !present.contains(&component) {
        return;
    }
    let path = report.table.path(&component);
    let decoded = read_to_vec(disk, &path, usize::MAX)
        .map_err(SsTableError::from)
        .and_then(|bytes| PageChecksums::decode(&bytes).map_err(|error| SsTableError::new(&path, error)));
    let checksums = match decoded {
        Ok(checksums) => checksums,
        Err(error) => {
            return report.add(Finding::of_error(Severity::Hidden, component, &error, SHUT));
        }
    };
    for expected in checksums.files() {
        let file = Component::from_name(expected.name());
        let (severity, lost) = weight_of_other(&file);
        if !present.contains(&file) {
            let wanted = format!("a file of {} bytes, as Helenus.crc32 says", expected.length());
            report.add(Finding::new(severity, file, wanted, "none", lost));
            continue;
        }
        let path = report.table.path(&file);
        let verified = read_to_vec(disk, &path, usize::MAX)
            .map_err(SsTableError::from)
            .and_then(|bytes| expected.verify_all(&bytes).map_err(|error| SsTableError::new(&path, error)));
        if let Err(error) = verified {
            report.add(Finding::of_error(severity, file, &error, lost));
        }
    }
}

/// Opens what decodes the rows.
pub(super) fn open(disk: &Arc<dyn Disk>, report: &mut VerifyReport) -> Option<DataFile> {
    match DataFile::open(disk, &report.table, PageVerification::Skip) {
        Ok(data) => Some(data),
        Err(error) => {
            let component = report.table.component_at(error.file()).unwrap_or(Component::Data);
            let (severity, lost) = weight(&component);
            let known = |finding: &Finding| finding.component == component && finding.severity == severity;
            if !report.findings.iter().any(known) {
                report.add(Finding::of_error(severity, component, &error, lost));
            }
            None
        }
    }
}

/// Statistics.db alone, for a table whose data can't be opened.
pub(super) fn statistics(disk: &dyn Disk, report: &mut VerifyReport) {
    let path = report.table.path(&Component::Statistics);
    let decoded = read_to_vec(disk, &path, usize::MAX)
        .map_err(SsTableError::from)
        .and_then(|bytes| Statistics::decode(&path, &bytes, report.table.version));
    if let Err(error) = decoded
        && !report.findings.iter().any(|finding| finding.component == Component::Statistics)
    {
        let (severity, lost) = weight(&Component::Statistics);
        report.add(Finding::of_error(severity, Component::Statistics, &error, lost));
    }
}

/// Compares every checksum of Data.db.
pub(super) fn data(
    disk: &dyn Disk,
    data: &DataFile,
    present: &BTreeSet<Component>,
    report: &mut VerifyReport,
    passed: &mut dyn FnMut(u64),
) {
    let lost = "the rows of the chunk";
    let mut is_whole = true;
    let mut damaged = |chunk: u32, error: SsTableError| {
        is_whole = false;
        report.add(Finding::of_error(Severity::Damage, Component::Data, &error, lost).in_chunk(chunk));
    };
    let computed = match data.chunk_reader().verify_stored(&mut damaged, passed) {
        Ok(computed) => computed,
        Err(error) => {
            return report.add(Finding::of_error(Severity::Damage, Component::Data, &error, lost));
        }
    };
    if !present.contains(&Component::Digest) {
        return;
    }
    let path = report.table.path(&Component::Digest);
    let decoded = read_to_vec(disk, &path, MAX_SMALL_LEN)
        .map_err(SsTableError::from)
        .and_then(|bytes| Digest::decode(&path, &bytes));
    match decoded {
        Err(error) => report.add(Finding::of_error(Severity::Cosmetic, Component::Digest, &error, NOTHING)),
        Ok(stored) if stored != computed => {
            let (expected, found) = (format!("the checksum {} of Data.db", stored.0), computed.0.to_string());
            // If every chunk has a checksum and all are right, the digest itself is wrong.
            let has_checksums = data.chunks().has_checksums();
            let (severity, lost) = match (has_checksums, is_whole) {
                (true, true) => (Severity::Cosmetic, NOTHING),
                (true, false) => (Severity::Cosmetic, "nothing beyond what the chunks' checksums show"),
                (false, _) => (Severity::Damage, "some bytes; which ones is not known"),
            };
            report.add(Finding::new(severity, Component::Digest, expected, found, lost));
        }
        Ok(_) => {}
    }
}
