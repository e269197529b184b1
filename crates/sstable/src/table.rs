//! An open SSTable: the facts that place it, and its lookups, slices and scans.
//!
//! Invariant: an open table never changes. Its filter and bounds are asked before the index, the
//! index before the data.

use std::sync::Arc;

use helenus_bloom::{BitOrder, Filter};
use helenus_io::Disk;
use helenus_rows::{Bound, BoundKind, ClusteringComparator, Header, Slice, encode_clustering};
use helenus_types::{
    Partitioner, Side, Timestamp, Token, decorated_key_comparable, murmur3_bound_comparable,
};

use crate::chunk_cache::{CachedFile, ChunkCache, SetAside};
use crate::data::{Cached, Head, Scan, Window};
use crate::data_file::{ComponentDigest, ComponentReader, DataFile, Keep, PageVerification, Upkeep};
use crate::descriptor::{Component, Descriptor};
use crate::error::SsTableError;
use crate::index::{Index, PartitionAt, PartitionBound, SearchKey};
use crate::paged_file::PagedFile;
use crate::statistics::{CoveredBound, CoveredClusterings, Statistics, StatsComponent};
use crate::version::Format;

/// Options of opening a table.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The cache of decompressed chunks; scans bypass it.
    pub chunk_cache: Arc<ChunkCache>,
    /// The table's number in the cache, which no other table of it may have.
    pub cached_file: CachedFile,
    /// Whether the index files and the filter are compared with their checksums, where Helenus left
    /// some.
    pub page_checksums: PageVerification,
    /// Whether a filter is left out that the cache has no room for in its budget; then keys are
    /// looked for that are not there.
    pub filter_may_be_left_out: bool,
    /// Open files and what is known of them.
    pub upkeep: Upkeep,
}

impl OpenOptions {
    /// With the filter in memory whatever the cache's budget, files of its own, and nothing known
    /// of them.
    #[must_use]
    pub fn new(
        chunk_cache: Arc<ChunkCache>,
        cached_file: CachedFile,
        page_checksums: PageVerification,
    ) -> OpenOptions {
        let (filter_may_be_left_out, upkeep) = (false, Upkeep::default());
        OpenOptions { chunk_cache, cached_file, page_checksums, filter_may_be_left_out, upkeep }
    }
}

/// An SSTable that is open for reading: immutable, shared by threads.
///
/// What describes it is in memory, and its filter. Data.db is read chunk by chunk; the index, the
/// positions and checksums of chunks, and the checksums of pages are read by page.
#[derive(Debug)]
pub struct SsTable {
    data: DataFile,
    /// Tokens of the first and the last partition, or their substitutes for partitioners without
    /// tokens.
    token_range: (Token, Token),
    /// The slice that covers all rows and range deletions, if there are any.
    covered: Option<[CoveredEnd; 2]>,
    filter: Option<Filter>,
    /// Whether the filter holds keys of the table: one that doesn't would hide partitions, and is
    /// not asked.
    is_filter_asked: bool,
    index: Index,
    cached: Cached,
    digests: Vec<ComponentDigest>,
    ignored: Vec<Component>,
    /// The component with the checksums of pages.
    checksums: Option<Arc<PagedFile>>,
    /// The filter's part of the cache's budget.
    _filter_room: Option<SetAside>,
    _keep: Option<Arc<dyn Keep>>,
}

/// One end of what a table covers.
#[derive(Debug)]
struct CoveredEnd {
    kind: BoundKind,
    size: usize,
    values: Vec<u8>,
}

impl CoveredEnd {
    fn new(bound: &CoveredBound, kinds: [BoundKind; 2], header: &Header) -> CoveredEnd {
        let [inclusive, exclusive] = kinds;
        let list: Vec<Option<&[u8]>> = bound.values.iter().map(Option::as_deref).collect();
        let mut values = Vec::new();
        encode_clustering(header.clustering.types(), &list, &mut values);
        CoveredEnd { kind: if bound.inclusive { inclusive } else { exclusive }, size: list.len(), values }
    }

    fn bound(&self) -> Bound<'_> {
        Bound { kind: self.kind, size: self.size, values: &self.values }
    }
}

/// Both ends, unless nothing is covered.
fn covered(covered: &CoveredClusterings, header: &Header) -> Option<[CoveredEnd; 2]> {
    let start = || CoveredEnd::new(&covered.start, [BoundKind::InclStart, BoundKind::ExclStart], header);
    let end = || CoveredEnd::new(&covered.end, [BoundKind::InclEnd, BoundKind::ExclEnd], header);
    (!covered.is_nothing()).then(|| [start(), end()])
}

