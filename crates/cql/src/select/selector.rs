//! What a SELECT selects, with its types, and its values of a row or a group (`SelectedColumn`).

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_cql_syntax::{ColumnMeta, Term};
use helenus_engine::RowView;
use helenus_rows::Cell;
use helenus_schema::TableDef;
use helenus_types::{DecodeError, Elements, ElementsWriter, Type, ValueError};

use crate::error::{CqlError, CqlResult, refuse};
use crate::execution::StatementRun;
use crate::functions::{Accumulator, AggregateKind, Function};
use crate::restrictions::ColumnPlace;
use crate::scope::{Scope, spec};
use crate::spec::ColumnSpec;
use crate::term::{self, Expr};
use crate::value::BoundValue;

/// One column of a result.
#[derive(Clone, Debug)]
pub(super) struct SelectedColumn {
    /// The name that it has without an alias.
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) node: SelectorNode,
}

/// How a value is made. Columns, values and aggregates are numbered in [`SelectorBuilder`].
#[derive(Clone, Debug)]
pub(super) enum SelectorNode {
    Column(usize),
    Meta(usize),
    Value(usize),
    Aggregate(usize),
    Call {
        function: Arc<Function>,
        arguments: Vec<SelectorNode>,
    },
    /// A collection, tuple or user type: of a map each key before its value.
    Elements {
        ty: Type,
        parts: Vec<SelectorNode>,
    },
    Field {
        of: Box<SelectorNode>,
        ty: Type,
        index: usize,
    },
    Element {
        of: Box<SelectorNode>,
        ty: Type,
        key: usize,
    },
    Slice {
        of: Box<SelectorNode>,
        ty: Type,
        from: Option<usize>,
        to: Option<usize>,
    },
}

/// A property of a column's cells.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) meta: ColumnMeta,
    pub(super) column: ColumnSpec,
    pub(super) place: ColumnPlace,
    pub(super) path: MetaPath,
    /// The value that the property is of.
    pub(super) of: SelectorNode,
    /// Whether the column has a cell for each element.
    pub(super) is_multi: bool,
    /// Whether the result is a list.
    pub(super) lists: bool,
}

/// Which of a column's cells.
#[derive(Clone, Debug)]
pub(super) enum MetaPath {
    Whole,
    Element(usize),
    Slice(Option<usize>, Option<usize>),
    Field(usize),
}

/// What a value is needed for.
#[derive(Clone, Debug)]
pub(super) enum ValueUse {
    Selected,
    /// As the key of an element of that column.
    Key(String),
    /// As the end of a slice of that column.
    SliceEnd(String),
}

/// What selectors have in common while they are made.
pub(super) struct SelectorBuilder<'s, 'c> {
    pub(super) scope: &'s mut Scope<'c>,
    pub(super) table: &'s TableDef,
    pub(super) columns: Vec<ColumnPlace>,
    pub(super) metas: Vec<Meta>,
    pub(super) values: Vec<(Expr, ValueUse)>,
    pub(super) aggregates: Vec<(AggregateKind, Option<SelectorNode>)>,
}

impl<'s, 'c> SelectorBuilder<'s, 'c> {
    pub(super) fn new(scope: &'s mut Scope<'c>, table: &'s TableDef) -> Self {
        let (columns, metas, values) = (Vec::new(), Vec::new(), Vec::new());
        Self { scope, table, columns, metas, values, aggregates: Vec::new() }
    }

    /// The number of a column.
    pub(super) fn column(&mut self, place: ColumnPlace) -> usize {
        if let Some(known) = self.columns.iter().position(|column| *column == place) {
            return known;
        }
        self.columns.push(place);
        self.columns.len() - 1
    }

    pub(super) fn meta(&mut self, meta: Meta) -> usize {
        self.metas.push(meta);
        self.metas.len() - 1
    }

    /// The number of a term's value.
    pub(super) fn value(&mut self, term: &Term, name: &str, ty: &Type, of: ValueUse) -> CqlResult<usize> {
        let receiver = spec(self.table, name, ty);
        let expr = term::prepare(self.scope, term, &receiver)?;
        self.values.push((expr, of));
        Ok(self.values.len() - 1)
    }

    pub(super) fn finish(self) -> Parts {
        let Self { columns, metas, values, aggregates, .. } = self;
        Parts { columns, metas, values, aggregates }
    }
}

/// What selectors have in common.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) columns: Vec<ColumnPlace>,
    pub(super) metas: Vec<Meta>,
    values: Vec<(Expr, ValueUse)>,
    pub(super) aggregates: Vec<(AggregateKind, Option<SelectorNode>)>,
}

/// A value that was made; null is none.
type CellValue = Option<Vec<u8>>;

