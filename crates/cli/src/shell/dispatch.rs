//! Pieces of texts, one after the other: statements go to the session, commands are carried out.

use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::path::Path;

use helenus::Clock;

use super::command::Words;
use super::problem::{self, Problem};
use super::session::ShellSession;
use super::settings::{LEVELS, PAGE_ROWS, SERIAL_LEVELS};
use super::{copy, describe, help, script};
use crate::args::ShellFormat;
use crate::failure::Failure;
use crate::output::counted;

/// Files that run files that run files: more of them are a circle.
const MAX_SOURCES: usize = 16;
const CLEAR: &str = "\x1b[2J\x1b[H";

impl ShellSession {
    /// Runs a statement or a command, which has that place in a script. It breaks off where the
    /// shell is to end.
    pub(super) fn piece(
        &mut self,
        text: &str,
        is_command: bool,
        place: Option<&str>,
    ) -> Result<ControlFlow<()>, Failure> {
        if text.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let begun = self.clock.elapsed();
        let outcome = if is_command { self.command(text) } else { self.statement(text) };
        if self.settings.timing {
            self.tell_time(self.clock.elapsed().saturating_sub(begun))?;
        }
        self.out.flush()?;
        let words = match outcome {
            Ok(flow) => return Ok(flow),
            Err(Problem::Output(failure)) => return Err(failure),
            Err(Problem::Cql(error)) => {
                self.warn(error.warnings())?;
                problem::describe(&error, text, place)
            }
            Err(Problem::Command(error)) => {
                let place = place.map_or_else(String::new, |place| format!("{place}: "));
                format!("{place}{error}")
            }
        };
        self.failed += 1;
        writeln!(std::io::stderr(), "{words}")?;
        let ends = self.settings.stop_on_error && !self.settings.is_interactive;
        Ok(if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Runs a file.
    pub(super) fn file(&mut self, path: &Path) -> Result<ControlFlow<()>, Failure> {
        if self.sources == MAX_SOURCES {
            return Err(Failure::failed(format!("{}: files run each other", path.display())));
        }
        #[expect(clippy::disallowed_methods, reason = "a file that the user names is no part of a database")]
        let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
        self.sources += 1;
        let ran = self.script(std::io::BufReader::new(file), &path.display().to_string());
        self.sources -= 1;
        ran
    }

    /// Runs what a text holds, which has that name. It breaks off where the shell is to end.
    pub(super) fn script(&mut self, source: impl BufRead, place: &str) -> Result<ControlFlow<()>, Failure> {
        script::run(source, place, &mut |text, is_command, at| self.piece(text, is_command, Some(at)))
    }

    fn command(&mut self, text: &str) -> Result<ControlFlow<()>, Problem> {
        let mut words = Words::new(text);
        let command = words.next().unwrap_or_default().to_ascii_uppercase();
        match command.as_str() {
            "EXIT" | "QUIT" => {
                words.end()?;
                return Ok(ControlFlow::Break(()));
            }
            "DESCRIBE" | "DESC" => describe::run(self, text)?,
            "EXPAND" => self.expand(&mut words)?,
            "PAGING" => self.paging(&mut words)?,
            "TRACING" => {
                if words.switch()? == Some(true) {
                    return Err(Problem::command("no statement is traced: a session has no traces"));
                }
                writeln!(self.out, "Tracing is off.")?;
            }
            "TIMING" => {
                self.settings.timing = self.switch(&mut words, "Timing", self.settings.timing)?;
            }
            "CONSISTENCY" => {
                let now = self.settings.consistency;
                self.settings.consistency = self.level(&mut words, "Consistency", &LEVELS, now)?;
            }
            "SERIAL" => {
                words.expect("CONSISTENCY")?;
                let now = self.settings.serial_consistency;
                self.settings.serial_consistency =
                    self.level(&mut words, "Serial consistency", &SERIAL_LEVELS, now)?;
            }
            "SOURCE" => {
                let path = words.string("a file's name")?;
                words.end()?;
                return Ok(self.file(Path::new(&path))?);
            }
            "CAPTURE" => self.capture(&mut words)?,
            "COPY" => copy::run(self, &mut words)?,
            "SHOW" => self.show(&mut words)?,
            "HELP" | "?" => writeln!(self.out, "{}", help::text(words.next())?.trim_end())?,
            "CLEAR" | "CLS" => {
                words.end()?;
                write!(self.out, "{CLEAR}")?;
            }
            _ => {
                return Err(Problem::command(
                    "there are no users to log in as: everything is in this process",
                ));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A state after ON, OFF or nothing.
    fn switch(&mut self, words: &mut Words<'_>, name: &str, now: bool) -> Result<bool, Problem> {
        let wanted = words.switch()?;
        let state = wanted.unwrap_or(now);
        let text = format!("{name} is {}.", if state { "on" } else { "off" });
        match wanted {
            Some(_) => self.confirm(&text)?,
            None => writeln!(self.out, "{text}")?,
        }
        Ok(state)
    }

    fn expand(&mut self, words: &mut Words<'_>) -> Result<(), Problem> {
        if !self.is_for_people() {
            return Err(Problem::command("EXPAND is of tables; --format says otherwise"));
        }
        let now = self.settings.format == ShellFormat::Expanded;
        let expanded = self.switch(words, "Expanded output", now)?;
        self.settings.format = if expanded { ShellFormat::Expanded } else { ShellFormat::Table };
        Ok(())
    }

    fn paging(&mut self, words: &mut Words<'_>) -> Result<(), Problem> {
        let Some(rows) = words.peek().and_then(|word| word.parse::<usize>().ok()) else {
            let on = self.switch(words, "Paging", self.settings.page.is_some())?;
            let rows = self.settings.page.unwrap_or(PAGE_ROWS);
            self.settings.page = on.then_some(rows);
            return Ok(());
        };
        words.next();
        words.end()?;
        if rows == 0 || i32::try_from(rows).is_err() {
            return Err(Problem::command("a page has 1 to 2147483647 rows"));
        }
        self.settings.page = Some(rows);
        self.confirm(&format!("Pages have {}.", counted(rows as u64, "row")))
    }

    fn level(
        &mut self,
        words: &mut Words<'_>,
        name: &str,
        levels: &[&'static str],
        now: &'static str,
    ) -> Result<&'static str, Problem> {
        let Some(word) = words.next() else {
            writeln!(self.out, "{name} level is {now}; it is accepted, and there is one copy.")?;
            return Ok(now);
        };
        let Some(level) = levels.iter().find(|level| level.eq_ignore_ascii_case(word)) else {
            return Err(Problem::command(format!(
                "{word} is no level; the levels are {}",
                levels.join(", ")
            )));
        };
        words.end()?;
        self.confirm(&format!("{name} level is {level}."))?;
        Ok(level)
    }

    fn capture(&mut self, words: &mut Words<'_>) -> Result<(), Problem> {
        if words.peek().is_none() {
            let text = match self.out.captured_by() {
                Some(path) => format!("Answers go to {}.", path.display()),
                None => "Answers are not captured.".to_owned(),
            };
            writeln!(std::io::stderr(), "{text}")?;
            return Ok(());
        }
        if words.take("off") {
            words.end()?;
            return Ok(self.out.capture(None)?);
        }
        let path = words.string("a file's name, or OFF")?;
        words.end()?;
        Ok(self.out.capture(Some(Path::new(&path)))?)
    }

    fn show(&mut self, words: &mut Words<'_>) -> Result<(), Problem> {
        let text = if words.take("version") {
            help::VERSIONS.to_owned()
        } else if words.take("host") {
            self.description.clone()
        } else if words.take("session") {
            return Err(Problem::command("a session has no traces"));
        } else {
            return Err(words.unexpected("VERSION, HOST or SESSION"));
        };
        words.end()?;
        writeln!(self.out, "{text}")?;
        Ok(())
    }
}
