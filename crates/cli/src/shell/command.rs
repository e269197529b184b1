//! The shell's own commands: what their words say.

use helenus::cql::{Span, token_spans};

use super::problem::Problem;

/// The words that commands begin with.
pub(super) const COMMANDS: [&str; 18] = [
    "CAPTURE",
    "CLEAR",
    "CLS",
    "CONSISTENCY",
    "COPY",
    "DESC",
    "DESCRIBE",
    "EXIT",
    "EXPAND",
    "HELP",
    "LOGIN",
    "PAGING",
    "QUIT",
    "SERIAL",
    "SHOW",
    "SOURCE",
    "TIMING",
    "TRACING",
];

/// Whether a text that begins with a token begins with a command.
pub(super) fn is_one(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    text.starts_with('?') || COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(word))
}

/// The words of a command, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Words<'t> {
    text: &'t str,
    spans: Vec<Span>,
    at: usize,
}

impl<'t> Words<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, spans: token_spans(text), at: 0 }
    }

    fn span(&self) -> Option<Span> {
        self.spans.get(self.at).copied()
    }

    /// The word at hand, as it is written.
    pub(super) fn peek(&self) -> Option<&'t str> {
        self.span().map(|span| span.of(self.text))
    }

    /// Takes the word at hand.
    pub(super) fn next(&mut self) -> Option<&'t str> {
        let word = self.peek();
        self.at += 1;
        word
    }

    /// Takes that word, if it stands here.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    /// Takes that word.
    pub(super) fn expect(&mut self, word: &str) -> Result<(), Problem> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    /// Takes a text in quotes.
    pub(super) fn string(&mut self, what: &str) -> Result<String, Problem> {
        let quoted = |word: &str| {
            let inner = word.strip_prefix('\'')?.strip_suffix('\'').filter(|_| word.len() > 1)?;
            Some(inner.replace("''", "'"))
        };
        let text = self
            .peek()
            .and_then(quoted)
            .ok_or_else(|| self.unexpected(&format!("{what} in single quotes")))?;
        self.at += 1;
        Ok(text)
    }

    /// Takes a name; one that is not in quotes is in lower case.
    pub(super) fn name(&mut self, what: &str) -> Result<String, Problem> {
        let name = |word: &str| match word.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').map(|name| name.replace("\"\"", "\"")),
            None => word.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| word.to_ascii_lowercase()),
        };
        let name = self.peek().and_then(name).ok_or_else(|| self.unexpected(what))?;
        self.at += 1;
        Ok(name)
    }

    /// Nothing follows.
    pub(super) fn end(&self) -> Result<(), Problem> {
        if self.peek().is_some() { Err(self.unexpected("the end of the command")) } else { Ok(()) }
    }

    /// ON or OFF, or nothing.
    pub(super) fn switch(&mut self) -> Result<Option<bool>, Problem> {
        let state = if self.take("on") {
            Some(true)
        } else if self.take("off") {
            Some(false)
        } else if self.peek().is_none() {
            None
        } else {
            return Err(self.unexpected("ON or OFF"));
        };
        self.end()?;
        Ok(state)
    }

    pub(super) fn unexpected(&self, expected: &str) -> Problem {
        let found = self.peek().map_or_else(|| "nothing".to_owned(), |word| format!("`{word}`"));
        Problem::command(format!("expected {expected}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_by_their_first_word() {
        for text in ["help", "Copy k.t to 'f'", "EXIT", "desc\ttables", "?"] {
            assert!(is_one(text), "{text}");
        }
        for text in ["select", "copying", "'help'", "exit_1", ""] {
            assert!(!is_one(text), "{text}");
        }
    }

    #[test]
    fn words_are_names_and_texts() {
        let mut words = Words::new("Key \"A\"\"b\" 'it''s' 12");
        assert_eq!(words.name("a name").unwrap(), "key");
        assert_eq!(words.name("a name").unwrap(), "A\"b");
        assert!(matches!(words.name("a name"), Err(Problem::Command(_))));
        assert_eq!(words.string("a text").unwrap(), "it's");
        assert!(words.end().is_err());
        assert_eq!((words.next(), words.next()), (Some("12"), None));
        assert!(words.string("a text").is_err());
        words.end().unwrap();
    }
}
