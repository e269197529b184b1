//! The bytes of the log.
//!
//! A log is a directory of segments, `commitlog-<id>.log` with ids in decimal that are never used
//! again; a file `commitlog-<id>.tmp` is a segment in the making, or one that is void. All numbers
//! are little-endian.
//!
//! ```text
//! segment:  header, a link, records without gaps, an end, then anything
//! header:    0  8  magic "HELENLOG"
//!            8  4  version, 2
//!           12  4  length of the segment in bytes, the header included
//!           16  8  id of the segment
//!           24  8  salt
//!           32  8  run: id of the first segment since the log was opened
//!           40 12  where the log ended when the run began: id, offset (NONE if there was no log)
//!           52  8  id of the segment that was made before this one in its run, its own id in the first;
//!                  the highest bit is set if segments before this run are missing, and that was accepted
//!           60  4  CRC-32 of the 60 bytes before
//! record:    0  4  checksum: CRC-32 of the rest, xor a mask of the segment's salt and the record's offset
//!            4  4  length of the body: tags and payload
//!            8  1  kind: 1 record, 2 sync mark, 3 end of the segment, 4 link
//!            9  1  zero
//!           10  2  number of tags
//!           12  4  each tag
//!               …  payload
//! sync mark: no tags; the payload is a position (id 8, offset 4): all before it was durable when the
//!            mark was written
//! end:       no tags; the payload is the id of the segment in which the log goes on (8), 0 if the log
//!            was closed
//! link:      no tags; the payload is the position where the segment before this one ends (NONE if there
//!            was none), then for each table that had unflushed records in the segments before this one
//!            its tag (4) and where the last of them ends (id 8, offset 4)
//! ```
//!
//! For example a record of tag 7 with payload `hi` at offset 64 of a segment with salt 1:
//!
//! ```text
//! 4d 3c 9c 53  06 00 00 00  01 00 01 00  07 00 00 00  68 69
//! ```
//!
//! and an end there, after which the log goes on in segment 9:
//!
//! ```text
//! b6 70 bb 2a  08 00 00 00  03 00 00 00  09 00 00 00 00 00 00 00
//! ```
//!
//! What survives a crash is a prefix of what was appended, because
//!
//! 1. one writer at a time appends, and a record that is not whole fails its checksum;
//! 2. the checksum depends on the segment's salt and the offset, so that what a reused file held
//!    before, or what a payload imitates, is no record;
//! 3. a full segment ends with an end record. Without it the log ends there, whatever later
//!    segments hold;
//! 4. a file gets a segment's name only when its header is durable, in the order of ids, and a
//!    released segment loses its name durably before its bytes change. So a bad header is damage;
//! 5. a segment has its whole length before it gets its name, and a log that is closed cuts its
//!    last one after an end record: a file that is short without one was cut by another program;
//! 6. opening a log syncs what was replayed, then makes the first segment of a new run, whose
//!    header says where the log ended: what older runs hold beyond that is void for ever.
//!
//! Whether a segment is missing is known from its neighbours:
//!
//! 7. a segment is begun with its link, which is in the file before any record of the segment is
//!    acknowledged, and after the end record of the one before, which names it. So a segment that
//!    an end names was there once, under a durable name;
//! 8. a segment is released when it is synced together with the link of the one that follows it,
//!    and every record in it is flushed. So where a segment is missing, the first link after the
//!    gap says which tables had unflushed records in the gap when it was written, and it was
//!    released only if all of them are flushed past it by now. Where no link follows, it was never
//!    released;
//! 9. spare segments are removed only after the log was closed: one that no record was ever written
//!    to names the one that was made before it, so that it can't outlive the segment that was in
//!    use.
//!
//! This doesn't show the loss of all files of the newest run at once: the log's owner keeps the
//! number of the newest segment and compares it with
//! [`newest_segment`](crate::ReplayReport::newest_segment).
//!
//! Segments of version 1 have no link (records begin after the header), eight zero bytes in place
//! of the id of the segment made before, and an end without a payload. There a missing id is a
//! released segment, or one that could not be made. That neither is possible, because nothing after
//! it was ever flushed, only the caller knows
//! ([`ReplayOptions::released_to`](crate::ReplayOptions::released_to)).

use helenus_types::LogPosition;

