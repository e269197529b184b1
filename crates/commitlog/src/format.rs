//! The bytes of the log.
//!
//! A log is a directory of segments, `commitlog-<id>.log` with ids in decimal that are never used again;
//! a file `commitlog-<id>.tmp` is a segment in the making, or one that is void. All numbers are
//! little-endian.
//!
//! ```text
//! segment:  header, records without gaps, then anything
//! header:    0  8  magic "HELENLOG"
//!            8  4  version, 1
//!           12  4  length of the segment in bytes, the header included
//!           16  8  id of the segment
//!           24  8  salt
//!           32  8  run: id of the first segment since the log was opened
//!           40 12  where the log ended when the run began: id, offset (NONE if there was no log)
//!           52  8  zero
//!           60  4  CRC-32 of the 60 bytes before
//! record:    0  4  checksum: CRC-32 of the rest, xor a mask of the segment's salt and the record's offset
//!            4  4  length of the body: tags and payload
//!            8  1  kind: 1 record, 2 sync mark, 3 end of the segment
//!            9  1  zero
//!           10  2  number of tags
//!           12  4  each tag
//!               …  payload
//! sync mark: no tags; the payload is a position (id 8, offset 4): all before it was durable when the
//!            mark was written
//! ```
//!
//! For example a record of tag 7 with payload `hi` at offset 64 of a segment with salt 1:
//!
//! ```text
//! 4d 3c 9c 53  06 00 00 00  01 00 01 00  07 00 00 00  68 69
//! ```
//!
//! What survives a crash is a prefix of what was appended, because
//!
//! 1. one writer at a time appends, and a record that is not whole fails its checksum;
//! 2. the checksum depends on the segment's salt and the offset, so that what a reused file held before,
//!    or what a payload imitates, is no record;
//! 3. a full segment ends with an end record. Without it the log ends there, whatever later segments hold;
//! 4. a file gets a segment's name only when its header is durable, in the order of ids, and a released
//!    segment loses its name durably before its bytes change. So a missing id is a released segment, and a
//!    bad header is damage;
//! 5. a segment has its whole length before it gets its name, and a log that is closed cuts its last one behind an
//!    end record: a file that is short without one was cut by somebody else;
//! 6. opening a log syncs what was replayed, then makes the first segment of a new run, whose header says
//!    where the log ended: what older runs have beyond is void for ever.

use helenus_types::LogPosition;

use crate::{Damage, TableTag};

pub(crate) const HEADER_LEN: u32 = 64;
pub(crate) const RECORD_HEAD_LEN: u32 = 12;
/// An end record, which every segment keeps room for.
pub(crate) const END_LEN: u32 = RECORD_HEAD_LEN;
pub(crate) const MARK_LEN: u32 = RECORD_HEAD_LEN + MARK_BODY_LEN;

const MARK_BODY_LEN: u32 = 12;
const MAGIC: u64 = u64::from_le_bytes(*b"HELENLOG");
const VERSION: u32 = 1;
const CHECKED_HEADER_LEN: usize = HEADER_LEN as usize - 4;

/// What every mark has at its bytes 4 to 12, so that marks can be found behind a bad record.
pub(crate) const MARK_NEEDLE: [u8; 8] = [12, 0, 0, 0, KIND_MARK, 0, 0, 0];
pub(crate) const MARK_NEEDLE_OFFSET: usize = 4;

pub(crate) const KIND_RECORD: u8 = 1;
pub(crate) const KIND_MARK: u8 = 2;
pub(crate) const KIND_END: u8 = 3;

const _: () = assert!(MARK_NEEDLE[0] as u32 == MARK_BODY_LEN);

/// The identity of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) id: u64,
    pub(crate) salt: u64,
    pub(crate) run: u64,
    /// Where the log ended when the run began.
    pub(crate) previous_end: LogPosition,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN as usize] {
        let mut bytes = [0; HEADER_LEN as usize];
        let fields: [&[u8]; 8] = [
            &MAGIC.to_le_bytes(),
            &VERSION.to_le_bytes(),
            &self.len.to_le_bytes(),
            &self.id.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &self.run.to_le_bytes(),
            &self.previous_end.segment.to_le_bytes(),
            &self.previous_end.offset.to_le_bytes(),
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
        if version != VERSION {
            return Err(Damage::Version { expected: VERSION, found: version });
        }
        let mut header = || {
            Some(Self {
                len: fields.u32()?,
                id: fields.u64()?,
                salt: fields.u64()?,
                run: fields.u64()?,
                previous_end: fields.position()?,
            })
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
        if !matches!(head.kind, KIND_RECORD | KIND_MARK | KIND_END) {
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

/// A whole end record for the given place.
pub(crate) fn encode_end(salt: u64, offset: u32) -> [u8; END_LEN as usize] {
    let mut bytes = encode_record_head(0, KIND_END, 0);
    seal(&mut bytes, salt, offset);
    bytes
}

/// The position in a mark's body.
pub(crate) fn decode_mark(body: &[u8]) -> Option<LogPosition> {
    Fields(body).position()
}

pub(crate) fn decode_tag(bytes: &[u8]) -> Option<TableTag> {
    Fields(bytes).u32().map(TableTag)
}

/// What a checksum is combined with: no two offsets of a segment, and no two segments, have it in common
/// but by chance. (Seeding the CRC itself would be the same linear operation, but needs the segment and
/// the offset before the bytes: the checksum is computed before the place is known.)
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
        len: 1 << 20,
        id: 9,
        salt: 0x0123_4567_89ab_cdef,
        run: 7,
        previous_end: LogPosition { segment: 5, offset: 99 },
    };

    #[test]
    fn a_header_is_read_back_and_no_flipped_bit_passes() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes, 9), Ok(HEADER));
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
        let end = encode_end(1, 64);
        let head = RecordHead::decode(&end, 0).unwrap();
        assert_eq!((head.kind, head.body_len), (KIND_END, 0));
        head.verify(&end, 1, 64).unwrap();
    }

    #[test]
    fn the_example_above() {
        let mut record = encode_record_head(6, KIND_RECORD, 1).to_vec();
        record.extend_from_slice(&[7, 0, 0, 0, b'h', b'i']);
        seal(&mut record, 1, 64);
        let hex: Vec<String> = record.iter().map(|byte| format!("{byte:02x}")).collect();
        let example = "4d 3c 9c 53  06 00 00 00  01 00 01 00  07 00 00 00  68 69";
        assert_eq!(hex, example.split_whitespace().collect::<Vec<_>>());
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
