//! Keyspace, table, index, snapshot and backup of an SSTable, from the names of its directories.

use std::fmt;
use std::path::Path;

use helenus_sstable::Descriptor;

/// The origin of an SSTable, from the names of its directory and of those above it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The keyspace, where the directory is laid out as a node lays them out.
    pub keyspace: Option<String>,
    /// The table, likewise.
    pub table: Option<String>,
    /// The table's identity in 32 digits, likewise.
    pub table_id: Option<String>,
    /// The secondary index whose table it is.
    pub index: Option<String>,
    /// The snapshot that it is in.
    pub snapshot: Option<String>,
    /// `backups`, if it is one.
    pub backup: Option<String>,
}

impl Origin {
    /// Reads the names of a directory,
    /// `<keyspace>/<table>-<id>[/snapshots/<name>|/backups][/.<index>]`; of a relative path those
    /// that it has.
    #[must_use]
    pub fn of(dir: &Path) -> Origin {
        let mut names: Vec<&str> = dir.components().filter_map(|part| part.as_os_str().to_str()).collect();
        let mut origin = Origin::default();
        let text = |name: &str| Some(name.to_owned());
        if let [.., last] = *names
            && let Some(index) =
                last.strip_prefix('.').filter(|index| !index.is_empty() && !index.starts_with('.'))
        {
            origin.index = text(index);
            names.pop();
        }
        if let [.., "backups"] = *names {
            origin.backup = text("backups");
            names.pop();
        }
        if let [.., "snapshots", name] = *names {
            origin.snapshot = text(name);
            names.truncate(names.len() - 2);
        }
        if let [.., keyspace, table] = *names
            && let Some((name, id)) = table.rsplit_once('-')
            && id.len() == 32
            && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            origin.keyspace = text(keyspace);
            origin.table = text(name);
            origin.table_id = text(id);
        }
        origin
    }

    /// An SSTable of this origin, as Cassandra's tool names it.
    #[must_use]
    pub fn name_of(&self, table: &Descriptor) -> String {
        format!("{self} #{} ({}-{})", table.id, table.format(), table.version).trim_start().to_owned()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut part = |before: &str, text: &Option<String>, after: &str| match text {
            Some(text) => write!(f, "{before}{text}{after}"),
            None => Ok(()),
        };
        part("Backup:", &self.backup, " ")?;
        part("Snapshot:", &self.snapshot, " ")?;
        part("", &self.keyspace, ".")?;
        part("", &self.table, "")?;
        part(".", &self.index, "")?;
        part("-", &self.table_id, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_above_a_table() {
        let check =
            |dir: &str, expected: &str| assert_eq!(Origin::of(Path::new(dir)).to_string(), expected, "{dir}");
        let id = "5bc52802de2535edaeab188eecebb090";
        let table = format!("/data/chat/messages-{id}");
        check(&table, &format!("chat.messages-{id}"));
        check(&format!("{table}/backups"), &format!("Backup:backups chat.messages-{id}"));
        check(&format!("{table}/snapshots/monday"), &format!("Snapshot:monday chat.messages-{id}"));
        check(
            &format!("{table}/snapshots/m/.by_author"),
            &format!("Snapshot:m chat.messages.by_author-{id}"),
        );
        check(&format!("{table}/.by_author"), &format!("chat.messages.by_author-{id}"));
        check("/backup/messages", "");
        check("/backup/messages-5bc5", "");
        check("", "");
        check("/", "");
    }
}
