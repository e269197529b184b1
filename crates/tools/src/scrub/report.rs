//! The report of a scrub: losses, repairs and their JSON.

use std::fmt;
use std::path::PathBuf;

use helenus_sstable::{Component, Descriptor, KeyName, SsTableError, WrittenTable};
use helenus_types::{Hex, JsonObject, Type, push_json_list, push_json_string};

use crate::words::counted;

/// A kind of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LostPart {
    /// A partition, all of it.
    Partition,
    /// A stretch of data of which it isn't known what stood in it: any number of partitions.
    Unknown,
    /// Rows of a partition: any number between two places.
    Rows,
    /// One row, whose bytes are not a row's, or hold what the column's type doesn't allow.
    Row,
    /// A partition's static row, if it had one.
    StaticRow,
    /// A partition's deletion, if it had one: what it deleted in other SSTables may come back.
    Deletion,
    /// An end of a range deletion: it is kept as far as the surrounding rows show that it reached.
    RangeDeletion,
}

impl LostPart {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LostPart::Partition => "partition",
            LostPart::Unknown => "unknown",
            LostPart::Rows => "rows",
            LostPart::Row => "row",
            LostPart::StaticRow => "static row",
            LostPart::Deletion => "deletion",
            LostPart::RangeDeletion => "range deletion",
        }
    }
}

/// Something that could not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of the loss.
    pub part: LostPart,
    /// Raw key of the partition, if it is known.
    pub key: Option<Vec<u8>>,
    /// Its start in the uncompressed data.
    pub start: u64,
    /// Its end, where the next data begins.
    pub end: u64,
    /// The reason.
    pub why: String,
}

/// A component that was damaged or missing, and what was done without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// The component.
    pub component: Component,
    /// The fault.
    pub problem: String,
    /// The replacement.
    pub instead: &'static str,
}

impl Substitute {
    /// What becomes of an index of `table` that can't be opened, or not read to its end.
    pub(super) fn of_index(table: &Descriptor, error: &SsTableError) -> Substitute {
        Substitute {
            component: table.component_at(error.file()).unwrap_or(Component::Index),
            problem: error.kind().to_string(),
            instead: "what follows damage is looked for in the data itself",
        }
    }
}

/// The result for one table.
#[derive(Debug)]
pub struct ScrubReport {
    /// The input.
    pub table: Descriptor,
    /// The type of its partition key.
    pub key_type: Type,
    /// The outputs: first what was in order, then what was not.
    pub outputs: Vec<WrittenTable>,
    /// Partitions that are in the outputs; one that is in two counts twice.
    pub partitions: u64,
    /// Rows and markers that are in the outputs, static rows among them.
    pub unfiltereds: u64,
    /// The losses, in the order in which they were found; the first [`MAX_LOSSES`].
    pub losses: Vec<Loss>,
    /// The number of further ones.
    pub more: u64,
    /// Uncompressed bytes of the losses, up to the end of the file.
    pub lost_bytes: u64,
    /// Chunks of Data.db that can't be read; the first [`MAX_LOSSES`].
    pub damaged_chunks: Vec<u32>,
    /// Components that were damaged or missing.
    pub substitutes: Vec<Substitute>,
    /// Whether every chunk of the input has a checksum. Without them a wrong value may go
    /// unnoticed.
    pub is_checked: bool,
    /// Partitions that were stored after one that belongs after them.
    pub partitions_out_of_order: u64,
    /// Rows of which the same is true, and all after them in their partition.
    pub rows_out_of_order: u64,
    /// Rows that had the clustering of another row, and were merged with it.
    pub duplicates: u64,
    /// Deletions, livenesses and cells whose local time overflowed and was mended.
    pub mended: u64,
    /// Rows and deletions that are lost because their local time overflowed.
    pub overflowed: u64,
}

/// Losses that a report keeps: more say nothing new, and there may be millions.
pub const MAX_LOSSES: usize = 1000;

impl ScrubReport {
    pub(super) fn new(table: &Descriptor, key_type: &Type) -> ScrubReport {
        ScrubReport {
            table: table.clone(),
            key_type: key_type.clone(),
            outputs: Vec::new(),
            partitions: 0,
            unfiltereds: 0,
            losses: Vec::new(),
            more: 0,
            lost_bytes: 0,
            damaged_chunks: Vec::new(),
            substitutes: Vec::new(),
            is_checked: true,
            partitions_out_of_order: 0,
            rows_out_of_order: 0,
            duplicates: 0,
            mended: 0,
            overflowed: 0,
        }
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        if self.losses.len() < MAX_LOSSES {
            self.losses.push(loss);
        } else {
            self.more += 1;
        }
    }

    pub(super) fn damaged_chunk(&mut self, chunk: u32) {
        if self.damaged_chunks.len() < MAX_LOSSES {
            self.damaged_chunks.push(chunk);
        }
    }

