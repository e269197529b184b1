//! SSTables in which nothing is alive any more (`CompactionController.getFullyExpiredSSTables`):
//! they can be dropped without being read.
//!
//! What an expired SSTable deletes is judged by its largest timestamp alone, and what another one
//! holds by its smallest: partitions are not compared.

use helenus_types::Generation;

use crate::description::Description;
use crate::lifespan::Lifespan;
use crate::task::Moment;

/// The free SSTables that can be dropped without being read, in their order: expired, and neither
/// another SSTable nor a memtable may hold something older that they delete.
#[must_use]
pub fn fully_expired(tables: &[Description<'_>], moment: &Moment) -> Vec<Generation> {
    let gc_before = moment.gc_before;
    let lifespans: Vec<_> = tables.iter().map(|table| (table, table.lifespan(gc_before))).collect();
    let is_expired = |lifespan: &Lifespan| lifespan.is_expired(gc_before);
    let alive: Vec<_> = lifespans.iter().map(|(_, span)| span).filter(|span| !is_expired(span)).collect();
    let is_blocked = |span: &Lifespan| {
        alive.iter().any(|other| other.blocks(span))
            || moment.min_memtable_timestamp.is_some_and(|least| span.max_timestamp >= least)
    };
    let droppable =
        lifespans.iter().filter(|(table, span)| table.is_free() && is_expired(span) && !is_blocked(span));
    droppable.map(|(table, _)| table.generation).collect()
}
