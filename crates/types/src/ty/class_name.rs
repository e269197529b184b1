//! Types as class names of `org.apache.cassandra.db.marshal`, both ways (`db.marshal.TypeParser`).

use std::sync::Arc;

use super::scalars::SCALARS;
use super::{MAX_DEPTH, Type, TypeError, UserType};
use crate::{Hex, Partitioner};

pub(super) const PACKAGE: &str = "org.apache.cassandra.db.marshal.";

impl Type {
    /// The type that a class name stands for (`TypeParser`), as SSTables' headers and
    /// `system_schema` hold them.
    ///
    /// ```text
    /// type := name [ '(' parameters ')' ]          a name without a dot is one of Cassandra's
    /// ListType(E) SetType(E) MapType(K,V)          several cells, one inside FrozenType
    /// FrozenType(T) ReversedType(T) TupleType(T,…) VectorType(E , n) CompositeType(T,…)
    /// UserType(keyspace,name in hex,field name in hex:T,…)
    /// DynamicCompositeType(alias=>T,…)
    /// PartitionerDefinedOrder(class of a partitioner) or (class of a partitioner:T)
    /// ```
    ///
    /// A class that Cassandra does not have is kept as text ([`Type::Custom`]).
    pub fn parse_class(name: &str) -> Result<Type, TypeError> {
        let mut parser = Parser { text: name, rest: name };
        parser.skip_blanks();
        if parser.rest.is_empty() {
            return Ok(Type::Blob);
        }
        let ty = parser.ty(0)?;
        parser.skip_blanks();
        if parser.rest.is_empty() { Ok(ty) } else { Err(parser.error("something behind the type")) }
    }

    /// The class name, exactly as Cassandra writes it into headers.
    #[must_use]
    pub fn class_name(&self) -> String {
        let mut out = String::new();
        self.write_class(false, &mut out);
        out
    }

    /// `frozen`: inside a frozen type, where freezing is not said again.
    fn write_class(&self, frozen: bool, out: &mut String) {
        let is_frozen = match self {
            Type::List { frozen, .. }
            | Type::Set { frozen, .. }
            | Type::Map { frozen, .. }
            | Type::Udt { frozen, .. } => *frozen,
            _ => false,
        };
        if is_frozen && !frozen {
            out.push_str(PACKAGE);
            out.push_str("FrozenType(");
        }
        self.write_class_itself(frozen || is_frozen, out);
        if is_frozen && !frozen {
            out.push(')');
        }
    }

    fn write_class_itself(&self, frozen: bool, out: &mut String) {
        let mut class = |name: &str| {
            out.push_str(PACKAGE);
            out.push_str(name);
        };
        match self {
            Type::List { element, .. } => {
                class("ListType");
                parameters([&**element], frozen, out);
            }
            Type::Set { element, .. } => {
                class("SetType");
                parameters([&**element], frozen, out);
            }
            Type::Map { entry, .. } => {
                class("MapType");
                parameters([&entry.0, &entry.1], frozen, out);
            }
            Type::Tuple(fields) => {
                class("TupleType");
                parameters(fields.iter(), true, out);
            }
            Type::Udt { definition, .. } => {
                class("UserType(");
                out.push_str(&definition.keyspace);
                out.push(',');
                Hex(definition.name.as_bytes()).push(out);
                for (name, ty) in &definition.fields {
                    out.push(',');
                    Hex(name.as_bytes()).push(out);
                    out.push(':');
                    ty.write_class(frozen, out);
                }
                out.push(')');
            }
            Type::Vector { element, dimension } => {
                class("VectorType(");
                element.write_class(frozen, out);
                out.push_str(&format!(" , {dimension})"));
            }
            Type::Reversed(base) => {
                class("ReversedType");
                parameters([&**base], false, out);
            }
            Type::Composite(types) => {
                class("CompositeType");
                parameters(types.iter(), false, out);
            }
            Type::DynamicComposite(aliases) => {
                class("DynamicCompositeType(");
                aliased(aliases, out);
                out.push(')');
            }
            Type::PartitionerDefined { partitioner, key_type } => {
                class("PartitionerDefinedOrder(");
                out.push_str(partitioner.class_name());
                if let Some(key_type) = key_type {
                    out.push(':');
                    key_type.write_class(false, out);
                }
                out.push(')');
            }
            Type::Custom(name) => out.push_str(name),
            scalar => {
                if let Some(named) = SCALARS.iter().find(|named| named.ty == *scalar) {
                    class(named.class);
                }
            }
        }
    }
}

fn aliased(types: &[(char, Type)], out: &mut String) {
    for (index, (alias, ty)) in types.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        out.push(*alias);
        out.push_str("=>");
        ty.write_class(false, out);
    }
}