/// The filter, if reads use it.
#[derive(Default)]
struct FoundFilter {
    filter: Option<Filter>,
    /// Whether it holds keys of the table.
    is_asked: bool,
    room: Option<SetAside>,
}

impl FoundFilter {
    fn read(
        files: &mut ComponentReader<'_>,
        descriptor: &Descriptor,
        index: &Index,
        options: &OpenOptions,
    ) -> Result<FoundFilter, SsTableError> {
        let Some(bytes) = files.read_rewritable(&Component::Filter)? else {
            return Ok(FoundFilter::default());
        };
        let room = options.chunk_cache.set_aside(bytes.len());
        if room.is_none() && options.filter_may_be_left_out {
            return Ok(FoundFilter::default());
        }
        room.iter().for_each(|room| room.take(bytes.len()));
        let (filter, is_asked) = find_filter(&bytes, descriptor, index)?;
        Ok(FoundFilter { filter, is_asked, room })
    }
}

/// The filter, and whether it holds keys of the table.
fn find_filter(
    bytes: &[u8],
    descriptor: &Descriptor,
    index: &Index,
) -> Result<(Option<Filter>, bool), SsTableError> {
    let version = descriptor.version;
    let orders: &[BitOrder] = if version.may_have_either_bloom_filter_format() {
        &[BitOrder::Current, BitOrder::Old]
    } else if version.has_old_bloom_filter_format() {
        &[BitOrder::Old]
    } else {
        &[BitOrder::Current]
    };
    let mut last = None;
    for &order in orders {
        let decoded = Filter::decode(bytes, order);
        let decoded =
            decoded.map_err(|error| SsTableError::new(descriptor.path(&Component::Filter), error))?;
        let Some(filter) = decoded else { return Ok((None, false)) };
        if index.do_some_keys(|key| filter.may_contain(key))? {
            return Ok((Some(filter), true));
        }
        last = Some(filter);
    }
    Ok((last, false))
}

impl SsTable {
    /// Opens the table of that name: reads everything but its rows.
    ///
    /// # Errors
    /// When a required component is missing, unreadable or damaged, or the version is not read
    /// here.
    pub fn open(
        disk: &Arc<dyn Disk>,
        descriptor: &Descriptor,
        options: OpenOptions,
    ) -> Result<Arc<SsTable>, SsTableError> {
        let cache = (&options.chunk_cache, options.cached_file);
        let mut files = ComponentReader::with_upkeep(
            &**disk,
            descriptor,
            options.page_checksums,
            &options.upkeep,
            cache,
        )?;
        if options.page_checksums == PageVerification::Require {
            files.read_unneeded()?;
        }
        let (mut data, index) = match descriptor.version.format() {
            Format::Bti => {
                let partitions = files.paged(&Component::Partitions)?;
                let rows = files.paged(&Component::Rows)?;
                let index = Index::bti(descriptor, partitions, rows)?;
                (DataFile::read(&mut files)?, index)
            }
            Format::Big => {
                let primary = files.paged(&Component::Index)?;
                let summary = files.paged_rewritable(&Component::Summary)?;
                let data = DataFile::read(&mut files)?;
                let clustering = &data.header().clustering;
                let index = Index::big(descriptor, primary, summary, data.partitioner(), clustering)?;
                (data, index)
            }
        };
        let filter = FoundFilter::read(&mut files, descriptor, &index, &options)?;
        data.file_sizes.append(&mut files.take_sizes());
        Ok(Arc::new(SsTable {
            token_range: [index.first_key(), index.last_key()]
                .map(|key| data.partitioner().prefix(key))
                .into(),
            filter: filter.filter,
            is_filter_asked: filter.is_asked,
            _filter_room: filter.room,
            covered: covered(&data.stats().covered_clusterings, data.header()),
            data,
            index,
            checksums: files.checksums().and_then(|checksums| checksums.component()).cloned(),
            digests: files.take_found(),
            ignored: files.take_ignored(),
            cached: Cached { cache: options.chunk_cache, file: options.cached_file },
            _keep: options.upkeep.keep,
        }))
    }

    /// The digests of its files, found when it was opened.
    #[must_use]
    pub fn digests(&self) -> &[ComponentDigest] {
        &self.digests
    }

    /// Components that are not what `Helenus.crc32` says they were, and are not used: Summary.db
    /// and Filter.db, which nodes write anew.
    #[must_use]
    pub fn ignored(&self) -> &[Component] {
        &self.ignored
    }

