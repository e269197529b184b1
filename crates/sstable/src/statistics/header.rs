//! HEADER: the serialization header of a table (`db.SerializationHeader.Component`).

use helenus_types::{DecodeError, LocalDeletionTime, Reader, Timestamp, vint};

use super::parts::{count, decode_string, decode_types, encode_bytes, encode_types};

/// HEADER: the types of a table, the columns that may occur in the file, and the bases of its
/// deltas, all as plain names and type strings (`db.SerializationHeader.Component`).
///
/// ```text
/// min_timestamp            uvint    - 1442880000000000 µs, modulo 2^64
/// min_local_deletion_time  uvint    - 1442880000 s, modulo 2^32, sign-extended
/// min_ttl                  uvint    modulo 2^32, sign-extended
/// key type                 string   uvint length, UTF-8
/// clustering types         uvint n, n × string
/// static columns           uvint n, n × (name: uvint length, bytes; type: string)
/// regular columns          likewise
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderComponent {
    /// Base of the file's timestamps; no bound of them.
    pub min_timestamp: Timestamp,
    /// Base of the file's local deletion times; no bound of them.
    pub min_local_deletion_time: LocalDeletionTime,
    /// Base of the file's TTLs in seconds; no bound of them.
    pub min_ttl: u32,
    /// Type of the partition key: a `CompositeType` when it has several columns.
    pub key_type: String,
    /// Types of the clustering columns.
    pub clustering_types: Vec<String>,
    /// Names and types of the static columns.
    pub static_columns: Vec<(Vec<u8>, String)>,
    /// Names and types of the regular columns.
    pub regular_columns: Vec<(Vec<u8>, String)>,
}

/// 2015-09-22, the epoch of the deltas (`EncodingStats.TIMESTAMP_EPOCH`, `DELETION_TIME_EPOCH`).
const TIMESTAMP_EPOCH: i64 = 1_442_880_000_000_000;
const DELETION_TIME_EPOCH: u32 = 1_442_880_000;

impl HeaderComponent {
    pub(super) fn decode(bytes: &[u8]) -> Result<HeaderComponent, DecodeError> {
        HeaderComponent::read(&mut Reader::new(bytes))
    }

    /// A header that takes all of `bytes`.
    pub(super) fn decode_whole(bytes: &[u8]) -> Result<HeaderComponent, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = HeaderComponent::read(&mut reader)?;
        if reader.is_empty() {
            Ok(header)
        } else {
            Err(reader.error("the end of the header", format!("{} more bytes", reader.remaining())))
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<HeaderComponent, DecodeError> {
        let timestamp = reader.unsigned_vint()?.cast_signed();
        // Older versions leave out the sign, and ScyllaDB writes the largest 64-bit number where a
        // table has none of a kind: of all forms the low 32 bits count, as in the deltas of rows.
        let local_deletion_time = low_half(reader.unsigned_vint()?);
        let min_ttl = low_half(reader.unsigned_vint()?);
        Ok(HeaderComponent {
            min_timestamp: Timestamp(timestamp.wrapping_add(TIMESTAMP_EPOCH)),
            min_local_deletion_time: LocalDeletionTime(local_deletion_time.wrapping_add(DELETION_TIME_EPOCH)),
            min_ttl,
            key_type: decode_string(reader)?,
            clustering_types: decode_types(reader)?,
            static_columns: decode_columns(reader)?,
            regular_columns: decode_columns(reader)?,
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let local_deletion_time = self.min_local_deletion_time.0.wrapping_sub(DELETION_TIME_EPOCH);
        vint::write_unsigned(&mut out, self.min_timestamp.0.wrapping_sub(TIMESTAMP_EPOCH).cast_unsigned());
        vint::write_unsigned(&mut out, sign_extended(local_deletion_time));
        vint::write_unsigned(&mut out, sign_extended(self.min_ttl));
        encode_bytes(&mut out, self.key_type.as_bytes());
        encode_types(&mut out, &self.clustering_types);
        for columns in [&self.static_columns, &self.regular_columns] {
            vint::write_unsigned(&mut out, columns.len() as u64);
            for (name, class) in columns {
                encode_bytes(&mut out, name);
                encode_bytes(&mut out, class.as_bytes());
            }
        }
        out
    }
}

/// A Java `int` as a Java `long`.
fn sign_extended(int: u32) -> u64 {
    i64::from(int.cast_signed()).cast_unsigned()
}

fn low_half(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn decode_columns(reader: &mut Reader<'_>) -> Result<Vec<(Vec<u8>, String)>, DecodeError> {
    let columns = reader.unsigned_vint()?;
    let columns = count(reader, columns, 2)?;
    (0..columns).map(|_| Ok((reader.vint_bytes()?.to_vec(), decode_string(reader)?))).collect()
}