/// Selectors in an execution.
pub(super) struct Evaluation<'p, 'e> {
    parts: &'p Parts,
    run: &'p StatementRun<'e>,
    values: Vec<BoundValue>,
}

/// The rows of a group so far.
#[derive(Debug)]
pub(super) struct Group {
    /// Columns and properties of the first row.
    first: Option<(Vec<CellValue>, Vec<CellValue>)>,
    accumulators: Vec<Box<dyn Accumulator>>,
}

/// What columns are read from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a, 'r> {
    Row(&'a RowView<'r>),
    Group(&'a Group),
    /// Nothing: for what doesn't depend on rows.
    Nothing,
}

impl Parts {
    /// Evaluates the values that don't depend on rows.
    pub(super) fn evaluation<'p, 'e>(&'p self, run: &'p StatementRun<'e>) -> CqlResult<Evaluation<'p, 'e>> {
        let mut values = Vec::with_capacity(self.values.len());
        for (expr, of) in &self.values {
            let value = expr.evaluate(run)?;
            match (of, &value) {
                (ValueUse::Key(name), BoundValue::Null) => {
                    return refuse(format!("Invalid null value for element selection on {name}"));
                }
                (ValueUse::Key(name), BoundValue::Unset) => {
                    return refuse(format!("Invalid unset value for element selection on {name}"));
                }
                (ValueUse::SliceEnd(name), BoundValue::Null) => {
                    return refuse(format!("Invalid null value for slice selection on {name}"));
                }
                // Cassandra takes it for the empty value that it looks like.
                (ValueUse::Selected, BoundValue::Unset) => values.push(BoundValue::Bytes(Vec::new())),
                _ => values.push(value),
            }
        }
        Ok(Evaluation { parts: self, run, values })
    }
}

fn damaged(error: DecodeError) -> CqlError {
    CqlError::invalid(error.to_string())
}

impl Evaluation<'_, '_> {
    /// A group without rows.
    pub(super) fn group(&self) -> Group {
        let accumulators = self.parts.aggregates.iter().map(|(kind, _)| kind.start()).collect();
        Group { first: None, accumulators }
    }

    /// Takes one more row into a group.
    pub(super) fn add(&self, group: &mut Group, row: &RowView<'_>) -> CqlResult<()> {
        let source = Source::Row(row);
        if group.first.is_none() {
            let columns =
                (0..self.parts.columns.len()).map(|index| self.value(&SelectorNode::Column(index), source));
            let metas =
                (0..self.parts.metas.len()).map(|index| self.value(&SelectorNode::Meta(index), source));
            group.first = Some((columns.collect::<CqlResult<_>>()?, metas.collect::<CqlResult<_>>()?));
        }
        for ((_, argument), accumulator) in self.parts.aggregates.iter().zip(&mut group.accumulators) {
            let value = match argument {
                Some(argument) => self.value(argument, source)?,
                None => None,
            };
            accumulator.add(value.as_deref())?;
        }
        Ok(())
    }

    /// Calls the functions whose arguments don't depend on rows, so that they fail even where there
    /// are none (`AbstractFunctionSelector`). Whether the node is such a value.
    pub(super) fn check_constants(&self, node: &SelectorNode) -> CqlResult<bool> {
        match node {
            SelectorNode::Value(_) => Ok(true),
            SelectorNode::Call { function, arguments } => {
                let mut is_constant = function.is_pure();
                for argument in arguments {
                    is_constant &= self.check_constants(argument)?;
                }
                if is_constant {
                    self.value(node, Source::Nothing)?;
                }
                Ok(is_constant)
            }
            _ => Ok(false),
        }
    }

    fn bytes(&self, value: usize) -> Option<&[u8]> {
        self.values.get(value).and_then(BoundValue::bytes)
    }

