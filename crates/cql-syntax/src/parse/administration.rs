//! Functions, aggregates, triggers, roles and permissions: statements that are kept as text, and
//! looked into when they are to be answered.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{
    Administration, CreateRoutine, DropRoutine, Identifier, QualifiedName, Resource, RoleOptions,
};
use crate::keywords::is_reserved_for_functions;
use crate::lexer::TokenKind;

/// The permissions that there are.
const PERMISSIONS: [&str; 10] = [
    "create",
    "alter",
    "drop",
    "select",
    "modify",
    "authorize",
    "describe",
    "execute",
    "unmask",
    "select_masked",
];

impl Parser<'_> {
    pub(super) fn administration(&mut self) -> Parsed<Administration> {
        let word = self.text_of(self.peek(0)).to_ascii_lowercase();
        self.advance();
        match word.as_str() {
            "create" => self.create_administration(),
            "alter" => self.alter_role().map(Administration::AlterRole),
            "drop" => self.drop_administration(),
            "add" => {
                self.word("identity")?;
                self.if_not_exists()?;
                self.identity()?;
                self.words(&["to", "role"])?;
                self.identity()?;
                Ok(Administration::Roles)
            }
            "grant" => self.grant_or_revoke("to"),
            "revoke" => self.grant_or_revoke("from"),
            "list" => self.list_administration(),
            _ => Err(self.unexpected("a statement")),
        }
    }

    fn create_administration(&mut self) -> Parsed<Administration> {
        let or_replace = self.take_words(&["or", "replace"]);
        if self.take_word("function") {
            return self.create_function(or_replace).map(Administration::CreateFunction);
        }
        if self.take_word("aggregate") {
            return self.create_aggregate(or_replace);
        }
        if or_replace {
            return Err(self.unexpected("FUNCTION or AGGREGATE"));
        }
        if self.take_word("trigger") {
            self.if_not_exists()?;
            self.named("the name of a trigger")?;
            self.word("on")?;
            let table = self.qualified_name()?;
            self.word("using")?;
            let class = self.string("the class of a trigger")?;
            return Ok(Administration::CreateTrigger { table, class });
        }
        if self.take_word("user") {
            self.if_not_exists()?;
            return self.user_options().map(Administration::CreateRole);
        }
        self.word("role")?;
        self.if_not_exists()?;
        self.role_with_options().map(Administration::CreateRole)
    }

    fn create_function(&mut self, or_replace: bool) -> Parsed<CreateRoutine> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.routine_name()?;
        self.symbol(b'(')?;
        let arguments = self.list_until(b')', |parser| {
            parser.named("the name of an argument")?;
            parser.cql_type()
        })?;
        if !self.take_word("called") {
            self.words(&["returns", "null"])?;
        }
        self.words(&["on", "null", "input", "returns"])?;
        self.cql_type()?;
        self.word("language")?;
        self.named("a language")?;
        self.word("as")?;
        self.string("the body of a function")?;
        Ok(CreateRoutine { or_replace, if_not_exists, name, arguments })
    }

    fn create_aggregate(&mut self, or_replace: bool) -> Parsed<Administration> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.routine_name()?;
        self.symbol(b'(')?;
        let arguments = self.list_until(b')', Self::cql_type)?;
        self.word("sfunc")?;
        let state_function = self.routine_word()?;
        self.word("stype")?;
        let state_type = self.cql_type()?;
        if self.take_word("finalfunc") {
            self.routine_word()?;
        }
        if self.take_word("initcond") {
            self.term()?;
        }
        let routine = CreateRoutine { or_replace, if_not_exists, name, arguments };
        Ok(Administration::CreateAggregate { routine, state_function, state_type })
    }

    fn drop_administration(&mut self) -> Parsed<Administration> {
        if self.take_word("function") {
            return self.drop_routine().map(Administration::DropFunction);
        }
        if self.take_word("aggregate") {
            return self.drop_routine().map(Administration::DropAggregate);
        }
        if self.take_word("trigger") {
            let if_exists = self.if_exists()?;
            let name = self.named("the name of a trigger")?;
            self.word("on")?;
            return Ok(Administration::DropTrigger { if_exists, name, table: self.qualified_name()? });
        }
        if self.take_word("identity") {
            self.if_exists()?;
            self.identity()?;
        } else if self.take_word("user") {
            self.if_exists()?;
            self.user_name()?;
        } else {
            self.word("role")?;
            self.if_exists()?;
            self.role_name()?;
        }
        Ok(Administration::Roles)
    }

    fn drop_routine(&mut self) -> Parsed<DropRoutine> {
        let if_exists = self.if_exists()?;
        let name = self.routine_name()?;
        let arguments =
            if self.take_symbol(b'(') { Some(self.list_until(b')', Self::cql_type)?) } else { None };
        Ok(DropRoutine { if_exists, name, arguments })
    }

    /// `[keyspace.]name` of a function or aggregate.
    fn routine_name(&mut self) -> Parsed<QualifiedName> {
        if self.is_symbol(1, b'.') {
            let keyspace = self.named("a keyspace name")?;
            self.symbol(b'.')?;
            return Ok(QualifiedName::qualified(keyspace, self.routine_word()?));
        }
        self.routine_word().map(QualifiedName::unqualified)
    }

    fn routine_word(&mut self) -> Parsed<Identifier> {
        if self.take_word("token") {
            return Ok(Identifier::folded("token"));
        }
        let token = self.peek(0);
        let word = self.text_of(token).to_ascii_lowercase();
        if token.kind == TokenKind::Word && is_reserved_for_functions(&word) {
            return Err(self.unexpected("the name of a function"));
        }
        self.named("the name of a function")
    }

    fn alter_role(&mut self) -> Parsed<RoleOptions> {
        if self.take_word("user") {
            self.if_exists()?;
            return self.user_options();
        }
        self.word("role")?;
        self.if_exists()?;
        self.role_with_options()
    }

    /// `name [WITH PASSWORD '…'] [SUPERUSER | NOSUPERUSER]`
    fn user_options(&mut self) -> Parsed<RoleOptions> {
        let mut options = RoleOptions { is_nameless: self.user_name()?.is_empty(), ..RoleOptions::default() };
        if self.take_word("with") {
            if self.take_word("hashed") {
                options.has_hashed_password = true;
            } else {
                options.has_password = true;
            }
            self.word("password")?;
            self.string("a password")?;
        }
        if self.take_word("superuser") {
            options.superuser = Some(true);
        } else if self.take_word("nosuperuser") {
            options.superuser = Some(false);
        }
        Ok(options)
    }

    /// `name [WITH option AND option …]`
    fn role_with_options(&mut self) -> Parsed<RoleOptions> {
        let mut options = RoleOptions { is_nameless: self.role_name()?.is_empty(), ..RoleOptions::default() };
        if self.take_word("with") {
            self.role_option(&mut options)?;
            while self.take_word("and") {
                self.role_option(&mut options)?;
            }
        }
        Ok(options)
    }

    fn role_option(&mut self, options: &mut RoleOptions) -> Parsed<()> {
        if self.take_word("access") {
            options.has_others = true;
            return self.access();
        }
        if self.take_word("superuser") {
            self.symbol(b'=')?;
            options.superuser = Some(self.boolean()?);
            return Ok(());
        }
        if self.take_word("login") {
            options.has_others = true;
            self.symbol(b'=')?;
            return self.boolean().map(drop);
        }
        if self.take_word("options") {
            options.has_options = true;
            self.symbol(b'=')?;
            return self.options_of_role();
        }
        if self.take_word("hashed") {
            options.has_hashed_password = true;
        } else {
            options.has_password = true;
        }
        self.word("password")?;
        self.symbol(b'=')?;
        self.string("a password").map(drop)
    }

    /// `TO [ALL] DATACENTERS …` or `FROM [ALL] CIDRS …`
    fn access(&mut self) -> Parsed<()> {
        let places = if self.take_word("to") {
            "datacenters"
        } else {
            self.word("from")?;
            "cidrs"
        };
        if self.take_word("all") {
            return self.word(places);
        }
        self.word(places)?;
        self.symbol(b'{')?;
        self.list(|parser| parser.string("a name"))?;
        self.symbol(b'}')
    }

    fn options_of_role(&mut self) -> Parsed<()> {
        self.symbol(b'{')?;
        let entry = |parser: &mut Self| {
            parser.literal()?;
            parser.symbol(b':')?;
            parser.literal().map(drop)
        };
        self.list_until(b'}', entry).map(drop)
    }

    fn boolean(&mut self) -> Parsed<bool> {
        if self.take_word("true") {
            return Ok(true);
        }
        if self.take_word("false") { Ok(false) } else { Err(self.unexpected("`true` or `false`")) }
    }

    /// Of a permission, or of a role.
    fn grant_or_revoke(&mut self, preposition: &'static str) -> Parsed<Administration> {
        // A role may have the name of a permission.
        if !self.is_permission() || self.is_word(1, preposition) {
            self.role_name()?;
            self.word(preposition)?;
            self.role_name()?;
            return Ok(Administration::Roles);
        }
        let permissions = self.permissions()?;
        self.word("on")?;
        let (resource, applicable) = self.resource()?;
        self.word(preposition)?;
        self.role_name()?;
        let is_applicable = permissions.is_empty()
            || permissions.iter().any(|permission| applicable.contains(&permission.as_str()));
        Ok(Administration::Permissions(if is_applicable { Ok(()) } else { Err(resource) }))
    }

    fn is_permission(&self) -> bool {
        self.is_word(0, "all") || PERMISSIONS.iter().any(|permission| self.is_word(0, permission))
    }

    /// The permissions that are named; none for all of them.
    fn permissions(&mut self) -> Parsed<Vec<String>> {
        if self.take_word("all") {
            self.take_word("permissions");
            return Ok(Vec::new());
        }
        self.list(|parser| {
            let word = parser.text_of(parser.peek(0)).to_ascii_lowercase();
            if !PERMISSIONS.contains(&word.as_str()) {
                return Err(parser.unexpected("a permission"));
            }
            parser.advance();
            parser.take_word("permission");
            Ok(word)
        })
    }

    /// What permissions are about, and which ones it has.
    fn resource(&mut self) -> Parsed<(Resource, &'static [&'static str])> {
        const TABLE: &[&str] =
            &["alter", "drop", "select", "modify", "authorize", "unmask", "select_masked", "create"];
        const ROLE: &[&str] = &["alter", "drop", "authorize", "describe", "create"];
        const FUNCTION: &[&str] = &["alter", "drop", "authorize", "execute", "create"];
        const BEANS: &[&str] = &["authorize", "describe", "execute", "modify", "select"];
        // What can't be made again can't be granted to be made.
        let of_one = |permissions: &'static [&'static str]| {
            permissions.split_last().map_or(permissions, |(_create, others)| others)
        };
        if self.take_words(&["all", "keyspaces"]) {
            return Ok((Resource::Data, TABLE));
        }
        if self.take_words(&["all", "tables", "in", "keyspace"]) {
            self.named("a keyspace name")?;
            return Ok((Resource::Data, TABLE));
        }
        if self.take_words(&["all", "roles"]) {
            return Ok((Resource::Roles, ROLE));
        }
        if self.take_words(&["all", "functions"]) {
            if self.take_words(&["in", "keyspace"]) {
                self.named("a keyspace name")?;
            }
            return Ok((Resource::Functions, FUNCTION));
        }
        if self.take_words(&["all", "mbeans"]) {
            return Ok((Resource::Beans, BEANS));
        }
        if self.take_word("keyspace") {
            self.named("a keyspace name")?;
            return Ok((Resource::Data, TABLE));
        }
        if self.is_word(0, "role") && !self.is_word(1, "to") && !self.is_word(1, "from") {
            self.advance();
            self.role_name()?;
            return Ok((Resource::Roles, of_one(ROLE)));
        }
        if self.is_word(0, "function") && !self.is_word(1, "to") && !self.is_word(1, "from") {
            self.advance();
            self.routine_name()?;
            self.symbol(b'(')?;
            self.list_until(b')', Self::cql_type)?;
            return Ok((Resource::Functions, of_one(FUNCTION)));
        }
        if (self.is_word(0, "mbean") || self.is_word(0, "mbeans")) && self.string_at(1).is_some() {
            self.advance();
            self.string("the name of a bean")?;
            return Ok((Resource::Beans, BEANS));
        }
        self.take_table_word();
        self.qualified_name()?;
        Ok((Resource::Data, of_one(TABLE)))
    }

    fn list_administration(&mut self) -> Parsed<Administration> {
        if self.take_word("users") {
            return Ok(Administration::Roles);
        }
        if self.take_word("roles") {
            self.of_role()?;
            return Ok(Administration::Roles);
        }
        if !self.is_permission() {
            return Err(self.unexpected("USERS, ROLES or permissions"));
        }
        self.permissions()?;
        if self.take_word("on") {
            self.resource()?;
        }
        self.of_role()?;
        Ok(Administration::Roles)
    }

    /// `[OF role] [NORECURSIVE]`
    fn of_role(&mut self) -> Parsed<()> {
        if self.take_word("of") {
            self.role_name()?;
        }
        self.take_word("norecursive");
        Ok(())
    }

    fn role_name(&mut self) -> Parsed<String> {
        if let Some(name) = self.string_at(0) {
            self.advance();
            return Ok(name);
        }
        Ok(self.named("the name of a role")?.as_str().to_owned())
    }

    /// The name of a user, which quotes can't be around.
    fn user_name(&mut self) -> Parsed<String> {
        if self.kind(0) == TokenKind::QuotedName {
            return Err(self.unexpected("a name, or one in single quotes"));
        }
        self.role_name()
    }

    fn identity(&mut self) -> Parsed<String> {
        self.user_name()
    }
}
