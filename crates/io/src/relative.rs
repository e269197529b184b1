//! Paths from untrusted text, kept below a directory.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Disk, EntryKind, IoError, Operation, Result};

/// A path below a root, made of plain names: never absolute, never with `.` or `..`.
///
/// Whatever a file says about paths goes through here before it is joined to a directory, so that
/// no text leads out of that directory. Links are another matter: [`RelativePath::own`] looks for
/// them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

/// A text that is no [`RelativePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a path of plain names below the directory was expected, found {found:?}")]
pub struct NotRelative {
    found: String,
}

impl RelativePath {
    /// The path that `text` spells, names separated by `/`.
    ///
    /// # Errors
    /// When it is empty or absolute, or a name is empty, `.` or `..`, or holds `\` or a zero byte.
    pub fn new(text: &str) -> std::result::Result<Self, NotRelative> {
        let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']);
        if text.split('/').all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotRelative { found: text.chars().take(200).collect() })
        }
    }

    /// The path of these names, one below the other.
    ///
    /// # Errors
    /// As [`RelativePath::new`]; also when a name has a `/` in it.
    pub fn of_names<const N: usize>(names: [&str; N]) -> std::result::Result<Self, NotRelative> {
        match names.iter().find(|name| name.contains('/')) {
            Some(name) => Err(NotRelative { found: (*name).to_owned() }),
            None => Self::new(&names.join("/")),
        }
    }

    /// As text, names separated by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The path below `root`.
    #[must_use]
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The path below `root` if it is there and no name on the way is a link, so that operations on
    /// it stay inside `root`; `None` if it isn't there.
    ///
    /// # Errors
    /// `InvalidInput` for a link on the way; failed look-ups.
    pub fn own(&self, disk: &dyn Disk, root: &Path) -> Result<Option<PathBuf>> {
        let mut path = root.to_owned();
        for name in self.names() {
            path.push(name);
            match disk.name_kind(&path) {
                Ok(EntryKind::Directory | EntryKind::File) => {}
                Ok(EntryKind::Other) => return Err(is_link(&path)),
                Err(e) if e.is_not_found() => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        Ok(Some(path))
    }
}

fn is_link(path: &Path) -> IoError {
    let text = "it is a link, or no file at all: what it leads to is not this directory's, and is left alone";
    IoError::new(Operation::Metadata, path, std::io::Error::new(std::io::ErrorKind::InvalidInput, text))
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_alone_make_a_path() {
        for text in ["a", "data/ks/t-0123", "a b", "…"] {
            assert_eq!(RelativePath::new(text).map(|path| path.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "/", "/etc", "a//b", "a/", "..", "a/../b", "./a", "a/.", "a\\b", "a\0"] {
            assert!(RelativePath::new(text).is_err(), "{text:?}");
        }
        assert!(RelativePath::of_names(["a", "b/c"]).is_err());
        assert!(RelativePath::of_names(["a", ".."]).is_err());
        let path = RelativePath::of_names(["a", "b"]);
        assert_eq!(path.map(|path| path.below(Path::new("/r"))), Ok(PathBuf::from("/r/a/b")));
    }
}
