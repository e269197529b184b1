//! `SELECT`.

use super::Parsed;
use super::cursor::Parser;
use super::terms::Place;
use crate::ast::{Order, Ordering, Select, Selection, Selector};
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn select(&mut self) -> Parsed<Select> {
        self.word("select")?;
        let json = self.selection_modifier("json");
        let distinct = self.selection_modifier("distinct");
        let selection = self.selection()?;
        self.word("from")?;
        let table = self.qualified_name()?;
        let where_clause = self.where_clause_if_any()?;
        let mut group_by = Vec::new();
        if self.take_words(&["group", "by"]) {
            group_by = self.list(|parser| parser.term_in(Place::Selection))?;
        }
        let mut order_by = Vec::new();
        if self.take_words(&["order", "by"]) {
            order_by = self.list(Self::ordering)?;
        }
        let per_partition_limit =
            if self.take_words(&["per", "partition", "limit"]) { Some(self.int_value()?) } else { None };
        let limit = if self.take_word("limit") { Some(self.int_value()?) } else { None };
        let allow_filtering = self.take_words(&["allow", "filtering"]);
        Ok(Select {
            json,
            distinct,
            selection,
            table,
            where_clause,
            group_by,
            order_by,
            per_partition_limit,
            limit,
            allow_filtering,
        })
    }

    /// `*` or `selector, …`
    pub(super) fn selection(&mut self) -> Parsed<Selection> {
        if self.take_symbol(b'*') {
            return Ok(Selection::All);
        }
        self.list(Self::selector).map(Selection::Selectors)
    }

    /// `JSON` and `DISTINCT` are names of columns unless a selection follows.
    fn selection_modifier(&mut self, word: &str) -> bool {
        let begins_selection = match self.kind(1) {
            TokenKind::Symbol(symbol) => b"*-([{:".contains(&symbol),
            TokenKind::Word => {
                let is_alias = self.is_word(1, "as") && self.is_identifier(2);
                !is_alias && !self.is_word(1, "from")
            }
            TokenKind::End | TokenKind::Range => false,
            _ => true,
        };
        begins_selection && self.take_word(word)
    }

    fn selector(&mut self) -> Parsed<Selector> {
        let term = self.term_in(Place::Selection)?;
        let alias = if self.take_word("as") { Some(self.named("an alias")?) } else { None };
        Ok(Selector { term, alias })
    }

    fn ordering(&mut self) -> Parsed<Ordering> {
        let column = self.column()?;
        let ann_of = if self.take_words(&["ann", "of"]) { Some(self.term()?) } else { None };
        let order = self.order_if_any().unwrap_or_default();
        Ok(Ordering { column, ann_of, order })
    }

    pub(super) fn order_if_any(&mut self) -> Option<Order> {
        if self.take_word("asc") {
            Some(Order::Ascending)
        } else if self.take_word("desc") {
            Some(Order::Descending)
        } else {
            None
        }
    }
}
