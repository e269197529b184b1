//! Types by their CQL names.

use super::Type;
use crate::text::push_identifier;

impl Type {
    /// The name in CQL, as `DESCRIBE` prints it.
    #[must_use]
    pub fn cql_name(&self) -> String {
        let mut out = String::new();
        self.write_cql(&mut out);
        out
    }

    fn write_cql(&self, out: &mut String) {
        match self {
            Type::List { element, frozen } => {
                freezable(*frozen, out, |out| generic("list", [&**element], out))
            }
            Type::Set { element, frozen } => freezable(*frozen, out, |out| generic("set", [&**element], out)),
            Type::Map { entry, frozen } => {
                freezable(*frozen, out, |out| generic("map", [&entry.0, &entry.1], out));
            }
            Type::Tuple(fields) => freezable(true, out, |out| generic("tuple", fields.iter(), out)),
            Type::Udt { definition, frozen } => {
                freezable(*frozen, out, |out| push_identifier(&definition.name, out));
            }
            Type::Vector { element, dimension } => {
                out.push_str("vector<");
                element.write_cql(out);
                out.push_str(&format!(", {dimension}>"));
            }
            Type::Reversed(base) => base.write_cql(out),
            // The legacy type answers to the name of its successor.
            Type::LegacyDate => out.push_str("timestamp"),
            // Cassandra's word, which its grammar doesn't know.
            Type::Empty => out.push_str("empty"),
            other => match Type::words().find(|(_, ty)| *ty == other) {
                Some((word, _)) => out.push_str(word),
                None => out.push_str(&format!("'{}'", other.class_name().replace('\'', "''"))),
            },
        }
    }
}

fn freezable(frozen: bool, out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push_str(if frozen { "frozen<" } else { "" });
    inner(out);
    out.push_str(if frozen { ">" } else { "" });
}

fn generic<'a>(name: &str, parameters: impl IntoIterator<Item = &'a Type>, out: &mut String) {
    out.push_str(name);
    for (index, ty) in parameters.into_iter().enumerate() {
        out.push_str(if index == 0 { "<" } else { ", " });
        ty.write_cql(out);
    }
    out.push('>');
}
