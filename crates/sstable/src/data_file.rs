//! The files needed to stream the partitions of an SSTable: Data.db with Statistics.db and
//! CompressionInfo.db.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use helenus_io::{Disk, OpenFiles, ReadFile, read_to_vec};
use helenus_rows::{Capabilities, ClusteringComparator, Column, Columns, EncodingBase, Header};
use helenus_types::{DecodeError, Partitioner, Type};

use crate::chunk_cache::{CachedFile, ChunkCache};
use crate::compression::{ChunkReader, ChunkedFile};
use crate::crc_sampler::CrcSampler;
use crate::data::{DataCursor, Scan, Window};
use crate::descriptor::{Component, Descriptor};
use crate::error::{SsTableError, SsTableErrorKind};
use crate::page_checksums::{PAGE_BYTES, PAGE_CHECKSUMS_COMPONENT};
use crate::paged_file::{PagedFile, StoredChecksums};
use crate::statistics::{Statistics, StatsComponent};

/// The use of the component of page checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageVerification {
    /// Compare, if there is one.
    #[default]
    Check,
    /// Compare; a table without it is damaged. For tables that Helenus is known to have written.
    Require,
    /// Ignore it.
    Skip,
}

/// Data.db of an SSTable with what decodes it, and without indexes and filter: for tools that go
/// through it from end to end, whose memory then doesn't grow with the table.
/// [`SsTable`](crate::SsTable) is this with indexes.
#[derive(Debug)]
pub struct DataFile {
    pub(crate) descriptor: Descriptor,
    pub(crate) header: Arc<Header>,
    pub(crate) statistics: Statistics,
    pub(crate) reader: ChunkReader,
    /// Decides which reads of data compare checksums.
    pub(crate) crc_sampler: CrcSampler,
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
        DataFile::read(&mut ComponentReader::new(&**disk, descriptor, page_checksums)?)
    }

    pub(crate) fn read(files: &mut ComponentReader<'_>) -> Result<DataFile, SsTableError> {
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
            crc_sampler: CrcSampler::default(),
            file_sizes: files.take_sizes(),
        })
    }

    /// The table's descriptor.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The header that its rows are encoded against.
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

    /// The partitioner, which orders its partitions.
    #[must_use]
    pub fn partitioner(&self) -> &Partitioner {
        &self.header.partitioner
    }

    /// The reader of single chunks.
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

    /// The partitions that begin from `start` of the uncompressed data on, where one must begin,
    /// and before `end`.
    #[must_use]
    pub fn scan_between(&self, start: u64, end: u64) -> Scan {
        Scan::new(
            Arc::clone(&self.header),
            Window::ahead(self.reader.clone(), self.crc_sampler.sample()),
            start,
            end,
        )
    }

    /// A cursor to places that the caller knows.
    #[must_use]
    pub fn cursor(&self) -> DataCursor {
        DataCursor::new(Arc::clone(&self.header), self.ahead_window())
    }

    pub(crate) fn ahead_window(&self) -> Window {
        Window::ahead(self.reader.clone(), self.crc_sampler.sample())
    }
}

/// The expected digests of a table's files, and how files that stay open are opened.
#[derive(Debug, Clone, Default)]
pub struct Upkeep {
    /// Keeps the number of open files within a bound; without it each table has its own open for
    /// good.
    pub open_files: Option<Arc<OpenFiles>>,
    /// Held by the table and by all that reads from its files: dropped with the last of them.
    pub keep: Option<Arc<dyn Keep>>,
    /// The known digests of the files.
    pub digests: Option<Arc<[ComponentDigest]>>,
}

/// A guard that lives as long as a table's files are read.
pub trait Keep: std::any::Any + Send + Sync + std::fmt::Debug {}

/// Length and checksum of a component, known since it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentDigest {
    /// The component.
    pub component: Component,
    /// Bytes of the file.
    pub len: u64,
    /// CRC-32 of the whole file; `None` for those whose content is checked by page or chunk.
    pub crc: Option<u32>,
}

impl ComponentDigest {
    fn of(component: &Component, bytes: &[u8]) -> ComponentDigest {
        ComponentDigest {
            component: component.clone(),
            len: bytes.len() as u64,
            crc: Some(crc32fast::hash(bytes)),
        }
    }

