//! Tree to CQL. What is written here, the parser reads as the same tree.

mod describe;
mod dml;
mod names;
mod schema;
mod statements;
mod terms;

use std::fmt::{self, Display, Formatter};

/// Writes items with a separator between them.
fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Writes `words` where `condition` holds.
fn words_if(f: &mut Formatter<'_>, condition: bool, words: &str) -> fmt::Result {
    if condition { f.write_str(words) } else { Ok(()) }
}

/// Writes `text` between two quotes, doubling quotes in it.
fn quoted(f: &mut Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    write!(f, "{quote}")?;
    for (index, part) in text.split(quote).enumerate() {
        if index > 0 {
            write!(f, "{quote}{quote}")?;
        }
        f.write_str(part)?;
    }
    write!(f, "{quote}")
}
