//! The table under measurement: its schema, the one configuration that all phases run with, and the
//! calls that write and read messages.

use std::ops::Bound::{self, Included, Unbounded};
use std::path::Path;
use std::time::Duration;

use helenus::{
    Background, Batch, BindValue, ColumnKind, Database, Durability, Options, Prepared, RowView, Serialized,
    Table, Unset,
};

use crate::Result;
use crate::generate::{Key, Message, Partition};

const SCHEMA: &str = "
    CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE bench.messages (
        channel_id bigint, bucket int, message_id bigint,
        author_id bigint, content text, flags int, edited_at timestamp, reactions map<text, int>,
        PRIMARY KEY ((channel_id, bucket), message_id))
    WITH CLUSTERING ORDER BY (message_id DESC) AND gc_grace_seconds = 0
    AND compression = {'class': 'LZ4Compressor'};";

const KEY: [&str; 3] = ["channel_id", "bucket", "message_id"];
const COLUMNS: [&str; 8] =
    ["channel_id", "bucket", "message_id", "author_id", "content", "flags", "edited_at", "reactions"];
/// Merges nothing automatically: the phase does it.
const NOT_COMPACTING: &str = "ALTER TABLE bench.messages
    WITH compaction = {'class': 'SizeTieredCompactionStrategy', 'enabled': 'false'};";
const MEMTABLE_BYTES: usize = 64 << 20;
const CACHE_BYTES: usize = 256 << 20;

/// The options in which phases differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) durability: Durability,
    /// Bytes that are written without a flush: the log holds all of them.
    pub(crate) unflushed_bytes: Option<u64>,
    pub(crate) compacting: bool,
    pub(crate) memtable_bytes: usize,
}

impl Opening {
    pub(crate) const BUFFERED: Self = Self {
        durability: Durability::Buffered,
        unflushed_bytes: None,
        compacting: true,
        memtable_bytes: MEMTABLE_BYTES,
    };
    /// With SSTables so small that one thread can't compact them as they come.
    pub(crate) const LAGGING: Self = Self { memtable_bytes: 1 << 20, ..Self::BUFFERED };
    pub(crate) const SYNC: Self = Self { durability: Durability::Sync, ..Self::BUFFERED };
}

/// The open table.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    table: Table,
}

impl Store {
    /// Creates the database and the table.
    pub(crate) fn create(dir: &Path, opening: Opening) -> Result<Self> {
        let database = options(opening).error_if_exists(true).open(dir)?;
        database.execute_schema(SCHEMA)?;
        if !opening.compacting {
            database.execute_schema(NOT_COMPACTING)?;
        }
        let table = database.table("bench", "messages")?;
        Ok(Self { database, table })
    }

    /// Opens the database that is there.
    pub(crate) fn open(dir: &Path, opening: Opening) -> Result<Self> {
        let database = options(opening).create_if_missing(false).open(dir)?;
        let table = database.table("bench", "messages")?;
        Ok(Self { database, table })
    }

    pub(crate) fn flush(&self) -> Result<()> {
        Ok(self.database.flush()?)
    }

    /// Waits until no flush and no compaction is left to do.
    pub(crate) fn settle(&self, longest: Duration) -> Result<()> {
        if self.database.settle(longest)? {
            Ok(())
        } else {
            Err("background work does not come to an end".into())
        }
    }

    /// Merges everything into one SSTable.
    pub(crate) fn compact(&self) -> Result<()> {
        Ok(self.table.compact()?)
    }

    pub(crate) fn close(&self) -> Result<()> {
        Ok(self.database.close()?)
    }

    pub(crate) fn sstables(&self) -> u64 {
        self.table.metrics().sstables
    }

    /// Writes that were held up, and for how long.
    pub(crate) fn stalls(&self) -> (u64, Duration) {
        let metrics = self.database.metrics();
        (metrics.stalled_writes, metrics.stalled)
    }

    pub(crate) fn log_bytes(&self) -> u64 {
        self.database.metrics().log_bytes
    }
}