fn parameters<'a>(types: impl IntoIterator<Item = &'a Type>, frozen: bool, out: &mut String) {
    out.push('(');
    for (index, ty) in types.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        ty.write_class(frozen, out);
    }
    out.push(')');
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn error(&self, problem: impl Into<String>) -> TypeError {
        let offset = self.text.len() - self.rest.len();
        TypeError { text: self.text.to_owned(), offset, problem: problem.into() }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), TypeError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(format!("{token:?} expected"))) }
    }

    fn word(&mut self) -> Result<&'a str, TypeError> {
        self.skip_blanks();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-+._&".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((word, rest)) if !word.is_empty() => {
                self.rest = rest;
                Ok(word)
            }
            _ => Err(self.error("a name expected")),
        }
    }

    fn hex_word(&mut self) -> Result<String, TypeError> {
        let before = Parser { ..*self };
        let bytes = Hex::parse(self.word()?);
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| before.error("a name in hexadecimal expected"))
    }

    fn ty(&mut self, depth: usize) -> Result<Type, TypeError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deep"));
        }
        self.skip_blanks();
        let start = self.rest;
        let word = self.word()?;
        let class = match word.strip_prefix(PACKAGE) {
            Some(class) => class,
            None if !word.contains('.') => word,
            None => return self.custom(start),
        };
        match class {
            "ListType" => Ok(Type::list(self.single(depth)?)),
            "SetType" => Ok(Type::set(self.single(depth)?)),
            "FrozenType" => Ok(self.single(depth)?.freeze()),
            "ReversedType" => Ok(Type::Reversed(Arc::new(self.single(depth)?))),
            "MapType" => {
                self.expect("(")?;
                let key = self.ty(depth + 1)?;
                self.expect(",")?;
                let value = self.ty(depth + 1)?;
                self.expect(")")?;
                Ok(Type::map(key, value))
            }
            "TupleType" => Ok(Type::tuple(self.list(depth)?)),
            "CompositeType" => Ok(Type::Composite(self.list(depth)?.into())),
            "DynamicCompositeType" => self.dynamic_composite(depth),
            "UserType" => self.user_type(depth),
            "PartitionerDefinedOrder" => self.partitioner_defined(depth),
            "VectorType" => {
                self.expect("(")?;
                let element = self.ty(depth + 1)?;
                self.expect(",")?;
                let dimension = self
                    .word()?
                    .parse()
                    .ok()
                    .filter(|&dimension| i32::try_from(dimension).is_ok_and(|n| n > 0));
                let dimension = dimension.ok_or_else(|| self.error("a positive dimension expected"))?;
                self.expect(")")?;
                Ok(Type::vector(element, dimension))
            }
            // `UTF8Type()` and `LongType(reversed=false)` were allowed once; no writer uses them.
            _ => match SCALARS.iter().find(|scalar| scalar.class == class) {
                Some(scalar) => Ok(scalar.ty.clone()),
                None => self.custom(start),
            },
        }
    }

    fn single(&mut self, depth: usize) -> Result<Type, TypeError> {
        self.expect("(")?;
        let ty = self.ty(depth + 1)?;
        self.expect(")")?;
        Ok(ty)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Type>, TypeError> {
        self.expect("(")?;
        let mut types = Vec::new();
        while !self.eat(")") {
            if !types.is_empty() {
                self.expect(",")?;
            }
            types.push(self.ty(depth + 1)?);
        }
        Ok(types)
    }

    fn user_type(&mut self, depth: usize) -> Result<Type, TypeError> {
        self.expect("(")?;
        let keyspace = self.word()?.to_owned();
        self.expect(",")?;
        let name = self.hex_word()?;
        let mut fields = Vec::new();
        while !self.eat(")") {
            self.expect(",")?;
            let field = self.hex_word()?;
            self.expect(":")?;
            fields.push((field, self.ty(depth + 1)?));
        }
        Ok(Type::udt(UserType { keyspace, name, fields }))
    }

    fn partitioner_defined(&mut self, depth: usize) -> Result<Type, TypeError> {
        self.expect("(")?;
        let before = Parser { ..*self };
        let partitioner = Partitioner::from_class_name(self.word()?);
        let partitioner = partitioner.ok_or_else(|| before.error("a partitioner expected"))?;
        let key_type = if self.eat(":") { Some(Arc::new(self.ty(depth + 1)?)) } else { None };
        self.expect(")")?;
        Ok(Type::PartitionerDefined { partitioner: Arc::new(partitioner), key_type })
    }

    fn dynamic_composite(&mut self, depth: usize) -> Result<Type, TypeError> {
        let mut aliases = Vec::new();
        self.expect("(")?;
        while !self.eat(")") {
            if !aliases.is_empty() {
                self.expect(",")?;
            }
            let mut letters = self.word()?.chars();
            let (Some(alias), None) = (letters.next(), letters.next()) else {
                return Err(self.error("an alias of one letter expected"));
            };
            self.expect("=>")?;
            aliases.push((alias, self.ty(depth + 1)?));
        }
        Ok(Type::DynamicComposite(aliases.into()))
    }

    /// A class of which only the name is known: it ends where its parentheses do.
    fn custom(&mut self, start: &'a str) -> Result<Type, TypeError> {
        if self.rest.starts_with('(') {
            let mut open = 0usize;
            let end = self.rest.char_indices().find_map(|(at, c)| {
                match c {
                    '(' => open += 1,
                    ')' => open -= 1,
                    _ => (),
                }
                (open == 0).then_some(at + 1)
            });
            let Some((_, rest)) = end.and_then(|end| self.rest.split_at_checked(end)) else {
                return Err(self.error("a parenthesis that nothing closes"));
            };
            self.rest = rest;
        }
        let name = start.strip_suffix(self.rest).unwrap_or(start);
        Ok(Type::Custom(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scalars::Named;
    use super::*;

    #[track_caller]
    fn check(class: &str, cql: &str) {
        let expanded = class.replace('~', PACKAGE);
        let ty = Type::parse_class(&expanded).unwrap();
        assert_eq!(ty.class_name(), expanded);
        assert_eq!(ty.cql_name(), cql);
        assert_eq!(Type::parse_class(&class.replace('~', "")), Ok(ty), "without the package");
    }

    #[test]
    fn every_scalar() {
        for Named { class: name, ty, .. } in &SCALARS {
            assert_eq!(ty.class_name(), format!("{PACKAGE}{name}"));
            assert_eq!(Type::parse_class(name).as_ref(), Ok(ty));
        }
    }

    #[test]
    fn nested_types() {
        check("~ListType(~Int32Type)", "list<int>");
        check("~FrozenType(~ListType(~SetType(~UTF8Type)))", "frozen<list<frozen<set<text>>>>");
        check(
            "~MapType(~Int32Type,~FrozenType(~ListType(~SetType(~UTF8Type))))",
            "map<int, frozen<list<frozen<set<text>>>>>",
        );
        check("~TupleType(~Int32Type,~ListType(~UTF8Type))", "frozen<tuple<int, frozen<list<text>>>>");
        check("~VectorType(~FloatType , 3)", "vector<float, 3>");
        check("~ReversedType(~FrozenType(~SetType(~LongType)))", "frozen<set<bigint>>");
        check(
            "~CompositeType(~Int32Type,~UTF8Type)",
            &"'~CompositeType(~Int32Type,~UTF8Type)'".replace('~', PACKAGE),
        );
        check("~UserType(ks,61,62:~Int32Type,4363:~ListType(~UTF8Type))", "a");
        check("~FrozenType(~UserType(ks,4162,62:~UserType(ks,63,64:~Int32Type)))", "frozen<\"Ab\">");
        check("~DynamicCompositeType(a=>~Int32Type,b=>~ReversedType(~UTF8Type))", &{
            "'~DynamicCompositeType(a=>~Int32Type,b=>~ReversedType(~UTF8Type))'".replace('~', PACKAGE)
        });
        let by_token = format!("~PartitionerDefinedOrder({}", Partitioner::Murmur3.class_name());
        for name in [format!("{by_token})"), format!("{by_token}:~CompositeType(~LongType,~Int32Type))")] {
            check(&name, &format!("'{}'", name.replace('~', PACKAGE)));
        }
        assert_eq!(Type::parse_class("FrozenType(TupleType(Int32Type))"), Ok(Type::tuple([Type::Int])));
        assert_eq!(Type::parse_class(" "), Ok(Type::Blob));
    }

    #[test]
    fn custom_classes_stay_as_they_are() {
        let ty = Type::parse_class("ListType(com.example.Thing(a=>b, c))").unwrap();
        assert_eq!(ty.class_name(), format!("{PACKAGE}ListType(com.example.Thing(a=>b, c))"));
        assert_eq!(ty.element().unwrap().cql_name(), "'com.example.Thing(a=>b, c)'");
    }

    #[test]
    fn a_multi_cell_user_type_in_a_collection_of_old_files() {
        let name = format!("{PACKAGE}ListType({PACKAGE}UserType(ks,61,62:{PACKAGE}Int32Type))");
        assert_eq!(Type::parse_class(&name).unwrap().class_name(), name);
    }

    #[test]
    fn wrong_names_say_where() {
        for (name, offset) in [
            ("ListType", 8),
            ("ListType(Int32Type", 18),
            ("MapType(Int32Type)", 17),
            ("Int32Type)", 9),
            ("VectorType(FloatType , 0)", 24),
            ("UserType(ks,6z)", 12),
            ("com.example.A(", 13),
        ] {
            assert_eq!(Type::parse_class(name).unwrap_err().offset, offset, "{name}");
        }
        let deep = "ListType(".repeat(100_000);
        assert!(Type::parse_class(&deep).unwrap_err().problem.contains("deep"));
    }
}
