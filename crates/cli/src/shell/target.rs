//! What a shell works on.

use std::path::Path;

use helenus::{Database, ErrorKind, Foreign, Options};

use crate::args::Shell as Args;
use crate::failure::Failure;
use crate::open::{self, Unread};

/// What was opened.
pub(super) struct ShellTarget {
    pub(super) database: Database,
    /// The place and the kind of it, in words.
    pub(super) description: String,
    /// What a person should know before asking.
    pub(super) notes: Vec<String>,
    /// Whether it is written to, and closed at the end.
    is_ours: bool,
}

impl ShellTarget {
    pub(super) fn open(args: &Args) -> Result<Self, Failure> {
        let Some(dir) = &args.dir else {
            let text = "a database in memory, gone with the shell";
            return Ok(Self::ours(Database::in_memory()?, text.to_owned()));
        };
        let is_plain = args.source.schema.is_none() && args.source.data.is_empty();
        if args.create && !dir.exists() {
            return Ok(Self::ours(Options::new().open(dir)?, described(dir, "a new database")));
        }
        open::check_present(dir)?;
        if is_plain {
            let options = Options::new().create_if_missing(false).read_only(args.read_only);
            match options.open(dir) {
                Ok(database) if args.read_only => {
                    let description = described(dir, "a database, read only");
                    return Ok(Self { database, description, notes: Vec::new(), is_ours: false });
                }
                Ok(database) => return Ok(Self::ours(database, described(dir, "a database"))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() == ErrorKind::Locked => {
                    return Err(Failure::failed(error.to_string())
                        .or_try("--read-only opens it beside the other process"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if args.create && is_empty(dir)? {
            return Ok(Self::ours(Options::new().open(dir)?, described(dir, "a new database")));
        }
        open::foreign(dir, &args.source).map(|foreign| Self::foreign(dir, &foreign))
    }

    fn ours(database: Database, description: String) -> Self {
        Self { database, description, notes: Vec::new(), is_ours: true }
    }

    fn foreign(dir: &Path, foreign: &Foreign) -> Self {
        let unread = foreign.tables.iter().filter(|table| !table.is_system()).filter_map(|table| {
            let (keyspace, name) = (table.keyspace.clone(), table.name.clone());
            Some(Unread { keyspace, table: name, reason: table.problem.clone()? })
        });
        let mut text = Vec::new();
        // A vector takes everything.
        open::write_unread(&mut text, &unread.collect::<Vec<_>>()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        let mut notes = foreign.warnings.clone();
        notes.extend((!text.is_empty()).then_some(text));
        let description = described(dir, &format!("{}, read only", foreign.kind));
        Self { database: foreign.database(), description, notes, is_ours: false }
    }

    pub(super) fn close(self) -> Result<(), Failure> {
        if self.is_ours {
            self.database.close()?;
        }
        Ok(())
    }
}

fn described(dir: &Path, kind: &str) -> String {
    format!("{}: {kind}", dir.display())
}

fn is_empty(dir: &Path) -> Result<bool, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a directory that the user names, before it is a database")]
    let mut entries = std::fs::read_dir(dir).map_err(|error| Failure::file(dir, &error))?;
    Ok(entries.next().is_none())
}
