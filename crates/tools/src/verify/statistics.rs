//! Compares Statistics.db with the rows.

use std::cmp::Ordering;

use helenus_rows::{
    Bound, BoundKind, ClusteringComparator, Columns, Header, compare_names, encode_clustering,
};
use helenus_sstable::{
    Component, CoveredBound, CoveredClusterings, DataFile, EstimatedHistogram, Finding, KeyName, Severity,
    StatsCollector, StatsComponent, push_key_text,
};

use helenus_types::{Partitioner, Type};

use super::report::VerifyReport;

const ESTIMATES: &str = "nothing; estimates and reports are off";
const SKIPPED: &str = "rows and deletions, for reads that pass over the table because of it";
const DROPPED: &str = "the whole table, which compaction drops as expired while something in it lives";

/// Compares what is stored with what was gathered of all rows.
pub(super) fn compare(data: &DataFile, gathered: StatsCollector, report: &mut VerifyReport) {
    let (found, cardinality) = gathered.finish();
    let stored = data.stats();
    let version = data.descriptor().version;
    bounds(stored, &found, report);
    if !matches!(data.partitioner(), Partitioner::Local(_)) {
        clusterings(data, &found, report);
    }
    let mut cosmetic = |what: &str, is_equal: bool, expected: String, found: String| {
        if !is_equal {
            let expected = format!("{what} {expected}");
            report.add(Finding::new(Severity::Cosmetic, Component::Statistics, expected, found, ESTIMATES));
        }
    };
    let numbers = [
        ("rows", found.rows, stored.rows),
        ("columns set", found.columns_set, stored.columns_set),
        ("a lowest TTL of", u64::from(found.min_ttl), u64::from(stored.min_ttl)),
        ("a highest TTL of", u64::from(found.max_ttl), u64::from(stored.max_ttl)),
    ];
    for (what, found, stored) in numbers {
        cosmetic(what, found == stored, found.to_string(), stored.to_string());
    }
    let legacy = (found.has_legacy_counter_shards, stored.has_legacy_counter_shards);
    cosmetic("legacy counter shards:", legacy.0 == legacy.1, legacy.0.to_string(), legacy.1.to_string());
    if version.has_exact_histograms() {
        let another = || "another one".to_owned();
        let of_rows = || "of the rows".to_owned();
        let mut histogram = |what: &str, is_equal| cosmetic(what, is_equal, of_rows(), another());
        // Releases before 5.0 had other buckets.
        let same = |found: &EstimatedHistogram, stored: &EstimatedHistogram| {
            found == stored
                || (found.buckets().count() != stored.buckets().count() && found.count() == stored.count())
        };
        histogram("the histogram of partition sizes", same(&found.partition_sizes, &stored.partition_sizes));
        histogram("the histogram of cells", same(&found.cells_per_partition, &stored.cells_per_partition));
        let until_2038 = (!version.has_uint_deletion_time()).then(|| found.tombstone_drop_times.until_2038());
        let drop_times = until_2038.as_ref().unwrap_or(&found.tombstone_drop_times);
        histogram("the histogram of deletion times", *drop_times == stored.tombstone_drop_times);
        histogram("the cardinality", cardinality == data.statistics().compaction);
    }
}

/// Checks the columns that Statistics.db lists. Rows are read by their order, so Cassandra, which
/// sorts them first, takes one column's values for another's where they are not listed in its own
/// order. If no checksum covers the list, damage is searched too: an order that no program writes,
/// and classes of types that Cassandra doesn't have. One changed byte turns a known type into one
/// whose bytes mean nothing.
pub(super) fn columns(data: &DataFile, report: &mut VerifyReport) {
    let header = data.header();
    let is_checked = data.descriptor().version.has_metadata_checksum();
    let listed = &data.statistics().header;
    let lists = [(&header.statics, &listed.static_columns), (&header.regulars, &listed.regular_columns)];
    if !is_checked && !lists.iter().all(|(columns, listed)| is_an_order(columns, listed)) {
        let lost = "the meaning of the values: rows are read by the order of the columns";
        let found = "another order, or one of them twice";
        report.add(Finding::new(
            Severity::Damage,
            Component::Statistics,
            "columns in the order of their names",
            found,
            lost,
        ));
    } else if !header.is_canonical() {
        let lost =
            "nothing here; Cassandra mixes up the values of these columns, unless the table is written again";
        report.add(Finding::new(
            Severity::Cosmetic,
            Component::Statistics,
            "names of columns that begin outside ASCII before the others",
            "columns by the bytes of their names",
            lost,
        ));
    }
    if !is_checked {
        types(header, report);
    }
}

