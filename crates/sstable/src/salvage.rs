//! Opening a table of which components are damaged or missing, for tools that save what is left.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus_io::{Disk, ReadFile, read_to_vec};

use crate::compression::{
    ChunkReader, ChunkScratch, ChunkVerification, ChunkedFile, CompressionInfo, CrcComponent, Digest,
};
use crate::crc_sampler::CrcSampler;
use crate::data_file::{DataFile, header};
use crate::descriptor::{Component, Descriptor};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::statistics::{HeaderComponent, Statistics};

/// Data.db of a table, opened in spite of what is wrong around it.
#[derive(Debug)]
pub struct Salvaged {
    /// The data. Chunks may still turn out to be damaged.
    pub data: DataFile,
    /// The faults found.
    pub troubles: Vec<Trouble>,
    /// Chunks whose checksum is wrong, or that are not there.
    pub damaged_chunks: Vec<u32>,
    /// Whether every chunk's checksum can be compared: if not, damaged rows may look like rows.
    pub is_checked: bool,
}

/// A component that is damaged or missing.
#[derive(Debug)]
pub struct Trouble {
    /// The component.
    pub component: Component,
    /// The fault.
    pub error: SsTableError,
    /// The replacement, or the loss.
    pub instead: &'static str,
}

impl DataFile {
    /// Opens the Data.db of a damaged table: of Statistics.db only the serialization header is
    /// needed; the places of chunks are derived from their checksums if CompressionInfo.db lacks
    /// them; CRC.db may be wrong.
    ///
    /// # Errors
    /// When Data.db can't be read, the header is lost, or the places of the chunks can't be
    /// derived.
    pub fn salvage(disk: &Arc<dyn Disk>, descriptor: &Descriptor) -> Result<Salvaged, SsTableError> {
        let mut files = Salvage { disk: &**disk, descriptor, troubles: Vec::new(), sizes: Vec::new() };
        let statistics = files.statistics()?;
        let version = descriptor.version;
        let path = descriptor.path(&Component::Statistics);
        let header = Arc::new(header(&path, &statistics, version.has_uint_deletion_time())?);
        let path = descriptor.path(&Component::Data);
        let file = disk.open_read(&path)?;
        let file_len = file.len()?;
        files.sizes.push((Component::Data, file_len));
        let chunks = match files.compression_info(&file, file_len, &statistics)? {
            Some(info) => ChunkedFile::salvaged(&path, file_len, info)?,
            None => files.plain(&file, &path, file_len)?,
        };
        let is_checked = chunks.has_checksums();
        let reader = ChunkReader::new(Arc::new(chunks), file);
        let damaged_chunks = damaged_chunks(&reader);
        let data = DataFile {
            descriptor: descriptor.clone(),
            header,
            statistics,
            reader,
            crc_sampler: CrcSampler::default(),
            file_sizes: files.sizes,
        };
        Ok(Salvaged { data, troubles: files.troubles, damaged_chunks, is_checked })
    }
}

struct Salvage<'a> {
    disk: &'a dyn Disk,
    descriptor: &'a Descriptor,
    troubles: Vec<Trouble>,
    sizes: Vec<(Component, u64)>,
}