    /// Compares the digest found with the known one.
    fn check(&self, path: &Path, found: &ComponentDigest) -> Result<(), SsTableError> {
        let text = |digest: &ComponentDigest| match digest.crc {
            Some(crc) => format!("{} bytes with the checksum {crc:08x}", digest.len),
            None => format!("{} bytes", digest.len),
        };
        if self.len == found.len && self.crc == found.crc {
            return Ok(());
        }
        let expected = format!("the file that was written: {}", text(self));
        Err(SsTableError::corrupt(path, 0, expected, text(found)))
    }
}

/// A file that keeps something alive.
#[derive(Debug)]
struct KeptFile {
    file: Arc<dyn ReadFile>,
    _keep: Arc<dyn Keep>,
}

impl ReadFile for KeptFile {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn len(&self) -> helenus_io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> helenus_io::Result<usize> {
        self.file.read_at(offset, buf)
    }
}

/// Reads the components of a table, and compares them with the checksums that Helenus left.
#[derive(Debug)]
pub struct ComponentReader<'a> {
    disk: &'a dyn Disk,
    descriptor: &'a Descriptor,
    upkeep: &'a Upkeep,
    checksums: Option<StoredChecksums>,
    /// Whether the table is known to have checksums.
    has_own: bool,
    cache: Arc<ChunkCache>,
    /// The table's number in it.
    number: CachedFile,
    sizes: Vec<(Component, u64)>,
    /// The digest found of each component.
    found: Vec<ComponentDigest>,
    /// Components that are not used: nodes wrote them anew.
    ignored: Vec<Component>,
}

/// Index files of up to this length are read whole: pages would save nothing.
const MAX_WHOLE_BYTES: u64 = 4 * PAGE_BYTES;
/// For tools, which have no cache: the bytes of pages of chunk offsets.
const TOOLS_CACHE_BYTES: usize = 4 << 20;
/// The default: no such demands.
static NO_UPKEEP: Upkeep = Upkeep { open_files: None, keep: None, digests: None };

