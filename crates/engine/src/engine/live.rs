//! A live SSTable: its place among the others, and the way to open it.

use std::sync::{Arc, OnceLock};

use helenus_io::{Disk, OpenFiles};
use helenus_rows::ColumnMap;
use helenus_sstable::{
    CachedFile, ChunkCache, Component, ComponentDigest, Descriptor, OpenOptions, PageVerification, SsTable,
    Upkeep, WrittenTable,
};
use helenus_types::{Generation, Partitioner, Timestamp, Token};
use parking_lot::Mutex;

use super::files::{AttachedFile, TableFiles};
use super::state::TableState;
use crate::error::Result;
use crate::manifest::SsTableFacts;

/// The means of opening a database's SSTables.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) cache: Arc<ChunkCache>,
    /// Bounds how many of their files are open; `None` if another process may remove a file
    /// meanwhile, so that it must stay open.
    pub(crate) files: Option<Arc<OpenFiles>>,
}

/// A live SSTable. It is opened when a fact is needed that the manifest doesn't have.
#[derive(Clone, Debug)]
pub(crate) struct LiveTable {
    pub(crate) generation: Generation,
    pub(crate) level: u32,
    /// When it was written, seconds since 1970.
    pub(crate) created_seconds: u32,
    pub(crate) facts: Arc<SsTableFacts>,
    /// Tokens of its first and last partition, or their substitutes for partitioners without
    /// tokens.
    pub(crate) token_range: (Token, Token),
    source: Arc<TableSource>,
    state: Arc<TableState>,
    /// What attachments made of its rows.
    attached: Arc<[Arc<AttachedFile>]>,
    /// The way from its columns to the table's; `None` when its rows are encoded as ours and hold
    /// nothing of a dropped column.
    map: OnceLock<Option<Arc<ColumnMap>>>,
}

/// The SSTable itself, opened or not: shared by all views.
#[derive(Debug)]
struct TableSource {
    disk: Arc<dyn Disk>,
    descriptor: Descriptor,
    options: OpenOptions,
    opened: OnceLock<Arc<SsTable>>,
    /// Held while it is opened: once is enough.
    opening: Mutex<()>,
    files: Arc<TableFiles>,
}

impl Opener {
    /// Opens an SSTable that was written or brought in just now.
    pub(crate) fn open(
        &self,
        descriptor: Descriptor,
        generation: Generation,
        level: u32,
        created_seconds: u32,
        state: &Arc<TableState>,
    ) -> Result<LiveTable> {
        self.open_with(descriptor, generation, (level, created_seconds), state, &[])
    }

    /// Opens an SSTable that a writer made just now.
    pub(crate) fn open_written(
        &self,
        written: &WrittenTable,
        generation: Generation,
        created_seconds: u32,
        state: &Arc<TableState>,
    ) -> Result<LiveTable> {
        let attached: Vec<_> = written.observed().cloned().collect();
        let place = (written.level, created_seconds);
        self.open_with(written.descriptor.clone(), generation, place, state, &attached)
    }

    fn open_with(
        &self,
        descriptor: Descriptor,
        generation: Generation,
        (level, created_seconds): (u32, u32),
        state: &Arc<TableState>,
        attached: &[(Component, u64)],
    ) -> Result<LiveTable> {
        let source = self.source(descriptor, generation, None);
        let sstable = source.open(state)?;
        let (facts, token_range) = (SsTableFacts::of(sstable).with_attached(attached), sstable.token_range());
        Ok(LiveTable {
            generation,
            level,
            created_seconds,
            attached: source.attached(&facts),
            facts: Arc::new(facts),
            token_range,
            source: Arc::new(source),
            state: state.clone(),
            map: OnceLock::new(),
        })
    }

    /// An SSTable of which all is known that gives it its place.
    pub(crate) fn place(
        &self,
        descriptor: Descriptor,
        generation: Generation,
        (level, created_seconds): (u32, u32),
        facts: &Arc<SsTableFacts>,
        state: &Arc<TableState>,
    ) -> LiveTable {
        let source = self.source(descriptor, generation, Some(facts));
        LiveTable {
            generation,
            level,
            created_seconds,
            token_range: [&facts.first_key, &facts.last_key]
                .map(|key| Partitioner::murmur3_token(key))
                .into(),
            facts: facts.clone(),
            attached: source.attached(facts),
            source: Arc::new(source),
            state: state.clone(),
            map: OnceLock::new(),
        }
    }

    fn source(
        &self,
        descriptor: Descriptor,
        generation: Generation,
        facts: Option<&SsTableFacts>,
    ) -> TableSource {
        let files = Arc::new(TableFiles::new(&self.disk, &descriptor));
        TableSource {
            disk: self.disk.clone(),
            options: OpenOptions {
                chunk_cache: self.cache.clone(),
                // Generations are unique in the database.
                cached_file: CachedFile(generation.0),
                page_checksums: PageVerification::Require,
                filter_may_be_left_out: true,
                upkeep: Upkeep {
                    open_files: self.files.clone(),
                    keep: Some(files.clone()),
                    digests: facts.map(|facts| facts.digests.clone()),
                },
            },
            descriptor,
            opened: OnceLock::new(),
            opening: Mutex::new(()),
            files,
        }
    }
}