impl Salvage<'_> {
    fn read(&mut self, component: &Component) -> Result<Bytes, SsTableError> {
        let path = self.descriptor.path(component);
        match read_to_vec(self.disk, &path, usize::MAX) {
            Ok(bytes) => {
                self.sizes.push((component.clone(), bytes.len() as u64));
                Ok(Bytes::from(bytes))
            }
            Err(error) if error.is_not_found() => {
                let next_step = "restore the file from a backup or a replica";
                Err(SsTableError::new(path, SsTableErrorKind::MissingComponent { next_step }))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn trouble(&mut self, component: Component, error: SsTableError, instead: &'static str) {
        self.troubles.push(Trouble { component, error, instead });
    }

    fn statistics(&mut self) -> Result<Statistics, SsTableError> {
        let bytes = self.read(&Component::Statistics)?;
        let (path, version) = (self.descriptor.path(&Component::Statistics), self.descriptor.version);
        let is_header = |found: &HeaderComponent| {
            let types = [&found.key_type];
            let columns = found.static_columns.iter().chain(&found.regular_columns);
            let all = types.into_iter().chain(&found.clustering_types).chain(columns.map(|(_, class)| class));
            all.into_iter().all(|class| helenus_types::Type::parse_class(class).is_ok())
        };
        let (statistics, lost) = Statistics::salvage(&bytes, version, &is_header)
            .map_err(|error| SsTableError::new(&path, error))?;
        for (error, instead) in lost {
            self.trouble(Component::Statistics, SsTableError::new(&path, error), instead);
        }
        Ok(statistics)
    }

    /// Where the chunks are; `None` when the data is not compressed.
    fn compression_info(
        &mut self,
        file: &Arc<dyn ReadFile>,
        file_len: u64,
        statistics: &Statistics,
    ) -> Result<Option<CompressionInfo>, SsTableError> {
        let component = Component::CompressionInfo;
        let path = self.descriptor.path(&component);
        let version = self.descriptor.version;
        let read = self.read(&component);
        let is_missing = read
            .as_ref()
            .is_err_and(|error| matches!(error.kind(), SsTableErrorKind::MissingComponent { .. }));
        // Compressed tables have no CRC.db, whatever damaged statistics say; and those of Cassandra
        // 3.0 may not say that they are compressed.
        if is_missing && self.disk.exists(&self.descriptor.path(&Component::Crc))? {
            return Ok(None);
        }
        let decoded = read.and_then(|bytes| CompressionInfo::decode(&path, &bytes, version));
        let error = match decoded {
            Err(error) => error,
            Ok(info) => {
                let data_path = self.descriptor.path(&Component::Data);
                match ChunkedFile::salvaged(&data_path, file_len, info.clone()) {
                    Err(error) => error,
                    Ok(chunks) => {
                        let Some((chunk, error)) = first_damaged(chunks, file) else {
                            return Ok(Some(info));
                        };
                        // Either that chunk is damaged, or what is said of where it ends.
                        let Some(found) = info.relocate(&**file, file_len, chunk)? else {
                            return Ok(Some(info));
                        };
                        self.trouble(component, error, FOUND_OUT);
                        return Ok(Some(found));
                    }
                }
            }
        };
        match CompressionInfo::recover(&**file, file_len)? {
            Some(info) => {
                self.trouble(component, error, FOUND_OUT);
                Ok(Some(info))
            }
            None if is_missing && statistics.stats.compression_ratio.is_none() => Ok(None),
            None => Err(error),
        }
    }

    /// An uncompressed file, with its checksums if they are right.
    fn plain(
        &mut self,
        file: &Arc<dyn ReadFile>,
        path: &Path,
        file_len: u64,
    ) -> Result<ChunkedFile, SsTableError> {
        let crc_path = self.descriptor.path(&Component::Crc);
        let decoded = self.read(&Component::Crc).and_then(|bytes| CrcComponent::decode(&crc_path, &bytes));
        let crc = match decoded {
            Ok(crc) => crc,
            Err(error) => {
                self.trouble(Component::Crc, error, NO_CHECKSUMS);
                return ChunkedFile::plain(path, file_len, None);
            }
        };
        let slices = usize::try_from(file_len.div_ceil(u64::from(crc.chunk_len))).unwrap_or(usize::MAX);
        if crc.crcs.len() < slices {
            let expected = format!("checksums of {slices} slices of {} bytes", crc.chunk_len);
            let error = SsTableError::corrupt(&crc_path, 0, expected, crc.crcs.len().to_string());
            self.trouble(Component::Crc, error, NO_CHECKSUMS);
            return ChunkedFile::plain(path, file_len, None);
        }
        let chunks = ChunkedFile::plain_cut(path, file_len, crc);
        // The checksum of the whole file decides whether Data.db or CRC.db is right.
        let reader = ChunkReader::new(Arc::new(chunks.clone()), Arc::clone(file));
        let mut damaged = None;
        let digest = reader.verify_stored(
            &mut |_, error| {
                damaged.get_or_insert(error);
            },
            &mut |_| {},
        );
        let (Some(error), Ok(computed)) = (damaged, digest) else { return Ok(chunks) };
        let digest_path = self.descriptor.path(&Component::Digest);
        let stored = self.read(&Component::Digest).and_then(|bytes| Digest::decode(&digest_path, &bytes));
        if stored.is_ok_and(|stored| stored == computed) {
            let instead = "nothing: Digest.crc32 says that Data.db is whole";
            self.trouble(Component::Crc, error, instead);
            return ChunkedFile::plain(path, file_len, None);
        }
        Ok(chunks)
    }
}

const NO_CHECKSUMS: &str = "rows are taken as they decode: damage inside a value goes unnoticed";

const FOUND_OUT: &str = "where chunks are was found out from their checksums";

/// The first chunk whose checksum is wrong, or the last one if it can't be decompressed.
fn first_damaged(chunks: ChunkedFile, file: &Arc<dyn ReadFile>) -> Option<(u32, SsTableError)> {
    let reader = ChunkReader::new(Arc::new(chunks), Arc::clone(file));
    let mut first = None;
    let read = reader.verify_stored(
        &mut |chunk, error| {
            first.get_or_insert((chunk, error));
        },
        &mut |_| {},
    );
    if first.is_some() || read.is_err() {
        return first;
    }
    let last = reader.chunks().chunk_count().checked_sub(1)?;
    read_chunk(&reader, last).err().map(|error| (last, error))
}

/// Chunks that can't be read, in order. Bytes that the disk can't read make their chunks damaged.
fn damaged_chunks(reader: &ChunkReader) -> Vec<u32> {
    let mut damaged = Vec::new();
    let read = reader.verify_stored(&mut |chunk, _| damaged.push(chunk), &mut |_| {});
    let chunks = reader.chunks();
    let count = chunks.chunk_count();
    if read.is_err() {
        return (0..count).filter(|chunk| read_chunk(reader, *chunk).is_err()).collect();
    }
    // Those of a file that is too short come last, and the empty one is not needed.
    let missing = (0..count).rev().filter(|chunk| chunks.chunk_data_len(*chunk) > 0);
    let missing: Vec<u32> = missing.take_while(|chunk| read_chunk(reader, *chunk).is_err()).collect();
    damaged.extend(missing);
    damaged.sort_unstable();
    damaged.dedup();
    damaged
}

fn read_chunk(reader: &ChunkReader, chunk: u32) -> Result<(), SsTableError> {
    reader.read(chunk, ChunkVerification::Check, &mut ChunkScratch::default(), &mut Vec::new())
}
