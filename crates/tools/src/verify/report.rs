//! The report of a verification: its text and its JSON.

use std::fmt;

use helenus_sstable::{Component, Descriptor, Finding, KeyName, Severity};
use helenus_types::{Hex, JsonObject, Type, push_json_list};

use crate::words::counted;

/// The depth of a verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The components that should be there, and every checksum that there is.
    Quick,
    /// That, every row and cell, and whether indexes, filter and statistics say what is in them.
    #[default]
    Extended,
}

impl Depth {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Depth::Quick => "quick",
            Depth::Extended => "extended",
        }
    }
}

/// Appends a finding as a JSON object.
fn write_finding(finding: &Finding, key_type: Option<&Type>, out: &mut String) {
    let mut json = JsonObject::new(out);
    json.text("severity", finding.severity.name());
    json.text("component", finding.component.name());
    json.optional("offset", finding.offset);
    json.optional("chunk", finding.chunk);
    match &finding.key {
        None => json.null("key"),
        Some(key) => json.text("key", &Hex(key).to_string()),
    }
    if let Some(name) = finding.key.as_deref().and_then(|key| KeyName { key_type, key }.text()) {
        json.text("key_text", &name);
    }
    json.text("expected", &finding.expected);
    json.text("found", &finding.found);
    json.text("lost", finding.lost);
    json.end();
}

/// A finding as a line; the type names its partition.
struct FindingLine<'a>(&'a Finding, Option<&'a Type>);

impl fmt::Display for FindingLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(finding, key_type) = *self;
        write!(f, "{}: {}", finding.severity.name(), finding.component.name())?;
        match (finding.offset, finding.chunk) {
            (Some(offset), Some(chunk)) => write!(f, " at {offset}, chunk {chunk}")?,
            (Some(offset), None) => write!(f, " at {offset}")?,
            (None, Some(chunk)) => write!(f, ", chunk {chunk}")?,
            (None, None) => {}
        }
        if let Some(key) = &finding.key {
            write!(f, ", partition {}", KeyName { key_type, key })?;
        }
        write!(f, ": expected {}, found {}; lost: {}", finding.expected, finding.found, finding.lost)
    }
}

/// The result for one table.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The table.
    pub table: Descriptor,
    /// The depth of the verification.
    pub depth: Depth,
    /// The type of its partition key, if it is known.
    pub key_type: Option<Type>,
    /// The findings, in the order in which they were made; the first [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// The number of further ones.
    pub more: u64,
    /// Partitions that were read.
    pub partitions: u64,
    /// Rows and markers that were read, static rows among them.
    pub unfiltereds: u64,
    /// Uncompressed bytes that were read.
    pub bytes: u64,
}

/// Findings that a report keeps: more say nothing new, and there may be millions.
pub const MAX_FINDINGS: usize = 1000;

impl VerifyReport {
    pub(crate) fn new(table: &Descriptor, depth: Depth) -> VerifyReport {
        let table = table.clone();
        VerifyReport {
            table,
            depth,
            key_type: None,
            findings: Vec::new(),
            more: 0,
            partitions: 0,
            unfiltereds: 0,
            bytes: 0,
        }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Where damaged chunks begin in Data.db, as far as they were reported.
    pub(super) fn damaged_chunks(&self) -> Vec<u64> {
        let chunks = self.findings.iter().filter(|finding| finding.chunk.is_some());
        chunks.filter_map(|finding| finding.offset).collect()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The worst of what was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Appends the report as one JSON object. Keys of partitions are in hex, and as text where
    /// their type is known.
    pub fn write_json(&self, out: &mut String) {
        let mut json = JsonObject::new(out);
        json.text("sstable", &self.table.path(&Component::Data).to_string_lossy());
        json.text("depth", self.depth.name());
        json.value("partitions", self.partitions);
        json.value("unfiltereds", self.unfiltereds);
        json.value("bytes", self.bytes);
        json.value("more", self.more);
        push_json_list(json.member("findings"), &self.findings, |finding, out| {
            write_finding(finding, self.key_type.as_ref(), out);
        });
        json.end();
    }
}

/// A line for the table, and one for each finding.
impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.table.path(&Component::Data);
        let all = self.findings.len() as u64 + self.more;
        match all {
            0 => write!(f, "{}: clean", name.display())?,
            _ => write!(f, "{}: {}", name.display(), counted(all, "finding"))?,
        }
        if self.depth == Depth::Extended {
            write!(
                f,
                " ({}, {} and markers, {})",
                counted(self.partitions, "partition"),
                counted(self.unfiltereds, "row"),
                counted(self.bytes, "byte")
            )?;
        }
        for finding in &self.findings {
            write!(f, "\n  {}", FindingLine(finding, self.key_type.as_ref()))?;
        }
        if self.more > 0 { write!(f, "\n  and {} more", self.more) } else { Ok(()) }
    }
}
