//! Messages of a chat, as Discord keeps them: a partition for each channel and day, the newest
//! first.
//!
//!     cargo run --release --example messages -- [DIR]
//!
//! Shows the newest fifty by walking back over the days, quiet ones included; why an edit must not
//! bring a deleted message back; and how a channel goes.

#![expect(clippy::print_stdout, reason = "an example says what it does")]

use helenus::{Database, Result, Row, Table};

const SCHEMA: &str = "
    CREATE KEYSPACE chat WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE chat.messages (channel bigint, day int, id bigint, author text, body text,
        reactions map<text, int>, PRIMARY KEY ((channel, day), id)) WITH CLUSTERING ORDER BY (id DESC);
    CREATE TABLE chat.channels (channel bigint PRIMARY KEY, name text, created int);";
const CHANNEL: i64 = 42;
const TODAY: i32 = 400;

/// Names and types are those of the columns; which of them are the key, the table knows.
#[derive(Row, Debug, Clone, PartialEq)]
struct Message {
    channel: i64,
    day: i32,
    id: i64,
    author: String,
    body: String,
    reactions: std::collections::BTreeMap<String, i32>,
}

#[derive(Row, Debug)]
struct Channel {
    channel: i64,
    name: String,
    created: i32,
}

fn main() -> Result<()> {
    let db = match std::env::args().nth(1) {
        Some(dir) => Database::open(dir)?,
        None => Database::in_memory()?,
    };
    db.execute_schema(SCHEMA)?;
    let (channels, messages) = (db.table("chat", "channels")?, db.table("chat", "messages")?);
    channels.insert_row(&Channel { channel: CHANNEL, name: "general".into(), created: 10 })?.execute()?;
    write(&db, &messages)?;
    read_newest(&channels, &messages)?;
    edit_a_deleted_message(&messages)?;
    delete_channel(&db, &channels, &messages)?;
    db.close()
}

/// A busy day long ago, nothing for most of a year, a few messages today.
fn write(db: &Database, messages: &Table) -> Result<()> {
    let mut batch = db.batch();
    for (day, count) in [(20, 1000), (TODAY - 3, 20), (TODAY, 12)] {
        for id in 0..count {
            let message = Message {
                channel: CHANNEL,
                day,
                id: i64::from(day) * 1_000_000 + id,
                author: format!("user {}", id % 7),
                body: format!("message {id} of day {day}"),
                reactions: [].into(),
            };
            messages.insert_row(&message)?.add_to(&mut batch)?;
        }
        // A batch is written as a whole or not at all.
        batch.execute()?;
        batch.clear();
    }
    messages.update((CHANNEL, TODAY), newest_id()).put("reactions", "👍", 2).execute()
}

fn newest_id() -> i64 {
    i64::from(TODAY) * 1_000_000 + 11
}

/// The newest messages of a channel, from today back to the day when it was made.
fn newest(channels: &Table, messages: &Table, limit: usize) -> Result<Vec<Message>> {
    let known = channels.select().key(CHANNEL);
    let Some(channel) = known.rows()?.into_typed::<Channel>().next().transpose()? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for day in (channel.created..=TODAY).rev() {
        // A day without messages costs a look into a memtable and a few filters.
        let of_day = messages.select().key((CHANNEL, day)).limit(limit - found.len());
        for message in of_day.rows()?.into_typed() {
            found.push(message?);
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

fn read_newest(channels: &Table, messages: &Table) -> Result<()> {
    let newest = newest(channels, messages, 50)?;
    let days: std::collections::BTreeSet<i32> = newest.iter().map(|message| message.day).collect();
    println!("the newest {} messages are of the days {days:?}", newest.len());
    assert_eq!((newest.len(), days), (50, [20, TODAY - 3, TODAY].into()));
    assert!(newest.is_sorted_by(|a, b| (a.day, a.id) > (b.day, b.id)), "the newest come first");
    assert_eq!(newest[0].reactions, [("👍".to_owned(), 2)].into());
    Ok(())
}

/// A message is deleted while its author edits it. An UPDATE creates the row, so the edit would
/// leave one with a body and no author; a conditional one writes only if there is a row.
fn edit_a_deleted_message(messages: &Table) -> Result<()> {
    messages.delete((CHANNEL, TODAY), newest_id()).execute()?;
    let edit = messages.update((CHANNEL, TODAY), newest_id()).set("body", "edited").if_exists().execute()?;
    assert!(!edit.is_applied());
    println!("the edit of a deleted message was not applied");

    let other = newest_id() - 1;
    let edit = messages.update((CHANNEL, TODAY), other).set("body", "edited").if_exists().execute()?;
    assert!(edit.is_applied());
    Ok(())
}

/// A channel's messages are deleted by partitions: one tombstone for each day, whatever is in it.
fn delete_channel(db: &Database, channels: &Table, messages: &Table) -> Result<()> {
    let known = channels.select().key(CHANNEL);
    let Some(channel) = known.rows()?.into_typed::<Channel>().next().transpose()? else { return Ok(()) };
    let mut batch = db.batch();
    for day in channel.created..=TODAY {
        messages.delete_partition((CHANNEL, day)).add_to(&mut batch)?;
    }
    channels.delete_row(&channel)?.add_to(&mut batch)?;
    batch.execute()?;
    assert!(messages.select().rows()?.next()?.is_none());
    println!("the channel {} is gone", channel.name);
    Ok(())
}