fn options(opening: Opening) -> Options {
    let options = Options::new()
        .durability(opening.durability)
        .memtable_bytes(opening.memtable_bytes)
        .memtable_total_bytes(3 * opening.memtable_bytes)
        .cache_bytes(CACHE_BYTES)
        // One thread for flushes and the log, one for compactions.
        .background(Background::Threads(1));
    let Some(bytes) = opening.unflushed_bytes else { return options };
    let memory = usize::try_from(bytes.saturating_mul(8)).unwrap_or(usize::MAX);
    options.memtable_bytes(memory).memtable_total_bytes(memory).log_total_bytes(bytes.saturating_mul(8))
}

/// The treatment of columns that a message doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    /// They are left alone: nothing is there.
    Unset,
    /// They are deleted.
    Null,
}

/// Writes messages: one for each thread.
pub(crate) struct Writer {
    absent: Absent,
    insert: Prepared,
    delete: Prepared,
    batch: Batch,
    reactions: Vec<u8>,
}

impl Writer {
    /// For rows that are new.
    pub(crate) fn new(store: &Store) -> Result<Self> {
        Self::with(store, Absent::Unset)
    }

    /// For rows that replace others.
    pub(crate) fn replacing(store: &Store) -> Result<Self> {
        Self::with(store, Absent::Null)
    }

    fn with(store: &Store, absent: Absent) -> Result<Self> {
        Ok(Self {
            absent,
            insert: store.table.prepare_insert(&COLUMNS)?,
            delete: store.table.prepare_delete(&KEY, &[])?,
            batch: store.database.batch(),
            reactions: Vec::new(),
        })
    }

    /// Writes one row.
    pub(crate) fn write(&mut self, message: &Message<&str>) -> Result<()> {
        let Self { absent, insert, reactions, .. } = self;
        bind(message, *absent, reactions, |values| insert.execute(values))
    }

    /// Writes rows and deletes others, as one.
    pub(crate) fn write_batch(&mut self, rows: &[Message<&str>], deleted: &[Key]) -> Result<()> {
        let Self { absent, insert, delete, batch, reactions } = self;
        for message in rows {
            bind(message, *absent, reactions, |values| insert.add_to(batch, values))?;
        }
        for Key { partition, message_id } in deleted {
            delete.add_to(batch, (partition.channel_id, partition.bucket, *message_id))?;
        }
        Ok(batch.execute()?)
    }
}

/// Shows the values of a message to `f`, in the order of [`COLUMNS`].
fn bind(
    message: &Message<&str>,
    absent: Absent,
    reactions: &mut Vec<u8>,
    f: impl FnOnce(&[&dyn BindValue]) -> helenus::Result<()>,
) -> Result<()> {
    let Key { partition: Partition { channel_id, bucket }, message_id } = &message.key;
    let nothing: &dyn BindValue = if absent == Absent::Unset { &Unset } else { &None::<i64> };
    let edited_at = message.edited_at.as_ref().map_or(nothing, |at| at as &dyn BindValue);
    let serialized;
    let reactions: &dyn BindValue = if message.reactions().is_empty() {
        nothing
    } else {
        serialize(message.reactions(), reactions);
        serialized = Serialized(reactions);
        &serialized
    };
    let (author_id, content, flags) = (&message.author_id, &message.content, &message.flags);
    Ok(f(&[channel_id, bucket, message_id, author_id, content, flags, edited_at, reactions])?)
}

/// A map's serialized form: number of entries, then for each the length and bytes of key and value.
fn serialize(reactions: &[(&str, i32)], out: &mut Vec<u8>) {
    let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
    out.clear();
    out.extend_from_slice(&len(reactions.len()));
    for (name, count) in reactions {
        out.extend_from_slice(&len(name.len()));
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&len(4));
        out.extend_from_slice(&count.to_be_bytes());
    }
}

/// Indexes of the columns that are not of the key.
#[derive(Clone, Copy, Debug)]
struct Places {
    author_id: usize,
    content: usize,
    flags: usize,
    edited_at: usize,
    reactions: usize,
}

