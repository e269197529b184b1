//! Comparisons: data is what it says, however it is spread over files; and each kind of difference
//! is found.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use helenus_io::RealDisk;
use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, ClusteringComparator, Column, Columns, DeletionTime, EncodingBase,
    Header, LivenessInfo, MarkerRef, PartitionRef, RowBuf, RowBuilder, Unfiltered, encode_clustering,
};
use helenus_sstable::{Descriptor, SsTableId, SsTableWriter, Version, WriterOptions};
use helenus_tools::{DiffSummary, Difference, Place, RowName, RowPart, ToolError, View, diff, find_tables};
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Type};

use crate::corpus::{disk, folder, sample, whole};

fn run(left: &[Descriptor], right: &[Descriptor], view: View) -> (DiffSummary, Vec<String>) {
    let mut lines = Vec::new();
    let done = diff(
        &disk(),
        left,
        right,
        view,
        &mut |difference| {
            lines.push(line(&difference));
            ControlFlow::Continue(())
        },
        &mut |_| ControlFlow::Continue(()),
    );
    (done.unwrap(), lines)
}

fn line(difference: &Difference) -> String {
    let Difference { partition, place, left, right } = difference;
    let place = match place {
        Place::Row(RowName::Static, part) => format!("static {}", part_text(part)),
        Place::Row(RowName::At(at), part) => format!("row {at} {}", part_text(part)),
        Place::RangeDeletion(from) => format!("range {from}"),
        other => format!("{other:?}"),
    };
    let side = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    format!("{}: {place}: {} | {}", side(partition), side(left), side(right))
}

fn part_text(part: &RowPart) -> String {
    match part {
        RowPart::Cell(column, None) => column.clone(),
        RowPart::Cell(column, Some(path)) => format!("{column}[{path}]"),
        other => format!("{other:?}"),
    }
}

/// A second long after the corpus was compacted, and before its long TTLs.
const NOW: u32 = 1_796_000_000;

#[test]
fn a_table_equals_itself() {
    for folder in sample().into_iter().chain(whole(&["da"])) {
        let tables = find_tables(&RealDisk, std::slice::from_ref(&folder)).unwrap();
        for view in [View::Exact, View::Expired(NOW), View::Live(NOW)] {
            let (summary, lines) = run(&tables, &tables, view);
            assert!(lines.is_empty(), "{}: {lines:#?}", folder.display());
            assert!(summary.partitions > 0 || view != View::Exact, "{}", folder.display());
        }
    }
}

#[test]
fn a_compaction_equals_its_inputs() {
    let mut pairs = 0;
    for folder in sample().into_iter().chain(whole(&["da"])) {
        let before = folder.join("before");
        let Ok(inputs) = find_tables(&RealDisk, std::slice::from_ref(&before)) else { continue };
        let output = find_tables(&RealDisk, std::slice::from_ref(&folder)).unwrap();
        pairs += 1;
        for view in [View::Expired(NOW), View::Live(NOW)] {
            let (_, lines) = run(&inputs, &output, view);
            assert!(lines.is_empty(), "{}: {lines:#?}", folder.display());
        }
    }
    println!("{pairs} compactions");
}