    /// The value of a node.
    pub(super) fn value(&self, node: &SelectorNode, source: Source<'_, '_>) -> CqlResult<CellValue> {
        match node {
            SelectorNode::Column(index) => self.column(*index, source),
            SelectorNode::Meta(index) => self.meta(*index, source),
            SelectorNode::Value(index) => Ok(self.bytes(*index).map(<[u8]>::to_vec)),
            SelectorNode::Aggregate(index) => {
                let accumulator = match source {
                    Source::Group(group) => group.accumulators.get(*index),
                    Source::Row(_) | Source::Nothing => None,
                };
                let Some(accumulator) = accumulator else { unreachable!("an aggregate is of a group") };
                let mut out = Vec::new();
                Ok(accumulator.result(&mut out)?.then_some(out))
            }
            SelectorNode::Call { function, arguments } => {
                let values = arguments.iter().map(|argument| self.value(argument, source));
                let values = values.collect::<CqlResult<Vec<_>>>()?;
                let values: Vec<_> = values.iter().map(Option::as_deref).collect();
                let mut out = Vec::new();
                Ok(function.call(self.run, &values, &mut out)?.then_some(out))
            }
            SelectorNode::Elements { ty, parts } => {
                let values = parts.iter().map(|part| self.value(part, source));
                collect(ty, values.collect::<CqlResult<_>>()?).map(Some)
            }
            SelectorNode::Field { of, ty, index } => {
                let Some(value) = self.value(of, source)? else { return Ok(None) };
                let field =
                    Elements::new(ty, &value).map_err(damaged)?.and_then(|mut fields| fields.nth(*index));
                Ok(field.transpose().map_err(damaged)?.flatten().map(<[u8]>::to_vec))
            }
            SelectorNode::Element { of, ty, key } => {
                let Some(value) = self.value(of, source)? else { return Ok(None) };
                element(ty, &value, self.bytes(*key).unwrap_or_default())
            }
            SelectorNode::Slice { of, ty, from, to } => {
                let Some(value) = self.value(of, source)? else { return Ok(None) };
                let end = |end: &Option<usize>| end.and_then(|end| self.bytes(end));
                slice(ty, &value, end(from), end(to))
            }
        }
    }

    fn column(&self, index: usize, source: Source<'_, '_>) -> CqlResult<CellValue> {
        match source {
            Source::Row(row) => {
                let Some(place) = self.parts.columns.get(index) else { return Ok(None) };
                let mut out = Vec::new();
                Ok(row.serialized(place.kind, place.index, &mut out)?.then_some(out))
            }
            Source::Group(group) => {
                Ok(group.first.as_ref().and_then(|(columns, _)| columns.get(index).cloned().flatten()))
            }
            Source::Nothing => Ok(None),
        }
    }

    fn meta(&self, index: usize, source: Source<'_, '_>) -> CqlResult<CellValue> {
        let Some(meta) = self.parts.metas.get(index) else { return Ok(None) };
        match source {
            Source::Row(row) => self.meta_of(meta, row),
            Source::Group(group) => {
                Ok(group.first.as_ref().and_then(|(_, metas)| metas.get(index).cloned().flatten()))
            }
            Source::Nothing => Ok(None),
        }
    }

    fn meta_of(&self, meta: &Meta, row: &RowView<'_>) -> CqlResult<CellValue> {
        let each = self.cells_of(meta, row)?;
        let known = each.iter().flatten().copied();
        if meta.meta == ColumnMeta::MaxWriteTime {
            return Ok(known.max().map(|micros| micros.to_be_bytes().to_vec()));
        }
        let bytes = |value: i64| match meta.meta {
            ColumnMeta::Ttl => i32::try_from(value).unwrap_or(i32::MAX).to_be_bytes().to_vec(),
            _ => value.to_be_bytes().to_vec(),
        };
        if !meta.lists {
            return Ok(each.first().copied().flatten().map(bytes));
        }
        if each.is_empty() {
            return Ok(None);
        }
        let mut out = i32::try_from(each.len()).unwrap_or(i32::MAX).to_be_bytes().to_vec();
        for value in each {
            match value.map(bytes) {
                Some(value) => {
                    out.extend_from_slice(&i32::try_from(value.len()).unwrap_or(i32::MAX).to_be_bytes());
                    out.extend_from_slice(&value);
                }
                None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
        Ok(Some(out))
    }

    /// The property of each of the cells; of a user type of each of its fields.
    fn cells_of(&self, meta: &Meta, row: &RowView<'_>) -> CqlResult<Vec<Option<i64>>> {
        let now = row.now_seconds();
        let read = |cell: &Cell<'_>| match meta.meta {
            ColumnMeta::Ttl => cell.remaining_ttl(now).map(i64::from),
            _ => Some(cell.timestamp.0),
        };
        if !meta.is_multi {
            // A part of a frozen value is written with it, if it is there at all.
            let part = self.value(&meta.of, Source::Row(row))?;
            let is_empty_slice = matches!(meta.path, MetaPath::Slice(..)) && part.as_deref() == Some(&[0; 4]);
            if part.is_none() || is_empty_slice {
                return Ok(Vec::new());
            }
            let cell = row.cell(meta.place.kind, meta.place.index)?;
            return Ok(cell.as_ref().map(read).into_iter().collect());
        }
        let mut each: Vec<(Vec<u8>, Option<i64>)> = Vec::new();
        let mut cells = row.elements(&*meta.column.name)?;
        while let Some((_, cell)) = cells.next()? {
            each.push((cell.path.to_vec(), read(&cell)));
        }
        let of_path = |each: Vec<(Vec<u8>, Option<i64>)>, path: &[u8]| {
            each.into_iter().filter(|(known, _)| known == path).map(|(_, value)| value).collect()
        };
        Ok(match &meta.path {
            MetaPath::Whole => match &meta.column.ty {
                Type::Udt { definition, .. } if !each.is_empty() => {
                    let fields = (0..definition.fields.len()).map(field_path);
                    let of_field = |path: [u8; 2]| each.iter().find(|(known, _)| *known == path);
                    fields.map(|path| of_field(path).and_then(|(_, value)| *value)).collect()
                }
                _ => each.into_iter().map(|(_, value)| value).collect(),
            },
            MetaPath::Field(index) => of_path(each, &field_path(*index)),
            MetaPath::Element(key) => of_path(each, self.bytes(*key).unwrap_or_default()),
            MetaPath::Slice(from, to) => {
                let end = |end: &Option<usize>| end.and_then(|end| self.bytes(end));
                let ty = key_type(&meta.column.ty);
                let inside = |path: &[u8]| is_between(&ty, path, end(from), end(to));
                each.into_iter().filter(|(path, _)| inside(path)).map(|(_, value)| value).collect()
            }
        })
    }
}

/// The path of a user type's field.
fn field_path(index: usize) -> [u8; 2] {
    u16::try_from(index).unwrap_or(u16::MAX).to_be_bytes()
}

fn key_type(ty: &Type) -> Type {
    ty.key().or_else(|| ty.element()).cloned().unwrap_or(Type::Blob)
}

fn is_between(ty: &Type, key: &[u8], from: Option<&[u8]>, to: Option<&[u8]>) -> bool {
    from.is_none_or(|from| ty.compare(key, from) != Ordering::Less)
        && to.is_none_or(|to| ty.compare(key, to) != Ordering::Greater)
}

/// The elements of a collection.
fn elements_of<'v>(ty: &Type, value: &'v [u8]) -> CqlResult<Vec<Option<&'v [u8]>>> {
    let elements = Elements::new(ty, value).map_err(damaged)?;
    elements.into_iter().flatten().map(|element| element.map_err(damaged)).collect()
}