impl<'a> ComponentReader<'a> {
    /// Of a table's files, whose checksums it reads.
    ///
    /// # Errors
    /// When there are checksums that cannot be read, or none where they are required.
    pub fn new(
        disk: &'a dyn Disk,
        descriptor: &'a Descriptor,
        page_checksums: PageVerification,
    ) -> Result<ComponentReader<'a>, SsTableError> {
        let cache = Arc::new(ChunkCache::new(TOOLS_CACHE_BYTES));
        ComponentReader::with_upkeep(disk, descriptor, page_checksums, &NO_UPKEEP, (&cache, CachedFile(0)))
    }

    /// The same, holding the files to what is known of them; pages go through a cache, in which the
    /// table has a number.
    pub(crate) fn with_upkeep(
        disk: &'a dyn Disk,
        descriptor: &'a Descriptor,
        page_checksums: PageVerification,
        upkeep: &'a Upkeep,
        (cache, number): (&Arc<ChunkCache>, CachedFile),
    ) -> Result<ComponentReader<'a>, SsTableError> {
        let mut files = ComponentReader {
            disk,
            descriptor,
            upkeep,
            checksums: None,
            has_own: page_checksums == PageVerification::Require,
            cache: Arc::clone(cache),
            number,
            sizes: Vec::new(),
            found: Vec::new(),
            ignored: Vec::new(),
        };
        files.read_checksums(page_checksums)?;
        Ok(files)
    }

    /// Reads the components that nothing depends on, to check them against their known digests. A
    /// missing one is no loss.
    pub(crate) fn read_unneeded(&mut self) -> Result<(), SsTableError> {
        for component in [Component::Digest, Component::Toc] {
            let path = self.descriptor.path(&component);
            match read_to_vec(self.disk, &path, usize::MAX) {
                Ok(bytes) => {
                    self.found_one(ComponentDigest::of(&component, &bytes), &path)?;
                    self.sizes.push((component, bytes.len() as u64));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Records the digest of a component, and compares it with the known one.
    fn found_one(&mut self, found: ComponentDigest, path: &Path) -> Result<(), SsTableError> {
        if let Some(known) = self.known(&found.component) {
            known.check(path, &found)?;
        }
        self.found.push(found);
        Ok(())
    }

    fn known(&self, component: &Component) -> Option<&ComponentDigest> {
        self.upkeep.digests.iter().flat_map(|digests| &**digests).find(|known| known.component == *component)
    }

    /// The digests found of each component.
    pub(crate) fn take_found(&mut self) -> Vec<ComponentDigest> {
        std::mem::take(&mut self.found)
    }

    /// The components that were read since the last call, with their bytes.
    pub(crate) fn take_sizes(&mut self) -> Vec<(Component, u64)> {
        std::mem::take(&mut self.sizes)
    }

    /// Opens a file that stays open, if it exists.
    fn open_file(&self, path: &Path) -> Result<Option<Arc<dyn ReadFile>>, SsTableError> {
        let opened = match &self.upkeep.open_files {
            Some(files) => files.open(path),
            None => self.disk.open_read(path),
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(match &self.upkeep.keep {
            Some(keep) => Arc::new(KeptFile { file, _keep: Arc::clone(keep) }),
            None => file,
        }))
    }

    /// A file that must be there, to be read by page.
    pub(crate) fn paged(&mut self, component: &Component) -> Result<PagedFile, SsTableError> {
        match self.paged_optional(component)? {
            Some(file) => Ok(file),
            None => Err(self.missing(component, "restore the file from a backup or a replica")),
        }
    }

    /// A file to be read by page, if it is there.
    pub(crate) fn paged_optional(
        &mut self,
        component: &Component,
    ) -> Result<Option<PagedFile>, SsTableError> {
        let path = self.descriptor.path(component);
        let Some(file) = self.open_file(&path)? else { return self.absent(component) };
        let failed = |error| SsTableError::new(&path, error);
        let checksums =
            self.checksums.as_ref().and_then(|checksums| checksums.file(component.name())).cloned();
        let len = file.len()?;
        self.sizes.push((component.clone(), len));
        if let Some(checksums) = &checksums {
            checksums.verify_len(len).map_err(|error| SsTableError::new(&path, error))?;
        }
        let is_checked = checksums.is_some();
        let has_other_pages = checksums.as_ref().is_some_and(|c| u64::from(c.page_bytes()) != PAGE_BYTES);
        let paged = if len <= MAX_WHOLE_BYTES || has_other_pages {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
            file.read_exact_at(0, &mut bytes)?;
            if let Some(checksums) = &checksums {
                checksums.verify_all(&bytes).map_err(failed)?;
            }
            Bytes::from(bytes).into()
        } else {
            let number = self.number.of(component);
            PagedFile::of_pages(file, len, checksums, &self.cache, number)
        };
        // What is checked by page needs no checksum of the whole; what was written down with one is
        // held to it.
        let is_known = self.known(component).is_some_and(|known| known.crc.is_some());
        let is_needed = is_known || (self.has_own && !is_checked);
        let crc = is_needed.then(|| paged.crc(len).map_err(failed)).transpose()?;
        self.found_one(ComponentDigest { component: component.clone(), len, crc }, &path)?;
        Ok(Some(paged))
    }

    /// The bytes of a component that nodes write anew in place, Summary.db or Filter.db, if it is
    /// there and is what it was when Helenus wrote it.
    ///
    /// # Errors
    /// When it cannot be read; in a database of ours, as [`read_optional`](Self::read_optional).
    pub fn read_rewritable(&mut self, component: &Component) -> Result<Option<Bytes>, SsTableError> {
        let found = self.read_optional(component);
        self.rewritable(component, found)
    }

    /// A [rewritable](Self::rewritable) component to be read by page, if it is there.
    pub(crate) fn paged_rewritable(
        &mut self,
        component: &Component,
    ) -> Result<Option<PagedFile>, SsTableError> {
        let mut found = self.paged_optional(component);
        let is_checked = self.checksums.as_ref().is_some_and(|c| c.file(component.name()).is_some());
        if let Ok(Some(file)) = &found
            && is_checked
            && !self.has_own
            && let Err(error) = file.verify()
        {
            found = Err(SsTableError::new(self.descriptor.path(component), error));
        }
        self.rewritable(component, found)
    }

    /// What there is of a component that nodes write anew in place: Summary.db where samples are
    /// redistributed (`cloneWithNewSummarySamplingLevel`), Filter.db where it couldn't be read
    /// (`FilterComponent.save`). One that isn't what it was when the table was written is derived
    /// from the others, or done without. In a database of ours nobody but us writes, and it is
    /// damage.
    fn rewritable<T>(
        &mut self,
        component: &Component,
        found: Result<Option<T>, SsTableError>,
    ) -> Result<Option<T>, SsTableError> {
        let is_other = found.as_ref().is_err_and(|error| {
            matches!(error.kind(), SsTableErrorKind::Corrupt(_) | SsTableErrorKind::MissingComponent { .. })
        });
        if !is_other || self.has_own || self.known(component).is_some() {
            return found;
        }
        self.sizes.retain(|(read, _)| read != component);
        self.found.retain(|found| found.component != *component);
        self.ignored.push(component.clone());
        Ok(None)
    }

    /// The components that are not used.
    pub(crate) fn take_ignored(&mut self) -> Vec<Component> {
        std::mem::take(&mut self.ignored)
    }

    fn read_checksums(&mut self, verification: PageVerification) -> Result<(), SsTableError> {
        if verification == PageVerification::Skip {
            return Ok(());
        }
        let component = Component::from_name(PAGE_CHECKSUMS_COMPONENT);
        match self.paged_optional(&component)? {
            Some(file) => {
                let path = self.descriptor.path(&component);
                let opened = StoredChecksums::open(file);
                self.checksums = Some(opened.map_err(|error| SsTableError::new(path, error))?);
                Ok(())
            }
            None if verification == PageVerification::Require => {
                Err(self
                    .missing(&component, "it was there when the table was written; restore it from a backup"))
            }
            None => Ok(()),
        }
    }

    /// The checksums, if there are any.
    pub(crate) fn checksums(&self) -> Option<&StoredChecksums> {
        self.checksums.as_ref()
    }

    /// What is said of a component that is not there.
    fn absent<T>(&self, component: &Component) -> Result<Option<T>, SsTableError> {
        let has_checksums = self.checksums.as_ref().is_some_and(|c| c.file(component.name()).is_some());
        match has_checksums || self.known(component).is_some() {
            false => Ok(None),
            true => Err(self.missing(component, "it was there when the table was written")),
        }
    }

    /// The bytes of a component that must be there.
    ///
    /// # Errors
    /// When it is missing, cannot be read, or is not what its checksums say.
    pub fn read(&mut self, component: &Component) -> Result<Bytes, SsTableError> {
        match self.read_optional(component)? {
            Some(bytes) => Ok(bytes),
            None => Err(self.missing(component, "restore the file from a backup or a replica")),
        }
    }

    /// The bytes of a component, compared with its checksums, if it is there.
    ///
    /// # Errors
    /// When it cannot be read, is not what its checksums say, or is missing though there are some.
    pub fn read_optional(&mut self, component: &Component) -> Result<Option<Bytes>, SsTableError> {
        let path = self.descriptor.path(component);
        let bytes = match read_to_vec(self.disk, &path, usize::MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return self.absent(component),
            Err(error) => return Err(error.into()),
        };
        self.sizes.push((component.clone(), bytes.len() as u64));
        self.found_one(ComponentDigest::of(component, &bytes), &path)?;
        if let Some(checksums) =
            self.checksums.as_ref().and_then(|checksums| checksums.file(component.name()))
        {
            checksums.verify_all(&bytes).map_err(|error| SsTableError::new(path, error))?;
        }
        Ok(Some(Bytes::from(bytes)))
    }

    fn open_data(&mut self, is_compressed: bool) -> Result<ChunkReader, SsTableError> {
        let path = self.descriptor.path(&Component::Data);
        let Some(file) = self.open_file(&path)? else {
            return Err(self.missing(&Component::Data, "restore the file from a backup or a replica"));
        };
        let file_len = file.len()?;
        self.sizes.push((Component::Data, file_len));
        let chunks = match self.paged_optional(&Component::CompressionInfo)? {
            Some(info) => {
                let path_of_info = self.descriptor.path(&Component::CompressionInfo);
                ChunkedFile::compressed_by(path, file_len, &path_of_info, info, self.descriptor.version)?
            }
            None if is_compressed => {
                let step = "Statistics.db says that Data.db is compressed; restore the file from a backup or a replica";
                return Err(self.missing(&Component::CompressionInfo, step));
            }
            None => match self.paged_optional(&Component::Crc)? {
                Some(crc) => {
                    ChunkedFile::plain_by(path, file_len, &self.descriptor.path(&Component::Crc), crc)?
                }
                None => ChunkedFile::plain(path, file_len, None)?,
            },
        };
        // Last, because a cut file is reported better by its missing chunks.
        let found = ComponentDigest { component: Component::Data, len: file_len, crc: None };
        self.found_one(found, chunks.path())?;
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
        // It orders by the type of the key, which its name doesn't contain.
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
