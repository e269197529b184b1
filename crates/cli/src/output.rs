//! Standard output, buffered and locked once; progress on a terminal.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BUFFER_BYTES: usize = 256 << 10;
/// Progress is redrawn at most every so many rows.
const ROWS_A_TICK: u64 = 4096;

/// Where a command's answer goes.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())
}

/// Writes lines of columns under each other, the first to the left, the others to the right.
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

    /// Where the next line is appended.
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
    /// Progress towards so many rows, of a command that writes to standard output.
    pub(crate) fn beside_output(rows: u64) -> Self {
        let is_shown = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self::new(rows, is_shown, "{wide_bar} {human_pos} of about {human_len} rows, {per_sec}")
    }

    /// Progress through a file of so many bytes.
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

    /// Where in the file the command is, and what it has to say.
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

/// A bar through inputs whose length a tool tells with its first report.
#[derive(Default)]
pub(crate) struct ByteProgress {
    bar: Option<Progress>,
}

impl ByteProgress {
    /// Where the tool is.
    pub(crate) fn at(&mut self, bytes: u64, total: u64) {
        self.bar.get_or_insert_with(|| Progress::through_file(total)).at(bytes, String::new);
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
