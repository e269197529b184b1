//! The result of a phase, as a line of JSON.

use std::error::Error as StdError;
use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::{Map, Value, json};

use crate::meter::{Histogram, Reading};
use crate::{Args, Result};

/// A phase's line in the making.
#[derive(Debug)]
pub(crate) struct Report(Map<String, Value>);

impl Report {
    pub(crate) fn new(args: &Args, workload: &str, phase: &str, reading: &Reading) -> Self {
        let mut report = Self(Map::new());
        report.0.insert("workload".to_owned(), json!(workload));
        report.0.insert("phase".to_owned(), json!(phase));
        report.0.insert("engine".to_owned(), json!("helenus"));
        report.0.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        report.0.insert("rows".to_owned(), json!(args.rows));
        report.0.insert("rep".to_owned(), json!(args.rep));
        report
            .figure("secs", reading.secs)
            .figure("cpu_secs", reading.cpu_secs)
            .count("peak_rss_mib", reading.peak_rss_bytes >> 20)
            .count("write_bytes", reading.write_bytes)
            .figure("foreign_cpu_secs", reading.foreign_cpu_secs)
    }

    /// Adds a number, to three places.
    pub(crate) fn figure(mut self, name: &str, value: f64) -> Self {
        self.0.insert(name.to_owned(), json!((value * 1e3).round() / 1e3));
        self
    }

    pub(crate) fn count(mut self, name: &str, value: u64) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    /// Adds how many of something there were in a second.
    pub(crate) fn rate(mut self, name: &str, count: u64, secs: f64) -> Self {
        self.0.insert(name.to_owned(), json!((count as f64 / secs).round()));
        self
    }

    /// Adds how long calls took.
    pub(crate) fn latencies(self, prefix: &str, histogram: &Histogram) -> Self {
        self.figure(&format!("{prefix}p50_us"), histogram.per_mille_micros(500))
            .figure(&format!("{prefix}p99_us"), histogram.per_mille_micros(990))
            .figure(&format!("{prefix}p999_us"), histogram.per_mille_micros(999))
            .figure(&format!("{prefix}max_us"), histogram.max_micros())
    }

    /// Prints the line, and appends it to the file of `--json`.
    pub(crate) fn emit(self, args: &Args) -> Result<()> {
        let line = Value::Object(self.0).to_string();
        if let Some(path) = &args.json {
            writeln!(OpenOptions::new().create(true).append(true).open(path)?, "{line}")?;
        }
        println!("{line}");
        Ok(())
    }
}

/// Prints an error with its causes.
pub(crate) fn complain(error: &(dyn StdError + Send + Sync)) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    // A failure here can't be reported.
    drop(writeln!(std::io::stderr(), "workload: {text}"));
}
