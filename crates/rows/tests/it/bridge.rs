//! Between the model's partitions and the engine's streams.

use std::sync::Arc;

use helenus_rows::{
    Bound, BoundKind, Capabilities, Cell, CellEvent, ClusteringComparator, Column, Columns, CounterContext,
    DeletionTime, Direction, DroppedColumn, EncodingBase, Header, LivenessInfo, MarkerRef, PartitionRef,
    PositionKind, RowBuf, RowBuilder, RowRef, StreamError, Unfiltered, UnfilteredStream, encode_clustering,
};
use helenus_testkit::model;
use helenus_types::{LocalDeletionTime, Partitioner, Timestamp, Token, Type};

pub(crate) fn ty(kind: model::ModelType) -> Type {
    match kind {
        model::ModelType::Int => Type::Int,
        model::ModelType::BigInt => Type::BigInt,
        model::ModelType::Text => Type::Text,
        model::ModelType::Blob => Type::Blob,
        model::ModelType::TimeUuid => Type::TimeUuid,
    }
}

fn column_type(kind: model::ColumnKind) -> Type {
    match kind {
        model::ColumnKind::Simple(kind) => ty(kind),
        model::ColumnKind::List(element) => Type::list(ty(element)),
        model::ColumnKind::Set(element) => Type::set(ty(element)),
        model::ColumnKind::Map(key, value) => Type::map(ty(key), ty(value)),
        model::ColumnKind::Counter => Type::Counter,
    }
}

/// The header of a table with all its columns.
pub(crate) fn header(table: &model::ModelTable, base: EncodingBase) -> Arc<Header> {
    let columns = |columns: &[model::Column]| {
        Columns::new(columns.iter().map(|c| Column::new(c.name.clone(), column_type(c.kind))).collect())
    };
    let clustering = table.clustering.iter().map(|c| match c.descending {
        true => ty(c.kind).reversed(),
        false => ty(c.kind),
    });
    Arc::new(Header {
        base,
        key_type: Type::Int,
        partitioner: Partitioner::Murmur3,
        clustering: ClusteringComparator::new(clustering.collect()),
        statics: columns(&table.statics),
        regulars: columns(&table.regulars),
        capabilities: Capabilities::CURRENT,
    })
}

/// The same header without the columns that the partitions don't use.
pub(crate) fn narrowed(header: &Header, table: &model::ModelTable, partitions: &[Keyed]) -> Arc<Header> {
    let used = |row: &model::Row, i: usize| row.columns.iter().any(|(index, _)| *index == i);
    let keep = |columns: &[model::Column], used: &dyn Fn(usize) -> bool| {
        let kept = columns.iter().enumerate().filter(|(i, _)| used(*i));
        Columns::new(kept.map(|(_, c)| Column::new(c.name.clone(), column_type(c.kind))).collect())
    };
    let all = || partitions.iter().map(|(_, partition)| partition);
    Arc::new(Header {
        statics: keep(&table.statics, &|i| {
            all().filter_map(|p| p.static_row.as_ref()).any(|row| used(row, i))
        }),
        regulars: keep(&table.regulars, &|i| all().flat_map(|p| p.rows()).any(|row| used(row, i))),
        ..header.clone()
    })
}

pub(crate) fn dropped(table: &model::ModelTable) -> Vec<DroppedColumn> {
    let of = |columns: &[model::Column], is_static| {
        let record = |c: &model::Column| {
            Some(DroppedColumn {
                name: c.name.clone().into(),
                ty: column_type(c.kind),
                is_static,
                dropped_at: Timestamp(c.dropped_at?),
            })
        };
        columns.iter().filter_map(record).collect::<Vec<_>>()
    };
    [of(&table.statics, true), of(&table.regulars, false)].concat()
}

pub(crate) fn seconds(seconds: i64) -> LocalDeletionTime {
    u32::try_from(seconds).map_or(LocalDeletionTime::NONE, LocalDeletionTime)
}

fn from_seconds(seconds: LocalDeletionTime) -> i64 {
    if seconds == LocalDeletionTime::NONE { model::NO_DELETION_TIME } else { i64::from(seconds.0) }
}

