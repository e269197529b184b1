//! Types by their CQL names, both ways.

use super::{MAX_DEPTH, Type, TypeError};
use crate::text::push_identifier;

/// The types without parameters. Where two names stand for one, the first is printed.
const NATIVE: [(&str, Type); 22] = [
    ("ascii", Type::Ascii),
    ("text", Type::Text),
    ("varchar", Type::Text),
    ("blob", Type::Blob),
    ("boolean", Type::Boolean),
    ("tinyint", Type::TinyInt),
    ("smallint", Type::SmallInt),
    ("int", Type::Int),
    ("bigint", Type::BigInt),
    ("varint", Type::Varint),
    ("decimal", Type::Decimal),
    ("float", Type::Float),
    ("double", Type::Double),
    ("timestamp", Type::Timestamp),
    ("date", Type::Date),
    ("time", Type::Time),
    ("duration", Type::Duration),
    ("uuid", Type::Uuid),
    ("timeuuid", Type::TimeUuid),
    ("inet", Type::Inet),
    ("counter", Type::Counter),
    ("empty", Type::Empty),
];

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
            other => match NATIVE.iter().find(|(_, ty)| ty == other) {
                Some((name, _)) => out.push_str(name),
                None => out.push_str(&format!("'{}'", other.class_name().replace('\'', "''"))),
            },
        }
    }

    /// The type of a CQL name; `lookup` knows the user types by their names (multi-cell, without
    /// quotes).
    ///
    /// What Cassandra refuses in a column is refused: multi-cell types inside others, `frozen`
    /// around types that can't be frozen, counters and durations where they are not allowed.
    pub fn parse_cql(text: &str, lookup: &dyn Fn(&str) -> Option<Type>) -> Result<Type, TypeError> {
        let mut parser = Parser { text, rest: text, lookup };
        let ty = parser.ty(0, false)?;
        parser.skip_blanks();
        if parser.rest.is_empty() { Ok(ty) } else { Err(parser.error("something behind the type")) }
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

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    lookup: &'a dyn Fn(&str) -> Option<Type>,
}

enum Name {
    /// As written or in lower case.
    Identifier(String),
    /// In single quotes: a class.
    Class(String),
}