#[test]
fn generations_that_differ_are_told() {
    let tables = find_tables(&RealDisk, &[folder("da/soup")]).unwrap();
    let (summary, lines) = run(&tables, &tables[..5], View::Exact);
    assert_eq!(summary.differences, lines.len() as u64);
    assert!(!lines.is_empty());
    let mut stopped = 0;
    let summary = diff(
        &disk(),
        &tables,
        &tables[..5],
        View::Exact,
        &mut |_| {
            stopped += 1;
            if stopped == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
        &mut |_| ControlFlow::Continue(()),
    );
    let summary = summary.unwrap();
    assert_eq!((stopped, summary.differences, summary.is_stopped), (3, 3, true));
}

#[test]
fn other_tables_are_refused() {
    let one = find_tables(&RealDisk, &[folder("da/soup")]).unwrap();
    let other = find_tables(&RealDisk, &[folder("da/pk_int")]).unwrap();
    let error = diff(&disk(), &one, &other, View::Exact, &mut |_| ControlFlow::Continue(()), &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap_err();
    assert!(matches!(error, ToolError::Impossible { .. }), "{error}");
    assert!(error.to_string().contains("has other keys"), "{error}");
}

/// One partition `1` of `(pk int, ck int, v text, m map<int, text>, s int static)`, written step by
/// step.
struct Writing {
    writer: SsTableWriter,
    header: Arc<Header>,
    builder: RowBuilder,
}

fn header(min_ttl: u32) -> Arc<Header> {
    Arc::new(Header {
        base: EncodingBase { min_ttl, ..EncodingBase::EPOCH },
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(vec![Type::Int]),
        statics: Columns::new(vec![Column::new("s", Type::Int)]),
        regulars: Columns::new(vec![
            Column::new("v", Type::Text),
            Column::new("m", Type::map(Type::Int, Type::Text)),
        ]),
        capabilities: Capabilities::CURRENT,
    })
}

fn deleted(at: i64) -> DeletionTime {
    DeletionTime::new(Timestamp(at), LocalDeletionTime(1_700_000_000))
}

impl Writing {
    fn new(dir: &Path, id: u32, min_ttl: u32) -> Writing {
        let header = header(min_ttl);
        let target = Descriptor::new(dir, Version::DA, SsTableId::Sequence(id));
        let writer =
            SsTableWriter::new(&disk(), target, Arc::clone(&header), WriterOptions::default()).unwrap();
        Writing { writer, header, builder: RowBuilder::default() }
    }

    fn begin(&mut self, key: i32, deletion: DeletionTime) {
        let key = key.to_be_bytes();
        let partition = PartitionRef { token: Partitioner::murmur3_token(&key), key: &key, deletion };
        self.writer.start_partition(partition, None).unwrap();
    }

    /// A row with liveness, deletion, text and element, if they are given.
    fn row(&mut self, ck: i32, live: Option<i64>, deletion: DeletionTime, cells: &[(usize, Cell<'_>)]) {
        let header = Arc::clone(&self.header);
        let mut row = RowBuf::default();
        encode_clustering(header.clustering.types(), &[Some(&ck.to_be_bytes())], &mut row.clustering);
        let liveness = live.map_or(LivenessInfo::EMPTY, |at| LivenessInfo::new(Timestamp(at)));
        self.builder.start(liveness, deletion, false);
        let mut complex = false;
        for (column, cell) in cells {
            if *column == 0 {
                self.builder.simple(&header, &header.regulars, 0, cell);
            } else {
                if !complex {
                    self.builder.complex(1, DeletionTime::LIVE);
                    complex = true;
                }
                self.builder.element(&header, cell);
            }
        }
        self.builder.finish(&header, false, &mut row);
        self.writer.append(Unfiltered::Row(row.as_ref(&header))).unwrap();
    }

    fn marker(&mut self, kind: BoundKind, ck: i32, close: DeletionTime, open: DeletionTime) {
        let mut values = Vec::new();
        encode_clustering(self.header.clustering.types(), &[Some(&ck.to_be_bytes())], &mut values);
        let bound = Bound { kind, size: 1, values: &values };
        self.writer.append(Unfiltered::Marker(MarkerRef { bound, close, open })).unwrap();
    }

    fn end(mut self) -> Descriptor {
        self.writer.end_partition().unwrap();
        self.writer.finish().unwrap().unwrap().descriptor
    }
}

fn text(at: i64, value: &str) -> Cell<'_> {
    Cell::live(Timestamp(at), value.as_bytes())
}

/// Writes both sides of one partition and compares them.
#[track_caller]
fn check(left: impl Fn(&mut Writing), right: impl Fn(&mut Writing), expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let mut sides = Vec::new();
    for (id, fill) in [(1, &left as &dyn Fn(&mut Writing)), (2, &right)] {
        // Other bases: the same rows are other bytes.
        let mut writing = Writing::new(dir.path(), id, id);
        fill(&mut writing);
        sides.push(writing.end());
    }
    let (_, lines) = run(&sides[..1], &sides[1..], View::Exact);
    assert_eq!(lines, expected);
}

const LIVE: DeletionTime = DeletionTime::LIVE;

#[test]
fn each_part_of_a_row_is_compared() {
    let row = |live, deletion, cells: &'static [(usize, &'static str, i64)]| {
        move |writing: &mut Writing| {
            writing.begin(1, LIVE);
            let path = 7_i32.to_be_bytes();
            let cell = |&(column, value, at): &(usize, &'static str, i64)| match column {
                0 => (0, text(at, value)),
                _ => (1, text(at, value).at_path(&path)),
            };
            let cells: Vec<_> = cells.iter().map(cell).collect();
            writing.row(5, live, deletion, &cells);
        }
    };
    check(row(Some(10), LIVE, &[(0, "a", 10)]), row(Some(10), LIVE, &[(0, "a", 10)]), &[]);
    check(
        row(Some(10), LIVE, &[(0, "a", 10)]),
        row(Some(11), LIVE, &[(0, "a", 10)]),
        &["1: row 5 Liveness: written at 10 | written at 11"],
    );
    check(
        row(Some(10), LIVE, &[(0, "a", 10)]),
        row(Some(10), LIVE, &[(0, "b", 10), (1, "x", 3)]),
        &["1: row 5 v: \"a\" at 10 | \"b\" at 10", "1: row 5 m[7]: - | \"x\" at 3"],
    );
    check(
        row(None, deleted(9), &[(0, "a", 10)]),
        row(None, LIVE, &[(0, "a", 12)]),
        &[
            "1: row 5 Deletion: deleted at 9, in second 1700000000 | -",
            "1: row 5 v: \"a\" at 10 | \"a\" at 12",
        ],
    );
    // A cell that the row's own deletion covers is not there.
    check(row(None, deleted(9), &[(0, "a", 8)]), row(None, deleted(9), &[]), &[]);
}

#[test]
fn partitions_and_rows_of_one_side() {
    let rows = |keys: &'static [i32], cks: &'static [i32]| {
        move |writing: &mut Writing| {
            for (index, key) in keys.iter().enumerate() {
                if index > 0 {
                    writing.writer.end_partition().unwrap();
                }
                writing.begin(*key, LIVE);
                for ck in cks {
                    writing.row(*ck, Some(10), LIVE, &[]);
                }
            }
        }
    };
    check(
        rows(&[1], &[1, 2, 4]),
        rows(&[1], &[2, 3]),
        &["1: row 1 Whole: a row | -", "1: row 3 Whole: - | a row", "1: row 4 Whole: a row | -"],
    );
    // In the order of tokens 1 comes before 0.
    check(rows(&[1], &[1]), rows(&[1, 0], &[1]), &["0: Partition: - | a partition"]);
    check(
        |writing| writing.begin(1, deleted(9)),
        |writing| {
            writing.begin(1, deleted(8));
            writing.row(1, Some(9), LIVE, &[]);
        },
        &[
            "1: PartitionDeletion: deleted at 9, in second 1700000000 | deleted at 8, in second 1700000000",
            "1: row 1 Whole: - | a row",
        ],
    );
}

#[test]
fn range_deletions_are_compared_by_what_they_cover() {
    use BoundKind::{ExclEndInclStart, ExclStart, InclEnd, InclEndExclStart, InclStart};
    let whole = |writing: &mut Writing| {
        writing.begin(1, LIVE);
        writing.marker(InclStart, 1, LIVE, deleted(9));
        writing.row(4, Some(10), LIVE, &[]);
        writing.marker(InclEnd, 8, deleted(9), LIVE);
    };
    // The same in two pieces, cut after 4.
    let cut = |writing: &mut Writing| {
        writing.begin(1, LIVE);
        writing.marker(InclStart, 1, LIVE, deleted(9));
        writing.row(4, Some(10), LIVE, &[]);
        writing.marker(InclEndExclStart, 4, deleted(9), deleted(9));
        writing.marker(InclEnd, 8, deleted(9), LIVE);
    };
    check(whole, cut, &[]);
    let shorter = |writing: &mut Writing| {
        writing.begin(1, LIVE);
        writing.marker(ExclStart, 1, LIVE, deleted(9));
        writing.row(4, Some(10), LIVE, &[]);
        writing.marker(ExclEndInclStart, 6, deleted(9), deleted(7));
        writing.marker(InclEnd, 8, deleted(7), LIVE);
    };
    let (nine, seven) = ("deleted at 9, in second 1700000000", "deleted at 7, in second 1700000000");
    check(
        whole,
        shorter,
        &[&format!("1: range before 1: {nine} | -"), &format!("1: range before 6: {nine} | {seven}")],
    );
    // A deletion that the partition's deletion already covers makes no difference.
    check(
        |writing| writing.begin(1, deleted(20)),
        |writing| {
            writing.begin(1, deleted(20));
            writing.marker(InclStart, 1, LIVE, deleted(9));
            writing.marker(InclEnd, 8, deleted(9), LIVE);
        },
        &[],
    );
}
