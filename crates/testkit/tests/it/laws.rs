//! Laws that hold for every history.

use std::cell::RefCell;
use std::collections::BTreeSet;

use helenus_testkit::histories::{Action, History, Profile, Rng, generate, histories};
use helenus_testkit::model::{Fact, LivePartition, ModelPartition, Partition, Purge, Write, merge, read};
use helenus_testkit::{count_from_env, for_each_history_of};
use proptest::prelude::*;

/// Everything, also what depends on which source says what.
fn everything() -> Profile {
    Profile { dropped_columns: true, legacy_shards: true, ..Profile::default() }
}

/// Only what does not.
fn plain() -> Profile {
    Profile { counters: false, views: false, ..Profile::default() }
}

fn histories_count() -> u64 {
    count_from_env("HELENUS_HISTORIES", 4000)
}

fn partitions(history: &History) -> impl Iterator<Item = ModelPartition> {
    (0..history.keys.len()).map(|key| history.partition(key))
}

fn expect_equal<T: PartialEq + std::fmt::Debug>(what: &str, left: &T, right: &T) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}\n{left:#?}\n{right:#?}")) }
}

fn shuffled(partition: &ModelPartition, rng: &mut Rng) -> ModelPartition {
    let mut writes = partition.writes.clone();
    for i in (1..writes.len()).rev() {
        writes.swap(i, rng.below(i + 1));
    }
    ModelPartition { writes }
}

#[test]
fn the_order_of_facts_does_not_matter() {
    for_each_history_of(&everything(), histories_count(), |seed, history| {
        let mut rng = Rng::new(seed);
        for partition in partitions(history) {
            let other = shuffled(&partition, &mut rng);
            expect_equal("shuffled", &partition.merged(&history.table), &other.merged(&history.table))?;
        }
        Ok(())
    });
}

#[test]
fn the_grouping_into_sources_does_not_matter() {
    for_each_history_of(&plain(), histories_count(), |seed, history| {
        let mut rng = Rng::new(seed);
        for partition in partitions(history) {
            let writes = partition.writes.iter().cloned();
            let other =
                ModelPartition { writes: writes.map(|w| Write { source: rng.below(4), ..w }).collect() };
            expect_equal("regrouped", &partition.merged(&history.table), &other.merged(&history.table))?;
        }
        Ok(())
    });
}

proptest! {
    #[test]
    fn merging_again_changes_nothing(history in histories(everything())) {
        for partition in partitions(&history) {
            let once = partition.merged(&history.table);
            prop_assert_eq!(merge(&history.table, &once.to_facts()), once);
        }
    }
}

#[test]
fn saying_everything_twice_changes_nothing() {
    let profile = Profile { legacy_shards: false, ..everything() };
    for_each_history_of(&profile, histories_count(), |_, history| {
        for partition in partitions(history) {
            let mut twice = partition.clone();
            let again = |write: &Write| Write { source: write.source + 10, fact: write.fact.clone() };
            twice.writes.extend(partition.writes.iter().map(again));
            expect_equal("twice", &partition.merged(&history.table), &twice.merged(&history.table))?;
        }
        Ok(())
    });
}

#[test]
fn the_normal_form_is_in_order_and_its_markers_alternate() {
    for_each_history_of(&everything(), histories_count(), |_, history| {
        let never = |_| false;
        let how = Purge::new(history.now, history.gc_before(), &never);
        let odd = |timestamp: i64| timestamp % 2 != 0;
        let half = Purge::new(history.now, history.gc_before(), &odd);
        for partition in partitions(history) {
            partition.merged(&history.table).check(&history.table)?;
            for source in partition.sources() {
                partition.source(&history.table, source).check(&history.table)?;
            }
            partition.purged(&history.table, &how).check(&history.table)?;
            partition.purged(&history.table, &half).check(&history.table)?;
        }
        Ok(())
    });
}

