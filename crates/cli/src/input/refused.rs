//! Lines that were not taken.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Input;
use crate::failure::Failure;
use crate::output::{Progress, counted};

/// Reports invalid lines, and keeps them next to their file.
pub(crate) struct Refused {
    max: u64,
    count: u64,
    path: PathBuf,
    file: Option<File>,
}

impl Refused {
    /// The refused lines of an input; more than `max` lines are too many. They are kept in the
    /// `given` file, by default in one beside the input.
    pub(crate) fn of(input: &Input, max: u64, given: Option<&Path>) -> Self {
        let name = if input.path.as_os_str() == "-" { "stdin" } else { "" };
        let mut path =
            if name.is_empty() { input.path.clone().into_os_string() } else { OsString::from(name) };
        path.push(".refused");
        let path = given.map_or_else(|| path.into(), Path::to_owned);
        Self { max, count: 0, path, file: None }
    }

    /// The number of refused lines of the file.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Reports the line at hand and keeps it; an error when there were too many.
    pub(crate) fn add(&mut self, input: &Input, reason: &str, progress: &Progress) -> Result<(), Failure> {
        self.keep(input).map_err(|error| Failure::file(&self.path, &error))?;
        let place = input.place();
        progress.message(&format!("{place}: {reason}"))?;
        if self.count <= self.max {
            return Ok(());
        }
        let bad = counted(self.count, "bad line");
        let text = format!("{place}: {bad}, at most {} were allowed", self.max);
        Err(Failure::failed(text).or_try("mend the file, or raise --max-errors"))
    }

    /// An error if there were any.
    pub(crate) fn outcome(&self, next_step: &'static str) -> Result<(), Failure> {
        if self.count == 0 {
            return Ok(());
        }
        let verbs = if self.count == 1 { "was refused, it is" } else { "were refused, they are" };
        let text = format!("{} {verbs} in {}", counted(self.count, "line"), self.path.display());
        Err(Failure::failed(text).or_try(next_step))
    }

    fn keep(&mut self, input: &Input) -> io::Result<()> {
        self.count += input.line_count();
        if self.file.is_none() {
            #[expect(clippy::disallowed_methods, reason = "a file for the user, no part of a database")]
            let mut file = File::create(&self.path)?;
            file.write_all(&input.header)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(input.raw())?;
        if input.raw().ends_with(b"\n") { Ok(()) } else { file.write_all(b"\n") }
    }
}
