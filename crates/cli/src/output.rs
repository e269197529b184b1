//! Standard output, buffered and locked once; progress on a terminal.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};

use helenus::{Disk, RealDisk};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;

const BUFFER_BYTES: usize = 256 << 10;
const ROWS: &str = "{wide_bar} {human_pos} of about {human_len} rows, {per_sec}";
/// The number of rows after which progress is redrawn.
const ROWS_A_TICK: u64 = 4096;

/// Standard output, for a command's answer.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// A number of things, `one` of which is called so: `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}

/// Writes a file that is not there yet. Until it is complete it is called FILE.unfinished; after an
/// error nothing is left. What a run left that was broken off is written over.
pub(crate) fn to_file<T>(path: &Path, write: impl FnOnce(&File) -> Result<T, Failure>) -> Result<T, Failure> {
    refuse_present(path)?;
    let staging = unfinished(path);
    if staging.is_symlink() {
        let text = format!("{}: it is a link, and what a link leads to is left alone", staging.display());
        return Err(Failure::failed(text).or_try("another name"));
    }
    let failed = |error: io::Error| Failure::file(&staging, &error);
    #[expect(clippy::disallowed_methods, reason = "a file for the user, no part of a database")]
    let opened = File::options().write(true).create(true).truncate(false).open(&staging);
    let file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let text = format!("{}: another helenus is writing it", staging.display());
            return Err(Failure::failed(text).or_try("wait for it, or name another file"));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The previous holder of the lock may have given it its name meanwhile.
    refuse_present(path)?;
    file.set_len(0).map_err(failed)?;
    let done = write(&file).and_then(|done| {
        file.sync_all().map_err(failed)?;
        let renamed = RealDisk.rename(&staging, path);
        renamed.map_err(|error| Failure::failed(error.to_string()))?;
        Ok(done)
    });
    if done.is_err() {
        // Report the first error.
        RealDisk.remove_file(&staging).ok();
    }
    done
}

fn refuse_present(path: &Path) -> Result<(), Failure> {
    match RealDisk.exists(path).map_err(|error| Failure::failed(error.to_string()))? {
        true => Err(Failure::failed(format!("{} is already there", path.display())).or_try("another name")),
        false => Ok(()),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".unfinished");
    name.into()
}

/// Writes lines of aligned columns, the first to the left, the others to the right.
pub(crate) fn columns<const N: usize>(out: &mut impl Write, lines: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let width = width(column).unwrap_or_default();
            match column {
                0 => write!(out, "{cell:width$}")?,
                _ => write!(out, "  {cell:>width$}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Lines that are collected before they are handed to the output.
pub(crate) struct Lines<W: Write> {
    out: W,
    text: String,
}

impl<W: Write> Lines<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, text: String::with_capacity(BUFFER_BYTES) }
    }

    /// The text to which the next line is appended.
    pub(crate) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Hands on what has been collected, once there is enough of it.
    pub(crate) fn end_line(&mut self) -> io::Result<()> {
        if self.text.len() >= BUFFER_BYTES / 2 { self.hand_on() } else { Ok(()) }
    }

    /// Hands on everything.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}

/// A bar on the terminal, where there is one and nothing else is written to it.
pub(crate) struct Progress {
    bar: ProgressBar,
    since_tick: u64,
}

impl Progress {
    /// Progress towards `rows` rows, of a command that writes to standard output.
    pub(crate) fn beside_output(rows: u64) -> Self {
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self::new(rows, is_shown, ROWS)
    }

    /// Progress towards `rows` rows, of a command that writes to a file.
    pub(crate) fn towards_rows(rows: u64) -> Self {
        Self::new(rows, io::stderr().is_terminal(), ROWS)
    }

    /// Progress by the text printed so far, if standard output is not the terminal.
    fn of_text() -> Self {
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self::new(0, is_shown, "{spinner} {bytes} printed, {bytes_per_sec}")
    }

    /// Progress through a file of `bytes` bytes.
    pub(crate) fn through_file(bytes: u64) -> Self {
        Self::new(bytes, io::stderr().is_terminal(), "{wide_bar} {bytes} of {total_bytes}, {msg}")
    }

    fn new(total: u64, is_shown: bool, template: &str) -> Self {
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self { bar, since_tick: 0 }
    }

    /// One row more.
    #[inline]
    pub(crate) fn row(&mut self) {
        self.since_tick += 1;
        if self.since_tick == ROWS_A_TICK {
            self.bar.inc(self.since_tick);
            self.since_tick = 0;
        }
    }

    /// Shows the position in the file, and a message.
    pub(crate) fn at(&self, position: u64, message: impl FnOnce() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_position(position);
            self.bar.set_message(message());
        }
    }

    /// Says something without disturbing the bar.
    pub(crate) fn message(&self, text: &str) -> io::Result<()> {
        self.bar.suspend(|| writeln!(io::stderr(), "{text}"))
    }

    /// Says how far the command is where there is no bar to show it.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        if self.bar.is_hidden() { writeln!(io::stderr(), "{text}") } else { Ok(()) }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Standard output whose length is shown on the terminal.
pub(crate) struct Counted {
    out: BufWriter<StdoutLock<'static>>,
    progress: Progress,
    len: u64,
}

impl Counted {
    pub(crate) fn stdout() -> Self {
        Self { out: stdout(), progress: Progress::of_text(), len: 0 }
    }

    /// Hands on everything.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.progress.finish();
        self.out.flush()
    }
}

impl Write for Counted {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let written = self.out.write(text)?;
        self.len += written as u64;
        self.progress.at(self.len, String::new);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A bar through inputs whose length comes with a tool's first report.
#[derive(Default)]
pub(crate) struct ByteProgress {
    bar: Option<Progress>,
}

impl ByteProgress {
    /// Shows the tool's position.
    pub(crate) fn at(&mut self, bytes: u64, total: u64) {
        self.bar.get_or_insert_with(|| Progress::through_file(total)).at(bytes, String::new);
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
