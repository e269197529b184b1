//! Schema changes, truncation: each becomes visible by one edit of the manifest.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use helenus_commitlog::TableTag;
use helenus_cql_syntax::Statement;
use helenus_io::RelativePath;
use helenus_rows::EncodingBase;
use helenus_types::{LocalDeletionTime, LogPosition, TableId, Timestamp, timeuuid};
use uuid::Uuid;

use super::buffers::Lookups;
use super::layout::table_dir;
use super::schema_followers::SchemaNotice;
use super::set::no_table;
use super::state::TableState;
use super::table::{Active, TableCore, View};
use super::write_side::WriteSide;
use crate::error::Result;
use crate::manifest::{Change, Edit};
use helenus_schema::{
    Applied, ApplyContext, Catalog, CatalogError, SchemaChange, SchemaOutcome, SchemaRules, TableDef,
};

impl WriteSide {
    /// Applies one schema statement: all that it changes becomes visible, and durable, by one edit.
    /// Then the listeners are called, without a lock, so that they may do what they like.
    pub(crate) fn apply_schema(
        &self,
        statement: &Statement,
        keyspace: Option<&str>,
        rules: SchemaRules,
    ) -> Result<SchemaOutcome> {
        let outcome = self.apply_silently(statement, keyspace, rules);
        self.set.schema_followers.deliver();
        outcome
    }

    fn apply_silently(
        &self,
        statement: &Statement,
        keyspace: Option<&str>,
        rules: SchemaRules,
    ) -> Result<SchemaOutcome> {
        let _call = self.enter()?;
        let _one_at_a_time = self.ddl.lock();
        let before = self.set.catalog.read().clone();
        let now = self.next_timestamp();
        let apply = |now: Timestamp| {
            let new_id = &mut || TableId(new_table_id(now));
            before.apply(statement, keyspace, ApplyContext { now, new_id, rules })
        };
        let applied = apply(now)?;
        let changes = &applied.outcome.changes;
        if changes.iter().all(|change| *change == SchemaChange::Nothing) {
            return Ok(applied.outcome);
        }
        if changes.iter().all(|change| matches!(change, SchemaChange::TableTruncated(_))) {
            // A table with views empties them as well; each is emptied by an edit of its own, the
            // table first.
            for change in changes {
                if let SchemaChange::TableTruncated(id) = change {
                    self.truncate(*id, now)?;
                    self.set.schema_followers.announce(SchemaNotice {
                        changes: vec![change.clone()],
                        events: Vec::new(),
                        before: before.clone(),
                        after: before.clone(),
                    });
                }
            }
            return Ok(applied.outcome);
        }
        let (after, outcome) = self.change_schema(applied, now, apply)?;
        let SchemaOutcome { changes, events, .. } = outcome.clone();
        self.set.schema_followers.announce(SchemaNotice { changes, events, before, after });
        Ok(outcome)
    }

    /// Makes a change that was applied to the catalog as of `now`; `apply` does that for another
    /// time.
    fn change_schema(
        &self,
        applied: Applied,
        now: Timestamp,
        apply: impl Fn(Timestamp) -> std::result::Result<Applied, CatalogError>,
    ) -> Result<(Arc<Catalog>, SchemaOutcome)> {
        let cores = self.touched(&applied.outcome.changes)?;
        // Writers of these tables wait until the change is made.
        let mut guards: Vec<_> = cores.iter().map(|core| core.active.write()).collect();
        // Columns are dropped at a time that no write before has exceeded: what it wrote would come
        // back with a column that is added under that name.
        let last = Timestamp(self.timestamps.last());
        let applied = if last > now && changes_columns(&applied) { apply(last)? } else { applied };
        let Applied { catalog, outcome, record } = applied;
        let (after, changes) = (Arc::new(catalog), &outcome.changes);
        let mut edit = Edit::one(self.change_of_text(&after, record));
        let mut states = Vec::new();
        for (core, active) in cores.iter().zip(&mut guards) {
            let Some(def) = after.table_by_id(core.id) else {
                edit.changes.push(Change::DropTable { tag: core.tag.0 });
                edit.changes.push(Change::Dropped { id: core.id, dir: self.relative_dir(core)? });
                continue;
            };
            let state = self.altered_state(core, active, def)?;
            if state.layout != active.state.layout {
                edit.changes.push(Change::Layout { tag: core.tag.0, layout: state.layout });
            }
            states.push((core, state));
        }
        let created = self.created(changes, &after, now, &mut edit)?;
        self.sync_log()?;
        let publishing = self.publishing.lock();
        self.commit(edit)?;
        *self.set.catalog.write() = after.clone();
        let mut tables = self.set.tables.write();
        created.into_iter().for_each(|core| tables.insert(core));
        for core in cores.iter().filter(|core| after.table_by_id(core.id).is_none()) {
            core.dropped.store(true, Release);
            tables.remove(core);
        }
        drop(tables);
        for (core, state) in states {
            let Some((active, _)) = guards.iter_mut().zip(&cores).find(|(_, c)| c.tag == core.tag) else {
                unreachable!("the tables that change are locked")
            };
            publish(core, active, state);
        }
        drop(publishing);
        // The change is made: what fails from here on is made up for when the database is opened.
        if let Err(error) = self.renew_schema_copy() {
            tracing::warn!(%error, "schema.cql is not what the schema is");
        }
        for (core, active) in cores.iter().zip(&guards).filter(|(core, _)| core.dropped.load(Acquire)) {
            if let Err(error) = self.remove_dropped(core, active) {
                tracing::warn!(%error, "files of a dropped table are left");
            }
        }
        Ok((after, outcome))
    }

