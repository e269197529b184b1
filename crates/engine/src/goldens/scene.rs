//! A database on a simulated disk that scenarios give commands.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use helenus_io::Operation;
use helenus_sim::{SimClock, SimDisk, Traced, TracedDetail};

use super::show::show;
use crate::{Background, Batch, Database, Durability, ErrorKind, Options, Result, RowPrinter, Table};

/// When the clock is set going, in seconds since 1970.
pub(super) const START_SECONDS: i64 = 1_700_000_000;

pub(super) struct Scene {
    disk: SimDisk,
    clock: Arc<SimClock>,
    durability: Durability,
    db: Option<Database>,
    /// The last byte that was written of the log and of the manifest.
    last_of_log: Option<(PathBuf, u64)>,
    last_of_manifest: Option<(PathBuf, u64)>,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self {
            disk: SimDisk::new(),
            clock: Arc::new(SimClock::new(START_SECONDS * 1_000_000)),
            durability: Durability::Sync,
            db: None,
            last_of_log: None,
            last_of_manifest: None,
        }
    }

    /// Carries a command out. Returns what it did to the disk, and the error if it failed.
    ///
    /// - `open sync|periodic|buffered`, `close`, `drop` (the last handle goes)
    /// - `kill` (the process ends, what it handed over stays), `cut` (the power goes, what was not
    ///   synced is lost), `tear log|manifest` (as `kill`, and the last byte of it is another),
    ///   `stop N` (the machine stops at the Nth operation from now)
    /// - `schema`, its statements on the lines below
    /// - `insert P C VALUE` into `t`, where `x9` stands for nine letters, `delete P` of it, `count
    ///   P N` in `hits`; `batch`, with lines of `insert P C VALUE` and `note P TEXT` (into `notes`)
    ///   below
    /// - `flush`, `compact`, `truncate TABLE`, `step` (of background work), `steps`, `sync`,
    ///   `advance SECONDS`
    /// - `rows`: what is there, instead of what it did to the disk
    pub(super) fn run(&mut self, command: &str, rest: &str) -> String {
        self.disk.start_trace();
        let mut text = String::new();
        let outcome = self.carry_out(command, rest, &mut text);
        let trace = self.disk.take_traced();
        self.note(&trace);
        text.push_str(&show(&trace));
        match outcome {
            Ok(()) => {}
            // It has the table's directory in it, which is another each time.
            Err(error) if error.kind() == ErrorKind::Io => writeln!(text, "failed").unwrap(),
            Err(error) => writeln!(text, "refused: {error}").unwrap(),
        }
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    fn note(&mut self, trace: &[Traced]) {
        for Traced { operation, path, detail } in trace {
            if let (Operation::Write, TracedDetail::Bytes { offset, bytes }) = (operation, detail) {
                let last = Some((path.clone(), (offset + bytes.len() as u64).saturating_sub(1)));
                if path.extension().is_some_and(|extension| extension == "log") {
                    self.last_of_log = last;
                } else if path.ends_with("MANIFEST") {
                    self.last_of_manifest = last;
                }
            }
        }
    }

    fn carry_out(&mut self, command: &str, rest: &str, text: &mut String) -> Result<()> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["open", durability] => {
                self.durability = match *durability {
                    "sync" => Durability::Sync,
                    "periodic" => Durability::Periodic(Duration::from_secs(1)),
                    "buffered" => Durability::Buffered,
                    other => panic!("no durability: {other}"),
                };
                self.open()?;
            }
            ["close"] => self.db.take().unwrap().close()?,
            ["drop"] => self.db = None,
            ["kill"] => self.replace_disk(SimDisk::kill),
            ["cut"] => self.replace_disk(SimDisk::cut),
            ["tear", what] => {
                self.replace_disk(SimDisk::kill);
                let last = if *what == "log" { &self.last_of_log } else { &self.last_of_manifest };
                let (path, at) = last.as_ref().unwrap();
                self.disk.flip(path, *at, 1).unwrap();
            }
            ["stop", n] => self.disk.crash_at(n.parse().unwrap()),
            ["advance", seconds] => self.clock.advance(Duration::from_secs(seconds.parse().unwrap())),
            ["schema"] => {
                for warning in self.db().execute_schema(rest)?.warnings {
                    writeln!(text, "warning: {warning}").unwrap();
                }
            }
            ["batch"] => {
                let mut batch = self.db().batch();
                rest.lines().try_for_each(|line| self.write(line, Some(&mut batch)))?;
                batch.execute()?;
            }
            ["insert" | "delete" | "count", ..] => self.write(command, None)?,
            ["flush"] => self.db().flush()?,
            ["compact"] => self.db().compact()?,
            ["truncate", name] => self.table(name).truncate()?,
            ["sync"] => self.db().sync()?,
            ["step"] => writeln!(text, "due: {}", self.db().step()?).unwrap(),
            ["steps"] => while self.db().step()? {},
            ["rows"] => self.rows(text)?,
            _ => panic!("no command: {command}"),
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let options = Options::new()
            .disk(Arc::new(self.disk.clone()))
            .clock(self.clock.clone())
            .durability(self.durability)
            .log_segment_bytes(16 << 10)
            .log_total_bytes(64 << 10)
            .background(Background::Manual);
        self.db = Some(options.open("/db")?);
        Ok(())
    }

    /// The process is no more, and the disk is what it left.
    fn replace_disk(&mut self, of: impl FnOnce(&SimDisk) -> SimDisk) {
        self.disk = of(&self.disk);
        self.disk.start_trace();
        self.db = None;
    }

    fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    fn table(&self, name: &str) -> Table {
        self.db().table("ks", name).unwrap()
    }

    /// `insert P C VALUE` into `t`, `delete P` of it, `count P N` in `hits`.
    fn write(&self, line: &str, batch: Option<&mut Batch>) -> Result<()> {
        let int = |word: &str| word.parse::<i32>().unwrap();
        match (line.split_whitespace().collect::<Vec<_>>().as_slice(), batch) {
            (["insert", p, c, value], batch) => {
                let value = match value.strip_prefix('x').map(str::parse) {
                    Some(Ok(len)) => "x".repeat(len),
                    _ => (*value).to_owned(),
                };
                let table = self.table("t");
                let insert = table.insert(int(p), int(c)).set("v", value.as_str());
                match batch {
                    Some(batch) => insert.add_to(batch),
                    None => insert.execute(),
                }
            }
            (["delete", p], None) => self.table("t").delete_partition(int(p)).execute(),
            (["note", p, text], Some(batch)) => {
                self.table("notes").insert(int(p), ()).set("v", *text).add_to(batch)
            }
            (["count", p, n], None) => {
                self.table("hits").update(int(p), ()).increment("n", n.parse().unwrap()).execute()
            }
            _ => panic!("no write: {line}"),
        }
    }

    fn rows(&self, text: &mut String) -> Result<()> {
        for table in self.db().tables() {
            let (schema, select) = (table.schema(), table.select());
            let mut printer = RowPrinter::json(&schema);
            let (mut rows, mut lines) = (select.rows()?, Vec::new());
            while let Some(row) = rows.next()? {
                let mut line = format!("{}: ", schema.name());
                printer.row(&row, &mut line)?;
                lines.push(line);
            }
            lines.sort();
            text.extend(lines);
        }
        Ok(())
    }
}
