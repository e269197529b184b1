//! Text to tokens (Cassandra's `Lexer.g`).
//!
//! Keywords are not distinguished from identifiers here: both are [`TokenKind::Word`], and the
//! parser asks for the words it needs. A minus sign is always its own token; the parser joins it
//! with a number that follows without a space, so that `a - 1` is a subtraction and `a -1` two
//! terms without an operator, as they are in Cassandra.
//!
//! The first malformed token ends the list as [`TokenKind::Invalid`]; its error is reported when
//! the parser gets there, so that an earlier error of the grammar is reported first.

use crate::error::Failure;
use crate::span::Span;

/// What a token is. The text of a token is the text of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An unquoted identifier or a keyword, a boolean, `NaN` or `Infinity`.
    Word,
    /// `"name"`, with `""` for a quote.
    QuotedName,
    /// `'text'`, with `''` for a quote.
    String,
    /// `$$text$$`, taken literally.
    DollarString,
    /// Decimal digits.
    Integer,
    /// `1.`, `1.5`, `1e5`, `1.5e-5`.
    Float,
    /// `8-4-4-4-12` hexadecimal digits.
    Uuid,
    /// `0x` and hexadecimal digits.
    Blob,
    /// `1h30m`, `P1Y2M3DT4H5M6S`, `P3W` or `P0001-02-03T04:05:06`.
    Duration,
    /// `?`
    QuestionMark,
    /// `..`
    Range,
    /// `+=`
    PlusAssign,
    /// `-=`
    MinusAssign,
    /// `<=`
    LessEqual,
    /// `>=`
    GreaterEqual,
    /// `!=`
    NotEqual,
    /// One character of `( ) [ ] { } , ; : . = < > + - * / %`.
    Symbol(u8),
    /// A malformed token; nothing follows it.
    Invalid,
    /// The end of the text; nothing follows it.
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// The tokens of a text. The last one is [`TokenKind::End`], or [`TokenKind::Invalid`] where
/// `error` is set.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) list: Vec<Token>,
    pub(crate) error: Option<Failure>,
}

/// The first character of the units of durations that is not ASCII: `µs`.
const MICRO_SIGN: &[u8] = "µ".as_bytes();

/// Tokens for which there is room from the start: those of a value in a file, which are read one
/// after the other.
const EXPECTED_TOKENS: usize = 32;

/// Reads all tokens of `text`.
pub(crate) fn tokenize(text: &str) -> Tokens {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0 };
    // A token and the blank after it, and the end.
    let mut list = Vec::with_capacity((text.len() / 2 + 2).min(EXPECTED_TOKENS));
    loop {
        match lexer.next_token() {
            Ok(token) => {
                list.push(token);
                if token.kind == TokenKind::End {
                    return Tokens { list, error: None };
                }
            }
            Err(error) => {
                list.push(Token { kind: TokenKind::Invalid, span: error.span });
                return Tokens { list, error: Some(error) };
            }
        }
    }
}