    /// The change of the schema's text: the statement is added to it, whatever the number of
    /// tables. Once what was added is as long as what there was, all of it is printed anew, so that
    /// what is gone doesn't stay in it for good.
    fn change_of_text(&self, after: &Catalog, record: String) -> Change {
        if self.manifest.lock().state().schema.is_outgrown_by(record.len()) {
            Change::Schema(after.to_cql())
        } else {
            Change::SchemaAdded(record)
        }
    }

    /// A change of the schema or a truncation must not become durable before the writes that
    /// precede it.
    fn sync_log(&self) -> Result<()> {
        match self.log() {
            Some(log) => Ok(log.sync().map(drop)?),
            None => Ok(()),
        }
    }

    /// The tables that a change is about and that exist already, in the order of their tags.
    fn touched(&self, changes: &[SchemaChange]) -> Result<Vec<Arc<TableCore>>> {
        let mut cores = Vec::new();
        for change in changes {
            match change {
                SchemaChange::TableDropped(id) | SchemaChange::TableAltered { id, .. } => {
                    cores.push(self.set.core(*id)?)
                }
                _ => {}
            }
        }
        cores.sort_by_key(|core| core.tag);
        cores.dedup_by_key(|core| core.tag);
        Ok(cores)
    }

    /// The state that a table has after a change. Where its columns change, everything that was
    /// encoded against the old ones is flushed first: so no record of the log that may be replayed
    /// has another layout. So is what attachments saw, which may be others from now on.
    fn altered_state(
        &self,
        core: &Arc<TableCore>,
        active: &mut Active,
        def: &TableDef,
    ) -> Result<TableState> {
        let old = active.state.clone();
        let next = TableState::of(def, old.header.base, old.layout);
        let mut next = next.with_attachments(&self.options.attachments, def);
        let is_encoded_alike =
            next.header.same_encoding(&old.header) && next.schema.dropped() == old.schema.dropped();
        if is_encoded_alike {
            next.header = old.header.clone();
            if old.attachments.is_empty() && next.attachments.is_empty() {
                return Ok(next);
            }
        } else {
            next.layout += 1;
        }
        self.switch_locked(core, active);
        self.flush_retired(core)?;
        Ok(next)
    }

    /// Makes the tables that a change creates.
    fn created(
        &self,
        changes: &[SchemaChange],
        after: &Catalog,
        now: Timestamp,
        edit: &mut Edit,
    ) -> Result<Vec<Arc<TableCore>>> {
        let mut tag = self.manifest.lock().state().next_tag;
        // The log's records so far are not of these tables.
        let position = self.log().map_or(LogPosition::ZERO, |log| log.position());
        let mut cores = Vec::new();
        for change in changes {
            let SchemaChange::TableCreated(id) = change else { continue };
            let def = after.table_by_id(*id).ok_or_else(|| no_table(*id))?;
            let base = EncodingBase {
                min_timestamp: now,
                min_local_deletion_time: LocalDeletionTime(self.set.now_seconds()),
                min_ttl: 0,
            };
            edit.changes.push(Change::AddTable { tag, id: *id, base });
            edit.changes.push(Change::Flushed { tag, position });
            let dir = table_dir(def.keyspace(), def.name(), *id)?;
            let state = TableState::of(def, base, 0).with_attachments(&self.options.attachments, def);
            let state = Arc::new(state);
            cores.push(Arc::new(TableCore::new(
                *id,
                TableTag(tag),
                dir.below(&self.set.dir),
                state,
                Vec::new(),
            )));
            tag += 1;
        }
        Ok(cores)
    }