use crate::{Damage, TableTag};

pub(crate) const HEADER_LEN: u32 = 64;
pub(crate) const RECORD_HEAD_LEN: u32 = 12;
/// An end record, which every segment keeps room for.
pub(crate) const END_LEN: u32 = RECORD_HEAD_LEN + END_BODY_LEN;
pub(crate) const MARK_LEN: u32 = RECORD_HEAD_LEN + MARK_BODY_LEN;

const MARK_BODY_LEN: u32 = 12;
const END_BODY_LEN: u32 = 8;
const POSITION_LEN: usize = 12;
const LINK_ENTRY_LEN: usize = 4 + POSITION_LEN;
const MAGIC: u64 = u64::from_le_bytes(*b"HELENLOG");
/// The version that is written.
pub(crate) const VERSION: u32 = 2;
/// The oldest version that is read.
const OLDEST_VERSION: u32 = 1;
const GAPS_ACCEPTED: u64 = 1 << 63;
const CHECKED_HEADER_LEN: usize = HEADER_LEN as usize - 4;

/// Bytes 4 to 12 of every mark, so that marks can be found after a bad record.
pub(crate) const MARK_NEEDLE: [u8; 8] = [12, 0, 0, 0, KIND_MARK, 0, 0, 0];
pub(crate) const MARK_NEEDLE_OFFSET: usize = 4;

pub(crate) const KIND_RECORD: u8 = 1;
pub(crate) const KIND_MARK: u8 = 2;
pub(crate) const KIND_END: u8 = 3;
pub(crate) const KIND_LINK: u8 = 4;

const _: () = assert!(MARK_NEEDLE[0] as u32 == MARK_BODY_LEN);

/// The identity of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) len: u32,
    pub(crate) id: u64,
    pub(crate) salt: u64,
    pub(crate) run: u64,
    /// Where the log ended when the run began.
    pub(crate) previous_end: LogPosition,
    /// The segment that was made before this one; its own id in the first of a run, 0 in version 1.
    pub(crate) made_after: u64,
    /// Segments before this run are missing, and the user has accepted that.
    pub(crate) gaps_accepted: bool,
}

impl Header {
    /// Whether the segment has a link and an end that names the next one.
    pub(crate) fn is_linked(&self) -> bool {
        self.version > OLDEST_VERSION
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_LEN as usize] {
        let mut bytes = [0; HEADER_LEN as usize];
        let fields: [&[u8]; 9] = [
            &MAGIC.to_le_bytes(),
            &self.version.to_le_bytes(),
            &self.len.to_le_bytes(),
            &self.id.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &self.run.to_le_bytes(),
            &self.previous_end.segment.to_le_bytes(),
            &self.previous_end.offset.to_le_bytes(),
            &(self.made_after | if self.gaps_accepted { GAPS_ACCEPTED } else { 0 }).to_le_bytes(),
        ];
        let (checked, checksum) = bytes.split_at_mut(CHECKED_HEADER_LEN);
        for (to, from) in checked.iter_mut().zip(fields.iter().flat_map(|field| field.iter())) {
            *to = *from;
        }
        checksum.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of the file of segment `id`.
    pub(crate) fn decode(bytes: &[u8], id: u64) -> Result<Self, Damage> {
        let cut = Damage::HeaderCut { expected: u64::from(HEADER_LEN), found: bytes.len() as u64 };
        let (checked, rest) = bytes.split_at_checked(CHECKED_HEADER_LEN).ok_or(cut)?;
        let mut fields = Fields(checked);
        let magic = fields.u64().ok_or(cut)?;
        if magic != MAGIC {
            return Err(Damage::Magic { found: magic });
        }
        let (expected, found) = (crc32fast::hash(checked), Fields(rest).u32().ok_or(cut)?);
        if expected != found {
            return Err(Damage::HeaderChecksum { expected, found });
        }
        let version = fields.u32().ok_or(cut)?;
        if !(OLDEST_VERSION..=VERSION).contains(&version) {
            return Err(Damage::Version { expected: VERSION, found: version });
        }
        let mut header = || {
            let mut header = Self {
                version,
                len: fields.u32()?,
                id: fields.u64()?,
                salt: fields.u64()?,
                run: fields.u64()?,
                previous_end: fields.position()?,
                made_after: fields.u64()?,
                gaps_accepted: false,
            };
            header.gaps_accepted = header.made_after & GAPS_ACCEPTED != 0;
            header.made_after &= !GAPS_ACCEPTED;
            Some(header)
        };
        let header = header().ok_or(cut)?;
        if header.id == id { Ok(header) } else { Err(Damage::Identity { expected: id, found: header.id }) }
    }
}

/// The first twelve bytes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) checksum: u32,
    pub(crate) body_len: u32,
    pub(crate) kind: u8,
    pub(crate) tags: u16,
}

