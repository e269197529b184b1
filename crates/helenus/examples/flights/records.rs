//! The two tables, and lines of CSV as rows of them.

use std::error::Error;
use std::path::Path;

use helenus::{BindValue, Clock, Database, ErrorKind, SystemClock, Table, Type, Unset, Value, parse_text};

/// Rows of a batch: it is one record of the log, so after a crash all of them are there or none.
pub(crate) const BATCH_ROWS: u64 = 100;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// One of the CSVs and the table for it. Columns have the names that the CSV's first line gives
/// them.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// Columns of the primary key: those of the partition, `origin` and `month`, then the
    /// clustering ones.
    pub(crate) key: &'static [&'static str],
    schema: &'static str,
}

/// Flights: one row each, cancelled ones too.
pub(crate) const FLIGHTS: Dataset = Dataset {
    name: "flights",
    file: "flights.csv",
    key: &["origin", "month", "time_hour", "carrier", "flight"],
    schema: "
        CREATE TABLE IF NOT EXISTS nyc.flights (
            origin text, month tinyint, time_hour timestamp, carrier text, flight smallint,
            year smallint, day tinyint, hour tinyint, minute tinyint,
            sched_dep_time smallint, dep_time smallint, dep_delay smallint,
            sched_arr_time smallint, arr_time smallint, arr_delay smallint,
            tailnum text, dest text, air_time smallint, distance smallint,
            PRIMARY KEY ((origin, month), time_hour, carrier, flight));",
};

/// The measurements of the airports' stations: one row an hour.
pub(crate) const WEATHER: Dataset = Dataset {
    name: "weather",
    file: "weather.csv",
    key: &["origin", "month", "time_hour"],
    schema: "
        CREATE TABLE IF NOT EXISTS nyc.weather (
            origin text, month tinyint, time_hour timestamp,
            year smallint, day tinyint, hour tinyint,
            temp double, dewp double, humid double, wind_dir smallint, wind_speed double, wind_gust double,
            precip double, pressure double, visib double,
            PRIMARY KEY ((origin, month), time_hour));",
};

/// A row of values in the order of the CSV's columns; `None` where it says `NA`.
pub(crate) type Record = Vec<Option<Value>>;

/// A CSV, read line by line as a table's types say.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: csv::Reader<std::fs::File>,
    columns: Vec<(String, Type)>,
    text: csv::StringRecord,
}

/// The result of a load and its duration.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rows: u64,
    pub(crate) seconds: f64,
}

