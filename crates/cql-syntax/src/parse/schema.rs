//! `CREATE`, `DROP`, `TRUNCATE`, and what the schema statements share.

use std::collections::HashSet;

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{
    ColumnDefinition, ColumnMask, CreateIndex, CreateKeyspace, CreateTable, CreateType, CreateView,
    DropKeyspace, DropObject, FieldDefinition, Identifier, IndexTarget, IndexTargetKind, Literal, Order,
    PrimaryKey, Property, PropertyValue, Statement, TableOptions,
};
use crate::lexer::TokenKind;

/// The objects that `CREATE`, `ALTER` and `DROP` take.
pub(super) const OBJECTS: &str = "KEYSPACE, TYPE, TABLE, INDEX or MATERIALIZED VIEW";

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Parsed<Statement> {
        self.word("create")?;
        if self.take_word("keyspace") {
            return self.create_keyspace().map(Statement::CreateKeyspace);
        }
        if self.take_table_word() {
            return self.create_table().map(Box::new).map(Statement::CreateTable);
        }
        if self.take_word("type") {
            return self.create_type().map(Statement::CreateType);
        }
        if self.take_words(&["materialized", "view"]) {
            return self.create_view().map(Box::new).map(Statement::CreateView);
        }
        let custom = self.take_word("custom");
        if self.take_word("index") {
            return self.create_index(custom).map(Box::new).map(Statement::CreateIndex);
        }
        Err(self.unexpected(if custom { "`INDEX`" } else { OBJECTS }))
    }

    pub(super) fn drop(&mut self) -> Parsed<Statement> {
        self.word("drop")?;
        if self.take_word("keyspace") {
            let if_exists = self.if_exists()?;
            let name = self.named("a keyspace name")?;
            return Ok(Statement::DropKeyspace(DropKeyspace { if_exists, name }));
        }
        if self.take_word("type") {
            let if_exists = self.if_exists()?;
            let name = self.user_type_name()?;
            return Ok(Statement::DropType(DropObject { if_exists, name }));
        }
        let statement = if self.take_table_word() {
            Statement::DropTable
        } else if self.take_word("index") {
            Statement::DropIndex
        } else if self.take_words(&["materialized", "view"]) {
            Statement::DropView
        } else {
            return Err(self.unexpected(OBJECTS));
        };
        let if_exists = self.if_exists()?;
        let name = self.qualified_name()?;
        Ok(statement(DropObject { if_exists, name }))
    }

    pub(super) fn truncate(&mut self) -> Parsed<Statement> {
        self.word("truncate")?;
        self.take_table_word();
        self.qualified_name().map(Statement::Truncate)
    }

    pub(super) fn take_table_word(&mut self) -> bool {
        self.take_word("table") || self.take_word("columnfamily")
    }

    /// `property AND property …`
    pub(super) fn properties(&mut self) -> Parsed<Vec<Property>> {
        let mut properties = Vec::new();
        let mut names = HashSet::new();
        loop {
            properties.push(self.property(&mut names)?);
            if !self.take_word("and") {
                return Ok(properties);
            }
        }
    }

    /// `column type [STATIC] [MASKED WITH …]`
    pub(super) fn column_definition(&mut self) -> Parsed<ColumnDefinition> {
        let name = self.column()?;
        let cql_type = self.cql_type()?;
        let is_static = self.take_word("static");
        let mask = self.mask_if_any()?;
        Ok(ColumnDefinition { name, cql_type, is_static, mask })
    }

    pub(super) fn field_definition(&mut self) -> Parsed<FieldDefinition> {
        Ok(FieldDefinition { name: self.field()?, cql_type: self.cql_type()? })
    }

    /// `MASKED WITH DEFAULT` or `MASKED WITH function(…)`, if it is there.
    pub(super) fn mask_if_any(&mut self) -> Parsed<Option<ColumnMask>> {
        if !self.take_words(&["masked", "with"]) {
            return Ok(None);
        }
        // A function or its keyspace may have the name `default`; then a parenthesis or a point
        // follows.
        if self.is_word(0, "default") && !self.is_symbol(1, b'(') && !self.is_symbol(1, b'.') {
            self.advance();
            return Ok(Some(ColumnMask::Default));
        }
        let name = self.function_name("a function or `DEFAULT`")?;
        self.symbol(b'(')?;
        let arguments = self.list_until(b')', Self::term)?;
        Ok(Some(ColumnMask::Function { name, arguments }))
    }

    fn create_keyspace(&mut self) -> Parsed<CreateKeyspace> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.named("a keyspace name")?;
        self.word("with")?;
        let properties = self.properties()?;
        Ok(CreateKeyspace { if_not_exists, name, properties })
    }

    fn create_type(&mut self) -> Parsed<CreateType> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.user_type_name()?;
        self.symbol(b'(')?;
        let mut fields = vec![self.field_definition()?];
        while self.take_symbol(b',') {
            if !self.is_symbol(0, b')') {
                fields.push(self.field_definition()?);
            }
        }
        self.symbol(b')')?;
        Ok(CreateType { if_not_exists, name, fields })
    }

    fn create_table(&mut self) -> Parsed<CreateTable> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        self.symbol(b'(')?;
        let mut columns = Vec::new();
        let mut primary_keys = Vec::new();
        self.table_element(&mut columns, &mut primary_keys)?;
        while self.take_symbol(b',') {
            // `DESCRIBE` leaves a comma after the last column of some tables that had columns
            // dropped.
            if !self.is_symbol(0, b')') {
                self.table_element(&mut columns, &mut primary_keys)?;
            }
        }
        self.symbol(b')')?;
        let options = self.table_options()?;
        Ok(CreateTable { if_not_exists, name, columns, primary_keys, options })
    }

    /// `column type … [PRIMARY KEY]` or `PRIMARY KEY (…)`
    fn table_element(
        &mut self,
        columns: &mut Vec<ColumnDefinition>,
        keys: &mut Vec<PrimaryKey>,
    ) -> Parsed<()> {
        let column = if self.is_word(0, "primary") { None } else { Some(self.column_definition()?) };
        if self.is_word(0, "primary") {
            keys.push(match &column {
                None => self.primary_key()?,
                Some(column) => {
                    self.words(&["primary", "key"])?;
                    PrimaryKey { partition_key: vec![column.name.clone()], clustering: Vec::new() }
                }
            });
        }
        columns.extend(column);
        Ok(())
    }

    fn primary_key(&mut self) -> Parsed<PrimaryKey> {
        self.words(&["primary", "key"])?;
        self.symbol(b'(')?;
        let partition_key =
            if self.is_symbol(0, b'(') { self.parenthesized(Self::column)? } else { vec![self.column()?] };
        let mut clustering = Vec::new();
        while self.take_symbol(b',') {
            clustering.push(self.column()?);
        }
        self.symbol(b')')?;
        Ok(PrimaryKey { partition_key, clustering })
    }

    /// `WITH option AND option …`, if it is there.
    fn table_options(&mut self) -> Parsed<TableOptions> {
        let mut options = TableOptions::default();
        let mut names = HashSet::new();
        if !self.take_word("with") {
            return Ok(options);
        }
        loop {
            if self.take_words(&["compact", "storage"]) {
                options.compact_storage = true;
            } else if self.take_words(&["clustering", "order", "by"]) {
                let order = self.parenthesized(Self::clustering_order)?;
                options.clustering_order.extend(order);
            } else {
                options.properties.push(self.property(&mut names)?);
            }
            if !self.take_word("and") {
                return Ok(options);
            }
        }
    }

    fn clustering_order(&mut self) -> Parsed<(Identifier, Order)> {
        let column = self.column()?;
        let order = self.order_if_any().ok_or_else(|| self.unexpected("`ASC` or `DESC`"))?;
        Ok((column, order))
    }

    fn create_index(&mut self, custom: bool) -> Parsed<CreateIndex> {
        let if_not_exists = self.if_not_exists()?;
        let name =
            if self.is_word(0, "on") { None } else { Some(self.named("the name of an index or `ON`")?) };
        self.word("on")?;
        let table = self.qualified_name()?;
        self.symbol(b'(')?;
        let targets = self.list_until(b')', Self::index_target)?;
        let class = if self.take_word("using") { Some(self.string("the class of an index")?) } else { None };
        let properties = if self.take_word("with") { self.properties()? } else { Vec::new() };
        Ok(CreateIndex { custom, if_not_exists, name, table, targets, class, properties })
    }

    pub(super) fn index_targets(&mut self) -> Parsed<Vec<IndexTarget>> {
        self.list(Self::index_target)
    }

    fn index_target(&mut self) -> Parsed<IndexTarget> {
        let kind = [
            ("keys", IndexTargetKind::Keys),
            ("values", IndexTargetKind::Values),
            ("entries", IndexTargetKind::Entries),
            ("full", IndexTargetKind::Full),
        ]
        .into_iter()
        .find(|(word, _)| self.is_word(0, word) && self.is_symbol(1, b'('));
        let Some((_, kind)) = kind else {
            return Ok(IndexTarget { kind: IndexTargetKind::Simple, column: self.column()? });
        };
        self.advance();
        self.symbol(b'(')?;
        let column = self.column()?;
        self.symbol(b')')?;
        Ok(IndexTarget { kind, column })
    }

    fn create_view(&mut self) -> Parsed<CreateView> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        self.words(&["as", "select"])?;
        let selection = self.selection()?;
        self.word("from")?;
        let base = self.qualified_name()?;
        let where_clause = self.where_clause_if_any()?;
        let primary_key = self.primary_key()?;
        let options = self.table_options()?;
        Ok(CreateView { if_not_exists, name, selection, base, where_clause, primary_key, options })
    }

    /// `name = value`, where the name is not among `names` yet.
    fn property(&mut self, names: &mut HashSet<Identifier>) -> Parsed<Property> {
        let start = self.peek(0);
        let name = self.named("an option")?;
        if !names.insert(name.clone()) {
            return Err(self.error_at(start, "each option once"));
        }
        self.symbol(b'=')?;
        Ok(Property { name, value: self.property_value()? })
    }

    fn property_value(&mut self) -> Parsed<PropertyValue> {
        if self.take_symbol(b'{') {
            let mut keys = HashSet::new();
            return self.list_until(b'}', |parser| parser.property_entry(&mut keys)).map(PropertyValue::Map);
        }
        match self.identifier_at(0) {
            Some(word) if self.kind(0) == TokenKind::Word => {
                self.advance();
                Ok(PropertyValue::Word(word))
            }
            _ => self.literal().map(PropertyValue::Literal),
        }
    }

    /// `key: value`, where the text of the key is not among `keys` yet.
    fn property_entry(&mut self, keys: &mut HashSet<String>) -> Parsed<(Literal, Literal)> {
        let start = self.peek(0);
        let key = self.literal()?;
        if !keys.insert(key.raw_text().into_owned()) {
            return Err(self.error_at(start, "each key once"));
        }
        self.symbol(b':')?;
        Ok((key, self.literal()?))
    }
}