pub(crate) fn deletion(deletion: Option<model::Deletion>) -> DeletionTime {
    deletion.map_or(DeletionTime::LIVE, |d| {
        DeletionTime::new(Timestamp(d.marked_for_delete_at), seconds(d.local_deletion_time))
    })
}

fn from_deletion(deletion: DeletionTime) -> Option<model::Deletion> {
    (!deletion.is_live()).then(|| model::Deletion {
        marked_for_delete_at: deletion.marked_for_delete_at.0,
        local_deletion_time: from_seconds(deletion.local_deletion_time),
    })
}

/// A partition of the model with its key.
pub(crate) type Keyed = (Vec<u8>, model::Partition);

/// A stream over partitions that are held in memory, encoded.
pub(crate) struct VecStream {
    header: Arc<Header>,
    direction: Direction,
    partitions: Vec<Encoded>,
    partition: Option<usize>,
    unfiltered: Option<usize>,
}

struct Encoded {
    token: Token,
    key: Vec<u8>,
    deletion: DeletionTime,
    static_row: Option<RowBuf>,
    unfiltereds: Vec<EncodedUnfiltered>,
}

enum EncodedUnfiltered {
    Row(RowBuf),
    Marker { kind: BoundKind, size: usize, values: Vec<u8>, close: DeletionTime, open: DeletionTime },
}

impl VecStream {
    /// Encodes partitions of `table` under `header`, which may lack columns that are not used.
    /// Empty partitions are left out.
    pub(crate) fn new(
        header: Arc<Header>,
        table: &model::ModelTable,
        partitions: &[Keyed],
        direction: Direction,
    ) -> Self {
        let mut partitions: Vec<Encoded> = partitions
            .iter()
            .filter(|(_, partition)| !partition.is_empty())
            .map(|(key, partition)| encode_partition(&header, table, key, partition))
            .collect();
        partitions.sort_by(|a, b| (a.token, &a.key).cmp(&(b.token, &b.key)));
        if direction == Direction::Reverse {
            partitions.iter_mut().for_each(|partition| partition.unfiltereds.reverse());
        }
        Self { header, direction, partitions, partition: None, unfiltered: None }
    }

    /// The same stream, had all keys one token.
    pub(crate) fn with_one_token(mut self) -> Self {
        self.partitions.iter_mut().for_each(|partition| partition.token = Token(0));
        self.partitions.sort_by(|a, b| a.key.cmp(&b.key));
        self
    }

    fn here(&self) -> Option<&Encoded> {
        self.partitions.get(self.partition?)
    }
}

impl UnfilteredStream for VecStream {
    fn header(&self) -> &Arc<Header> {
        &self.header
    }

    fn direction(&self) -> Direction {
        self.direction
    }

    fn next_partition(&mut self) -> Result<bool, StreamError> {
        self.partition = Some(self.partition.map_or(0, |index| index + 1));
        self.unfiltered = None;
        Ok(self.here().is_some())
    }

    fn partition(&self) -> PartitionRef<'_> {
        match self.here() {
            Some(here) => PartitionRef { token: here.token, key: &here.key, deletion: here.deletion },
            None => PartitionRef { token: Token::MIN, key: &[], deletion: DeletionTime::LIVE },
        }
    }

    fn static_row(&self) -> Option<RowRef<'_>> {
        self.here()?.static_row.as_ref().map(|row| row.as_ref(&self.header))
    }

    fn advance(&mut self) -> Result<bool, StreamError> {
        self.unfiltered = Some(self.unfiltered.map_or(0, |index| index + 1));
        Ok(self.current().is_some())
    }

    fn current(&self) -> Option<Unfiltered<'_>> {
        Some(match self.here()?.unfiltereds.get(self.unfiltered?)? {
            EncodedUnfiltered::Row(row) => Unfiltered::Row(row.as_ref(&self.header)),
            EncodedUnfiltered::Marker { kind, size, values, close, open } => Unfiltered::Marker(MarkerRef {
                bound: Bound { kind: *kind, size: *size, values },
                close: *close,
                open: *open,
            }),
        })
    }
}