/// The value of a map at a key, or a set's element.
fn element(ty: &Type, value: &[u8], key: &[u8]) -> CqlResult<CellValue> {
    let key_type = key_type(ty);
    let elements = elements_of(ty, value)?;
    let is_key = |element: &Option<&[u8]>| {
        element.is_some_and(|element| key_type.compare(element, key) == Ordering::Equal)
    };
    let found = if matches!(ty.base(), Type::Map { .. }) {
        let entries = elements.as_chunks::<2>().0;
        entries.iter().find(|[known, _]| is_key(known)).and_then(|[_, value]| *value)
    } else {
        elements.iter().find(|element| is_key(element)).copied().flatten()
    };
    Ok(found.map(<[u8]>::to_vec))
}

/// The part of a map or set between two keys, which are inside.
fn slice(ty: &Type, value: &[u8], from: Option<&[u8]>, to: Option<&[u8]>) -> CqlResult<CellValue> {
    let key_type = key_type(ty);
    let width = if matches!(ty.base(), Type::Map { .. }) { 2 } else { 1 };
    let elements = elements_of(ty, value)?;
    let inside = |entry: &&[Option<&[u8]>]| {
        entry.first().copied().flatten().is_some_and(|key| is_between(&key_type, key, from, to))
    };
    let kept: Vec<_> = elements.chunks_exact(width).filter(inside).flatten().copied().collect();
    if kept.is_empty() && ty.is_multi_cell() {
        return Ok(None);
    }
    write(ty, &kept).map(Some)
}

/// A value of elements: a set and a map in their order, each element once.
fn collect(ty: &Type, parts: Vec<CellValue>) -> CqlResult<Vec<u8>> {
    let parts: Vec<Option<&[u8]>> = parts.iter().map(Option::as_deref).collect();
    let width = match ty.base() {
        Type::Set { .. } => 1,
        Type::Map { .. } => 2,
        _ => return write(ty, &parts),
    };
    let key_type = key_type(ty);
    let key = |entry: &[Option<&[u8]>]| entry.first().copied().flatten().unwrap_or_default().to_vec();
    let mut entries: Vec<&[Option<&[u8]>]> = parts.chunks_exact(width).collect();
    entries.reverse();
    entries.sort_by(|a, b| key_type.compare(&key(a), &key(b)));
    entries.dedup_by(|a, b| key_type.compare(&key(a), &key(b)) == Ordering::Equal);
    write(ty, &entries.concat())
}

fn write(ty: &Type, parts: &[Option<&[u8]>]) -> CqlResult<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = ElementsWriter::new(ty.base(), &mut out)?;
    for part in parts {
        writer.push::<ValueError>(&mut out, |_, out| {
            out.extend_from_slice(part.unwrap_or_default());
            Ok(part.is_some())
        })?;
    }
    writer.finish(&mut out)?;
    Ok(out)
}
