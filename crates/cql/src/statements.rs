//! Texts that were compiled lately, so that one that comes again costs a look-up.

use std::num::NonZeroUsize;
use std::sync::Arc;

use helenus_schema::Catalog;
use lru::LruCache;
use parking_lot::Mutex;

use crate::compilation::Compilation;
use crate::compile::Compiled;

/// Statements that are kept, and the bytes that one's text may have: so a session holds some
/// megabytes at most.
const STATEMENTS: NonZeroUsize = NonZeroUsize::new(256).unwrap();
const TEXT_BYTES: usize = 4 << 10;

/// The statements of a session by their text, those that were used last.
#[derive(Debug)]
pub(crate) struct StatementCache(Mutex<LruCache<Box<str>, CachedStatement>>);

/// A compiled statement, and the keyspace of its names.
#[derive(Debug)]
struct CachedStatement {
    keyspace: Option<Box<str>>,
    compilation: Arc<Compilation>,
}

impl Default for StatementCache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(STATEMENTS)))
    }
}

impl StatementCache {
    /// What that text means in that keyspace, if it was compiled against this schema.
    pub(crate) fn get(
        &self,
        text: &str,
        keyspace: Option<&str>,
        catalog: &Arc<Catalog>,
    ) -> Option<Arc<Compilation>> {
        let mut statements = self.0.lock();
        let known = statements.get(text)?;
        let is_same =
            known.keyspace.as_deref() == keyspace && Arc::ptr_eq(&known.compilation.catalog, catalog);
        is_same.then(|| known.compilation.clone())
    }

    /// Keeps a statement that reads or writes; others change what would be kept.
    pub(crate) fn put(&self, text: &str, keyspace: Option<&str>, compilation: &Arc<Compilation>) {
        let is_kept =
            matches!(compilation.compiled, Compiled::Select(_) | Compiled::Write(_) | Compiled::Batch(_));
        if is_kept && text.len() <= TEXT_BYTES {
            let keyspace = keyspace.map(Box::from);
            let statement = CachedStatement { keyspace, compilation: compilation.clone() };
            self.0.lock().put(text.into(), statement);
        }
    }
}
