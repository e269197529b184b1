//! `shell`: CQL and the commands of cqlsh, typed in or from scripts.
//!
//! `target.rs` opens what is asked for; `session.rs` is what a shell has, and `dispatch.rs` runs one
//! piece of a text after the other, statements and commands (`command.rs`). `script.rs` finds the
//! pieces of texts, `interactive.rs` brings those that are typed, with completion (`complete.rs`).
//! Rows are printed by `render/`, failures by `problem.rs`; COPY is `copy.rs`.

mod command;
mod complete;
mod copy;
mod describe;
mod dispatch;
mod help;
mod interactive;
mod output;
mod problem;
mod render;
mod script;
mod session;
mod settings;
mod target;

use std::io::IsTerminal;

use crate::args::Shell as Args;
use crate::failure::Failure;
use output::ShellOutput;
use session::ShellSession;
use settings::Settings;
use target::ShellTarget;

pub(crate) fn shell(args: &Args) -> Result<(), Failure> {
    let target = ShellTarget::open(args)?;
    let is_script = !args.execute.is_empty() || !args.file.is_empty();
    let is_interactive = !is_script && std::io::stdin().is_terminal();
    let output = ShellOutput::new(args.color);
    let mut shell = ShellSession::new(&target, Settings::new(args, is_interactive), output);
    let outcome = run(&mut shell, &target, args, is_interactive);
    let finished = shell.finish();
    target.close()?;
    outcome.and(finished)
}

fn run(
    shell: &mut ShellSession,
    target: &ShellTarget,
    args: &Args,
    is_interactive: bool,
) -> Result<(), Failure> {
    if let Some(keyspace) = &args.keyspace {
        shell.use_keyspace(keyspace)?;
    }
    if is_interactive {
        return interactive::run(shell, target);
    }
    for path in &args.file {
        if shell.file(path)?.is_break() {
            return shell.outcome();
        }
    }
    for (at, text) in (1..).zip(&args.execute) {
        let place = if args.execute.len() == 1 { "-e".to_owned() } else { format!("-e {at}") };
        if shell.script(text.as_bytes(), &place)?.is_break() {
            return shell.outcome();
        }
    }
    if args.file.is_empty() && args.execute.is_empty() {
        // The outcome says what it ended with.
        let _ended = shell.script(std::io::stdin().lock(), "<stdin>")?;
    }
    shell.outcome()
}
