//! What is measured.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use clap::ValueEnum;
use helenus_cql::{Answer, PreparedStatement, QueryOptions, ResultRows, Session};
use helenus_engine::{Database, Prepared, Table};

use crate::Result;

/// Rows of a partition.
const OF_PARTITION: u32 = 1_000;
/// Rows of a slice.
const SLICE: usize = 50;
const SCHEMA: [&str; 4] = [
    "CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "USE bench",
    "CREATE TABLE messages (channel int, id bigint, author bigint, content text, flags int,
        PRIMARY KEY (channel, id)) WITH CLUSTERING ORDER BY (id DESC)",
    "CREATE TABLE written (channel int, id bigint, author bigint, content text, flags int,
        PRIMARY KEY (channel, id)) WITH CLUSTERING ORDER BY (id DESC)",
];
const COLUMNS: [&str; 5] = ["channel", "id", "author", "content", "flags"];
const CONTENT: &str = "as long as a message of a person who has little to say, but says it";

/// What is done through both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// A prepared INSERT of one row.
    Insert,
    /// A prepared SELECT of one row.
    Point,
    /// A prepared SELECT of the newest rows of a partition.
    Slice,
    /// A statement that was never seen is parsed and compiled; the typed side looks a row up.
    Plan,
    /// The same text once more.
    Repeated,
    /// All rows, one column of which is looked at.
    Filter,
    /// All rows, which are counted.
    Count,
    /// All rows, with all their values.
    Scan,
}

impl Work {
    /// As it is called in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "prepared insert",
            Self::Point => "prepared point read",
            Self::Slice => "slice of 50 rows",
            Self::Plan => "parse and plan",
            Self::Repeated => "repeated text",
            Self::Filter => "filter, row of the table",
            Self::Count => "count, row of the table",
            Self::Scan => "scan, row of the table",
        }
    }

    /// How often it is done in a round.
    pub(crate) fn times(self) -> u32 {
        match self {
            Self::Insert | Self::Point | Self::Plan | Self::Repeated => 20_000,
            Self::Slice => 4_000,
            Self::Filter | Self::Count | Self::Scan => 1,
        }
    }
}

/// The database, and what was prepared.
#[derive(Debug)]
pub(crate) struct Bench {
    session: Session,
    messages: Table,
    rows: u32,
    next: AtomicU32,
    typed_insert: Prepared,
    insert: PreparedStatement,
    point: PreparedStatement,
    slice: PreparedStatement,
    filter: PreparedStatement,
    count: PreparedStatement,
    scan: PreparedStatement,
}

impl Bench {
    /// A table of that many rows in one SSTable.
    pub(crate) fn new(rows: u32) -> Result<Self> {
        let database = Database::in_memory()?;
        let session = Session::new(&database);
        for statement in SCHEMA {
            session.execute(statement, ())?;
        }
        let messages = database.table("bench", "messages")?;
        let fill = messages.prepare_insert(&COLUMNS)?;
        for row in 0..rows {
            let (channel, id) = place(row);
            fill.execute((channel, id, i64::from(row), CONTENT, flags(row)))?;
        }
        messages.compact()?;
        let insert = "INSERT INTO written (channel, id, author, content, flags) VALUES (?, ?, ?, ?, ?)";
        Ok(Self {
            rows,
            next: AtomicU32::new(0),
            typed_insert: database.table("bench", "written")?.prepare_insert(&COLUMNS)?,
            insert: session.prepare(insert)?,
            point: session.prepare("SELECT author, content FROM messages WHERE channel = ? AND id = ?")?,
            slice: session.prepare("SELECT id, author, content FROM messages WHERE channel = ? LIMIT 50")?,
            filter: session.prepare("SELECT id FROM messages WHERE flags = 7 ALLOW FILTERING")?,
            count: session.prepare("SELECT count(*) FROM messages")?,
            scan: session.prepare("SELECT * FROM messages")?,
            messages,
            session,
        })
    }

