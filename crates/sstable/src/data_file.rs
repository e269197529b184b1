//! What it takes to stream the partitions of an SSTable: Data.db with Statistics.db and CompressionInfo.db.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus_io::{Disk, ReadFile, read_to_vec};
use helenus_rows::{Capabilities, ClusteringComparator, Column, Columns, EncodingBase, Header};
use helenus_types::{DecodeError, Partitioner, Type};

use crate::compression::{ChunkReader, ChunkedFile, CompressionInfo, CrcComponent};
use crate::data::{DataCursor, Scan, Window};
use crate::descriptor::{Component, Descriptor};
use crate::dice::Dice;
use crate::error::{SsTableError, SsTableErrorKind};
use crate::page_checksums::{PAGE_CHECKSUMS_COMPONENT, PageChecksums};
use crate::statistics::{Statistics, StatsComponent};
use crate::table::PageVerification;

/// Data.db of an SSTable with what decodes it, and without indexes and filter: for tools that go through it from end to
/// end, whose memory then doesn't grow with the table. [`SsTable`](crate::SsTable) is this with indexes.
#[derive(Debug)]
pub struct DataFile {
    pub(crate) descriptor: Descriptor,
    pub(crate) header: Arc<Header>,
    pub(crate) statistics: Statistics,
    pub(crate) reader: ChunkReader,
    /// Which reads of data compare checksums.
    pub(crate) dice: Dice,
    pub(crate) file_sizes: Vec<(Component, u64)>,
}

impl DataFile {
    /// Opens the Data.db of the table of that name.
    ///
    /// # Errors
    /// When a component that decodes the data is missing, unreadable or damaged.
    pub fn open(
        disk: &Arc<dyn Disk>,
        descriptor: &Descriptor,
        page_checksums: PageVerification,
    ) -> Result<DataFile, SsTableError> {
        DataFile::read(Files::new(&**disk, descriptor, page_checksums)?)
    }

    pub(crate) fn read(mut files: Files<'_>) -> Result<DataFile, SsTableError> {
        let descriptor = files.descriptor;
        let version = descriptor.version;
        let path = descriptor.path(&Component::Statistics);
        let statistics = Statistics::decode(&path, &files.read(&Component::Statistics)?, version)?;
        let header = Arc::new(header(&path, &statistics, version.has_uint_deletion_time())?);
        let is_compressed = statistics.stats.compression_ratio.is_some();
        let reader = files.open_data(is_compressed)?;
        Ok(DataFile {
            descriptor: descriptor.clone(),
            header,
            statistics,
            reader,
            dice: Dice::default(),
            file_sizes: files.sizes,
        })
    }

    /// Which table it is of.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// What its rows are encoded against.
    #[must_use]
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// All of Statistics.db.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Counts, bounds and histograms.
    #[must_use]
    pub fn stats(&self) -> &StatsComponent {
        &self.statistics.stats
    }

    /// What orders its partitions.
    #[must_use]
    pub fn partitioner(&self) -> &Partitioner {
        &self.header.partitioner
    }

    /// What reads single chunks.
    #[must_use]
    pub fn chunk_reader(&self) -> &ChunkReader {
        &self.reader
    }

    /// The file's chunks: how it is compressed, and where each is.
    #[must_use]
    pub fn chunks(&self) -> &ChunkedFile {
        self.reader.chunks()
    }

    /// Uncompressed bytes of the data.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        self.reader.chunks().data_len()
    }

    /// Bytes of Data.db.
    #[must_use]
    pub fn file_len(&self) -> u64 {
        self.reader.chunks().file_len()
    }

    /// Components that were read, and the bytes of each file.
    #[must_use]
    pub fn file_sizes(&self) -> &[(Component, u64)] {
        &self.file_sizes
    }

    /// All partitions, in order.
    #[must_use]
    pub fn scan(&self) -> Scan {
        self.scan_between(0, self.data_len())
    }

    /// The partitions that begin from `start` of the uncompressed data on, where one must begin, and before `end`.
    #[must_use]
    pub fn scan_between(&self, start: u64, end: u64) -> Scan {
        Scan::new(Arc::clone(&self.header), Window::ahead(self.reader.clone(), self.dice.throw()), start, end)
    }

    /// A cursor to places that the caller knows.
    #[must_use]
    pub fn cursor(&self) -> DataCursor {
        DataCursor::new(Arc::clone(&self.header), self.ahead_window())
    }

    pub(crate) fn ahead_window(&self) -> Window {
        Window::ahead(self.reader.clone(), self.dice.throw())
    }
}

/// Reads the components of a table.
pub(crate) struct Files<'a> {
    disk: &'a dyn Disk,
    descriptor: &'a Descriptor,
    checksums: Option<PageChecksums>,
    sizes: Vec<(Component, u64)>,
}

