//! Tokens to tree (Cassandra's `Parser.g`): recursive descent, one function per rule of the
//! grammar, at most two tokens ahead except where a type in parentheses must be distinguished from
//! a tuple.
//!
//! Input is bounded: nesting to [`MAX_NESTING`], the length of a chain of operators or selections
//! to `cursor::MAX_CHAIN`, so that neither parsing nor printing nor dropping a tree exhausts the
//! stack.

mod administration;
mod alter;
mod cursor;
mod describe;
mod dml;
mod names;
mod relations;
mod schema;
mod select;
mod statements;
mod terms;
mod types;

use crate::ast::{Administration, CqlType, IndexTarget, QualifiedName, Relation, Statement, Term};
use crate::error::SyntaxError;
use crate::span::Spanned;

pub use cursor::MAX_NESTING;
use cursor::{Parsed, Parser};

/// Parses a script: statements separated by `;`, with empty ones left out.
///
/// # Errors
/// Where the text is not CQL.
pub fn parse_statements(text: &str) -> Result<Vec<Spanned<Statement>>, SyntaxError> {
    parse_whole(text, |parser| {
        let mut statements = Vec::new();
        while parser.take_symbol(b';') {}
        while !parser.at_end() {
            statements.push(parser.spanned_statement()?);
            if !parser.at_end() {
                parser.symbol(b';')?;
            }
            while parser.take_symbol(b';') {}
        }
        Ok(statements)
    })
}

/// Parses one statement, with or without `;` after it.
///
/// # Errors
/// Where the text is not CQL, or not exactly one statement.
pub fn parse_statement(text: &str) -> Result<Statement, SyntaxError> {
    parse_whole(text, |parser| {
        let statement = parser.statement()?;
        while parser.take_symbol(b';') {}
        Ok(statement)
    })
}

/// Parses a statement about functions, aggregates, triggers, roles or permissions, which
/// [`parse_statement`] keeps as text.
///
/// # Errors
/// Where the text is not such a statement.
pub fn parse_administration(text: &str) -> Result<Administration, SyntaxError> {
    parse_whole(text, Parser::administration)
}

/// Parses `name` or `keyspace.name`; what is unquoted is folded to lower case.
///
/// # Errors
/// Where the text is not such a name.
pub fn parse_qualified_name(text: &str) -> Result<QualifiedName, SyntaxError> {
    parse_whole(text, Parser::qualified_name)
}

/// Parses a type.
///
/// # Errors
/// Where the text is not a type.
pub fn parse_type(text: &str) -> Result<CqlType, SyntaxError> {
    parse_whole(text, Parser::cql_type)
}

/// Parses what follows `WHERE`.
///
/// # Errors
/// Where the text is not one or more relations.
pub fn parse_relations(text: &str) -> Result<Vec<Relation>, SyntaxError> {
    parse_whole(text, Parser::relations)
}

/// Parses what an index is on: `column`, `keys(column)`, perhaps several.
///
/// # Errors
/// Where the text is not that.
pub fn parse_index_targets(text: &str) -> Result<Vec<IndexTarget>, SyntaxError> {
    parse_whole(text, |parser| if parser.at_end() { Ok(Vec::new()) } else { parser.index_targets() })
}

/// Parses a term that may be the value of a column.
///
/// # Errors
/// Where the text is not such a term.
pub fn parse_term(text: &str) -> Result<Term, SyntaxError> {
    parse_whole(text, Parser::term)
}

/// Parses a term in a text that isn't a statement, where reserved words may be names of fields
/// without quotes.
pub(crate) fn parse_text_term(text: &str) -> Result<Term, SyntaxError> {
    parse_whole(text, Parser::text_term)
}

fn parse_whole<'a, T>(
    text: &'a str,
    rule: impl FnOnce(&mut Parser<'a>) -> Parsed<T>,
) -> Result<T, SyntaxError> {
    let mut parser = Parser::new(text);
    let whole = |parser: &mut Parser<'a>| {
        let result = rule(parser)?;
        if parser.at_end() { Ok(result) } else { Err(parser.unexpected("the end of the text")) }
    };
    whole(&mut parser).map_err(|failure| failure.into_error(text))
}
