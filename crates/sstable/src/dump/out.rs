//! Text on its way out, and numbers as they are printed in it.

use std::io::{self, Write};

use helenus_types::LocalDeletionTime;

/// Text is passed on when it has this length in bytes.
pub(super) const ENOUGH: usize = 256 << 10;

/// Hands text on if there is enough of it.
pub(super) fn hand_on(text: &mut String, enough: usize, out: &mut dyn Write) -> io::Result<()> {
    if text.len() >= enough {
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    Ok(())
}

/// The number that Cassandra has in memory.
pub(super) fn seconds(time: LocalDeletionTime) -> i64 {
    if time == LocalDeletionTime::NONE { i64::MAX } else { i64::from(time.0) }
}
