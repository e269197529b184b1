//! Compares two rows.

use std::cmp::Ordering;
use std::sync::Arc;

use helenus_rows::{
    Cell, CellEvent, ColumnMap, DeletionTime, EncodingBase, Header, LivenessInfo, RowBuf, RowError,
    RowMerger, RowRef,
};
use helenus_types::DecodeError;

use super::difference::RowPart;
use super::text;
use crate::error::ToolError;

/// A difference of two rows.
pub(super) struct Found {
    pub(super) part: RowPart,
    pub(super) left: Option<String>,
    pub(super) right: Option<String>,
}

/// Compares rows of one header, in buffers that it keeps.
pub(super) struct RowComparison {
    /// The same columns under other bases: no row passes to it without being normalised.
    normal: Arc<Header>,
    map: ColumnMap,
    merger: RowMerger,
    buffers: [RowBuf; 2],
}

/// A part of a row, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item<'a> {
    Liveness(LivenessInfo),
    /// With whether it is shadowable.
    Deletion(DeletionTime, bool),
    ComplexDeletion(usize, DeletionTime),
    Cell(usize, Cell<'a>),
}

impl RowComparison {
    pub(super) fn new(header: &Arc<Header>) -> RowComparison {
        let base = EncodingBase { min_ttl: header.base.min_ttl.wrapping_add(1), ..header.base };
        let normal = Arc::new(Header { base, ..Header::clone(header) });
        RowComparison {
            map: ColumnMap::new(header, &normal, &[]),
            normal,
            merger: RowMerger::default(),
            buffers: [RowBuf::default(), RowBuf::default()],
        }
    }

    /// The differences of two rows of one place, of which one may be missing.
    pub(super) fn compare(&mut self, rows: [Option<RowRef<'_>>; 2]) -> Result<Vec<Found>, ToolError> {
        if let [Some(left), Some(right)] = rows
            && (left.flags, left.extended, left.body) == (right.flags, right.extended, right.body)
        {
            return Ok(Vec::new());
        }
        let clustering = rows.into_iter().flatten().next().map_or(&[][..], |row| row.clustering);
        let compared = self.compare_normal(rows);
        compared
            .map_err(|error| ToolError::Stream(RowError::new(&self.normal, &[], clustering, error).into()))
    }

    /// Compares what is left of both when each one's deletions were applied to its own cells.
    fn compare_normal(&mut self, rows: [Option<RowRef<'_>>; 2]) -> Result<Vec<Found>, DecodeError> {
        let mut is_left = [false; 2];
        for ((row, buffer), is_left) in rows.into_iter().zip(&mut self.buffers).zip(&mut is_left) {
            if let Some(row) = row {
                *is_left = self.merger.transcode(row, &self.map, &self.normal, buffer)?;
            }
        }
        let [left, right] = &self.buffers;
        match is_left {
            [false, false] => Ok(Vec::new()),
            [true, true] => self.compare_items(left.as_ref(&self.normal), right.as_ref(&self.normal)),
            [there, _] => {
                let what = Some("a row".to_owned());
                let (left, right) = if there { (what, None) } else { (None, what) };
                Ok(vec![Found { part: RowPart::Whole, left, right }])
            }
        }
    }

    fn compare_items(&self, left: RowRef<'_>, right: RowRef<'_>) -> Result<Vec<Found>, DecodeError> {
        let (lefts, rights) = (items(left)?, items(right)?);
        let (mut lefts, mut rights) = (lefts.as_slice(), rights.as_slice());
        let mut found = Vec::new();
        loop {
            let order = match (lefts.first(), rights.first()) {
                (None, None) => return Ok(found),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => self.order(left, one, other),
            };
            let one = if order == Ordering::Greater { None } else { take(&mut lefts) };
            let other = if order == Ordering::Less { None } else { take(&mut rights) };
            if one != other {
                let Some(item) = one.or(other) else { return Ok(found) };
                let text = |item: Option<Item<'_>>| item.and_then(|item| self.text(left, item));
                found.push(Found { part: self.part(left, item), left: text(one), right: text(other) });
            }
        }
    }

    fn order(&self, row: RowRef<'_>, one: &Item<'_>, other: &Item<'_>) -> Ordering {
        place(one).cmp(&place(other)).then_with(|| match (one, other) {
            (Item::Cell(column, one), Item::Cell(_, other)) => {
                let path_type = row.columns().get(*column).and_then(|column| column.path_type.as_ref());
                path_type.map_or(Ordering::Equal, |ty| ty.compare(one.path, other.path))
            }
            _ => Ordering::Equal,
        })
    }

    fn part(&self, row: RowRef<'_>, item: Item<'_>) -> RowPart {
        let column = |column| row.columns().get(column);
        let name = |index| column(index).map_or_else(String::new, |column| column.name.to_string());
        match item {
            Item::Liveness(_) => RowPart::Liveness,
            Item::Deletion(..) => RowPart::Deletion,
            Item::ComplexDeletion(index, _) => RowPart::ComplexDeletion(name(index)),
            Item::Cell(index, cell) => {
                RowPart::Cell(name(index), column(index).and_then(|column| text::path(column, cell.path)))
            }
        }
    }

    fn text(&self, row: RowRef<'_>, item: Item<'_>) -> Option<String> {
        match item {
            Item::Liveness(liveness) => Some(text::liveness(liveness)),
            Item::Deletion(deletion, is_shadowable) => {
                let kind = if is_shadowable { "shadowable, " } else { "" };
                text::deletion(deletion).map(|text| format!("{kind}{text}"))
            }
            Item::ComplexDeletion(_, deletion) => text::deletion(deletion),
            Item::Cell(index, cell) => Some(text::cell(row.columns().get(index), &cell)),
        }
    }
}

fn take<'a>(items: &mut &[Item<'a>]) -> Option<Item<'a>> {
    let (&item, rest) = items.split_first()?;
    *items = rest;
    Some(item)
}

/// The place of an item among others, without its path.
fn place(item: &Item<'_>) -> (usize, usize) {
    match item {
        Item::Liveness(_) => (0, 0),
        Item::Deletion(..) => (0, 1),
        Item::ComplexDeletion(column, _) => (column + 1, 0),
        Item::Cell(column, _) => (column + 1, 1),
    }
}

fn items(row: RowRef<'_>) -> Result<Vec<Item<'_>>, DecodeError> {
    let mut cells = row.cells()?;
    let mut items = Vec::new();
    if !cells.liveness().is_empty() {
        items.push(Item::Liveness(cells.liveness()));
    }
    if !cells.deletion().is_live() {
        items.push(Item::Deletion(cells.deletion(), cells.is_shadowable()));
    }
    while let Some(event) = cells.next()? {
        match event {
            CellEvent::Complex { column, deletion, .. } if !deletion.is_live() => {
                items.push(Item::ComplexDeletion(column, deletion));
            }
            CellEvent::Complex { .. } => {}
            CellEvent::Simple { column, cell } | CellEvent::Element { column, cell } => {
                items.push(Item::Cell(column, cell));
            }
        }
    }
    Ok(items)
}
