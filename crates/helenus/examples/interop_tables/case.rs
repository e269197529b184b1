//! A table in the making: its schema, the steps that fill it, and how they are run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use helenus::{Background, Clock, Database, Durability, Options, SystemClock, Table, Version};

use crate::apply;
use crate::cql;
use crate::write::Write;
use crate::{Result, files};

/// The keyspace of all tables.
pub(crate) const KEYSPACE: &str = "interop";

/// A table and what happens to it.
#[derive(Debug)]
pub(crate) struct Case {
    /// Name of its folder.
    pub(crate) name: String,
    /// CREATE TYPE and CREATE TABLE statements.
    schema: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) enum Step {
    Write(Write),
    /// Writes that are carried out as one, at a timestamp.
    Batch(Option<i64>, Vec<Write>),
    Schema(String),
    Truncate,
    Flush,
    Compact,
    /// From here on the clock is off by this many seconds.
    Clock(i64),
    /// The process dies and the database is opened again.
    Crash,
}

impl Case {
    /// A table whose name is that of its folder. In `schema` `{t}` stands for its name, `{k}` for
    /// the keyspace.
    pub(crate) fn new(name: &str, schema: &str) -> Self {
        let table = format!("{KEYSPACE}.{name}");
        let schema = schema.replace("{t}", &table).replace("{k}", KEYSPACE);
        Self { name: name.to_owned(), schema, steps: Vec::new() }
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.steps.push(Step::Write(write));
    }

    pub(crate) fn batch(&mut self, timestamp: Option<i64>, writes: Vec<Write>) {
        self.steps.push(Step::Batch(timestamp, writes));
    }

    pub(crate) fn schema(&mut self, cql: &str) {
        let table = format!("{KEYSPACE}.{}", self.name);
        self.steps.push(Step::Schema(cql.replace("{t}", &table).replace("{k}", KEYSPACE)));
    }

    /// Has what is flushed and compacted from the step at that index on written in a version.
    pub(crate) fn set_version(&mut self, at: usize, version: Version) {
        let letters: String = version.to_string().bytes().map(|letter| format!("{letter:02x}")).collect();
        let table = format!("{KEYSPACE}.{}", self.name);
        let cql = format!("ALTER TABLE {table} WITH extensions = {{'helenus_sstable_version': 0x{letters}}}");
        self.steps.insert(at, Step::Schema(cql));
    }

    pub(crate) fn flush(&mut self) {
        self.steps.push(Step::Flush);
    }

    pub(crate) fn compact(&mut self) {
        self.steps.push(Step::Compact);
    }

    pub(crate) fn clock(&mut self, offset_seconds: i64) {
        self.steps.push(Step::Clock(offset_seconds));
    }

    /// Writes the table with a database in `scratch` and leaves it in the folder `out`.
    pub(crate) fn run(&self, scratch: &Path, out: &Path) -> Result<files::Summary> {
        let mut run = Run::open(scratch)?;
        run.schema(&self.schema)?;
        for step in &self.steps {
            run.step(step)?;
        }
        run.finish(out)
    }
}

/// The system's clock, set forward or back.
#[derive(Debug)]
struct ShiftedClock {
    system: SystemClock,
    offset_seconds: AtomicI64,
}

impl Clock for ShiftedClock {
    fn now_micros(&self) -> i64 {
        self.system.now_micros() + self.offset_seconds.load(Relaxed) * 1_000_000
    }

    fn elapsed(&self) -> Duration {
        self.system.elapsed()
    }
}

struct Run {
    db: Database,
    clock: Arc<ShiftedClock>,
    /// The directory of the database; another one after each crash.
    dir: PathBuf,
    scratch: PathBuf,
    crashes: usize,
    /// The statements so far, in CQL.
    history: String,
}

