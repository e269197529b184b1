//! Where answers go: standard output, or the file of CAPTURE.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};

use crate::args::ColorChoice;
use crate::failure::Failure;

pub(super) struct ShellOutput {
    stdout: BufWriter<Stdout>,
    capture: Option<(PathBuf, BufWriter<File>)>,
    in_colour: bool,
}

impl ShellOutput {
    pub(super) fn new(color: ColorChoice) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let in_colour = match color {
            ColorChoice::Auto => wanted && io::stdout().is_terminal(),
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { stdout: BufWriter::new(io::stdout()), capture: None, in_colour }
    }

    /// Whether what is printed now is in colour.
    pub(super) fn in_colour(&self) -> bool {
        self.in_colour && self.capture.is_none()
    }

    /// The file that answers go to instead.
    pub(super) fn captured_by(&self) -> Option<&Path> {
        self.capture.as_ref().map(|(path, _)| path.as_path())
    }

    /// Lets answers go to the end of a file, or to standard output again.
    pub(super) fn capture(&mut self, path: Option<&Path>) -> Result<(), Failure> {
        if let Some((path, mut file)) = self.capture.take() {
            file.flush().map_err(|error| Failure::file(&path, &error))?;
        }
        let Some(path) = path else { return Ok(()) };
        #[expect(clippy::disallowed_methods, reason = "a file for the user, no part of a database")]
        let file = File::options().append(true).create(true).open(path);
        let file = file.map_err(|error| Failure::file(path, &error))?;
        self.capture = Some((path.to_owned(), BufWriter::new(file)));
        Ok(())
    }
}

impl Write for ShellOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.capture {
            Some((_, file)) => file.write(bytes),
            None => self.stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some((_, file)) = &mut self.capture {
            file.flush()?;
        }
        self.stdout.flush()
    }
}