impl Dataset {
    /// Creates the keyspace and the table, unless they are there.
    pub(crate) fn create(&self, db: &Database) -> Outcome<Table> {
        db.execute_schema(
            "CREATE KEYSPACE IF NOT EXISTS nyc
                 WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};",
        )?;
        db.execute_schema(self.schema)?;
        Ok(db.table("nyc", self.name)?)
    }

    /// The table, unless it was never created.
    pub(crate) fn open(&self, db: &Database) -> Outcome<Option<Table>> {
        match db.table("nyc", self.name) {
            Ok(table) => Ok(Some(table)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the lines of a CSV with a prepared insert, a hundred in a batch. `acknowledged` gets
    /// after each batch the number of rows that no crash can take away.
    pub(crate) fn load(
        &self,
        db: &Database,
        dir: &Path,
        mut acknowledged: impl FnMut(u64) -> std::io::Result<()>,
    ) -> Outcome<Loaded> {
        let table = self.create(db)?;
        let mut lines = Lines::open(&dir.join(self.file), &table)?;
        let names: Vec<&str> = lines.columns.iter().map(|(name, _)| name.as_str()).collect();
        let insert = table.prepare_insert(&names)?;
        let clock = SystemClock::new();
        let began = clock.elapsed();
        let mut batch = db.batch();
        let mut record = Record::new();
        let mut rows = 0;
        loop {
            let more = lines.next(&mut record)?;
            if more {
                // Unknown values stay unset: null would be a deletion, which takes room.
                let values: Vec<&dyn BindValue> = record.iter().map(bound).collect();
                insert.add_to(&mut batch, values.as_slice())?;
                rows += 1;
            }
            if batch.len() as u64 == BATCH_ROWS || (!more && !batch.is_empty()) {
                batch.execute()?;
                acknowledged(rows)?;
            }
            if !more {
                let seconds = (clock.elapsed() - began).as_secs_f64();
                return Ok(Loaded { rows, seconds });
            }
        }
    }

    /// Counts the table's rows, after it has found that they are the first lines of the CSV and
    /// nothing else, value for value. The rows are read one by one, by their keys.
    pub(crate) fn count_verified(&self, db: &Database, dir: &Path) -> Outcome<u64> {
        let Some(table) = self.open(db)? else { return Ok(0) };
        let everything = table.select();
        let mut rows = everything.rows()?;
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        let mut lines = Lines::open(&dir.join(self.file), &table)?;
        let mut record = Record::new();
        for line in 1..=count {
            if !lines.next(&mut record)? {
                return Err(format!("{}: {count} rows are more than the CSV's", self.name).into());
            }
            if let Some(what) = self.difference(&table, &lines, &record)? {
                return Err(format!("{}, row {line} of {count}: {what}", self.name).into());
            }
        }
        Ok(count)
    }

    /// The difference between the table and a line, if there is one.
    fn difference(&self, table: &Table, lines: &Lines, record: &Record) -> Outcome<Option<String>> {
        let mut key = Vec::with_capacity(self.key.len());
        for name in self.key {
            let at = lines.columns.iter().position(|(column, _)| column == name);
            let value = at.and_then(|at| record.get(at)?.as_ref());
            key.push(
                value.ok_or_else(|| format!("{name} is missing in the CSV"))? as &dyn helenus::EncodeValue
            );
        }
        let (partition, clustering) = key.split_at_checked(2).ok_or("origin and month were expected")?;
        let select = table.select().key(partition).prefix(clustering);
        let mut rows = select.rows()?;
        let Some(row) = rows.next()? else { return Ok(Some(format!("{record:?} is not there"))) };
        for ((name, _), expected) in lines.columns.iter().zip(record) {
            let found = row.value(name)?;
            if found != *expected.as_ref().unwrap_or(&Value::Null) {
                return Ok(Some(format!("{name} is {found:?} where the CSV has {expected:?}")));
            }
        }
        Ok(None)
    }
}

impl Lines {
    /// Opens a CSV whose first line names columns of the table.
    pub(crate) fn open(path: &Path, table: &Table) -> Outcome<Self> {
        let mut reader =
            csv::Reader::from_path(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let schema = table.schema();
        let mut columns = Vec::new();
        for name in reader.headers()? {
            let (kind, index) =
                schema.column(name).ok_or_else(|| format!("{}: no column {name}", path.display()))?;
            let ty = schema.column_type(kind, index).ok_or("a column without a type")?;
            columns.push((name.to_owned(), ty.clone()));
        }
        Ok(Self { reader, columns, text: csv::StringRecord::new() })
    }

    /// Reads the next line into `record`; false after the last.
    pub(crate) fn next(&mut self, record: &mut Record) -> Outcome<bool> {
        record.clear();
        if !self.reader.read_record(&mut self.text)? {
            return Ok(false);
        }
        for ((name, ty), text) in self.columns.iter().zip(&self.text) {
            let line = self.text.position().map_or(0, csv::Position::line);
            let value = parse(ty, text).map_err(|error| format!("line {line}, {name}: {error}"))?;
            record.push(value);
        }
        Ok(true)
    }
}

/// A field as a value of a column.
fn parse(ty: &Type, text: &str) -> Outcome<Option<Value>> {
    Ok(Some(match ty {
        _ if text == "NA" => return Ok(None),
        Type::Text => Value::Text(text.to_owned()),
        Type::TinyInt => Value::TinyInt(text.parse()?),
        Type::SmallInt => Value::SmallInt(text.parse()?),
        Type::Double => Value::Double(text.parse()?),
        // Times, in ISO 8601; any other type too.
        _ => ty.decode(&parse_text(ty, text)?)?,
    }))
}

fn bound(value: &Option<Value>) -> &dyn BindValue {
    match value {
        Some(value) => value,
        None => &Unset,
    }
}