impl Run {
    fn open(scratch: &Path) -> Result<Self> {
        let clock = Arc::new(ShiftedClock { system: SystemClock::new(), offset_seconds: AtomicI64::new(0) });
        let dir = scratch.join("0");
        let db = open(&dir, &clock)?;
        db.execute_schema(&format!(
            "CREATE KEYSPACE {KEYSPACE} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};"
        ))?;
        Ok(Self { db, clock, dir, scratch: scratch.to_owned(), crashes: 0, history: String::new() })
    }

    fn schema(&mut self, cql: &str) -> Result<()> {
        self.db.execute_schema(cql)?;
        self.note(cql.trim_end().trim_end_matches(';'));
        Ok(())
    }

    fn table(&self) -> Result<Table> {
        Ok(self.db.tables().into_iter().next().ok_or("the case has no table")?)
    }

    fn note(&mut self, statement: &str) {
        self.history.push_str(statement);
        self.history.push_str(";\n");
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Write(write) => self.write(write)?,
            Step::Batch(timestamp, writes) => self.batch(*timestamp, writes)?,
            Step::Schema(cql) => self.schema(cql)?,
            Step::Truncate => {
                self.table()?.truncate()?;
                let table = self.table()?.schema();
                self.note(&format!("TRUNCATE {}.{}", cql::name(table.keyspace()), cql::name(table.name())));
            }
            Step::Flush => self.table()?.flush()?,
            Step::Compact => self.table()?.compact()?,
            Step::Clock(offset) => self.clock.offset_seconds.store(*offset, Relaxed),
            Step::Crash => self.crash()?,
        }
        Ok(())
    }

    fn write(&mut self, write: &Write) -> Result<()> {
        let table = self.table()?;
        let schema = table.schema();
        let statement = cql::statement(&schema, write);
        let shown = || statement.clone().unwrap_or_else(|| format!("{write:?}"));
        match apply::execute(&table, write) {
            Ok(None) => {}
            Ok(Some(applied)) => self.history.push_str(&format!("-- applied: {applied}\n")),
            Err(error) if write.may_be_refused => {
                self.history.push_str(&format!("-- refused: {error}\n"));
            }
            Err(error) => return Err(format!("{:.300}: {error}", shown()).into()),
        }
        match &statement {
            Some(statement) => self.note(statement),
            None => self.history.push_str("-- not in CQL\n"),
        }
        Ok(())
    }

    fn batch(&mut self, timestamp: Option<i64>, writes: &[Write]) -> Result<()> {
        let table = self.table()?;
        let mut batch = self.db.batch();
        let mut statements = Vec::new();
        for write in writes {
            apply::add_to(&table, write, &mut batch)?;
            statements.push(cql::statement(&table.schema(), write).ok_or("a batch that CQL can't say")?);
        }
        if let Some(timestamp) = timestamp {
            batch.timestamp(timestamp);
        }
        batch.execute()?;
        let using = timestamp.map(|timestamp| format!(" USING TIMESTAMP {timestamp}")).unwrap_or_default();
        let kind = if table.schema().is_counter() { "COUNTER" } else { "UNLOGGED" };
        self.note(&format!("BEGIN {kind} BATCH{using} {}; APPLY BATCH", statements.join("; ")));
        Ok(())
    }

    /// Opens what the operating system has of the database at this moment, as after `kill -9`.
    fn crash(&mut self) -> Result<()> {
        self.crashes += 1;
        let copy = self.scratch.join(self.crashes.to_string());
        files::copy_tree(&self.dir, &copy)?;
        self.db = open(&copy, &self.clock)?;
        self.dir = copy;
        Ok(())
    }

    fn finish(self, out: &Path) -> Result<files::Summary> {
        self.table()?.flush()?;
        files::write_out(&self.db, &self.dir, &self.history, out)
    }
}

fn open(dir: &Path, clock: &Arc<ShiftedClock>) -> Result<Database> {
    Ok(Options::new()
        .background(Background::Manual)
        .durability(Durability::Buffered)
        .clock(clock.clone())
        .open(dir)?)
}
