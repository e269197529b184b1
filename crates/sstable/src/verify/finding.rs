//! What is found to be wrong with a table.

use std::ops::ControlFlow;

use crate::descriptor::Component;
use crate::error::{SsTableError, SsTableErrorKind};

/// The consequence of a finding for readers of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No row is lost or missed: an estimate, a copy or a convenience is wrong.
    Cosmetic,
    /// The data is there, but some reads don't find it, or find too much of it; or the table isn't
    /// opened.
    Hidden,
    /// Data can't be read, or not as it was written.
    Damage,
}

impl Severity {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Cosmetic => "cosmetic",
            Severity::Hidden => "hidden",
            Severity::Damage => "damage",
        }
    }
}

/// The readers who meet a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concern {
    /// All readers of the table or the partition.
    #[default]
    Reads,
    /// Those of slices and single rows, who go by the blocks of a partition's row index.
    Slices,
    /// Those of one value or time: what is around it is read as it is.
    Value,
}

/// One thing that is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// Who meets it.
    pub concern: Concern,
    /// The file that is at fault, as far as it is known.
    pub component: Component,
    /// Where in the file; in the uncompressed data if it is Data.db and [`chunk`](Self::chunk) is
    /// `None`.
    pub offset: Option<u64>,
    /// The chunk of Data.db whose bytes are wrong; the offset is that in the file then.
    pub chunk: Option<u32>,
    /// Raw key of the partition that is concerned.
    pub key: Option<Vec<u8>>,
    /// The expected content.
    pub expected: String,
    /// The content found.
    pub found: String,
    /// The loss or the consequence.
    pub lost: &'static str,
}

impl Finding {
    /// A finding without a place, which all readers meet.
    #[must_use]
    pub fn new(
        severity: Severity,
        component: Component,
        expected: impl Into<String>,
        found: impl Into<String>,
        lost: &'static str,
    ) -> Finding {
        Finding {
            severity,
            concern: Concern::Reads,
            component,
            offset: None,
            chunk: None,
            key: None,
            expected: expected.into(),
            found: found.into(),
            lost,
        }
    }

    /// The finding for an error in a component.
    #[must_use]
    pub fn of_error(
        severity: Severity,
        component: Component,
        error: &SsTableError,
        lost: &'static str,
    ) -> Finding {
        match error.kind() {
            SsTableErrorKind::Corrupt(error) => {
                let found = Finding::new(severity, component, &*error.expected, &*error.found, lost);
                found.at(error.offset)
            }
            other => Finding::new(severity, component, "a file that can be read", other.to_string(), lost),
        }
    }

    /// That the filter excludes a key of the table.
    #[must_use]
    pub fn of_filter(key: &[u8]) -> Finding {
        let (expected, found) = ("every key of the table", "a filter that excludes it");
        let lost = "the partition, for reads by key";
        Finding::new(Severity::Hidden, Component::Filter, expected, found, lost).of_key(key)
    }

    /// The same at an offset.
    #[must_use]
    pub fn at(self, offset: u64) -> Finding {
        Finding { offset: Some(offset), ..self }
    }

    /// The same in a chunk of Data.db.
    #[must_use]
    pub fn in_chunk(self, chunk: u32) -> Finding {
        Finding { chunk: Some(chunk), ..self }
    }

    /// The same in the partition of a key.
    #[must_use]
    pub fn of_key(self, key: &[u8]) -> Finding {
        Finding { key: Some(key.to_vec()), ..self }
    }

    /// The same, met by others.
    #[must_use]
    pub(super) fn met_by(self, concern: Concern) -> Finding {
        Finding { concern, ..self }
    }
}

/// Receives what is found, with the error where something can't be read; a break ends the walk.
pub type FindingSink<'s> = &'s mut dyn FnMut(Finding, Option<SsTableError>) -> ControlFlow<()>;

/// A finding, with the error that it is made of.
pub(super) struct Reported {
    finding: Box<Finding>,
    error: Option<SsTableError>,
}

impl Reported {
    #[cold]
    pub(super) fn new(finding: Finding, error: Option<SsTableError>) -> Reported {
        Reported { finding: Box::new(finding), error }
    }

    /// The same in the partition of a key.
    #[cold]
    pub(super) fn of_key(mut self, key: &[u8]) -> Reported {
        self.finding.key = Some(key.to_vec());
        self
    }
}

/// Where findings go while a table is walked through.
pub(super) struct Findings<'s> {
    sink: FindingSink<'s>,
    /// Whether the sink has had enough; it gets nothing more.
    pub(super) is_stopped: bool,
}

impl<'s> Findings<'s> {
    pub(super) fn new(sink: FindingSink<'s>) -> Findings<'s> {
        Findings { sink, is_stopped: false }
    }

    #[cold]
    pub(super) fn add(&mut self, finding: Finding) {
        self.fault(Reported::new(finding, None));
    }

    #[cold]
    pub(super) fn fault(&mut self, fault: Reported) {
        let Reported { finding, error } = fault;
        self.is_stopped = self.is_stopped || (self.sink)(*finding, error).is_break();
    }
}