    /// Directory of a table, below the database's.
    fn relative_dir(&self, core: &TableCore) -> Result<RelativePath> {
        let schema = &core.view.load().state.schema;
        table_dir(schema.keyspace(), schema.name(), core.id)
    }

    /// Frees the memory and files of a dropped table. Only readers that began before can still
    /// reach it.
    fn remove_dropped(&self, core: &TableCore, active: &Active) -> Result<()> {
        let view = core.view.load_full();
        // Memtables that wait for their flush give their bytes back when the flush finds that they
        // are obsolete.
        self.pressure.release(active.memtable.allocated_bytes());
        if let Some(log) = self.log() {
            log.mark_flushed(core.tag, log.position())?;
        }
        view.sstables.iter().for_each(|live| self.retire(live, true));
        self.failures.forget_table(core.tag);
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.clone(),
            sstables: Vec::new(),
            lookups: Lookups::default(),
        });
        if view.sstables.is_empty()
            && self.set.disk().exists(&core.dir)?
            && self.set.disk().list(&core.dir)?.is_empty()
        {
            self.set.disk().remove_dir(&core.dir)?;
        }
        Ok(())
    }

    /// Empties a table: everything acknowledged before the call is gone, whatever its timestamps.
    pub(crate) fn truncate(&self, id: TableId, now: Timestamp) -> Result<()> {
        let core = self.set.core(id)?;
        let mut active = core.active.write();
        // The memtable's flush is queued and finds that it is obsolete.
        self.switch_locked(&core, &mut active);
        // Durable before the manifest mentions it: an opening compares the end of the log with it.
        let position = self.log().map_or(LogPosition::ZERO, |log| log.position());
        self.sync_log()?;
        let publishing = self.publishing.lock();
        let view = core.view.load_full();
        let tag = core.tag.0;
        let mut changes = vec![Change::Truncated { tag, at: now }, Change::Flushed { tag, position }];
        changes.extend(view.sstables.iter().map(|t| Change::RemoveSsTable { tag, generation: t.generation }));
        self.commit(Edit { changes })?;
        core.change_view(|view| View {
            state: view.state.clone(),
            memtables: view.memtables.iter().take(1).cloned().collect(),
            sstables: Vec::new(),
            lookups: Lookups::default(),
        });
        // An equal state, but another one: a counter or a conditional write that has read what is
        // gone now reads again.
        let renewed = TableState::clone(&active.state);
        publish(&core, &mut active, renewed);
        drop(publishing);
        drop(active);
        view.sstables.iter().for_each(|live| self.retire(live, false));
        for memtable in view.memtables.iter().skip(1) {
            self.set.pinned.retire_memtable(memtable, self.options.pinned_bytes_limit);
        }
        if let Some(log) = self.log() {
            log.mark_flushed(core.tag, position)?;
        }
        // The data that could not be flushed or read is gone, and the obsolete flush need not rest.
        self.failures.forget_table(core.tag);
        self.measure_backlog(&core);
        self.scheduler.wake();
        self.pressure.wake();
        Ok(())
    }
}

/// Whether rows of a table that exists are encoded differently after the change.
fn changes_columns(applied: &Applied) -> bool {
    let changes_columns =
        |change: &SchemaChange| matches!(change, SchemaChange::TableAltered { columns_changed: true, .. });
    applied.outcome.changes.iter().any(changes_columns)
}

/// Gives a table its new state; the active memtable is empty wherever the header changed, or what
/// sees its writes.
fn publish(core: &TableCore, active: &mut Active, state: TableState) {
    let state = Arc::new(state);
    let header_changed = !Arc::ptr_eq(&state.header, &active.state.header);
    if header_changed || !active.state.attachments.is_empty() || !state.attachments.is_empty() {
        active.memtable = state.memtable();
    }
    active.state = state.clone();
    let memtable = active.memtable.clone();
    core.change_view(|view| View {
        lookups: Lookups::default(),
        memtables: std::iter::once(memtable).chain(view.memtables.iter().skip(1).cloned()).collect(),
        sstables: view.sstables.iter().map(|live| live.in_state(&state)).collect(),
        state: state.clone(),
    });
}

/// Table ids are time UUIDs in Cassandra (`TimeUUID.Generator`); ours are of that form, so that
/// they sort by age.
fn new_table_id(now: Timestamp) -> Uuid {
    let random = crate::random::random_uuid().as_u64_pair().1;
    let lsb = timeuuid::lsb((random >> 48) as u16, random);
    timeuuid::from_micros(now.0, lsb)
}