/// The tokens of a text up to its end. What is malformed is a token, and the next one is looked for
/// after it.
pub(crate) fn lenient_tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0 };
    std::iter::repeat_with(move || {
        lexer.next_token().unwrap_or_else(|error| Token { kind: TokenKind::Invalid, span: error.span })
    })
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Result<Token, Failure> {
        self.skip_blanks_and_comments()?;
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(Token { kind: TokenKind::End, span: Span { start, end: start } });
        };
        let kind = match first {
            b'0'..=b'9' => self.number(start)?,
            b'a'..=b'z' | b'A'..=b'Z' => self.word(start),
            b'\'' => self.quoted(b'\'', TokenKind::String, "a closing `'`")?,
            b'"' => self.quoted(b'"', TokenKind::QuotedName, "a closing `\"`")?,
            b'$' => self.dollar_string()?,
            _ => self.operator(first)?,
        };
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Goes on while `wanted` holds and says how many bytes that were.
    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let count = self.rest().iter().take_while(|byte| wanted(**byte)).count();
        self.at += count;
        count
    }

    /// Goes to after the next `quote`; false, and to the end of the text, where there is none.
    fn skip_past_quote(&mut self, quote: u8) -> bool {
        let distance = self.rest().iter().position(|byte| *byte == quote);
        self.at = distance.map_or(self.bytes.len(), |distance| self.at + distance + 1);
        distance.is_some()
    }

    /// Goes to after the next `end`; false, and to the end of the text, where there is none.
    fn skip_past(&mut self, end: &[u8]) -> bool {
        match self.rest().windows(end.len()).position(|window| window == end) {
            Some(distance) => {
                self.at += distance + end.len();
                true
            }
            None => {
                self.at = self.bytes.len();
                false
            }
        }
    }

    /// An error about the text from `start` to here.
    fn malformed(&self, start: usize, expected: &'static str) -> Failure {
        Failure::new(Span { start, end: self.at }, expected)
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), Failure> {
        loop {
            let start = self.at;
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\n' | b'\r'), _) => self.at += 1,
                (Some(b'-'), Some(b'-')) | (Some(b'/'), Some(b'/')) => {
                    self.skip_while(|byte| byte != b'\n' && byte != b'\r');
                }
                (Some(b'/'), Some(b'*')) => {
                    self.at += 2;
                    if !self.skip_past(b"*/") {
                        return Err(self.malformed(start, "`*/` at the end of the comment"));
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn quoted(&mut self, quote: u8, kind: TokenKind, expected: &'static str) -> Result<TokenKind, Failure> {
        let start = self.at;
        self.at += 1;
        loop {
            if !self.skip_past_quote(quote) {
                return Err(self.malformed(start, expected));
            }
            if self.peek(0) != Some(quote) {
                return Ok(kind);
            }
            self.at += 1;
        }
    }

    fn dollar_string(&mut self) -> Result<TokenKind, Failure> {
        let start = self.at;
        self.at += 1;
        if self.peek(0) != Some(b'$') {
            return Err(self.malformed(start, "`$$`"));
        }
        self.at += 1;
        if self.skip_past(b"$$") {
            Ok(TokenKind::DollarString)
        } else {
            Err(self.malformed(start, "a closing `$$`"))
        }
    }

    fn operator(&mut self, first: u8) -> Result<TokenKind, Failure> {
        let start = self.at;
        let double = match (first, self.peek(1)) {
            (b'.', Some(b'.')) => Some(TokenKind::Range),
            (b'+', Some(b'=')) => Some(TokenKind::PlusAssign),
            (b'-', Some(b'=')) => Some(TokenKind::MinusAssign),
            (b'<', Some(b'=')) => Some(TokenKind::LessEqual),
            (b'>', Some(b'=')) => Some(TokenKind::GreaterEqual),
            (b'!', Some(b'=')) => Some(TokenKind::NotEqual),
            _ => None,
        };
        if let Some(kind) = double {
            self.at += 2;
            return Ok(kind);
        }
        if first == b'-' {
            self.signed_word(start)?;
        }
        if b"()[]{},;:.=<>+-*/%".contains(&first) {
            self.at += 1;
            return Ok(TokenKind::Symbol(first));
        }
        if first == b'?' {
            self.at += 1;
            return Ok(TokenKind::QuestionMark);
        }
        let character = self.text.get(start..).and_then(|rest| rest.chars().next());
        self.at += character.map_or(1, char::len_utf8);
        Err(self.malformed(start, "CQL"))
    }

    /// Refuses a name right after a minus sign that begins like `NaN`, `Infinity` or a duration: by
    /// its first letter Cassandra takes it for one.
    fn signed_word(&mut self, start: usize) -> Result<(), Failure> {
        let has = |word: &[u8]| {
            self.rest().get(1..=word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        let is_right = match self.peek(1) {
            Some(b'n' | b'N') => has(b"nan"),
            Some(b'i' | b'I') => has(b"infinity"),
            Some(b'P') => {
                self.at += 1;
                let is_duration = self.iso_duration();
                self.at = start;
                is_duration
            }
            _ => true,
        };
        if is_right {
            return Ok(());
        }
        self.at += 1;
        self.skip_while(is_word_byte);
        let failure = self.malformed(start, "a number, or a space after the minus sign");
        self.at = start;
        Err(failure)
    }

    fn word(&mut self, start: usize) -> TokenKind {
        if self.uuid() {
            return TokenKind::Uuid;
        }
        // ISO 8601 durations are words in upper case. What only begins like one is an identifier.
        if self.peek(0) == Some(b'P') && self.iso_duration() && !self.continues() {
            return TokenKind::Duration;
        }
        self.at = start;
        self.skip_while(is_word_byte);
        TokenKind::Word
    }

    fn number(&mut self, start: usize) -> Result<TokenKind, Failure> {
        // Most are integers, which nothing follows that could make them something else.
        self.skip_while(|byte| byte.is_ascii_digit());
        if !self.continues() && !matches!(self.peek(0), Some(b'.' | b'-' | 0x80..)) {
            return Ok(TokenKind::Integer);
        }
        self.at = start;
        let kind = if self.uuid() {
            TokenKind::Uuid
        } else if self.peek(0) == Some(b'0') && matches!(self.peek(1), Some(b'x' | b'X')) {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            TokenKind::Blob
        } else if self.units_duration() {
            TokenKind::Duration
        } else {
            self.integer_or_float()
        };
        if self.continues() {
            self.skip_while(is_word_byte);
            return Err(self.malformed(start, "a number, a uuid, a blob or a duration"));
        }
        Ok(kind)
    }

    /// Whether a word goes on here.
    fn continues(&self) -> bool {
        self.peek(0).is_some_and(is_word_byte)
    }

    fn integer_or_float(&mut self) -> TokenKind {
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut kind = TokenKind::Integer;
        // `1..2` is a range of integers, `1...2` one that begins with the float `1.`.
        let dots = self.rest().iter().take_while(|byte| **byte == b'.').count();
        if dots == 1 || dots == 3 {
            self.at += 1;
            kind = TokenKind::Float;
            if dots == 1 {
                self.skip_while(|byte| byte.is_ascii_digit());
            }
        }
        let before_exponent = self.at;
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(0), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.skip_while(|byte| byte.is_ascii_digit()) > 0 {
                return TokenKind::Float;
            }
            self.at = before_exponent;
        }
        kind
    }

    /// Takes a uuid, if one stands here.
    fn uuid(&mut self) -> bool {
        let start = self.at;
        for (group, digits) in [8_usize, 4, 4, 4, 12].into_iter().enumerate() {
            let separated = group == 0 || self.take(b'-');
            let all_hex = self
                .bytes
                .get(self.at..self.at + digits)
                .is_some_and(|part| part.iter().all(u8::is_ascii_hexdigit));
            if !separated || !all_hex {
                self.at = start;
                return false;
            }
            self.at += digits;
        }
        true
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek(0) == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes a duration such as `1h30m`, if one stands here.
    fn units_duration(&mut self) -> bool {
        let start = self.at;
        let mut parts = 0;
        while self.skip_while(|byte| byte.is_ascii_digit()) > 0 {
            if !self.duration_unit() {
                self.at = start;
                return false;
            }
            parts += 1;
        }
        parts > 0 && !self.continues() || {
            self.at = start;
            false
        }
    }

    fn duration_unit(&mut self) -> bool {
        if self.rest().starts_with(MICRO_SIGN) {
            self.at += MICRO_SIGN.len();
            return matches!(self.peek(0), Some(b's' | b'S')) && self.take_any();
        }
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphabetic());
        let unit = self.bytes.get(start..self.at).unwrap_or_default();
        ["y", "mo", "w", "d", "h", "m", "s", "ms", "us", "ns"]
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(unit))
    }

    fn take_any(&mut self) -> bool {
        self.at += 1;
        true
    }

    /// Takes a duration of one of the three forms of ISO 8601, if one stands here.
    fn iso_duration(&mut self) -> bool {
        let start = self.at;
        for form in [Self::iso_alternative, Self::iso_weeks, Self::iso_designators] {
            self.at = start + 1;
            if form(self) {
                return true;
            }
        }
        self.at = start;
        false
    }

    fn iso_alternative(&mut self) -> bool {
        let shape = b"0000-00-00T00:00:00";
        let matches = self.rest().get(..shape.len()).is_some_and(|text| {
            text.iter().zip(shape).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
        });
        self.at += if matches { shape.len() } else { 0 };
        matches
    }

    fn iso_weeks(&mut self) -> bool {
        self.skip_while(|byte| byte.is_ascii_digit()) > 0 && self.take(b'W')
    }

    fn iso_designators(&mut self) -> bool {
        let mut parts = self.designated(b"YMD");
        if self.take(b'T') {
            let time_parts = self.designated(b"HMS");
            if time_parts == 0 {
                return false;
            }
            parts += time_parts;
        }
        parts > 0
    }

    /// Takes digits with the letters of `designators`, each at most once and in this order; says
    /// how many it took.
    fn designated(&mut self, designators: &[u8]) -> usize {
        let mut parts = 0;
        for designator in designators {
            let start = self.at;
            if self.skip_while(|byte| byte.is_ascii_digit()) > 0 && self.take(*designator) {
                parts += 1;
            } else {
                self.at = start;
            }
        }
        parts
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests;
