//! Scripts, piece by piece: where a statement ends, whether or not it is one. A shell reads lines
//! until a statement is complete, and goes on after one that is wrong.

use crate::lexer::{Token, TokenKind, lenient_tokens};
use crate::span::Span;

/// The first statement of a text, as far as tokens show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptPiece {
    /// From its first token to its last, without the semicolon. Empty if there is only a semicolon.
    pub span: Span,
    /// The offset of what follows: after the semicolon where it has one.
    pub end: usize,
    /// Whether a semicolon ends it; otherwise the text ends, perhaps within a quote or a comment.
    pub is_complete: bool,
}

/// The first statement of a text; `None` where blanks and comments are all there is. A batch goes
/// on to the semicolon after its `APPLY BATCH`.
#[must_use]
pub fn first_piece(text: &str) -> Option<ScriptPiece> {
    let mut span: Option<Span> = None;
    let mut is_batch = false;
    let mut last_two = [""; 2];
    for Token { kind, span: token } in lenient_tokens(text) {
        let word = token.of(text);
        let applied =
            || last_two[0].eq_ignore_ascii_case("apply") && last_two[1].eq_ignore_ascii_case("batch");
        match (kind, span) {
            (TokenKind::End, span) => {
                return span.map(|span| ScriptPiece { span, end: text.len(), is_complete: false });
            }
            (TokenKind::Symbol(b';'), span) if !is_batch || applied() => {
                let span = span.unwrap_or(Span { start: token.start, end: token.start });
                return Some(ScriptPiece { span, end: token.end, is_complete: true });
            }
            (_, None) => {
                is_batch = word.eq_ignore_ascii_case("begin");
                span = Some(token);
            }
            (_, Some(known)) => span = Some(Span { end: token.end, ..known }),
        }
        last_two = [last_two[1], word];
    }
    None
}

/// The places of all tokens of a text, also of one that isn't CQL.
#[must_use]
pub fn token_spans(text: &str) -> Vec<Span> {
    let tokens = lenient_tokens(text).take_while(|token| token.kind != TokenKind::End);
    tokens.map(|token| token.span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pieces: &[(&str, bool)]) {
        let mut rest = text;
        let mut found = Vec::new();
        while let Some(piece) = first_piece(rest) {
            found.push((piece.span.of(rest), piece.is_complete));
            rest = rest.get(piece.end..).unwrap();
        }
        assert_eq!(found, pieces, "{text}");
    }

    #[test]
    fn statements_end_with_their_semicolon() {
        check("", &[]);
        check(" -- nothing;\n/* ; */ ", &[]);
        check("use a; use b ;", &[("use a", true), ("use b", true)]);
        check(";; x", &[("", true), ("", true), ("x", false)]);
        check("select ';' from \"a;b\" -- c;\n;x", &[("select ';' from \"a;b\"", true), ("x", false)]);
        check("select $$;$$;", &[("select $$;$$", true)]);
    }

    #[test]
    fn a_batch_is_one_statement() {
        let batch =
            "begin unlogged batch insert into t (a) values (1); delete from t where a = 2; apply batch";
        check(&format!("{batch}; use b"), &[(batch, true), ("use b", false)]);
        check("BEGIN BATCH x; y;", &[("BEGIN BATCH x; y;", false)]);
        check("apply batch; use b;", &[("apply batch", true), ("use b", true)]);
    }

    #[test]
    fn what_is_no_token_does_not_hide_the_end() {
        check("select @ from t; use b;", &[("select @ from t", true), ("use b", true)]);
        check("select 0x1; use b;", &[("select 0x1", true), ("use b", true)]);
        check("select 'it; use b;", &[("select 'it; use b;", false)]);
        check("/* open; use b;", &[("/* open; use b;", false)]);
    }

    #[test]
    fn tokens_have_places() {
        let text = "select @, 'é' from";
        let words: Vec<&str> = token_spans(text).into_iter().map(|span| span.of(text)).collect();
        assert_eq!(words, ["select", "@", ",", "'é'", "from"]);
    }
}
