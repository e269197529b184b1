//! What a shell has, and how it answers a statement.

use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use helenus::cql::{Answer, QueryOptions, Response, ResultRows, StopSwitch};
use helenus::{Database, Session, SystemClock};

use super::output::ShellOutput;
use super::problem::Problem;
use super::render::PrintedRows;
use super::settings::Settings;
use super::target::ShellTarget;
use crate::args::ShellFormat;
use crate::failure::Failure;
use crate::output::counted;

/// The rows of a page where nobody reads page by page.
const BLOCK_ROWS: usize = 1000;

/// Asks whether another page is wanted.
pub(super) type AskMore = Box<dyn FnMut() -> bool>;

pub(super) struct ShellSession {
    pub(super) database: Database,
    pub(super) session: Session,
    pub(super) settings: Settings,
    pub(super) out: ShellOutput,
    /// Set by Ctrl-C while a person waits for an answer.
    pub(super) stop: StopSwitch,
    pub(super) ask_more: Option<AskMore>,
    pub(super) description: String,
    pub(super) clock: SystemClock,
    pub(super) failed: u64,
    /// Files that are being run, one within the other.
    pub(super) sources: usize,
}

impl ShellSession {
    pub(super) fn new(target: &ShellTarget, settings: Settings, out: ShellOutput) -> Self {
        Self {
            database: target.database.clone(),
            session: Session::new(&target.database),
            settings,
            out,
            stop: StopSwitch::default(),
            ask_more: None,
            description: target.description.clone(),
            clock: SystemClock::new(),
            failed: 0,
            sources: 0,
        }
    }

    /// Makes a keyspace that of names that bring none.
    pub(super) fn use_keyspace(&self, name: &str) -> Result<(), Failure> {
        let name = helenus::Identifier::exact(name);
        self.session
            .execute(&format!("USE {name}"), ())
            .map_err(|error| Failure::usage(error.to_string()))?;
        Ok(())
    }

    /// Hands on everything, and gives back the file of CAPTURE.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.out.capture(None)?;
        Ok(self.out.flush()?)
    }

    /// An error if anything failed.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::failed(format!("{} failed", counted(failed, "statement")))),
        }
    }

    /// The options of a statement.
    pub(super) fn options(&self) -> QueryOptions {
        let page = self.settings.page.map(|rows| if self.ask_more.is_some() { rows } else { BLOCK_ROWS });
        let stop = self.settings.is_interactive.then(|| self.stop.clone());
        QueryOptions { page_size: page, stop, ..QueryOptions::default() }
    }

    pub(super) fn statement(&mut self, text: &str) -> Result<ControlFlow<()>, Problem> {
        let mut options = self.options();
        let Response { answer, warnings, .. } = self.session.execute_with(text, (), &options)?;
        self.warn(&warnings)?;
        if let Answer::Rows(rows) = answer {
            self.rows(text, rows, &mut options)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Prints rows, and the pages after them.
    fn rows(&mut self, text: &str, mut rows: ResultRows, options: &mut QueryOptions) -> Result<(), Problem> {
        let catalog = self.database.schema();
        let mut shown =
            PrintedRows::new(self.settings.format, &catalog, rows.columns(), self.out.in_colour());
        loop {
            shown.page(&mut rows, &mut self.out)?;
            options.paging_state = rows.paging_state().map(<[u8]>::to_vec);
            if options.paging_state.is_none() || !self.wants_more()? {
                break;
            }
            let next = self.session.execute_with(text, (), options)?;
            self.warn(&next.warnings)?;
            rows = next.into_rows()?;
        }
        Ok(shown.end(&mut self.out)?)
    }

    fn wants_more(&mut self) -> Result<bool, Problem> {
        if self.out.captured_by().is_some() {
            return Ok(true);
        }
        self.out.flush()?;
        Ok(self.ask_more.as_mut().is_none_or(|ask| ask()))
    }

    pub(super) fn warn(&self, warnings: &[String]) -> Result<(), Failure> {
        for warning in warnings {
            writeln!(std::io::stderr(), "warning: {warning}")?;
        }
        Ok(())
    }

    pub(super) fn tell_time(&mut self, took: Duration) -> Result<(), Failure> {
        let text = format!("took {:.3} ms", took.as_secs_f64() * 1e3);
        if self.is_for_people() {
            writeln!(self.out, "{text}")?;
        } else {
            writeln!(std::io::stderr(), "{text}")?;
        }
        Ok(())
    }

    /// Whether answers are read by people, so that other lines may stand between them.
    pub(super) fn is_for_people(&self) -> bool {
        matches!(self.settings.format, ShellFormat::Table | ShellFormat::Expanded)
    }

    /// Confirms a change to the person who asked for it.
    pub(super) fn confirm(&mut self, text: &str) -> Result<(), Problem> {
        if self.settings.is_interactive {
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    /// Prints a page of rows that no statement's pages follow.
    pub(super) fn print(&mut self, rows: &mut ResultRows) -> Result<(), Problem> {
        let catalog = self.database.schema();
        let mut shown =
            PrintedRows::new(self.settings.format, &catalog, rows.columns(), self.out.in_colour());
        shown.page(rows, &mut self.out)?;
        Ok(shown.end(&mut self.out)?)
    }
}