fn encode_partition(
    header: &Header,
    table: &model::ModelTable,
    key: &[u8],
    partition: &model::Partition,
) -> Encoded {
    let unfiltered = |unfiltered: &model::Unfiltered| match unfiltered {
        model::Unfiltered::Row(row) => EncodedUnfiltered::Row(encode_row(header, table, row, false)),
        model::Unfiltered::Marker(marker) => EncodedUnfiltered::Marker {
            kind: BoundKind::from_ordinal(marker.kind()).unwrap(),
            size: marker.bound.prefix.len(),
            values: encode_values(header, &marker.bound.prefix),
            close: deletion(marker.close),
            open: deletion(marker.open),
        },
    };
    Encoded {
        token: Partitioner::murmur3_token(key),
        key: key.to_vec(),
        deletion: deletion(partition.deletion),
        static_row: partition.static_row.as_ref().map(|row| encode_row(header, table, row, true)),
        unfiltereds: partition.unfiltereds.iter().map(unfiltered).collect(),
    }
}

pub(crate) fn encode_values(header: &Header, values: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let values: Vec<Option<&[u8]>> = values.iter().map(|value| Some(value.as_slice())).collect();
    encode_clustering(header.clustering.types(), &values, &mut out);
    out
}

pub(crate) fn encode_row(
    header: &Header,
    table: &model::ModelTable,
    row: &model::Row,
    is_static: bool,
) -> RowBuf {
    let mut out = RowBuf { clustering: encode_values(header, &row.clustering), ..RowBuf::default() };
    let mut builder = RowBuilder::default();
    let liveness = row.liveness.map_or(LivenessInfo::EMPTY, |l| {
        LivenessInfo::expiring(Timestamp(l.timestamp), l.ttl.cast_unsigned(), seconds(l.local_expiration))
    });
    let shadowable = row.deletion.is_some_and(|deletion| deletion.shadowable);
    builder.start(liveness, deletion(row.deletion.map(|deletion| deletion.time)), shadowable);
    let columns = header.columns(is_static);
    let names = if is_static { &table.statics } else { &table.regulars };
    for (index, data) in &row.columns {
        let column = columns.index_of(&names[*index].name).unwrap();
        match data {
            model::ColumnData::Simple(cell) => {
                let value = value_bytes(&cell.value);
                builder.simple(header, columns, column, &encode_cell(cell, &value));
            }
            model::ColumnData::Complex { deletion: complex, cells } => {
                builder.complex(column, deletion(*complex));
                for cell in cells {
                    let value = value_bytes(&cell.value);
                    builder.element(header, &encode_cell(cell, &value));
                }
            }
        }
    }
    builder.finish(header, is_static, &mut out);
    out
}

pub(crate) fn encode_cell<'a>(cell: &'a model::Cell, value: &'a [u8]) -> Cell<'a> {
    Cell {
        timestamp: Timestamp(cell.timestamp),
        ttl: cell.ttl.cast_unsigned(),
        local_deletion_time: seconds(cell.local_deletion_time),
        path: cell.path.as_deref().unwrap_or_default(),
        value,
    }
}

pub(crate) fn value_bytes(value: &model::Value) -> Vec<u8> {
    match value {
        model::Value::Bytes(bytes) => bytes.clone(),
        model::Value::Counter(context) => context.encode(),
    }
}

/// Reads a stream to its end, back into the model's form and clustering order.
pub(crate) fn collect(
    table: &model::ModelTable,
    stream: &mut impl UnfilteredStream,
) -> Result<Vec<Keyed>, StreamError> {
    let mut partitions = Vec::new();
    while stream.next_partition()? {
        let mut partition = model::Partition {
            deletion: from_deletion(stream.partition().deletion),
            static_row: stream.static_row().map(|row| decode_row(table, row)),
            unfiltereds: Vec::new(),
        };
        while stream.advance()? {
            partition.unfiltereds.push(match stream.current().unwrap() {
                Unfiltered::Row(row) => model::Unfiltered::Row(decode_row(table, row)),
                Unfiltered::Marker(marker) => {
                    model::Unfiltered::Marker(decode_marker(stream.header(), &marker))
                }
            });
        }
        assert!(stream.current().is_none(), "nothing is current at the end");
        if stream.direction() == Direction::Reverse {
            partition.unfiltereds.reverse();
        }
        partitions.push((stream.partition().key.to_vec(), partition));
    }
    assert!(!stream.next_partition()?, "the end stays the end");
    Ok(partitions)
}