impl RecordHead {
    /// Reads a head; `left` are the bytes between it and the segment's end.
    pub(crate) fn decode(bytes: &[u8], left: u32) -> Result<Self, Damage> {
        let mut fields = Fields(bytes);
        let mut head = || {
            let (checksum, body_len) = (fields.u32()?, fields.u32()?);
            let [kind, _zero, low, high] = fields.array()?;
            Some(Self { checksum, body_len, kind, tags: u16::from_le_bytes([low, high]) })
        };
        let head = head().ok_or(Damage::RecordCut)?;
        if !matches!(head.kind, KIND_RECORD | KIND_MARK | KIND_END | KIND_LINK) {
            return Err(Damage::RecordKind { found: head.kind });
        }
        if head.body_len > left || u32::from(head.tags) * 4 > head.body_len {
            return Err(Damage::RecordLength { len: head.body_len, tags: head.tags, left });
        }
        Ok(head)
    }

    /// Compares the checksum with that of `record`: the whole record, this head at its beginning.
    pub(crate) fn verify(&self, record: &[u8], salt: u64, offset: u32) -> Result<(), Damage> {
        let checked = record.get(4..).ok_or(Damage::RecordCut)?;
        let expected = crc32fast::hash(checked) ^ mask(salt, offset);
        if expected == self.checksum {
            Ok(())
        } else {
            Err(Damage::RecordChecksum { expected, found: self.checksum })
        }
    }
}

/// A record's head, its checksum still zero.
pub(crate) fn encode_record_head(body_len: u32, kind: u8, tags: u16) -> [u8; RECORD_HEAD_LEN as usize] {
    let [a, b, c, d] = body_len.to_le_bytes();
    let [low, high] = tags.to_le_bytes();
    [0, 0, 0, 0, a, b, c, d, kind, 0, low, high]
}

/// A whole sync mark for the given place.
pub(crate) fn encode_mark(durable_to: LogPosition, salt: u64, offset: u32) -> [u8; MARK_LEN as usize] {
    let mut bytes = [0; MARK_LEN as usize];
    let head = encode_record_head(MARK_BODY_LEN, KIND_MARK, 0);
    let fields: [&[u8]; 3] = [&head, &durable_to.segment.to_le_bytes(), &durable_to.offset.to_le_bytes()];
    for (to, from) in bytes.iter_mut().zip(fields.iter().flat_map(|field| field.iter())) {
        *to = *from;
    }
    seal(&mut bytes, salt, offset);
    bytes
}

/// A whole end record for the given place; `next` is the segment in which the log goes on, if it
/// does.
pub(crate) fn encode_end(next: Option<u64>, salt: u64, offset: u32) -> [u8; END_LEN as usize] {
    let mut bytes = [0; END_LEN as usize];
    let (head, body) = (encode_record_head(END_BODY_LEN, KIND_END, 0), next.unwrap_or(0).to_le_bytes());
    for (to, from) in bytes.iter_mut().zip(head.iter().chain(&body)) {
        *to = *from;
    }
    seal(&mut bytes, salt, offset);
    bytes
}

/// Where the log goes on after the end record with that body; a body of version 1 is empty.
pub(crate) fn decode_end(body: &[u8]) -> Result<EndsWith, Damage> {
    if body.is_empty() {
        return Ok(EndsWith::Unknown);
    }
    match <[u8; END_BODY_LEN as usize]>::try_from(body).map(u64::from_le_bytes) {
        Ok(0) => Ok(EndsWith::Close),
        Ok(next) => Ok(EndsWith::Next(next)),
        Err(_wrong_length) => {
            let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
            Err(Damage::RecordLength { len, tags: 0, left: END_BODY_LEN })
        }
    }
}

