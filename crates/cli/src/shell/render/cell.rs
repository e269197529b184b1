//! One cell of a table: its text, its width, and what it looks like.

use helenus::cql::ColumnSpec;
use helenus::{ColumnKind, Type};
use unicode_width::UnicodeWidthStr;

use crate::shell::problem::Problem;

/// What colours a cell, as in cqlsh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    PartitionKey,
    Clustering,
    Static,
    Column,
    Null,
    Text,
    Blob,
    Number,
    Collection,
    Other,
}

/// A cell's text; control characters in it are escaped, so that it stays on its line and nothing
/// commands the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableCell {
    text: String,
    width: usize,
    look: Look,
}

/// A column as it is printed.
pub(super) struct Heading {
    pub(super) spec: ColumnSpec,
    pub(super) cell: TableCell,
}

impl Look {
    pub(super) fn of_column(kind: Option<ColumnKind>) -> Self {
        match kind {
            Some(ColumnKind::PartitionKey) => Self::PartitionKey,
            Some(ColumnKind::Clustering) => Self::Clustering,
            Some(ColumnKind::Static) => Self::Static,
            Some(ColumnKind::Regular) | None => Self::Column,
        }
    }

    fn of_value(ty: &Type) -> Self {
        match ty.base() {
            Type::Ascii | Type::Text => Self::Text,
            Type::Blob => Self::Blob,
            Type::List { .. }
            | Type::Set { .. }
            | Type::Map { .. }
            | Type::Tuple(_)
            | Type::Udt { .. }
            | Type::Vector { .. } => Self::Collection,
            Type::Boolean
            | Type::TinyInt
            | Type::SmallInt
            | Type::Int
            | Type::BigInt
            | Type::Varint
            | Type::Decimal
            | Type::Float
            | Type::Double
            | Type::Counter
            | Type::Timestamp
            | Type::Date
            | Type::Time
            | Type::Duration
            | Type::Uuid
            | Type::TimeUuid
            | Type::Inet => Self::Number,
            _ => Self::Other,
        }
    }

    /// The parameters of the terminal's sequence; nothing for its own colour.
    fn colour(self) -> &'static str {
        match self {
            Self::PartitionKey => "1;31",
            Self::Clustering => "1;36",
            Self::Static => "1;37",
            Self::Column => "1;35",
            Self::Null => "31",
            Self::Text => "33",
            Self::Blob => "35",
            Self::Number => "32",
            Self::Collection => "34",
            Self::Other => "",
        }
    }
}

impl TableCell {
    pub(super) fn new(text: &str, look: Look) -> Self {
        let text = escaped(text);
        Self { width: text.width(), text, look }
    }

    /// A serialized value; `None` is null.
    pub(super) fn of(ty: &Type, value: Option<&[u8]>) -> Result<Self, Problem> {
        let Some(value) = value else { return Ok(Self::new("null", Look::Null)) };
        let mut text = String::new();
        ty.text(value, &mut text).map_err(|error| Problem::command(error.to_string()))?;
        Ok(Self::new(&text, Look::of_value(ty)))
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Appends it with blanks up to a width.
    pub(super) fn push(&self, side: Align, width: usize, in_colour: bool, out: &mut String) {
        let blanks = " ".repeat(width.saturating_sub(self.width));
        if side == Align::Right {
            out.push_str(&blanks);
        }
        match self.look.colour() {
            colour if in_colour && !colour.is_empty() => {
                out.push_str(&format!("\x1b[{colour}m{}\x1b[0m", self.text));
            }
            _ => out.push_str(&self.text),
        }
        if side == Align::Left {
            out.push_str(&blanks);
        }
    }
}

/// Where a cell stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
