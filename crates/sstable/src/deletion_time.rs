//! A deletion time in fixed form: of a partition in `Data.db`, of index entries and open range
//! deletions.
//!
//! ```text
//! legacy (ma to nc)   local deletion time i32, marked for delete at i64; none: 7fffffff 8000000000000000
//! oa and da           marked for delete at i64 with its top bit 0, local deletion time u32; none: 80
//! ```
//!
//! (1700000000000000 µs, 1700000000 s) is `6553f100 00060a24181e4000` in the legacy form and
//! `00060a24181e4000 6553f100` in the other. (Cassandra: `db.DeletionTime.LegacySerializer`,
//! `Serializer`.)

use helenus_rows::DeletionTime;
use helenus_types::{DecodeError, LocalDeletionTime, Reader, Timestamp};

use crate::version::Version;

/// The form of a version: its `hasUIntDeletionTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionTimeForm {
    /// Twelve bytes, a signed local deletion time.
    Legacy,
    /// One or twelve bytes, an unsigned local deletion time.
    Unsigned,
}

impl DeletionTimeForm {
    /// The form that a version has in Data.db and Index.db.
    #[must_use]
    pub fn of(version: Version) -> DeletionTimeForm {
        if version.has_uint_deletion_time() { DeletionTimeForm::Unsigned } else { DeletionTimeForm::Legacy }
    }
}

const LIVE_FLAG: u8 = 0x80;
const LEGACY_LIVE_LDT: u32 = 0x7FFF_FFFF;

/// Appends a deletion time. The legacy form cannot hold local deletion times past 2038 and gets its
/// latest instead; an invalid one stays invalid.
///
/// The `Unsigned` form has no sign bit for `marked_for_delete_at`: negative ones lose it, so a
/// caller refuses them.
pub(crate) fn write_deletion_time(deletion: DeletionTime, form: DeletionTimeForm, out: &mut Vec<u8>) {
    let marked = deletion.marked_for_delete_at.0;
    let local = deletion.local_deletion_time.0;
    match form {
        DeletionTimeForm::Legacy => {
            let local = match deletion.local_deletion_time {
                _ if deletion.is_live() => LEGACY_LIVE_LDT,
                LocalDeletionTime::INVALID => local,
                _ => local.min(LEGACY_LIVE_LDT - 1),
            };
            out.extend_from_slice(&local.to_be_bytes());
            out.extend_from_slice(&marked.to_be_bytes());
        }
        DeletionTimeForm::Unsigned if deletion.is_live() => out.push(LIVE_FLAG),
        DeletionTimeForm::Unsigned => {
            out.extend_from_slice(&(marked & i64::MAX).to_be_bytes());
            out.extend_from_slice(&local.to_be_bytes());
        }
    }
}

/// The bytes that [`write_deletion_time`] appends.
#[must_use]
pub(crate) fn deletion_time_size(deletion: DeletionTime, form: DeletionTimeForm) -> usize {
    if form == DeletionTimeForm::Unsigned && deletion.is_live() { 1 } else { 12 }
}

/// Reads a deletion time. A negative local deletion time of the legacy form, the overflow of an old
/// bug, becomes [`LocalDeletionTime::INVALID`], which validation reports.
///
/// # Errors
/// Too few bytes, or a first byte that neither form has.
#[inline]
pub(crate) fn read_deletion_time(
    reader: &mut Reader<'_>,
    form: DeletionTimeForm,
) -> Result<DeletionTime, DecodeError> {
    if form == DeletionTimeForm::Legacy {
        let local = reader.u32()?;
        let marked = reader.i64()?;
        if local == LEGACY_LIVE_LDT && marked == i64::MIN {
            return Ok(DeletionTime::LIVE);
        }
        let local =
            if local > LEGACY_LIVE_LDT { LocalDeletionTime::INVALID } else { LocalDeletionTime(local) };
        return Ok(DeletionTime::new(Timestamp(marked), local));
    }
    match reader.rest().first() {
        Some(&LIVE_FLAG) => {
            reader.skip(1)?;
            Ok(DeletionTime::LIVE)
        }
        Some(&flag) if flag > LIVE_FLAG => {
            Err(reader.error("a deletion time, or 80 for none", format!("a byte {flag:02x}")))
        }
        _ => {
            let marked = reader.i64()?;
            Ok(DeletionTime::new(Timestamp(marked), LocalDeletionTime(reader.u32()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(marked: i64, local: u32, form: DeletionTimeForm, expected: &[u8], read: Option<u32>) {
        let deletion = DeletionTime::new(Timestamp(marked), LocalDeletionTime(local));
        let mut bytes = Vec::new();
        write_deletion_time(deletion, form, &mut bytes);
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), deletion_time_size(deletion, form));
        let mut reader = Reader::new(&bytes);
        let back = DeletionTime::new(Timestamp(marked), LocalDeletionTime(read.unwrap_or(local)));
        assert_eq!(read_deletion_time(&mut reader, form), Ok(back));
        assert!(reader.is_empty());
        for len in 0..bytes.len() {
            assert!(read_deletion_time(&mut Reader::new(&bytes[..len]), form).is_err());
        }
    }

    #[test]
    fn both_forms() {
        use DeletionTimeForm::{Legacy, Unsigned};
        let micros = [0x00, 0x06, 0x0a, 0x24, 0x18, 0x1e, 0x40, 0x00];
        let bytes = |parts: &[&[u8]]| parts.concat();
        let seconds = [0x65, 0x53, 0xf1, 0x00];
        check(1_700_000_000_000_000, 1_700_000_000, Unsigned, &bytes(&[&micros, &seconds]), None);
        check(1_700_000_000_000_000, 1_700_000_000, Legacy, &bytes(&[&seconds, &micros]), None);
        let late = [0xb2, 0xd0, 0x5e, 0x00];
        check(1_700_000_000_000_000, 3_000_000_000, Unsigned, &bytes(&[&micros, &late]), None);
        let clamped = [0x7f, 0xff, 0xff, 0xfe];
        check(1_700_000_000_000_000, 3_000_000_000, Legacy, &bytes(&[&clamped, &micros]), Some(0x7fff_fffe));
        let invalid = [0xff, 0xff, 0xff, 0xfe];
        check(1_700_000_000_000_000, 0xffff_fffe, Legacy, &bytes(&[&invalid, &micros]), None);
        let live = [0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
        check(i64::MIN, u32::MAX, Legacy, &live, None);
        check(i64::MIN, u32::MAX, Unsigned, &[0x80], None);
    }

    #[test]
    fn odd_bytes() {
        let overflowed = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 9];
        let read = read_deletion_time(&mut Reader::new(&overflowed), DeletionTimeForm::Legacy).unwrap();
        assert_eq!(read, DeletionTime::new(Timestamp(9), LocalDeletionTime::INVALID));
        assert!(read_deletion_time(&mut Reader::new(&[0x81; 12]), DeletionTimeForm::Unsigned).is_err());
    }
}