#[test]
fn nothing_in_the_normal_form_is_deleted_by_it() {
    for_each_history_of(&everything(), histories_count(), |_, history| {
        for partition in partitions(history) {
            let merged = partition.merged(&history.table);
            let facts = merged.to_facts();
            for (index, fact) in facts.iter().enumerate() {
                let mut rest = facts.clone();
                rest.remove(index);
                if merge(&history.table, &rest) == merged {
                    return Err(format!("not needed: {fact:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_read_after_a_full_compaction_is_the_read_before() {
    for_each_history_of(&everything(), histories_count(), |_, history| {
        let how = Purge {
            strict_liveness: history.strict_liveness,
            ..Purge::new(history.now, history.gc_before(), &|_| true)
        };
        for partition in partitions(history) {
            let left = partition.purged(&history.table, &how);
            let after = read(&history.table, &left, history.now, history.strict_liveness);
            let before = partition.read(&history.table, history.now, history.strict_liveness);
            expect_equal("read", &before, &after)?;
        }
        Ok(())
    });
}

/// Compacts some of the sources, with the truth about what the others hold.
fn compact_some(history: &History, partition: &ModelPartition, rng: &mut Rng) -> LivePartition {
    let (some, others): (Vec<usize>, Vec<usize>) =
        partition.sources().into_iter().partition(|_| rng.one_in(2));
    let elsewhere: Vec<i64> =
        partition.writes.iter().filter(|w| others.contains(&w.source)).flat_map(timestamps).collect();
    let truth = |timestamp: i64| elsewhere.iter().all(|other| timestamp < *other);
    let how = Purge::new(history.now, history.gc_before(), &truth);
    let compacted: Partition =
        helenus_testkit::model::purge(&partition.merged_of(&history.table, &some), &how);
    let mut facts = compacted.to_facts();
    facts.extend(partition.merged_of(&history.table, &others).to_facts());
    read(&history.table, &merge(&history.table, &facts), history.now, false)
}

fn timestamps(write: &Write) -> Vec<i64> {
    use helenus_testkit::model::ColumnFact;
    match &write.fact {
        Fact::Partition(deletion) => vec![deletion.marked_for_delete_at],
        Fact::Range(slice) => vec![slice.deletion.marked_for_delete_at],
        Fact::Row(row) => {
            let columns = row.columns.iter().map(|fact| match fact {
                ColumnFact::Cell(_, cell) => cell.timestamp,
                ColumnFact::ComplexDeletion(_, deletion) => deletion.marked_for_delete_at,
            });
            let liveness = row.liveness.map(|liveness| liveness.timestamp);
            columns.chain(liveness).chain(row.deletion.map(|d| d.time.marked_for_delete_at)).collect()
        }
    }
}

#[test]
fn a_read_after_a_partial_compaction_is_the_read_before() {
    let profile = Profile { ttl: false, ..plain() };
    for_each_history_of(&profile, histories_count(), |seed, history| {
        let mut rng = Rng::new(seed);
        for partition in partitions(history) {
            let before = partition.read(&history.table, history.now, false);
            expect_equal("read", &before, &compact_some(history, &partition, &mut rng))?;
        }
        Ok(())
    });
}

/// An expired cell becomes a tombstone, which beats a cell of the same timestamp that expires
/// later: so with a time to live something may disappear (as in Cassandra), but nothing may come
/// back.
#[test]
fn a_partial_compaction_never_resurrects() {
    for_each_history_of(&plain(), histories_count(), |seed, history| {
        let mut rng = Rng::new(seed);
        for partition in partitions(history) {
            let before = lines(&partition.read(&history.table, history.now, false));
            let after = lines(&compact_some(history, &partition, &mut rng));
            let risen: Vec<&String> = after.difference(&before).collect();
            if !risen.is_empty() {
                return Err(format!("risen: {risen:?}"));
            }
        }
        Ok(())
    });
}

/// Every visible cell as a line.
fn lines(live: &LivePartition) -> BTreeSet<String> {
    use helenus_testkit::model::LiveColumn;
    let columns = |place: String, columns: &[(usize, LiveColumn)]| {
        let mut lines = Vec::new();
        for (index, column) in columns {
            match column {
                LiveColumn::Collection(cells) => {
                    lines.extend(cells.iter().map(|cell| format!("{place} {index} {cell:?}")));
                }
                other => lines.push(format!("{place} {index} {other:?}")),
            }
        }
        lines
    };
    let rows = live.rows.iter().flat_map(|row| {
        let place = format!("{:?}", row.clustering);
        let mut lines = columns(place.clone(), &row.columns);
        lines.push(place);
        lines
    });
    columns("static".to_owned(), &live.statics).into_iter().chain(rows).collect()
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..200 {
        assert_eq!(generate(&everything(), seed), generate(&everything(), seed));
    }
}

#[test]
fn histories_reach_every_corner() {
    let seen: RefCell<BTreeSet<String>> = RefCell::default();
    for_each_history_of(&everything(), 2000, |_, history| {
        let mut seen = seen.borrow_mut();
        seen.insert(format!("{} clustering columns", history.table.clustering.len()));
        seen.insert(format!("{} sources", history.sources()));
        for op in &history.ops {
            let text = format!("{:?}", op.action);
            seen.insert(text.chars().take_while(|c| c.is_alphabetic()).collect());
            if let Action::Upsert { columns, .. } = &op.action {
                let name = |op| format!("{op:?}").chars().take_while(|c| c.is_alphabetic()).collect();
                seen.extend(columns.iter().map(|(_, op)| name(op)));
            }
        }
        for partition in partitions(history) {
            let merged = partition.merged(&history.table);
            seen.extend(merged.markers().map(|marker| format!("marker kind {}", marker.kind())));
            let live = partition.read(&history.table, history.now, history.strict_liveness);
            if live.is_static_only() {
                seen.insert("static only".to_owned());
            }
            let how = Purge::new(history.now, history.gc_before(), &|_| true);
            if partition.purged(&history.table, &how) != merged {
                seen.insert("purged".to_owned());
            }
            if live.is_empty() && !merged.is_empty() {
                seen.insert("all dead".to_owned());
            }
        }
        Ok(())
    });
    let wanted = "0 clustering columns;3 clustering columns;1 sources;6 sources;Upsert;ExpireLiveness;DeleteRow;\
                  DeleteRange;DeletePartition;Set;Delete;Clear;Replace;Put;Remove;Count;marker kind 0;\
                  marker kind 1;marker kind 2;marker kind 5;marker kind 6;marker kind 7;static only;purged;all dead";
    for corner in wanted.split(';') {
        assert!(seen.borrow().contains(corner), "never seen: {corner}");
    }
}
