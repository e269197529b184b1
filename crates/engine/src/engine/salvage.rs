//! Reads the rest of a database in spite of damaged SSTables.

use std::collections::BTreeSet;
use std::path::PathBuf;

use helenus_sstable::Component;
use helenus_types::{Generation, TableId};

use super::buffers::Lookups;
use super::live::LiveTable;
use super::table::{TableCore, View};
use super::verify::{READABLE, decode_all};
use crate::error::{Error, ErrorKind, Result};

/// An SSTable that is not read, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The file, SSTable or directory.
    pub path: PathBuf,
    /// Why it is not read, in words.
    pub reason: String,
}

/// The SSTables left out of a database that is read without its damaged ones.
#[derive(Debug, Default)]
pub(crate) struct Salvaging {
    pub(super) left_out: Vec<LeftOut>,
    /// Tables whose SSTables have been checked.
    looked_at: BTreeSet<TableId>,
}

impl Salvaging {
    /// Decodes a table's SSTables and leaves those out that are damaged, the first time that it is
    /// asked for.
    pub(super) fn leave_out_damaged(&mut self, core: &TableCore) -> Result<()> {
        if self.looked_at.contains(&core.id) {
            return Ok(());
        }
        let mut damaged = Vec::new();
        let view = core.view.load_full();
        for live in &view.sstables {
            match look_at(live) {
                Ok(()) => {}
                Err(error) if is_damage(&error) => {
                    let path = live.descriptor().path(&Component::Data);
                    damaged.push((live.generation, LeftOut { path, reason: error.to_string() }));
                }
                Err(error) => return Err(error),
            }
        }
        let generations: Vec<Generation> = damaged.iter().map(|(generation, _)| *generation).collect();
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: view.with_sstables(&generations, Vec::new()),
            lookups: Lookups::default(),
        });
        self.left_out.extend(damaged.into_iter().map(|(_, left_out)| left_out));
        self.looked_at.insert(core.id);
        Ok(())
    }
}

/// Whether an error is about missing or changed bytes.
pub(super) fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound)
}

fn look_at(live: &LiveTable) -> Result<()> {
    decode_all(live.sstable()?, READABLE, &mut |_| {})
}