    /// The number of [`Loss`]es.
    #[must_use]
    pub fn loss_count(&self) -> u64 {
        self.losses.len() as u64 + self.more
    }

    /// Whether something was lost.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        !self.losses.is_empty()
    }

    /// Appends the report as one JSON object. Keys of partitions are in hex.
    pub fn write_json(&self, out: &mut String) {
        let mut json = JsonObject::new(out);
        json.text("sstable", &self.table.path(&Component::Data).to_string_lossy());
        push_json_list(json.member("outputs"), self.output_paths(), |path, out| {
            push_json_string(&path.to_string_lossy(), out);
        });
        for (name, count) in self.counts() {
            json.value(name, count);
        }
        json.value("checksums", self.is_checked);
        json.value("damaged_chunks", format_args!("{:?}", self.damaged_chunks));
        push_json_list(json.member("components"), &self.substitutes, |substitute, out| {
            let mut json = JsonObject::new(out);
            json.text("component", substitute.component.name());
            json.text("problem", &substitute.problem);
            json.text("instead", substitute.instead);
            json.end();
        });
        push_json_list(json.member("lost"), &self.losses, |loss, out| {
            let mut json = JsonObject::new(out);
            json.text("part", loss.part.name());
            match &loss.key {
                None => json.null("key"),
                Some(key) => {
                    json.text("key", &Hex(key).to_string());
                    json.text("key_text", &self.name(key).text().unwrap_or_default());
                }
            }
            json.value("start", loss.start);
            json.value("end", loss.end);
            json.text("why", &loss.why);
            json.end();
        });
        json.end();
    }

    fn name<'a>(&'a self, key: &'a [u8]) -> KeyName<'a> {
        KeyName { key_type: Some(&self.key_type), key }
    }

    fn output_paths(&self) -> Vec<PathBuf> {
        self.outputs.iter().map(|written| written.descriptor.path(&Component::Data)).collect()
    }

    fn counts(&self) -> [(&'static str, u64); 10] {
        [
            ("partitions", self.partitions),
            ("unfiltereds", self.unfiltereds),
            ("losses", self.loss_count()),
            ("lost_bytes", self.lost_bytes),
            ("partitions_out_of_order", self.partitions_out_of_order),
            ("rows_out_of_order", self.rows_out_of_order),
            ("duplicates", self.duplicates),
            ("overflows_mended", self.mended),
            ("overflows_lost", self.overflowed),
            ("more", self.more),
        ]
    }
}

/// A line for the table, and one for each thing that was wrong with it.
impl fmt::Display for ScrubReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> ", self.table)?;
        match self.outputs.as_slice() {
            [] => f.write_str("nothing")?,
            outputs => {
                for (index, written) in outputs.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, written.descriptor)?;
                }
            }
        }
        let (partitions, rows) = (counted(self.partitions, "partition"), counted(self.unfiltereds, "row"));
        write!(f, ": {partitions}, {rows} and markers kept")?;
        let all = self.loss_count();
        match all {
            0 => f.write_str(", nothing lost")?,
            1 => write!(f, ", 1 loss in {}", counted(self.lost_bytes, "byte"))?,
            _ => write!(f, ", {all} losses in {}", counted(self.lost_bytes, "byte"))?,
        }
        for (count, one, many) in [
            (
                self.partitions_out_of_order,
                "partition out of order, in an SSTable of its own",
                "partitions out of order, in an SSTable of their own",
            ),
            (
                self.rows_out_of_order,
                "row out of order, in an SSTable of its own",
                "rows out of order or after such rows, in an SSTable of their own",
            ),
            (self.duplicates, "duplicate of a row merged", "duplicates of rows merged"),
            (self.mended, "time that overflowed mended", "times that overflowed mended"),
            (
                self.overflowed,
                "row or deletion lost because of a time that overflowed",
                "rows and deletions lost because of times that overflowed",
            ),
        ] {
            match count {
                0 => {}
                1 => write!(f, "\n  1 {one}")?,
                _ => write!(f, "\n  {count} {many}")?,
            }
        }
        for substitute in &self.substitutes {
            let Substitute { component, problem, instead } = substitute;
            write!(f, "\n  {}: {problem}; {instead}", component.name())?;
        }
        if !self.is_checked {
            f.write_str("\n  Data.db has no checksums: a wrong value would go unnoticed")?;
        }
        for loss in &self.losses {
            write!(f, "\n  lost: {}", loss.part.name())?;
            if let Some(key) = &loss.key {
                write!(f, " of partition {}", self.name(key))?;
            }
            write!(f, ", bytes {} to {}: {}", loss.start, loss.end, loss.why)?;
        }
        if self.more > 0 { write!(f, "\n  and {} more", self.more) } else { Ok(()) }
    }
}
