//! Texts of statements and commands, piece by piece.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;

use helenus::cql::first_piece;

use super::command;
use crate::failure::Failure;

/// The longest statement of a script, in bytes: more than the largest value takes in hex.
const MAX_BYTES: usize = 64 << 20;

/// A statement or command of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShellPiece<'t> {
    /// Without the semicolon.
    pub(super) text: &'t str,
    /// Where it begins.
    pub(super) start: usize,
    /// Where what follows begins.
    pub(super) end: usize,
    /// Whether it goes no further, whatever follows.
    pub(super) is_complete: bool,
    /// Whether it is one of the shell's commands.
    pub(super) is_command: bool,
}

/// The first piece of a text; `None` where there is none. A command ends with its line, or with a
/// semicolon.
pub(super) fn first(text: &str) -> Option<ShellPiece<'_>> {
    let piece = first_piece(text)?;
    let start = piece.span.start;
    let rest = text.get(start..)?;
    if command::is_one(rest) {
        let line = rest.find('\n').map_or(rest, |end| rest.get(..end).unwrap_or(rest));
        // A semicolon in quotes is part of it, and no token is half on the line.
        let piece = first_piece(line)?;
        let is_complete = piece.is_complete || line.len() < rest.len();
        let text = piece.span.of(line);
        return Some(ShellPiece { text, start, end: start + piece.end, is_complete, is_command: true });
    }
    let (text, end, is_complete) = (piece.span.of(text), piece.end, piece.is_complete);
    Some(ShellPiece { text, start, end, is_complete, is_command: false })
}

/// Runs a piece: its text, whether it is a command, and its place. It breaks off at the end.
type RunPiece<'r> = dyn FnMut(&str, bool, &str) -> Result<ControlFlow<()>, Failure> + 'r;

/// Runs what a text holds, line by line.
pub(super) fn run(
    source: impl BufRead,
    place: &str,
    run_piece: &mut RunPiece<'_>,
) -> Result<ControlFlow<()>, Failure> {
    let mut script = Script { source, pending: String::new(), line: 1 };
    loop {
        let is_last = !script.read(place)?;
        while let Some(piece) = first(&script.pending) {
            if !piece.is_complete && !is_last {
                break;
            }
            let (text, is_command) = (piece.text.to_owned(), piece.is_command);
            let (start, end) = (piece.start, piece.end);
            script.pass(start);
            let at = format!("{place}:{}", script.line);
            script.pass(end - start);
            if run_piece(&text, is_command, &at)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if first(&script.pending).is_none() {
            let len = script.pending.len();
            script.pass(len);
        }
        if is_last {
            return Ok(ControlFlow::Continue(()));
        }
    }
}

struct Script<R> {
    source: R,
    /// What was read and not run.
    pending: String,
    /// The line of its beginning.
    line: usize,
}

impl<R: BufRead> Script<R> {
    /// Reads on to the end of a line on which a piece may end; false at the end of the text.
    fn read(&mut self, place: &str) -> Result<bool, Failure> {
        loop {
            let before = self.pending.len();
            let room = (MAX_BYTES + 1).saturating_sub(before) as u64;
            let read = (&mut self.source).take(room).read_line(&mut self.pending);
            let len = read.map_err(|error| Failure::failed(format!("{place}: {error}")))?;
            if self.pending.len() > MAX_BYTES {
                let text = format!("{place}:{}: a statement of more than 64 MiB", self.line);
                return Err(Failure::failed(text).or_try("a quote may be open before"));
            }
            if len == 0 {
                return Ok(false);
            }
            // Lines without a semicolon only make a statement longer.
            let is_first = self.pending.get(..before).is_some_and(|text| text.trim().is_empty());
            if is_first || self.pending.get(before..).is_some_and(|line| line.contains(';')) {
                return Ok(true);
            }
        }
    }

    /// Goes on after the first bytes.
    fn pass(&mut self, len: usize) {
        let rest = self.pending.split_off(len);
        self.line += self.pending.matches('\n').count();
        self.pending = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, bool, bool)]) {
        let mut rest = text;
        let mut found = Vec::new();
        while let Some(piece) = first(rest) {
            found.push((piece.text, piece.is_command, piece.is_complete));
            rest = rest.get(piece.end..).unwrap();
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn commands_end_with_their_line() {
        check("expand on\nselect 1;", &[("expand on", true, true), ("select 1", false, true)]);
        check("expand on; paging 5", &[("expand on", true, true), ("paging 5", true, false)]);
        check("select\nexpand on;", &[("select\nexpand on", false, true)]);
        check("source 'a;b' -- c\n;", &[("source 'a;b'", true, true), ("", false, true)]);
        check("-- a\n\nEXIT", &[("EXIT", true, false)]);
    }
}