/// The segment after one that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndsWith {
    /// The log goes on in that segment.
    Next(u64),
    /// Nothing: the log was closed.
    Close,
    /// A segment of version 1 doesn't say.
    Unknown,
}

/// The link of a segment to those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Where the segment before this one ends; NONE in the first of all.
    pub(crate) previous: LogPosition,
    /// The tables that had unflushed records in segments before this one, and where the last of
    /// them ends.
    pub(crate) unflushed: Vec<(TableTag, LogPosition)>,
}

impl Link {
    /// Length of the whole record with that many tables.
    pub(crate) fn len(tables: usize) -> u32 {
        let body = POSITION_LEN + tables * LINK_ENTRY_LEN;
        RECORD_HEAD_LEN.saturating_add(u32::try_from(body).unwrap_or(u32::MAX))
    }

    /// The whole record, at the beginning of a segment.
    pub(crate) fn encode(&self, salt: u64) -> Vec<u8> {
        let len = Self::len(self.unflushed.len());
        let mut bytes = encode_record_head(len - RECORD_HEAD_LEN, KIND_LINK, 0).to_vec();
        let position = |bytes: &mut Vec<u8>, position: LogPosition| {
            bytes.extend_from_slice(&position.segment.to_le_bytes());
            bytes.extend_from_slice(&position.offset.to_le_bytes());
        };
        position(&mut bytes, self.previous);
        for (tag, end) in &self.unflushed {
            bytes.extend_from_slice(&tag.0.to_le_bytes());
            position(&mut bytes, *end);
        }
        seal(&mut bytes, salt, HEADER_LEN);
        bytes
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Damage> {
        let wrong = Damage::RecordLength {
            len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            tags: 0,
            left: Self::len(0) - RECORD_HEAD_LEN,
        };
        let (first, rest) = body.split_at_checked(POSITION_LEN).ok_or(wrong)?;
        let previous = Fields(first).position().ok_or(wrong)?;
        let (entries, left) = rest.as_chunks::<LINK_ENTRY_LEN>();
        let entry = |bytes: &[u8; LINK_ENTRY_LEN]| {
            let mut fields = Fields(bytes);
            Some((TableTag(fields.u32()?), fields.position()?))
        };
        let unflushed: Option<Vec<_>> = entries.iter().map(entry).collect();
        match unflushed {
            Some(unflushed) if left.is_empty() => Ok(Self { previous, unflushed }),
            _ => Err(wrong),
        }
    }
}

/// The position in a mark's body.
pub(crate) fn decode_mark(body: &[u8]) -> Option<LogPosition> {
    Fields(body).position()
}

pub(crate) fn decode_tag(bytes: &[u8]) -> Option<TableTag> {
    Fields(bytes).u32().map(TableTag)
}

/// The mask that a checksum is combined with: no two offsets of a segment, and no two segments,
/// have the same one but by chance. (Seeding the CRC itself would be the same linear operation, but
/// needs the segment and the offset before the bytes: the checksum is computed before the place is
/// known.)
pub(crate) fn mask(salt: u64, offset: u32) -> u32 {
    let mixed = mix(salt ^ mix(u64::from(offset)));
    let [a, b, c, d, ..] = mixed.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A bijection that spreads every bit over all (the finalizer of splitmix64).
pub(crate) const fn mix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Puts the checksum before the rest of a whole record.
fn seal(record: &mut [u8], salt: u64, offset: u32) {
    if let Some((checksum, rest)) = record.split_first_chunk_mut::<4>() {
        *checksum = (crc32fast::hash(rest) ^ mask(salt, offset)).to_le_bytes();
    }
}

/// Little-endian numbers one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn position(&mut self) -> Option<LogPosition> {
        Some(LogPosition { segment: self.u64()?, offset: self.u32()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        version: VERSION,
        len: 1 << 20,
        id: 9,
        salt: 0x0123_4567_89ab_cdef,
        run: 7,
        previous_end: LogPosition { segment: 5, offset: 99 },
        made_after: 8,
        gaps_accepted: false,
    };

    #[test]
    fn a_header_is_read_back_and_no_flipped_bit_passes() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes, 9), Ok(HEADER));
        let accepted = Header { gaps_accepted: true, ..HEADER };
        assert_eq!(Header::decode(&accepted.encode(), 9), Ok(accepted));
        assert_eq!(Header::decode(&bytes, 8), Err(Damage::Identity { expected: 8, found: 9 }));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped, 9).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Header::decode(&bytes[..len], 9).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn marks_and_ends_are_records() {
        let position = LogPosition { segment: 3, offset: 500 };
        let mark = encode_mark(position, 1, 64);
        let head = RecordHead::decode(&mark, 12).unwrap();
        assert_eq!((head.kind, head.body_len, head.tags), (KIND_MARK, 12, 0));
        head.verify(&mark, 1, 64).unwrap();
        assert_eq!(decode_mark(&mark[12..]), Some(position));
        assert_eq!(mark[MARK_NEEDLE_OFFSET..][..8], MARK_NEEDLE);
        assert!(head.verify(&mark, 2, 64).is_err(), "another segment's");
        assert!(head.verify(&mark, 1, 65).is_err(), "at another place");
        for (next, expected) in [(Some(9), EndsWith::Next(9)), (None, EndsWith::Close)] {
            let end = encode_end(next, 1, 64);
            let head = RecordHead::decode(&end, END_BODY_LEN).unwrap();
            assert_eq!((head.kind, head.body_len), (KIND_END, END_BODY_LEN));
            head.verify(&end, 1, 64).unwrap();
            assert_eq!(decode_end(&end[RECORD_HEAD_LEN as usize..]), Ok(expected));
        }
        assert_eq!(decode_end(&[]), Ok(EndsWith::Unknown));
        assert!(decode_end(&[1; 7]).is_err() && decode_end(&[1; 9]).is_err());
    }

    #[test]
    fn a_link_is_read_back_and_no_cut_passes() {
        let at = |segment, offset| LogPosition { segment, offset };
        for unflushed in [vec![], vec![(TableTag(7), at(3, 99)), (TableTag(8), at(5, 1))]] {
            let link = Link { previous: at(5, 500), unflushed };
            let bytes = link.encode(1);
            assert_eq!(bytes.len(), Link::len(link.unflushed.len()) as usize);
            let head = RecordHead::decode(&bytes, 100).unwrap();
            assert_eq!(
                (head.kind, head.body_len + RECORD_HEAD_LEN),
                (KIND_LINK, Link::len(link.unflushed.len()))
            );
            head.verify(&bytes, 1, HEADER_LEN).unwrap();
            let body = &bytes[RECORD_HEAD_LEN as usize..];
            assert_eq!(Link::decode(body), Ok(link));
            for len in (0..body.len()).filter(|len| *len < 12 || (len - 12) % 16 != 0) {
                assert!(Link::decode(&body[..len]).is_err(), "{len} bytes");
            }
        }
    }

    #[test]
    fn the_examples_above() {
        let mut record = encode_record_head(6, KIND_RECORD, 1).to_vec();
        record.extend_from_slice(&[7, 0, 0, 0, b'h', b'i']);
        seal(&mut record, 1, 64);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        let example = "4d 3c 9c 53  06 00 00 00  01 00 01 00  07 00 00 00  68 69";
        assert_eq!(hex(&record), example.split_whitespace().collect::<Vec<_>>());
        let example = "b6 70 bb 2a  08 00 00 00  03 00 00 00  09 00 00 00 00 00 00 00";
        assert_eq!(hex(&encode_end(Some(9), 1, 64)), example.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn heads_are_checked() {
        let head = |body_len, kind, tags| {
            RecordHead::decode(&encode_record_head(body_len, kind, tags), 100).map(|head| head.body_len)
        };
        assert_eq!(head(100, KIND_RECORD, 25), Ok(100));
        assert_eq!(head(101, KIND_RECORD, 0), Err(Damage::RecordLength { len: 101, tags: 0, left: 100 }));
        assert_eq!(head(7, KIND_RECORD, 2), Err(Damage::RecordLength { len: 7, tags: 2, left: 100 }));
        assert_eq!(head(0, 0, 0), Err(Damage::RecordKind { found: 0 }));
        assert_eq!(RecordHead::decode(&[1; 11], 100), Err(Damage::RecordCut));
    }
}
