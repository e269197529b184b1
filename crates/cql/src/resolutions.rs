//! What is known of the calls within a call while its overload is looked for.
//!
//! Each candidate of a call asks each of its arguments how well it suits, and an argument that is a
//! call looks for its own overload to say so. Without a memory of that, the time for a row of
//! operators would grow with a power of its length.

use std::collections::HashMap;

use helenus_types::Type;

use crate::assignability::Assignability;
use crate::error::CqlResult;
use crate::spec::ColumnSpec;

/// Answers about calls, by their addresses: these stay their own as long as a call around them is
/// being resolved, and are forgotten with it.
#[derive(Debug, Default)]
pub(crate) struct Resolutions {
    /// How many calls are being resolved, one within the other.
    depth: usize,
    /// For each call the receivers that it was asked about.
    assignments: HashMap<usize, Vec<(ColumnSpec, Assignability)>>,
    types: HashMap<usize, CqlResult<Option<Type>>>,
}

impl Resolutions {
    /// A call begins to be resolved.
    pub(crate) fn enter(&mut self) {
        self.depth += 1;
    }

    /// The call that began last is resolved.
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
        if self.depth == 0 {
            self.assignments.clear();
            self.types.clear();
        }
    }

    /// How well the call suits the receiver.
    pub(crate) fn assignment(&self, call: usize, receiver: &ColumnSpec) -> Option<Assignability> {
        let known = self.assignments.get(&call)?.iter();
        known.clone().find(|(other, _)| is_same(other, receiver)).map(|(_, known)| *known)
    }

    pub(crate) fn note_assignment(&mut self, call: usize, receiver: &ColumnSpec, found: Assignability) {
        if self.depth > 0 {
            self.assignments.entry(call).or_default().push((receiver.clone(), found));
        }
    }

    /// The type that the call may have.
    pub(crate) fn compatible_type(&self, call: usize) -> Option<CqlResult<Option<Type>>> {
        self.types.get(&call).cloned()
    }

    pub(crate) fn note_compatible_type(&mut self, call: usize, found: &CqlResult<Option<Type>>) {
        if self.depth > 0 {
            self.types.insert(call, found.clone());
        }
    }
}

/// Whether two receivers are one to a call, to which their names don't matter.
fn is_same(a: &ColumnSpec, b: &ColumnSpec) -> bool {
    a.ty == b.ty && a.keyspace == b.keyspace && a.table == b.table
}
