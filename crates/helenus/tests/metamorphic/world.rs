//! Carries a history out with one database.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use helenus::{Database, Error, Prepared, Result, RowPosition, Table, Value, Version};
use helenus_sim::{Rng, SimClock, SimDisk};

use crate::config::{COMPRESSIONS, Config, Saying};
use crate::history::{Deed, History, WITH_OPTIONS};
use crate::query::Query;
use crate::statement::{Write, batch_outcome, done, outcome};

const START_MICROS: i64 = 1_700_000_000_000_000;
const TABLES: [&str; 4] = ["wide", "plain", "hits", "extra"];

pub(crate) struct World<'c> {
    config: &'c Config,
    disk: SimDisk,
    clock: Arc<SimClock>,
    now_micros: i64,
    /// There but while it is opened again.
    db: Option<Database>,
    prepared: HashMap<String, Prepared>,
    rng: Rng,
}

impl<'c> World<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        let mut world = Self {
            config,
            disk: SimDisk::new(),
            clock: Arc::new(SimClock::new(START_MICROS)),
            now_micros: START_MICROS,
            db: None,
            prepared: HashMap::new(),
            rng: Rng::new(config.seed),
        };
        world.open();
        world
    }

    /// The answers to the steps, and at last everything that is there, before and after a restart.
    pub(crate) fn run(mut self, history: &History) -> Vec<String> {
        let mut answers = Vec::new();
        for step in &history.steps {
            self.disturb();
            self.clock.advance(step.pause);
            self.now_micros += i64::try_from(step.pause.as_micros()).unwrap();
            answers.push(self.carry_out(&step.deed));
        }
        let before = self.contents();
        self.disturb();
        self.db().close().unwrap();
        self.open();
        let after = self.contents();
        assert_eq!(before, after, "closed and opened again");
        answers.push(after);
        answers
    }

    fn db(&self) -> &Database {
        self.db.as_ref().unwrap()
    }

    fn open(&mut self) {
        // The lock goes with the last handle.
        self.prepared.clear();
        self.db = None;
        let options = self.config.options().disk(Arc::new(self.disk.clone())).clock(self.clock.clone());
        self.db = Some(options.open("/db").unwrap());
    }

    /// The events between steps, which change nothing visible.
    fn disturb(&mut self) {
        let events = self.config.events;
        let mut happens = |often: u64| self.rng.chance(often, 1000);
        let (flush, compact, step) = (happens(events.flush), happens(events.compact), happens(events.step));
        let (close, drop, kill, cut) =
            (happens(events.close), happens(events.drop), happens(events.kill), happens(events.cut));
        let alter = happens(events.alter);
        if alter {
            self.alter();
        }
        if flush {
            self.flush();
        }
        if compact {
            self.db().compact().unwrap();
        }
        if step {
            self.db().step().unwrap();
        }
        if close {
            self.db().close().unwrap();
            self.open();
        }
        if drop {
            self.open();
        }
        if kill {
            self.disk = self.disk.kill();
            self.open();
        }
        if cut {
            self.db().sync().unwrap();
            self.disk = self.disk.crash(self.config.seed ^ self.now_micros.cast_unsigned());
            self.open();
        }
    }

    fn flush(&mut self) {
        let name = TABLES[self.rng.index(TABLES.len())];
        match self.table(name) {
            Ok(table) if self.rng.chance(2, 3) => table.flush().unwrap(),
            _ => self.db().flush().unwrap(),
        }
    }

    /// Changes the options of a table's next SSTables.
    fn alter(&mut self) {
        let table = TABLES[self.rng.index(3)];
        let what = if self.rng.chance(1, 3) {
            format!("compression = {}", COMPRESSIONS[self.rng.index(COMPRESSIONS.len())])
        } else {
            let letters = Version::WRITABLE[self.rng.index(Version::WRITABLE.len())].to_string().into_bytes();
            format!("extensions = {{'helenus_sstable_version': 0x{:02x}{:02x}}}", letters[0], letters[1])
        };
        // There may be no such table yet.
        if self.table(table).is_ok() {
            self.db().execute_schema(&format!("ALTER TABLE ks.{table} WITH {what}")).unwrap();
        }
    }

    fn table(&self, name: &str) -> Result<Table> {
        self.db().table("ks", name)
    }

    fn carry_out(&mut self, deed: &Deed) -> String {
        let outcome = match deed {
            Deed::Write(write) => self.write(write),
            Deed::Batch(writes) => self.batch(writes),
            Deed::Schema(cql) => {
                let with = self.config.with();
                self.db().execute_schema(&cql.replace(WITH_OPTIONS, &with)).map(|_| "done".to_owned())
            }
            Deed::Truncate(table) => self.table(table).and_then(|table| table.truncate()).map(done),
            Deed::Ask(query) => self.ask(query),
        };
        outcome.unwrap_or_else(|error| refused(&error))
    }

    fn write(&mut self, write: &Write) -> Result<String> {
        let table = self.table(write.table)?;
        if self.config.saying == Saying::Built
            && let Some(written) = write.build(&table, self.now_micros)
        {
            return written;
        }
        let options = write.options(self.now_micros);
        let (plan, values) = write.plan();
        let name = format!("{} {plan:?}", write.table);
        if !self.config.keeps_prepared {
            self.prepared.clear();
        }
        if !self.prepared.contains_key(&name) {
            self.prepared.insert(name.clone(), table.prepare(plan)?);
        }
        let prepared = &self.prepared[&name];
        let values: Vec<&dyn helenus::BindValue> =
            values.iter().map(|v| v as &dyn helenus::BindValue).collect();
        if write.is_conditional() {
            return prepared.execute_if_with(&options, &*values).map(outcome);
        }
        if self.config.saying == Saying::Batched {
            let mut batch = self.db().batch();
            prepared.add_with(&options, &mut batch, &*values)?;
            return batch.execute().map(done);
        }
        prepared.execute_with(&options, &*values).map(done)
    }

    fn batch(&mut self, writes: &[Write]) -> Result<String> {
        let mut batch = self.db().batch();
        for write in writes {
            let (plan, values) = write.plan();
            let prepared = self.table(write.table)?.prepare(plan)?;
            let values: Vec<&dyn helenus::BindValue> =
                values.iter().map(|v| v as &dyn helenus::BindValue).collect();
            prepared.add_with(&write.options(self.now_micros), &mut batch, &*values)?;
        }
        match writes.iter().any(Write::is_conditional) {
            true => batch.execute_if().map(batch_outcome),
            false => batch.execute().map(done),
        }
    }

    fn ask(&mut self, query: &Query) -> Result<String> {
        let table = self.table(query.table)?;
        let now = u32::try_from(self.now_micros / 1_000_000).unwrap();
        let mut text = String::new();
        if let Some((key, clustering)) = query.single()
            && self.config.saying == Saying::Built
            && clustering.len() == table.schema().clustering().len()
        {
            if let Some(row) = table.get(key, clustering)? {
                query.show(&row.view(), &mut text)?;
            }
            return Ok(text);
        }
        let mut left = query.limit;
        let mut after: Option<RowPosition> = None;
        loop {
            let page = self.config.page.unwrap_or(usize::MAX).min(left);
            let mut select = query.select(&table, now).limit(page);
            if let Some(position) = after.take() {
                select = select.after(RowPosition::from_bytes(&position.to_bytes())?);
            }
            let mut rows = select.rows()?;
            let mut shown = 0;
            while let Some(row) = rows.next()? {
                query.show(&row, &mut text)?;
                shown += 1;
                // The query's result stays as of its beginning.
                if self.rng.chance(self.config.events.flush, 4000) {
                    self.db().flush()?;
                }
                if self.rng.chance(self.config.events.compact, 4000) {
                    self.db().compact()?;
                }
            }
            left -= shown;
            after = rows.position();
            if shown < page || left == 0 {
                return Ok(text);
            }
        }
    }

    /// Everything that is there, in the table's order, and rows in reverse.
    fn contents(&mut self) -> String {
        let mut text = String::new();
        for table in TABLES {
            let mut queries = vec![Query::whole(table, None)];
            if table == "wide" {
                let keys = [(0, "a"), (0, "b"), (1, "a"), (1, "b")];
                let key = |(p, q): (i32, &str)| vec![Value::Int(p), Value::Text(q.to_owned())];
                queries.extend(keys.map(|values| Query::whole(table, Some(key(values)))));
            }
            for query in queries {
                let answer = self.ask(&query).unwrap_or_else(|error| refused(&error));
                writeln!(text, "{table}\n{answer}").unwrap();
            }
        }
        text
    }
}

/// The kind of an error. Its words say how the statement was said.
fn refused(error: &Error) -> String {
    format!("refused: {:?}", error.kind())
}
