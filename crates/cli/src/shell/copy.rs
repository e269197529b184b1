//! COPY: rows of a table to CSV and back, with cqlsh's options.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helenus::cql::QueryOptions;
use helenus::{Clock, Identifier, SystemClock, Table};

use super::command::Words;
use super::problem::Problem;
use super::session::ShellSession;
use crate::args::{Format, Quotes, RowFiles};
use crate::commands::import::{Writing, write_all};
use crate::csv::{CsvLayout, push_record};
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{self, Progress, counted};

/// What is copied, and where.
struct Copy {
    keyspace: String,
    table: String,
    /// The columns of the fields.
    columns: Vec<String>,
    /// The file; standard output or input where there is none.
    path: Option<PathBuf>,
    options: CopyOptions,
}

/// What follows WITH.
#[derive(Clone, Debug)]
struct CopyOptions {
    layout: CsvLayout,
    header: bool,
    page: usize,
    max_rows: u64,
    skip_rows: u64,
    skip_columns: Vec<String>,
    max_errors: u64,
    refused: Option<PathBuf>,
    ttl: Option<u32>,
}

/// Options that say how cqlsh divides its work, which is not divided here.
const OF_ITS_WORK: [&str; 11] = [
    "MAXATTEMPTS",
    "REPORTFREQUENCY",
    "NUMPROCESSES",
    "CHUNKSIZE",
    "INGESTRATE",
    "MINBATCHSIZE",
    "MAXBATCHSIZE",
    "MAXREQUESTS",
    "MAXINFLIGHTMESSAGES",
    "PAGETIMEOUT",
    "PREPAREDSTATEMENTS",
];
/// Options that change texts of values, which have one form here.
const OF_TEXTS: [&str; 6] =
    ["DATETIMEFORMAT", "DECIMALSEP", "THOUSANDSSEP", "BOOLSTYLE", "FLOATPRECISION", "DOUBLEPRECISION"];

/// Carries out what stands after COPY.
pub(super) fn run(shell: &mut ShellSession, words: &mut Words<'_>) -> Result<(), Problem> {
    let first = words.name("a table")?;
    let (keyspace, table) = match words.take(".") {
        true => (first, words.name("a table")?),
        false => {
            let own = shell.session.keyspace();
            (own.ok_or_else(|| Problem::command("no keyspace is in use: keyspace.table"))?, first)
        }
    };
    let opened = shell.database.table(&keyspace, &table)?;
    let mut columns = Vec::new();
    if words.take("(") {
        while columns.is_empty() || words.take(",") {
            columns.push(words.name("a column")?);
        }
        words.expect(")")?;
    }
    if columns.is_empty() {
        columns = all_columns(&opened);
    }
    let is_to = words.take("to");
    if !is_to && !words.take("from") {
        return Err(words.unexpected("TO or FROM"));
    }
    let path = match words.take(if is_to { "stdout" } else { "stdin" }) {
        true => None,
        false => Some(PathBuf::from(words.string("a file's name")?)),
    };
    let options = CopyOptions::parse(words, is_to)?;
    let copy = Copy { keyspace, table, columns, path, options };
    if is_to { copy.to(shell, &opened) } else { copy.from(shell, &opened) }
}

/// In the order of `SELECT *`.
fn all_columns(table: &Table) -> Vec<String> {
    helenus::RowPrinter::csv(&table.schema(), "").column_names().map(str::to_owned).collect()
}

impl Copy {
    fn to(&self, shell: &mut ShellSession, table: &Table) -> Result<(), Problem> {
        let clock = SystemClock::new();
        let begun = clock.elapsed();
        let rows = table.metrics().rows_estimate;
        let written = match &self.path {
            None => {
                let progress = Progress::beside_output(rows);
                let ShellSession { session, out, stop, .. } = shell;
                self.write(&session.prepare(&self.query())?, stop, out, progress)?
            }
            Some(path) => {
                let select = shell.session.prepare(&self.query())?;
                let (stop, progress) = (shell.stop.clone(), Progress::towards_rows(rows));
                let write = |file: &std::fs::File| {
                    let mut file = std::io::BufWriter::with_capacity(256 << 10, file);
                    let written = self.write(&select, &stop, &mut file, progress);
                    written.map_err(|problem| match problem {
                        Problem::Cql(error) => Failure::failed(error.to_string()),
                        Problem::Command(text) => Failure::failed(text),
                        Problem::Output(failure) => failure,
                    })
                };
                output::to_file(path, write)?
            }
        };
        let took = clock.elapsed().saturating_sub(begun);
        self.tell(shell, &format!("{} to", counted(written, "row")), took)
    }