    /// Does it that often, and says by how many the time is divided.
    pub(crate) fn run(&self, work: Work, cql: bool, times: u32) -> Result<u32> {
        let mut seen = 0;
        for _ in 0..times {
            let number = self.next.fetch_add(1, Relaxed);
            seen += if cql { self.cql(work, number)? } else { self.typed(work, number)? };
        }
        Ok(match work {
            Work::Filter | Work::Count | Work::Scan => self.rows * times,
            Work::Slice => seen,
            _ => times,
        })
    }

    fn typed(&self, work: Work, number: u32) -> Result<u32> {
        let (channel, id) = place(scattered(number, self.rows));
        let select = self.messages.select();
        let mut rows = match work {
            Work::Insert => {
                self.typed_insert.execute((channel, id, i64::from(number), CONTENT, 0))?;
                return Ok(1);
            }
            Work::Point | Work::Plan | Work::Repeated => {
                select.columns(&["author", "content"]).key(channel).range(id..=id).rows()?
            }
            Work::Slice => select.columns(&["author", "content"]).key(channel).limit(SLICE).rows()?,
            Work::Filter => {
                let select = select.columns(&[]).filter(&["flags"], |row| Ok(row.get::<i32>("flags")? == 7));
                select.rows()?
            }
            Work::Count => select.columns(&[]).rows()?,
            Work::Scan => select.rows()?,
        };
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if matches!(work, Work::Point | Work::Slice | Work::Scan) {
                let length = row.get::<&str>("content")?.len();
                assert_eq!(length, CONTENT.len(), "what was read is what was written");
                std::hint::black_box(row.get::<i64>("author")?);
            }
            count += 1;
        }
        Ok(count)
    }

    fn cql(&self, work: Work, number: u32) -> Result<u32> {
        let options = QueryOptions::default();
        let (channel, id) = place(scattered(number, self.rows));
        let answer = match work {
            Work::Insert => {
                self.insert.execute((channel, id, i64::from(number), CONTENT, 0), &options)?;
                return Ok(1);
            }
            Work::Point => self.point.execute((channel, id), &options)?,
            Work::Slice => self.slice.execute((channel,), &options)?,
            Work::Plan => {
                let text =
                    format!("SELECT author, content FROM messages WHERE channel = {channel} AND id = {id}");
                std::hint::black_box(self.session.prepare(&text)?);
                return Ok(1);
            }
            Work::Repeated => {
                let text = "SELECT author, content FROM messages WHERE channel = ? AND id = ?";
                self.session.execute(text, (channel, id))?
            }
            Work::Filter => self.filter.execute((), &options)?,
            Work::Count => self.count.execute((), &options)?,
            Work::Scan => self.scan.execute((), &options)?,
        };
        let Answer::Rows(rows) = answer.answer else { return Err("no rows".into()) };
        count(work, rows)
    }
}

fn count(work: Work, mut rows: ResultRows) -> Result<u32> {
    let content = rows.columns().iter().position(|column| &*column.name == "content");
    let author = rows.columns().iter().position(|column| &*column.name == "author");
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if matches!(work, Work::Point | Work::Slice | Work::Scan)
            && let (Some(content), Some(author)) = (content, author)
        {
            let length = row.get::<&str>(content)?.len();
            assert_eq!(length, CONTENT.len(), "what was read is what was written");
            std::hint::black_box(row.get::<i64>(author)?);
        }
        count += 1;
    }
    Ok(count)
}

/// The key of a row.
fn place(row: u32) -> (i32, i64) {
    (i32::try_from(row / OF_PARTITION).unwrap_or(i32::MAX), i64::from(row % OF_PARTITION))
}

/// One row in a thousand has the one that is looked for.
fn flags(row: u32) -> i32 {
    if row.is_multiple_of(1_000) { 7 } else { 0 }
}

/// Numbers in an order without an order.
fn scattered(number: u32, rows: u32) -> u32 {
    u32::try_from(u64::from(number) * 2_654_435_761 % u64::from(rows.max(1))).unwrap_or_default()
}