/// Whether some writer lists columns so: simple ones before complex ones, each in Cassandra's order
/// of names or, as ScyllaDB and earlier releases of ours, by their bytes.
fn is_an_order(columns: &Columns, listed: &[(Vec<u8>, String)]) -> bool {
    let names = || columns.as_slice().iter().map(|column| (column.complex, &*column.name));
    let is_ascending = |compare: fn(&str, &str) -> Ordering| {
        names().is_sorted_by(|one, next| one.0.cmp(&next.0).then_with(|| compare(one.1, next.1)).is_lt())
    };
    listed.iter().map(|(name, _)| &name[..]).eq(names().map(|(_, name)| name.as_bytes()))
        && (is_ascending(compare_names) || is_ascending(|one, next| one.cmp(next)))
}

/// Looks for types that Cassandra doesn't have.
fn types(header: &Header, report: &mut VerifyReport) {
    let columns = header.statics.as_slice().iter().chain(header.regulars.as_slice());
    let of_key = [("the key", &header.key_type)].into_iter();
    let of_clustering = header.clustering.types().iter().map(|ty| ("clustering columns", ty));
    let types = of_key.chain(of_clustering).chain(columns.map(|column| (&*column.name, &column.ty)));
    for (of, ty) in types {
        if let Some(class) = unknown_class(ty) {
            let expected = format!("a type of Cassandra's for {of}");
            let lost = "the meaning of the values, unless somebody installed the class";
            report.add(Finding::new(
                Severity::Cosmetic,
                Component::Statistics,
                expected,
                format!("{class:?}"),
                lost,
            ));
        }
    }
}

/// The first class in a type that is none of Cassandra's.
fn unknown_class(ty: &Type) -> Option<&str> {
    match ty {
        Type::Custom(class) => Some(class),
        Type::List { element, .. } | Type::Set { element, .. } | Type::Vector { element, .. } => {
            unknown_class(element)
        }
        Type::Map { entry, .. } => unknown_class(&entry.0).or_else(|| unknown_class(&entry.1)),
        Type::Tuple(types) | Type::Composite(types) => types.iter().find_map(unknown_class),
        Type::DynamicComposite(types) => types.iter().find_map(|(_, ty)| unknown_class(ty)),
        Type::Udt { definition, .. } => definition.fields.iter().find_map(|(_, ty)| unknown_class(ty)),
        Type::Reversed(base) => unknown_class(base),
        Type::PartitionerDefined { key_type, .. } => key_type.as_deref().and_then(unknown_class),
        _ => None,
    }
}

