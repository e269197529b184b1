//! The manifest's facts of a live SSTable.

use std::sync::Arc;

use helenus_io::RelativePath;
use helenus_sstable::{Component, ComponentDigest, SsTable};
use helenus_types::{DecodeError, LocalDeletionTime, Reader, Timestamp, vint};

/// One live SSTable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SsTableEntry {
    /// Its file names up to the component, such as `da-7-bti`.
    pub(crate) stem: String,
    /// Level in leveled compaction.
    pub(crate) level: u32,
    /// When it was written, seconds since 1970.
    pub(crate) created_seconds: u32,
    /// Its facts; `None` in manifests of releases that recorded none.
    pub(crate) facts: Option<Arc<SsTableFacts>>,
}

/// Facts of an SSTable that give it its place among the others before it is opened, and digests
/// that distinguish its files from others of the same names. They don't change during its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SsTableFacts {
    /// The digests of its files.
    pub(crate) digests: Arc<[ComponentDigest]>,
    pub(crate) first_key: Vec<u8>,
    pub(crate) last_key: Vec<u8>,
    pub(crate) min_timestamp: Timestamp,
    pub(crate) max_timestamp: Timestamp,
    /// No deletion or expiration in it is earlier.
    pub(crate) min_local_deletion_time: LocalDeletionTime,
    /// Partitions.
    pub(crate) key_count: u64,
    pub(crate) rows: u64,
    /// Uncompressed bytes of its data.
    pub(crate) data_len: u64,
    /// Bytes of its files.
    pub(crate) disk_len: u64,
}

impl SsTableFacts {
    /// The facts of an open SSTable.
    pub(crate) fn of(sstable: &SsTable) -> Self {
        let stats = sstable.stats();
        Self {
            digests: sstable.digests().into(),
            first_key: sstable.first_key().to_vec(),
            last_key: sstable.last_key().to_vec(),
            min_timestamp: stats.min_timestamp,
            max_timestamp: stats.max_timestamp,
            min_local_deletion_time: stats.min_local_deletion_time,
            key_count: sstable.estimated_key_count(),
            rows: stats.rows,
            data_len: sstable.data_len(),
            disk_len: sstable.disk_len(),
        }
    }

    /// The same with more components, which attachments made.
    pub(crate) fn with_attached<'a>(
        mut self,
        attached: impl IntoIterator<Item = &'a (Component, u64)>,
    ) -> Self {
        let mut digests = self.digests.to_vec();
        for (component, len) in attached {
            digests.push(ComponentDigest { component: component.clone(), len: *len, crc: None });
            self.disk_len += len;
        }
        Self { digests: digests.into(), ..self }
    }

    /// The same without a component that an attachment made.
    pub(crate) fn without_attached(mut self, component: &Component) -> Self {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.digests.iter().cloned().partition(|digest| digest.component == *component);
        self.disk_len -= gone.iter().map(|digest| digest.len).sum::<u64>();
        Self { digests: kept.into(), ..self }
    }

    /// The components that attachments made.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &ComponentDigest> {
        self.digests.iter().filter(|digest| !digest.component.is_own())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        vint::write_unsigned(out, self.digests.len() as u64);
        for ComponentDigest { component, len, crc } in &*self.digests {
            bytes(out, component.name().as_bytes());
            vint::write_unsigned(out, *len);
            out.push(u8::from(crc.is_some()));
            out.extend(crc.iter().flat_map(|crc| crc.to_be_bytes()));
        }
        bytes(out, &self.first_key);
        bytes(out, &self.last_key);
        out.extend_from_slice(&self.min_timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.min_local_deletion_time.0.to_be_bytes());
        for number in [self.key_count, self.rows, self.data_len, self.disk_len] {
            vint::write_unsigned(out, number);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.unsigned_vint()?;
        let mut digests = Vec::new();
        for _ in 0..count {
            let component = component(reader)?;
            let len = reader.unsigned_vint()?;
            let crc = if reader.bool()? { Some(reader.u32()?) } else { None };
            digests.push(ComponentDigest { component, len, crc });
        }
        Ok(Self {
            digests: digests.into(),
            first_key: reader.vint_bytes()?.to_vec(),
            last_key: reader.vint_bytes()?.to_vec(),
            min_timestamp: Timestamp(reader.i64()?),
            max_timestamp: Timestamp(reader.i64()?),
            min_local_deletion_time: LocalDeletionTime(reader.u32()?),
            key_count: reader.unsigned_vint()?,
            rows: reader.unsigned_vint()?,
            data_len: reader.unsigned_vint()?,
            disk_len: reader.unsigned_vint()?,
        })
    }
}

/// The name of a component becomes part of a file's: it must lead nowhere else.
fn component(reader: &mut Reader<'_>) -> Result<Component, DecodeError> {
    let at = reader.position() as u64;
    let name = text(reader)?;
    match RelativePath::of_names([&name]) {
        Ok(_) => Ok(Component::from_name(&name)),
        Err(error) => Err(DecodeError::new(at, "the name of a component", error.to_string())),
    }
}

pub(super) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    vint::write_unsigned(out, value.len() as u64);
    out.extend_from_slice(value);
}

pub(super) fn text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let at = reader.position() as u64;
    let value = reader.vint_bytes()?;
    String::from_utf8(value.to_vec()).map_err(|e| DecodeError::new(at, "UTF-8 text", e.to_string()))
}