    /// Reads all pages of the index that are checked when they are read.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn verify_index_pages(&self) -> Result<(), SsTableError> {
        self.index.verify_pages()
    }

    /// Data.db, and what decodes it.
    #[must_use]
    pub fn data_file(&self) -> &DataFile {
        &self.data
    }

    /// The table's descriptor.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        self.data.descriptor()
    }

    /// The header that its rows are encoded against.
    #[must_use]
    pub fn header(&self) -> &Arc<Header> {
        self.data.header()
    }

    /// All of Statistics.db.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        self.data.statistics()
    }

    /// Counts, bounds and histograms.
    #[must_use]
    pub fn stats(&self) -> &StatsComponent {
        self.data.stats()
    }

    /// The partitioner, which orders its partitions.
    #[must_use]
    pub fn partitioner(&self) -> &Partitioner {
        self.data.partitioner()
    }

    /// Number of partitions.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.index.key_count()
    }

    /// The same, by the statistics where the index would have to be gone through to count them.
    #[must_use]
    pub fn estimated_key_count(&self) -> u64 {
        self.index.known_key_count().unwrap_or_else(|| self.stats().partition_sizes.count())
    }

    /// Raw key of the first partition.
    #[must_use]
    pub fn first_key(&self) -> &[u8] {
        self.index.first_key()
    }

    /// Raw key of the last partition.
    #[must_use]
    pub fn last_key(&self) -> &[u8] {
        self.index.last_key()
    }

    /// Murmur3 tokens of the first and the last partition, or with another partitioner their
    /// [prefixes](Partitioner::prefix).
    #[must_use]
    pub fn token_range(&self) -> (Token, Token) {
        self.token_range
    }

    /// Uncompressed bytes of the data.
    #[must_use]
    pub fn data_len(&self) -> u64 {
        self.data.data_len()
    }

    /// Bytes of Data.db.
    #[must_use]
    pub fn data_file_len(&self) -> u64 {
        self.data.file_len()
    }

    /// No timestamp in the table is lower.
    #[must_use]
    pub fn min_timestamp(&self) -> Timestamp {
        self.stats().min_timestamp
    }

    /// No timestamp in the table is higher.
    #[must_use]
    pub fn max_timestamp(&self) -> Timestamp {
        self.stats().max_timestamp
    }

    /// Components that were read, and the bytes of each file.
    #[must_use]
    pub fn file_sizes(&self) -> &[(Component, u64)] {
        self.data.file_sizes()
    }

    /// Bytes of all components that were read.
    #[must_use]
    pub fn disk_len(&self) -> u64 {
        self.file_sizes().iter().map(|(_, len)| len).sum()
    }

    /// Bytes of memory that indexes, filter, chunk offsets and checksums take; not what the cache
    /// has of them.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        let others = self.data.chunks().map().into_iter().chain(self.checksums.as_deref());
        let filter = self.filter.as_ref().map_or(0, Filter::size_bytes);
        self.index.size_bytes() + filter + others.map(PagedFile::memory_len).sum::<usize>()
    }

    /// Sets the probability, 0 to 1, with which a read compares the checksums of the chunks that it
    /// takes from the disk (the table option `crc_check_chance`); 1 when a table is opened.
    pub fn set_crc_check_chance(&self, chance: f64) {
        self.data.crc_sampler.set_chance(chance);
    }

    /// Drops the table's chunks from the cache: it is no longer read.
    pub fn forget_cached(&self) {
        self.cached.cache.remove_file(self.cached.file, self.data.reader.chunks().chunk_count());
        self.index.forget_cached();
        let others = self.data.chunks().map().into_iter().chain(self.checksums.as_deref());
        others.for_each(PagedFile::forget_cached);
    }

    /// The table's number in the chunk cache.
    #[must_use]
    pub fn cached_file(&self) -> CachedFile {
        self.cached.file
    }

    /// The filter of its file. Reads don't use one that lacks keys of the table.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// False if the key lies outside the table's tokens, or the filter knows that it is not in the
    /// table. `hash` is the key's [`murmur3`](helenus_types::murmur3).
    #[inline]
    #[must_use]
    pub fn may_contain(&self, token: Token, hash: [u64; 2]) -> bool {
        let (first, last) = self.token_range;
        first <= token
            && token <= last
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| !self.is_filter_asked || filter.may_contain_hash(hash))
    }

    /// The same of a key that is looked for.
    #[inline]
    #[must_use]
    pub fn may_hold(&self, key: &SearchKey) -> bool {
        self.may_contain(key.token(), key.hash())
    }

    /// Whether any row or range deletion can lie in the slice. Partition deletions and static rows
    /// are in no slice: for them see `stats().has_partition_level_deletions` and the header's
    /// static columns. `order` as in [`partition`](Self::partition).
    #[must_use]
    pub fn may_cover(&self, slice: Slice<'_>, order: &ClusteringComparator) -> bool {
        let Some([start, end]) = &self.covered else { return false };
        order.compare(start.bound().position(), slice.end.position()).is_lt()
            && order.compare(end.bound().position(), slice.start.position()).is_gt()
    }

    /// All partitions, in order.
    #[must_use]
    pub fn scan(&self) -> Scan {
        self.data.scan()
    }

    /// The partitions between two places, in order.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn scan_range(&self, from: PartitionBound<'_>, to: PartitionBound<'_>) -> Result<Scan, SsTableError> {
        let start = self.position_of(from)?;
        let end = self.position_of(to)?.max(start);
        Ok(self.data.scan_between(start, end))
    }

    /// Raw key of the first partition after a place.
    ///
    /// # Errors
    /// Damage or a failed read.
    pub fn ceiling(&self, bound: PartitionBound<'_>) -> Result<Option<Vec<u8>>, SsTableError> {
        match self.partition_behind(bound)? {
            None => Ok(None),
            Some(at) => {
                let mut head = Head::default();
                head.read(&mut self.cached_window(), self.header(), &[], at)?;
                Ok(Some(head.key))
            }
        }
    }

    /// The partitions from the one that begins at `start` of the data on.
    pub(crate) fn scan_from(&self, start: u64) -> Scan {
        self.data.scan_between(start, self.data_len())
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn cached_window(&self) -> Window {
        Window::cached(self.data.reader.clone(), self.cached.clone(), self.data.crc_sampler.sample())
    }

    /// Turns a cached window to this table.
    pub(crate) fn turn(&self, window: &mut Window) {
        window.turn_to(&self.data.reader, &self.cached, self.data.crc_sampler.sample());
    }

    /// The position in the data at which the first partition after `bound` begins, or the data
    /// ends.
    fn position_of(&self, bound: PartitionBound<'_>) -> Result<u64, SsTableError> {
        Ok(self.partition_behind(bound)?.unwrap_or(self.data_len()))
    }

    fn partition_behind(&self, bound: PartitionBound<'_>) -> Result<Option<u64>, SsTableError> {
        let mut comparable = Vec::new();
        match bound {
            PartitionBound::Bottom => return Ok(Some(0)),
            PartitionBound::Top => return Ok(None),
            PartitionBound::BeforeToken(_) | PartitionBound::AfterToken(_)
                if *self.partitioner() != Partitioner::Murmur3 =>
            {
                return self.partition_behind_prefix(bound);
            }
            PartitionBound::BeforeToken(token) => {
                murmur3_bound_comparable(token, Side::Before, &mut comparable)
            }
            PartitionBound::AfterToken(token) => {
                murmur3_bound_comparable(token, Side::After, &mut comparable)
            }
            PartitionBound::BeforeKey(key) => {
                decorated_key_comparable(self.partitioner(), key, Side::Before, &mut comparable);
            }
            PartitionBound::AfterKey(key) => {
                decorated_key_comparable(self.partitioner(), key, Side::After, &mut comparable);
            }
        }
        let (uncertain, after) = self.index.ceiling(bound, &comparable, self.partitioner())?;
        if let Some(at) = uncertain
            && self.is_behind(at, &comparable)?
        {
            return Ok(Some(at.data));
        }
        Ok(after.map(|at| at.data))
    }

    /// The same of a place between prefixes, which have no byte-comparable form: by going through
    /// the partitions.
    fn partition_behind_prefix(&self, bound: PartitionBound<'_>) -> Result<Option<u64>, SsTableError> {
        let mut window = self.cached_window();
        let mut head = Head::default();
        let mut partitions = self.index.partitions();
        while let Some(at) = partitions.next(&self.index)? {
            head.read_key(&mut window, self.header(), &[], at.data)?;
            if bound.is_before(self.partitioner(), head.token, &head.key) {
                return Ok(Some(at.data));
            }
        }
        Ok(None)
    }

    /// Whether the partition is after a place in byte-comparable form.
    fn is_behind(&self, at: PartitionAt, comparable: &[u8]) -> Result<bool, SsTableError> {
        let mut head = Head::default();
        head.read(&mut self.cached_window(), self.header(), &[], at.data)?;
        let mut found = Vec::new();
        decorated_key_comparable(self.partitioner(), &head.key, Side::At, &mut found);
        Ok(&*found > comparable)
    }
}