impl Parser<'_> {
    fn error(&self, problem: impl Into<String>) -> TypeError {
        let offset = self.text.len() - self.rest.len();
        TypeError { text: self.text.to_owned(), offset, problem: problem.into() }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<(), TypeError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(format!("{token:?} expected"))) }
    }

    fn name(&mut self) -> Result<Name, TypeError> {
        self.skip_blanks();
        for quote in ['"', '\''] {
            if let Some((name, rest)) = crate::text::quoted(self.rest, quote) {
                self.rest = rest;
                return Ok(if quote == '"' { Name::Identifier(name) } else { Name::Class(name) });
            }
        }
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((word, rest)) if !word.is_empty() => {
                self.rest = rest;
                Ok(Name::Identifier(word.to_ascii_lowercase()))
            }
            _ => Err(self.error("a type expected")),
        }
    }

    /// `frozen`: inside a frozen type, where everything is.
    fn ty(&mut self, depth: usize, frozen: bool) -> Result<Type, TypeError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.skip_blanks();
        let is_quoted = self.rest.starts_with('"');
        let mut name = match self.name()? {
            Name::Identifier(name) => name,
            Name::Class(class) => return Type::parse_class(&class),
        };
        // A user type may come with its keyspace.
        if self.eat('.') {
            match self.name()? {
                Name::Identifier(second) => name = second,
                Name::Class(_) => return Err(self.error("the name of a user type expected")),
            }
        }
        self.skip_blanks();
        let ty = match name.as_str() {
            "frozen" if self.rest.starts_with('<') => return self.frozen(depth),
            "list" if self.eat('<') => Type::list(self.element(depth, frozen)?),
            "set" if self.eat('<') => Type::set(self.unordered(depth, frozen)?),
            "map" if self.eat('<') => {
                let key = self.unordered(depth, frozen)?;
                self.expect(',')?;
                Type::map(key, self.element(depth, frozen)?)
            }
            "tuple" if self.eat('<') => self.tuple(depth)?,
            "vector" if self.eat('<') => self.vector(depth, frozen)?,
            _ => return self.plain(&name, is_quoted, frozen),
        };
        self.expect('>')?;
        Ok(if frozen { ty.freeze() } else { ty })
    }

    fn plain(&self, name: &str, is_quoted: bool, frozen: bool) -> Result<Type, TypeError> {
        let native =
            NATIVE.iter().find(|(native, _)| !is_quoted && *native == name).map(|(_, ty)| ty.clone());
        let Some(ty) = native.or_else(|| (self.lookup)(name)) else {
            return Err(self.error(format!("no type is called {name}")));
        };
        Ok(if frozen { ty.freeze() } else { ty })
    }

    fn frozen(&mut self, depth: usize) -> Result<Type, TypeError> {
        self.expect('<')?;
        let ty = self.ty(depth + 1, true)?;
        if !matches!(
            ty,
            Type::List { .. }
                | Type::Set { .. }
                | Type::Map { .. }
                | Type::Tuple(_)
                | Type::Udt { .. }
                | Type::Vector { .. }
        ) {
            let problem = format!(
                "frozen<> is only allowed on collections, tuples, and user-defined types (got {})",
                ty.cql_name()
            );
            return Err(self.error(problem));
        }
        self.expect('>')?;
        Ok(ty)
    }

    fn element(&mut self, depth: usize, frozen: bool) -> Result<Type, TypeError> {
        let ty = self.ty(depth + 1, frozen)?;
        match &ty {
            Type::Counter => Err(self.error("Counters are not allowed inside collections")),
            Type::Udt { frozen: false, .. } => {
                Err(self.error("Non-frozen UDTs are not allowed inside collections"))
            }
            _ if ty.is_multi_cell() => {
                Err(self.error("Non-frozen collections are not allowed inside collections"))
            }
            _ => Ok(ty),
        }
    }

    /// A set's element or a map's key.
    fn unordered(&mut self, depth: usize, frozen: bool) -> Result<Type, TypeError> {
        match self.element(depth, frozen)? {
            Type::Duration => Err(self.error("Durations are not allowed inside sets and as map keys")),
            ty => Ok(ty),
        }
    }

    fn tuple(&mut self, depth: usize) -> Result<Type, TypeError> {
        let mut fields = Vec::new();
        loop {
            // A tuple is frozen, and so is all that it holds.
            match self.ty(depth + 1, true)? {
                Type::Counter => return Err(self.error("Counters are not allowed inside tuples")),
                field => fields.push(field),
            }
            if !self.eat(',') {
                return Ok(Type::tuple(fields));
            }
        }
    }

    fn vector(&mut self, depth: usize, frozen: bool) -> Result<Type, TypeError> {
        let element = self.element(depth, frozen)?;
        self.expect(',')?;
        self.skip_blanks();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        match digits.parse::<i32>().ok().and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0) {
            Some(dimension) => {
                self.rest = rest;
                Ok(Type::vector(element, dimension))
            }
            None => Err(self.error("vectors may only have positive dimensions")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserType;

    fn lookup(name: &str) -> Option<Type> {
        let fields = vec![("a".to_owned(), Type::list(Type::Int)), ("b c".to_owned(), Type::Text)];
        let named = |name: &str| UserType { keyspace: "ks".into(), name: name.into(), fields };
        matches!(name, "addr" | "Odd" | "select").then(|| Type::udt(named(name)))
    }

    #[track_caller]
    fn check(text: &str, printed: &str) {
        let ty = Type::parse_cql(text, &lookup).unwrap();
        assert_eq!(ty.cql_name(), printed);
        assert_eq!(Type::parse_cql(printed, &lookup), Ok(ty.clone()));
        assert_eq!(Type::parse_class(&ty.class_name()), Ok(ty), "by way of the class name");
    }

    #[test]
    fn names() {
        check("VARCHAR", "text");
        check("map< text,int >", "map<text, int>");
        check("frozen<list<list<int>>>", "frozen<list<frozen<list<int>>>>");
        check("tuple<int,list<text>>", "frozen<tuple<int, frozen<list<text>>>>");
        check("vector<float, 3>", "vector<float, 3>");
        // A foreign class may have any arguments; fuzzing found that quotes in them were not
        // doubled.
        check("'org.x.Type(it''s)'", "'org.x.Type(it''s)'");
        check("list<frozen<addr>>", "list<frozen<addr>>");
        check("ks.addr", "addr");
        check("frozen<\"Odd\">", "frozen<\"Odd\">");
        check("\"select\"", "\"select\"");
        check("'com.example.Type(x)'", "'com.example.Type(x)'");
    }

    #[test]
    fn what_cassandra_refuses() {
        for text in [
            "lst<int>",
            "frozen<int>",
            "list<list<int>>",
            "list<addr>",
            "set<duration>",
            "map<duration, int>",
            "list<counter>",
            "tuple<counter>",
            "vector<int, 0>",
            "vector<int, 99999999999>",
            "list<int",
            "int>",
            "",
            "Odd",
        ] {
            assert!(Type::parse_cql(text, &lookup).is_err(), "{text}");
        }
        let deep = "frozen<list<".repeat(10_000);
        assert!(Type::parse_cql(&deep, &lookup).unwrap_err().problem.contains("deep"));
    }
}
