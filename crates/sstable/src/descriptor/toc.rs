//! `TOC.txt`.

use std::path::Path;

use crate::descriptor::Component;
use crate::error::SsTableError;

/// TOC.txt: the names of the components, one a line, in any order.
///
/// Cassandra writes it last, so that its presence says that the SSTable is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toc {
    /// The components in the file's order, TOC.txt among them.
    pub components: Vec<Component>,
}

impl Toc {
    /// Reads the bytes of the file at `path`. Blank lines are passed over, and both line ends are
    /// understood.
    ///
    /// # Errors
    /// When the bytes are not UTF-8, or a name would lead into another directory.
    pub fn decode(path: &Path, bytes: &[u8]) -> Result<Toc, SsTableError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            SsTableError::corrupt(path, error.valid_up_to() as u64, "names in UTF-8", "other bytes")
        })?;
        let mut components = Vec::new();
        let mut offset = 0;
        for line in text.split('\n') {
            let name = line.trim();
            if name.contains(['/', '\\', '\0']) {
                let found = format!("{:?}", name.chars().take(80).collect::<String>());
                return Err(SsTableError::corrupt(path, offset, "the name of a component", found));
            }
            if !name.is_empty() {
                components.push(Component::from_name(name));
            }
            offset += line.len() as u64 + 1;
        }
        Ok(Toc { components })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for component in &self.components {
            out.extend_from_slice(component.name().as_bytes());
            out.push(b'\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_both_ways() {
        let toc = Toc::decode(Path::new("t"), b"Data.db\r\n\nTOC.txt\nx+y.db").unwrap();
        assert_eq!(toc.encode(), b"Data.db\nTOC.txt\nx+y.db\n");
        assert_eq!(toc.components.first(), Some(&Component::Data));
        let error = Toc::decode(Path::new("t"), b"Data.db\n\xff").unwrap_err();
        assert!(error.to_string().starts_with("t: corrupt at offset 8"), "{error}");
    }

    #[test]
    fn names_stay_in_the_directory() {
        for name in ["../../etc/passwd", "/etc/passwd", "..\\x.db", "a\0b.db"] {
            let text = format!("Data.db\n{name}\n");
            let error = Toc::decode(Path::new("t"), text.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("t: corrupt at offset 8: expected the name of"), "{error}");
        }
    }
}