    fn query(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|name| Identifier::exact(&**name).to_string()).collect();
        let [keyspace, table] = [&self.keyspace, &self.table].map(|name| Identifier::exact(&**name));
        format!("SELECT {} FROM {keyspace}.{table}", names.join(", "))
    }

    /// Writes all rows, and returns their number.
    fn write(
        &self,
        select: &helenus::cql::PreparedStatement,
        stop: &helenus::cql::StopSwitch,
        out: &mut impl Write,
        mut progress: Progress,
    ) -> Result<u64, Problem> {
        let layout = &self.options.layout;
        let mut options = QueryOptions {
            page_size: Some(self.options.page),
            stop: Some(stop.clone()),
            ..QueryOptions::default()
        };
        let mut text = String::new();
        if self.options.header {
            push_record(layout, self.columns.iter().map(|name| Some(name.as_str())), &mut text);
        }
        let mut written = 0;
        loop {
            let mut rows = select.execute((), &options)?.into_rows()?;
            let types: Vec<_> = rows.columns().iter().map(|column| column.ty.clone()).collect();
            while let Some(row) = rows.next()? {
                let mut fields = Vec::with_capacity(types.len());
                for (at, ty) in types.iter().enumerate() {
                    let mut field = String::new();
                    if let Some(value) = row.cell(at) {
                        ty.text(value, &mut field).map_err(|error| Problem::command(error.to_string()))?;
                    }
                    fields.push(row.cell(at).map(|_| field));
                }
                push_record(layout, fields.iter().map(Option::as_deref), &mut text);
                written += 1;
                progress.row();
            }
            out.write_all(text.as_bytes())?;
            text.clear();
            options.paging_state = rows.paging_state().map(<[u8]>::to_vec);
            if options.paging_state.is_none() {
                break;
            }
        }
        out.flush()?;
        progress.finish();
        Ok(written)
    }

    fn from(&self, shell: &mut ShellSession, table: &Table) -> Result<(), Problem> {
        let CopyOptions { layout, header, max_errors, .. } = &self.options;
        let quotes = if layout.escape == layout.quote { Quotes::Doubled } else { Quotes::Backslash };
        let how = RowFiles {
            format: Some(Format::Csv),
            delimiter: u8::try_from(layout.delimiter).ok(),
            columns: self.columns.iter().map(|name| Identifier::exact(&**name).to_string()).collect(),
            null: Some(layout.null.clone()),
            quotes,
            max_errors: *max_errors,
            skip_lines: u64::from(*header) + self.options.skip_rows,
            skip_columns: self.options.skip_columns.clone(),
        };
        if self.path.is_none() && shell.settings.reads_stdin {
            return Err(Problem::command("standard input is what this shell reads: name a file"));
        }
        let path = self.path.as_deref().unwrap_or(Path::new("-"));
        let input = Input::open(path, &table.schema(), &how)?;
        let writing = Writing {
            ttl: self.options.ttl,
            max_errors: *max_errors,
            max_rows: self.options.max_rows,
            refused: self.options.refused.clone(),
            stop: shell.stop.clone(),
            timestamp: None,
        };
        let done = write_all(&shell.database, table, input, &writing)?;
        self.tell(shell, &format!("{} from", counted(done.written, "row")), done.took)?;
        Ok(done.refused.outcome("mend them there, and copy from that file")?)
    }

    /// Says what was done.
    fn tell(&self, shell: &mut ShellSession, what: &str, took: Duration) -> Result<(), Problem> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = format!("{what} {} in {:.2} s", path.display(), took.as_secs_f64());
        match shell.is_for_people() {
            true => writeln!(shell.out, "{text}")?,
            false => writeln!(std::io::stderr(), "{text}")?,
        }
        Ok(())
    }
}