pub(crate) fn decode_marker(header: &Header, marker: &MarkerRef<'_>) -> model::Marker {
    let side = match marker.bound.kind.side() {
        PositionKind::Before => model::Side::Before,
        PositionKind::Row => model::Side::At,
        PositionKind::After => model::Side::After,
    };
    let prefix = decode_values(header, marker.bound.values, marker.bound.size);
    let decoded = model::Marker {
        bound: model::Bound { prefix, side },
        close: from_deletion(marker.close),
        open: from_deletion(marker.open),
    };
    assert_eq!(decoded.kind(), marker.bound.kind as u8);
    decoded
}

fn decode_values(header: &Header, values: &[u8], size: usize) -> Vec<Vec<u8>> {
    header.clustering.components(values, size).map(|value| value.unwrap().to_vec()).collect()
}

pub(crate) fn decode_row(table: &model::ModelTable, row: RowRef<'_>) -> model::Row {
    let names = if row.is_static() { &table.statics } else { &table.regulars };
    let index_of = |column: usize| {
        let name = &row.columns().get(column).unwrap().name;
        names.iter().position(|c| *c.name == **name).unwrap()
    };
    let size = if row.is_static() { 0 } else { row.header.clustering.len() };
    let mut reader = row.cells().unwrap();
    let liveness = reader.liveness();
    let mut columns = Vec::new();
    while let Some(event) = reader.next().unwrap() {
        match event {
            CellEvent::Simple { column, cell } => {
                let index = index_of(column);
                let is_counter = names[index].kind == model::ColumnKind::Counter;
                columns.push((index, model::ColumnData::Simple(decode_cell(&cell, is_counter, false))));
            }
            CellEvent::Complex { column, deletion, .. } => {
                let deletion = from_deletion(deletion);
                columns.push((index_of(column), model::ColumnData::Complex { deletion, cells: Vec::new() }));
            }
            CellEvent::Element { cell, .. } => {
                let Some((_, model::ColumnData::Complex { cells, .. })) = columns.last_mut() else {
                    panic!("an element outside a complex column")
                };
                cells.push(decode_cell(&cell, false, true));
            }
        }
    }
    model::Row {
        clustering: decode_values(row.header, row.clustering, size),
        liveness: (!liveness.is_empty()).then(|| model::Liveness {
            timestamp: liveness.timestamp.0,
            ttl: liveness.ttl.cast_signed(),
            local_expiration: from_seconds(liveness.local_expiration_time),
        }),
        deletion: from_deletion(reader.deletion())
            .map(|time| model::RowDeletion { time, shadowable: reader.is_shadowable() }),
        columns,
    }
}

pub(crate) fn decode_cell(cell: &Cell<'_>, is_counter: bool, has_path: bool) -> model::Cell {
    let value = if is_counter && !cell.is_tombstone() {
        model::Value::Counter(decode_context(cell.value))
    } else {
        model::Value::Bytes(cell.value.to_vec())
    };
    model::Cell {
        timestamp: cell.timestamp.0,
        ttl: cell.ttl.cast_signed(),
        local_deletion_time: from_seconds(cell.local_deletion_time),
        value,
        path: has_path.then(|| cell.path.to_vec()),
    }
}

pub(crate) fn decode_context(value: &[u8]) -> model::CounterContext {
    let shard = |shard: helenus_rows::Shard| model::Shard {
        id: shard.id,
        clock: shard.clock,
        count: shard.count,
        kind: match shard.kind {
            helenus_rows::ShardKind::Remote => model::ShardKind::Remote,
            helenus_rows::ShardKind::Local => model::ShardKind::Local,
            helenus_rows::ShardKind::Global => model::ShardKind::Global,
        },
    };
    model::CounterContext { shards: CounterContext::parse(value).unwrap().shards().map(shard).collect() }
}

/// Partitions as text.
pub(crate) fn show(partitions: &[Keyed]) -> String {
    partitions.iter().map(|(key, partition)| format!("partition {key:02x?}\n{partition}")).collect()
}