/// If a bound is too narrow, reads miss data; if it is too wide, nothing is lost.
fn bounds(stored: &StatsComponent, found: &StatsComponent, report: &mut VerifyReport) {
    let times = [
        ("a lowest timestamp of", found.min_timestamp.0, stored.min_timestamp.0, true, SKIPPED),
        ("a highest timestamp of", found.max_timestamp.0, stored.max_timestamp.0, false, SKIPPED),
        (
            "a lowest local deletion time of",
            i64::from(found.min_local_deletion_time.0),
            i64::from(stored.min_local_deletion_time.0),
            true,
            "deleted data, which comes back",
        ),
        (
            "a highest local deletion time of",
            i64::from(found.max_local_deletion_time.0),
            i64::from(stored.max_local_deletion_time.0),
            false,
            DROPPED,
        ),
    ];
    for (what, found, stored, is_least, lost) in times {
        let is_narrow = if is_least { stored > found } else { stored < found };
        let (severity, lost) =
            if is_narrow { (Severity::Hidden, lost) } else { (Severity::Cosmetic, ESTIMATES) };
        if stored != found {
            let expected = format!("{what} {found}");
            report.add(Finding::new(severity, Component::Statistics, expected, stored.to_string(), lost));
        }
    }
    let (has, says) = (found.has_partition_level_deletions, stored.has_partition_level_deletions);
    if has && !says {
        let lost = "partition deletions: what they delete comes back";
        let expected = "the mark of partition deletions";
        report.add(Finding::new(Severity::Hidden, Component::Statistics, expected, "none", lost));
    }
    if let (Some(stored), Some(found)) = (&stored.key_range, &found.key_range)
        && stored != found
    {
        let key_type = report.key_type.clone();
        let name = |key: &[u8]| KeyName { key_type: key_type.as_ref(), key }.to_string();
        let show = |(first, last): &(Vec<u8>, Vec<u8>)| format!("{} to {}", name(first), name(last));
        let expected = format!("keys from {}", show(found));
        report.add(Finding::new(Severity::Hidden, Component::Statistics, expected, show(stored), SKIPPED));
    }
}

fn clusterings(data: &DataFile, found: &StatsComponent, report: &mut VerifyReport) {
    let (stored, found) = (&data.stats().covered_clusterings, &found.covered_clusterings);
    if stored == found || found.is_nothing() && !data.descriptor().version.has_improved_min_max() {
        return;
    }
    let comparator = &data.header().clustering;
    let is_narrow = !found.is_nothing() && !covers(comparator, stored, found);
    if !is_narrow && !data.descriptor().version.has_improved_min_max() {
        return;
    }
    let (severity, lost) =
        if is_narrow { (Severity::Hidden, SKIPPED) } else { (Severity::Cosmetic, ESTIMATES) };
    let show = |covered| show(comparator, covered);
    let expected = format!("clusterings covered from {}", show(found));
    report.add(Finding::new(severity, Component::Statistics, expected, show(stored), lost));
}

/// Whether everything between the bounds of `inner` is between those of `outer`.
fn covers(comparator: &ClusteringComparator, outer: &CoveredClusterings, inner: &CoveredClusterings) -> bool {
    if outer.is_nothing() {
        return false;
    }
    let encoded = |bound: &CoveredBound| {
        let values: Vec<Option<&[u8]>> =
            bound.values.iter().take(comparator.len()).map(Option::as_deref).collect();
        let mut out = Vec::new();
        encode_clustering(comparator.types(), &values, &mut out);
        (values.len(), out)
    };
    let compare = |outer: &CoveredBound, inner: &CoveredBound, kinds: [BoundKind; 2]| {
        let [inclusive, exclusive] = kinds;
        let ((outer_size, outer_values), (inner_size, inner_values)) = (encoded(outer), encoded(inner));
        let kind = |bound: &CoveredBound| if bound.inclusive { inclusive } else { exclusive };
        let outer = Bound { kind: kind(outer), size: outer_size, values: &outer_values };
        let inner = Bound { kind: kind(inner), size: inner_size, values: &inner_values };
        comparator.compare(outer.position(), inner.position())
    };
    compare(&outer.start, &inner.start, [BoundKind::InclStart, BoundKind::ExclStart]).is_le()
        && compare(&outer.end, &inner.end, [BoundKind::InclEnd, BoundKind::ExclEnd]).is_ge()
}

fn show(comparator: &ClusteringComparator, covered: &CoveredClusterings) -> String {
    let value = |(value, ty): (&Option<Vec<u8>>, &Type)| match value {
        None => "null".to_owned(),
        Some(value) => {
            let mut text = String::new();
            push_key_text(ty.base(), value, &mut text);
            text
        }
    };
    let bound = |bound: &CoveredBound| {
        let values: Vec<String> = bound.values.iter().zip(comparator.types()).map(value).collect();
        let inclusive = if bound.inclusive { "included" } else { "excluded" };
        format!("({}) {inclusive}", values.join(", "))
    };
    format!("{} to {}", bound(&covered.start), bound(&covered.end))
}
