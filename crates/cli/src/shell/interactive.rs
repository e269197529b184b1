//! Statements that are typed: line editing, history, Ctrl-C.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use helenus::Database;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::complete::complete;
use super::help;
use super::script::first;
use super::session::ShellSession;
use super::target::ShellTarget;
use crate::failure::Failure;

/// The prompt of lines that go on with a statement ends where the first one does.
const NAME: &str = "helenus";
/// The statements that are kept for another day.
const HISTORY: usize = 10_000;

/// Knows what may stand before the cursor.
struct Assistant {
    database: Database,
    keyspace: Option<String>,
    /// The lines of the statement before this one.
    before: String,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let text = format!("{}{}", self.before, line.get(..at).unwrap_or_default());
        let (start, found) = complete(&self.database.schema(), self.keyspace.as_deref(), &text);
        Ok((start.saturating_sub(self.before.len()), found))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }
}

impl Validator for Assistant {}
impl Helper for Assistant {}

type Lines = Editor<Assistant, FileHistory>;

/// Runs what a person types, until they end it.
pub(super) fn run(shell: &mut ShellSession, target: &ShellTarget) -> Result<(), Failure> {
    greet(shell, target)?;
    let failed = |error: ReadlineError| Failure::failed(format!("the terminal can't be read: {error}"));
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY);
    let config = config.map_err(failed)?.build();
    let mut lines = Lines::with_config(config).map_err(failed)?;
    let assistant = Assistant { database: target.database.clone(), keyspace: None, before: String::new() };
    lines.set_helper(Some(assistant));
    let history = history_file();
    if let Some(path) = &history {
        // The first time there is none.
        lines.load_history(path).unwrap_or_default();
    }
    let lines = Rc::new(RefCell::new(lines));
    let of_pages = lines.clone();
    shell.ask_more = Some(Box::new(move || {
        let answer = of_pages.borrow_mut().readline("---MORE---");
        answer.is_ok_and(|answer| !answer.trim().eq_ignore_ascii_case("q"))
    }));
    let stopped = signal_hook::flag::register(signal_hook::consts::SIGINT, shell.stop.0.clone());
    stopped.map_err(|error| Failure::failed(format!("Ctrl-C can't be listened to: {error}")))?;
    let outcome = read_and_run(shell, &lines, &failed);
    if let Some(path) = &history {
        // What can't be kept is no failure of what was done.
        lines.borrow_mut().save_history(path).unwrap_or_default();
    }
    outcome
}

fn greet(shell: &mut ShellSession, target: &ShellTarget) -> Result<(), Failure> {
    writeln!(shell.out, "{}\n{}", help::VERSIONS, target.description)?;
    for note in &target.notes {
        writeln!(shell.out, "{note}")?;
    }
    writeln!(shell.out, "HELP lists the commands.")?;
    Ok(shell.out.flush()?)
}

fn read_and_run(
    shell: &mut ShellSession,
    lines: &RefCell<Lines>,
    failed: &dyn Fn(ReadlineError) -> Failure,
) -> Result<(), Failure> {
    let mut text = String::new();
    loop {
        let keyspace = shell.session.keyspace();
        let name = keyspace.as_ref().map_or_else(|| NAME.to_owned(), |keyspace| format!("{NAME}:{keyspace}"));
        let prompt = match text.is_empty() {
            true => format!("{name}> "),
            false => format!("{:>width$} ", "...", width = name.chars().count() + 1),
        };
        if let Some(assistant) = lines.borrow_mut().helper_mut() {
            assistant.keyspace = keyspace;
            assistant.before.clone_from(&text);
        }
        let read = lines.borrow_mut().readline(&prompt);
        match read {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
            }
            Err(ReadlineError::Interrupted) => {
                text.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        if run_complete(shell, lines, &mut text)? {
            return Ok(());
        }
    }
}

/// Runs the pieces that are complete and leaves the rest; true at the end.
fn run_complete(
    shell: &mut ShellSession,
    lines: &RefCell<Lines>,
    text: &mut String,
) -> Result<bool, Failure> {
    let whole = text.clone();
    let mut rest = whole.as_str();
    let mut has_ended = false;
    while let Some(piece) = first(rest).filter(|piece| piece.is_complete) {
        shell.stop.0.store(false, Relaxed);
        if shell.piece(piece.text, piece.is_command, None)?.is_break() {
            has_ended = true;
            break;
        }
        rest = rest.get(piece.end..).unwrap_or_default();
    }
    let done = whole.strip_suffix(rest).unwrap_or(&whole).trim();
    if !done.is_empty() || has_ended {
        let entry = if has_ended { whole.trim() } else { done };
        // Without it the line is not brought back, and nothing else.
        lines.borrow_mut().add_history_entry(entry).unwrap_or_default();
    }
    *text = if first(rest).is_some() { rest.to_owned() } else { String::new() };
    Ok(has_ended)
}

/// The file of HELENUS_HISTORY, or one in the user's directory of states. An empty name is none.
fn history_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HELENUS_HISTORY") {
        return (!path.is_empty()).then(|| path.into());
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let dir = state.or_else(home)?.join("helenus");
    #[expect(clippy::disallowed_methods, reason = "a directory of the user's, no part of a database")]
    let made = std::fs::create_dir_all(&dir);
    made.ok().map(|()| dir.join("history"))
}