impl<'a> Files<'a> {
    /// Reads the checksums.
    pub(crate) fn new(
        disk: &'a dyn Disk,
        descriptor: &'a Descriptor,
        page_checksums: PageVerification,
    ) -> Result<Files<'a>, SsTableError> {
        let mut files = Files { disk, descriptor, checksums: None, sizes: Vec::new() };
        files.read_checksums(page_checksums)?;
        Ok(files)
    }

    fn read_checksums(&mut self, verification: PageVerification) -> Result<(), SsTableError> {
        if verification == PageVerification::Skip {
            return Ok(());
        }
        let component = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
        match self.read_optional(&component)? {
            Some(bytes) => {
                let path = self.descriptor.path(&component);
                let decoded = PageChecksums::decode(&bytes);
                self.checksums = Some(decoded.map_err(|error| SsTableError::new(path, error))?);
                Ok(())
            }
            None if verification == PageVerification::Require => {
                Err(self
                    .missing(&component, "it was there when the table was written; restore it from a backup"))
            }
            None => Ok(()),
        }
    }

    /// The bytes of a component that must be there.
    pub(crate) fn read(&mut self, component: &Component) -> Result<Bytes, SsTableError> {
        match self.read_optional(component)? {
            Some(bytes) => Ok(bytes),
            None => Err(self.missing(component, "restore the file from a backup or a replica")),
        }
    }

    /// The bytes of a component, compared with its checksums.
    pub(crate) fn read_optional(&mut self, component: &Component) -> Result<Option<Bytes>, SsTableError> {
        let path = self.descriptor.path(component);
        let bytes = match read_to_vec(self.disk, &path, usize::MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => {
                let expected = self.checksums.as_ref().and_then(|checksums| checksums.file(component.name()));
                return match expected {
                    None => Ok(None),
                    Some(_) => Err(self.missing(component, "it was there when the table was written")),
                };
            }
            Err(error) => return Err(error.into()),
        };
        self.sizes.push((component.clone(), bytes.len() as u64));
        if let Some(checksums) =
            self.checksums.as_ref().and_then(|checksums| checksums.file(component.name()))
        {
            checksums.verify_all(&bytes).map_err(|error| SsTableError::new(path, error))?;
        }
        Ok(Some(Bytes::from(bytes)))
    }

    fn open_data(&mut self, is_compressed: bool) -> Result<ChunkReader, SsTableError> {
        let path = self.descriptor.path(&Component::Data);
        let file: Arc<dyn ReadFile> = match self.disk.open_read(&path) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => {
                return Err(self.missing(&Component::Data, "restore the file from a backup or a replica"));
            }
            Err(error) => return Err(error.into()),
        };
        let file_len = file.len()?;
        self.sizes.push((Component::Data, file_len));
        let chunks = match self.read_optional(&Component::CompressionInfo)? {
            Some(bytes) => {
                let path_of_info = self.descriptor.path(&Component::CompressionInfo);
                let info = CompressionInfo::decode(&path_of_info, &bytes, self.descriptor.version)?;
                ChunkedFile::compressed(path, file_len, info)?
            }
            None if is_compressed => {
                let step = "Statistics.db says that Data.db is compressed; restore the file from a backup or a replica";
                return Err(self.missing(&Component::CompressionInfo, step));
            }
            None => {
                let crc = match self.read_optional(&Component::Crc)? {
                    Some(bytes) => {
                        Some(CrcComponent::decode(&self.descriptor.path(&Component::Crc), &bytes)?)
                    }
                    None => None,
                };
                ChunkedFile::plain(path, file_len, crc)?
            }
        };
        Ok(ChunkReader::new(Arc::new(chunks), file))
    }

    #[cold]
    fn missing(&self, component: &Component, next_step: &'static str) -> SsTableError {
        SsTableError::new(self.descriptor.path(component), SsTableErrorKind::MissingComponent { next_step })
    }
}

/// The header that rows are decoded with.
pub(crate) fn header(
    path: &Path,
    statistics: &Statistics,
    unsigned_deletion_times: bool,
) -> Result<Header, SsTableError> {
    let component = &statistics.header;
    let damaged =
        |expected: &'static str, found: String| SsTableError::new(path, DecodeError::new(0, expected, found));
    let parse = |class: &str| Type::parse_class(class).map_err(|error| damaged("a type", error.to_string()));
    let columns = |list: &[(Vec<u8>, String)]| {
        let column = |(name, class): &(Vec<u8>, String)| {
            let text = std::str::from_utf8(name)
                .map_err(|error| damaged("a column's name in UTF-8", format!("{name:02x?}: {error}")))?;
            Ok(Column::new(text, parse(class)?))
        };
        Ok::<_, SsTableError>(Columns::listed(list.iter().map(column).collect::<Result<_, SsTableError>>()?))
    };
    let clustering = component.clustering_types.iter().map(|class| parse(class)).collect::<Result<_, _>>()?;
    let key_type = parse(&component.key_type)?;
    let class = &statistics.validation.partitioner;
    let partitioner = match Partitioner::from_class_name(class) {
        // It orders by the type of the key, which its name doesn't tell.
        Some(Partitioner::Local(_)) => Partitioner::Local(key_type.clone()),
        Some(partitioner) => partitioner,
        None => return Err(damaged("one of Cassandra's partitioners", class.clone())),
    };
    Ok(Header {
        base: EncodingBase {
            min_timestamp: component.min_timestamp,
            min_local_deletion_time: component.min_local_deletion_time,
            min_ttl: component.min_ttl,
        },
        key_type,
        partitioner,
        clustering: ClusteringComparator::new(clustering),
        statics: columns(&component.static_columns)?,
        regulars: columns(&component.regular_columns)?,
        capabilities: Capabilities { unsigned_deletion_times },
    })
}
