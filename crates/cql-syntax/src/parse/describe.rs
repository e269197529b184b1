//! `DESCRIBE`.

use super::Parsed;
use super::cursor::Parser;
use crate::ast::{Describe, DescribeTarget};

impl Parser<'_> {
    pub(super) fn describe(&mut self) -> Parsed<Describe> {
        self.advance();
        let target = self.described()?;
        let internals = self.take_words(&["with", "internals"]);
        Ok(Describe { target, internals })
    }

    fn described(&mut self) -> Parsed<DescribeTarget> {
        let lists = [
            ("cluster", DescribeTarget::Cluster),
            ("schema", DescribeTarget::Schema { full: false }),
            ("keyspaces", DescribeTarget::Keyspaces),
            ("tables", DescribeTarget::Tables),
            ("columnfamilies", DescribeTarget::Tables),
            ("types", DescribeTarget::Types),
            ("functions", DescribeTarget::Functions),
            ("aggregates", DescribeTarget::Aggregates),
        ];
        for (word, target) in lists {
            if self.take_word(word) {
                return Ok(target);
            }
        }
        if self.take_word("full") {
            self.word("schema")?;
            return Ok(DescribeTarget::Schema { full: true });
        }
        let only = self.take_word("only");
        if only || self.is_word(0, "keyspace") {
            self.word("keyspace")?;
            let name = self.identifier_at(0);
            if name.is_some() {
                self.advance();
            }
            return Ok(DescribeTarget::Keyspace { only, name });
        }
        if self.take_table_word() {
            return self.qualified_name().map(DescribeTarget::Table);
        }
        if self.take_word("index") {
            return self.qualified_name().map(DescribeTarget::Index);
        }
        if self.take_words(&["materialized", "view"]) {
            return self.qualified_name().map(DescribeTarget::View);
        }
        // These words are names as well, where no other name follows.
        if self.is_identifier(1) {
            if self.take_word("type") {
                return self.user_type_name().map(DescribeTarget::Type);
            }
            if self.take_word("function") {
                return self.qualified_name().map(DescribeTarget::Function);
            }
            if self.take_word("aggregate") {
                return self.qualified_name().map(DescribeTarget::Aggregate);
            }
        }
        self.qualified_name().map(DescribeTarget::Named)
    }
}