/// Reads messages, folds every column and copies the text out, as an application would: one for
/// each thread.
pub(crate) struct Reader {
    places: Places,
    /// The partition key seen last, raw and decoded.
    key: Vec<u8>,
    partition: Partition,
    text: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(store: &Store) -> Self {
        let schema = store.table.schema();
        let place = |name| match schema.column(name) {
            Some((ColumnKind::Regular, index)) => index,
            _ => usize::MAX,
        };
        let places = Places {
            author_id: place("author_id"),
            content: place("content"),
            flags: place("flags"),
            edited_at: place("edited_at"),
            reactions: place("reactions"),
        };
        Self { places, key: Vec::new(), partition: Partition::default(), text: Vec::new() }
    }

    /// The digest of a row, if it is there.
    pub(crate) fn point(&mut self, store: &Store, key: Key) -> Result<Option<u64>> {
        let Key { partition, message_id } = key;
        let select = store.table.select().key((partition.channel_id, partition.bucket)).prefix(message_id);
        let mut rows = select.rows()?;
        let row = rows.next()?;
        row.map(|row| self.take(&row)).transpose()
    }

    /// Number of rows and sum of digests of a partition's newest rows, from one on where that is
    /// given. Rows out of order are an error.
    pub(crate) fn slice(
        &mut self,
        store: &Store,
        partition: Partition,
        from: Option<i64>,
        limit: usize,
    ) -> Result<(usize, u64)> {
        let from: Bound<i64> = from.map_or(Unbounded, Included);
        let select =
            store.table.select().key((partition.channel_id, partition.bucket)).from(from).limit(limit);
        let mut rows = select.rows()?;
        let (mut count, mut sum, mut last) = (0, 0u64, i64::MAX);
        while let Some(row) = rows.next()? {
            let mut message = Message::default();
            self.decode(&row, &mut message)?;
            if message.key.partition != partition || message.key.message_id >= last {
                return Err("wrong answer: a slice out of order".into());
            }
            last = message.key.message_id;
            sum = sum.wrapping_add(message.digest());
            count += 1;
        }
        Ok((count, sum))
    }

    /// Number of rows and sum of digests of the whole table.
    pub(crate) fn scan(&mut self, store: &Store) -> Result<(u64, u64)> {
        let select = store.table.select();
        let mut rows = select.rows()?;
        let (mut count, mut sum) = (0, 0u64);
        while let Some(row) = rows.next()? {
            sum = sum.wrapping_add(self.take(&row)?);
            count += 1;
        }
        Ok((count, sum))
    }

    fn take(&mut self, row: &RowView<'_>) -> Result<u64> {
        let mut message = Message::default();
        self.decode(row, &mut message)?;
        Ok(message.digest())
    }

    /// Decodes a row into a message that is empty yet.
    #[inline]
    fn decode<'r>(&mut self, row: &RowView<'r>, message: &mut Message<&'r [u8]>) -> Result<()> {
        if row.partition_key() != self.key {
            self.key.clear();
            self.key.extend_from_slice(row.partition_key());
            let values = row.partition_key_values()?;
            let [channel_id, bucket] = values.as_slice() else {
                return Err("a key of two columns was expected".into());
            };
            self.partition = Partition { channel_id: long(channel_id)?, bucket: int(bucket)? };
        }
        let message_id = row.clustering_values().next().flatten().unwrap_or_default();
        message.key = Key { partition: self.partition, message_id: long(message_id)? };
        let places = self.places;
        let mut cells = row.cells()?;
        while let Some((column, cell)) = cells.next()? {
            if column == places.author_id {
                message.author_id = long(cell.value)?;
            } else if column == places.content {
                message.content = cell.value;
                self.text.clear();
                self.text.extend_from_slice(cell.value);
                std::hint::black_box(&self.text);
            } else if column == places.flags {
                message.flags = int(cell.value)?;
            } else if column == places.edited_at {
                message.edited_at = Some(long(cell.value)?);
            } else if column == places.reactions {
                message.add_reaction(cell.path, int(cell.value)?);
            }
        }
        Ok(())
    }
}

#[inline]
fn long(bytes: &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(bytes.try_into()?))
}

#[inline]
fn int(bytes: &[u8]) -> Result<i32> {
    Ok(i32::from_be_bytes(bytes.try_into()?))
}