impl TableSource {
    /// Its components that attachments made.
    fn attached(&self, facts: &SsTableFacts) -> Arc<[Arc<AttachedFile>]> {
        let file = |ComponentDigest { component, len, .. }: &ComponentDigest| {
            Arc::new(AttachedFile::new(&self.disk, &self.files, component, *len))
        };
        facts.attached().map(file).collect()
    }

    #[cold]
    fn open(&self, state: &TableState) -> Result<&Arc<SsTable>> {
        let _once = self.opening.lock();
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let sstable = SsTable::open(&self.disk, &self.descriptor, self.options.clone())?;
        sstable.set_crc_check_chance(state.options.crc_check_chance);
        Ok(self.opened.get_or_init(|| sstable))
    }
}

impl LiveTable {
    /// One of a directory that is no database of ours, open already.
    pub(crate) fn of_others(
        generation: Generation,
        disk: &Arc<dyn Disk>,
        sstable: Arc<SsTable>,
        state: &Arc<TableState>,
    ) -> Self {
        sstable.set_crc_check_chance(state.options.crc_check_chance);
        let descriptor = sstable.descriptor().clone();
        let cache = Arc::new(ChunkCache::new(0));
        Self {
            generation,
            level: 0,
            created_seconds: 0,
            facts: Arc::new(SsTableFacts::of(&sstable)),
            token_range: sstable.token_range(),
            source: Arc::new(TableSource {
                disk: disk.clone(),
                options: OpenOptions::new(cache, sstable.cached_file(), PageVerification::Check),
                files: Arc::new(TableFiles::new(disk, &descriptor)),
                descriptor,
                opened: OnceLock::from(sstable),
                opening: Mutex::new(()),
            }),
            attached: Arc::default(),
            state: state.clone(),
            map: OnceLock::new(),
        }
    }

    /// The same SSTable for a table in another state.
    pub(crate) fn in_state(&self, state: &Arc<TableState>) -> Self {
        if let Some(sstable) = self.source.opened.get() {
            sstable.set_crc_check_chance(state.options.crc_check_chance);
        }
        Self { state: state.clone(), map: OnceLock::new(), ..self.clone() }
    }

    /// The same SSTable, not opened: its memory is freed with its last reader.
    pub(crate) fn unopened(&self) -> Self {
        let TableSource { disk, descriptor, options, files, .. } = &*self.source;
        let source = TableSource {
            disk: disk.clone(),
            descriptor: descriptor.clone(),
            options: options.clone(),
            opened: OnceLock::new(),
            opening: Mutex::new(()),
            files: files.clone(),
        };
        Self { source: Arc::new(source), map: OnceLock::new(), ..self.clone() }
    }

    /// The same SSTable with another component, which an attachment made.
    pub(crate) fn with_attached(&self, component: &Component, len: u64) -> Self {
        let facts = SsTableFacts::clone(&self.facts).with_attached([&(component.clone(), len)]);
        let file = AttachedFile::new(&self.source.disk, &self.source.files, component, len);
        let attached = self.attached.iter().cloned().chain([Arc::new(file)]).collect();
        Self { facts: Arc::new(facts), attached, ..self.clone() }
    }

    /// The same SSTable without a component that an attachment made.
    pub(crate) fn without_attached(&self, component: &Component) -> Self {
        let facts = SsTableFacts::clone(&self.facts).without_attached(component);
        let kept = self.attached.iter().filter(|file| file.component() != component);
        Self { facts: Arc::new(facts), attached: kept.cloned().collect(), ..self.clone() }
    }

    /// A component that an attachment made.
    pub(crate) fn attached(&self, component: &Component) -> Option<&Arc<AttachedFile>> {
        self.attached.iter().find(|file| file.component() == component)
    }

    /// The SSTable, opened if it isn't yet.
    ///
    /// # Errors
    /// When it is missing, damaged, another one than the manifest's, or can't be read.
    #[inline]
    pub(crate) fn sstable(&self) -> Result<&Arc<SsTable>> {
        match self.source.opened.get() {
            Some(sstable) => Ok(sstable),
            None => self.source.open(&self.state),
        }
    }

    /// The SSTable if it is open already.
    pub(crate) fn opened(&self) -> Option<&Arc<SsTable>> {
        self.source.opened.get()
    }

    /// Its name.
    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.source.descriptor
    }

    /// The way from its columns to the table's, where one is needed.
    #[inline]
    pub(crate) fn map(&self) -> Result<Option<&Arc<ColumnMap>>> {
        match self.map.get() {
            Some(map) => Ok(map.as_ref()),
            None => {
                let map = self.state.map_of(self.sstable()?);
                Ok(self.map.get_or_init(|| map).as_ref())
            }
        }
    }

    /// Whether the token lies outside of its partitions' tokens.
    #[inline]
    pub(crate) fn excludes(&self, token: Token) -> bool {
        let (first, last) = self.token_range;
        token < first || last < token
    }

    /// No timestamp in it is higher.
    #[inline]
    pub(crate) fn max_timestamp(&self) -> Timestamp {
        self.facts.max_timestamp
    }

    /// It is no longer live: its files are removed after their last reader; with `and_dir` also the
    /// directory, if it is empty then.
    pub(crate) fn remove_when_unread(&self, and_dir: bool) {
        if let Some(sstable) = self.opened() {
            sstable.forget_cached();
        }
        self.source.files.retire(and_dir);
    }
}