impl CopyOptions {
    /// The options after WITH; those that cqlsh has by default else.
    fn parse(words: &mut Words<'_>, is_to: bool) -> Result<Self, Problem> {
        let mut options = Self {
            layout: CsvLayout { escape: '\\', ..CsvLayout::default() },
            header: false,
            page: 1000,
            max_rows: u64::MAX,
            skip_rows: 0,
            skip_columns: Vec::new(),
            max_errors: 1000,
            refused: None,
            ttl: None,
        };
        if words.take("with") {
            loop {
                let name = words.name("an option")?.to_ascii_uppercase();
                words.expect("=")?;
                let value = match words.peek() {
                    Some(word) if word.starts_with('\'') => words.string("a value")?,
                    Some("-") => {
                        words.next();
                        format!("-{}", words.next().unwrap_or_default())
                    }
                    _ => words.next().unwrap_or_default().to_owned(),
                };
                options.set(&name, &value, is_to)?;
                if !words.take("and") {
                    break;
                }
            }
        }
        words.end()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str, is_to: bool) -> Result<(), Problem> {
        let wrong = |what: &str| Problem::command(format!("{name} = '{value}': {what} is expected"));
        let character = || {
            let value = if value == "\\t" { "\t" } else { value };
            let mut all = value.chars();
            match (all.next(), all.next()) {
                (Some(c), None) if c.is_ascii() => Ok(c),
                _ => Err(wrong("one ASCII character")),
            }
        };
        // -1 is without limit.
        let limit = || match value.parse::<i64>() {
            Ok(-1) => Ok(u64::MAX),
            Ok(number) => u64::try_from(number).map_err(|_negative| wrong("a number, or -1")),
            Err(_) => Err(wrong("a number, or -1")),
        };
        let number = || value.parse::<u64>().map_err(|_other| wrong("a number"));
        match name {
            "DELIMITER" => self.layout.delimiter = character()?,
            "QUOTE" if is_to => self.layout.quote = character()?,
            "QUOTE" => {
                if character()? != '"' {
                    return Err(wrong("\", which alone is read,"));
                }
            }
            "ESCAPE" => {
                self.layout.escape = character()?;
                if !is_to && !matches!(self.layout.escape, '\\' | '"') {
                    return Err(wrong("\\ or \", which alone are read,"));
                }
            }
            "HEADER" => {
                self.header = match value.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "on" | "1" => true,
                    "false" | "no" | "off" | "0" => false,
                    _ => return Err(wrong("TRUE or FALSE")),
                };
            }
            "NULL" | "NULLVAL" => value.clone_into(&mut self.layout.null),
            "ENCODING" if matches!(value.to_ascii_lowercase().as_str(), "utf8" | "utf-8") => {}
            "ENCODING" => return Err(wrong("UTF-8")),
            "PAGESIZE" if is_to => {
                let rows = usize::try_from(number()?).ok().filter(|rows| (1..=1 << 20).contains(rows));
                self.page = rows.ok_or_else(|| wrong("1 to 1048576"))?;
            }
            "MAXROWS" if !is_to => self.max_rows = limit()?,
            "SKIPROWS" if !is_to => self.skip_rows = number()?,
            "SKIPCOLS" if !is_to => {
                self.skip_columns = value.split(',').map(|name| name.trim().to_owned()).collect();
            }
            "MAXPARSEERRORS" | "MAXINSERTERRORS" if !is_to => self.max_errors = limit()?,
            "ERRFILE" if !is_to => self.refused = Some(PathBuf::from(value)),
            "TTL" if !is_to => {
                self.ttl = Some(u32::try_from(number()?).map_err(|_large| wrong("a number of seconds"))?);
            }
            name if OF_ITS_WORK.contains(&name) => {}
            name if OF_TEXTS.contains(&name) => {
                return Err(Problem::command(format!(
                    "{name}: values have one form here, which COPY reads and writes"
                )));
            }
            name => {
                return Err(Problem::command(format!(
                    "{name} is no option of COPY {}",
                    if is_to { "TO" } else { "FROM" }
                )));
            }
        }
        Ok(())
    }
}
